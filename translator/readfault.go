package translator

import (
	"cmp"
	"net/http"
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// readFault reads an error reply of a server that is of no dialect of chat: what
// rerankers and embedders answer is alike enough to be read in one way.
//
//	{"error":{"message","code"|"type"}}   vLLM, Mistral's guardrails, Google
//	{"error":TEXT,"error_type":TEXT}      TEI
//	{"message":TEXT}                      Cohere, AWS
//	{"detail":TEXT} or {"detail":[{"msg"}]}  Voyage, Jina, FastAPI
func readFault(status int, h chat.Headers, body []byte) *chat.Error {
	err := &chat.Error{Status: status, Type: chat.TypeOf(status), RequestID: h.Get("x-request-id"), Message: faultText(raw.Trim(body))}
	if err.Message == "" {
		err.Message = "The backend has answered " + http.StatusText(status) + " without saying why."
	}
	switch status {
	case http.StatusNotFound:
		err.Code = "model_not_found"
	case http.StatusTooManyRequests:
		err.Code = "rate_limit_exceeded"
	case http.StatusRequestEntityTooLarge:
		err.Code = "request_too_large"
	case http.StatusFailedDependency: // TEI: a model that cannot do this
		err.Status, err.Type, err.Code = http.StatusBadGateway, chat.TypeOf(http.StatusBadGateway), "model_error"
	}
	return err
}

// faultText finds the words of an error, "" for none.
func faultText(v raw.Value) string { return wordsIn(v, 4) }

// wordsIn is faultText of what is nested no deeper than depth. Of a list, as FastAPI
// has it, each entry counts, with the place of what is wrong.
func wordsIn(v raw.Value, depth int) string {
	if depth == 0 || v.IsText() {
		return strings.TrimSpace(v.String())
	}
	var all []string
	for e := v.Elements(); e.Next(); {
		if text := wordsIn(e.Value(), depth-1); text != "" {
			all = append(all, placeIn(e.Value())+text)
		}
	}
	if len(all) > 0 {
		return strings.Join(all, "; ")
	}
	if text := v.Get("metadata").Get("raw"); text.IsText() { // OpenRouter has the provider's own
		return text.String()
	}
	for _, name := range [...]string{"error", "message", "detail", "msg"} {
		if text := wordsIn(v.Get(name), depth-1); text != "" {
			return text
		}
	}
	return ""
}

// placeIn returns where an entry of a list says that something is wrong: "body.seed: ".
func placeIn(v raw.Value) string {
	var at []string
	for e := v.Get("loc").Elements(); e.Next(); {
		at = append(at, cmp.Or(e.Value().String(), string(e.Value())))
	}
	if len(at) == 0 {
		return ""
	}
	return strings.Join(at, ".") + ": "
}
