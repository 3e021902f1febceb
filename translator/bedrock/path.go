package bedrock

import (
	"net/http"

	"llmroute/translator/chat"
)

// pathOf returns the path of an operation on a model. A model's id is one
// segment of it, be it an ARN with slashes.
func pathOf(prefix, model, operation string) string {
	path := make([]byte, 0, len(prefix)+len(model)+len(operation)+32)
	path = chat.AppendSegment(append(append(path, prefix...), "/model/"...), model)
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
