package fakellm_test

import (
	"strings"
	"testing"
)

func TestMistralRefusals(t *testing.T) {
	p := start(t)
	ask := func(more string) string {
		return `{"model":"m",` + more + `"messages":[{"role":"user","content":"hi"}]}`
	}
	said := func(messages string) string { return `{"model":"m","messages":[` + messages + `]}` }
	const user = `{"role":"user","content":"hi"}`
	const called = user + `,{"role":"assistant","tool_calls":[{"id":"aaaaaaaaa","type":"function","function":{"name":"f","arguments":"{}"}}]}`
	const result = `,{"role":"tool","tool_call_id":"aaaaaaaaa","content":"x"}`
	for _, test := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"an unknown field", ask(`"seed":1,`), 422, `"detail":[{"type":"extra_forbidden","loc":["body","seed"]`},
		{"OpenAI's limit", ask(`"max_completion_tokens":1,`), 422, "max_completion_tokens"},
		{"the options of a stream", ask(`"stream":true,"stream_options":{"include_usage":true},`), 422, "stream_options"},
		{"no tools", ask(`"tools":[],`), 422, "tools"},
		{"no parameters", ask(`"tools":[{"type":"function","function":{"name":"f"}}],`), 422, `"parameters"`},
		{"a name", said(`{"role":"user","content":"hi","name":"ann"}`), 422, `"loc":["body","messages","0","name"]`},
		{"thoughts as a field", said(user + `,{"role":"assistant","content":"a","reasoning_content":"b"},` + user), 422, "reasoning_content"},
		{"a developer", said(`{"role":"developer","content":"hi"}`), 422, "developer"},
		{"a long id", said(strings.ReplaceAll(called+result, "aaaaaaaaa", "call_1")), 422, "[a-zA-Z0-9]{9}"},
		{"a late instruction", said(called + result + `,{"role":"system","content":"a"},` + user), 400, "Unexpected role 'system' after role 'tool'"},
		{"the same after an answer", said(user + `,{"role":"assistant","content":"a"},{"role":"system","content":"b"},` + user), 400, "Unexpected role 'system' after role 'assistant'"},
		{"an instruction at the end", said(user + `,{"role":"system","content":"b"}`), 400, "Expected last role"},
		{"an answer at the end", said(user + `,{"role":"assistant","content":"a"}`), 400, `"code":"3230"`},
		{"a beginning in the middle", said(user + `,{"role":"assistant","content":"a","prefix":true},` + user), 400, "prefix"},
		{"an answer of nothing", said(user + `,{"role":"assistant","content":""},` + user), 400, "either content or tool_calls"},
		{"a call that nobody answers", said(called + "," + user), 400, "Not the same number"},
		{"a call at the end", said(called), 400, "Expected last role"},
		{"a result of nothing", said(called + result + result), 400, "Unexpected tool call id"},
		{"a tool of nobody", said(user + result), 400, "Unexpected role 'tool' after role 'user'"},
		{"an unknown part", said(`{"role":"user","content":[{"type":"refusal","refusal":"a"}]}`), 422, "refusal"},
		{"too hot", ask(`"temperature":1.6,`), 422, "temperature"},
		{"no key to read", ask(`"tool_choice":"some",`), 422, "tool_choice"},
		{"thoughts that are hidden", `{"model":"m+redacted","messages":[` + user + `]}`, 422, "signed thoughts only"},
		{"a guardrail", `{"model":"m+filtered","messages":[` + user + `]}`, 403, `{"error":{"message":"Content blocked by guardrail","status":403},"guardrails":`},
		{"too many", `{"model":"m+503","messages":[` + user + `]}`, 503, "Service tier capacity exceeded"},
		{"no such model", `{"model":"missing-m","messages":[` + user + `]}`, 404, `"object":"error"`},
		{"no JSON", `{`, 400, `"object":"error"`},
	} {
		got := post(t, p.URL+"/mistral/v1/chat/completions", test.body)
		if got.StatusCode != test.status || !strings.Contains(got.body, test.want) || got.Header.Get("Mistral-Correlation-Id") == "" {
			t.Errorf("%s: got %d %s, want %d, %s", test.name, got.StatusCode, got.body, test.status, test.want)
		}
	}
}
