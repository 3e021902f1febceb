package openai

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// deltas returns what the chunks of a stream say, without what they all have.
func deltas(stream string) []string {
	const head = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","choices":[`
	list := strings.Split(strings.TrimSuffix(stream, "\n\n"), "\n\n")
	for i := range list {
		list[i] = strings.TrimPrefix(list[i], head)
		list[i] = strings.TrimSuffix(list[i], `},"logprobs":null,"finish_reason":null}]}`)
		list[i] = strings.TrimPrefix(list[i], `{"index":0,"delta":{`)
	}
	return list
}

const (
	says = `"role":"assistant","content":"","refusal":null`
	done = "data: [DONE]"
)

func ended(reason string) string { return `},"logprobs":null,"finish_reason":"` + reason + `"}]}` }

// calls are two calls, the second without arguments, told in turns.
var calls = []chat.Event{
	{Kind: chat.Start, ID: raw.Text("1")},
	{Kind: chat.Open, What: chat.Text},
	{Kind: chat.Close, What: chat.Text},
	{Kind: chat.Open, What: chat.Call, Block: 1, ID: raw.Text("a"), Name: raw.Text("f")},
	{Kind: chat.Open, What: chat.Call, Block: 2, ID: raw.Text("b"), Name: raw.Text("g")},
	{Kind: chat.Delta, What: chat.Call, Block: 1, Text: raw.Text(`{\"x\"`)},
	{Kind: chat.Delta, What: chat.Call, Block: 1},
	{Kind: chat.Delta, What: chat.Call, Block: 1, Text: raw.Text(`:1}`)},
	{Kind: chat.Close, What: chat.Call, Block: 2},
	{Kind: chat.Close, What: chat.Call, Block: 1},
	{Kind: chat.Finish, Reason: chat.ToolCalls},
	{Kind: chat.Counts, Usage: chat.Usage{Input: 10, Cached: 3, CacheWrite: 2, Output: 5, Reasoning: 1, Total: 15}},
	{Kind: chat.Done},
}

func TestStream(t *testing.T) {
	const usage = `],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":2},"completion_tokens_details":{"reasoning_tokens":1}}}`
	inPieces := []string{
		says,
		`"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]`,
		`"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":""}}]`,
		`"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]`,
		`"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]`,
		`"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]`,
		ended("tool_calls"),
	}
	for _, tt := range []struct {
		name    string
		request chat.Request
		events  []chat.Event
		want    []string
	}{
		{"calls, their usage not asked for", chat.Request{}, calls, append(slices.Clip(inPieces), done)},
		{"calls, their usage asked for", chat.Request{Counts: true}, calls, append(slices.Clip(inPieces), usage, done)},
		{"no usage, asked for", chat.Request{Counts: true}, []chat.Event{{Kind: chat.Start, ID: raw.Text("1")}, {Kind: chat.Finish, Reason: chat.Stop}, {Kind: chat.Done}}, []string{says, ended("stop"), done}},
		{"a function of old", chat.Request{Legacy: true}, []chat.Event{
			{Kind: chat.Start, ID: raw.Text("1")}, {Kind: chat.Open, What: chat.Call, ID: raw.Text("a"), Name: raw.Text("f")}, {Kind: chat.Delta, What: chat.Call, Text: raw.Text("{}")},
			{Kind: chat.Close, What: chat.Call}, {Kind: chat.Finish, Reason: chat.ToolCalls}, {Kind: chat.Done},
		}, []string{says, `"function_call":{"name":"f","arguments":""}`, `"function_call":{"arguments":"{}"}`, ended("function_call"), done}},
		{"a call of text", chat.Request{}, []chat.Event{
			{Kind: chat.Start, ID: raw.Text("1")}, {Kind: chat.Open, What: chat.Custom, ID: raw.Text("a"), Name: raw.Text("f")}, {Kind: chat.Delta, What: chat.Custom, Text: raw.Text("ls")},
			{Kind: chat.Close, What: chat.Custom}, {Kind: chat.Finish, Reason: chat.ToolCalls}, {Kind: chat.Done},
		}, []string{says, `"tool_calls":[{"index":0,"id":"a","type":"custom","custom":{"name":"f","input":""}}]`, `"tool_calls":[{"index":0,"custom":{"input":"ls"}}]`, ended("tool_calls"), done}},
		{"thoughts", chat.Request{}, []chat.Event{
			{Kind: chat.Start, ID: raw.Text("1")},
			{Kind: chat.Open, What: chat.Thinking}, {Kind: chat.Delta, What: chat.Thinking, Text: raw.Text("h")}, {Kind: chat.Delta, What: chat.Thinking, Text: raw.Text("m")}, {Kind: chat.Close, What: chat.Thinking, Sig: raw.Text("S"), For: "anthropic"},
			{Kind: chat.Open, What: chat.Thinking, Block: 1}, {Kind: chat.Delta, What: chat.Thinking, Block: 1, Text: raw.Text("bare")}, {Kind: chat.Close, What: chat.Thinking, Block: 1},
			{Kind: chat.Open, What: chat.Redacted, Block: 2}, {Kind: chat.Close, What: chat.Redacted, Block: 2, Sig: raw.Text("D"), For: "bedrock"},
			{Kind: chat.Replay, JSON: raw.Value("[1]"), For: "bedrock"}, {Kind: chat.Finish, Reason: chat.Stop}, {Kind: chat.Done},
		}, []string{says, `"reasoning_content":"h"`, `"reasoning_content":"m"`,
			`"reasoning_details":[{"type":"reasoning.text","text":"hm","signature":"S","format":"anthropic-claude-v1","index":0}]`, `"reasoning_content":"bare"`,
			`"reasoning_details":[{"type":"reasoning.encrypted","data":"D","format":"unknown","id":"llmroute:bedrock:1.1","index":1}]`,
			`"reasoning_details":[{"type":"reasoning.encrypted","data":"WzFd","id":"llmroute:blocks:bedrock:1","format":"unknown","index":2}]`, ended("stop"), done}},
		{"a refusal", chat.Request{}, []chat.Event{
			{Kind: chat.Start, ID: raw.Text("1")}, {Kind: chat.Open, What: chat.Declined}, {Kind: chat.Delta, What: chat.Declined, Text: raw.Text("no")}, {Kind: chat.Close, What: chat.Declined},
			{Kind: chat.Finish, Reason: chat.Filtered}, {Kind: chat.Done},
		}, []string{says, `"refusal":"no"`, ended("content_filter"), done}},
		{"a failure", chat.Request{}, []chat.Event{
			{Kind: chat.Start, ID: raw.Text("1")}, {Kind: chat.Fail, Err: &chat.Error{Type: "server_error", Code: "c", Message: "m"}}, {Kind: chat.Done}, {Kind: chat.Finish, Reason: chat.Stop},
		}, []string{says, `data: {"error":{"message":"m","type":"server_error","param":null,"code":"c"}}`}},
		{"a failure first", chat.Request{}, []chat.Event{{Kind: chat.Ping}, {Kind: chat.Fail, Err: &chat.Error{Type: "server_error", Message: "m", Provider: "p", RequestID: "r"}}},
			[]string{": ping", `data: {"error":{"message":"m","type":"server_error","param":null,"code":null,"provider":"p","request_id":"r"}}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trip := &chat.Trip{Request: tt.request, Options: chat.Options{Asked: "m"}}
			if diff := cmp.Diff(deltas(told(Dialect{}.Writer(trip, 7, false), tt.events)), tt.want); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An answer that goes out in one piece says what its stream does.
func TestObject(t *testing.T) {
	got := told(Dialect{}.Writer(&chat.Trip{Options: chat.Options{Asked: "m"}}, 7, true), calls)
	want := `{"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"","refusal":null,` +
		`"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]},"logprobs":null,"finish_reason":"tool_calls"}],` +
		`"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":2},"completion_tokens_details":{"reasoning_tokens":1}}}`
	if diff := cmp.Diff(got, want); diff != "" {
		t.Error(diff)
	}
	fail := []chat.Event{calls[0], calls[1], {Kind: chat.Fail, Err: &chat.Error{Type: "server_error", Message: "m"}}, {Kind: chat.Done}}
	if got := told(Dialect{}.Writer(&chat.Trip{}, 7, true), fail); got != `{"error":{"message":"m","type":"server_error","param":null,"code":null}}` {
		t.Error(got)
	}
}
