package translator

import (
	"bytes"
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"llmroute/translator/frame"
)

// wrapped returns a stream of Anthropic's as Bedrock sends it: each event in
// base64, in a message of an event stream.
func wrapped(t testing.TB, stream []byte) []byte {
	t.Helper()
	var lines strings.Builder
	var s frame.SSE
	var ev frame.Event
	for s.Push(stream, true); s.Next(&ev); {
		if len(ev.Data) > 0 {
			lines.WriteString(`chunk {"bytes":"` + base64.StdEncoding.EncodeToString(ev.Data) + `","p":"abcdef"}` + "\n")
		}
	}
	if lines.Len() == 0 {
		return nil
	}
	return eventStream(t, lines.String())
}

// Bedrock's InvokeModel answers as Anthropic does, in another frame: the client
// cannot tell, wherever the stream is cut.
func TestClaudeAtBedrock(t *testing.T) {
	backend := Backend{Schema: AWSAnthropic}
	for _, c := range goldenCases(t) {
		name := filepath.Base(c.file)
		if c.backend.Schema != Anthropic || c.reply["content-type"] != "text/event-stream" && c.reply["content-type"] != "text/event-stream; charset=utf-8" ||
			strings.Contains(name, "citations") || // Bedrock does not search
			!c.fields.Stream {
			continue
		}
		t.Run(name, func(t *testing.T) {
			open := func(t rapid.TB) Exchange {
				x, err := New(OpenAI, ChatCompletions, &backend)
				if err != nil {
					t.Fatal(err)
				}
				var request, head Edit
				if err := x.Request(&request, &c.call); err != nil {
					t.Fatal(err)
				}
				reply := headers{"content-type": "application/vnd.amazon.eventstream", "date": c.reply["date"]}
				if err := x.Head(&head, 200, reply); err != nil || head.Mode != Stream {
					t.Fatalf("mode %d, error %v", head.Mode, err)
				}
				return x
			}
			direct, _, _ := c.exchange(t)
			want := play(t, direct, c.body)
			body := wrapped(t, c.body)
			for i := range len(body) + 1 {
				x := open(t)
				if diff := cmp.Diff(play(t, x, body[:i], body[i:]), want); diff != "" {
					t.Fatalf("cut at %d:\n%s", i, diff)
				}
				Release(x)
			}
			x := open(t)
			if diff := cmp.Diff(play(t, x, append(bytes.SplitAfter(body, nil), nil)...), want); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(x.Tally(), direct.Tally()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An exception in the stream, a damaged frame and a cut one end in an error.
func TestClaudeAtBedrockFails(t *testing.T) {
	chunk := eventStream(t, `chunk {"bytes":"`+base64.StdEncoding.EncodeToString([]byte(`{"type":"message_start","message":{"id":"m","usage":{}}}`))+`"}`)
	damaged := bytes.Clone(chunk)
	damaged[len(damaged)-1] ^= 1
	tests := []struct {
		name string
		body []byte
		code string
	}{
		{"an exception", append(bytes.Clone(chunk), eventStream(t, `!throttlingException {"message":"slow down"}`)...), "rate_limit_exceeded"},
		{"a too long conversation", eventStream(t, `!validationException {"message":"Input is too long for requested model."}`), "context_length_exceeded"},
		{"damage", damaged, "upstream_malformed_reply"},
		{"a cut", chunk[:len(chunk)-3], "upstream_stream_incomplete"},
		{"an early end", chunk, "upstream_stream_incomplete"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := []byte(`{"model":"anthropic.claude-sonnet-4-5-v1:0","stream":true,"messages":[{"role":"user","content":"go"}]}`)
			var f Fields
			if err := Scan(ChatCompletions, "", body, &f); err != nil {
				t.Fatal(err)
			}
			x, err := New(OpenAI, ChatCompletions, &Backend{Schema: AWSAnthropic})
			if err != nil {
				t.Fatal(err)
			}
			var request, head Edit
			if err := x.Request(&request, &Call{Model: f.Model, Fields: &f, Body: body, Header: headers{}}); err != nil {
				t.Fatal(err)
			}
			const path = "/model/anthropic.claude-sonnet-4-5-v1%3A0/invoke-with-response-stream"
			const sent = `{"anthropic_version":"bedrock-2023-05-31","max_tokens":8192,"messages":[{"role":"user","content":[{"type":"text","text":"go"}]}]}`
			if request.Path != path || string(request.Body) != sent {
				t.Errorf("sent %s to %s", request.Body, request.Path)
			}
			if err := x.Head(&head, 200, headers{"content-type": "application/vnd.amazon.eventstream"}); err != nil {
				t.Fatal(err)
			}
			out := play(t, x, tt.body)
			if got := x.Tally().Error; got != tt.code || !strings.Contains(out, `"code":"`+tt.code+`"`) || strings.Contains(out, "[DONE]") {
				t.Errorf("%s: %s", got, out)
			}
		})
	}
}

// A stream of text costs no memory per event once it is under way.
func TestTranslatedStreamAllocates(t *testing.T) {
	x, chunk := flowing(t)
	dst := make([]byte, 0, 4096)
	n := testing.AllocsPerRun(200, func() {
		if out, _, err := x.Body(dst, chunk, false); err != nil || len(out) == 0 {
			t.Fatalf("%q, %v", out, err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// flowing returns an Exchange in the middle of a stream of Claude's, and an
// event that may come any number of times.
func flowing(t testing.TB) (Exchange, []byte) {
	t.Helper()
	body := []byte(`{"model":"claude-sonnet-4-5","stream":true,"messages":[{"role":"user","content":"go"}]}`)
	var f Fields
	if err := Scan(ChatCompletions, "", body, &f); err != nil {
		t.Fatal(err)
	}
	x, err := New(OpenAI, ChatCompletions, &Backend{Schema: Anthropic, Prefix: "/v1"})
	if err != nil {
		t.Fatal(err)
	}
	var request, head Edit
	if err := x.Request(&request, &Call{Path: "/v1/chat/completions", Model: f.Model, Fields: &f, Body: body, Header: headers{}}); err != nil {
		t.Fatal(err)
	}
	if err := x.Head(&head, 200, headers{"content-type": "text/event-stream"}); err != nil {
		t.Fatal(err)
	}
	const begin = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":1}}}\n\n" +
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
	if _, _, err := x.Body(nil, []byte(begin), false); err != nil {
		t.Fatal(err)
	}
	return x, []byte("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" word\"}}\n\n")
}

func BenchmarkTranslatedEvent(b *testing.B) {
	x, chunk := flowing(b)
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := x.Body(dst, chunk, false); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTranslatedRequest(b *testing.B) {
	for _, bb := range benchBodies {
		b.Run(bb.name, func(b *testing.B) {
			var f Fields
			if err := Scan(ChatCompletions, "application/json", bb.body, &f); err != nil {
				b.Fatal(err)
			}
			backend := Backend{Schema: Anthropic, Prefix: "/v1"}
			call := Call{Path: "/v1/chat/completions", Model: "claude-sonnet-4-5", Fields: &f, Body: bb.body, Header: headers{}}
			var out Edit
			b.SetBytes(int64(len(bb.body)))
			b.ReportAllocs()
			for b.Loop() {
				x, err := New(OpenAI, ChatCompletions, &backend)
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
