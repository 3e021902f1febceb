package anthropic

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/translator/chat"
)

type header map[string]string

func (h header) Get(name string) string { return h[name] }

func TestReadError(t *testing.T) {
	const suffix = ":http://internal.amazon.com/coral/com.amazon.bedrock/"
	said := func(kind string) string { return `{"type":"error","error":{"type":"` + kind + `","message":"m"}}` }
	for _, c := range []struct {
		name      string
		home      *Dialect
		status    int
		exception string
		body      string
		want      chat.Error
	}{
		{"a request", Direct, 400, "", said("invalid_request_error"), chat.Error{Status: 400, Type: "invalid_request_error"}},
		{"our own key", Direct, 401, "", said("authentication_error"), chat.Error{Status: 401, Type: "authentication_error"}},
		{"a bill", Direct, 402, "", said("billing_error"), chat.Error{Status: 402, Type: "insufficient_quota", Code: "billing_error"}},
		{"no permission", Direct, 403, "", said("permission_error"), chat.Error{Status: 403, Type: "permission_error"}},
		{"no such model", Direct, 404, "", said("not_found_error"), chat.Error{Status: 404, Type: "invalid_request_error", Code: "model_not_found"}},
		{"a conflict", Direct, 409, "", said("conflict_error"), chat.Error{Status: 409, Type: "invalid_request_error", Code: "conflict"}},
		{"an edge server's page", Direct, 413, "", `<html>`, chat.Error{Status: 413, Type: "invalid_request_error", Code: "request_too_large", Message: noWords}},
		{"a limit", Direct, 429, "", said("rate_limit_error"), chat.Error{Status: 429, Type: "rate_limit_error", Code: "rate_limit_exceeded"}},
		{"a limit of money", Direct, 429, "", `{"error":{"type":"rate_limit_error","message":"m","details":{"error_code":"enforced_spend_limit_reached"}}}`,
			chat.Error{Status: 429, Type: "insufficient_quota", Code: "insufficient_quota"}},
		{"inside", Direct, 500, "", said("api_error"), chat.Error{Status: 500, Type: "server_error"}},
		{"too slow", Direct, 504, "", said("timeout_error"), chat.Error{Status: 504, Type: "server_error", Code: "timeout"}},
		{"no capacity", Direct, 529, "", said("overloaded_error"), chat.Error{Status: 529, Type: "server_error", Code: "overloaded"}},
		{"a type nobody knows", Direct, 418, "", said("omen_error"), chat.Error{Status: 418, Type: "invalid_request_error"}},

		{"too long at Vertex AI", Vertex, 413, "", `{"type":"error","error":{"type":"request_too_large","message":"Prompt is too long"}}`,
			chat.Error{Status: 400, Type: "invalid_request_error", Code: "context_length_exceeded", Message: "Prompt is too long"}},
		{"Google's limit", Vertex, 429, "", `[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}]`,
			chat.Error{Status: 429, Type: "rate_limit_error", Code: "rate_limit_exceeded"}},
		{"Google's permission", Vertex, 403, "", `{"error":{"code":403,"message":"m","status":"PERMISSION_DENIED"}}`, chat.Error{Status: 403, Type: "permission_error"}},

		{"Anthropic's words at Bedrock", Bedrock, 400, "ValidationException", said("invalid_request_error"), chat.Error{Status: 400, Type: "invalid_request_error"}},
		{"validation", Bedrock, 400, "ValidationException" + suffix, `{"message":"m"}`, chat.Error{Status: 400, Type: "invalid_request_error"}},
		{"too long at Bedrock", Bedrock, 400, "ValidationException", `{"message":"Input is too long for requested model."}`,
			chat.Error{Status: 400, Type: "invalid_request_error", Code: "context_length_exceeded", Message: "Input is too long for requested model."}},
		{"no access", Bedrock, 403, "AccessDeniedException", `{"Message":"m"}`, chat.Error{Status: 403, Type: "permission_error"}},
		{"our own keys", Bedrock, 403, "UnrecognizedClientException" + suffix, `{"message":"m"}`, chat.Error{Status: 401, Type: "authentication_error"}},
		{"our own keys that have expired", Bedrock, 403, "", `{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"m"}`,
			chat.Error{Status: 401, Type: "authentication_error"}},
		{"our own signature", Bedrock, 400, "IncompleteSignature", `{"Message":"m"}`, chat.Error{Status: 401, Type: "authentication_error"}},
		{"a quota", Bedrock, 400, "ServiceQuotaExceededException", `{"message":"m"}`, chat.Error{Status: 429, Type: "insufficient_quota", Code: "insufficient_quota"}},
		{"a model too slow", Bedrock, 408, "ModelTimeoutException", `{"message":"m"}`, chat.Error{Status: 408, Type: "server_error", Code: "timeout"}},
		{"a model that failed", Bedrock, 424, "ModelErrorException", `{"message":"m","originalStatusCode":503}`, chat.Error{Status: 503, Type: "server_error"}},
		{"a model that failed in silence", Bedrock, 424, "ModelErrorException", `{"message":"m"}`, chat.Error{Status: 502, Type: "server_error"}},
		{"throttling", Bedrock, 429, "ThrottlingException", `{"message":"m"}`, chat.Error{Status: 429, Type: "rate_limit_error", Code: "rate_limit_exceeded"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.Provider, c.want.RequestID = provider, "r1"
			if c.want.Message == "" {
				c.want.Message = "m"
			}
			got := c.home.ReadError(nil, c.status, header{"x-amzn-errortype": c.exception, "request-id": "r1"}, []byte(c.body))
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
