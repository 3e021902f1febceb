package fakellm_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"llmroute/internal/fakellm/fakellmtest"
)

// messagesTo sends a body to Anthropic's API.
func messagesTo(t *testing.T, p *fakellmtest.Provider, path, body string, header ...string) answer {
	t.Helper()
	req := request(t, http.MethodPost, p.URL+path, body)
	req.Header.Set("Anthropic-Version", "2023-06-01")
	req.Header.Set("X-Api-Key", "k")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return do(t, req)
}

func TestAnthropicRefusals(t *testing.T) {
	ask := func(model, more string) string {
		return `{"model":"` + model + `","max_tokens":2000,` + more + `"messages":[{"role":"user","content":"hi"}]}`
	}
	said := func(messages string) string {
		return `{"model":"claude-opus-4-5","max_tokens":2000,"messages":[` + messages + `]}`
	}
	const user = `{"role":"user","content":"hi"}`
	const called = user + `,{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}},{"type":"tool_use","id":"t2","name":"f","input":{}}]},`
	const tools = `"tools":[{"name":"f","input_schema":{"type":"object"}}],`
	const open = `"tools":[{"name":"f","strict":true,"input_schema":{"type":"object","properties":{"a":{"type":"string"}}}}],`
	result := func(id string) string { return `{"type":"tool_result","tool_use_id":"` + id + `","content":"x"}` }
	tests := []struct{ name, body, want string }{
		{"no max_tokens", `{"model":"m","messages":[` + user + `]}`, "max_tokens: Field required"},
		{"no messages", `{"model":"m","max_tokens":1,"messages":[]}`, "messages: Invalid 'messages': empty array"},
		{"an unknown field", ask("m", `"n":1,`), "n: Extra inputs are not permitted"},
		{"an unknown field in a block", said(`{"role":"user","content":[{"type":"text","text":"a","name":"b"}]}`), "messages.0.content.0.name: Extra inputs are not permitted"},
		{"an unknown role", said(`{"role":"tool","content":"a"}`), "messages.0.role: "},
		{"a blank text", said(`{"role":"user","content":[{"type":"text","text":" "}]}`), "must contain non-whitespace text"},
		{"an empty text", said(user + `,{"role":"assistant","content":[{"type":"text","text":""}]},` + user), "text content blocks must be non-empty"},
		{"too much to say", ask("claude-opus-4-5", `"max_tokens":64001,`), "max_tokens: "},
		{"too hot", ask("m", `"temperature":1.5,`), "temperature: "},
		{"hot on the newest", ask("claude-opus-5", `"temperature":0.2,`), "deprecated for this model"},
		{"both ways to sample", ask("claude-sonnet-4-5", `"temperature":1,"top_p":0.9,`), "cannot both be specified"},
		{"sampled while thinking", ask("claude-sonnet-4-5", `"temperature":0.5,"thinking":{"type":"enabled","budget_tokens":1024},`), "may only be set to 1"},
		{"adaptive on the old", ask("claude-sonnet-4-5", `"thinking":{"type":"adaptive"},`), "adaptive thinking is not supported"},
		{"a budget on the new", ask("claude-opus-5", `"thinking":{"type":"enabled","budget_tokens":1024},`), "is not supported for this model"},
		{"disabled where it cannot be", ask("claude-opus-5-5", `"thinking":{"type":"disabled"},`), `"thinking.type.disabled" is not supported`},
		{"too large a budget", ask("claude-sonnet-4-5", `"thinking":{"type":"enabled","budget_tokens":2000},`), "must be greater than"},
		{"effort without any", ask("claude-sonnet-4-5", `"output_config":{"effort":"low"},`), "output_config.effort: Extra inputs"},
		{"too much effort", ask("claude-opus-4-6", `"output_config":{"effort":"xhigh"},`), "output_config.effort: "},
		{"a choice without tools", ask("m", `"tool_choice":{"type":"auto"},`), "may only be specified while providing"},
		{"forced on the newest", ask("claude-sonnet-5-5", tools+`"tool_choice":{"type":"any"},`), "are not supported for this model"},
		{"forced while thinking", ask("claude-sonnet-4-5", tools+`"tool_choice":{"type":"any"},"thinking":{"type":"enabled","budget_tokens":1024},`), "when tool_choice forces tool use"},
		{"parallel of none", ask("m", tools+`"tool_choice":{"type":"none","disable_parallel_tool_use":true},`), "Extra inputs"},
		{"OpenAI's tool", ask("m", `"tools":[{"type":"function","function":{"name":"f"}}],`), "does not match any of the expected tags"},
		{"a bad tool name", ask("m", `"tools":[{"name":"a.b","input_schema":{"type":"object"}}],`), "tools.0.name: String should match pattern"},
		{"two of a name", ask("m", `"tools":[{"name":"f","input_schema":{"type":"object"}},{"name":"f","input_schema":{"type":"object"}}],`), "names must be unique"},
		{"a schema of choices", ask("m", `"tools":[{"name":"f","input_schema":{"type":"object","anyOf":[]}}],`), "at the top level"},
		{"a strict tool left open", ask("claude-opus-4-5", open), "'additionalProperties' must be explicitly set to false"},
		{"an unsupported word", ask("claude-opus-4-5", `"output_config":{"format":{"type":"json_schema","schema":{"type":"object","additionalProperties":false,"properties":{"a":{"type":"integer","minimum":1}}}}},`), "property 'minimum' is not supported"},
		{"a call without a result", said(called + `{"role":"user","content":[` + result("t1") + `]}`), "without `tool_result` blocks immediately after: t2"},
		{"a text before the results", said(called + `{"role":"user","content":[{"type":"text","text":"a"},` + result("t1") + `,` + result("t2") + `]}`), "without `tool_result`"},
		{"a result of nothing", said(`{"role":"user","content":[` + result("t9") + `]}`), "unexpected `tool_use_id`"},
		{"an id twice", said(strings.ReplaceAll(called, "t2", "t1") + `{"role":"user","content":[` + result("t1") + `]}`), "ids must be unique"},
		{"a bad id", said(strings.ReplaceAll(called, "t2", "f:0") + user), ".id: String should match pattern"},
		{"arguments as text", said(user + `,{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":"{}"}]}`), "expected an object"},
		{"the assistant last", strings.Replace(said(user+`,{"role":"assistant","content":"so"}`), "4-5", "5", 1), "does not support assistant message prefill"},
		{"white space last", said(user + `,{"role":"assistant","content":"so "}`), "trailing whitespace"},
		{"a system message", said(user + `,{"role":"system","content":"a"}`), "role 'system' is not supported"},
		{"a system message first", strings.Replace(said(`{"role":"system","content":"a"},`+user), "4-5", "5", 1), "must follow a 'user' message"},
		{"five marks", ask("m", `"system":[`+strings.TrimSuffix(strings.Repeat(`{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},`, 5), ",")+`],`), "A maximum of 4 blocks"},
		{"a long life after a short one", ask("m", `"system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}],`), "must not come after"},
		{"another picture", said(`{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"iVBORw0KGgo="}}]}`), "does not match the provided media type"},
		{"image/jpg", said(`{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/jpg","data":"iVBORw0KGgo="}}]}`), "media_type: "},
		{"an unsigned thought", said(user + `,{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":""},{"type":"text","text":"b"}]},` + user), "Invalid `signature`"},
		{"binding without its beta", ask("claude-opus-5", `"thinking":{"type":"adaptive","block_binding":{}},`), "block_binding: Extra inputs"},
		{"not JSON", `{`, "not valid JSON"},
	}
	p := start(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := messagesTo(t, p, "/v1/messages", test.body)
			message := gjson.Get(got.body, "error.message").Str
			if got.StatusCode != http.StatusBadRequest || gjson.Get(got.body, "type").Str != "error" || !strings.Contains(message, test.want) {
				t.Errorf("got %d %s, want %s", got.StatusCode, got.body, test.want)
			}
		})
	}
}

// TestAnthropicHomes sends the same to homes that differ.
func TestAnthropicHomes(t *testing.T) {
	p := start(t)
	const end = `"max_tokens":99,"messages":[{"role":"user","content":"hi"}]}`
	const picture = `"max_tokens":99,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://x/a.png"}}]}]}`
	const invoke = "/model/claude-opus-4-6/invoke"
	key := []string{"Authorization", "Bearer k", "X-Api-Key", ""}
	with := func(name, value string) []string { return append([]string{name, value}, key...) }
	tests := []struct {
		name, path, body string
		header           []string
		status           int
		want             string
	}{
		{"no version", "/v1/messages", `{"model":"m",` + end, []string{"Anthropic-Version", ""}, 400, "anthropic-version: header is required"},
		{"two keys", "/v1/messages", `{"model":"m",` + end, []string{"Authorization", "Bearer k"}, 401, "authentication_error"},
		{"an unknown beta", "/v1/messages", `{"model":"m",` + end, []string{"Anthropic-Beta", "context-1m-2025-08-07,other"}, 400, "Unexpected value(s) `other`"},
		{"a known beta", "/v1/messages", `{"model":"m","context_management":{},` + end, []string{"Anthropic-Beta", "context-management-2025-06-27"}, 200, "end_turn"},
		{"a picture from afar", "/v1/messages", `{"model":"m",` + picture, nil, 200, "end_turn"},
		{"a picture from afar, on Mantle", "/anthropic/v1/messages", `{"model":"m",` + picture, nil, 400, "URL sources are not supported"},
		{"all marked for the cache", "/v1/messages", `{"model":"m","cache_control":{"type":"ephemeral"},` + end, nil, 200, "end_turn"},
		{"invoked", invoke, `{"anthropic_version":"bedrock-2023-05-31",` + end, key, 200, "msg_bdrk_"},
		{"invoked without a version", invoke, `{` + end, key, 400, "anthropic_version"},
		{"invoked with a model", invoke, `{"model":"m","anthropic_version":"bedrock-2023-05-31",` + end, key, 400, "extraneous key [model]"},
		{"invoked as a stream", invoke, `{"stream":true,"anthropic_version":"bedrock-2023-05-31",` + end, key, 400, "extraneous key [stream]"},
		{"invoked, all marked", invoke, `{"cache_control":{"type":"ephemeral"},"anthropic_version":"bedrock-2023-05-31",` + end, key, 400, "extraneous key [cache_control]"},
		{"invoked with a beta", invoke, `{"anthropic_beta":["compact-2026-01-12"],"anthropic_version":"bedrock-2023-05-31",` + end, key, 200, "end_turn"},
		{"invoked with a bad beta", invoke, `{"anthropic_beta":["files-api-2025-04-14"],"anthropic_version":"bedrock-2023-05-31",` + end, key, 400, "invalid beta flag"},
		{"a beta in the wrong place", invoke, `{"compaction":{},"anthropic_version":"bedrock-2023-05-31",` + end, with("Anthropic-Beta", "compact-2026-01-12"), 400, "extraneous key [compaction]"},
		{"invoked with an effort", invoke, `{"output_config":{"effort":"max"},"anthropic_version":"bedrock-2023-05-31",` + end, key, 200, "end_turn"},
		{"invoked with an effort, before 4.6", "/model/claude-opus-4-5/invoke", `{"output_config":{"effort":"low"},"anthropic_version":"bedrock-2023-05-31",` + end, key, 400, "extraneous key [output_config.effort]"},
		{"an ARN with a slash", "/model/arn:aws:bedrock:x:1:profile/abc/invoke", `{` + end, key, 200, "UnknownOperationException"},
	}
	for _, test := range tests {
		if got := messagesTo(t, p, test.path, test.body, test.header...); got.StatusCode != test.status || !strings.Contains(got.body, test.want) {
			t.Errorf("%s: got %d %s, want %d %s", test.name, got.StatusCode, got.body, test.status, test.want)
		}
	}
}
