package differential

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"llmroute/internal/envoy/envoytest"
)

// answeredBy is the response header in which Envoy names the rule that it took.
const answeredBy = "x-answered-by"

// ruleName is how both sides name a rule.
func ruleName(namespace, route string, rule int) string {
	return fmt.Sprintf("%s/%s/%d", namespace, route, rule)
}

// startEnvoy runs one Envoy with a listener per table, and returns the
// listeners' addresses.
//
// The listeners come from a file in protobuf's own format: as YAML in the
// bootstrap the same tables take Envoy tens of seconds to read.
func startEnvoy(t *testing.T, tables []*routev3.RouteConfiguration) (addresses []string) {
	t.Helper()
	listeners := &discoveryv3.DiscoveryResponse{VersionInfo: "1"}
	for i, table := range tables {
		listeners.Resources = append(listeners.Resources, pack(listener(strconv.Itoa(i), table)))
	}
	bytes, err := proto.Marshal(listeners)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "listeners.pb")
	if err := os.WriteFile(file, bytes, 0o600); err != nil {
		t.Fatal(err)
	}
	envoy := envoytest.Start(t, fmt.Sprintf(`
node: {id: differential, cluster: test}
dynamic_resources: {lds_config: {path_config_source: {path: %q}, resource_api_version: V3}}
`, file))
	for i := range tables {
		addresses = append(addresses, envoy.Address(t, strconv.Itoa(i)))
	}
	return addresses
}

// pack wraps m, which the types of this file make valid.
func pack(m proto.Message) *anypb.Any {
	packed, err := anypb.New(m)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return packed
}

func listener(name string, table *routev3.RouteConfiguration) *listenerv3.Listener {
	manager := &hcmv3.HttpConnectionManager{
		StatPrefix:     "http",
		RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: table},
		HttpFilters: []*hcmv3.HttpFilter{{
			Name:       "envoy.filters.http.router",
			ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(&routerv3.Router{})},
		}},
	}
	return &listenerv3.Listener{
		Name: name,
		Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address:       "127.0.0.1",
			PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 0},
		}}},
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name:       "envoy.filters.network.http_connection_manager",
			ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: pack(manager)},
		}}}},
	}
}

// routeTable makes Envoy's route table of HTTPRoutes. Envoy looks into one
// virtual host only, the most specific for the request's host, and takes the
// first route there that matches. So each hostname's virtual host holds what
// the hostname's own routes say and what those of all less specific ones say.
func routeTable(routes []*gatewayv1.HTTPRoute, by []criterion) *routev3.RouteConfiguration {
	return tableOf(routes, by, func(string, *entry) bool { return true })
}

// tableOf is routeTable with those entries of a domain that keep leaves.
func tableOf(routes []*gatewayv1.HTTPRoute, by []criterion, keep func(domain string, e *entry) bool) *routev3.RouteConfiguration {
	table := &routev3.RouteConfiguration{
		// "Implementations MUST ignore any port value specified in the HTTP Host header."
		IgnorePortInHostMatching: true,
	}
	for i, domain := range domains(routes) {
		entries := competing(routes, domain)
		order(entries, by)
		host := &routev3.VirtualHost{Name: strconv.Itoa(i), Domains: []string{domain}}
		for _, e := range entries {
			if keep(domain, e) {
				host.Routes = append(host.Routes, envoyRoute(e))
			}
		}
		table.VirtualHosts = append(table.VirtualHosts, host)
	}
	return table
}

// domains returns the hostnames that any of the routes has; "*" stands for none.
func domains(routes []*gatewayv1.HTTPRoute) []string {
	var all []string
	for _, r := range routes {
		if len(r.Spec.Hostnames) == 0 {
			all = append(all, "*")
		}
		for _, h := range r.Spec.Hostnames {
			all = append(all, string(h))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// competing returns every match that a request may meet whose most specific
// virtual host is that of domain.
func competing(routes []*gatewayv1.HTTPRoute, domain string) []*entry {
	var entries []*entry
	for place, r := range routes {
		hostname, ok := hostnameFor(r, domain)
		if !ok {
			continue
		}
		for i := range r.Spec.Rules {
			matches := r.Spec.Rules[i].Matches
			if len(matches) == 0 { // "the default is a prefix path match on "/""
				matches = []gatewayv1.HTTPRouteMatch{{}}
			}
			for j := range matches {
				entries = append(entries, &entry{
					route: r, place: place, hostname: hostname, rule: i, match: j, HTTPRouteMatch: matches[j],
				})
			}
		}
	}
	return entries
}

// hostnameFor returns the route's most specific hostname among those that every
// host of domain has. "`*.example.com` would match both `test.example.com`, and
// `foo.test.example.com`, but not `example.com`."
func hostnameFor(r *gatewayv1.HTTPRoute, domain string) (best string, ok bool) {
	if len(r.Spec.Hostnames) == 0 {
		return "", true
	}
	for _, h := range r.Spec.Hostnames {
		hostname := string(h)
		if hostname == domain {
			return hostname, true // nothing is more specific
		}
		suffix, wildcard := strings.CutPrefix(hostname, "*")
		if wildcard && strings.HasSuffix(strings.TrimPrefix(domain, "*"), suffix) && len(hostname) > len(best) {
			best, ok = hostname, true
		}
	}
	return best, ok
}

// envoyRoute makes one route that answers by itself, with the rule's name.
func envoyRoute(e *entry) *routev3.Route {
	match := &routev3.RouteMatch{}
	switch prefix := prefixOf(&e.HTTPRouteMatch); {
	case e.exact():
		match.PathSpecifier = &routev3.RouteMatch_Path{Path: *e.Path.Value}
	case prefix == "/":
		match.PathSpecifier = &routev3.RouteMatch_Prefix{Prefix: prefix}
	default:
		match.PathSpecifier = &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: prefix}
	}
	if e.Method != nil {
		match.Headers = append(match.Headers, header(":method", exactly(string(*e.Method))))
	}
	for _, h := range countingHeaders(e.Headers) {
		// Of a repeated header, which the Gateway API leaves to the implementation,
		// Envoy compares each value, and the emulation does so too. Envoy 1.38 still
		// compared all of them at once, joined by commas.
		match.Headers = append(match.Headers, header(string(h.Name), exactly(h.Value)))
	}
	for _, q := range e.QueryParams {
		match.QueryParameters = append(match.QueryParameters, &routev3.QueryParameterMatcher{
			Name:                         string(q.Name),
			QueryParameterMatchSpecifier: &routev3.QueryParameterMatcher_StringMatch{StringMatch: encoded(q.Value)},
		})
	}
	return &routev3.Route{
		Match:  match,
		Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 200}},
		ResponseHeadersToAdd: []*corev3.HeaderValueOption{{Header: &corev3.HeaderValue{
			Key: answeredBy, Value: ruleName(e.route.Namespace, e.route.Name, e.rule),
		}}},
	}
}

func header(name string, want *matcherv3.StringMatcher) *routev3.HeaderMatcher {
	return &routev3.HeaderMatcher{
		Name:                 name,
		HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: want},
	}
}

func exactly(value string) *matcherv3.StringMatcher {
	return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: value}}
}

// encoded matches a query parameter's value in any percent-encoding. The Gateway
// API points to RFC 7230, section 2.7.3, by which encoded and plain characters
// are equivalent; Envoy compares what is on the wire. Its names it can only
// compare so, hence no request encodes one.
func encoded(value string) *matcherv3.StringMatcher {
	var either strings.Builder
	for i := range len(value) {
		fmt.Fprintf(&either, "(?:%s|(?i:%%%02x))", regexp.QuoteMeta(value[i:i+1]), value[i])
	}
	return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{
		SafeRegex: &matcherv3.RegexMatcher{Regex: either.String()},
	}}
}
