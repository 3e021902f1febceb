package translator

import (
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

// tooLong reports whether an error means that the request is too long and does not
// say so as OpenAI does: clients look for the code. Groq's 413, and a 429, are
// about tokens per minute.
func tooLong(status int, inner raw.Value, body []byte) bool {
	if status != http.StatusBadRequest && status != http.StatusForbidden ||
		status == http.StatusBadRequest && inner.Get("code").String() == chat.CodeOverflow {
		return false
	}
	said := strings.ToLower(string(body))
	return slices.ContainsFunc(overflows, func(words string) bool { return strings.Contains(said, words) })
}
