package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// What is none of the paths of OpenAI's API is a 404 in its shape, a GET of one
// is no crash, and none of it reaches a provider, even with a rule for everything.
func TestOtherPathsAreNotFound(t *testing.T) {
	t.Parallel()
	f := startFleet(t, "a")
	g := start(t, f.docs()+routeDoc("r", catchAll("a")))
	tests := []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/", "", 404},
		{"POST", "/", chat("m", "hi"), 404},
		{"POST", "/v1/unknown", chat("m", "hi"), 404},
		{"POST", "/v1/chat/completionsx", chat("m", "hi"), 404},
		{"DELETE", "/v1/files/1", "", 404},
		{"GET", "/v1/chat/completions", "", 405},
		{"POST", "/v1/models", chat("m", "hi"), 405},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			a, err := g.try(t.Context(), tt.method, tt.path, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			a.errorCode(t)
			if a.Status != tt.status {
				t.Errorf("got %d, want %d: %s", a.Status, tt.status, a.Body)
			}
		})
	}
	if n := f.total(); n != 0 {
		t.Errorf("the provider got %d requests", n)
	}
}

// A client finds its own request id again, at the provider, in the answer and in
// an error; without one it gets one.
func TestRequestIDIsPreserved(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	g := start(t, backendDoc("a", p.URL)+routeDoc("r", modelRule("m", "a")))
	const id = "11111111-2222-3333-4444-555555555555"
	ok := g.post(t, "/v1/chat/completions", chat("m", "hi"), "x-request-id", id)
	if got := p.Last().Header.Values("x-request-id"); len(got) != 1 || got[0] != id {
		t.Errorf("the provider saw %q", got)
	}
	if got := ok.Header.Get("x-llmroute-request-id"); got != id {
		t.Errorf("the answer has %q", got)
	}
	if a := g.post(t, "/v1/chat/completions", chat("unknown", "hi"), "x-request-id", id); !strings.Contains(a.Body, id) {
		t.Errorf("the error does not have it: %s", a.Body)
	}
	g.post(t, "/v1/chat/completions", chat("m", "hi"))
	if got := p.Last().Header.Get("x-request-id"); got == "" || got == id {
		t.Errorf("without one the provider saw %q", got)
	}
}

// A body over the limit is refused with the limit in words, and is never let
// through unseen.
func TestBodyOverTheLimitIsRefused(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	g := startWith(t, settings{
		files: map[string]string{"config.yaml": backendDoc("a", p.URL) + routeDoc("r", catchAll("a"))},
		args:  []string{"--max-body", "64KiB"},
	})
	fits := chat("m", strings.Repeat("x", 64<<10-len(chat("m", ""))))
	if a := g.post(t, "/v1/chat/completions", fits); a.Status != http.StatusOK {
		t.Errorf("64 KiB: got %d: %s", a.Status, a.Body)
	}
	before := p.Counts().Total
	a := g.post(t, "/v1/chat/completions", fits+" ")
	if a.errorCode(t); a.Status != http.StatusRequestEntityTooLarge || !strings.Contains(a.Body, "65536") {
		t.Errorf("a byte more: got %d: %s", a.Status, a.Body)
	}
	if got := p.Counts().Total; got != before {
		t.Errorf("the provider got it")
	}
}

// Without the sidecar nothing passes: not untranslated, not anywhere.
func TestWithoutTheSidecarNothingPasses(t *testing.T) {
	p := startProvider(t)
	g := start(t, backendDoc("a", p.URL)+routeDoc("r", catchAll("a")))
	g.Sidecar.kill()
	begin := time.Now()
	a := g.post(t, "/v1/chat/completions", chat("m", "hi"))
	if code := a.errorCode(t); a.Status != http.StatusServiceUnavailable || code != "gateway_unavailable" {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	if d := time.Since(begin); d > 2*time.Second {
		t.Errorf("it took %v", d)
	}
	if n := p.Counts().Total; n != 0 {
		t.Errorf("the provider got %d requests", n)
	}
}

// The Envoy that is shipped runs as it must: requests held whole, failing closed,
// our headers allowed. It is asked what it runs, not what it was given.
func TestShippedEnvoyRunsAsItMust(t *testing.T) {
	p := startProvider(t)
	g := start(t, backendDoc("a", p.URL)+routeDoc("r", catchAll("a")))
	page, err := g.Envoy.Get("/config_dump")
	if err != nil {
		t.Fatal(err)
	}
	var dump any
	if err := json.Unmarshal([]byte(page), &dump); err != nil {
		t.Fatal(err)
	}
	filter := findType(dump, "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor")
	if filter == nil {
		t.Fatalf("no ext_proc in %s", page)
	}
	got, err := json.Marshal(map[string]any{
		"mode": filter["processing_mode"], "override": filter["allow_mode_override"], "rules": filter["mutation_rules"],
		"open": filter["failure_mode_allow"], "timeout": filter["message_timeout"],
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"mode":{"request_body_mode":"BUFFERED","request_header_mode":"SEND","request_trailer_mode":"SKIP",` +
		`"response_body_mode":"BUFFERED","response_header_mode":"SEND","response_trailer_mode":"SKIP"},` +
		`"open":null,"override":true,"rules":{"allow_envoy":true},"timeout":"10s"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !strings.Contains(page, `"request_body_buffer_limit": "67108864"`) {
		t.Error("the body limit is not raised")
	}
}

// findType returns the first message of a type in a dump.
func findType(v any, name string) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		if v["@type"] == "type.googleapis.com/"+name {
			return v
		}
		for _, member := range v {
			if found := findType(member, name); found != nil {
				return found
			}
		}
	case []any:
		for _, element := range v {
			if found := findType(element, name); found != nil {
				return found
			}
		}
	}
	return nil
}

// An Envoy that takes no x-envoy- headers from the sidecar sends nothing
// anywhere, and the sidecar says what is missing.
func TestMissingAllowEnvoyIsToldByName(t *testing.T) {
	p := startProvider(t)
	g := startWith(t, settings{
		files: map[string]string{"config.yaml": backendDoc("a", p.URL) + routeDoc("r", catchAll("a"))},
		bootstrap: func(s string) string {
			return strings.Replace(s, "mutation_rules: {allow_envoy: true}", "mutation_rules: {}", 1)
		},
	})
	a := g.post(t, "/v1/chat/completions", chat("m", "hi"))
	if a.errorCode(t); a.Status < 500 {
		t.Errorf("got %d: %s", a.Status, a.Body)
	}
	if n := p.Counts().Total; n != 0 {
		t.Errorf("the provider got %d requests", n)
	}
	waitFor(t, "the sidecar to say it", func() error {
		if log := g.Sidecar.log.String(); !strings.Contains(log, "mutation_rules.allow_envoy") {
			return fmt.Errorf("not in %s", log)
		}
		return nil
	})
}
