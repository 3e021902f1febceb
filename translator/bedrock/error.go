package bedrock

import (
	"bytes"
	"net/http"
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// meaning is what an exception of AWS's says to clients of OpenAI.
type meaning struct {
	status int
	code   string
}

const codeModel = "model_error"

// meanings are told by the exceptions' names in lower case: on the wire the
// first letter varies.
var meanings = map[string]meaning{
	"validationexception":           {http.StatusBadRequest, ""},
	"conflictexception":             {http.StatusBadRequest, ""},
	"servicequotaexceededexception": {http.StatusTooManyRequests, "insufficient_quota"},
	"accessdeniedexception":         {http.StatusForbidden, "access_denied"},
	"resourcenotfoundexception":     {http.StatusNotFound, "model_not_found"},
	"ftuformnotfilled":              {http.StatusNotFound, "model_not_found"},
	"modeltimeoutexception":         {http.StatusRequestTimeout, "timeout"},
	"modelerrorexception":           {http.StatusBadGateway, codeModel},
	"modelstreamerrorexception":     {http.StatusBadGateway, codeModel},
	"throttlingexception":           {http.StatusTooManyRequests, "rate_limit_exceeded"},
	"modelnotreadyexception":        {http.StatusTooManyRequests, "model_not_ready"},
	"internalserverexception":       {http.StatusInternalServerError, ""},
	"serviceunavailableexception":   {http.StatusServiceUnavailable, "overloaded"},

	// AWS says most of them with a 403, or a 400.
	"unrecognizedclientexception":         {http.StatusUnauthorized, ""},
	"invalidsignatureexception":           {http.StatusUnauthorized, ""},
	"signaturedoesnotmatch":               {http.StatusUnauthorized, ""},
	"expiredtokenexception":               {http.StatusUnauthorized, ""},
	"missingauthenticationtokenexception": {http.StatusUnauthorized, ""},
	"incompletesignature":                 {http.StatusUnauthorized, ""},
	"incompletesignatureexception":        {http.StatusUnauthorized, ""},
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
	kind := h.Get("x-amzn-errortype")
	if kind == "" {
		kind = v.Get("__type").String()
	}
	if kind == "" {
		kind = v.Get("code").String()
	}
	err := mean(kind, status, v)
	err.RequestID = h.Get("x-amzn-requestid")
	return err
}

// inStream reads an exception within a stream. Its status has left long ago.
func inStream(kind, data []byte) *chat.Error {
	v := raw.Trim(data)
	err := mean(string(kind), http.StatusBadGateway, v)
	// What the model's own server said. In a reply that is an error this comes too
	// late: there the status was sent on with the head.
	if n := int(v.Get("originalStatusCode").Int()); n >= http.StatusBadRequest && n <= 599 && n != http.StatusFailedDependency {
		err.Status, err.Type = n, chat.TypeOf(n)
	}
	if err.Message == noWords && !v.IsObject() && len(v) > 0 {
		err.Message = string(bytes.ToValidUTF8(v, []byte("\uFFFD")))
	}
	return err
}

const noWords = "The backend has reported an error without saying which."

// mean returns what an exception of that kind says.
func mean(kind string, status int, v raw.Value) *chat.Error {
	kind, _, _ = strings.Cut(kind, ":")
	kind = strings.ToLower(kind[strings.LastIndexByte(kind, '#')+1:])
	err := &chat.Error{Status: status, Provider: provider, Message: noWords}
	for _, name := range []string{"message", "Message", "originalMessage", "errorMessage"} {
		if text := v.Get(name).String(); text != "" {
			err.Message = text
			break
		}
	}
	m, known := meanings[kind]
	if known {
		err.Status, err.Code = m.status, m.code
	}
	switch {
	case kind == "modelstreamerrorexception" || kind == "modelerrorexception" || status == http.StatusFailedDependency:
		err.Status, err.Code = http.StatusBadGateway, codeModel
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
