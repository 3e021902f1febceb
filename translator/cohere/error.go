package cohere

import (
	"bytes"
	"net/http"
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// statusFiltered is Cohere's answer to what it may not read or say.
const statusFiltered = 498

// statusClosed is its answer to who has gone away.
const statusClosed = 499

// codes are what statuses say to clients of OpenAI, besides the type.
var codes = map[int]string{
	http.StatusPaymentRequired: "insufficient_quota",
	http.StatusNotFound:        "model_not_found",
	http.StatusTooManyRequests: "rate_limit_exceeded",
}

// tooManyToSay begins the one message of those about too many tokens that is not
// about the conversation.
const tooManyToSay = "too many tokens: max tokens must be less than or equal to"

var overflows = []string{"too many tokens:", "size limit exceeded by"}

// ReadError reads a reply whose status is 400 or higher.
func (Dialect) ReadError(_ *chat.Trip, status int, h chat.Headers, body []byte) *chat.Error {
	v := raw.Trim(body)
	err := &chat.Error{Status: status, Type: chat.TypeOf(status), Code: codes[status], Provider: provider, RequestID: h.Get("x-request-id")}
	if id := v.Get("id").String(); id != "" {
		err.RequestID = id
	}
	if err.Message = v.Get("message").String(); err.Message == "" && len(v) > 0 && !v.IsObject() && v[0] != '<' {
		err.Message = string(bytes.ToValidUTF8(v, []byte("\uFFFD")))
	}
	if err.Message == "" {
		err.Message = noWords
	}
	switch status {
	case http.StatusPaymentRequired:
		err.Type = "insufficient_quota"
	case statusFiltered:
		err.Status, err.Code = http.StatusBadRequest, "content_filter"
	case statusClosed:
		err.Type = "api_error"
	case http.StatusBadRequest:
		overflowed(err)
	}
	return err
}

const noWords = "The provider answered with an error and said no more about it."

// overflowed tells a conversation that is too long.
func overflowed(err *chat.Error) {
	low := strings.ToLower(err.Message)
	if strings.Contains(low, tooManyToSay) {
		err.Param = "max_tokens"
		return
	}
	for _, words := range overflows {
		if strings.Contains(low, words) {
			err.Code = chat.CodeOverflow
		}
	}
}
