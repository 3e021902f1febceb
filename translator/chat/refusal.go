package chat

import (
	"strconv"
	"time"

	"llmroute/translator/raw"
)

// Refusal is an error whose words leave the building: status, code and message
// are shown to the client in its own dialect. Never put a secret, an internal
// address or another tenant's name into one. Every other error reaches the
// client as one plain 500.
type Refusal struct {
	Status     int    // HTTP status
	Type       string // OpenAI's error.type; "" lets the status decide
	Code       string // OpenAI's error.code
	Param      string // the path of the field that is at fault, "" for none
	Message    string
	RetryAfter time.Duration // 0 for none
	Final      bool          // the same request cannot do better later, whatever its status lets hope for
	Detail     *Detail       // what stands beside OpenAI's error object, or nil
}

// Detail is the object "detail" by which custom backends tell that a limit was
// exceeded. Clients compare its code, so it stands beside the error object whose
// words are OpenAI's.
type Detail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Details any    `json:"details"` // encodes as an object
}

func (r *Refusal) Error() string { return r.Message }

// Invalid returns the refusal of broken input: a 400 invalid_request_error.
func Invalid(code, param, message string) *Refusal {
	return &Refusal{Status: 400, Type: invalidRequest, Code: code, Param: param, Message: message}
}

// Unable returns the refusal of what the backend has no equal of: a 422
// invalid_request_error.
func Unable(code, param, message string) *Refusal {
	return &Refusal{Status: 422, Type: invalidRequest, Code: code, Param: param, Message: message}
}

// The codes of what the backend has no equal of.
const (
	UnsupportedParameter = "unsupported_parameter"
	UnsupportedValue     = "unsupported_value"
)

const (
	invalidRequest = "invalid_request_error"
	invalidValue   = "invalid_value"
)

// Error is what a backend says went wrong, in OpenAI's words.
//
// Status 401 means that the credential was refused, whatever the vendor's own
// status for that is. A Backend says so in the vendor's words and leaves it there:
// what the client is told depends on whose credential it was.
type Error struct {
	Status     int
	Type       string
	Code       string // "" for null
	Message    string
	Param      string // what in the request is at fault; "" for null
	Provider   string // the vendor, as in "anthropic"
	RequestID  string // the vendor's
	RetryAfter int    // seconds, where the body says it and no header does; 0 for unknown
}

// The errors that every dialect may have to report.
const (
	CodeOverflow   = "context_length_exceeded"
	CodeIncomplete = "upstream_stream_incomplete"
	CodeMalformed  = "upstream_malformed_reply"
	CodeNoAnswer   = "upstream_no_answer"
	CodeCredential = "provider_auth_error" //nolint:gosec // a name, no credential: the gateway's own credential was refused
)

// Incomplete is the error of a reply that was cut.
func Incomplete(provider string) *Error {
	return &Error{Status: 502, Type: "server_error", Code: CodeIncomplete, Provider: provider,
		Message: "The backend's stream ended before its answer was complete."}
}

// Malformed is the error of a reply that cannot be read.
func Malformed(provider string) *Error {
	return &Error{Status: 502, Type: "server_error", Code: CodeMalformed, Provider: provider,
		Message: "The backend's reply could not be read."}
}

// NoAnswer is the error of a reply that says nothing, and ends for a reason that
// nobody knows.
func NoAnswer(provider string, reason raw.Text) *Error {
	return &Error{Status: 502, Type: "server_error", Code: CodeNoAnswer, Provider: provider,
		Message: "The model has stopped without an answer: " + reason.String() + "."}
}

// Seconds returns a number of milliseconds as retry-after has it, in whole
// seconds and never too few; "" for what is no positive number.
func Seconds(milliseconds string) string {
	ms, err := strconv.Atoi(milliseconds)
	if err != nil || ms <= 0 {
		return ""
	}
	return strconv.Itoa((ms-1)/1000 + 1)
}

// TypeOf returns the type OpenAI gives an error of this status.
func TypeOf(status int) string {
	switch {
	case status == 401:
		return "authentication_error"
	case status == 403:
		return "permission_error"
	case status == 429:
		return "rate_limit_error"
	case status >= 500:
		return "server_error"
	}
	return invalidRequest
}

// Place returns where in the request the block stood, as a refusal names it:
// "messages[3].content[0]".
func (b *Block) Place() string {
	at := "messages[" + strconv.Itoa(b.Message) + "]"
	if b.Part >= 0 {
		at += ".content[" + strconv.Itoa(b.Part) + "]"
	}
	return at
}
