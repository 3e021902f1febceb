package extproc_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/extproc/extproctest"
	"llmroute/router/config"
)

// The sample of each provider, with nothing but its key, sends a chat where
// that provider expects it and as it expects it.
func TestProviderSamples(t *testing.T) {
	tests := []struct {
		file, model, extra string
		path               string
		headers            map[string][]string
		changed            string // in the body, from extra on
		warnings           string
	}{
		{file: "openai.yaml", model: "gpt-5", extra: `,"verbosity":"low"`, path: "/v1/chat/completions",
			headers: map[string][]string{"authorization": {"Bearer sample-key"}, "api-key": nil}, changed: `,"verbosity":"low"`},
		{file: "azure-openai.yaml", model: "my deployment", extra: `,"verbosity":"low"`, path: "/openai/v1/chat/completions",
			headers: map[string][]string{"api-key": {"sample-key"}, "authorization": nil}, changed: `,"verbosity":"low"`},
		{file: "azure-openai.yaml", model: "gpt-4o-dated", extra: `,"verbosity":"low"`, path: "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
			headers: map[string][]string{"api-key": {"sample-key"}, "authorization": nil}, warnings: "verbosity;unsupported"},
	}
	for _, tt := range tests {
		t.Run(tt.file+" "+tt.model, func(t *testing.T) {
			conf, err := config.Load(config.Options{
				Paths:     []string{filepath.Join("../manifests/samples", tt.file)},
				LookupEnv: func(string) (string, bool) { return "sample-key", true },
			})
			if err != nil {
				t.Fatal(err)
			}
			start := `{"model":"` + tt.model + `","messages":[{"role":"user","content":"hi"}]`
			res := do(t, processor(t, conf, nil), extproctest.Post("/v1/chat/completions", start+tt.extra+"}",
				extproctest.Header{Name: "authorization", Value: "Bearer client"}), nil)
			if res.Immediate {
				t.Fatalf("refused: %s", res.Client.Bytes())
			}
			if got := res.Upstream.Get(":path"); got != tt.path {
				t.Errorf("path: got %s, want %s", got, tt.path)
			}
			for name, want := range tt.headers {
				if diff := cmp.Diff(res.Upstream.Values(name), want); diff != "" {
					t.Errorf("%s at the provider: got (-), want (+):\n%s", name, diff)
				}
			}
			if got, want := string(res.Upstream.Bytes()), start+tt.changed+"}"; got != want {
				t.Errorf("body: got %s, want %s", got, want)
			}
			if got := strings.Join(res.Client.Values("x-llmroute-warnings"), "|"); got != tt.warnings {
				t.Errorf("warnings: got %q, want %q", got, tt.warnings)
			}
		})
	}
}
