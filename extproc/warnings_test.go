package extproc_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"llmroute/extproc/extproctest"
	"llmroute/router/config"
	"llmroute/translator"
)

// What an answer cannot tell stands in its head as long as that has not left,
// and in the log in any case.
func TestWarningsOfReplies(t *testing.T) {
	const whole = `{"id":"m1","content":[{"type":"text","text":"So"}],"stop_reason":"pause_turn","usage":{"input_tokens":1,"output_tokens":1}}`
	const events = `data: {"type":"message_start","message":{"id":"m1"}}` + "\n\n" +
		`data: {"type":"message_delta","delta":{"stop_reason":"pause_turn"},"usage":{"output_tokens":1}}` + "\n\n" +
		`data: {"type":"message_stop"}` + "\n\n"
	c := &config.Config{
		Hash:     "test",
		Backends: []*config.Backend{backend("claude", func(b *config.Backend) { b.Schema = translator.Backend{Schema: translator.Anthropic} })},
		Routes:   []*config.Route{exactModel("claude", "claude-sonnet-4-5", "claude")},
	}
	tests := []struct{ name, kind, reply, header string }{
		{"whole", "application/json", whole, "seed;unsupported, finish_reason;pause_turn"},
		{"streamed", "text/event-stream", events, "seed;unsupported"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			t.Run("request", func(t *testing.T) {
				p := processor(t, c, &syncWriter{w: &log})
				ask := `{"model":"claude-sonnet-4-5","seed":1,"stream":` + map[bool]string{true: "true", false: "false"}[tt.name == "streamed"] + `,"messages":[{"role":"user","content":"hi"}]}`
				res := do(t, p, extproctest.Post("/v1/chat/completions", ask), extproctest.Reply(200, tt.kind, tt.reply))
				if got := res.Client.Get("x-llmroute-warnings"); got != tt.header {
					t.Errorf("got the header %q, want %q", got, tt.header)
				}
			})
			for line := range strings.Lines(log.String()) {
				var m map[string]any
				if err := json.Unmarshal([]byte(line), &m); err != nil {
					t.Fatal(err)
				}
				if m["msg"] == "request" && m["warnings"] != "finish_reason;pause_turn, seed;unsupported" {
					t.Errorf("logged %s", line)
				}
			}
			if !strings.Contains(log.String(), "finish_reason;pause_turn") {
				t.Errorf("nothing was logged of it: %s", log.String())
			}
		})
	}
}
