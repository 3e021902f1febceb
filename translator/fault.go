package translator

import (
	"net/http"

	"llmroute/translator/aws"
	"llmroute/translator/chat"
)

// What a client is told whose request failed for the gateway's own credential.
// The provider's words may hold a part of that.
const lockedOut = "The provider refused the gateway's credential."

// ErrorCredential is the Error of a Tally whose backend has refused the gateway's
// own credential.
const ErrorCredential = chat.CodeCredential

// codeInvalidKey is what OpenAI calls a credential of the client's that is refused.
const codeInvalidKey = "invalid_api_key"

// attributed returns err as the client may see it. A refused credential is the
// client's matter only when it is the client's.
func (b *Backend) attributed(err *chat.Error) *chat.Error {
	if err.Status != http.StatusUnauthorized && err.Code != chat.CodeCredential {
		return err
	}
	told := *err
	if b.ClientCredential {
		told.Status, told.Type, told.Code = http.StatusUnauthorized, chat.TypeOf(http.StatusUnauthorized), codeInvalidKey
	} else {
		told.Status, told.Type, told.Code = http.StatusBadGateway, chat.TypeOf(http.StatusBadGateway), chat.CodeCredential
		told.Message = lockedOut
	}
	return &told
}

// refusesCredential tells from a reply's head that the credential was refused. AWS,
// which serves OpenAI's API as well, has other statuses for that.
func refusesCredential(status int, h Headers) bool {
	return status == http.StatusUnauthorized ||
		status >= http.StatusBadRequest && aws.RefusesCredential(aws.Named(h.Get("x-amzn-errortype")))
}

// fail takes note of the error that a reply is, or ends in.
func (t *Tally) fail(err *chat.Error) {
	t.Done = true
	if t.Error = err.Code; err.Code == "" {
		t.Error = err.Type
	}
}

// refuse takes note of the error that a whole reply is.
func (t *Tally) refuse(err *chat.Error) {
	t.fail(err)
	t.Status, t.RetryAfter = err.Status, err.RetryAfter
	t.NoRetry = err.Code == chat.CodeCredential
}

// kept are headers that outlive the message they came in: those that were asked
// for while it was there.
type kept struct {
	from   Headers // nil when the message is over
	values map[string]string
}

func (k *kept) Get(name string) string {
	v, ok := k.values[name]
	if !ok && k.from != nil {
		v = k.from.Get(name)
		k.values[name] = v
	}
	return v
}
