package bedrock

import (
	"strings"
	"testing"

	"llmroute/translator/chat"
)

// BenchmarkRequest reads a request of OpenAI's and writes it for Bedrock.
func BenchmarkRequest(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"1KB", 1 << 10}, {"32KB", 32 << 10}, {"1MB", 1 << 20}} {
		var turns strings.Builder
		for turns.Len() < size.n {
			turns.WriteString(`{"role":"user","content":"` + strings.Repeat("some words, ", min(size.n, 4096)/12) + `"},{"role":"assistant","content":"Yes."},`)
		}
		body := `{"messages":[` + turns.String() + `{"role":"user","content":"?"}],"temperature":0.7,"max_tokens":512,"stream":true,"model":"m"}`
		b.Run(size.name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := send(chat.Options{Model: nova1}, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEvent reads one piece of a stream.
func BenchmarkEvent(b *testing.B) {
	r := newReader(nova1)
	name, data := []byte("contentBlockDelta"), []byte(`{"contentBlockIndex":0,"delta":{"text":"some words"},"p":"abcdefgh"}`)
	var evs []chat.Event
	b.ReportAllocs()
	for b.Loop() {
		evs = r.Read(evs[:0], name, data)
	}
}
