package translator

import (
	"bytes"
	"encoding/base64"
	"runtime"
	"strings"
	"testing"
)

// foreign is a backend of another dialect than the client's, as far as memory and
// time are of interest.
type foreign struct {
	name    string
	backend Backend
	model   string
	kind    string // the media type of its streams
	begin   string // a stream's first events, one a line
	event   string // and one that may come any number of times
	answer  string // an answer's beginning and end, around its text
}

const textHere = "TEXT"

func foreigners() []foreign {
	const (
		claude = `message_start {"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":1}}}` + "\n" +
			`content_block_start {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`
		word   = `content_block_delta {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" word"}}`
		answer = `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"TEXT"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}`
	)
	return []foreign{
		{"Anthropic", Backend{Schema: Anthropic, Prefix: "/v1"}, "claude-sonnet-4-5", "text/event-stream", claude, word, answer},
		{"Bedrock", Backend{Schema: AWSBedrock}, "amazon.nova-pro-v1:0", "application/vnd.amazon.eventstream", `messageStart {"role":"assistant"}`,
			`contentBlockDelta {"contentBlockIndex":0,"delta":{"text":" word"},"p":"abcdefgh"}`,
			`{"output":{"message":{"content":[{"text":"TEXT"}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}`},
		{"Gemini", Backend{Schema: GoogleAIStudio, Prefix: "/v1beta"}, "gemini-3.5-flash", "text/event-stream",
			` {"candidates":[{"content":{"parts":[{"text":"A"}],"role":"model"},"index":0}],"modelVersion":"m","responseId":"r"}`,
			` {"candidates":[{"content":{"parts":[{"text":" word"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":1,"totalTokenCount":1},"modelVersion":"m","responseId":"r"}`,
			`{"candidates":[{"content":{"parts":[{"text":"TEXT"}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1,"totalTokenCount":2},"responseId":"r"}`},
		{"Claude at Bedrock", Backend{Schema: AWSAnthropic}, "anthropic.claude-sonnet-4-5-v1:0", "application/vnd.amazon.eventstream", claude, word, answer},
	}
}

// framed returns events, one a line, as the backend sends them.
func (f *foreign) framed(t testing.TB, events string) []byte {
	t.Helper()
	var b strings.Builder
	for line := range strings.SplitSeq(events, "\n") {
		name, data, _ := strings.Cut(line, " ")
		switch f.backend.Schema {
		case Anthropic:
			b.WriteString("event: " + name + "\ndata: " + data + "\n\n")
		case GoogleAIStudio:
			b.WriteString("data: " + data + "\r\n\r\n")
		case AWSAnthropic:
			b.Write(eventStream(t, `chunk {"bytes":"`+base64.StdEncoding.EncodeToString([]byte(data))+`","p":"abcdef"}`))
		default:
			b.Write(eventStream(t, line))
		}
	}
	return []byte(b.String())
}

// open returns an Exchange that has seen a request and its reply's head.
func (f *foreign) open(t testing.TB, stream string, kind string) Exchange {
	t.Helper()
	body := []byte(`{"model":"m",` + stream + `"messages":[{"role":"user","content":"go"}]}`)
	var fields Fields
	if err := Scan(ChatCompletions, "", body, &fields); err != nil {
		t.Fatal(err)
	}
	x, err := New(OpenAI, ChatCompletions, &f.backend)
	if err != nil {
		t.Fatal(err)
	}
	var request, head Edit
	if err := x.Request(&request, &Call{Path: "/v1/chat/completions", Model: f.model, Fields: &fields, Body: body, Header: headers{}}); err != nil {
		t.Fatal(err)
	}
	if err := x.Head(&head, 200, headers{"content-type": kind}); err != nil {
		t.Fatal(err)
	}
	return x
}

// flowing returns an Exchange in the middle of a stream, and an event that may
// come any number of times.
func (f *foreign) flowing(t testing.TB) (Exchange, []byte) {
	t.Helper()
	x := f.open(t, `"stream":true,`, f.kind)
	if _, _, err := x.Body(nil, f.framed(t, f.begin), false); err != nil {
		t.Fatal(err)
	}
	return x, f.framed(t, f.event)
}

// A stream of text costs no memory per event once it is under way.
func TestTranslatedStreamAllocates(t *testing.T) {
	for _, f := range foreigners() {
		t.Run(f.name, func(t *testing.T) {
			x, chunk := f.flowing(t)
			dst := make([]byte, 0, 4096)
			n := testing.AllocsPerRun(200, func() {
				if out, _, err := x.Body(dst, chunk, false); err != nil || !bytes.Contains(out, []byte(`" word"`)) {
					t.Fatalf("%q, %v", out, err)
				}
			})
			if n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// A request of a megabyte is there twice, as it came and as it goes: what else it
// takes is small beside it.
func TestTranslatedRequestMemory(t *testing.T) {
	body := chatBody(1<<20, "some words, ")
	var fields Fields
	if err := Scan(ChatCompletions, "", body, &fields); err != nil {
		t.Fatal(err)
	}
	for _, f := range foreigners() {
		t.Run(f.name, func(t *testing.T) {
			call := Call{Path: "/v1/chat/completions", Model: f.model, Fields: &fields, Body: body, Header: headers{}}
			heldTwice(t, len(body), func() {
				x, err := New(OpenAI, ChatCompletions, &f.backend)
				if err != nil {
					t.Fatal(err)
				}
				if err := x.Request(new(Edit), &call); err != nil {
					t.Fatal(err)
				}
				Release(x)
			})
		})
	}
}

// So is an answer.
func TestTranslatedAnswerMemory(t *testing.T) {
	for _, f := range foreigners() {
		t.Run(f.name, func(t *testing.T) {
			body := []byte(strings.Replace(f.answer, textHere, strings.Repeat("some words, ", 1<<20/12), 1))
			heldTwice(t, len(body), func() {
				x := f.open(t, "", "application/json")
				out, _, err := x.Body(nil, body, true)
				if err != nil || len(out) < len(body)-1<<10 {
					t.Fatalf("%d bytes, %v", len(out), err)
				}
				Release(x)
			})
		})
	}
}

// heldTwice requires that an exchange of a body of that size allocates one other
// of it and little more, once what is made but once has been made.
func heldTwice(t *testing.T, size int, exchange func()) {
	t.Helper()
	exchange()
	const runs = 5
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		exchange()
	}
	runtime.ReadMemStats(&after)
	most := uint64(size + size/4)
	if raceEnabled {
		most *= 2 // its memory is not always there to be used again
	}
	if got := (after.TotalAlloc - before.TotalAlloc) / runs; got > most {
		t.Errorf("%d bytes for one of %d, want at most %d", got, size, most)
	}
}

func BenchmarkTranslatedEvent(b *testing.B) {
	for _, f := range foreigners() {
		b.Run(f.name, func(b *testing.B) {
			x, chunk := f.flowing(b)
			dst := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := x.Body(dst, chunk, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkTranslatedRequest(b *testing.B) {
	for _, f := range foreigners() {
		for _, bb := range benchBodies {
			b.Run(f.name+"/"+bb.name, func(b *testing.B) {
				var fields Fields
				if err := Scan(ChatCompletions, "application/json", bb.body, &fields); err != nil {
					b.Fatal(err)
				}
				call := Call{Path: "/v1/chat/completions", Model: f.model, Fields: &fields, Body: bb.body, Header: headers{}}
				var out Edit
				b.SetBytes(int64(len(bb.body)))
				b.ReportAllocs()
				for b.Loop() {
					x, err := New(OpenAI, ChatCompletions, &f.backend)
					if err != nil {
						b.Fatal(err)
					}
					out = Edit{Set: out.Set[:0], Remove: out.Remove[:0], Warn: out.Warn[:0], Body: out.Body[:0]}
					if err := x.Request(&out, &call); err != nil {
						b.Fatal(err)
					}
					Release(x)
				}
			})
		}
	}
}

func BenchmarkTranslatedAnswer(b *testing.B) {
	for _, f := range foreigners() {
		for _, size := range []struct {
			name string
			n    int
		}{{"1KB", 1 << 10}, {"32KB", 32 << 10}, {"1MB", 1 << 20}} {
			b.Run(f.name+"/"+size.name, func(b *testing.B) {
				body := []byte(strings.Replace(f.answer, textHere, strings.Repeat("some words, ", size.n/12), 1))
				var out []byte
				b.SetBytes(int64(len(body)))
				b.ReportAllocs()
				for b.Loop() {
					x := f.open(b, "", "application/json")
					var err error
					if out, _, err = x.Body(out[:0], body, true); err != nil || len(out) < size.n {
						b.Fatal(err)
					}
					Release(x)
				}
			})
		}
	}
}
