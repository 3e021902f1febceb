package router

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"llmroute/router/config"
)

// choice is a match that a request meets, as the plain reading of the Gateway
// API sees it: no index, no order known beforehand.
type choice struct {
	hostname string
	match    *config.Match
	route    *config.Route
	order    int // of the route
	rule     int
	index    int
}

// slowly decides by looking at every match of every route.
func slowly(c *config.Config, a *Ask) string {
	var best *choice
	for order, r := range c.Routes {
		hostname, ok := slowHost(r.Hostnames, a.Host)
		if !ok {
			continue
		}
		for i := range r.Rules {
			matches := r.Rules[i].Matches
			if len(matches) == 0 {
				matches = []config.Match{{}}
			}
			for j := range matches {
				next := &choice{hostname, &matches[j], r, order, i, j}
				if slowMatch(next.match, a) && (best == nil || next.beats(best)) {
					best = next
				}
			}
		}
	}
	if best == nil {
		return ""
	}
	return fmt.Sprintf("%s/%d", best.route.Name, best.rule)
}

// slowHost returns the most specific of a route's hostnames that match.
func slowHost(hostnames []string, host string) (string, bool) {
	if len(hostnames) == 0 {
		return "", true
	}
	host = strings.ToLower(host)
	if u, err := url.Parse("http://" + host); err == nil {
		host = u.Hostname()
	}
	best, found := "", false
	for _, h := range hostnames {
		domain, wild := strings.CutPrefix(h, "*.")
		labels, ok := strings.CutSuffix(host, "."+domain)
		if (!wild && h != host) || (wild && (!ok || labels == "")) {
			continue
		}
		if !found || moreSpecific(h, best) {
			best, found = h, true
		}
	}
	return best, found
}

func moreSpecific(a, b string) bool {
	if x, y := strings.HasPrefix(a, "*") || a == "", strings.HasPrefix(b, "*") || b == ""; x != y {
		return y
	}
	return len(a) > len(b)
}

func slowMatch(m *config.Match, a *Ask) bool {
	switch want := m.Path.Value; {
	case m.Path.Exact:
		if a.Path != want {
			return false
		}
	default:
		have, want := strings.Split(a.Path, "/"), strings.Split(strings.TrimRight(want, "/"), "/")
		if len(have) < len(want) || !slices.Equal(have[:len(want)], want) {
			return false
		}
	}
	if m.Method != "" && m.Method != a.Method {
		return false
	}
	for _, h := range m.Headers {
		var ok bool
		switch {
		case h.Name == "x-envoy-ai-gateway-llm-model":
			ok = a.Model != "" && a.Model == h.Value
		case h.Name == "x-envoy-ai-gateway-llm-stream":
			ok = strconv.FormatBool(a.Stream) == h.Value
		case strings.HasPrefix(h.Name, "x-envoy-ai-gateway-"):
		default:
			ok = a.Headers.Has(h.Name, h.Value)
		}
		if !ok {
			return false
		}
	}
	sent, _ := url.ParseQuery(a.Query)
	for _, q := range m.Query {
		if values := sent[q.Name]; len(values) == 0 || values[0] != q.Value {
			return false
		}
	}
	return true
}

// beats compares clause by clause, in the words of the API's documentation.
func (x *choice) beats(y *choice) bool {
	if x.hostname != y.hostname {
		return moreSpecific(x.hostname, y.hostname)
	}
	if x.match.Path.Exact != y.match.Path.Exact {
		return x.match.Path.Exact
	}
	if p, q := strings.TrimRight(x.match.Path.Value, "/"), strings.TrimRight(y.match.Path.Value, "/"); len(p) != len(q) {
		return len(p) > len(q)
	}
	if p, q := x.match.Method != "", y.match.Method != ""; p != q {
		return p
	}
	if p, q := len(x.match.Headers), len(y.match.Headers); p != q {
		return p > q
	}
	if p, q := len(x.match.Query), len(y.match.Query); p != q {
		return p > q
	}
	if x.order != y.order {
		if p, q := x.route.Created, y.route.Created; !p.Equal(q) {
			return q.IsZero() || (!p.IsZero() && p.Before(q))
		}
		p, q := x.route.Namespace+"/"+x.route.Name, y.route.Namespace+"/"+y.route.Name
		if p != q && !x.route.Created.IsZero() {
			return p < q
		}
		return x.order < y.order
	}
	if x.rule != y.rule {
		return x.rule < y.rule
	}
	return x.index < y.index
}

// Few values, so that conditions are met and ties happen.
var (
	someHostname = rapid.SampledFrom([]string{"x", "a.x", "b.a.x", "*.x", "*.a.x", "*.b.a.x"})
	someHost     = rapid.SampledFrom([]string{"", "x", "a.x", "A.X:80", "b.a.x", "c.b.a.x", "c.x", "ax", ".x", "y"})
	somePath     = rapid.SampledFrom([]string{"/", "/v1", "/v1/chat", "/v1/chat/completions", "/v2"})
	askedPath    = rapid.SampledFrom([]string{"/", "/v1", "/v1/", "/v1/chat", "/v1/chat/completions", "/v1/chats", "/v1//chat", "/v10"})
	someMethod   = rapid.SampledFrom([]string{"GET", "POST"})
	someValue    = rapid.SampledFrom([]string{"1", "2", "a b"})
	someModel    = rapid.SampledFrom([]string{"m", "n", "o"})
	someHeader   = rapid.SampledFrom([]string{"x-a", "x-b", headerModel, headerModel, headerStream, "x-envoy-ai-gateway-x"})
	someQuery    = rapid.SampledFrom([]string{"q", "r"})
	someTime     = rapid.SampledFrom([]time.Time{{}, time.Unix(100, 0), time.Unix(200, 0)})
)

func drawMatch(t *rapid.T) config.Match {
	var m config.Match
	if rapid.Bool().Draw(t, "path") {
		m.Path = config.PathMatch{Exact: rapid.Bool().Draw(t, "exact"), Value: somePath.Draw(t, "path value")}
	}
	if rapid.IntRange(0, 3).Draw(t, "method") == 0 {
		m.Method = someMethod.Draw(t, "method value")
	}
	for _, name := range rapid.SliceOfNDistinct(someHeader, 0, 3, rapid.ID).Draw(t, "headers") {
		value := someValue
		switch name {
		case headerModel:
			value = someModel
		case headerStream:
			value = rapid.SampledFrom([]string{"true", "false", "yes"})
		}
		m.Headers = append(m.Headers, config.Field{Name: name, Value: value.Draw(t, name)})
	}
	for _, name := range rapid.SliceOfNDistinct(someQuery, 0, 2, rapid.ID).Draw(t, "queries") {
		m.Query = append(m.Query, config.Field{Name: name, Value: someValue.Draw(t, name)})
	}
	return m
}

func drawConfig(t *rapid.T) *config.Config {
	c := &config.Config{}
	for i := range rapid.IntRange(1, 6).Draw(t, "routes") {
		r := &config.Route{
			// Names run against the order of the routes.
			Namespace: rapid.SampledFrom([]string{"default", "a"}).Draw(t, "namespace"),
			Name:      fmt.Sprintf("r%d", 9-i),
			Created:   someTime.Draw(t, "created"),
			Hostnames: rapid.SliceOfN(someHostname, 0, 2).Draw(t, "hostnames"),
		}
		for range rapid.IntRange(1, 4).Draw(t, "rules") {
			var rule config.Rule
			for range rapid.IntRange(0, 3).Draw(t, "matches") {
				rule.Matches = append(rule.Matches, drawMatch(t))
			}
			r.Rules = append(r.Rules, rule)
		}
		c.Routes = append(c.Routes, r)
	}
	return c
}

func drawAsk(t *rapid.T) *Ask {
	a := &Ask{Host: someHost.Draw(t, "host"), Method: someMethod.Draw(t, "method"), Path: askedPath.Draw(t, "path"), Stream: rapid.Bool().Draw(t, "stream")}
	if rapid.IntRange(0, 9).Draw(t, "has model") > 0 {
		a.Model = someModel.Draw(t, "model")
	}
	headers := make(fields, rapid.IntRange(0, 4).Draw(t, "headers"))
	for i := range headers {
		headers[i] = config.Field{Name: someHeader.Draw(t, "name"), Value: someValue.Draw(t, "value")}
	}
	a.Headers = headers
	query := make([]string, rapid.IntRange(0, 3).Draw(t, "queries"))
	for i := range query {
		query[i] = someQuery.Draw(t, "name") + "=" + url.PathEscape(someValue.Draw(t, "value"))
	}
	a.Query = strings.Join(query, "&")
	return a
}

// TestIndexAgreesWithPlainReading compares the compiled index with a scan that
// shares none of its code.
func TestIndexAgreesWithPlainReading(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfig(t)
		s := Compile(c)
		for range 50 {
			a := drawAsk(t)
			got, want := taken(s, a), slowly(c, a)
			if got != want {
				t.Fatalf("request %+v: index says %q, plain reading %q", a, got, want)
			}
			var explained string
			if e := s.Explain(a); len(e.Matches) > 0 {
				explained = fmt.Sprintf("%s/%d", e.Matches[0].Route.Name, e.Matches[0].Rule)
			}
			if a.Model != "" && explained != want {
				t.Fatalf("request %+v: explanation says %q, plain reading %q", a, explained, want)
			}
		}
	})
}
