package translator

import (
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
func faultText(v raw.Value) string {
	if v.IsArray() {
		for e := v.Elements(); e.Next(); {
			return faultText(e.Value())
		}
	}
	for _, name := range []string{"error", "message", "detail", "msg"} {
		switch found := v.Get(name); {
		case found.IsText():
			if text := strings.TrimSpace(found.String()); text != "" {
				return text
			}
		case found.IsObject(), found.IsArray():
			if text := faultText(found); text != "" {
				return text
			}
		}
	}
	return ""
}
