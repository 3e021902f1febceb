package extproc

import "llmroute/translator"

// A path that a backend has opened takes the same way as an operation's, but that
// nothing of it is read: the path decides the backend, no model does, and neither
// body is looked into. What a request may not be is decided all the same: its
// length, and with whose credential it goes.

// opPassage is the operation of such requests in telemetry.
const opPassage = "passthrough"

// enter begins an exchange whose backend the path has decided; refusal says why
// it cannot be.
func (x *stream) enter(refusal error) error {
	x.passing, x.op = true, translator.None
	b := x.plan.Backend
	x.record.Operation, x.record.ModelLabel = opPassage, x.plan.ModelLabel
	x.record.Backend, x.record.Schema = b.ID, string(b.Schema.Schema)
	switch {
	case refusal != nil:
		return x.refuse(refusal)
	case declaredLength(&x.head.headers) > int64(x.srv.maxBody):
		return x.refuse(tooLarge(x.srv.maxBody))
	case x.head.last:
		return x.pass(nil) // no body will come
	}
	return nil
}

// pass sends the request on, with its body as it came.
func (x *stream) pass(body []byte) error {
	ex, err := translator.New(translator.OpenAI, translator.None, x.plan.Backend.Dialect())
	if err != nil {
		return x.refuse(err)
	}
	x.edit = translator.Edit{Set: x.edit.Set[:0], Remove: x.edit.Remove[:0], Warn: x.edit.Warn[:0]}
	err = ex.Request(&x.edit, &translator.Call{Path: x.path, Query: x.query, Fields: &x.fields, Body: body, Header: &x.head.headers})
	if err != nil {
		return x.refuse(err)
	}
	x.exchange = ex
	return x.send(body)
}
