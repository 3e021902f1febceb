package gemini

import (
	"math"
	"net/http"
	"regexp"
	"strings"
	"time"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// statuses are Google's names of statuses, for errors that come without a number.
var statuses = map[string]int{
	"INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "OUT_OF_RANGE": 400, "UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403,
	"NOT_FOUND": 404, "ABORTED": 409, "ALREADY_EXISTS": 409, "RESOURCE_EXHAUSTED": 429, "CANCELLED": 499, "INTERNAL": 500,
	"UNKNOWN": 500, "DATA_LOSS": 500, "UNIMPLEMENTED": 501, "UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 504,
}

// ReadError reads an error reply. The streaming method puts a list around it, and
// the front end writes HTML.
func (d *Dialect) ReadError(_ *chat.Trip, status int, _ chat.Headers, body []byte) *chat.Error {
	v := raw.Trim(body)
	for e := v.Elements(); e.Next(); {
		v = e.Value()
		break
	}
	return errorOf(status, v.Get("error"))
}

// overflow are the words for a conversation that is too long.
var overflow = regexp.MustCompile(`(?i)input token count.*(exceeds the maximum|only supports up to)`)

// retryIn are the words that say when to come back where nothing else does.
var retryIn = regexp.MustCompile(`(?i)retry in ([0-9.]+s)`)

// errorOf reads an error object; status 0 leaves it to what the object says.
func errorOf(status int, fault raw.Value) *chat.Error {
	name := fault.Get("status").String()
	if status == 0 {
		if status = int(fault.Get("code").Int()); status < 400 || status > 599 {
			status = statuses[name]
		}
		if status == 0 {
			status = http.StatusBadGateway
		}
	}
	err := &chat.Error{Status: status, Message: fault.Get("message").String(), Provider: provider}
	if err.Message == "" {
		err.Message = "The provider answered with an error and said no more about it."
	}
	more := detailsOf(fault.Get("details"))
	err.Param = more.field
	err.Type, err.Code = chat.TypeOf(status), ""
	switch {
	case more.reason == "API_KEY_INVALID", status == http.StatusUnauthorized, strings.Contains(err.Message, "API key was reported as leaked"):
		// A wrong key is a 400 at the Gemini API.
		err.Status = http.StatusUnauthorized
	case status == http.StatusBadRequest && overflow.MatchString(err.Message):
		err.Code = chat.CodeOverflow
	case status == http.StatusBadRequest && name == "FAILED_PRECONDITION":
		err.Code = "failed_precondition"
	case status == http.StatusPaymentRequired, status == http.StatusTooManyRequests && strings.Contains(more.quota, "PerDay"):
		err.Type, err.Code = "insufficient_quota", "insufficient_quota"
	case status == http.StatusTooManyRequests:
		err.Code = "rate_limit_exceeded"
	case status == http.StatusNotFound:
		err.Code = "model_not_found"
	case status == http.StatusServiceUnavailable:
		err.Code = "overloaded"
	case status == http.StatusGatewayTimeout:
		err.Code = "timeout"
	}
	if err.Status == http.StatusTooManyRequests || err.Status == http.StatusServiceUnavailable {
		if in := retryIn.FindStringSubmatch(err.Message); more.after == 0 && in != nil {
			more.wait(in[1])
		}
		err.RetryAfter = more.after
	}
	return err
}

// details is what the details of an error add to it.
type details struct {
	reason string // of ErrorInfo
	field  string // of the request that is at fault
	quota  string // the limit that was hit
	after  int    // seconds to wait
}

func detailsOf(list raw.Value) (d details) {
	for e := list.Elements(); e.Next(); {
		v := e.Value()
		kind := v.Get("@type").String()
		switch kind[strings.LastIndexByte(kind, '.')+1:] {
		case "ErrorInfo":
			d.reason = v.Get("reason").String()
			d.wait(v.Get("metadata").Get("quotaResetDelay").String())
		case "QuotaFailure":
			for q := v.Get("violations").Elements(); q.Next(); {
				d.quota += q.Value().Get("quotaId").String()
			}
		case "BadRequest":
			for f := v.Get("fieldViolations").Elements(); f.Next() && d.field == ""; {
				d.field = f.Value().Get("field").String()
			}
		case "RetryInfo":
			d.wait(v.Get("retryDelay").String())
		}
	}
	return d
}

// wait reads a delay such as "34.6s", and rounds it up.
func (d *details) wait(text string) {
	delay, err := time.ParseDuration(text)
	if err != nil {
		return
	}
	if seconds := int(math.Ceil(delay.Seconds())); seconds > d.after {
		d.after = seconds
	}
}
