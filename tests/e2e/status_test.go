package e2e

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// A status is told when the whole reply has been seen: what was called a success
// may be an error, and whose a refused credential is decides what it means.
func TestStatusOfWhatIsNoAnswer(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var reply func(http.ResponseWriter)
	b := startBackend(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		mu.Lock()
		defer mu.Unlock()
		reply(w)
	})
	claude := func(name, auth string) string {
		return strings.Replace(backendDoc(name, b.URL, "auth: "+auth), "outputSchema: OpenAI", "outputSchema: Anthropic", 1)
	}
	const own = "{type: APIKey, key: sk-gateway}"
	g := start(t, backendDoc("openai", b.URL, "auth: "+own)+backendDoc("openai-client", b.URL, "auth: {type: Passthrough}")+
		claude("claude", own)+claude("claude-client", "{type: Passthrough}")+
		routeDoc("r", modelRule("openai", "openai"), modelRule("openai-client", "openai-client"),
			modelRule("claude", "claude"), modelRule("claude-client", "claude-client")))

	const (
		denied = `{"type":"error","error":{"type":"authentication_error","message":"no: sk-gate***"},"request_id":"req_1"}`
		shed   = `{"type":"error","error":{"type":"overloaded_error","message":"busy"}}`
	)
	for _, tt := range []struct {
		name, model string
		stream      bool
		status      int
		body        string
		want        int
		code        string
		retry       string // x-should-retry
	}{
		{"our key", "openai", false, 401, `{"error":{"message":"no: sk-gate***"}}`, 502, "provider_auth_error", "false"},
		{"our key, translated", "claude", false, 401, denied, 502, "provider_auth_error", "false"},
		{"our key, to a stream", "claude", true, 401, denied, 502, "provider_auth_error", "false"},
		{"our key, without a word", "claude", false, 401, "", 502, "provider_auth_error", "false"},
		{"our key, without a word, untranslated", "openai", false, 401, "", 502, "provider_auth_error", "false"},
		{"the client's key", "openai-client", false, 401, `{"error":{"message":"no","type":"invalid_request_error","code":"invalid_api_key"}}`, 401, "invalid_api_key", ""},
		{"the client's key, translated", "claude-client", false, 401, denied, 401, "invalid_api_key", ""},
		{"a success that is an error", "openai", false, 200, `{"error":{"code":429,"message":"slow down"}}`, 429, "", ""},
		{"a success that is an error without a status", "openai", false, 200, `{"error":{"message":"it broke"}}`, 502, "", ""},
		{"a success that is an error, translated", "claude", false, 200, shed, 529, "overloaded", ""},
		{"a success that is an error, to a stream", "claude", true, 200, shed, 529, "overloaded", ""},
		{"a success without a word", "claude", false, 200, "", 502, "upstream_malformed_reply", ""},
		{"a success that cannot be read", "claude", false, 200, "<html>", 502, "upstream_malformed_reply", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mu.Lock()
			reply = func(w http.ResponseWriter) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}
			mu.Unlock()
			body := chat(tt.model, "hi")
			if tt.stream {
				body = streamBody(tt.model, "hi", true)
			}
			a := g.post(t, "/v1/chat/completions", body, "authorization", "Bearer sk-client")
			if a.Status != tt.want {
				t.Errorf("got %d %s, want %d", a.Status, a.Body, tt.want)
			}
			if !strings.Contains(a.Body, `"error":{`) || strings.Contains(a.Body, "sk-gate") && tt.want == 502 {
				t.Errorf("body %s", a.Body)
			}
			if tt.code != "" && a.errorCode(t) != tt.code {
				t.Errorf("code %q, want %q", a.errorCode(t), tt.code)
			}
			if got := a.Header.Get("x-should-retry"); got != tt.retry {
				t.Errorf("x-should-retry %q, want %q", got, tt.retry)
			}
			if kind := a.Header.Get("Content-Type"); kind != "application/json" {
				t.Errorf("content type %q", kind)
			}
		})
	}
}
