package translator

import "llmroute/translator/chat"

// Refusal is an error whose words leave the building: status, code and message
// are shown to the client in its own dialect. Never put a secret, an internal
// address or another tenant's name into one. Every other error reaches the
// client as one plain 500.
type Refusal = chat.Refusal

// Detail is what a Refusal for a limit says beside OpenAI's error object.
type Detail = chat.Detail

// Invalid returns the refusal of broken input: a 400 invalid_request_error.
func Invalid(code, param, message string) *Refusal { return chat.Invalid(code, param, message) }
