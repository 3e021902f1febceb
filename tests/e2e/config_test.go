package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// outcome is how a command ended.
type outcome struct {
	Code           int
	Stdout, Stderr string
}

// command runs the binary to its end, in a folder without a configuration.
func command(t testing.TB, stdin string, env []string, args ...string) outcome {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env, cmd.Dir = append(cleanEnvironment(), env...), t.TempDir()
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// save writes a configuration file and returns its name.
func save(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// repeat is n elements of a YAML list in flow style.
func repeat(n int, element string) string {
	return "[" + strings.TrimSuffix(strings.Repeat(element+", ", n), ", ") + "]"
}

// What is wrong is refused with exit code 1 and words that name it, by check and
// by serve alike, before a port is opened.
func TestBrokenConfigurationIsRefused(t *testing.T) {
	t.Parallel()
	const good = "http://127.0.0.1:1"
	a := backendDoc("a", good)
	spec := func(kind, spec string) string {
		return fmt.Sprintf("---\napiVersion: aigateway.envoyproxy.io/v1alpha1\nkind: %s\nmetadata: {name: x}\nspec: %s\n", kind, spec)
	}
	tests := []struct {
		name, docs string
		want       []string
	}{
		{"regular expression", a + routeDoc("r", `{matches: [{headers: [{type: RegularExpression, name: x-envoy-ai-gateway-llm-model, value: "l.*"}]}], backendRefs: [{name: a}]}`),
			[]string{"currently only exact match is supported"}},
		{"regular expression in a path", a + httpRouteDoc("r", "", "", `{matches: [{path: {type: RegularExpression, value: "/v1/.*"}}], backendRefs: [{name: a}]}`),
			[]string{"currently only exact match is supported"}},
		{"regular expression in a query", a + httpRouteDoc("r", "", "", `{matches: [{queryParams: [{type: RegularExpression, name: q, value: ".*"}]}], backendRefs: [{name: a}]}`),
			[]string{"currently only exact match is supported"}},
		{"filter", a + httpRouteDoc("r", "", "", `{filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [x]}}], backendRefs: [{name: a}]}`),
			[]string{"filters", "not supported"}},
		{"timeouts", a + httpRouteDoc("r", "", "", `{timeouts: {request: 1s}, backendRefs: [{name: a}]}`), []string{"timeouts", "not supported"}},
		{"retry", a + httpRouteDoc("r", "", "", `{retry: {attempts: 1}, backendRefs: [{name: a}]}`), []string{"rules[0].retry"}},
		{"input schema of a provider", a + spec("LLMRoute", "{inputSchema: {schema: AWSBedrock}, rules: [{backendRefs: [{name: a}]}]}"),
			[]string{"self.schema == 'OpenAI'"}},
		{"input schema of nobody", a + spec("LLMRoute", "{inputSchema: SomeRandomVendor, rules: [{backendRefs: [{name: a}]}]}"),
			[]string{"SomeRandomVendor", `"OpenAI"`}},
		{"output schema of nobody", spec("LLMBackend", "{outputSchema: SomeRandomVendor, endpoint: "+good+"}"),
			[]string{"SomeRandomVendor", `"OpenAI"`, `"AWSBedrock"`, `"GCPVertexAI"`}},
		{"no input schema", a + spec("LLMRoute", "{rules: [{backendRefs: [{name: a}]}]}"), []string{"spec.inputSchema: Required value"}},
		{"no output schema", spec("LLMBackend", "{endpoint: "+good+"}"), []string{"spec.outputSchema: Required value"}},
		{"backend nowhere", spec("LLMBackend", "{outputSchema: OpenAI}"), []string{"endpoint", "backendRef", "cluster"}},
		{"backend in two places", spec("LLMBackend", "{outputSchema: OpenAI, endpoint: "+good+", cluster: c}"), []string{"endpoint", "backendRef", "cluster"}},
		{"negative weight", a + routeDoc("r", catchAll("a, weight: -1")), []string{"weight", "-1"}},
		{"backend without a name", a + routeDoc("r", `{backendRefs: [{name: ""}]}`), []string{"backendRefs[0].name"}},
		{"129 backends", a + routeDoc("r", "{backendRefs: "+repeat(129, "{name: a}")+"}"), []string{"backendRefs", "128"}},
		{"129 matches", a + routeDoc("r", "{matches: "+repeat(129, `{headers: [{name: x, value: "1"}]}`)+", backendRefs: [{name: a}]}"), []string{"matches", "128"}},
		{"129 rules", a + spec("LLMRoute", "{inputSchema: OpenAI, rules: "+repeat(129, "{backendRefs: [{name: a}]}")+"}"), []string{"rules", "128"}},
		{"17 headers", a + routeDoc("r", "{matches: [{headers: "+repeat(17, `{name: x, value: "1"}`)+"}], backendRefs: [{name: a}]}"), []string{"headers", "16"}},
		{"missing HTTPRoute", a + spec("LLMRoute", "{inputSchema: OpenAI, httpRouteRef: {name: nowhere}}"), []string{"default/nowhere", "does not exist"}},
		{"HTTPRoute in another namespace", a + spec("LLMRoute", "{inputSchema: OpenAI, httpRouteRef: {name: h, namespace: team}}"), []string{"team/h", "another namespace"}},
		{"none of the three forms", a + spec("LLMRoute", "{inputSchema: OpenAI}"), []string{"exactly one", "httpRouteRef httpRoute rules"}},
		{"two of the three forms", a + spec("LLMRoute", "{inputSchema: OpenAI, httpRouteRef: {name: h}, rules: [{backendRefs: [{name: a}]}]}"), []string{"exactly one", "httpRouteRef httpRoute rules"}},
		{"unknown field", spec("LLMBackend", "{outputSchema: OpenAI, endpoint: "+good+", retries: 3}"), []string{"spec.retries", "unknown field"}},
		{"name declared twice", a + a + routeDoc("r", catchAll("a")), []string{"LLMBackend default/a", "twice"}},
		{"several at once", a + routeDoc("r", catchAll("a, weight: -1")) + spec("LLMBackend", "{outputSchema: OpenAI}"), []string{"weight", "endpoint"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := save(t, tt.docs)
			check := command(t, "", nil, "check", "--config", file)
			serve := command(t, "", nil, "serve", "--config", file, "--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0")
			for name, got := range map[string]outcome{"check": check, "serve": serve} {
				if got.Code != 1 {
					t.Errorf("%s: got exit code %d, want 1", name, got.Code)
				}
				for _, want := range append(tt.want, file+":") {
					if !strings.Contains(got.Stderr, want) {
						t.Errorf("%s: no %q in\n%s", name, want, got.Stderr)
					}
				}
			}
		})
	}
}

// The three forms of a route, and the two spellings of its schema, are one.
func TestFormsOfARouteAreEqual(t *testing.T) {
	t.Parallel()
	f := startFleet(t, "a", "b")
	const matches = `{matches: [{headers: [{name: x-form, value: "1"}]}], backendRefs: [{name: a}]}`
	llm := func(schema, rest string) string {
		return "---\napiVersion: aigateway.envoyproxy.io/v1alpha1\nkind: LLMRoute\nmetadata: {name: r}\nspec:\n  inputSchema: " + schema + "\n" + rest
	}
	const http = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: h}\nspec: {rules: [" + matches + ", {backendRefs: [{name: b}]}]}\n"
	const rules = "  rules: [" + matches + ", {backendRefs: [{name: b}]}]\n"
	forms := map[string]string{
		"httpRouteRef": llm("{schema: OpenAI}", "  httpRouteRef: {name: h}\n") + http,
		"httpRoute":    llm("{schema: OpenAI}", "  httpRoute:\n    rules: ["+matches+", {backendRefs: [{name: b}]}]\n"),
		"rules":        llm("{schema: OpenAI}", rules),
		"shorthand":    llm("OpenAI", rules),
	}
	for name, docs := range forms {
		t.Run(name, func(t *testing.T) {
			g := start(t, docs+f.docs())
			f.run(t, g, []probe{
				{name: name + " matching", header: []string{"x-form", "1"}, want: "a"},
				{name: name + " not matching", want: "b"},
			})
		})
	}
}

// A custom backend can be what an LLMRoute names, with all that its file says: its
// key, its headers, its base path. It can be addressed as NAME:model as well.
func TestRouteToACustomBackend(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "internal-llm"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := fmt.Sprintf(`backend_type: custom
api_base_url: %s/v1/
api_key_env_var: INTERNAL_LLM_API_KEY
auth_type: custom
auth_header: X-API-Key
headers: {X-Organization-ID: org-123}
models: {company-gpt: {}}
`, p.URL)
	if err := os.WriteFile(filepath.Join(dir, "internal-llm", "backend.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	g := startWith(t, settings{
		files: map[string]string{"config.yaml": routeDoc("r", modelRule("company-gpt", "internal-llm"))},
		args:  []string{"--backends", dir},
		env:   []string{"INTERNAL_LLM_API_KEY=sk-internal"},
	})
	for _, model := range []string{"company-gpt", "internal-llm:company-gpt"} {
		a := g.post(t, "/v1/chat/completions", chat(model, "hi"), "authorization", "Bearer client", "x-organization-id", "client")
		if a.Status != http.StatusOK || a.Header.Get("x-llmroute-backend") != "internal-llm" {
			t.Fatalf("%s: got %d %s", model, a.Status, a.Body)
		}
		q := p.Last()
		if q.Model != "company-gpt" || q.Path != "/v1/chat/completions" {
			t.Errorf("%s: the provider saw model %q at %s", model, q.Model, q.Path)
		}
		for name, want := range map[string]string{"X-Api-Key": "sk-internal", "X-Organization-Id": "org-123", "Authorization": ""} {
			if got := strings.Join(q.Header.Values(name), ", "); got != want {
				t.Errorf("%s: the provider saw %s: %q, want %q", model, name, got, want)
			}
		}
	}
	if a := g.post(t, "/v1/chat/completions", chat("nobody:m", "hi")); a.Status != http.StatusNotFound || a.errorCode(t) != "backend_not_found" {
		t.Errorf("a backend that is not there: got %d %s", a.Status, a.Body)
	}
}

// What explain says of a request is what happens to it: the backend, the path,
// the headers and the body that the provider gets, without the key.
func TestExplainTellsWhatHappens(t *testing.T) {
	t.Parallel()
	a, b := startProvider(t), startProvider(t)
	docs := backendDoc("a", a.URL+"/v1", "modelNameOverride: upstream-model", "auth: {type: APIKey, env: TEST_KEY, header: X-Key}",
		"headerMutation: {set: [{name: x-added, value: yes-it-is}], remove: [x-removed]}",
		"bodyMutation: {set: [{path: temperature, value: 0.5}]}") +
		backendDoc("b", b.URL, "addressable: true") +
		routeDoc("r", modelRule("one", "a"), `{matches: [{headers: [{name: x-team, value: red}]}], backendRefs: [{name: b}]}`)
	env := []string{"TEST_KEY=sk-secret-value"}
	g := startWith(t, settings{files: map[string]string{"config.yaml": docs}, env: env})
	file := save(t, docs)
	tests := []struct {
		name, path, body string
		header           []string
	}{
		{"route", "/v1/chat/completions", chat("one", "hi"), []string{"x-removed", "1", "authorization", "Bearer client"}},
		{"header", "/v1/chat/completions?q=1", chat("two", "hi"), []string{"X-Team", "red", "x-forwarded-for", "1.2.3.4"}},
		{"address", "/v1/embeddings", `{"model":"b:text","input":"hi"}`, []string{"x-custom", "kept"}},
		{"stream", "/v1/chat/completions", `{"model":"one","stream":true,"messages":[{"role":"user","content":"hi"}]}`, nil},
		{"unknown", "/v1/chat/completions", chat("nothing", "hi"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a.Reset()
			b.Reset()
			var request strings.Builder
			fmt.Fprintf(&request, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n", tt.path)
			for i := 0; i < len(tt.header); i += 2 {
				fmt.Fprintf(&request, "%s: %s\r\n", tt.header[i], tt.header[i+1])
			}
			fmt.Fprintf(&request, "Content-Length: %d\r\n\r\n%s", len(tt.body), tt.body)
			said := command(t, request.String(), env, "explain", "--config", file, "-")
			if strings.Contains(said.Stdout+said.Stderr, "secret-value") {
				t.Errorf("the key is shown:\n%s", said.Stdout)
			}
			got := g.post(t, tt.path, tt.body, tt.header...)
			if got.Status != http.StatusOK {
				if code := got.errorCode(t); said.Code != 1 || !strings.Contains(said.Stderr, fmt.Sprintf("%d %s", got.Status, code)) {
					t.Errorf("got %d %s, explained as\n%s%s", got.Status, code, said.Stdout, said.Stderr)
				}
				return
			}
			name, p := "a", a
			if b.Last() != nil {
				name, p = "b", b
			}
			q := p.Last()
			wants := []string{"pick      " + name + "\n", "upstream  POST " + p.URL + q.Path}
			for name, values := range q.Header {
				// The rest is the HTTP client's own, or Envoy's.
				switch name = strings.ToLower(name); name {
				case "x-key":
					wants = append(wants, "x-key: [redacted]\n")
				case "x-request-id", "user-agent", "accept-encoding", "x-forwarded-proto":
				default:
					wants = append(wants, name+": "+values[0]+"\n")
				}
			}
			_, body, _ := strings.Cut(said.Stdout, "\n\n")
			_, body, _ = strings.Cut(body, "\n\n")
			if strings.TrimSpace(body) != string(q.Body) {
				t.Errorf("explained body %s\nthe provider got %s", body, q.Body)
			}
			for _, want := range wants {
				if !strings.Contains(said.Stdout, want) {
					t.Errorf("no %q in\n%s", want, said.Stdout)
				}
			}
			if strings.Contains(said.Stdout, "x-forwarded-for") || strings.Contains(said.Stdout, "x-removed") {
				t.Errorf("explained with headers that the provider does not get:\n%s", said.Stdout)
			}
		})
	}
}

// A port that is taken is one sentence, whichever port it is.
func TestTakenPortIsOneSentence(t *testing.T) {
	p := startProvider(t) // an address that is in use
	file := save(t, backendDoc("a", p.URL)+routeDoc("r", catchAll("a")))
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"grpc", []string{"serve", "--config", file, "--grpc", p.Address, "--admin", "127.0.0.1:0"}, "llmroute: gRPC port (--grpc): " + p.Address + " is taken by another program\n"},
		{"admin", []string{"serve", "--config", file, "--grpc", "127.0.0.1:0", "--admin", p.Address}, "llmroute: admin port (--admin): " + p.Address + " is taken by another program\n"},
		{"fake", []string{"fake", p.Address}, "llmroute: embedded provider: " + p.Address + " is taken by another program\n"},
		{"no such file", []string{"serve", "--config", "nowhere.yaml", "--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0"}, "llmroute: nowhere.yaml: no such file or directory\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := command(t, "", nil, tt.args...)
			if got.Code != 1 || got.Stderr != tt.want || got.Stdout != "" {
				t.Errorf("got %+v\nwant exit code 1 and %q", got, tt.want)
			}
		})
	}
}

// A second sidecar on the first one's socket is refused, and the first goes on.
func TestSecondSidecarLeavesTheFirstAlone(t *testing.T) {
	p := startProvider(t)
	g := start(t, backendDoc("a", p.URL)+routeDoc("r", catchAll("a")))
	socket := g.Sidecar.flag("--grpc")
	got := command(t, "", nil, "serve", "--config", g.Config, "--grpc", socket, "--admin", "127.0.0.1:0")
	if want := "llmroute: gRPC port (--grpc): " + socket + " is taken by another program\n"; got.Code != 1 || got.Stderr != want {
		t.Errorf("got %+v\nwant exit code 1 and %q", got, want)
	}
	if a := g.post(t, "/v1/chat/completions", chat("m", "hi")); a.Status != http.StatusOK {
		t.Errorf("the first: got %d %s", a.Status, a.Body)
	}
}

// state is what the status page's JSON says.
type state struct {
	Config struct {
		Hash, Failure string
		Warnings      []string
	}
	Backends []struct{ ID, Address, Cluster, Note string }
	Envoys   []struct {
		Node, Version, Problem string
		Clusters               int
	}
}

// state reads the sidecar's status.
func (g *gateway) state(t testing.TB) state {
	t.Helper()
	resp, err := http.Get(g.Admin + "/config")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var s state
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}
