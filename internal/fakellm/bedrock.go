package fakellm

import (
	"fmt"
	"net/http"
	"strings"
)

// bedrock is the runtime of Amazon Bedrock: Converse for every model, and the
// invocation of Anthropic's in their own words.
var bedrock = dialect{find: findBedrock, spell: spellBedrock, header: headerBedrock, parts: true, service: "bedrock", mustSign: true}

// bedrockModel claims the paths of Bedrock's models. An id with a slash that is not
// escaped is a path that nobody knows.
func bedrockModel(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, "/model/")
	if !ok {
		return "", false
	}
	id, _, _ := strings.Cut(rest, "/")
	model, _ := segment(id)
	return model, true
}

func findBedrock(c *call) (answerer, *refusal) {
	_, operation, _ := strings.Cut(strings.TrimPrefix(c.Path, "/model/"), "/")
	if c.Method != http.MethodPost {
		return unknownOperation, nil
	}
	switch operation {
	case "converse", "converse-stream":
		return findConverse(c, operation == "converse-stream")
	case "invoke", "invoke-with-response-stream":
		if answer, err, ok := findTask(c); ok {
			return answer, err
		}
		if err := posted(c); err != nil {
			return nil, err
		}
		m, err := readMessages(c, &homeInvoke)
		if err != nil {
			return nil, err
		}
		return m.answer, nil
	}
	return unknownOperation, nil
}

// unknownOperation answers as AWS does where nothing is served: with success.
func unknownOperation(*call) (*reply, *refusal) {
	return whole(map[string]any{
		"Output": map[string]string{"__type": "com.amazon.coral.service#UnknownOperationException"}, "Version": "1.0",
	}), nil
}

// bedrockTypes are the exceptions that stand for a status.
var bedrockTypes = map[int]string{
	http.StatusBadRequest: "ValidationException", http.StatusUnauthorized: "UnrecognizedClientException",
	http.StatusForbidden: "AccessDeniedException", http.StatusNotFound: "ResourceNotFoundException",
	http.StatusRequestTimeout: "ModelTimeoutException", http.StatusFailedDependency: "ModelErrorException",
	http.StatusTooManyRequests: "ThrottlingException", http.StatusInternalServerError: "InternalServerException",
	http.StatusServiceUnavailable: "ServiceUnavailableException",
}

// bedrockException returns the exception that a refusal is, and its words.
func bedrockException(r *refusal) (name, words string) {
	switch name = bedrockTypes[r.status]; {
	case strings.HasSuffix(r.kind, "Exception"):
		name = r.kind
	case name == "" && r.status >= http.StatusInternalServerError:
		name = "InternalServerException"
	case name == "":
		name = "ValidationException"
	}
	switch {
	case r.code == "context_length_exceeded":
		return name, "The model returned the following errors: " + tooLong
	case r.code == "insufficient_quota":
		return "ServiceQuotaExceededException", "Your account is not authorized to invoke this API operation: the quota is used up."
	case r.status == http.StatusTooManyRequests:
		return name, "Too many tokens, please wait before trying again."
	case r.code == "unknown_parameter":
		return name, fmt.Sprintf("Malformed input request: #: extraneous key [%s] is not permitted, please reformat your input and try again.", r.param)
	case r.code == "missing_required_parameter":
		return name, fmt.Sprintf("1 validation error detected: Value at '%s' failed to satisfy constraint: Member must not be null", dotted(r.param))
	case r.code != "" && r.param != "" && r.param != "model":
		return name, fmt.Sprintf("1 validation error detected: Value at '%s' failed to satisfy constraint: %s", dotted(r.param), r.message)
	}
	return name, r.message
}

func spellBedrock(_ *call, r *refusal) *reply {
	name, words := bedrockException(r)
	out := whole(map[string]string{"message": words})
	out.status = r.status
	if name == "ServiceQuotaExceededException" {
		out.status = http.StatusBadRequest
	}
	out.header = http.Header{"X-Amzn-Errortype": {name + ":http://internal.amazon.com/coral/com.amazon.bedrock/"}}
	return out
}

func headerBedrock(c *call) http.Header {
	id := c.id("", 32)
	return http.Header{"X-Amzn-Requestid": {id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]}}
}
