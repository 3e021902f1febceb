package e2e

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"llmroute/internal/envoy/envoytest"
	"llmroute/internal/fakellm/fakellmtest"
)

// customs are custom backends: a folder's name to its backend.yaml.
type customs map[string]string

// customDoc is a backend.yaml whose key is in the variable CUSTOM_KEY; more are
// further lines.
func customDoc(p *fakellmtest.Provider, more ...string) string {
	return fmt.Sprintf("backend_type: custom\napi_base_url: %s/v1\napi_key_env_var: CUSTOM_KEY\n%s\n", p.URL, strings.Join(more, "\n"))
}

// limited is a line that sets limits of one model, in YAML's flow style.
func limited(model, limits string) string {
	return fmt.Sprintf("models: {%s: {limits: {%s}}}", model, limits)
}

// folder writes the backends to a folder of their own.
func (c customs) folder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range c {
		writeCustom(t, dir, name, text)
	}
	return dir
}

// writeCustom puts a backend.yaml in place, whole at once.
func writeCustom(t testing.TB, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name, "backend.yaml")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+".tmp", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".tmp", file); err != nil {
		t.Fatal(err)
	}
}

// start runs a gateway of the backends; docs are manifests beside them.
func (c customs) start(t testing.TB, docs string, args ...string) *gateway {
	t.Helper()
	o := c.settings(t, args...)
	if docs != "" {
		o.files = map[string]string{"config.yaml": docs}
	}
	return startWith(t, o)
}

func (c customs) settings(t testing.TB, args ...string) settings {
	t.Helper()
	return settings{args: append([]string{"--backends", c.folder(t)}, args...), env: []string{"CUSTOM_KEY=sk-custom", "K1=k1", "OPENAI_API_KEY=sk-openai"}}
}

const completions = "/v1/chat/completions"

// ask sends a chat and expects a status.
func (g *gateway) ask(t testing.TB, status int, body string, header ...string) *answer {
	t.Helper()
	a := g.post(t, completions, body, header...)
	if a.Status != status {
		t.Fatalf("got %d %s, want %d, for %.200s", a.Status, a.Body, status, body)
	}
	return a
}

// detail is the object "detail" of an answer.
func (a *answer) detail(t testing.TB) (d struct {
	Code, Message string
	Details       map[string]any
}) {
	t.Helper()
	var body struct{ Detail any }
	if err := json.Unmarshal([]byte(a.Body), &body); err != nil {
		t.Fatalf("%s: %v", a.Body, err)
	}
	raw, err := json.Marshal(body.Detail)
	if err == nil {
		err = json.Unmarshal(raw, &d)
	}
	if err != nil {
		t.Fatalf("%s: %v", a.Body, err)
	}
	return d
}

// TestCustomBackendsLoad is section 5.1 of the checklist of custom backends; the
// numbers are its.
func TestCustomBackendsLoad(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	all := customs{}
	samples := filepath.Join(envoytest.Root(t), "manifests", "samples", "backends")
	entries, err := os.ReadDir(samples)
	if err != nil {
		t.Fatal(err)
	}
	models := map[string]string{
		"my-custom-backend": "my-model-name", "internal-llm": "company-gpt-large", "openai-specialized": "gpt-4-specialized",
		"multi-model": "balanced-model", "custom-headers": "any-model", "header-auth": "large-context-model",
	}
	keys := []string{"MY_CUSTOM_API_KEY", "INTERNAL_LLM_API_KEY", "OPENAI_API_KEY", "PROVIDER_API_KEY", "EXAMPLE_API_KEY", "MY_API_KEY"}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(samples, e.Name(), "backend.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if models[e.Name()] == "" {
			t.Fatalf("no model to ask the sample %s for", e.Name())
		}
		lines := strings.Split(string(text), "\n")
		for i, line := range lines {
			if strings.HasPrefix(line, "api_base_url:") {
				lines[i] = "api_base_url: " + p.URL + "/v1"
			}
		}
		all[e.Name()] = strings.Join(lines, "\n")
	}
	dir := all.folder(t)
	o := settings{args: []string{"--backends", dir, "--default-backend", "internal-llm"}}
	for _, k := range keys {
		o.env = append(o.env, k+"=sk-"+strings.ToLower(k))
	}
	g := startWith(t, o)

	t.Run("1 loaded and the default", func(t *testing.T) {
		if a := g.ask(t, 200, chat("company-gpt-large", "hi")); a.Header.Get("x-llmroute-backend") != "internal-llm" {
			t.Errorf("answered by %q", a.Header.Get("x-llmroute-backend"))
		}
	})
	t.Run("2 a misnamed file is no backend", func(t *testing.T) {
		dir := customs{"a": customDoc(p)}.folder(t)
		if err := os.MkdirAll(filepath.Join(dir, "misnamed"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "misnamed", "backend.yml"), []byte(customDoc(p)), 0o600); err != nil {
			t.Fatal(err)
		}
		g := startWith(t, settings{args: []string{"--backends", dir}, env: []string{"CUSTOM_KEY=k"}})
		g.ask(t, 200, chat("a:m", "hi"))
		a := g.ask(t, 404, chat("misnamed:m", "hi"))
		if a.errorCode(t) != "backend_not_found" || !strings.Contains(a.Body, "misnamed") {
			t.Errorf("got %s", a.Body)
		}
	})
	t.Run("3 side by side", func(t *testing.T) {
		for name, model := range models {
			a := g.ask(t, 200, chat(name+":"+model, "hi"))
			if a.Header.Get("x-llmroute-backend") != name || p.Last().Model != model {
				t.Errorf("%s: answered by %q, the provider saw model %q", name, a.Header.Get("x-llmroute-backend"), p.Last().Model)
			}
		}
		if n := len(models); n != len(entries) {
			t.Errorf("%d of %d samples asked", n, len(entries))
		}
	})
	t.Run("9 a changed file, and a broken one", func(t *testing.T) {
		before := g.state(t).Config.Hash
		writeCustom(t, dir, "multi-model", strings.Replace(all["multi-model"], "max_input_tokens: 12000", "max_input_tokens: 5", 1))
		hash := g.applied(t, before)
		if a := g.ask(t, 400, chat("multi-model:balanced-model", "one two three four five six")); a.detail(t).Code != "input_limit_exceeded" {
			t.Errorf("got %s", a.Body)
		}
		writeCustom(t, dir, "multi-model", strings.Replace(all["multi-model"], "max_input_tokens: 12000", "max_input_tokens: -5", 1))
		if reason := g.refused(t, hash); !strings.Contains(reason, "max_input_tokens") {
			t.Errorf("refused because of %s", reason)
		}
		g.ask(t, 400, chat("multi-model:balanced-model", "one two three four five six"))
	})
	t.Run("10 no key is shown, after reloads either", func(t *testing.T) {
		shown := map[string]string{
			"the sidecar's log at its finest": g.Sidecar.log.String(), "Envoy's log": g.Envoy.Stdout() + g.Envoy.Logs(),
			"the error of a model": g.post(t, completions, chat("multi-model:fake-small+401", "hi")).Body,
			"the error of nobody":  g.post(t, completions, chat("nobody:sk", "hi")).Body,
		}
		for _, page := range []string{"/", "/config", "/usage", "/metrics", "/status"} {
			if a, err := (&gateway{URL: g.Admin}).try(t.Context(), "GET", page, ""); err != nil {
				t.Error(err)
			} else {
				shown[page] = a.Body
			}
		}
		var err error
		if shown["Envoy's configuration"], err = g.Envoy.Get("/config_dump"); err != nil {
			t.Error(err)
		}
		for where, text := range shown {
			if text == "" || strings.Contains(text, "sk-") {
				t.Errorf("%s shows a key, or nothing", where)
			}
		}
	})
	for name, tt := range map[string]struct{ change, to, want string }{
		"4 no type":                       {"backend_type: custom", "", "backend_type"},
		"4 no URL":                        {"api_base_url: ", "#", "api_base_url"},
		"4 no key":                        {"api_key_env_var: CUSTOM_KEY", "", "api_key_env_var"},
		"5 another scheme":                {"http://", "ftp://", "api_base_url"},
		"5 no host":                       {p.URL, "http://", "api_base_url"},
		"6 the window is no larger":       {"\n", "\n" + limited("m", "max_input_tokens: 5, context_window: 5") + "\n", "models.m.limits"},
		"7 a limit below one":             {"\n", "\n" + limited("m", "requests_per_minute: -1") + "\n", "requests_per_minute"},
		"7 a limit that is no number":     {"\n", "\n" + limited("m", "max_input_tokens: 1.5") + "\n", "max_input_tokens"},
		"7 a negative timeout":            {"\n", "\ntimeout: -1\n", "timeout"},
		"7 negative retries":              {"\n", "\nmax_retries: -1\n", "max_retries"},
		"7 a negative delay":              {"\n", "\nretry_delay: -1\n", "retry_delay"},
		"7 an unknown auth_type":          {"\n", "\nauth_type: basic\n", "auth_type"},
		"7 a custom type without header":  {"\n", "\nauth_type: custom\n", "auth_header"},
		"8 a misspelled limit":            {"\n", "\n" + limited("m", "max_input_token: 5") + "\n", "max_input_token: unknown field"},
		"a default that is no model":      {"\n", "\n" + limited("m", "max_input_tokens: 5") + "\ndefault_model: n\n", "default_model"},
		"a parameter that is the clients": {"\n", "\nmodels: {m: {parameters: {stream: true}}}\n", "parameters.stream"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := customs{"broken": strings.Replace(customDoc(p), tt.change, tt.to, 1)}.folder(t)
			got := command(t, "", []string{"CUSTOM_KEY=sk-custom"}, "check", "--backends", dir)
			if got.Code != 1 || !strings.Contains(got.Stderr, filepath.Join(dir, "broken", "backend.yaml")) || !strings.Contains(got.Stderr, tt.want) {
				t.Errorf("exit code %d, and no %q in %s", got.Code, tt.want, got.Stderr)
			}
		})
	}
	t.Run("a name twice", func(t *testing.T) {
		got := command(t, "", nil, "check", "--backends", customs{"a": customDoc(p)}.folder(t), "--config", save(t, backendDoc("a", p.URL)))
		if got.Code != 1 || !strings.Contains(got.Stderr, "backend a is declared already") {
			t.Errorf("exit code %d: %s", got.Code, got.Stderr)
		}
	})
}

// page returns a page of the admin port.
func (g *gateway) page(t testing.TB, path string) string {
	t.Helper()
	a, err := (&gateway{URL: g.Admin}).try(t.Context(), "GET", path, "")
	if err != nil || a.Status != http.StatusOK {
		t.Fatalf("GET %s: %+v, %v", path, a, err)
	}
	return a.Body
}

// TestCustomBackendsAuthenticate is section 5.2.
func TestCustomBackendsAuthenticate(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	doc := strings.Replace(customDoc(p), "CUSTOM_KEY", "K1", 1)
	g := customs{
		"bearer":  doc,
		"header":  doc + "auth_type: custom\nauth_header: X-API-Key\n",
		"unset":   strings.Replace(doc, "K1", "UNSET_KEY", 1),
		"headers": doc + "headers: {X-Custom-Header: value, X-Organization-ID: org-123}\n" + limited("m", "max_input_tokens: 10") + "\n",
	}.start(t, "")
	seen := func(name string) string { return strings.Join(p.Last().Header.Values(name), ", ") }

	t.Run("11 bearer", func(t *testing.T) {
		g.ask(t, 200, chat("bearer:m", "hi"), "authorization", "Bearer client", "x-api-key", "client")
		if seen("authorization") != "Bearer k1" || seen("x-api-key") != "" {
			t.Errorf("the provider saw %v", p.Last().Header)
		}
	})
	t.Run("12 a header of its own", func(t *testing.T) {
		g.ask(t, 200, chat("header:m", "hi"), "authorization", "Bearer client", "x-api-key", "client")
		if seen("authorization") != "" || seen("x-api-key") != "k1" {
			t.Errorf("the provider saw %v", p.Last().Header)
		}
	})
	t.Run("13 a missing key", func(t *testing.T) {
		before := p.Counts().Total
		a := g.ask(t, 401, chat("unset:m", "hi"))
		if a.errorCode(t) != "missing_api_key" || !strings.Contains(a.Body, "UNSET_KEY") || p.Counts().Total != before {
			t.Errorf("got %s", a.Body)
		}
		g.ask(t, 200, chat("bearer:m", "hi"))
	})
	t.Run("14 headers on every request", func(t *testing.T) {
		for _, body := range []string{chat("headers:n", "hi"), streamBody("headers:n", "hi", true)} {
			g.ask(t, 200, body, "x-organization-id", "of the client")
			if seen("x-custom-header") != "value" || seen("x-organization-id") != "org-123" {
				t.Errorf("the provider saw %v", p.Last().Header)
			}
		}
	})
	t.Run("15 routing headers of the client count for nothing", func(t *testing.T) {
		a := g.ask(t, 200, chat("bearer:m", "hi"), "x-envoy-ai-gateway-selected-backend", "header", "x-envoy-ai-gateway-llm-model", "header:m")
		if a.Header.Get("x-llmroute-backend") != "bearer" || seen("x-envoy-ai-gateway-llm-model") != "bearer:m" {
			t.Errorf("answered by %q, the provider saw %v", a.Header.Get("x-llmroute-backend"), p.Last().Header)
		}
		long := chat("headers:m", strings.Repeat("word ", 50))
		g.ask(t, 400, long, "x-envoy-ai-gateway-llm-model", "headers:n")
	})
}

// TestCustomBackendsAreSelected is section 5.3.
func TestCustomBackendsAreSelected(t *testing.T) {
	t.Parallel()
	p, q := startProvider(t), startProvider(t)
	base := strings.Replace(customDoc(q), "/v1\n", "/api/v1/\n", 1)
	backends := customs{
		"internal-llm": customDoc(p, "models: {company-gpt-large: {}, own:name: {}, small: {parameters: {temperature: 0.5}}}", "default_model: small"),
		"strict":       customDoc(p, "strict_models: true", limited("m", "max_input_tokens: 100")),
		"based":        base,
		"multi-model":  customDoc(p, limited("fast-model", "max_input_tokens: 5")),
	}
	g := backends.start(t, routeDoc("r", modelRule("routed:8b", "internal-llm")), "--model-alias", `^gpt-(.*)=multi-model:fast-model`, "--model-alias", "^gpt=never", "--model-alias", `(\w+)-latest$=strict:\1`)
	d := backends.start(t, "", "--default-backend", "internal-llm")

	t.Run("17 backend:model", func(t *testing.T) {
		g.ask(t, 200, chat("internal-llm:company-gpt-large", "hi"))
		if p.Last().Model != "company-gpt-large" || !strings.Contains(string(p.Last().Body), `"model":"company-gpt-large"`) {
			t.Errorf("the provider saw %s", p.Last().Body)
		}
	})
	t.Run("18 no prefix", func(t *testing.T) {
		if a := g.ask(t, 404, chat("whatever", "hi")); a.errorCode(t) != "model_not_found" {
			t.Errorf("got %s", a.Body)
		}
		if a := d.ask(t, 200, chat("whatever", "hi")); a.Header.Get("x-llmroute-backend") != "internal-llm" || p.Last().Model != "whatever" {
			t.Errorf("the default was not taken: %v", a.Header)
		}
	})
	t.Run("19 a prefix that is no backend", func(t *testing.T) {
		if a := g.ask(t, 404, chat("nobody:m", "hi")); a.errorCode(t) != "backend_not_found" {
			t.Errorf("got %s", a.Body)
		}
		g.ask(t, 200, chat("routed:8b", "hi"))
		if p.Last().Model != "routed:8b" {
			t.Errorf("the provider saw model %q", p.Last().Model)
		}
	})
	t.Run("20 the default model", func(t *testing.T) {
		for _, body := range []string{`{"messages":[{"role":"user","content":"hi"}]}`, chat("internal-llm", "hi"), chat("internal-llm:", "hi"), chat("", "hi")} {
			d.ask(t, 200, body)
			if last := string(p.Last().Body); !strings.Contains(last, `"model":"small"`) || !strings.Contains(last, `"temperature":0.5`) {
				t.Errorf("%s: the provider saw %s", body, last)
			}
		}
		for _, body := range []string{`{"messages":[{"role":"user","content":"hi"}]}`, chat("multi-model:", "hi")} {
			if a := g.ask(t, 400, body); !strings.Contains(a.Body, "model") {
				t.Errorf("got %s", a.Body)
			}
		}
	})
	t.Run("21 models that are not listed", func(t *testing.T) {
		g.ask(t, 200, chat("multi-model:unlisted", strings.Repeat("word ", 100)))
		if a := g.ask(t, 404, chat("strict:unlisted", "hi")); a.errorCode(t) != "model_not_found" {
			t.Errorf("got %s", a.Body)
		}
	})
	t.Run("22 the base path", func(t *testing.T) {
		a := g.post(t, completions, chat("based:m", "hi"))
		if q.Last().Path != "/api/v1/chat/completions" || q.Last().Host != q.Address {
			t.Errorf("the provider saw %s at %s: %s", q.Last().Path, q.Last().Host, a.Body)
		}
		g.ask(t, 200, chat("strict:m", "hi"))
		if p.Last().Path != completions {
			t.Errorf("the provider saw %s", p.Last().Path)
		}
	})
	t.Run("22 https", func(t *testing.T) {
		var path string
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path = r.URL.Path
			answerSmall(w, r, 0)
		}))
		s.StartTLS()
		defer s.Close()
		roots := filepath.Join(t.TempDir(), "roots.pem")
		if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		doc := strings.Replace(customDoc(p), p.URL, s.URL, 1)
		customs{"tls": doc}.start(t, "", "--ca-file", roots).ask(t, 200, chat("tls:m", "hi"))
		if path != completions {
			t.Errorf("the provider saw %s", path)
		}
		customs{"tls": doc}.start(t, "").ask(t, 503, chat("tls:m", "hi")) // nobody vouches for it
	})
	t.Run("23 aliases", func(t *testing.T) {
		if a := g.ask(t, 400, chat("gpt-4", "more than five tokens of text")); a.detail(t).Details["model"] != "gpt-4" {
			t.Errorf("got %s", a.Body)
		}
		g.ask(t, 200, chat("m-latest", "hi"))
		if p.Last().Model != "m" {
			t.Errorf("the provider saw model %q", p.Last().Model)
		}
	})
	t.Run("24 what cannot be read", func(t *testing.T) {
		before := p.Counts().Total + q.Counts().Total
		for _, body := range []string{`{"model":`, `[]`, `{"model":5}`, ""} {
			a := d.ask(t, 400, body)
			a.errorCode(t) // fails unless it is an error of OpenAI's shape
			if kind := a.Header.Get("Content-Type"); kind != "application/json" {
				t.Errorf("%q: content type %q", body, kind)
			}
		}
		if n := p.Counts().Total + q.Counts().Total; n != before {
			t.Errorf("the providers got %d requests", n-before)
		}
	})
}

// TestParameters is section 5.6.
func TestParameters(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	g := customs{
		"a": customDoc(p, "models: {m: {parameters: {temperature: 0.7, top_p: 0.9}}, other: {}, d: {parameters: {seed: 9007199254740993}}}", "default_model: d"),
	}.start(t, "", "--default-backend", "a")
	sent := func(body string) string {
		t.Helper()
		g.ask(t, 200, body)
		last := p.Last()
		if last.ContentLength != int64(len(last.Body)) {
			t.Errorf("announced %d bytes, sent %d", last.ContentLength, len(last.Body))
		}
		return string(last.Body)
	}
	t.Run("49 only what is not there", func(t *testing.T) {
		for body, want := range map[string]string{
			`{"model":"m","messages":[{"role":"user","content":"hi"}]}`:                    `{"temperature":0.7,"top_p":0.9,"model":"m","messages":[{"role":"user","content":"hi"}]}`,
			`{"model":"m","temperature":0,"messages":[{"role":"user","content":"hi"}]}`:    `{"top_p":0.9,"model":"m","temperature":0,"messages":[{"role":"user","content":"hi"}]}`,
			`{"model":"m","temperature":null,"messages":[{"role":"user","content":"hi"}]}`: `{"top_p":0.9,"model":"m","temperature":null,"messages":[{"role":"user","content":"hi"}]}`,
		} {
			if got := sent(body); got != want {
				t.Errorf("the provider saw %s, want %s", got, want)
			}
		}
	})
	t.Run("50 of this model alone", func(t *testing.T) {
		if got := sent(chat("a:other", "hi")); strings.Contains(got, "temperature") || strings.Contains(got, "seed") {
			t.Errorf("the provider saw %s", got)
		}
		if got := sent(`{"messages":[{"role":"user","content":"hi"}]}`); !strings.Contains(got, `"seed":9007199254740993`) || !strings.Contains(got, `"model":"d"`) {
			t.Errorf("the provider saw %s", got)
		}
	})
	t.Run("51 all else is as it was", func(t *testing.T) {
		const rest = `"user":"u\u00e9\n","seed":9007199254740993 , "stop":null,"metadata":{"a":"ß"},"messages":[{"role":"user","content":"日本 \ud83d\ude00"}]}`
		if got := sent(`{"model":"m",` + rest); got != `{"temperature":0.7,"top_p":0.9,"model":"m",`+rest {
			t.Errorf("the provider saw %s", got)
		}
	})
}
