package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoSecretIsPrinted prints a Config in every way there is.
func TestNoSecretIsPrinted(t *testing.T) {
	const hidden = "sk-hidden"
	c, err := Load(Options{
		Sources: []Source{{Name: "memory", Data: []byte(
			manifest("a", "  auth: {type: APIKey, key: "+hidden+"}\n") + "---\n" +
				manifest("b", "  auth: {type: APIKey, env: K}\n"))}},
		LookupEnv: env("K", hidden),
	})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, v := range []any{c, *c, c.Backends[0], *c.Backends[0], *c.Backends[1], c.Backends[0].Auth, c.Backends[0].Auth.Key, c.Warnings} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		if err := json.NewEncoder(&out).Encode(v); err != nil {
			t.Fatal(err)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("config", "value", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("config", "value", v)
	}
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, hidden) || strings.Contains(line, fmt.Sprintf("%x", hidden)) {
			t.Errorf("the key shows in %s", line)
		}
	}
	if !strings.Contains(out.String(), "[redacted]") {
		t.Error("nothing was redacted, so nothing was printed")
	}
}

// TestHash shows what makes two configurations differ.
func TestHash(t *testing.T) {
	dir := t.TempDir()
	file, key := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "key")
	write(t, file, manifest("a", "  auth: {type: APIKey, file: "+key+"}\n")+"---\n"+manifest("b", "  auth: {type: APIKey, env: K}\n"))
	write(t, key, "sk-1")
	value := "v1"
	o := Options{Paths: []string{dir}, LookupEnv: func(string) (string, bool) { return value, true }}
	load := func() string {
		t.Helper()
		c, err := Load(o)
		if err != nil {
			t.Fatal(err)
		}
		return c.Hash
	}
	last := load()
	if again := load(); again != last {
		t.Errorf("hash %s, then %s", last, again)
	}
	for _, change := range []struct {
		name string
		do   func()
	}{
		{"key file", func() { write(t, key, "sk-2") }},
		{"key file removed", func() { os.Remove(key) }},
		{"environment", func() { value = "v2" }},
		{"another file", func() { write(t, filepath.Join(dir, "b.yaml"), manifest("c")) }},
		{"default backend", func() { o.DefaultBackend = "a" }},
	} {
		change.do()
		h := load()
		if h == last {
			t.Errorf("%s: the hash stayed", change.name)
		}
		last = h
	}
	write(t, filepath.Join(dir, "notes.txt"), "x")
	if h := load(); h != last {
		t.Error("a file that is not read changed the hash")
	}
}

// BenchmarkLoad loads 10,000 rules, as many as 625 HTTPRoutes hold.
func BenchmarkLoad(b *testing.B) {
	var doc strings.Builder
	doc.WriteString(manifest("a"))
	for i := range 625 {
		fmt.Fprintf(&doc, "---\napiVersion: aigateway.envoyproxy.io/v1alpha1\nkind: LLMRoute\nmetadata: {name: r%d}\nspec: {inputSchema: OpenAI, httpRouteRef: {name: h%d}}\n", i, i)
		fmt.Fprintf(&doc, "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: h%d}\nspec:\n  rules:\n", i)
		for j := range 16 {
			fmt.Fprintf(&doc, "  - matches: [{headers: [{name: x-envoy-ai-gateway-llm-model, value: m-%d-%d}]}]\n    backendRefs: [{name: a}]\n", i, j)
		}
	}
	o := Options{Sources: []Source{{Name: "memory", Data: []byte(doc.String())}}}
	for b.Loop() {
		if _, err := Load(o); err != nil {
			b.Fatal(err)
		}
	}
}
