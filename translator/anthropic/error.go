package anthropic

import (
	"net/http"
	"strings"

	"llmroute/translator/aws"
	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// ReadError reads an error reply: in Anthropic's words wherever the model was
// reached, in the cloud's where it was not, or in an edge server's HTML.
func (d *Dialect) ReadError(_ *chat.Trip, status int, h chat.Headers, body []byte) *chat.Error {
	v := raw.Trim(body)
	if v.IsArray() { // Vertex puts a list around some
		for e := v.Elements(); e.Next(); {
			v = e.Value()
			break
		}
	}
	var err *chat.Error
	fault := v.Get("error")
	switch name := aws.Exception(h, v); {
	case fault.Get("type").IsText():
		err = errorOf(status, fault)
	case d.home == bedrock && name != "":
		err = exception(status, name, v)
	default:
		err = named(status, "", messageOf(fault, v))
	}
	if err.RequestID = v.Get("request_id").String(); err.RequestID == "" {
		err.RequestID = h.Get("request-id")
	}
	if err.RequestID == "" {
		err.RequestID = h.Get("x-amzn-requestid")
	}
	return err
}

func messageOf(values ...raw.Value) string {
	for _, v := range values {
		for _, name := range [...]string{"message", "Message"} {
			if text := v.Get(name).String(); text != "" {
				return text
			}
		}
	}
	return ""
}

// errorOf reads an error object; status 0 leaves it to the type, or to the code
// that Google's have.
func errorOf(status int, fault raw.Value) *chat.Error {
	if n := fault.Get("code").Int(); status == 0 && n >= 400 && n <= 599 {
		status = int(n)
	}
	err := named(status, fault.Get("type").String(), messageOf(fault))
	if fault.Get("details").Get("error_code").String() == "enforced_spend_limit_reached" {
		err.Type, err.Code = "insufficient_quota", "insufficient_quota"
	}
	return err
}

// kinds are Anthropic's types of errors, in OpenAI's words.
var kinds = map[string]struct {
	status     int
	kind, code string
}{
	"invalid_request_error": {400, "invalid_request_error", ""},
	"authentication_error":  {401, "authentication_error", ""},
	"billing_error":         {402, "insufficient_quota", "billing_error"},
	"permission_error":      {403, "permission_error", ""},
	"not_found_error":       {404, "invalid_request_error", "model_not_found"},
	"conflict_error":        {409, "invalid_request_error", "conflict"},
	"request_too_large":     {413, "invalid_request_error", "request_too_large"},
	"rate_limit_error":      {429, "rate_limit_error", "rate_limit_exceeded"},
	"api_error":             {500, "server_error", ""},
	"timeout_error":         {504, "server_error", "timeout"},
	"overloaded_error":      {529, "server_error", "overloaded"},
}

// exceptions are Bedrock's, in Anthropic's words.
var exceptions = map[string]string{
	"validation": "invalid_request_error", "conflict": "conflict_error",
	"accessdenied": "permission_error", "resourcenotfound": "not_found_error", "throttling": "rate_limit_error",
	"modelnotready": "rate_limit_error", "modeltimeout": "timeout_error", "serviceunavailable": "overloaded_error",
	"internalserver": "api_error",
}

// exception reads an error of Bedrock's: a reply's, or with status 0 a frame's in
// a stream.
func exception(status int, name string, v raw.Value) *chat.Error {
	message := messageOf(v)
	if message == "" {
		message = v.Get("originalMessage").String()
	}
	switch {
	case aws.RefusesCredential(name):
		return named(http.StatusUnauthorized, "", message)
	case name == "servicequotaexceeded":
		err := named(http.StatusTooManyRequests, "", message)
		err.Type, err.Code = "insufficient_quota", "insufficient_quota"
		return err
	case name == "modelerror", name == "modelstreamerror":
		// Bedrock's own status says only that the model has failed.
		return named(aws.OriginalStatus(v), "", message)
	}
	return named(status, exceptions[name], message)
}

const noWords = "The provider answered with an error and said no more about it."

// named returns the error of Anthropic's type, or else of the status.
func named(status int, kind, message string) *chat.Error {
	k, ok := kinds[kind]
	if !ok {
		k.kind = chat.TypeOf(status)
		if k.status = status; status == 0 {
			k.status, k.kind = 502, "server_error"
		}
		for _, known := range kinds {
			if known.status == status {
				k = known
			}
		}
	}
	if status == 0 {
		status = k.status
	}
	if message == "" {
		message = noWords
	}
	err := &chat.Error{Status: status, Type: k.kind, Code: k.code, Message: message, Provider: provider}
	settle(err)
	return err
}

// overflows are the words for a conversation that is too long.
var overflows = []string{"prompt is too long", "input is too long", "input length and `max_tokens` exceed context limit",
	"input length and max_tokens exceed context limit"}

func settle(err *chat.Error) {
	low := strings.ToLower(err.Message)
	for _, words := range overflows {
		if strings.Contains(low, words) {
			err.Status, err.Type, err.Code = 400, "invalid_request_error", chat.CodeOverflow
		}
	}
}
