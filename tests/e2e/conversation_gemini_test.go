package e2e

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"llmroute/internal/fakellm"
)

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

// geminiSheet are the conversations that are known to hurt those who speak
// Gemini's dialect.
var geminiSheet = []conversation{
	{name: "calls, and a signature for the first", body: toolsTwo + asking("clock and weather?"), saw: `|weather({"city":"clock and weather?"})|clock({})|tool_calls`, also: signedOnce},
	{name: "thoughts, and a signature behind the text", body: `"reasoning_effort":"high",` + hi, saw: echo("hi"), also: func(t *testing.T, s *view, _ *fakellm.Request) {
		t.Helper()
		if raw := string(s.raw); !strings.Contains(raw, `"reasoning_content":"`) || strings.Count(raw, `"format":"google-gemini-v1"`) != 1 {
			t.Error(raw)
		}
	}},
	{name: "steps that were not kept", warns: map[string]string{studio: unsigned}, saw: echo("noon"),
		body: toolsTwo + `"messages":[{"role":"user","content":"clock?"},` + clockAs("a", "dusk") + "," + clockAs("b", "noon") + `]`},
	{name: "a call that went wrong", model: "+finishMALFORMED_FUNCTION_CALL", body: hi, saw: "502 malformed_function_call", streamed: "failed"},
	{name: "an answer that is too long for one request", model: "+finishCONTINUATION", body: hi, saw: strings.Replace(echo("hi"), "|stop", "|length", 1)},
	{name: "an answer that is stopped", model: "+finishSAFETY", body: hi, saw: strings.Replace(echo("hi"), "|stop", "|content_filter", 1)},
	{name: "nothing at all", model: "+empty+finishOTHER", body: hi, saw: "502 upstream_no_answer", streamed: "failed"},
	{name: "what nobody knows of an answer", model: "+odd+finishTIRED", body: hi, saw: echo("hi")},
	{name: "six stops", body: `"stop":["1","2","3","4","5","6"],` + hi, saw: "422 unsupported_value"},
	{name: "a schema that cannot be said", body: `"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"$ref":"https://example.com/a"}}},` + hi, saw: "422 unsupported_value"},
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
