package differential

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"llmroute/api/v1alpha1"
	"llmroute/router"
	"llmroute/router/config"
)

// The alphabets are small, so that routes often want the same requests and
// requests often meet routes.
var (
	namespaces = []string{"default", "team", "team-a"} // "team-a/x" is before "team/x"
	routeNames = []string{"a", "b", "a-b", "a.b", "b0"}
	hostnames  = []string{"a.test", "b.a.test", "c.b.a.test", "bb.test", "*.test", "*.a.test", "*.b.a.test"}
	paths      = []string{"/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/ab", "/A", "/a/%62", "/v1", "/v1/chat/completions"}
	methods    = []string{"GET", "POST", "PUT"}
	names      = []string{modelHeader, modelHeader, "X-Envoy-AI-Gateway-LLM-Model", streamHeader, "x-team", "X-Team", "x-tier", "X-Tier", "x-many", "Host"}
	values     = []string{"red", "Red", "blue", "two words"}
	models     = []string{"llama", "llama-70b", "gpt", "Gpt"}
	parameters = []string{"q", "Q", "debug"}
	settings   = []string{"1", "2", "a b", "1%"}
	days       = []int{1, 1, 2, 3}
)

const (
	modelHeader  = v1alpha1.ModelHeader
	streamHeader = "x-envoy-ai-gateway-llm-stream"
)

// chance is where a world's randomness comes from: the same seed and number
// make the same world and the same requests.
type chance struct{ *rand.Rand }

func newChance(seed, number uint64) chance { return chance{rand.New(rand.NewPCG(seed, number))} }

// in reports true once in n times.
func (c chance) in(n int) bool { return c.IntN(n) == 0 }

// upTo returns a number from 0 to n, the small ones more often.
func (c chance) upTo(n int) int { return min(c.IntN(n+1), c.IntN(n+1)) }

func one[T any](c chance, of []T) T { return of[c.IntN(len(of))] }

// routes makes a handful of HTTPRoutes. All of them have a time of creation, as
// in a cluster, or none has, as in files, or some do.
func (c chance) routes() []*gatewayv1.HTTPRoute {
	stamped := one(c, []float64{1, 1, 1, 0, 0.5})
	var routes []*gatewayv1.HTTPRoute
	taken := make(map[string]bool)
	for range 2 + c.IntN(4) {
		r := &gatewayv1.HTTPRoute{}
		r.Namespace, r.Name = one(c, namespaces), one(c, routeNames)
		if taken[fullName(r)] {
			continue
		}
		taken[fullName(r)] = true
		if c.Float64() < stamped {
			r.CreationTimestamp = metav1.Time{Time: time.Date(2026, 1, one(c, days), 0, 0, 0, 0, time.UTC)}
		}
		if !c.in(3) {
			for _, i := range c.Perm(len(hostnames))[:1+c.upTo(2)] {
				r.Spec.Hostnames = append(r.Spec.Hostnames, gatewayv1.Hostname(hostnames[i]))
			}
		}
		for range 1 + c.upTo(4) {
			r.Spec.Rules = append(r.Spec.Rules, c.rule())
		}
		routes = append(routes, r)
	}
	return routes
}

func (c chance) rule() gatewayv1.HTTPRouteRule {
	var r gatewayv1.HTTPRouteRule
	for range c.IntN(4) {
		r.Matches = append(r.Matches, c.match())
	}
	r.BackendRefs = []gatewayv1.HTTPBackendRef{{}}
	r.BackendRefs[0].Name = "anything"
	return r
}

func (c chance) match() gatewayv1.HTTPRouteMatch {
	var m gatewayv1.HTTPRouteMatch
	if !c.in(3) {
		m.Path = &gatewayv1.HTTPPathMatch{Value: new(one(c, paths))}
		switch c.IntN(4) {
		case 0:
			m.Path.Type = new(gatewayv1.PathMatchExact)
		case 1: // the default
		default:
			m.Path.Type = new(gatewayv1.PathMatchPathPrefix)
		}
	}
	if c.in(4) {
		m.Method = new(gatewayv1.HTTPMethod(one(c, methods)))
	}
	// The same name in the same case twice is refused when it is written.
	for _, i := range c.Perm(len(names))[:c.upTo(3)] {
		h := gatewayv1.HTTPHeaderMatch{Name: gatewayv1.HTTPHeaderName(names[i])}
		for _, other := range m.Headers {
			if other.Name == h.Name {
				h.Name = ""
			}
		}
		if h.Name != "" {
			h.Value = c.value(names[i])
			m.Headers = append(m.Headers, h)
		}
	}
	for _, i := range c.Perm(len(parameters))[:c.upTo(2)] {
		m.QueryParams = append(m.QueryParams, gatewayv1.HTTPQueryParamMatch{
			Name: gatewayv1.HTTPHeaderName(parameters[i]), Value: one(c, settings),
		})
	}
	return m
}

// value returns one that the header may have.
func (c chance) value(name string) string {
	switch lower(name) {
	case modelHeader:
		return one(c, models)
	case streamHeader:
		return one(c, []string{"true", "false"})
	case "host":
		return one(c, []string{"a.test", "a.test:80", "B.A.TEST"})
	}
	return one(c, values)
}

// manifests writes routes down as people do: each HTTPRoute with an LLMRoute
// that names it, or inside of one.
func (c chance) manifests(t *testing.T, routes []*gatewayv1.HTTPRoute) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, r := range routes {
		if c.in(3) {
			document(t, &out, v1alpha1.GroupVersion, "LLMRoute", r.ObjectMeta,
				map[string]any{"inputSchema": "OpenAI", "httpRoute": r.Spec})
			continue
		}
		llmRouteFor(t, &out, r, metav1.Time{Time: time.Date(2025, 1, one(c, days), 0, 0, 0, 0, time.UTC)})
		document(t, &out, gatewayv1.GroupVersion.String(), "HTTPRoute", r.ObjectMeta, r.Spec)
	}
	return out.Bytes()
}

// llmRouteFor writes an LLMRoute that names r. created is the LLMRoute's own time
// of creation, which must not matter.
func llmRouteFor(t *testing.T, out *bytes.Buffer, r *gatewayv1.HTTPRoute, created metav1.Time) {
	t.Helper()
	meta := metav1.ObjectMeta{Namespace: r.Namespace, Name: "llm-" + r.Name, CreationTimestamp: created}
	document(t, out, v1alpha1.GroupVersion, "LLMRoute", meta,
		map[string]any{"inputSchema": "OpenAI", "httpRouteRef": map[string]any{"name": r.Name}})
}

func document(t *testing.T, out *bytes.Buffer, version, kind string, meta metav1.ObjectMeta, spec any) {
	t.Helper()
	metadata := map[string]any{"namespace": meta.Namespace, "name": meta.Name}
	if !meta.CreationTimestamp.IsZero() {
		metadata["creationTimestamp"] = meta.CreationTimestamp
	}
	text, err := yaml.Marshal(map[string]any{"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(out, "---\n%s", text)
}

// compile loads manifests and compiles them.
func compile(t *testing.T, manifests []byte) *router.Snapshot {
	t.Helper()
	c, err := config.Load(config.Options{Sources: []config.Source{{Name: "routes.yaml", Data: manifests}}})
	if err != nil {
		t.Fatalf("%v in\n%s", err, manifests)
	}
	return router.Compile(c)
}
