package translator

import (
	"bytes"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/google/go-cmp/cmp"
)

// eventStream encodes events that are written one a line, a type and its JSON,
// with AWS's own encoder. A type that begins with "!" is an exception's.
func eventStream(t testing.TB, lines string) []byte {
	t.Helper()
	var b bytes.Buffer
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		name, data, _ := strings.Cut(line, " ")
		kind := "event"
		if exception, ok := strings.CutPrefix(name, "!"); ok {
			kind, name = "exception", exception
		}
		m := eventstream.Message{Payload: []byte(data)}
		m.Headers.Set(":message-type", eventstream.StringValue(kind))
		m.Headers.Set(":"+kind+"-type", eventstream.StringValue(name))
		if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// TestConverse follows requests to Bedrock and their replies back. Where the
// reply is a stream, no cut of it may show.
func TestConverse(t *testing.T) {
	const (
		words = `messageStart {"role":"assistant"}
contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"Hé"},"p":"abc"}
contentBlockStop {"contentBlockIndex":0}
`
		ended   = words + `messageStop {"stopReason":"end_turn"}` + "\n"
		counts  = `metadata {"usage":{"inputTokens":368,"outputTokens":19,"totalTokens":10923,"cacheReadInputTokens":10536,"cacheWriteInputTokens":0}}`
		head    = `data: {"id":"chatcmpl-r1","object":"chat.completion.chunk","created":0,"model":"m","choices":[{"index":0,"delta":{`
		more    = `},"logprobs":null,"finish_reason":null}]}` + "\n\n"
		begin   = head + `"role":"assistant","content":"","refusal":null` + more + head + `"content":"Hé"` + more
		finish  = head + `},"logprobs":null,"finish_reason":"stop"}]}` + "\n\n"
		usage   = `data: {"id":"chatcmpl-r1","object":"chat.completion.chunk","created":0,"model":"m","choices":[],"usage":{"prompt_tokens":10904,"completion_tokens":19,"total_tokens":10923,"prompt_tokens_details":{"cached_tokens":10536}}}` + "\n\n"
		end     = "data: [DONE]\n\n"
		refused = `data: {"error":{"message":"slow down","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded","provider":"bedrock","request_id":"r1"}}` + "\n\n"
		cut     = `data: {"error":{"message":"The backend's stream ended before its answer was complete.","type":"server_error","param":null,"code":"upstream_stream_incomplete","provider":"bedrock","request_id":"r1"}}` + "\n\n"
	)
	for _, c := range []struct {
		name, model, reply, want string
		tally                    Tally
	}{
		{"a stream", "amazon.nova-pro-v1:0", ended + counts, begin + finish + usage + end,
			Tally{Finish: "stop", Events: 1, Usage: Usage{Input: 10904, Cached: 10536, Output: 19, Total: 10923}, Done: true}},
		{"an exception behind the end", "amazon.nova-pro-v1:0", ended + `!throttlingException {"message":"slow down"}`, begin + refused,
			Tally{Events: 1, Error: "rate_limit_exceeded", Done: true}},
		{"an exception first", "amazon.nova-pro-v1:0", `!throttlingException {"message":"slow down"}`, refused, Tally{Error: "rate_limit_exceeded", Done: true}},
		{"a stream that was cut", "amazon.nova-pro-v1:0", words, begin + cut, Tally{Events: 1, Error: "upstream_stream_incomplete", Done: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := eventStream(t, c.reply)
			for i := 0; i <= len(body); i += step {
				x := converse(t, c.model, "application/vnd.amazon.eventstream")
				if diff := cmp.Diff(c.want, play(t, x, body[:i], body[i:])); diff != "" {
					t.Fatalf("cut at %d (-want +got)\n%s", i, diff)
				}
				if diff := cmp.Diff(c.tally, x.Tally()); diff != "" {
					t.Fatalf("cut at %d, tally (-want +got)\n%s", i, diff)
				}
				Release(x)
			}
		})
	}
	t.Run("a damaged stream", func(t *testing.T) {
		body := eventStream(t, ended+counts)
		body[len(body)/2] ^= 1
		x := converse(t, "amazon.nova-pro-v1:0", "application/vnd.amazon.eventstream")
		got := play(t, x, body)
		if !strings.HasPrefix(got, begin[:len(head)]) || strings.Contains(got, "[DONE]") || !strings.Contains(got, `"error":{`) {
			t.Errorf("a damaged stream became %s", got)
		}
	})
	t.Run("an answer in one piece to who wants a stream", func(t *testing.T) {
		x := converse(t, "meta.llama4-maverick-17b-instruct-v1:0", "application/json")
		got := play(t, x, []byte(`{"output":{"message":{"role":"assistant","content":[{"text":"Hé"}]}},"stopReason":"end_turn","usage":{"inputTokens":368,"outputTokens":19,"cacheReadInputTokens":10536}}`))
		if diff := cmp.Diff(begin+finish+usage+end, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// TestConverseRefuses follows errors of Bedrock's: their status is the client's,
// and so is the time to wait.
func TestConverseRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		reply  headers
		want   []Header
		told   int
		body   string
	}{
		{"a quota", 400, headers{"x-amzn-errortype": "ServiceQuotaExceededException:http://x/", "x-amz-retry-after": "1001"},
			[]Header{{"retry-after", "2"}, {"content-type", "application/json"}}, 429,
			`{"error":{"message":"m","type":"rate_limit_error","param":null,"code":"insufficient_quota","provider":"bedrock"}}`},
		{"our own credential", 403, headers{"x-amzn-errortype": "ExpiredTokenException"},
			[]Header{{"content-type", "application/json"}}, 502,
			`{"error":{"message":"The provider refused the gateway's credential.","type":"server_error","param":null,"code":"provider_auth_error","provider":"bedrock"}}`},
		{"a wait that is known already", 429, headers{"x-amzn-errortype": "ThrottlingException", "x-amz-retry-after": "1000", "retry-after": "7"},
			[]Header{{"content-type", "application/json"}}, 429,
			`{"error":{"message":"m","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded","provider":"bedrock"}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := converse(t, "amazon.nova-pro-v1:0", "")
			var head Edit
			if err := x.Head(&head, c.status, c.reply); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, head.Set); diff != "" {
				t.Errorf("head (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(c.body, play(t, x, []byte(`{"message":"m"}`))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if got := x.Tally().Status; got != c.told {
				t.Errorf("status %d, want %d", got, c.told)
			}
		})
	}
}

// converse returns an Exchange with Bedrock that has seen a request for a stream
// and the head of its reply.
func converse(t *testing.T, model, contentType string) Exchange {
	t.Helper()
	x, err := New(OpenAI, ChatCompletions, &Backend{Schema: AWSBedrock})
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f"}}]}`)
	var fields Fields
	if err := Scan(ChatCompletions, "application/json", body, &fields); err != nil {
		t.Fatal(err)
	}
	var request, head Edit
	if err := x.Request(&request, &Call{Path: "/v1/chat/completions", Model: model, Fields: &fields, Body: body, Header: headers{}}); err != nil {
		t.Fatal(err)
	}
	if err := x.Head(&head, 200, headers{"content-type": contentType, "x-amzn-requestid": "r1"}); err != nil {
		t.Fatal(err)
	}
	return x
}
