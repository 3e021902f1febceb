package fakellm

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// invalidRequest is OpenAI's type of nearly every error of the 4xx.
const invalidRequest = "invalid_request_error"

// refusal is an error as OpenAI words it.
type refusal struct {
	status      int
	kind        string // error.type
	code, param string // "" is null on the wire
	message     string
	retryAfter  time.Duration
}

func invalid(code, param, message string) *refusal {
	return &refusal{status: http.StatusBadRequest, kind: invalidRequest, code: code, param: param, message: message}
}

// refusalOf returns what OpenAI says with a status when nothing more is known.
func refusalOf(status int) *refusal {
	r := &refusal{status: status, kind: invalidRequest, message: http.StatusText(status) + "."}
	switch status {
	case http.StatusBadRequest:
		r.code, r.message = "invalid_value", "The request was refused on demand."
	case http.StatusUnauthorized:
		r.code, r.message = "invalid_api_key", "Incorrect API key provided."
	case http.StatusForbidden:
		r.kind, r.code = "request_forbidden", "unsupported_country_region_territory"
		r.message = "Country, region, or territory not supported"
	case http.StatusNotFound:
		r.code, r.message = "model_not_found", "The model does not exist or you do not have access to it."
	case http.StatusRequestEntityTooLarge:
		r.message = "Maximum content size limit exceeded."
	case http.StatusTooManyRequests:
		r.kind, r.code, r.retryAfter = "requests", "rate_limit_exceeded", time.Second
		r.message = "Rate limit reached for requests per min (RPM): Limit 60, Used 60, Requested 1. Please try again in 1s."
	case http.StatusServiceUnavailable:
		r.kind, r.code = "service_unavailable_error", "server_is_overloaded"
		r.message = "The server is overloaded or not ready yet."
	default:
		if status >= http.StatusInternalServerError {
			r.kind, r.message = "server_error", "The server had an error while processing your request."
		}
		if http.StatusText(status) == "" {
			r.message = "Status " + strconv.Itoa(status) + "."
		}
	}
	return r
}

func missingModel(name string) *refusal {
	return &refusal{status: http.StatusNotFound, kind: invalidRequest, code: "model_not_found",
		message: fmt.Sprintf("The model `%s` does not exist or you do not have access to it.", name)}
}

// wireError is the error object of OpenAI's API.
type wireError struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

func (r *refusal) wire() wireError {
	return wireError{Message: r.message, Type: r.kind, Param: orNull(r.param), Code: orNull(r.code)}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

type errorBody struct {
	Error wireError `json:"error"`
}

// headerOpenAI is what OpenAI puts on every reply.
func headerOpenAI(c *call) http.Header {
	return http.Header{"X-Request-Id": {c.id("req_", 32)}, "Openai-Version": {"2020-10-01"}}
}

// spellOpenAI spells a refusal as a reply of OpenAI's.
func spellOpenAI(_ *call, r *refusal) *reply {
	out := whole(errorBody{r.wire()})
	out.status = r.status
	if r.status == http.StatusTooManyRequests {
		out.header = http.Header{
			"X-Ratelimit-Limit-Requests":     {"60"},
			"X-Ratelimit-Remaining-Requests": {"0"},
			"X-Ratelimit-Reset-Requests":     {"1s"},
			"X-Ratelimit-Limit-Tokens":       {"150000"},
			"X-Ratelimit-Remaining-Tokens":   {"149984"},
			"X-Ratelimit-Reset-Tokens":       {"6ms"},
		}
	}
	if r.retryAfter > 0 {
		out.header.Set("Retry-After", strconv.Itoa(int(r.retryAfter.Seconds())))
	}
	return out
}
