package differential

import (
	"bytes"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"llmroute/api/v1alpha1"
	"llmroute/router"
	"llmroute/translator"
)

// conformanceBackends are those of the Gateway API's own suite, by namespace.
var conformanceBackends = map[string][]string{
	"gateway-conformance-infra":       {"infra-backend-v1", "infra-backend-v2", "infra-backend-v3"},
	"gateway-conformance-web-backend": {"web-backend"},
}

// conformanceCase is one of the Gateway API's conformance tests (those of
// v1.6.3 that are about matching): its routes, and what it expects.
type conformanceCase struct {
	name   string
	world  *world
	expect []expectation
}

// expectation is one request, and the name of the backend or the status of the
// refusal that it should meet.
type expectation struct {
	line string
	*request
	want string
}

// TestConformance holds both sides to what the Gateway API's conformance suite
// expects: the emulation, and the route tables that the random comparison
// trusts.
func TestConformance(t *testing.T) {
	files, err := filepath.Glob("testdata/conformance/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no cases")
	}
	cases := make([]*conformanceCase, len(files))
	tables := make([]*routev3.RouteConfiguration, len(files))
	for i, file := range files {
		cases[i] = readConformance(t, file)
		tables[i] = routeTable(cases[i].world.routes, criteria)
	}
	addresses := startEnvoy(t, tables)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			envoy, err := dial(addresses[i])
			if err != nil {
				t.Fatal(err)
			}
			defer envoy.Close()
			for _, e := range c.expect {
				if diff := cmp.Diff(planned(t, c.world.snapshot, e.request), e.want); diff != "" {
					t.Errorf("%s (-got +want):\n%s", e.line, diff)
				}
				answer, err := envoy.answeredBy(e.request)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.world.emulated(e.request), answer); diff != "" {
					t.Errorf("%s (-emulated +Envoy):\n%s", e.line, diff)
				}
			}
		})
	}
}

// planned returns the name of the backend that takes r, or the status of the
// refusal.
func planned(t *testing.T, s *router.Snapshot, r *request) string {
	t.Helper()
	var p router.Plan
	err := s.Plan(&p, r.ask(), nil)
	if refusal, ok := errors.AsType[*translator.Refusal](err); ok {
		return strconv.Itoa(refusal.Status)
	}
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(p.Backend.ID, ".")
	return name
}

func readConformance(t *testing.T, file string) *conformanceCase {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &conformanceCase{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), world: &world{}}
	for _, f := range archive.Files {
		switch f.Name {
		case "routes.yaml":
			c.world.manifests = f.Data
		case "requests":
			for line := range strings.Lines(string(f.Data)) {
				c.expect = append(c.expect, readExpectation(t, strings.TrimSpace(line)))
			}
		}
	}
	for text := range strings.SplitSeq(string(c.world.manifests), "\n---\n") {
		r := &gatewayv1.HTTPRoute{}
		if err := yaml.UnmarshalStrict([]byte(text), r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		c.world.routes = append(c.world.routes, r)
	}
	if len(c.expect) == 0 {
		t.Fatalf("%s: no requests", file)
	}
	c.world.manifests = append(c.world.manifests, besides(t, c.world.routes)...)
	c.world.snapshot = compile(t, c.world.manifests)
	return c
}

// besides writes what the emulation needs beside the suite's HTTPRoutes: for
// each an LLMRoute that names it, and the backends.
func besides(t *testing.T, routes []*gatewayv1.HTTPRoute) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, r := range routes {
		llmRouteFor(t, &out, r, metav1.Time{})
	}
	for namespace, names := range conformanceBackends {
		for _, name := range names {
			backend(t, &out, namespace, name)
		}
	}
	return out.Bytes()
}

// backend writes an LLMBackend behind somebody else's cluster.
func backend(t *testing.T, out *bytes.Buffer, namespace, name string) {
	t.Helper()
	document(t, out, v1alpha1.GroupVersion, "LLMBackend", metav1.ObjectMeta{Namespace: namespace, Name: name},
		map[string]any{"outputSchema": map[string]any{"schema": "OpenAI"}, "cluster": name})
}

// readExpectation reads "METHOD host/path?query name:value … => want"; without a
// host it is one that no route names.
func readExpectation(t *testing.T, line string) expectation {
	t.Helper()
	asked, want, ok := strings.Cut(line, "=>")
	words := strings.Fields(asked)
	if !ok || len(words) < 2 {
		t.Fatalf("%q is not of the form %q", line, "METHOD host/path?query name:value => want")
	}
	r := &request{method: words[0], model: "any"}
	host, target, _ := strings.Cut(words[1], "/")
	r.host = host
	if host == "" {
		r.host = "gateway.example"
	}
	r.path, r.query, _ = strings.Cut("/"+target, "?")
	for _, w := range words[2:] {
		name, value, _ := strings.Cut(w, ":")
		r.add(name, value)
	}
	return expectation{line: line, request: r, want: strings.TrimSpace(want)}
}
