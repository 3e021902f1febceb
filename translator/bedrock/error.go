package bedrock

import (
	"bytes"
	"net/http"
	"strings"

	"llmroute/translator/aws"
	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// meaning is what an exception of AWS's says to clients of OpenAI.
type meaning struct {
	status int
	code   string
}

const codeModel = "model_error"

// meanings are told by the exceptions' names, as [aws.Named] has them.
var meanings = map[string]meaning{
	"validation":           {http.StatusBadRequest, ""},
	"conflict":             {http.StatusBadRequest, ""},
	"servicequotaexceeded": {http.StatusTooManyRequests, "insufficient_quota"},
	"accessdenied":         {http.StatusForbidden, "access_denied"},
	"resourcenotfound":     {http.StatusNotFound, "model_not_found"},
	"ftuformnotfilled":     {http.StatusNotFound, "model_not_found"},
	"modeltimeout":         {http.StatusRequestTimeout, "timeout"},
	"throttling":           {http.StatusTooManyRequests, "rate_limit_exceeded"},
	"modelnotready":        {http.StatusTooManyRequests, "model_not_ready"},
	"internalserver":       {http.StatusInternalServerError, ""},
	"serviceunavailable":   {http.StatusServiceUnavailable, "overloaded"},
}

// overflows are how the models' vendors say that a request is too long.
var overflows = []string{
	"input is too long for requested model",
	"prompt is too long",
	"exceed context limit",
	"too many total text bytes",
	"maximum context length is",
	"exceeds the model's maximum",
}

// ReadError reads a reply whose status is 400 or higher.
func (Dialect) ReadError(_ *chat.Trip, status int, h chat.Headers, body []byte) *chat.Error {
	v := raw.Trim(body)
	err := mean(aws.Exception(h, v), status, v)
	err.RequestID = h.Get("x-amzn-requestid")
	return err
}

// inStream reads an exception within a stream. Its status has left long ago.
func inStream(kind, data []byte) *chat.Error {
	v := raw.Trim(data)
	err := mean(aws.Named(string(kind)), http.StatusBadGateway, v)
	if err.Message == noWords && !v.IsObject() && len(v) > 0 {
		err.Message = string(bytes.ToValidUTF8(v, []byte("\uFFFD")))
	}
	return err
}

const noWords = "The backend has reported an error without saying which."

// mean returns what an exception of that name says.
func mean(name string, status int, v raw.Value) *chat.Error {
	err := &chat.Error{Status: status, Provider: provider, Message: noWords}
	for _, member := range []string{"message", "Message", "originalMessage", "errorMessage"} {
		if text := v.Get(member).String(); text != "" {
			err.Message = text
			break
		}
	}
	m, known := meanings[name]
	switch {
	case known:
		err.Status, err.Code = m.status, m.code
	case aws.RefusesCredential(name):
		err.Status = http.StatusUnauthorized
	case name == "modelerror", name == "modelstreamerror", status == http.StatusFailedDependency:
		err.Status, err.Code = aws.OriginalStatus(v), codeModel
	}
	err.Type = chat.TypeOf(err.Status)
	if err.Status == http.StatusRequestTimeout {
		err.Type = "server_error"
	}
	if err.Status == http.StatusBadRequest && overflowed(err.Message) {
		err.Code = chat.CodeOverflow
	}
	return err
}

func overflowed(message string) bool {
	message = strings.ToLower(message)
	for _, words := range overflows {
		if strings.Contains(message, words) {
			return true
		}
	}
	return false
}

// ReadHeaders appends what a reply's headers mean in OpenAI's names.
func (Dialect) ReadHeaders(set []chat.Header, h chat.Headers) []chat.Header {
	return append(set, chat.Header{Name: "x-request-id", Value: h.Get("x-amzn-requestid")},
		chat.Header{Name: "retry-after", Value: chat.Seconds(h.Get("x-amz-retry-after"))})
}
