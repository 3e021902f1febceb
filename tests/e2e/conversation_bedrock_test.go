package e2e

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"llmroute/internal/fakellm"
)

// The conversations that the facts about Bedrock's Converse call for, by their
// numbers there. 2 and what 4 says of thoughts are in TestLibraries. Of 5, each
// byte and each bit, and of 6, usage before the end, are package bedrock's to
// test: its provider here keeps to AWS's order. 18 is no chat, which is for
// TestSheetsBesideChats; 19, of credentials, is told by package credential.

const (
	astray  = "AWSBedrockAstray"
	haiku45 = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
	arn45   = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
	nova2   = "us.amazon.nova-2-lite-v1:0"
	gptOSS  = "openai.gpt-oss-120b-1:0"
	gpt56   = "us.openai.gpt-5.6-luna"
	opus47  = "claude-opus-4-7"
	llama4  = "us.meta.llama4-maverick-17b-instruct-v1:0"

	schemaA = `"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}},`
	paper   = `{"type":"file","file":{"filename":"résumé　v1.2.pdf","file_data":"data:application/pdf;base64,JVBERi0x"}}`
)

func atConverse(lines ...string) map[string][]string { return map[string][]string{converse: lines} }

var bedrockSheet = []conversation{
	{name: "bedrock 1: a plain text", only: []string{converse}, body: hi, saw: echo("hi"), also: idOfAWS,
		counts: map[string]string{converse: "2 (0 cached, 0 written) + 13 = 15"}},
	{name: "bedrock 1: an operation that is not there", only: []string{astray}, body: hi, saw: "502 upstream_malformed_reply", streamed: "failed"},
	{name: "bedrock 3: pieces without a beginning, padded, one of them empty", only: []string{converse}, body: hi, streamed: echo("hi"), also: noEmptyPieces},
	{name: "bedrock 4: thoughts, then two calls", model: sonnet46, only: []string{converse}, body: `"reasoning_effort":"high",` + toolsTwo + asking("clock and weather?"),
		saw: `|weather({"city":"clock and weather?"})|clock({})|tool_calls`, also: callsAreCounted},
	{name: "bedrock 5: a bit that flips", model: "+flip3", only: []string{converse, claudeAWS}, body: hi, streamed: "failed"},
	{name: "bedrock 6: an end behind the text", model: "+short16", only: []string{converse}, body: hi, streamed: "failed", also: unfinished},
	{name: "bedrock 6: an end within a frame", model: "+tear15", only: []string{converse}, body: hi, streamed: "failed"},
	{name: "bedrock 6: an end without usage", model: "+short17", only: []string{converse}, body: hi, streamed: echo("hi")},
	{name: "bedrock 7: an exception first", model: "+errevent0", only: []string{converse}, body: hi, streamed: "failed", also: unfinished},
	{name: "bedrock 7: an exception in the middle", model: "+errevent5", only: []string{converse}, body: hi, streamed: "failed", also: unfinished},
	{name: "bedrock 7: an exception behind the end", model: "+errevent17", only: []string{converse}, body: hi, streamed: "failed", also: unfinished},
	{name: "bedrock 8: a prompt that is cached", model: nova2, only: []string{converse}, body: cachedTalk, saw: echoOf(nova2, "four five six"),
		counts:  map[string]string{converse: "7 (3 cached, 3 written) + 15 = 22"},
		arrives: atConverse(`system.1.cachePoint {"type":"default"}`, `messages.0.content.1.cachePoint {"type":"default"}`)},
	{name: "bedrock 9: two results, and a text", model: sonnet45, only: []string{converse}, saw: `|weather({"city":"so?"})|tool_calls`,
		body:    toolsTwo + `"messages":[` + calledTwo + `,{"role":"tool","tool_call_id":"call_2","content":"noon"},{"role":"tool","tool_call_id":"call_1","content":"rain"},{"role":"user","content":"so?"}]`,
		arrives: atConverse(`messages.#.role ["user","assistant","user"]`, `messages.2.content.#.toolResult.toolUseId ["call_1","call_2"]`, `messages.2.content.2.text "so?"`)},
	{name: "bedrock 10: calls without tools", model: sonnet45, only: []string{converse}, warns: warning(converse, "tool_calls;told_in_words"),
		body:    `"messages":[` + calledTwo + `,{"role":"tool","tool_call_id":"call_1","content":"rain"},{"role":"tool","tool_call_id":"call_2","content":"noon"}]`,
		saw:     echoOf(sonnet45, "[tool result call_1] rain [tool result call_2] noon"),
		arrives: atConverse("toolConfig", `messages.1.content.#.text ["[tool call weather {\"city\":\"Oslo\"}]","[tool call clock ]"]`)},
	{name: "bedrock 10: calls, and no tool to be called", model: sonnet45, only: []string{converse}, warns: warning(converse, "tool_calls;told_in_words"),
		body:    toolsTwo + `"tool_choice":"none","messages":[` + calledTwo + `,{"role":"tool","tool_call_id":"call_1","content":"rain"},{"role":"tool","tool_call_id":"call_2","content":"noon"}]`,
		saw:     echoOf(sonnet45, "[tool result call_1] rain [tool result call_2] noon"),
		arrives: atConverse("toolConfig")},
	{name: "bedrock 11: an order that is none", only: []string{converse}, saw: echo("<system>Be brief.</system> b hi"),
		body:    `"messages":[{"role":"assistant","content":"a"},{"role":"system","content":"Be brief."},{"role":"user","content":"b"},{"role":"assistant","content":"  "},{"role":"user","content":"hi"}]`,
		warns:   warning(converse, "messages;system_as_user, messages;user_turn_inserted"),
		arrives: atConverse(`messages.#.role ["user","assistant","user"]`, `messages.0.content.0.text "."`)},
	{name: "bedrock 12: one paper twice", model: sonnet45, only: []string{converse}, saw: echoOf(sonnet45, "r sum v1 2, r sum v1 2 2"),
		body:    `"messages":[{"role":"user","content":[` + paper + `,` + paper + `]}]`,
		arrives: atConverse(`messages.0.content.#.document.name ["r sum v1 2","r sum v1 2 2"]`)},
	{name: "bedrock 12: a picture that calls itself a jpg", only: []string{converse}, saw: "You said nothing – and fake-small has nothing to add.|stop",
		body:    `"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/jpg;base64,/9j/4AAQ"}}]}]`,
		arrives: atConverse(`messages.0.content.0.image.format "jpeg"`)},
	{name: "bedrock 12: a picture in a bucket", only: []string{converse}, saw: echo("see"),
		body:    `"messages":[{"role":"user","content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"s3://b/a.png"}}]}]`,
		arrives: atConverse(`messages.0.content.1.image.source.s3Location {"uri":"s3://b/a.png"}`)},
	{name: "bedrock 12: a picture elsewhere", only: []string{converse}, saw: "422 unsupported_parameter",
		body: `"messages":[{"role":"user","content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]`},
	{name: "bedrock 13: JSON of a schema, held to it", model: sonnet46, only: []string{converse}, body: schemaA + hi, saw: `{"a":"hi"}|stop`,
		arrives: atConverse(`outputConfig.textFormat.structure.jsonSchema.schema "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"required\":[\"a\"],\"additionalProperties\":false}"`)},
	{name: "bedrock 13: JSON of a schema, by a tool", model: opus5, only: []string{converse}, body: schemaA + hi, saw: `{"a":"hi"}|stop`,
		arrives: atConverse("outputConfig", `toolConfig.toolChoice.tool.name "json_output"`)},
	{name: "bedrock 13: JSON of a schema, not at all", model: opus55, only: []string{converse}, body: schemaA + hi, saw: "422 unsupported_parameter"},
	{name: "bedrock 13: JSON of a schema, beside tools", model: opus55, only: []string{converse, claudeAWS}, body: schemaA + toolsTwo + hi, saw: `|weather({"city":"hi"})|tool_calls`,
		warns: warning(foreign, "response_format;instructed")},
	effort(haiku45, `additionalModelRequestFields {"thinking":{"type":"enabled","budget_tokens":4096}}`),
	effort(sonnet5, `additionalModelRequestFields {"thinking":{"type":"adaptive","display":"summarized"},"output_config":{"effort":"high"}}`),
	effort(nova2, `additionalModelRequestFields {"reasoningConfig":{"type":"enabled","maxReasoningEffort":"high"}}`),
	effort(gptOSS, `additionalModelRequestFields {"reasoning_effort":"high"}`),
	effort(gpt56, `additionalModelRequestFields {"reasoning":{"effort":"high"}}`),
	{name: "bedrock 14: too hot, and a nucleus", model: haiku45, only: []string{converse}, body: `"temperature":1.7,"top_p":0.5,` + hi, saw: echoOf(haiku45, "hi"),
		warns: warning(converse, "temperature;clamped, top_p;with_temperature"), arrives: atConverse(`inferenceConfig {"temperature":1}`)},
	{name: "bedrock 14: a temperature that is fixed", model: opus47, only: []string{converse}, body: `"temperature":0.2,` + hi, saw: echoOf(opus47, "hi"),
		warns: warning(converse, "temperature;unsupported"), arrives: atConverse("inferenceConfig")},
	{name: "bedrock 15: a colon in the path", model: haiku45, only: []string{converse, claudeAWS}, body: hi, saw: echoOf(haiku45, "hi"), also: pathOfAWS},
	{name: "bedrock 15: an ARN in the path", model: arn45, only: []string{converse, claudeAWS}, body: hi, saw: echoOf(arn45, "hi"), also: pathOfAWS},
	failing("400", "400"), failing("401", "502 provider_auth_error"), failing("403", "403 access_denied"), failing("404", "404 model_not_found"), failing("408", "408 timeout"),
	failing("424", "502 model_error"), failing("429", "429 rate_limit_exceeded"), failing("500", "500"), failing("503", "503 overloaded"),
	failing("quota", "429 insufficient_quota"), failing("context", "400 context_length_exceeded"),
	played("bedrock 16: our key", "openai_bedrock/error_capital", converse, "502 provider_auth_error"),
	played("bedrock 16: a page", "openai_bedrock/error_html", converse, "503"),
	played("bedrock 16: no word", "openai_bedrock/error_empty", converse, "500"),
	played("bedrock 16: tokens of a minute, which are no overflow", "openai_bedrock/error_throttled", converse, "429 rate_limit_exceeded"),
	tooLong("input"), tooLong("prompt"), tooLong("limit"), tooLong("bytes"), tooLong("llama"),
	{name: "bedrock 17: a guardrail", model: "+finishguardrail_intervened", only: []string{converse}, body: hi, saw: strings.Replace(echo("hi"), "|stop", "|content_filter", 1)},
	{name: "bedrock 17: a call that went wrong", model: "+finishmalformed_tool_use", only: []string{converse}, body: hi, saw: "502 malformed_tool_use", streamed: "failed"},
	{name: "bedrock 17: a window that is full", model: "+finishmodel_context_window_exceeded", only: []string{converse}, body: hi, saw: strings.Replace(echo("hi"), "|stop", "|length", 1)},
	{name: "bedrock 17: an end that nobody knows", model: "+finishbrand_new_reason", lost: "finish_reason;unknown", only: []string{converse}, body: hi, saw: echo("hi")},
	{name: "bedrock 20: a model that cannot stream its calls", model: llama4, only: []string{converse}, body: toolsTwo + asking("clock and weather?"),
		saw:  `|weather({"city":"clock and weather?"})|clock({})|tool_calls`,
		path: map[string]string{converse: "/model/us.meta.llama4-maverick-17b-instruct-v1%3A0/converse"}},
}

// effort is a request for much reasoning, which each family is told in its words.
func effort(model, arrives string) conversation {
	return conversation{name: "bedrock 14: some effort of " + model, model: model, only: []string{converse}, body: `"reasoning_effort":"high",` + hi,
		saw: echoOf(model, "hi"), arrives: atConverse(arrives)}
}

// failing is a request that Bedrock refuses.
func failing(fault, saw string) conversation {
	return conversation{name: "bedrock 16: an error, " + fault, model: "+" + fault, only: []string{converse}, body: hi, saw: saw}
}

// tooLong is a prompt that is too long, in one of the wordings of that.
func tooLong(words string) conversation {
	return played("bedrock 16: too long a prompt, "+words, "openai_bedrock/error_overflow_"+words, converse, "400 context_length_exceeded")
}

// idOfAWS looks at whether the answer is known by what AWS calls the request.
func idOfAWS(t *testing.T, s *view, _ *fakellm.Request) {
	t.Helper()
	if want := "chatcmpl-" + s.header.Get("x-amzn-requestid"); s.id != want || want == "chatcmpl-" {
		t.Errorf("id %q, want %q", s.id, want)
	}
}

// noEmptyPieces looks at whether only the first chunk of an answer says nothing.
func noEmptyPieces(t *testing.T, s *view, _ *fakellm.Request) {
	t.Helper()
	n := 0
	for line := range strings.Lines(string(s.raw)) {
		if content := gjson.Get(line, "choices.0.delta.content"); content.Exists() && content.Str == "" {
			n++
		}
	}
	if n != 1 || !strings.Contains(string(s.raw), `"role":"assistant"`) {
		t.Errorf("%d empty pieces in\n%s", n, s.raw)
	}
}

// unfinished looks at whether a stream that failed told no end before it did.
func unfinished(t *testing.T, s *view, _ *fakellm.Request) {
	t.Helper()
	for line := range strings.Lines(string(s.raw)) {
		if reason := gjson.Get(line, "choices.0.finish_reason").Str; reason != "" {
			t.Errorf("the answer ended with %q before it failed", reason)
		}
	}
}

// pathOfAWS looks at whether a model's name is one segment of the path, escaped
// as AWS signs it.
func pathOfAWS(t *testing.T, _ *view, q *fakellm.Request) {
	t.Helper()
	want := "/model/" + strings.NewReplacer(":", "%3A", "/", "%2F").Replace(q.Model) + "/"
	if !strings.HasPrefix(q.Path, want) {
		t.Errorf("path %s, want %s…", q.Path, want)
	}
}
