package e2e

import (
	"net/http"
	"testing"
)

// The routing header comes from the body, the provider sees it, and what a
// client sends under our names changes nothing and goes nowhere.
func TestModelComesFromTheBody(t *testing.T) {
	a, b := startProvider(t), startProvider(t)
	g := start(t, backendDoc("a", a.URL)+backendDoc("b", b.URL)+routeDoc("r", modelRule("one", "a"), modelRule("two", "b")))
	got := g.post(t, "/v1/chat/completions", chat("one", "hi"),
		"x-envoy-ai-gateway-llm-model", "two", "x-envoy-ai-gateway-selected-backend", "b", "x-llmroute-backend", "b")
	if got.Status != http.StatusOK || got.Header.Get("x-llmroute-backend") != "a" {
		t.Fatalf("got %d from %q: %s", got.Status, got.Header.Get("x-llmroute-backend"), got.Body)
	}
	if n := b.Counts().Total; n != 0 {
		t.Errorf("the backend of the spoofed header got %d requests", n)
	}
	header := a.Last().Header
	if got := header.Values("x-envoy-ai-gateway-llm-model"); len(got) != 1 || got[0] != "one" {
		t.Errorf("the provider saw the model header %q, want one", got)
	}
	for _, name := range []string{"x-envoy-ai-gateway-selected-backend", "x-llmroute-backend"} {
		if v := header.Values(name); len(v) != 0 {
			t.Errorf("the provider saw %s: %q", name, v)
		}
	}
}
