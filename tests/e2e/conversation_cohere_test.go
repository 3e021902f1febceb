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

// cohereSheet are the conversations that the facts about Cohere call for, by their
// numbers there. 11 to 14 are no chats: TestSheetsBesideChats has them; 15 to 20 are
// of Mistral.
var cohereSheet = []conversation{
	{name: "cohere 1: a plain text", recording: "openai_cohere/stream", only: []string{cohere}, saw: "Héllo \"you\"!\n|stop",
		booked: "complete stop: 507 (448 cached) + 10 (0 reasoning) = 517"},
	played("cohere 2: thoughts before words", "openai_cohere/stream_thinking", cohere, "All good.|stop"),
	{name: "cohere 3: a plan before calls", model: "+texts", body: toolsTwo + asking("clock and weather?"), also: callsAreCounted,
		saw: `Let me look that up.|weather({"city":"clock and weather?"})|clock({})|tool_calls`},
	{name: "cohere 3: the plan, told again",
		body: toolsTwo + `"messages":[` + strings.Replace(calledTwo, `"content":null`, `"content":"I will look."`, 1) +
			`,{"role":"tool","tool_call_id":"call_1","content":"rain"},{"role":"tool","tool_call_id":"call_2","content":"noon"}]`,
		saw:     echo("noon"),
		arrives: map[string][]string{cohere: {`messages.1.tool_plan "I will look."`, `messages.1.content `, `messages.#(role=="tool")#.tool_call_id ["call_1","call_2"]`}}},
	{name: "cohere 4: a tool that takes nothing", body: toolsTwo + asking("clock?"), saw: "|clock({})|tool_calls"},
	played("cohere 4: tools that take nothing, told in every way", "openai_cohere/stream_no_arguments", cohere, `|clock({})|clock({})|clock({})|clock(nul")|clock(nu)|tool_calls`),
	played("cohere 5: what is missing, and what nobody knows", "openai_cohere/stream_odd", cohere, "One, två.|stop"),
	{name: "cohere 6: an error in the middle", model: "+errevent4", body: hi, streamed: "failed", also: unfinished},
	{name: "cohere 6: an end that is none", model: "+short15", body: hi, streamed: "failed", also: unfinished},
	written("cohere 7: a form beside tools, one of them strict", "requests/openai_cohere/form_beside_tools", cohere, `|f({"a":"Hi"})|tool_calls`),
	written("cohere 8: numbers out of range", "requests/openai_cohere/sampling", cohere, "You s|stop"),
	{name: "cohere 8: penalties of nothing", body: `"frequency_penalty":0,"presence_penalty":-0.5,` + hi, saw: echo("hi"),
		warns: warning(cohere, "presence_penalty;clamped"), arrives: map[string][]string{cohere: {"frequency_penalty ", "presence_penalty "}}},
	{name: "cohere 8: six stops", body: `"stop":["1","2","3","4","5","6"],` + hi, saw: "422 unsupported_value"},
	played("cohere 9: what may not be said", "openai_cohere/error_filtered", cohere, "400 content_filter"),
	played("cohere 9: too long a prompt", "openai_cohere/error_overflow", cohere, "400 context_length_exceeded"),
	played("cohere 9: too long an answer, which is no overflow", "openai_cohere/error_max_tokens", cohere, "400"),
	{name: "cohere 10: a developer in the middle", saw: echo("hi"), warns: warning(cohere, "messages;system_moved"),
		body:    `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"developer","content":"Be brief."},{"role":"user","content":"hi"}]`,
		arrives: map[string][]string{cohere: {`messages.0 {"role":"system","content":"Be brief."}`, `messages.#.role ["system","user","assistant","user"]`}}},

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
