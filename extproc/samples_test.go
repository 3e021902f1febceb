package extproc_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
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
		upstream           string // the model in the body, when it is another one
		translated         bool   // the body is another dialect's: its own tests tell how
	}{
		{file: "openai.yaml", model: "gpt-5", extra: `,"verbosity":"low"`, path: "/v1/chat/completions",
			headers: map[string][]string{"authorization": {"Bearer sample-key"}, "api-key": nil}, changed: `,"verbosity":"low"`},
		{file: "azure-openai.yaml", model: "my deployment", extra: `,"verbosity":"low"`, path: "/openai/v1/chat/completions",
			headers: map[string][]string{"api-key": {"sample-key"}, "authorization": nil}, changed: `,"verbosity":"low"`},
		{file: "azure-openai.yaml", model: "gpt-4o-dated", extra: `,"verbosity":"low"`, path: "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
			headers: map[string][]string{"api-key": {"sample-key"}, "authorization": nil}, warnings: "verbosity;unsupported"},
		{file: "anthropic.yaml", model: "claude-sonnet-4-5", path: "/v1/messages", translated: true,
			headers: map[string][]string{"x-api-key": {"sample-key"}, "authorization": nil, "anthropic-version": {"2023-06-01"}}},
		{file: "google-anthropic.yaml", model: "claude-sonnet-4-5@20250929", translated: true,
			path:    "/v1/projects/my-project/locations/us-east5/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
			headers: map[string][]string{"authorization": {"Bearer sample-token"}, "x-api-key": nil}},
		{file: "google-vertex.yaml", model: "gemini-flash", path: "/v1/projects/my-project/locations/us-central1/endpoints/openapi/chat/completions",
			headers: map[string][]string{"authorization": {"Bearer sample-token"}}, upstream: "google/gemini-2.5-flash"},
	}
	googleAccount := serviceAccount(t, "sample-token")
	for _, tt := range tests {
		t.Run(tt.file+" "+tt.model, func(t *testing.T) {
			conf, err := config.Load(config.Options{
				Paths: []string{filepath.Join("../manifests/samples", tt.file)},
				LookupEnv: func(name string) (string, bool) {
					if name == "GOOGLE_APPLICATION_CREDENTIALS" {
						return googleAccount, true
					}
					return "sample-key", true
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			const rest = `","messages":[{"role":"user","content":"hi"}]`
			start := `{"model":"` + tt.model + rest
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
			if tt.upstream != "" {
				start = `{"model":"` + tt.upstream + rest
			}
			if got, want := string(res.Upstream.Bytes()), start+tt.changed+"}"; !tt.translated && got != want {
				t.Errorf("body: got %s, want %s", got, want)
			}
			if got := strings.Join(res.Client.Values("x-llmroute-warnings"), "|"); got != tt.warnings {
				t.Errorf("warnings: got %q, want %q", got, tt.warnings)
			}
		})
	}
}

// serviceAccount writes the document of a service account of Google Cloud, whose
// token endpoint gives out token, and returns its file.
func serviceAccount(t *testing.T, token string) string {
	t.Helper()
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("content-type", "application/json")
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, token)
	}))
	t.Cleanup(endpoint.Close)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "robot@example.com", "token_uri": endpoint.URL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
