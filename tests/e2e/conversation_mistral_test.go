package e2e

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"llmroute/internal/fakellm"
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

// mistralSheet are the conversations that are known to hurt those who speak
// Mistral's dialect.
var mistralSheet = []conversation{
	{name: "what only OpenAI knows", body: `"max_completion_tokens":50,"seed":7,"user":"u","store":true,"verbosity":"low","brand_new":1,"modalities":["text"],"logit_bias":{},"service_tier":"flex",` + hi,
		saw: echo("hi"), warns: warning("Mistral", "store;unsupported, verbosity;unsupported, service_tier;unsupported, user;unsupported, brand_new;unsupported")},
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
	{name: "calls in pieces", model: "+odd", body: toolsTwo + asking("clock and weather?"), saw: `|weather({"city":"clock and weather?"})|clock({})|tool_calls`},
	{name: "an answer that was begun", body: `"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"You"}]`, saw: echo("You"),
		warns: warning("Mistral", "messages;prefix"), arrives: map[string][]string{"Mistral": {"messages.1.prefix true"}}},
	{name: "thoughts and ids, told again", body: toolsTwo + `"messages":[` + strings.Replace(calledTwo, `"content":null`, `"reasoning_content":"Hm.","content":null`, 1) +
		`,{"role":"tool","tool_call_id":"call_2","content":"noon"},{"role":"tool","tool_call_id":"call_1","content":"rain"}]`, saw: echo("noon"),
		arrives: map[string][]string{"Mistral": {`messages.1.content [{"type":"thinking","thinking":[{"type":"text","text":"Hm."}],"closed":true}]`, "messages.1.reasoning_content "}}},
	{name: "a usage on the last words", body: hi, saw: echo("hi"), counts: map[string]string{"Mistral": "2 (0 cached, 0 written) + 13 = 15"}},
	{name: "a model that failed", model: "+finisherror", body: hi, saw: "failed"},
}
