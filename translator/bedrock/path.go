package bedrock

import (
	"net/http"

	"llmroute/translator/chat"
)

const upper = "0123456789ABCDEF"

// pathOf returns the path of an operation on a model. A model's id is one
// segment of it, be it an ARN with slashes: all but unreserved characters are
// escaped, and signed so.
func pathOf(prefix, model, operation string) string {
	path := make([]byte, 0, len(prefix)+len(model)+len(operation)+32)
	path = append(append(path, prefix...), "/model/"...)
	for i := range len(model) {
		switch c := model[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '~':
			path = append(path, c)
		default:
			path = append(path, '%', upper[c>>4], upper[c&15])
		}
	}
	return string(append(append(path, '/'), operation...))
}

// maxModel is how long a model's id may be in bytes.
const maxModel = 2048

// address fills in where the request goes.
func (w *writer) address(out *chat.Outgoing) error {
	id := w.t.Options.Model
	if id == "" || len(id) > maxModel || id == "." || id == ".." {
		return &chat.Refusal{Status: http.StatusNotFound, Type: "invalid_request_error", Code: "model_not_found", Param: "model",
			Message: "The model '" + id + "' cannot be the id of a model on Bedrock."}
	}
	operation := "converse"
	if w.t.Request.Stream && (w.m.streamsCalls() || !w.tooled) {
		operation = "converse-stream"
	}
	out.Path = pathOf(w.t.Options.Prefix, id, operation)
	out.Set = append(out.Set, chat.Header{Name: "content-type", Value: "application/json"})
	return nil
}
