package extproc_test

import (
	"strings"
	"testing"

	"llmroute/extproc/extproctest"
)

// BenchmarkExchange is the whole processor, and gRPC on both sides of an
// in-memory connection. bench/ measures the same with a real Envoy.
func BenchmarkExchange(b *testing.B) {
	events := make([]string, 0, 101)
	for range 100 {
		events = append(events, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word \"},\"finish_reason\":null}]}\n\n")
	}
	events = append(events, "data: [DONE]\n\n")
	chat := func(model string, n int) string {
		return `{"model":"` + model + `","messages":[{"role":"user","content":"` + strings.Repeat("x", n) + `"}]}`
	}
	plain := extproctest.Reply(200, "application/json", `{"id":"c","model":"m","choices":[{"finish_reason":"stop","message":{"role":"assistant","content":"`+
		strings.Repeat("y", 500)+`"}}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`)
	for _, bm := range []struct {
		name, body string
		up         extproctest.Upstream
	}{
		{"1KB", chat("m-plain", 1<<10), plain},
		{"1KB-override", chat("m-keyed", 1<<10), plain},
		{"32KB", chat("m-plain", 32<<10), plain},
		{"1MB-override", chat("m-keyed", 1000<<10), plain},
		{"100events", streamBody("m-plain", `,"stream_options":{"include_usage":true}`), extproctest.Reply(200, "text/event-stream", events...)},
		{"100events-hidden", streamBody("m-plain", ""), extproctest.Reply(200, "text/event-stream", events...)},
	} {
		b.Run(bm.name, func(b *testing.B) {
			c := processor(b, testConfig(), nil)
			req := extproctest.Post("/v1/chat/completions", bm.body)
			b.SetBytes(int64(len(bm.body)))
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if _, err := c.Do(b.Context(), req, bm.up); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
