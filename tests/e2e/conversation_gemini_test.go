package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"llmroute/internal/fakellm"
)

const gemini35 = "gemini-3.5-flash"

// unsigned is the warning of calls that came back without Gemini's signature.
const unsigned = "reasoning;signature_missing"

// geminiOwn is what comes of the common conversations at Gemini alone. The
// provider's models have the rules of the newest.
var geminiOwn = map[string]exception{
	"a system message": {arrives: []string{`systemInstruction.parts [{"text":"Be brief."}]`, `contents.#.role ["user"]`}},
	"a system message in the middle": {warns: "messages;system_moved",
		arrives: []string{`systemInstruction.parts [{"text":"c"}]`, `contents.#.role ["user","model","user"]`}},
	"two users in a row":        {saw: echo("a hi"), arrives: []string{`contents.0.parts.#.text ["a","hi"]`}},
	"a picture by its address":  {arrives: []string{`contents.0.parts.1 {"fileData":{"mimeType":"image/png","fileUri":"https://example.com/a.png"},"mediaResolution":{"level":"MEDIA_RESOLUTION_LOW"}}`}},
	"a picture in the request":  {arrives: []string{`contents.0.parts.1.inlineData {"mimeType":"image/png","data":"iVBORw0KGgo="}`}},
	"names":                     {warns: "messages.name;unsupported"},
	"a refusal in the past":     {arrives: []string{`contents.1 {"role":"model","parts":[{"text":"no"}]}`}},
	"one call at a time":        {saw: `|weather({"city":"clock and weather?"})|clock({})|tool_calls`, warns: "parallel_tool_calls;unsupported"},
	"two calls, one of nothing": {arrives: []string{`tools.0.functionDeclarations.1 {"name":"clock","description":""}`}},
	"results in reverse, and a text": {warns: unsigned, arrives: []string{`contents.2.parts.#.functionResponse.id ["call_1","call_2"]`,
		`contents.3.parts.0.text "so?"`, `toolConfig.functionCallingConfig {"mode":"NONE"}`}},
	"an empty text beside calls, an empty result": {warns: unsigned, arrives: []string{`contents.2.parts.0.functionResponse.response {"output":""}`}},
	"ids of other makers":                         {warns: unsigned, arrives: []string{`contents.1.parts.0.functionCall.id "functions_clock_0"`}},
	"no tool":                                     {arrives: []string{`toolConfig.functionCallingConfig {"mode":"NONE"}`}},
	"any tool":                                    {arrives: []string{`toolConfig.functionCallingConfig {"mode":"ANY"}`}},
	"this tool":                                   {arrives: []string{`toolConfig.functionCallingConfig {"mode":"ANY","allowedFunctionNames":["clock"]}`}},
	"a tool of text":                              {arrives: []string{`tools.0.functionDeclarations.0.parametersJsonSchema.required ["input"]`}},

	"any JSON":         {arrives: []string{`generationConfig {"responseMimeType":"application/json"}`}},
	"JSON of a schema": {arrives: []string{`generationConfig.responseJsonSchema.required ["a"]`}},
	"some effort":      {arrives: []string{`generationConfig.thinkingConfig {"includeThoughts":true,"thinkingLevel":"HIGH"}`}},
	"a temperature":    {warns: "temperature;unsupported", arrives: []string{"generationConfig "}},
	"a nucleus":        {warns: "top_p;unsupported", arrives: []string{"generationConfig "}},
	"penalties":        {warns: "frequency_penalty;unsupported, presence_penalty;unsupported", arrives: []string{"generationConfig "}},
	"a stop":           {arrives: []string{`generationConfig.stopSequences ["–","nothing"]`}},
	"a limit":          {arrives: []string{"generationConfig.maxOutputTokens 3"}},

	"a seed and a user":  {warns: "user;unsupported", arrives: []string{"generationConfig.seed 7"}},
	"hints of the cache": {warns: "prompt_cache_key;unsupported"},
	"notes":              {warns: "store;unsupported, metadata;unsupported"},

	"no money":                    {saw: "429 insufficient_quota"},
	"too much to do":              {saw: "503 overloaded"},
	"a prompt that is filtered":   {saw: "|content_filter"},                  // a 200 without an answer
	"openai 3: and their results": {saw: echo("rain noon"), warns: unsigned}, // they are one turn
}

const vertex = "GCPVertexAI"

// geminiSheet are the conversations that the facts about Gemini call for, by their
// numbers there. 3 and 4 take several rounds: TestGeminiThinksOn has them. Where a
// form that is refused there is asked for in words, and a long answer is not gone on
// with, that was decided for all providers together.
var geminiSheet = slices.Concat([]conversation{
	{name: "gemini 1: two turns", saw: echo("hi"),
		body: `"messages":[{"role":"system","content":"Be brief."},{"role":"developer","content":"Be kind."},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"hi"}]`,
		arrives: map[string][]string{
			studio: {`systemInstruction.parts.#.text ["Be brief.","Be kind."]`, `contents.#.role ["user","model","user"]`, "@Authorization", "@X-Goog-Api-Key sk-backend"},
			vertex: {`systemInstruction.parts.#.text ["Be brief.","Be kind."]`, `contents.#.role ["user","model","user"]`, "@Authorization Bearer sk-backend", "@X-Goog-Api-Key"},
		}},
	{name: "gemini 2: three results in reverse", saw: echo("rain noon up"), warns: map[string]string{studio: unsigned},
		body: toolsThree + `"messages":[` + calledThree + `,{"role":"tool","tool_call_id":"call_3","content":"up"},{"role":"tool","tool_call_id":"call_2","content":"noon"},{"role":"tool","tool_call_id":"call_1","content":"rain"}]`,
		arrives: map[string][]string{studio: {`contents.#.role ["user","model","user"]`, `contents.2.parts.#.functionResponse.id ["call_1","call_2","call_3"]`,
			`contents.2.parts.#.functionResponse.name ["weather","clock","stock"]`}}},
	played("gemini 2: three results in reverse, and a text", "openai_gemini/calls_in_reverse", studio, `|find({"q":"é \"x\"","n":1.5})|tool_calls`),
	{name: "gemini 4: steps that were not kept", warns: map[string]string{studio: unsigned}, saw: echo("noon"),
		body: toolsTwo + `"messages":[{"role":"user","content":"clock?"},` + clockAs("a", "dusk") + "," + clockAs("b", "noon") + `]`},
	{name: "gemini 5: calls, one at a time, and a signature for the first", body: toolsTwo + asking("clock and weather?"), saw: `|weather({"city":"clock and weather?"})|clock({})|tool_calls`,
		also: func(t *testing.T, s *view, q *fakellm.Request) {
			t.Helper()
			signedOnce(t, s, q)
			callsAreCounted(t, s, q)
		}},
	{name: "gemini 6: thoughts, and a signature behind the text", body: `"reasoning_effort":"high",` + hi, saw: echo("hi"), also: func(t *testing.T, s *view, _ *fakellm.Request) {
		t.Helper()
		if raw := string(s.raw); !strings.Contains(raw, `"reasoning_content":"`) || strings.Count(raw, `"format":"google-gemini-v1"`) != 1 {
			t.Error(raw)
		}
	}},
	{name: "gemini 6: and the usage, once", streamed: echo("hi"), body: `"reasoning_effort":"high",` + hi, also: oneUsage,
		counts: map[string]string{studio: "1 (0 cached, 0 written) + 31 = 32"}},
	{name: "gemini 7: a prompt that is blocked", model: "+filtered", body: hi, saw: "|content_filter", counts: map[string]string{studio: "3 (0 cached, 0 written) + 0 = 3"}},
	{name: "gemini 7: an answer that is stopped", model: "+finishSAFETY", body: hi, saw: strings.Replace(echo("hi"), "|stop", "|content_filter", 1)},
	{name: "gemini 8: a call that went wrong", model: "+finishMALFORMED_FUNCTION_CALL", body: hi, saw: "502 malformed_function_call", streamed: "failed"},
	played("gemini 9: a stream that is cut", "openai_gemini/stream_cut", studio, "failed"),
	played("gemini 9: an error that is no event", "openai_gemini/stream_error_bare", studio, "failed"),
	played("gemini 9: an error in a list", "openai_gemini/stream_error_list", studio, "failed"),
	written("gemini 10: a schema", "requests/openai_gemini/schema", studio, `{"type":"Hello?","title":"Hello?","kind":"x","note":"Hello?","who":{"name":"Hello?"}}|stop`),
	written("gemini 10: a schema in Google's own form", "requests/openai_gemini/schema_old", studio, `{"type":"Hello?","title":"Hello?","kind":"x","note":"Hello?","who":{"name":"Hello?"}}|stop`),
	written("gemini 11: a schema and tools", "requests/openai_gemini/schema_with_tools", studio, `|weather({"city":"Hello?"})|tool_calls`),
	written("gemini 11: a schema and tools, of which one must be called", "requests/openai_gemini/schema_with_tools_forced", studio, `|weather({"city":"Hello?"})|tool_calls`),
	written("gemini 11: a schema and tools, of an old model", "requests/openai_gemini/schema_with_tools_old", studio, `|weather({"city":"Hello?"})|tool_calls`),
	played("gemini 13: tools that Google runs, and thoughts", "openai_gemini/usage", studio, "Hi.|stop"),
	played("gemini 13: thoughts that are counted in already", "openai_gcpvertexai/usage_inclusive", vertex, "Hi.|stop"),
	written("gemini 14: pictures", "requests/openai_gemini/images", studio, echoOf("gemini-3.8-flash", "What?")),
	written("gemini 14: pictures for an old model", "requests/openai_gemini/images_old", studio, echoOf("gemini-2.5-flash", "What?")),
	written("gemini 14: pictures at their addresses", "requests/openai_gcpvertexai/images", vertex, echoOf("gemini-2.5-flash", "What?")),
	written("gemini 14: a picture whose kind nobody knows", "requests/openai_gcpvertexai/images_untyped", vertex, ""),
	written("gemini 14: a picture in a bucket", "requests/openai_gemini/images_bucket", studio, ""),
	written("gemini 14: a picture alone", "requests/openai_gcpvertexai/images_alone", vertex, "You said nothing – and gemini-2.5-flash has nothing to add.|stop"),
	written("gemini 15: an answer that was begun", "requests/openai_gemini/prefill", studio, echoOf(gemini35, "One,")),
	written("gemini 15: an answer that was begun, of a newer model", "requests/openai_gemini/prefill_refused", studio, ""),
	played("gemini 16: our key", "openai_gemini/error_key", studio, "502 provider_auth_error"),
	played("gemini 16: too long a prompt", "openai_gemini/error_overflow", studio, "400 context_length_exceeded"),
	played("gemini 16: too long a prompt, in other words", "openai_gcpvertexai/error_overflow", vertex, "400 context_length_exceeded"),
	played("gemini 16: no money", "openai_gemini/error_money", studio, "402 insufficient_quota"),
	{name: "gemini 16: too many requests", recording: "openai_gemini/error_rate", only: []string{studio}, saw: "429 rate_limit_exceeded", also: func(t *testing.T, s *view, _ *fakellm.Request) {
		t.Helper()
		if got := s.header.Get("retry-after"); got != "35" {
			t.Errorf("the client may come back after %q seconds", got)
		}
	}},
	played("gemini 16: too much to do", "openai_gemini/error_overloaded", studio, "503 overloaded"),
	written("gemini 17: some tools", "requests/openai_gemini/choice_allowed", studio, "|now({})|tool_calls"),
	written("gemini 17: any of some tools", "requests/openai_gemini/choice_allowed_required", studio, "|now({})|tool_calls"),
	written("gemini 17: this tool", "requests/openai_gemini/choice_named", studio, "|now({})|tool_calls"),
	written("gemini 17: no tool", "requests/openai_gemini/choice_none", studio, ""),
	written("gemini 17: strict tools", "requests/openai_gemini/choice_strict", studio, `|weather({"city":"Hello?"})|tool_calls`),
	played("gemini 18: sources", "openai_gemini/grounded", studio, "Zürich – ja. Bern 🙂 too.|stop"),
	played("gemini 18: sources behind a stream", "openai_gemini/stream_grounded", studio, "Zürich – ja. Bern 🙂 too.|stop"),
	{name: "gemini 19: an answer that is too long for one request", model: "+finishCONTINUATION", body: hi, saw: strings.Replace(echo("hi"), "|stop", "|length", 1)},

	{name: "nothing at all", model: "+empty+finishOTHER", body: hi, saw: "502 upstream_no_answer", streamed: "failed"},
	{name: "what nobody knows of an answer", model: "+odd+finishTIRED", lost: "content;executableCode, content;thingNobodyKnows, finish_reason;unknown", body: hi, saw: echo("hi")},
	{name: "six stops", body: `"stop":["1","2","3","4","5","6"],` + hi, saw: "422 unsupported_value"},
	{name: "a schema that cannot be said", body: `"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"$ref":"https://example.com/a"}}},` + hi, saw: "422 unsupported_value"},
}, geminiEfforts())

// geminiEfforts are requests for some thinking, none and little, which each model
// is told in another way.
func geminiEfforts() (list []conversation) {
	for _, model := range []string{"2_5_pro", "2_5_flash_lite", "3_1_pro", "3_6_flash", "3_8_flash", "4_argon"} {
		for _, effort := range []string{"none", "minimal", "high"} {
			list = append(list, written("gemini 12: the effort "+effort+" of "+model, "requests/openai_gemini/effort_"+effort+"_"+model, studio, ""))
		}
	}
	return list
}

// signedOnce looks at whether the first of several calls is signed, and no other.
func signedOnce(t *testing.T, s *view, _ *fakellm.Request) {
	t.Helper()
	signed := ""
	look := func(message gjson.Result) {
		for _, call := range message.Get("tool_calls").Array() {
			if call.Get("extra_content.google.thought_signature").Str != "" {
				signed += call.Get("function.name").Str
			}
		}
	}
	look(gjson.GetBytes(s.raw, "choices.0.message"))
	gjson.ForEachLine(string(s.raw), func(chunk gjson.Result) bool {
		look(chunk.Get("choices.0.delta"))
		return true
	})
	if signed != "weather" {
		t.Errorf("signed is %q in %s", signed, s.raw)
	}
}
