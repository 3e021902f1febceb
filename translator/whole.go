package translator

import (
	"bytes"
	"net/http"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// whole reads an answer that came in one piece. Answers are long in one place,
// the choices, the vectors or the images, and what counts stands around it: the
// scan goes from the front up to a long array that it need not know, and then
// from the back.
//
// Some servers, OpenRouter among them, say 200 to what is an error and nothing
// else. The official clients would take it for an empty answer.
func (w *watch) whole(body []byte) {
	w.tally.Done = true
	w.scan(body)
	if w.tally.Error != "" && !w.answered {
		w.tally.Status = statusIn(body)
	}
}

func (w *watch) scan(body []byte) {
	front := raw.MembersAt(body, 0)
	for front.NextName() {
		switch name := front.Name(); string(name) {
		case "data", "results", "output":
			w.answered = true
			back := raw.Value(body).Backwards()
			for !w.enough() && back.Previous() && back.Key().Start > front.Key().Start {
				w.member(back.Name(), back.Value())
			}
			return
		default:
			if !front.Skip() {
				return
			}
			w.member(name, front.Value())
		}
	}
}

// enough reports whether there is nothing left to look for.
func (w *watch) enough() bool {
	images := w.op == ImagesGenerations || w.op == ImagesEdits || w.op == ImagesVariations
	return w.tally.Usage != Usage{} && (w.tally.Model != "" || images) && w.op != Responses
}

// member takes note of a top-level member of a whole answer.
func (w *watch) member(name, value []byte) {
	switch string(name) {
	case "model":
		w.model(value)
	case "usage":
		w.usage(value)
	case "choices":
		w.answered = true
		w.choices(value)
	case "error":
		w.fail(value)
	case "status":
		switch string(value) {
		case `"completed"`, `"incomplete"`, `"failed"`, `"cancelled"`: // not those of an answer on its way
			if w.op == Responses && w.tally.Finish == "" {
				note(&w.tally.Finish, value) // unless the details have told more
			}
		}
	case "incomplete_details":
		for m := raw.MembersAt(value, 0); m.Next(); {
			if string(m.Name()) == "reason" {
				note(&w.tally.Finish, m.Value())
			}
		}
	case "meta": // Cohere's rerank, and those who copied it
		for m := raw.MembersAt(value, 0); m.Next(); {
			if string(m.Name()) == "tokens" {
				w.usage(m.Value())
			}
		}
	}
}

// refused reads the body of an error status. What it says is named, in this
// order: a code in words, a type, a code in digits; else the status decides.
func (w *watch) refused(status int, body []byte) {
	w.tally.Done = true
	for m := raw.MembersAt(body, 0); m.Next(); {
		if string(m.Name()) == "error" && m.Value()[0] == '{' {
			body = m.Value()
			break
		}
	}
	if w.tally.Error = errorIn(body); w.tally.Error == "" {
		w.tally.Error = chat.TypeOf(status)
	}
}

// errorName names the value of an "error" member.
func errorName(value []byte) string {
	if name := errorIn(value); name != "" {
		return name
	}
	return "error"
}

// errorIn names the error that an object describes, or "" when it does not.
func errorIn(value []byte) string {
	var code, kind, digits string
	for m := raw.MembersAt(value, 0); m.Next(); {
		v := m.Value()
		switch string(m.Name()) {
		case "code":
			if v[0] == '"' {
				code = unquote(v)
			} else if count(v) > 0 {
				digits = string(v)
			}
		case "type":
			// The type of an event is not the type of its error.
			if v[0] == '"' && string(v) != `"error"` {
				kind = unquote(v)
			}
		}
	}
	switch {
	case code != "":
		return code
	case kind != "":
		return kind
	}
	return digits
}

// statusIn returns the status that the error in body should have had: its code,
// if that is one.
func statusIn(body []byte) int {
	for m := raw.MembersAt(body, 0); m.Next(); {
		if string(m.Name()) != "error" {
			continue
		}
		for e := raw.MembersAt(m.Value(), 0); e.Next(); {
			if n := count(bytes.Trim(e.Value(), `"`)); string(e.Name()) == "code" && n >= 400 && n <= 599 {
				return int(n)
			}
		}
	}
	return http.StatusBadGateway
}
