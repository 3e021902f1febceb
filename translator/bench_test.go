package translator

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// chatBody returns a chat request of about size bytes whose model comes last.
func chatBody(size int, words string) []byte {
	var b strings.Builder
	b.WriteString(`{"messages":[{"role":"system","content":"You are terse."}`)
	for b.Len() < size {
		n := min(max(size-b.Len(), 0)/len(words)+1, 4096/len(words)+1)
		b.WriteString(`,{"role":"user","content":"` + strings.Repeat(words, n) + `"}`)
	}
	b.WriteString(`],"temperature":0.7,"max_tokens":512,"stream":true,"model":"gpt-small"}`)
	return []byte(b.String())
}

var benchBodies = []struct {
	name string
	body []byte
}{
	{"1KB", chatBody(1<<10, "some words, ")},
	{"32KB", chatBody(32<<10, "some words, ")},
	{"1MB", chatBody(1<<20, "some words, ")},
	{"1MB-escapes", chatBody(1<<20, `\tif x == \"y\" {\n`)},
	{"1MB-chinese", chatBody(1<<20, "模型路由与翻译")},
	{"1MB-image", []byte(`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + strings.Repeat("iVBORw0KGgoA", 1<<20/12) + `"}}]}],"model":"gpt-small"}`)},
}

func BenchmarkScan(b *testing.B) {
	for _, bb := range benchBodies {
		b.Run(bb.name, func(b *testing.B) {
			var f Fields
			b.SetBytes(int64(len(bb.body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := Scan(ChatCompletions, "application/json", bb.body, &f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkScanGJSON is what Scan competes with: validate, then walk.
func BenchmarkScanGJSON(b *testing.B) {
	for _, bb := range benchBodies {
		b.Run(bb.name, func(b *testing.B) {
			text := string(bb.body) // a conversion without a copy would be allowed
			b.SetBytes(int64(len(bb.body)))
			b.ReportAllocs()
			for b.Loop() {
				model := ""
				if gjson.ValidBytes(bb.body) {
					gjson.Parse(text).ForEach(func(key, value gjson.Result) bool {
						if key.Str == "model" {
							model = value.Str
						}
						return true
					})
				}
				if model == "" {
					b.Fatal("no model")
				}
			}
		})
	}
}

func BenchmarkRequest(b *testing.B) {
	for _, bb := range benchBodies {
		b.Run(bb.name, func(b *testing.B) {
			var f Fields
			if err := Scan(ChatCompletions, "application/json", bb.body, &f); err != nil {
				b.Fatal(err)
			}
			backend := Backend{Schema: OpenAI, Prefix: "/v1"}
			call := Call{Path: "/v1/chat/completions", Model: "vendor/gpt-small", Fields: &f, Body: bb.body}
			var out Edit
			b.SetBytes(int64(len(bb.body)))
			b.ReportAllocs()
			for b.Loop() {
				x, err := New(OpenAI, ChatCompletions, &backend)
				if err != nil {
					b.Fatal(err)
				}
				out.Body = out.Body[:0]
				if err := x.Request(&out, &call); err != nil {
					b.Fatal(err)
				}
				Release(x)
			}
		})
	}
}

// BenchmarkStream shows one event at a time, as Envoy sends them.
func BenchmarkStream(b *testing.B) {
	chunk := func(usage string) []byte {
		return []byte("data: {\"id\":\"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG\",\"object\":\"chat.completion.chunk\",\"created\":1741570283,\"model\":\"gpt-4o-2024-08-06\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_50cad350e4\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},\"logprobs\":null,\"finish_reason\":null}]" + usage + ",\"obfuscation\":\"0hXn2c4E\"}\n\n")
	}
	for _, bb := range []struct {
		name  string
		hide  bool
		chunk []byte
	}{
		{"watch", false, chunk("")},
		{"hide", true, chunk("")},
		{"hide-null", true, chunk(`,"usage":null`)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			p := &passthrough{mode: Stream, hide: bb.hide, watch: watch{op: ChatCompletions}}
			dst := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := p.Body(dst, bb.chunk, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWhole(b *testing.B) {
	answer := `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"` +
		strings.Repeat("some words, ", 1<<10/12) + `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}}`
	vectors := `{"object":"list","data":[` + strings.Repeat(`{"object":"embedding","index":0,"embedding":[`+strings.Repeat("-0.0123456,", 1535)+`0]},`, 63) +
		`{}],"model":"m","usage":{"prompt_tokens":10,"total_tokens":10}}`
	for _, bb := range []struct {
		op   Operation
		body string
	}{{ChatCompletions, answer}, {Embeddings, vectors}} {
		b.Run(fmt.Sprintf("%v-%dKB", bb.op, len(bb.body)>>10), func(b *testing.B) {
			body := []byte(bb.body)
			b.ReportAllocs()
			for b.Loop() {
				w := watch{op: bb.op}
				if w.whole(body); w.tally.Usage.Input != 10 {
					b.Fatal("no usage")
				}
			}
		})
	}
}
