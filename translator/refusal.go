package translator

import "time"

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
}

func (r *Refusal) Error() string { return r.Message }

// Invalid returns the refusal of broken input: a 400 invalid_request_error.
func Invalid(code, param, message string) *Refusal {
	return &Refusal{Status: 400, Type: "invalid_request_error", Code: code, Param: param, Message: message}
}
