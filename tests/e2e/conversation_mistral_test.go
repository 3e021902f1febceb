package e2e

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"llmroute/internal/fakellm"
)

const (
	mistral = "Mistral"
	nine    = "UcusBRuMQ" // what becomes of call_abc
)

// mistralOwn is what comes of the common conversations at Mistral alone.
var mistralOwn = map[string]exception{
	"a system message":               {arrives: []string{`messages.0 {"role":"system","content":"Be brief."}`}},
	"a developer":                    {arrives: []string{`messages.0.role "system"`}},
	"a system message in the middle": {saw: echo("<system>c</system> hi"), warns: "messages;system_as_user"},
	"a picture by its address":       {arrives: []string{`messages.0.content.1.image_url {"url":"https://example.com/a.png","detail":"low"}`}},
	"ids of other makers":            {arrives: []string{`messages.1.tool_calls.0.id "Fe2yaHoo9"`, `messages.2.tool_call_id "Fe2yaHoo9"`}},
	"any tool":                       {arrives: []string{`tool_choice "any"`}},
	"this tool":                      {arrives: []string{`tool_choice {"type":"function","function":{"name":"clock"}}`}},
	"any JSON":                       {arrives: []string{`response_format {"type":"json_object"}`}},
	"penalties":                      {arrives: []string{"frequency_penalty 0.5", "presence_penalty -0.5"}},
	"a limit":                        {arrives: []string{"max_tokens 3", "max_completion_tokens "}},
	"two answers":                    {arrives: []string{"n 2"}},
	"a seed and a user":              {warns: "user;unsupported", arrives: []string{"random_seed 7", "seed "}},
	"hints of the cache":             {arrives: []string{`prompt_cache_key "k"`}},
	"notes":                          {warns: "store;unsupported", arrives: []string{`metadata {"a":"b"}`}},
	"no money":                       {saw: "429 1300"},
	"too many requests":              {saw: "429 1300"},
	"too much to do":                 {saw: "503 overloaded"},
	"a prompt that is filtered":      {saw: "403 content_filter"},
}

// mistralSheet are the conversations that the facts about Mistral call for, by the
// numbers that they have among those about Cohere and OpenAI.
var mistralSheet = []conversation{
	played("openai 11: calls without a number, and the usage with them", "openai_mistral/stream_calls", mistral, `|weather({"city":"Oslo"})|clock({"utc":true})|tool_calls`),
	{name: "openai 11: what only OpenAI knows", arrives: map[string][]string{mistral: {"max_tokens 50", "random_seed 7", "max_completion_tokens", "seed", "stream_options", "user"}}, body: `"max_completion_tokens":50,"seed":7,"user":"u","store":true,"verbosity":"low","brand_new":1,"modalities":["text"],"logit_bias":{},"service_tier":"flex",` + hi,
		saw: echo("hi"), warns: warning(mistral, "store;unsupported, verbosity;unsupported, service_tier;unsupported, user;unsupported, brand_new;unsupported")},
	{name: "thoughts before words", body: `"reasoning_effort":"high",` + hi, saw: echo("hi"), also: func(t *testing.T, s *view, _ *fakellm.Request) {
		t.Helper()
		thought := gjson.GetBytes(s.raw, "choices.0.message.reasoning_content").Str
		gjson.ForEachLine(string(s.raw), func(chunk gjson.Result) bool {
			thought += chunk.Get("choices.0.delta.reasoning_content").Str
			return true
		})
		if !strings.HasPrefix(thought, "They want to know about “hi”.") {
			t.Error(thought)
		}
	}},
	{name: "cohere 15: ids of nine characters, and others", saw: echo("noon"),
		body:    toolsTwo + `"messages":[{"role":"user","content":"clock?"},` + clockAs("D681PevKs", "dusk") + "," + clockAs("call_abc", "noon") + `]`,
		arrives: map[string][]string{mistral: {`messages.#.tool_calls.0.id ["D681PevKs","` + nine + `"]`, `messages.#.tool_call_id ["D681PevKs","` + nine + `"]`}}},
	written("cohere 16: twelve fields that only OpenAI knows", "requests/openai_mistral/openai_only", mistral, strings.Replace(echoOf("mistral-medium-latest", "Hello?"), " I can only repeat it.|stop", "|length", 1)),
	played("cohere 17: thoughts in lists, then words", "openai_mistral/stream_thinking", mistral, "All good.|stop"),
	played("cohere 17: the same at once", "openai_mistral/thinking", mistral, "All good.|stop"),
	played("cohere 18: calls, whole and without a number", "openai_mistral/stream_calls", mistral, `|weather({"city":"Oslo"})|clock({"utc":true})|tool_calls`),
	played("cohere 18: calls in pieces, with names of nothing", "openai_mistral/stream_calls_pieces", mistral, `|weather({"city":"Oslo"})|clock({})|tool_calls`),
	{name: "cohere 18: calls in pieces", model: "+odd", lost: "content;thing_nobody_knows", body: toolsTwo + asking("clock and weather?"), saw: `|weather({"city":"clock and weather?"})|clock({})|tool_calls`},
	{name: "an answer that was begun", body: `"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"You"}]`, saw: echo("You"),
		warns: warning(mistral, "messages;prefix"), arrives: map[string][]string{mistral: {"messages.1.prefix true"}}},
	{name: "cohere 17: thoughts and ids, told again", body: toolsTwo + `"messages":[` + strings.Replace(calledTwo, `"content":null`, `"reasoning_content":"Hm.","content":null`, 1) +
		`,{"role":"tool","tool_call_id":"call_2","content":"noon"},{"role":"tool","tool_call_id":"call_1","content":"rain"}]`, saw: echo("noon"),
		arrives: map[string][]string{mistral: {`messages.1.content [{"type":"thinking","thinking":[{"type":"text","text":"Hm."}],"closed":true}]`, "messages.1.reasoning_content "}}},
	{name: "cohere 19: a usage on the last words", body: hi, streamed: echo("hi"), also: oneUsage, counts: map[string]string{mistral: "2 (0 cached, 0 written) + 13 = 15"}},
	{name: "cohere 19: a usage nobody asked for", body: hi, streamed: echo("hi"), also: noUsage, booked: "complete stop: 2 (0 cached) + 13 (0 reasoning) = 15"},
	played("cohere 19: what was cached, by one name", "openai_mistral/chat", mistral, "Hé!|stop"),
	played("cohere 19: what was cached, by another", "openai_mistral/stream", mistral, "Héllo|stop"),
	{name: "cohere 19: what was cached, by a third", recording: "openai_mistral/stream_no_usage_asked", only: []string{mistral}, saw: "Hé|length",
		booked: "complete length: 13 (3 cached) + 7 (0 reasoning) = 20"},
	played("cohere 20 a: an order that is none", "openai_mistral/error_a_order", mistral, "400 3230"),
	played("cohere 20 b: a message that is a list", "openai_mistral/error_b_list", mistral, "400 3001"),
	played("cohere 20 b: a message that is an object", "openai_mistral/error_b_object", mistral, "422"),
	played("cohere 20 c: details alone", "openai_mistral/error_c_detail", mistral, "422"),
	played("cohere 20 c: our key", "openai_mistral/error_c_unauthorized", mistral, "502 provider_auth_error"),
	played("cohere 20 d: a message and an id", "openai_mistral/error_d_request_id", mistral, "404 model_not_found"),
	played("cohere 20 e: a message alone", "openai_mistral/error_e_rate", mistral, "429 rate_limit_exceeded"),
	played("cohere 20 f: a guardrail", "openai_mistral/error_f_guardrail", mistral, "403 content_filter"),
	{name: "a model that failed", model: "+finisherror", body: hi, saw: "failed"},
}
