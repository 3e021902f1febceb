package translator

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

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
		err.Message = wordless(status)
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

// misshapen returns what an error of a server that copies OpenAI's says in a way
// that OpenAI's clients do not understand, and nil for one that may go on as it
// came: one that stands in an object "error".
func misshapen(status int, body []byte) *chat.Error {
	v := raw.Trim(body)
	inner := v.Get("error")
	if tooLong(status, inner, body) {
		return &chat.Error{Status: http.StatusBadRequest, Type: chat.TypeOf(http.StatusBadRequest), Code: chat.CodeOverflow,
			Message: cmp.Or(faultText(v), "The request is longer than the model's context window.")}
	}
	if inner.IsObject() {
		return nil
	}
	if v.IsArray() { // Google wraps its errors once more
		if e := v.Elements(); e.Next() {
			if v = e.Value(); v.Get("error").IsObject() {
				v = v.Get("error")
			}
		}
	}
	err := &chat.Error{Status: status, Type: cmp.Or(v.Get("type").String(), chat.TypeOf(status)), Param: v.Get("param").String()}
	switch code := v.Get("code"); {
	case code.IsText():
		err.Code = code.String()
	case code.IsNumber() && string(code) != strconv.Itoa(status):
		err.Code = string(code)
	}
	if err.Message = faultText(v); err.Message == "" && !v.IsObject() {
		err.Message = excerpt(body)
	}
	err.Message = cmp.Or(err.Message, wordless(status))
	return err
}

// excerpt is what a page, or a line of text, says in front.
func excerpt(body []byte) string {
	const most = 500 // characters
	text := strings.TrimSpace(string(body[:min(len(body), most*utf8.UTFMax)]))
	return string([]rune(text)[:min(utf8.RuneCountInString(text), most)])
}

func wordless(status int) string {
	return "The backend has answered " + http.StatusText(status) + " without saying why."
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
