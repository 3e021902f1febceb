package bedrock

import (
	"llmroute/translator/aws"
	"llmroute/translator/chat"
)

// address fills in where the request goes.
func (w *writer) address(out *chat.Outgoing) (err error) {
	operation := "converse"
	if w.t.Request.Stream && (w.m.streamsCalls() || !w.tooled) {
		operation = "converse-stream"
	}
	out.Path, err = aws.ModelPath(w.t.Options.Prefix, w.t.Options.Model, operation)
	out.Set = append(out.Set, chat.Header{Name: "content-type", Value: "application/json"})
	// What Claude is asked for besides stands in the body here.
	out.Remove = append(out.Remove, "anthropic-version", "anthropic-beta")
	return err
}
