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
			for i := 0; i <= len(body); i += step {
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
