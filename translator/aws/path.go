package aws

import (
	"net/http"

	"llmroute/translator/chat"
)

// maxModel is how long a model's id may be in bytes.
const maxModel = 2048

// ModelPath returns the path, behind prefix, of an operation on a model of
// Bedrock's, as it goes on the wire and is signed. A model's id is one segment of
// it, be it an ARN with slashes. It returns a [*chat.Refusal] for what is no id: a
// path must not lead elsewhere.
func ModelPath(prefix, id, operation string) (string, error) {
	if id == "" || len(id) > maxModel || id == "." || id == ".." {
		return "", &chat.Refusal{Status: http.StatusNotFound, Type: "invalid_request_error", Code: "model_not_found", Param: "model",
			Message: "The model '" + id + "' cannot be the id of a model on Bedrock."}
	}
	path := make([]byte, 0, len(prefix)+len(id)+len(operation)+32)
	path = chat.AppendSegment(append(append(path, prefix...), "/model/"...), id)
	return string(append(append(path, '/'), operation...)), nil
}
