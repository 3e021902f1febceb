package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"llmroute/internal/fakellm"
)

// cohereOwn is what comes of the common conversations at Cohere alone.
var cohereOwn = map[string]exception{
	"a system message": {arrives: []string{`messages.0 {"role":"system","content":"Be brief."}`}},
	"a system message in the middle": {warns: "messages;system_moved",
		arrives: []string{`messages.0 {"role":"system","content":"c"}`}},
	"one call at a time": {saw: `|weather({"city":"clock and weather?"})|clock({})|tool_calls`, warns: "parallel_tool_calls;unsupported"},
	"results in reverse, and a text": {arrives: []string{`messages.#(role=="tool")#.tool_call_id ["call_1","call_2"]`, `tool_choice "NONE"`,
		`messages.1.content `}},
	"an empty text beside calls, an empty result": {saw: echo("(empty)")}, // no message may be empty
	"any tool":                  {arrives: []string{`tool_choice "REQUIRED"`}},
	"this tool":                 {arrives: []string{`tool_choice "REQUIRED"`, `tools.#.function.name ["clock"]`}},
	"any JSON":                  {arrives: []string{`response_format {"type":"json_object"}`}},
	"some effort":               {arrives: []string{`thinking {"type":"enabled"}`}},
	"a nucleus":                 {arrives: []string{"p 0.5", "top_p "}},
	"penalties":                 {warns: "presence_penalty;clamped", arrives: []string{"frequency_penalty 0.5", "presence_penalty "}},
	"a stop":                    {arrives: []string{`stop_sequences ["–","nothing"]`}},
	"a seed and a user":         {warns: "user;unsupported", arrives: []string{"seed 7"}},
	"notes":                     {warns: "store;unsupported, metadata;unsupported"},
	"no money":                  {saw: "429 rate_limit_exceeded"}, // the words alone tell it from other limits
	"too much to do":            {saw: "503"},
	"a prompt that is filtered": {saw: "400 content_filter"},
	"a picture by its address":  {arrives: []string{`messages.0.content.1.image_url {"url":"https://example.com/a.png","detail":"low"}`}},
	"a temperature":             {arrives: []string{"temperature 0.2"}},
	"a limit":                   {arrives: []string{"max_tokens 3"}},
	"a picture in the request":  {arrives: []string{`messages.0.content.1.image_url {"url":"data:image/png;base64,iVBORw0KGgo="}`}},
	"a refusal in the past":     {arrives: []string{`messages.1 {"role":"assistant","content":"no"}`}},
	"ids of other makers":       {arrives: []string{`messages.2.tool_call_id "functions_clock_0"`}},
	"a tool of text":            {arrives: []string{`tools.0.function.parameters.required ["input"]`}},
	"JSON of a schema":          {arrives: []string{`response_format.json_schema.required ["a"]`}},
	"two calls, one of nothing": {arrives: []string{`tools.1.function.parameters {"type":"object","properties":{}}`}},
}

// cohereSheet are the conversations that are known to hurt those who speak
// Cohere's dialect.
var cohereSheet = []conversation{
	{name: "a plan before calls", model: "+texts", body: toolsTwo + asking("clock and weather?"),
		saw: `Let me look that up.|weather({"city":"clock and weather?"})|clock({})|tool_calls`},
	{name: "the plan, told again",
		body: toolsTwo + `"messages":[` + strings.Replace(calledTwo, `"content":null`, `"content":"I will look."`, 1) +
			`,{"role":"tool","tool_call_id":"call_1","content":"rain"},{"role":"tool","tool_call_id":"call_2","content":"noon"}]`,
		saw:     echo("noon"),
		arrives: map[string][]string{cohere: {`messages.1.tool_plan "I will look."`, `messages.1.content `, `messages.#(role=="tool")#.tool_call_id ["call_1","call_2"]`}}},
	{name: "thoughts, told again",
		body:    `"messages":[{"role":"user","content":"a"},{"role":"assistant","reasoning_content":"Hm.","content":"b"},{"role":"user","content":"hi"}]`,
		saw:     echo("hi"),
		arrives: map[string][]string{cohere: {`messages.1.content [{"type":"thinking","thinking":"Hm."},{"type":"text","text":"b"}]`}}},
	{name: "thoughts before words", body: `"reasoning_effort":"high",` + hi, saw: echo("hi"), also: func(t *testing.T, s *view, _ *fakellm.Request) {
		t.Helper()
		thought := gjson.GetBytes(s.raw, "choices.0.message.reasoning_content").Str
		gjson.ForEachLine(string(s.raw), func(chunk gjson.Result) bool {
			thought += chunk.Get("choices.0.delta.reasoning_content").Str
			return true
		})
		if want := "They want to know about “hi”.  Let me"; !strings.HasPrefix(thought, want) {
			t.Error(cmp.Diff(want, thought))
		}
	}},
	{name: "tokens that nobody pays for", body: hi, saw: echo("hi"), counts: map[string]string{cohere: "502 (500 cached, 0 written) + 13 = 515"}},
	{name: "numbers out of range", body: `"temperature":1.7,"top_p":1,` + hi, saw: echo("hi"),
		warns: warning(cohere, "temperature;clamped, top_p;clamped"), arrives: map[string][]string{cohere: {"temperature 1", "p 0.99"}}},
	{name: "six stops", body: `"stop":["1","2","3","4","5","6"],` + hi, saw: "422 unsupported_value"},
	{name: "a form beside tools", body: toolsTwo + `"response_format":{"type":"json_object"},` + asking("the weather as json?"),
		saw: `|weather({"city":"the weather as json?"})|tool_calls`, warns: warning(cohere, "response_format;instructed"), arrives: map[string][]string{cohere: {"response_format "}}},
	{name: "sources", body: `"documents":[{"data":{"url":"https://example.com/d","title":"D"}}],` + hi, saw: echo("hi"), also: func(t *testing.T, s *view, _ *fakellm.Request) {
		t.Helper()
		if raw := string(s.raw); !strings.Contains(raw, `"url_citation":{"start_index":0,"end_index":3,"url":"https://example.com/d","title":"D"}`) || !strings.Contains(raw, `"citations":[`) {
			t.Error(raw)
		}
	}},
	{name: "what nobody knows of an answer", model: "+odd+finishTIRED", lost: "finish_reason;unknown", body: hi, saw: echo("hi")},
}
