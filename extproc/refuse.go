package extproc

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"llmroute/telemetry"
	"llmroute/translator"
)

// refuse answers the client instead of the backend, in the client's dialect. An
// error that is not a *translator.Refusal has no words for the client: it is
// returned, and ends the stream.
func (x *stream) refuse(err error) error {
	var r *translator.Refusal
	if !errors.As(err, &r) {
		return err
	}
	x.record.Outcome, x.record.Status = telemetry.Refused, r.Status
	x.record.ErrorType = errorName(r)
	if r.RetryAfter > 0 {
		x.out.setHeader("retry-after", strconv.Itoa(int(math.Ceil(r.RetryAfter.Seconds()))))
	}
	x.out.setHeader("x-should-retry", strconv.FormatBool(retryable(r.Status) && !r.Final))
	return x.answer(r.Status, "llmroute_"+x.record.ErrorType, errorBody(r, x.record.RequestID))
}

// answer sends a whole reply of our own. body is given away.
func (x *stream) answer(status int, details string, body []byte) error {
	x.answered, x.sawEnd, x.settled = true, true, true
	x.record.Status, x.record.ResponseBytes = status, len(body)
	x.out.immediate, x.out.details, x.out.body = status, details, body
	x.out.setHeader("content-type", "application/json")
	if x.record.RequestID != "" {
		x.out.setHeader("x-request-id", x.record.RequestID)
		x.out.setHeader("x-llmroute-request-id", x.record.RequestID)
	}
	x.out.metadata = x.record.Metadata
	return nil
}

// wireError is OpenAI's error object, with what a gateway has to add.
type wireError struct {
	Message   string  `json:"message"`
	Type      string  `json:"type"`
	Param     *string `json:"param"`
	Code      *string `json:"code"`
	RequestID string  `json:"request_id,omitempty"`
}

// errorBody spells r as OpenAI spells its errors.
func errorBody(r *translator.Refusal, requestID string) []byte {
	e := wireError{Message: r.Message, Type: r.Type, RequestID: requestID}
	if e.Type == "" {
		e.Type = errorType(r.Status)
	}
	if r.Param != "" {
		e.Param = &r.Param
	}
	if r.Code != "" {
		e.Code = &r.Code
	}
	b, err := json.Marshal(struct {
		Error  wireError          `json:"error"`
		Detail *translator.Detail `json:"detail,omitempty"`
	}{e, r.Detail})
	if err != nil { // strings and numbers only: json replaces what is not UTF-8
		panic("internal error: an error object does not encode: " + err.Error())
	}
	return b
}

// errorType is OpenAI's error.type where a status says it all.
func errorType(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "authentication_error"
	case status == http.StatusForbidden:
		return "permission_error"
	case status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case status >= 500:
		return "server_error"
	default:
		return "invalid_request_error"
	}
}

func errorName(r *translator.Refusal) string {
	switch {
	case r.Code != "":
		return r.Code
	case r.Type != "":
		return r.Type
	default:
		return errorType(r.Status)
	}
}

// retryable tells SDKs whether the same request may do better later. OpenAI's
// clients obey the header x-should-retry; without it they retry every 409 and 5xx.
func retryable(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
}

var (
	notReady = &translator.Refusal{Status: 503, Code: "not_ready", RetryAfter: time.Second,
		Message: "The gateway has no valid configuration yet."}
	noBody = translator.Invalid("missing_body", "",
		"The request has no body. Send a JSON object that names a model.")
)

func noSuchPath(method, path string) *translator.Refusal {
	return &translator.Refusal{Status: 404, Code: "unknown_url",
		Message: fmt.Sprintf("Unknown request URL: %s %s. This gateway serves /v1/chat/completions, /v1/completions, "+
			"/v1/embeddings, /v1/responses, /v1/images/*, /v1/audio/*, /v1/moderations, /v1/rerank and /v1/models.",
			printable(method), printable(path))}
}

func wrongMethod(method, path string) *translator.Refusal {
	return &translator.Refusal{Status: 405, Code: "method_not_allowed",
		Message: fmt.Sprintf("%s takes POST requests only, not %s.", path, printable(method))}
}

func encoded(encoding string) *translator.Refusal {
	return &translator.Refusal{Status: 415, Code: "unsupported_content_encoding",
		Message: fmt.Sprintf("Request bodies with content-encoding %q are not taken: send the body as it is.", printable(encoding))}
}

func tooLarge(limit int) *translator.Refusal {
	return &translator.Refusal{Status: 413, Code: "request_too_large",
		Message: fmt.Sprintf("The request body is larger than the gateway's limit of %d bytes (%s).", limit, sizeText(limit))}
}

func sizeText(n int) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return strconv.Itoa(n>>20) + " MiB"
	}
	if n >= 1<<10 && n%(1<<10) == 0 {
		return strconv.Itoa(n>>10) + " KiB"
	}
	return strconv.Itoa(n) + " B"
}

// printable bounds what of the client's own words is said back to it.
func printable(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
