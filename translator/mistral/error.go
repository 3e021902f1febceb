package mistral

import (
	"net/http"
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

const noWords = "The provider answered with an error and said no more about it."

// tooLarge is how Mistral says that a conversation is too long.
const tooLarge = "too large for model with"

// crowded is how it says that too many want its model, which is nobody's limit.
const crowded = "capacity exceeded"

// ReadError reads a reply whose status is 400 or higher.
func (Dialect) ReadError(_ *chat.Trip, status int, h chat.Headers, body []byte) *chat.Error {
	id := h.Get("mistral-correlation-id")
	err := read(status, raw.Trim(body))
	if err.RequestID == "" {
		err.RequestID = id
	}
	return err
}

// read reads an error of that status in any of the shapes that Mistral's servers
// give it.
func read(status int, v raw.Value) *chat.Error {
	err := &chat.Error{Status: status, Type: chat.TypeOf(status), Provider: provider, RequestID: v.Get("request_id").String()}
	guarded := v.Get("guardrails").Is()
	if inner := v.Get("error"); inner.IsObject() {
		v = inner
	}
	err.Param = v.Get("param").String()
	if code := v.Get("code"); code.IsText() || code.IsNumber() {
		if err.Code = code.String(); code.IsNumber() {
			err.Code = string(code)
		}
	}
	for _, words := range [...]raw.Value{v.Get("message"), v.Get("detail"), v.Get("error")} {
		if err.Message = said(err, words); err.Message != "" {
			break
		}
	}
	if err.Message == "" {
		err.Message = noWords
	}
	settle(err, guarded)
	return err
}

// said returns what words say: a text, or a list of what is wrong where.
func said(err *chat.Error, words raw.Value) string {
	switch {
	case words.IsText():
		return words.String()
	case words.IsObject():
		return said(err, words.Get("detail"))
	}
	var all []string
	for e := words.Elements(); e.Next(); {
		wrong := e.Value()
		var at []string
		for l := wrong.Get("loc").Elements(); l.Next(); {
			if at = append(at, l.Value().String()); l.Value().IsNumber() {
				at[len(at)-1] = string(l.Value())
			}
		}
		text := wrong.Get("msg").String()
		if len(at) > 0 {
			if err.Param == "" {
				err.Param = at[len(at)-1]
			}
			text = strings.Join(at, ".") + ": " + text
		}
		if text != "" {
			all = append(all, text)
		}
	}
	return strings.Join(all, "; ")
}

func settle(err *chat.Error, guarded bool) {
	low := strings.ToLower(err.Message)
	switch {
	case strings.Contains(low, crowded):
		err.Type, err.Code = "server_error", "overloaded"
	case err.Status == http.StatusBadRequest && strings.Contains(low, tooLarge):
		err.Code = chat.CodeOverflow
	case err.Status == http.StatusForbidden && (guarded || strings.Contains(low, "guardrail")):
		err.Type, err.Code = chat.TypeOf(http.StatusBadRequest), "content_filter"
	case err.Status == http.StatusTooManyRequests && err.Code == "":
		err.Code = "rate_limit_exceeded"
	case err.Status == http.StatusNotFound && err.Code == "":
		err.Code = "model_not_found"
	}
}
