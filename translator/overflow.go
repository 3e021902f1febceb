package translator

import (
	"net/http"
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// overflows are how servers that speak OpenAI's API, and the models' own, say
// that a request is too long: OpenAI, Azure and vLLM, then Azure's other models,
// the Responses API, SGLang, llama.cpp, Mistral.
var overflows = []string{
	"maximum context length",
	"input tokens exceed the configured limit of",
	"exceeds the context window",
	"longer than the model's context length",
	"exceed_context_size_error",
	"exceeds the available context size",
	"too large for model with",
}

// overflow returns what an error of a server that copies OpenAI's means, when it
// means that the request is too long and does not say so as OpenAI does: clients
// look for the code. It returns nil for all others. Groq's 413, and a 429, are
// about tokens per minute.
func overflow(status int, body []byte) *chat.Error {
	if status != http.StatusBadRequest && status != http.StatusForbidden {
		return nil
	}
	v := raw.Trim(body)
	inner := v.Get("error")
	if status == http.StatusBadRequest && inner.Get("code").String() == chat.CodeOverflow {
		return nil
	}
	said := strings.ToLower(string(body))
	for _, words := range overflows {
		if strings.Contains(said, words) {
			return &chat.Error{Status: http.StatusBadRequest, Type: chat.TypeOf(http.StatusBadRequest), Code: chat.CodeOverflow, Message: messageOf(v, inner)}
		}
	}
	return nil
}

// messageOf returns the words of an error, wherever its server puts them.
func messageOf(v, inner raw.Value) string {
	for _, text := range []raw.Value{inner.Get("metadata").Get("raw"), inner.Get("message"), inner, v.Get("message"), v.Get("detail")} {
		if text.IsText() {
			return text.String()
		}
	}
	return "The request is longer than the model's context window."
}
