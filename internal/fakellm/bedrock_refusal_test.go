package fakellm_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

func TestConverseRefusals(t *testing.T) {
	user := `{"role":"user","content":[{"text":"hi"}]}`
	ask := func(more string) string { return `{` + more + `"messages":[` + user + `]}` }
	said := func(messages string) string { return `{"messages":[` + messages + `]}` }
	const config = `"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}}]`
	const call = `{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"f","input":{}}}]}`
	document := func(name string) string {
		return `{"document":{"format":"txt","name":"` + name + `","source":{"bytes":"YQ=="}}}`
	}
	tests := []struct{ name, model, body, want string }{
		{"no messages", "m", `{}`, "Value at 'messages' failed to satisfy constraint: Member must not be null"},
		{"an unknown field", "m", ask(`"model":"m",`), "extraneous key [model] is not permitted"},
		{"an unknown field inside", "m", ask(`"inferenceConfig":{"topK":1},`), "extraneous key [inferenceConfig.topK]"},
		{"no union", "m", said(`{"role":"user","content":[{"text":"a","image":{"format":"png","source":{"bytes":"YQ=="}}}]}`), "exactly one of"},
		{"the assistant first", "m", said(`{"role":"assistant","content":[{"text":"a"}]},` + user), "must start with a user message"},
		{"two users", "m", said(user + "," + user), "must alternate"},
		{"a system message", "m", said(user + `,{"role":"system","content":[{"text":"a"}]}`), "messages.1.role"},
		{"an empty message", "m", said(`{"role":"user","content":[]}`), "is empty"},
		{"a blank text", "m", said(`{"role":"user","content":[{"text":" "}]}`), "is blank"},
		{"calls without tools", "m", said(user + "," + call + `,{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"text":"x"}]}}]}`), "toolConfig field must be defined"},
		{"a call without a result", "m", `{` + config + `},"messages":[` + user + "," + call + "," + user + `]}`, "immediately after: t1"},
		{"arguments as text", "m", `{` + config + `},"messages":[` + user + "," + strings.Replace(call, "{}", `"{}"`, 1) + `]}`, "expected an object"},
		{"a bad name", "m", ask(strings.Replace(config, `"f"`, `"f.g"`, 1) + `},`), "toolSpec.name"},
		{"no tool choice of none", "m", ask(config + `,"toolChoice":{"none":{}}},`), "extraneous key"},
		{"no tools", "m", ask(`"toolConfig":{"tools":[]},`), "toolConfig.tools"},
		{"a choice of Llama's", "meta.llama4", ask(config + `,"toolChoice":{"any":{}}},`), "doesn't support the toolConfig.toolChoice.any field"},
		{"top_k of Nova's", "amazon.nova-pro-v1:0", ask(`"additionalModelRequestFields":{"top_k":1},`), "extraneous key [top_k]"},
		{"stops of Qwen's", "qwen.qwen3", ask(`"inferenceConfig":{"stopSequences":["a"]},`), "doesn't support the stopSequences field"},
		{"hot on the newest", "anthropic.claude-opus-4-7", ask(`"inferenceConfig":{"temperature":0.2},`), "deprecated for this model"},
		{"both ways to sample", "anthropic.claude-sonnet-4-5", ask(`"inferenceConfig":{"temperature":0.2,"topP":0.5},`), "cannot both be specified"},
		{"forced on the newest", "anthropic.claude-opus-5-5", ask(config + `,"toolChoice":{"any":{}}},`), "not supported for this model"},
		{"two choices", "anthropic.claude-opus-5", ask(config + `,"toolChoice":{"any":{}}},"additionalModelRequestFields":{"tool_choice":{"type":"auto","disable_parallel_tool_use":true}},`), "conflicts with the existing field"},
		{"half a choice", "anthropic.claude-opus-5", ask(config + `},"additionalModelRequestFields":{"tool_choice":{"disable_parallel_tool_use":true}},`), "tool_choice.type: Field required"},
		{"a schema on the newest", "anthropic.claude-opus-5", ask(`"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{}"}}}},`), "output_config.format: Extra inputs"},
		{"an effort before 4.6", "anthropic.claude-opus-4-5", ask(`"outputConfig":{"effort":"low"},`), "output_config.effort: Extra inputs"},
		{"an effort before 4.6, to the model", "anthropic.claude-opus-4-5", ask(`"additionalModelRequestFields":{"output_config":{"effort":"low"}},`), "output_config.effort: Extra inputs"},
		{"a schema that is no text", "m", ask(`"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":{}}}}},`), "expected a string"},
		{"a document alone", "m", said(`{"role":"user","content":[` + document("a") + `]}`), "A text block must be included"},
		{"a document with a dot", "m", said(`{"role":"user","content":[{"text":"a"},` + document("a.pdf") + `]}`), "can only contain"},
		{"two of a name", "m", said(`{"role":"user","content":[{"text":"a"},` + document("a") + `,` + document("a") + `]}`), "must be unique"},
		{"an unsigned thought", "m", said(user + `,{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"a"}}},{"text":"b"}]},` + user), "Invalid `signature`"},
		{"the assistant last", "anthropic.claude-opus-5", said(user + `,{"role":"assistant","content":[{"text":"so"}]}`), "does not support assistant message prefill"},
		{"many tags", "m", ask(`"requestMetadata":{"a":"é"},`), "requestMetadata"},
		{"not JSON", "m", `{`, "not valid JSON"},
	}
	p := start(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			req := request(t, http.MethodPost, p.URL+"/model/"+test.model+"/converse", test.body)
			req.Header.Set("Authorization", "Bearer k")
			got := do(t, req)
			if message := gjson.Get(got.body, "message").Str; got.StatusCode != http.StatusBadRequest || !strings.Contains(message, test.want) ||
				!strings.HasPrefix(got.Header.Get("X-Amzn-Errortype"), "ValidationException:") {
				t.Errorf("got %d %s, want %s", got.StatusCode, got.body, test.want)
			}
		})
	}
}
