package bedrock

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/google/go-cmp/cmp"

	"llmroute/translator/chat"
	"llmroute/translator/frame"
)

type header map[string]string

func (h header) Get(name string) string { return h[name] }

// encode returns the stream whose events are written one a line: a type, a
// space, and its JSON. A type that begins with "!" is an exception's.
func encode(t testing.TB, lines string) []byte {
	t.Helper()
	var b bytes.Buffer
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		name, data, _ := strings.Cut(strings.TrimSpace(line), " ")
		m := eventstream.Message{Payload: []byte(data)}
		kind := "event"
		if exception, ok := strings.CutPrefix(name, "!"); ok {
			kind, name = "exception", exception
		}
		m.Headers.Set(":"+kind+"-type", eventstream.StringValue(name))
		m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
		m.Headers.Set(":message-type", eventstream.StringValue(kind))
		if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// spell writes an event in few words.
func spell(ev *chat.Event) string {
	what := map[chat.What]string{chat.Text: "text", chat.Thinking: "thinking", chat.Redacted: "redacted", chat.Call: "call"}[ev.What]
	switch ev.Kind {
	case chat.Start:
		return "start " + string(ev.ID)
	case chat.Open:
		return strings.TrimSpace(fmt.Sprintf("open %d %s %s %s", ev.Block, what, string(ev.ID), string(ev.Name)))
	case chat.Delta:
		return fmt.Sprintf("delta %d %s%s", ev.Block, string(ev.Text), string(ev.JSON))
	case chat.Cite:
		return fmt.Sprintf("cite %d %s %s", ev.Block, string(ev.ID), string(ev.Name))
	case chat.Close:
		return strings.TrimSpace(fmt.Sprintf("close %d %s %s", ev.Block, string(ev.Sig), ev.For))
	case chat.Replay:
		return fmt.Sprintf("replay %s %s", ev.For, string(ev.JSON))
	case chat.Finish:
		return "finish " + string(ev.Reason)
	case chat.Counts:
		return strings.TrimSpace(fmt.Sprintf("counts %d %d %d %d %d %s", ev.Usage.Input, ev.Usage.Cached, ev.Usage.CacheWrite, ev.Usage.Output, ev.Usage.Total, ev.Tier))
	case chat.Done:
		return "done"
	case chat.Fail:
		return fmt.Sprintf("fail %d %s %s %s", ev.Err.Status, ev.Err.Type, ev.Err.Code, ev.Err.RequestID)
	}
	return fmt.Sprintf("kind %d", ev.Kind)
}

func newReader(model string) chat.Reader {
	return Dialect{}.Reader(&chat.Trip{Options: chat.Options{Model: model}}, header{"x-amzn-requestid": "r1"})
}

// read pushes the chunks of a stream, and returns what was told.
func read(r chat.Reader, chunks ...[]byte) (told []string) {
	var s frame.EventStream
	var m frame.Message
	var evs []chat.Event
	tell := func() {
		for i := range evs {
			told = append(told, spell(&evs[i]))
		}
	}
	for i, c := range chunks {
		for s.Push(c, i == len(chunks)-1); s.Next(&m); {
			evs = r.Read(evs[:0], m.Name, m.Data)
			tell()
		}
	}
	if err := s.Err(); err == nil || errors.Is(err, frame.ErrCut) {
		evs = r.End(evs[:0])
		tell()
	}
	return told
}

const (
	begun   = `messageStart {"role":"assistant","p":"abcd"}` + "\n"
	counted = "\n" + `metadata {"usage":{"inputTokens":368,"outputTokens":19,"totalTokens":10923,"cacheReadInputTokens":10536,"cacheWriteInputTokens":0},"metrics":{"latencyMs":9}}`
	counts  = "\ncounts 10904 10536 0 19 10923"
	hello   = begun + `contentBlockDelta {"contentBlockIndex":0,"delta":{"text":""}}
contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"H\u00e9 \"x\""},"p":"abc"}
contentBlockStop {"contentBlockIndex":0}`
	toldHello = "start r1\nopen 0 text\ndelta 0 H\\u00e9 \\\"x\\\"\nclose 0\n"
)

var streams = []struct{ name, model, in, want string }{
	{"text without a start", sonnet46, hello + "\nmessageStop {\"stopReason\":\"end_turn\"}" + counted, toldHello[:len(toldHello)-1] + counts + "\nfinish stop\ndone"},
	{"counts before the end", nova1, hello + counted + "\nmessageStop {\"stopReason\":\"max_tokens\"}", toldHello[:len(toldHello)-1] + counts + "\nfinish length\ndone"},
	{"no counts", nova1, hello + "\nmessageStop {\"stopReason\":\"guardrail_intervened\"}", toldHello + "finish content_filter\ndone"},
	{"a reason nobody knows", nova1, hello + "\nmessageStop {\"stopReason\":\"brand_new_reason\"}", toldHello + "finish \ndone"},
	{"a reason nobody knows, and no answer", nova1, begun + "messageStop {\"stopReason\":\"brand_new_reason\"}", "start r1\nfail 502 server_error upstream_no_answer r1"},
	{"an answer that is broken", nova1, hello + "\nmessageStop {\"stopReason\":\"malformed_tool_use\"}" + counted, toldHello[:len(toldHello)-1] + counts + "\nfail 502 server_error malformed_tool_use r1"},
	{"cut behind a block", nova1, hello, toldHello + "fail 502 server_error upstream_stream_incomplete r1"},
	{"an exception first", nova1, `!throttlingException {"message":"Too many tokens, please wait before trying again."}`, "fail 429 rate_limit_error rate_limit_exceeded r1"},
	{"an exception in the middle", nova1, hello + "\n" + `!ValidationException {"message":"Input is too long for requested model."}` + "\nmessageStop {\"stopReason\":\"end_turn\"}", toldHello + "fail 400 invalid_request_error context_length_exceeded r1"},
	{"an exception behind the end", nova1, hello + "\nmessageStop {\"stopReason\":\"end_turn\"}\n" + `!modelStreamErrorException {"originalStatusCode":429,"originalMessage":"slow down"}`, toldHello + "fail 429 rate_limit_error model_error r1"},
	{"an exception nobody knows", nova1, hello + "\n!omenException {}", toldHello + "fail 502 server_error  r1"},
	{"an event nobody knows", nova1, hello + "\nomen {}\nmessageStop {\"stopReason\":\"end_turn\"}", toldHello + "finish stop\ndone"},
	{"reasoning, then two calls, one without arguments", sonnet46, begun + `contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"hm"}}}
contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"S=="}}}
contentBlockStop {"contentBlockIndex":0}
contentBlockStart {"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"a","name":"f"}}}
contentBlockDelta {"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\"x\""}}}
contentBlockDelta {"contentBlockIndex":1,"delta":{"toolUse":{"input":":1}"}}}
contentBlockStop {"contentBlockIndex":1}
contentBlockStart {"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"b","name":"g"}}}
contentBlockDelta {"contentBlockIndex":2,"delta":{"toolUse":{"input":""}}}
contentBlockStop {"contentBlockIndex":2}
messageStop {"stopReason":"tool_use"}`, `start r1
open 0 thinking
delta 0 hm
close 0 S== anthropic
open 1 call a f
delta 1 {\"x\"
delta 1 :1}
close 1
open 2 call b g
delta 2 {}
close 2
finish tool_calls
done`},
	{"a call that ends a turn, and is not closed", nova1, begun + `contentBlockStart {"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"a","name":"f"}}}
messageStop {"stopReason":"end_turn"}`, "start r1\nopen 0 call a f\ndelta 0 {}\nclose 0\nfinish tool_calls\ndone"},
	{"thoughts between the words", gpt56, begun + `contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"a\n"}}
contentBlockStop {"contentBlockIndex":0}
contentBlockDelta {"contentBlockIndex":1,"delta":{"reasoningContent":{"redactedContent":"AQ=="}}}
contentBlockDelta {"contentBlockIndex":1,"delta":{"reasoningContent":{"redactedContent":"Ag=="}}}
contentBlockStop {"contentBlockIndex":1}
contentBlockStart {"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"a","name":"f"}}}
contentBlockDelta {"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\"x\":\"\\n\"}"}}}
contentBlockStop {"contentBlockIndex":2}
messageStop {"stopReason":"tool_use"}
metadata {"usage":{"inputTokens":4995,"outputTokens":5,"totalTokens":10007,"cacheWriteInputTokens":4993},"serviceTier":{"type":"reserved"}}`, `start r1
open 0 text
delta 0 a\n
close 0
open 1 redacted
close 1 AQI= bedrock
open 2 call a f
delta 2 {\"x\":\"\\n\"}
close 2
counts 4995 0 4993 5 5000 scale
replay bedrock [{"text":"a\n"},{"reasoningContent":{"redactedContent":"AQI="}},{"toolUse":{"toolUseId":"a","name":"f","input":{"x":"\n"}}}]
finish tool_calls
done`},
	{"what the provider does itself", nova2, begun + `contentBlockStart {"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"a","name":"nova_grounding","type":"server_tool_use"}}}
contentBlockDelta {"contentBlockIndex":0,"delta":{"toolUse":{"input":"{}"}}}
contentBlockStop {"contentBlockIndex":0}
contentBlockStart {"contentBlockIndex":1,"start":{"toolResult":{"toolUseId":"a","status":"success"}}}
contentBlockDelta {"contentBlockIndex":1,"delta":{"toolResult":[{"text":"r"}]}}
contentBlockStop {"contentBlockIndex":1}
contentBlockDelta {"contentBlockIndex":2,"delta":{"text":"so"}}
contentBlockDelta {"contentBlockIndex":2,"delta":{"citation":{"title":"T","location":{"web":{"url":"https://x/y","domain":"x"}}}}}
contentBlockDelta {"contentBlockIndex":2,"delta":{"citation":{"title":"D","location":{"documentChar":{"documentIndex":0,"start":1,"end":2}}}}}
contentBlockStop {"contentBlockIndex":2}
messageStop {"stopReason":"end_turn"}`, `start r1
open 0 text
delta 0 so
cite 0 https://x/y T
close 0
finish stop
done`},
}

func TestStream(t *testing.T) {
	for _, c := range streams {
		t.Run(c.name, func(t *testing.T) {
			in := encode(t, c.in)
			got := strings.Join(read(newReader(c.model), in), "\n")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Fatalf("(-want +got)\n%s", diff)
			}
			for i := range in {
				if cut := strings.Join(read(newReader(c.model), in[:i], in[i:]), "\n"); cut != got {
					t.Fatalf("cut at %d: %s", i, cmp.Diff(got, cut))
				}
			}
		})
	}
}

// TestStreamEndsEarly cuts a stream short at every byte. Until Bedrock has said
// why the answer ends, the answer must not look complete.
func TestStreamEndsEarly(t *testing.T) {
	front := encode(t, hello+"\nmessageStop {\"stopReason\":\"end_turn\"}")
	for i := range front {
		got := read(newReader(nova1), front[:i])
		if last := got[len(got)-1]; last != "fail 502 server_error upstream_stream_incomplete r1" {
			t.Fatalf("%d bytes: %s", i, last)
		}
	}
}

func TestStreamAllocatesNothing(t *testing.T) {
	for _, model := range []string{nova1, sonnet46} {
		r := newReader(model)
		name, data := []byte("contentBlockDelta"), []byte(`{"contentBlockIndex":0,"delta":{"text":"some words"},"p":"abcdefgh"}`)
		evs := make([]chat.Event, 0, 4)
		n := testing.AllocsPerRun(1000, func() { evs = r.Read(evs[:0], name, data) })
		if n > 0 {
			t.Errorf("%s: %v allocations per event", model, n)
		}
	}
}

// FuzzStream wants of any stream that it ends once, and never in both ways.
func FuzzStream(f *testing.F) {
	for _, c := range streams {
		f.Add(encode(f, c.in), 20, true)
		f.Add(encode(f, c.in), 200, false)
	}
	f.Fuzz(func(t *testing.T, in []byte, cut int, isClaude bool) {
		model := nova1
		if isClaude {
			model = sonnet46
		}
		cut = max(0, min(cut, len(in)))
		whole, parts := read(newReader(model), in), read(newReader(model), in[:cut], in[cut:])
		if diff := cmp.Diff(whole, parts); diff != "" {
			t.Fatalf("cut at %d: %s", cut, diff)
		}
		ends := 0
		for i, line := range whole {
			if line == "done" || strings.HasPrefix(line, "fail ") {
				if ends++; ends > 1 || i != len(whole)-1 {
					t.Fatalf("an end, and then more: %q", whole)
				}
			}
		}
	})
}
