package translator

import (
	"cmp"
	"net/http"
	"slices"
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
	if status == http.StatusBadRequest && v.Get("error").Get("code").String() == chat.CodeOverflow {
		return nil
	}
	said := strings.ToLower(string(body))
	if !slices.ContainsFunc(overflows, func(words string) bool { return strings.Contains(said, words) }) {
		return nil
	}
	return &chat.Error{Status: http.StatusBadRequest, Type: chat.TypeOf(http.StatusBadRequest), Code: chat.CodeOverflow,
		Message: cmp.Or(faultText(v), "The request is longer than the model's context window.")}
}
