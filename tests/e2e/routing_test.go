package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"llmroute/internal/envoy/envoytest"
)

const modelHeader = "x-envoy-ai-gateway-llm-model"

// The example of the documentation: a fifth of the requests goes to kserve, and
// each arrives at the very backend that the processor has chosen, says it has
// chosen, and counts as chosen, in 10,000 of 10,000 cases.
func TestEveryRequestReachesTheChosenBackend(t *testing.T) {
	t.Parallel()
	const requests, workers = 10_000, 32
	f := startFleet(t, "kserve", "aws-bedrock")
	sample, err := os.ReadFile(filepath.Join(envoytest.Root(t), "manifests/samples/llama3-70b.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	docs := string(sample)
	for _, name := range []string{"kserve", "aws-bedrock"} { // as they stand in the file
		docs = strings.Replace(docs, "http://127.0.0.1:1065", f.Providers[name].URL, 1)
	}
	accessLog := filepath.Join(t.TempDir(), "access.log")
	g := startWith(t, settings{
		files:     map[string]string{"config.yaml": docs},
		args:      []string{"--log-level", "warn"},
		bootstrap: func(s string) string { return strings.Replace(s, "/dev/stdout", accessLog, 1) },
	})
	said := make([]string, requests) // by the response header
	body := chat("llama3-70b", "hi")
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < requests; i = next.Add(1) - 1 {
				a, err := g.try(t.Context(), "POST", "/v1/chat/completions", body, "x-request-id", fmt.Sprint(i))
				if err != nil || a.Status != http.StatusOK {
					t.Errorf("request %d: %+v, %v", i, a, err)
					return
				}
				said[i] = a.Header.Get("x-llmroute-backend")
			}
		})
	}
	wg.Wait()
	for i, name := range said {
		if got := f.of(fmt.Sprint(i)); got != name || got == "" {
			t.Fatalf("request %d: the answer names %q, the provider that got it is %q", i, name, got)
		}
	}
	logged := readAccessLog(t, accessLog, requests)
	for _, line := range logged {
		if got := f.of(line.RequestID); got != line.LLM.Backend || line.Cluster != got {
			t.Fatalf("request %s: the metadata names %q, the cluster is %q, the provider that got it is %q",
				line.RequestID, line.LLM.Backend, line.Cluster, got)
		}
	}
	share := float64(f.Providers["kserve"].Counts().Total) / requests
	if share < 0.18 || share > 0.22 {
		t.Errorf("kserve got %.2f %% of the requests, want 20 ± 2", 100*share)
	}
	if n := f.total(); n != requests {
		t.Errorf("the providers got %d requests, want %d", n, requests)
	}
}

// accessLine is what of a line of Envoy's access log is looked at.
type accessLine struct {
	RequestID string `json:"request_id"`
	Cluster   string
	Status    int
	LLM       struct {
		Route, Rule, Backend string
		ModelRequested       string `json:"model_requested"`
	}
}

// readAccessLog waits until the log has that many lines and returns them.
func readAccessLog(t testing.TB, name string, lines int) []accessLine {
	t.Helper()
	var out []accessLine
	waitFor(t, fmt.Sprintf("%d lines in the access log", lines), func() error {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if n := strings.Count(string(text), "\n"); n < lines {
			return fmt.Errorf("%d lines", n)
		}
		out = out[:0]
		for line := range strings.Lines(string(text)) {
			var l accessLine
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				return fmt.Errorf("%w in %s", err, line)
			}
			out = append(out, l)
		}
		return nil
	})
	return out
}

// The routing header comes from the body, the provider and the access log see
// it, and what a client sends under our names changes nothing and goes nowhere.
func TestModelComesFromTheBody(t *testing.T) {
	t.Parallel()
	a, b := startProvider(t), startProvider(t)
	g := start(t, backendDoc("a", a.URL)+backendDoc("b", b.URL)+routeDoc("r", modelRule("one", "a"), modelRule("two", "b")))
	got := g.post(t, "/v1/chat/completions", chat("one", "hi"),
		modelHeader, "two", "X-Envoy-AI-Gateway-LLM-Model", "two",
		"x-envoy-ai-gateway-selected-backend", "b", "x-llmroute-backend", "b", "x-envoy-upstream-rq-timeout-ms", "1")
	if got.Status != http.StatusOK || got.Header.Get("x-llmroute-backend") != "a" {
		t.Fatalf("got %d from %q: %s", got.Status, got.Header.Get("x-llmroute-backend"), got.Body)
	}
	if n := b.Counts().Total; n != 0 {
		t.Errorf("the backend of the spoofed header got %d requests", n)
	}
	header := a.Last().Header
	if got := header.Values(modelHeader); len(got) != 1 || got[0] != "one" {
		t.Errorf("the provider saw the model header %q, want one", got)
	}
	for name, values := range header {
		name = strings.ToLower(name)
		if name != modelHeader && (strings.HasPrefix(name, "x-envoy-") || strings.HasPrefix(name, "x-llmroute-")) {
			t.Errorf("the provider saw %s: %q", name, values)
		}
	}
	for name := range got.Header {
		if strings.HasPrefix(strings.ToLower(name), "x-envoy-") {
			t.Errorf("the client saw %s", name)
		}
	}
	waitFor(t, "the model in Envoy's access log", func() error {
		if log := g.Envoy.Stdout(); !strings.Contains(log, `"model_requested":"one"`) {
			return fmt.Errorf("not in %s", log)
		}
		return nil
	})
}

// A model that nothing takes is a 404 in OpenAI's shape, and no provider hears of it.
func TestUnknownModelIsNotFound(t *testing.T) {
	t.Parallel()
	f := startFleet(t, "a")
	g := start(t, f.docs()+routeDoc("r", modelRule("one", "a")))
	for _, path := range []string{"/v1/chat/completions", "/v1/embeddings"} {
		a := g.post(t, path, chat("other", "hi"), modelHeader, "one")
		if code := a.errorCode(t); a.Status != http.StatusNotFound || code != "model_not_found" {
			t.Errorf("%s: got %d %s, want 404 model_not_found", path, a.Status, code)
		}
	}
	if n := f.total(); n != 0 {
		t.Errorf("the provider got %d requests", n)
	}
}

// Matches of a rule are alternatives, conditions of a match all hold; names of
// headers do not tell case, values do.
func TestMatchesAreAlternativesOfConditions(t *testing.T) {
	t.Parallel()
	f := startFleet(t, "or", "and", "query", "rest")
	g := start(t, f.docs()+routeDoc("r",
		`{matches: [{headers: [{name: x-team, value: red}, {name: x-tier, value: gold}]}], backendRefs: [{name: and}]}`,
		`{matches: [{headers: [{name: X-Team, value: blue}]}, {headers: [{name: x-tier, value: silver}]}], backendRefs: [{name: or}]}`,
		catchAll("rest")))
	f.run(t, g, []probe{
		{name: "both conditions", header: []string{"x-team", "red", "x-tier", "gold"}, want: "and"},
		{name: "one of two conditions", header: []string{"x-team", "red"}, want: "rest"},
		{name: "the other of two conditions", header: []string{"x-tier", "gold"}, want: "rest"},
		{name: "first alternative", header: []string{"x-team", "blue"}, want: "or"},
		{name: "second alternative", header: []string{"x-tier", "silver"}, want: "or"},
		{name: "name in another case", header: []string{"X-TEAM", "blue"}, want: "or"},
		{name: "value in another case", header: []string{"x-team", "Blue"}, want: "rest"},
		{name: "value as a prefix", header: []string{"x-team", "bluebird"}, want: "rest"},
		{name: "repeated header", header: []string{"x-team", "green", "x-team", "blue"}, want: "or"},
		{name: "neither", want: "rest"},
	})
}

// The Gateway API's order: hostname, exact path, longest prefix, method, headers,
// query parameters, age, name, and only then the order of writing. A rule
// without matches comes last wherever it stands.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	f := startFleet(t, "rest", "one-header", "two-headers", "prefix", "longer", "exact", "method", "query", "first", "second", "older", "younger", "host", "wildcard")
	rules := []string{
		catchAll("rest"),
		`{matches: [{headers: [{name: x-a, value: "1"}]}], backendRefs: [{name: one-header}]}`,
		`{matches: [{headers: [{name: x-a, value: "1"}, {name: x-b, value: "1"}]}], backendRefs: [{name: two-headers}]}`,
		`{matches: [{queryParams: [{name: q, value: "1"}], headers: [{name: x-a, value: "1"}]}], backendRefs: [{name: query}]}`,
		`{matches: [{path: {type: PathPrefix, value: /v1/images}}], backendRefs: [{name: prefix}]}`,
		`{matches: [{path: {type: PathPrefix, value: /v1/images/generations}}], backendRefs: [{name: longer}]}`,
		`{matches: [{path: {type: Exact, value: /v1/rerank}, headers: [{name: x-a, value: "2"}]}], backendRefs: [{name: exact}]}`,
		`{matches: [{path: {type: PathPrefix, value: /v1/rerank}, headers: [{name: x-a, value: "2"}, {name: x-b, value: "1"}]}], backendRefs: [{name: prefix}]}`,
		`{matches: [{method: POST, path: {type: PathPrefix, value: /v1/embeddings}}], backendRefs: [{name: method}]}`,
		`{matches: [{path: {type: PathPrefix, value: /v1/embeddings}, headers: [{name: x-a, value: "1"}]}], backendRefs: [{name: prefix}]}`,
		`{matches: [{headers: [{name: x-tie, value: "1"}]}], backendRefs: [{name: first}]}`,
		`{matches: [{headers: [{name: x-tie, value: "1"}]}], backendRefs: [{name: second}]}`,
	}
	aged := func(name, created, backend, hostnames string) string {
		return httpRouteDoc(name, fmt.Sprintf("creationTimestamp: %q", created), hostnames,
			fmt.Sprintf(`{matches: [{headers: [{name: x-age, value: "1"}]}], backendRefs: [{name: %s}]}`, backend))
	}
	g := start(t, f.docs()+httpRouteDoc("main", "", "", rules...)+
		aged("a-younger", "2026-02-01T00:00:00Z", "younger", "")+
		aged("z-older", "2026-01-01T00:00:00Z", "older", "")+
		aged("wildcard", "2026-01-01T00:00:00Z", "wildcard", `"*.example.com"`)+
		aged("host", "2026-03-01T00:00:00Z", "host", `"api.example.com"`))
	f.run(t, g, []probe{
		{name: "nothing but the rule without matches", want: "rest"},
		{name: "one header", header: []string{"x-a", "1"}, want: "one-header"},
		{name: "more headers", header: []string{"x-a", "1", "x-b", "1"}, want: "two-headers"},
		{name: "query after as many headers", path: "/v1/chat/completions?q=1", header: []string{"x-a", "1"}, want: "query"},
		{name: "fewer headers and a query", path: "/v1/chat/completions?q=1", header: []string{"x-a", "1", "x-b", "1"}, want: "two-headers"},
		{name: "longer prefix", path: "/v1/images/generations", status: 400, want: "longer"},
		{name: "exact path before more headers", path: "/v1/rerank", header: []string{"x-a", "2", "x-b", "1"}, status: 400, want: "exact"},
		{name: "method before headers", path: "/v1/embeddings", header: []string{"x-a", "1"}, status: 400, want: "method"},
		{name: "first of equals", header: []string{"x-tie", "1"}, want: "first"},
		{name: "older of equals", header: []string{"x-age", "1"}, want: "older"},
		{name: "exact host", header: []string{"x-age", "1", "host", "api.example.com"}, want: "host"},
		{name: "exact host with a port, in capitals", header: []string{"x-age", "1", "host", "API.Example.com:8443"}, want: "host"},
		{name: "wildcard host", header: []string{"x-age", "1", "host", "b.a.example.com"}, want: "wildcard"},
		{name: "host without its wildcard part", header: []string{"x-age", "1", "host", "example.com"}, want: "older"},
		{name: "host matches, its rule does not", header: []string{"host", "api.example.com"}, want: "rest"},
	})
}

// Prefixes end at slashes, exact paths do not reach below themselves.
func TestPathsMatchByElements(t *testing.T) {
	t.Parallel()
	f := startFleet(t, "prefix", "exact", "rest")
	g := start(t, f.docs()+httpRouteDoc("r", "", "",
		`{matches: [{path: {type: PathPrefix, value: /v1/chat/}}], backendRefs: [{name: prefix}]}`,
		`{matches: [{path: {type: PathPrefix, value: /v1/comp}}, {path: {type: Exact, value: /v1/responses}}], backendRefs: [{name: exact}]}`,
		catchAll("rest")))
	f.run(t, g, []probe{
		{name: "below the prefix", want: "prefix"},
		{name: "within an element", path: "/v1/completions", status: 400, want: "rest"},
		{name: "exact", path: "/v1/responses", status: 400, want: "exact"},
		{name: "exact with a query", path: "/v1/responses?x=1", status: 400, want: "exact"},
		{name: "out of the prefix by dots", path: "/v1/chat/../completions", status: 400, want: "rest"},
	})
}

// Weights default to 1, 0 is never chosen, and where nothing can be chosen the
// answer is a 500. A reference to nothing gets its share of 500s.
func TestWeights(t *testing.T) {
	t.Parallel()
	f := startFleet(t, "a", "b")
	g := start(t, f.docs()+routeDoc("r",
		modelRule("default", "a", "b"),
		modelRule("zero", "a, weight: 0", "b, weight: 5"),
		modelRule("all-zero", "a, weight: 0", "b, weight: 0"),
		`{matches: [{headers: [{name: x-envoy-ai-gateway-llm-model, value: nobody}]}]}`,
		modelRule("half-missing", "a", "gone"),
		modelRule("all-missing", "gone")))
	if log := g.Sidecar.log.String(); !strings.Contains(log, "LLMBackend default/gone does not exist") {
		t.Errorf("the missing backend is not warned of in\n%s", log)
	}
	tests := []struct {
		model      string
		n          int
		a, b, gone [2]int // least and most
	}{
		{"default", 200, [2]int{60, 140}, [2]int{60, 140}, [2]int{}},
		{"zero", 50, [2]int{}, [2]int{50, 50}, [2]int{}},
		{"all-zero", 5, [2]int{}, [2]int{}, [2]int{5, 5}},
		{"nobody", 5, [2]int{}, [2]int{}, [2]int{5, 5}},
		{"half-missing", 200, [2]int{60, 140}, [2]int{}, [2]int{60, 140}},
		{"all-missing", 5, [2]int{}, [2]int{}, [2]int{5, 5}},
	}
	for _, tt := range tests {
		t.Run(tt.model, func(t *testing.T) {
			got := map[string]int{}
			before := map[string]int{"a": f.Providers["a"].Counts().Total, "b": f.Providers["b"].Counts().Total}
			for range tt.n {
				a := g.post(t, "/v1/chat/completions", chat(tt.model, "hi"))
				switch a.Status {
				case http.StatusOK:
					got[a.Header.Get("x-llmroute-backend")]++
				case http.StatusInternalServerError:
					a.errorCode(t)
					got["gone"]++
				default:
					t.Fatalf("got status %d: %s", a.Status, a.Body)
				}
			}
			for name, want := range map[string][2]int{"a": tt.a, "b": tt.b, "gone": tt.gone} {
				if n := got[name]; n < want[0] || n > want[1] {
					t.Errorf("%s: got %d of %d, want %d to %d", name, n, tt.n, want[0], want[1])
				}
			}
			for name, n := range before {
				if now := f.Providers[name].Counts().Total; now-n != got[name] {
					t.Errorf("%s got %d requests, the answers name it %d times", name, now-n, got[name])
				}
			}
		})
	}
}

// GET /v1/models lists what the client's host can reach; one of them can be
// asked for, and another host's cannot.
func TestModelsDependOnTheHost(t *testing.T) {
	t.Parallel()
	f := startFleet(t, "a", "b")
	hosted := func(name, hostname, model, backend string) string {
		return httpRouteDoc(name, "", strconv.Quote(hostname), modelRule(model, backend))
	}
	g := start(t, f.docs()+hosted("a", "a.example.com", "model-a", "a")+hosted("b", "*.b.example.com", "model-b", "b")+
		routeDoc("everybody", modelRule("model-c", "a"), modelRule("model-d/with:slash", "b")))
	tests := []struct {
		host string
		want []string
	}{
		{"a.example.com", []string{"model-a", "model-c", "model-d/with:slash"}},
		{"x.b.example.com", []string{"model-b", "model-c", "model-d/with:slash"}},
		{"localhost", []string{"model-c", "model-d/with:slash"}},
	}
	for _, tt := range tests {
		t.Run(tt.host, func(t *testing.T) {
			if got := listModels(t, g, tt.host); strings.Join(got, " ") != strings.Join(tt.want, " ") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			for model, status := range map[string]int{tt.want[0]: 200, "model-d/with:slash": 200, "model-x": 404} {
				a, err := g.try(t.Context(), "GET", "/v1/models/"+model, "", "host", tt.host)
				if err != nil || a.Status != status {
					t.Errorf("GET /v1/models/%s: got %+v, %v, want %d", model, a, err, status)
				}
			}
		})
	}
	a, err := g.try(t.Context(), "GET", "/v1/models/model-b", "", "host", "a.example.com")
	if err != nil || a.Status != http.StatusNotFound || a.errorCode(t) != "model_not_found" {
		t.Errorf("a model of another host: got %+v, %v", a, err)
	}
	if n := f.total(); n != 0 {
		t.Errorf("the providers got %d requests", n)
	}
}

func listModels(t testing.TB, g *gateway, host string) []string {
	t.Helper()
	a, err := g.try(t.Context(), "GET", "/v1/models", "", "host", host)
	if err != nil || a.Status != http.StatusOK {
		t.Fatalf("GET /v1/models: %+v, %v", a, err)
	}
	var list struct {
		Object string
		Data   []struct {
			ID, Object string
			Created    int64
			OwnedBy    string `json:"owned_by"`
		}
	}
	if err := json.Unmarshal([]byte(a.Body), &list); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, m := range list.Data {
		if m.Object != "model" || m.Created != 0 || m.OwnedBy == "" {
			t.Errorf("not OpenAI's model object: %+v", m)
		}
		ids = append(ids, m.ID)
	}
	if list.Object != "list" {
		t.Errorf("got object %q, want list", list.Object)
	}
	return ids
}
