package fakellm_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// TestGeminiRefusals asks for what Google refuses.
func TestGeminiRefusals(t *testing.T) {
	const (
		user   = `{"role":"user","parts":[{"text":"hi"}]}`
		called = `{"role":"model","parts":[{"functionCall":{"name":"f","args":{}},"thoughtSignature":"skip_thought_signature_validator"}]}`
		tools  = `"tools":[{"functionDeclarations":[{"name":"f","description":""}]}],`
	)
	said := func(contents string) string { return `{"contents":[` + contents + `]}` }
	ask := func(members string) string { return `{` + members + `"contents":[` + user + `]}` }
	config := func(members string) string { return ask(`"generationConfig":{` + members + `},`) }
	function := func(members string) string {
		return ask(`"tools":[{"functionDeclarations":[{"name":"f","description":"",` + members + `}]}],`)
	}
	studio := func(model string) string { return "/v1beta/models/" + model + ":generateContent" }
	vertex := func(model string) string {
		return "/v1/projects/p/locations/l/publishers/google/models/" + model + ":generateContent"
	}
	const old, mid, now = "gemini-2.5-flash", "gemini-3-flash-preview", "gemini-3.8-flash"
	tests := []struct{ name, path, body, want string }{
		{"an unknown field", studio(now), ask(`"stream":true,`), `Unknown name "stream"`},
		{"a field of the other home", vertex(now), ask(`"serviceTier":"flex",`), `Unknown name "serviceTier"`},
		{"another role", studio(now), said(`{"role":"assistant","parts":[{"text":"a"}]}`), "'user', and 'model'"},
		{"a part of nothing", studio(now), said(`{"role":"user","parts":[{}]}`), "required oneof field 'data'"},
		{"a part of two", studio(now), said(`{"role":"user","parts":[{"text":"a","functionCall":{"name":"f"}}]}`), "required oneof field 'data'"},
		{"no parts", studio(now), said(`{"role":"user","parts":[]}`), "parts"},
		{"a call nobody answered", studio(now), said(user + `,` + called + `,` + user), "number of function response parts"},
		{"a call first of all", studio(old), said(called), "immediately after a user turn"},
		{"an answer nobody asked for", studio(now), said(`{"role":"user","parts":[{"functionResponse":{"name":"f","response":{}}}]}`), "immediately after a function call"},
		{"another name", studio(now), said(user + `,` + called + `,{"role":"user","parts":[{"functionResponse":{"name":"g","response":{}}}]}`), "is of g"},
		{"a text beside it", studio(now), said(user + `,` + called + `,{"role":"user","parts":[{"functionResponse":{"name":"f","response":{}}},{"text":"a"}]}`), "stand beside"},
		{"a response that is a text", studio(now), said(user + `,` + called + `,{"role":"user","parts":[{"functionResponse":{"name":"f","response":"a"}}]}`), "response"},
		{"an id on one side", studio(now), said(user + `,` + called + `,{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{}}}]}`), "the ids"},
		{"an id where there are none", vertex(old), said(user + `,` + strings.Replace(called, `"name"`, `"id":"1","name"`, 1) + `,{"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{}}}]}`), `Unknown name "id"`},
		{"a made-up signature", studio(now), said(user + `,{"role":"model","parts":[{"text":"a","thoughtSignature":"c2ln"}]},` + user), "Corrupted thought signature"},
		{"the model last", studio(now), said(user + `,{"role":"model","parts":[{"text":"a"}]}`), "ending with a model turn"},
		{"a picture alone", vertex(old), said(`{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}}]}`), "must have a text"},
		{"a picture that moves", studio(now), said(`{"role":"user","parts":[{"text":"a"},{"inlineData":{"mimeType":"image/gif","data":"R0lGODlh"}}]}`), "Unsupported MIME type"},
		{"an address without a type", vertex(now), said(`{"role":"user","parts":[{"text":"a"},{"fileData":{"fileUri":"gs://b/a"}}]}`), "mimeType"},
		{"a bucket", studio(now), said(`{"role":"user","parts":[{"text":"a"},{"fileData":{"fileUri":"gs://b/a","mimeType":"image/png"}}]}`), "file uri"},
		{"several answers", studio(now), config(`"candidateCount":2`), "Multiple candidates"},
		{"a penalty", studio(old), config(`"presencePenalty":1`), "Penalty is not enabled"},
		{"two of a penalty", vertex(old), config(`"presencePenalty":2`), "presencePenalty"},
		{"a temperature", studio(now), config(`"temperature":1`), "Sampling"},
		{"six stops", studio(now), config(`"stopSequences":["1","2","3","4","5","6"]`), "stopSequences"},
		{"a budget and a level", studio(mid), config(`"thinkingConfig":{"thinkingBudget":1,"thinkingLevel":"LOW"}`), "only one of"},
		{"a level of none", studio(old), config(`"thinkingConfig":{"thinkingLevel":"LOW"}`), "Thinking level LOW"},
		{"a level too low", studio(now), config(`"thinkingConfig":{"thinkingLevel":"MINIMAL"}`), "Thinking level MINIMAL"},
		{"no budget for a model that thinks", studio("gemini-2.5-pro"), config(`"thinkingConfig":{"thinkingBudget":0}`), "thinking budget"},
		{"thoughts of a model without", studio("gemini-2.0-flash"), config(`"thinkingConfig":{"includeThoughts":true}`), "Thinking is not enabled"},
		{"a schema without JSON", studio(now), config(`"responseJsonSchema":{}`), "only allowed with"},
		{"JSON beside functions", studio(old), ask(tools + `"generationConfig":{"responseMimeType":"application/json"},`), "unsupported"},
		{"names for a free choice", studio(now), ask(tools + `"toolConfig":{"functionCallingConfig":{"mode":"AUTO","allowedFunctionNames":["f"]}},`), "should only be set"},
		{"a choice of nothing", studio(now), ask(`"toolConfig":{"functionCallingConfig":{"mode":"ANY"}},`), "without function_declarations"},
		{"search beside functions", studio(now), ask(`"tools":[{"googleSearch":{}},{"functionDeclarations":[{"name":"f","description":""}]}],`), "cannot be combined"},
		{"a digit first", studio(now), ask(`"tools":[{"functionDeclarations":[{"name":"1f","description":""}]}],`), "should match pattern"},
		{"a constant", studio(now), function(`"parametersJsonSchema":{"const":"a"}`), "const"},
		{"more beside a reference", studio(now), function(`"parametersJsonSchema":{"properties":{"a":{"$ref":"#/$defs/a","minimum":1}}}`), "beside a reference"},
		{"a list of types", studio(now), function(`"parameters":{"type":["STRING","NULL"]}`), "not repeating"},
		{"a word of JSON Schema", studio(now), function(`"parameters":{"type":"OBJECT","properties":{"a":{"type":"STRING","const":"a"}}}`), `Unknown name "const"`},
		{"an object of nothing", studio(now), function(`"parameters":{"type":"OBJECT","properties":{}}`), "non-empty"},
		{"instructions to Gemma", studio("gemma-3-27b-it"), ask(`"systemInstruction":{"parts":[{"text":"a"}]},`), "Developer instruction"},
	}
	p := start(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := post(t, p.URL+test.path, test.body)
			if message := gjson.Get(got.body, "error.message").Str; got.StatusCode != http.StatusBadRequest || !strings.Contains(message, test.want) ||
				gjson.Get(got.body, "error.status").Str != "INVALID_ARGUMENT" {
				t.Errorf("got %d %s, want %s", got.StatusCode, got.body, test.want)
			}
		})
	}
	req := request(t, http.MethodPost, p.URL+studio(now), ask(""))
	req.Header.Set("Authorization", "Bearer ya29")
	if got := do(t, req); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("a token for the Gemini API: %d %s", got.StatusCode, got.body)
	}
	if got := post(t, p.URL+strings.Replace(studio("m+429"), ":generate", ":streamGenerate", 1), ask("")); gjson.Get(got.body, "0.error.details.1.retryDelay").Str != "34.6s" {
		t.Errorf("an error of a stream: %s", got.body)
	}
}
