package bedrock

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/translator/chat"
	"llmroute/translator/claude"
)

func TestWhole(t *testing.T) {
	const usage = `"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3},"metrics":{"latencyMs":9}`
	answer := func(content, reason string) string {
		return `{"output":{"message":{"role":"assistant","content":[` + content + `]}},"stopReason":"` + reason + `",` + usage + `}`
	}
	for _, c := range []struct{ name, model, in, want string }{
		{"words", nova1, answer(`{"text":"a"},{"text":"b"}`, "end_turn"), "start r1\nopen 0 text\ndelta 0 a\nclose 0\nopen 1 text\ndelta 1 b\nclose 1\ncounts 1 0 0 2 3\nfinish stop\ndone"},
		{"a thought and a call", sonnet46, answer(`{"reasoningContent":{"reasoningText":{"text":"hm","signature":"S"}}},{"toolUse":{"toolUseId":"a","name":"f","input":{"x": 1}}}`, "tool_use"),
			"start r1\nopen 0 thinking\ndelta 0 hm\nclose 0 S anthropic\nopen 1 call a f\ndelta 1 {\"x\": 1}\nclose 1\ncounts 1 0 0 2 3\nfinish tool_calls\ndone"},
		{"a thought without words", sonnet46, answer(`{"reasoningContent":{"reasoningText":{"text":"","signature":"S"}}},{"text":"a"}`, "end_turn"),
			"start r1\nopen 0 thinking\nclose 0 S anthropic\nopen 1 text\ndelta 1 a\nclose 1\ncounts 1 0 0 2 3\nfinish stop\ndone"},
		{"a thought between words", sonnet46, answer(`{"text":"a"},{"reasoningContent":{"redactedContent":"AA=="}},{"text":"b"}`, "stop_sequence"),
			"start r1\nopen 0 text\ndelta 0 a\nclose 0\nopen 1 redacted\nclose 1 AA== anthropic\nopen 2 text\ndelta 2 b\nclose 2\ncounts 1 0 0 2 3\n" +
				`replay bedrock [{"text":"a"},{"reasoningContent":{"redactedContent":"AA=="}},{"text":"b"}]` + "\nfinish stop\ndone"},
		{"what the provider did itself", sonnet46, answer(`{"toolUse":{"toolUseId":"s","name":"web","input":{},"type":"server_tool_use"}},{"toolResult":{"toolUseId":"s","content":[]}},{"text":"a"}`, "end_turn"),
			"start r1\nopen 0 text\ndelta 0 a\nclose 0\ncounts 1 0 0 2 3\n" +
				`replay bedrock [{"toolUse":{"toolUseId":"s","name":"web","input":{},"type":"server_tool_use"}},{"toolResult":{"toolUseId":"s","content":[]}},{"text":"a"}]` + "\nfinish stop\ndone"},
		{"citations", nova1, answer(`{"citationsContent":{"content":[{"text":"a"}],"citations":[{"title":"T","location":{"web":{"url":"https://x"}}},{"title":"D","location":{"documentPage":{"documentIndex":0}}}]}}`, "end_turn"),
			"start r1\nopen 0 text\ndelta 0 a\ncite 0 https://x T\nclose 0\ncounts 1 0 0 2 3\nfinish stop\ndone"},
		{"a call that ends a turn", nova1, answer(`{"toolUse":{"toolUseId":"a","name":"f"}}`, "end_turn"), "start r1\nopen 0 call a f\ndelta 0 {}\nclose 0\ncounts 1 0 0 2 3\nfinish tool_calls\ndone"},
		{"blocks nobody knows", nova1, answer(`{"omen":{}},{"text":"a"},{"image":{"format":"png"}}`, "brand_new_reason"), "start r1\nopen 0 text\ndelta 0 a\nclose 0\ncounts 1 0 0 2 3\nfinish \ndone"},
		{"a guardrail", nova1, answer(`{"text":"No."}`, "guardrail_intervened"), "start r1\nopen 0 text\ndelta 0 No.\nclose 0\ncounts 1 0 0 2 3\nfinish content_filter\ndone"},
		{"nothing", nova1, answer(``, "end_turn"), "start r1\ncounts 1 0 0 2 3\nfinish stop\ndone"},
		{"a call that is broken", nova1, answer(``, "malformed_tool_use"), "start r1\ncounts 1 0 0 2 3\nfail 502 server_error malformed_tool_use r1"},
		{"GPT's cache, not streamed", gpt56, `{"output":{"message":{"content":[{"text":"a"}]}},"stopReason":"end_turn","usage":{"inputTokens":5,"outputTokens":1,"cacheWriteInputTokens":4}}`,
			"start r1\nopen 0 text\ndelta 0 a\nclose 0\ncounts 9 0 4 1 10\nfinish stop\ndone"},
		{"a path nobody knows", nova1, `{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}`, "fail 502 server_error upstream_malformed_reply r1"},
		{"no JSON", nova1, `<html>`, "fail 502 server_error upstream_malformed_reply r1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var told []string
			r := newReader(c.model)
			evs := r.Whole(nil, []byte(c.in))
			for i := range evs {
				told = append(told, spell(&evs[i]))
			}
			if diff := cmp.Diff(c.want, strings.Join(told, "\n")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestReplay(t *testing.T) {
	const list = `W3sidGV4dCI6ImFcdTAwZTkifSx7InJlYXNvbmluZ0NvbnRlbnQiOnsicmVkYWN0ZWRDb250ZW50IjoiQUE9PSJ9fSx7InRvb2xVc2UiOnsidG9vbFVzZUlkIjoiYyIsIm5hbWUiOiJmIiwiaW5wdXQiOnsieCI6IDF9fX1d`
	const blocks = `[{"text":"a\u00e9"},{"reasoningContent":{"redactedContent":"AA=="}},{"toolUse":{"toolUseId":"c","name":"f","input":{"x": 1}}}]`
	conversation := func(text, id, dialect string) string {
		return `{"messages":[{"role":"user","content":"?"},{"role":"assistant","content":"` + text + `","tool_calls":[{"id":"` + id + `","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}],
		"reasoning_details":[{"type":"reasoning.encrypted","format":"unknown","id":"llmroute:blocks:` + dialect + `:r1","data":"` + list + `","index":0}]},
		{"role":"tool","tool_call_id":"` + id + `","content":"r"}],"tools":[{"type":"function","function":{"name":"f"}}]}`
	}
	for _, c := range []struct {
		name, in string
		want     bool
	}{
		{"as it was", conversation("aé", "c", "bedrock"), true},
		{"other words", conversation("b", "c", "bedrock"), false},
		{"another call", conversation("aé", "d", "bedrock"), false},
		{"another dialect's", conversation("aé", "c", "anthropic"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, _, err := send(chat.Options{Model: sonnet46}, c.in)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(string(out.Body), blocks); got != c.want {
				t.Errorf("replayed %v, want %v: %s", got, c.want, out.Body)
			}
		})
	}
}

func TestThoughtsComeBack(t *testing.T) {
	const details = `{"messages":[{"role":"user","content":"?"},{"role":"assistant","content":"a","reasoning_details":[
	{"type":"reasoning.text","text":"hm","signature":"S\/=","format":"anthropic-claude-v1","index":0},
	{"type":"reasoning.encrypted","data":"AA==","format":"unknown","id":"llmroute:bedrock:r1.1","index":1}]},{"role":"user","content":"?"}]}`
	for model, want := range map[string]string{
		sonnet46:              `"content":[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"S\/="}}},{"text":"a"}]`,
		gpt56:                 `"content":[{"reasoningContent":{"redactedContent":"AA=="}},{"text":"a"}]`,
		"us.deepseek.r1-v1:0": `"content":[{"text":"a"}]`,
	} {
		out, trip, err := send(chat.Options{Model: model}, details)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(out.Body), want) || len(trip.Warnings) > 0 {
			t.Errorf("%s: %s, warnings %q", model, out.Body, trip.Warnings)
		}
	}
}

func TestReadError(t *testing.T) {
	const suffix = ":http://internal.amazon.com/coral/com.amazon.bedrock/"
	for _, c := range []struct {
		name, kind, body string
		status           int
		want             chat.Error
	}{
		{"validation", "ValidationException" + suffix, `{"message":"no"}`, 400, chat.Error{Status: 400, Type: "invalid_request_error", Message: "no"}},
		{"too long", "ValidationException", `{"message":"The model returned the following errors: prompt is too long: 9 tokens > 8 maximum"}`, 400,
			chat.Error{Status: 400, Type: "invalid_request_error", Code: "context_length_exceeded", Message: "The model returned the following errors: prompt is too long: 9 tokens > 8 maximum"}},
		{"too long, in Llama's words", "", `{"__type":"com.amazon#ValidationException","message":"This model's maximum context length is 8192 tokens."}`, 400,
			chat.Error{Status: 400, Type: "invalid_request_error", Code: "context_length_exceeded", Message: "This model's maximum context length is 8192 tokens."}},
		{"too many tokens a minute", "ThrottlingException" + suffix, `{"message":"Too many tokens, please wait before trying again."}`, 429,
			chat.Error{Status: 429, Type: "rate_limit_error", Code: "rate_limit_exceeded", Message: "Too many tokens, please wait before trying again."}},
		{"a quota", "ServiceQuotaExceededException", `{"message":"q"}`, 400, chat.Error{Status: 429, Type: "rate_limit_error", Code: "insufficient_quota", Message: "q"}},
		{"no access", "AccessDeniedException", `{"Message":"m"}`, 403, chat.Error{Status: 403, Type: "permission_error", Code: "access_denied", Message: "m"}},
		{"our own credential", "UnrecognizedClientException", `{"message":"m"}`, 403, chat.Error{Status: 401, Type: "authentication_error", Message: "m"}},
		{"our own signature", "IncompleteSignature", `{"Message":"m"}`, 400, chat.Error{Status: 401, Type: "authentication_error", Message: "m"}},
		{"no such model", "ResourceNotFoundException", `{"message":"m"}`, 404, chat.Error{Status: 404, Type: "invalid_request_error", Code: "model_not_found", Message: "m"}},
		{"a model too slow", "ModelTimeoutException", `{"message":"m"}`, 408, chat.Error{Status: 408, Type: "server_error", Code: "timeout", Message: "m"}},
		{"a model that failed", "ModelErrorException", `{"message":"m","originalStatusCode":500}`, 424, chat.Error{Status: 500, Type: "server_error", Code: "model_error", Message: "m"}},
		{"a model that failed in silence", "ModelErrorException", `{"message":"m"}`, 424, chat.Error{Status: 502, Type: "server_error", Code: "model_error", Message: "m"}},
		{"a cold model", "ModelNotReadyException", `{"message":"m"}`, 429, chat.Error{Status: 429, Type: "rate_limit_error", Code: "model_not_ready", Message: "m"}},
		{"no capacity", "ServiceUnavailableException", `{"message":"m"}`, 503, chat.Error{Status: 503, Type: "server_error", Code: "overloaded", Message: "m"}},
		{"inside", "InternalServerException", `{"message":"m"}`, 500, chat.Error{Status: 500, Type: "server_error", Message: "m"}},
		{"a proxy's page", "", `<html>`, 503, chat.Error{Status: 503, Type: "server_error", Message: noWords}},
		{"nothing", "", ``, 504, chat.Error{Status: 504, Type: "server_error", Message: noWords}},
		{"an exception nobody knows", "OmenException", `{"message":"m"}`, 418, chat.Error{Status: 418, Type: "invalid_request_error", Message: "m"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.Provider, c.want.RequestID = provider, "r1"
			got := Dialect{}.ReadError(nil, c.status, header{"x-amzn-errortype": c.kind, "x-amzn-requestid": "r1"}, []byte(c.body))
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func claudeModel(name string) model {
	return model{vendor: anthropic, version: newest, claude: claude.Named(name)}
}

func TestModelNamed(t *testing.T) {
	for name, want := range map[string]model{
		sonnet45:                         claudeModel("claude-sonnet-4-5"),
		sonnet46:                         claudeModel("claude-sonnet-4-6"),
		opus5:                            claudeModel("claude-opus-5"),
		opus55:                           claudeModel("claude-opus-5-5"),
		"claude":                         claudeModel("claude"),
		nova1:                            {vendor: nova, version: 10},
		nova2:                            {vendor: nova, version: 20},
		oss:                              {vendor: gptOSS, version: newest},
		gpt56:                            {vendor: gpt, version: newest},
		"my-model":                       {},
		"amazon.nova-2-omni-v1:0":        {vendor: nova, version: 20, hearing: true},
		"deepseek.v3-v1:0":               {vendor: deepseek, version: newest},
		"us.deepseek.r1-v1:0":            {vendor: deepseek, version: 10},
		"mistral.voxtral-small-24b-2507": {vendor: mistral, version: newest, hearing: true},
	} {
		if got := modelNamed(name); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	trip := &chat.Trip{Options: chat.Options{Model: "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", Family: "Claude-Opus-4-7"}}
	if got, want := modelOf(trip), claudeModel("claude-opus-4-7"); got != want {
		t.Errorf("by its family: %+v, want %+v", got, want)
	}
}
