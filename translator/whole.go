package translator

import (
	"bytes"
	"net/http"
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
	front := within(body, 0)
	for front.nextKey() {
		switch name := front.name(); string(name) {
		case "data", "results", "output":
			w.answered = true
			back := backwards(body)
			for !w.enough() && back.previous() && back.key.start > front.key.start {
				w.member(back.name(), back.raw())
			}
			return
		default:
			if !front.skip() {
				return
			}
			w.member(name, front.raw())
		}
	}
}

// enough reports whether there is nothing left to look for.
func (w *watch) enough() bool {
	images := w.op == ImagesGenerations || w.op == ImagesEdits || w.op == ImagesVariations
	return w.tally.Usage != Usage{} && (w.tally.Model != "" || images) && w.op != Responses
}

// member takes note of a top-level member of a whole answer.
func (w *watch) member(name, raw []byte) {
	switch string(name) {
	case "model":
		w.model(raw)
	case "usage":
		w.usage(raw)
	case "choices":
		w.answered = true
		w.choices(raw)
	case "error":
		w.fail(raw)
	case "status":
		switch string(raw) {
		case `"completed"`, `"incomplete"`, `"failed"`, `"cancelled"`: // not those of an answer on its way
			if w.op == Responses && w.tally.Finish == "" {
				note(&w.tally.Finish, raw) // unless the details have told more
			}
		}
	case "incomplete_details":
		for m := within(raw, 0); m.next(); {
			if string(m.name()) == "reason" {
				note(&w.tally.Finish, m.raw())
			}
		}
	case "meta": // Cohere's rerank, and those who copied it
		for m := within(raw, 0); m.next(); {
			if string(m.name()) == "tokens" {
				w.usage(m.raw())
			}
		}
	}
}

// refused reads the body of an error status. What it says is named, in this
// order: a code in words, a type, a code in digits; else the status decides.
func (w *watch) refused(status int, body []byte) {
	w.tally.Done = true
	for m := within(body, 0); m.next(); {
		if string(m.name()) == "error" && m.raw()[0] == '{' {
			body = m.raw()
			break
		}
	}
	if w.tally.Error = errorIn(body); w.tally.Error == "" {
		w.tally.Error = statusError(status)
	}
}

// errorName names the value of an "error" member.
func errorName(raw []byte) string {
	if name := errorIn(raw); name != "" {
		return name
	}
	return "error"
}

// errorIn names the error that an object describes, or "" when it does not.
func errorIn(raw []byte) string {
	var code, kind, digits string
	for m := within(raw, 0); m.next(); {
		v := m.raw()
		switch string(m.name()) {
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
	for m := within(body, 0); m.next(); {
		if string(m.name()) != "error" {
			continue
		}
		for e := within(m.raw(), 0); e.next(); {
			if n := count(bytes.Trim(e.raw(), `"`)); string(e.name()) == "code" && n >= 400 && n <= 599 {
				return int(n)
			}
		}
	}
	return http.StatusBadGateway
}

// statusError returns the type OpenAI gives an error of this status.
func statusError(status int) string {
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
	return "invalid_request_error"
}

// trailing walks over the members of an object from its last to its first. Out
// of a string no backslash stands before a quote, so that in valid JSON a quote
// is found from behind as surely as from the front.
type trailing struct {
	b     []byte
	at    int // behind what comes next, going back
	key   span
	value span
}

func backwards(b []byte) trailing {
	i := backSpace(b, len(b))
	if i == 0 || b[i-1] != '}' {
		return trailing{b: b}
	}
	return trailing{b: b, at: i - 1}
}

func (t *trailing) name() []byte { return t.b[t.key.start+1 : t.key.end-1] }
func (t *trailing) raw() []byte  { return t.b[t.value.start:t.value.end] }

// previous steps back to the member before and reports whether there was one.
func (t *trailing) previous() bool {
	i := backSpace(t.b, t.at)
	if i > 0 && t.b[i-1] == ',' {
		i = backSpace(t.b, i-1)
	}
	t.at = 0
	t.value.end = i
	if t.value.start = valueStart(t.b, i); t.value.start < 0 {
		return false
	}
	if i = backSpace(t.b, t.value.start); i == 0 || t.b[i-1] != ':' {
		return false
	}
	if i = backSpace(t.b, i-1); i == 0 || t.b[i-1] != '"' {
		return false
	}
	t.key.end = i
	if t.key.start = textStart(t.b, i-1); t.key.start < 0 {
		return false
	}
	t.at = t.key.start
	return true
}

// backSpace returns the end of what stands before the white space before i.
func backSpace(b []byte, i int) int {
	for i > 0 && (b[i-1] == ' ' || b[i-1] == '\n' || b[i-1] == '\r' || b[i-1] == '\t') {
		i--
	}
	return i
}

// valueStart returns where the value that ends at i starts, or -1.
func valueStart(b []byte, i int) int {
	if i == 0 {
		return -1
	}
	switch b[i-1] {
	case '"':
		return textStart(b, i-1)
	case '}', ']':
		return nestedStart(b, i)
	}
	end := i
	for ; i > 0; i-- {
		switch b[i-1] {
		case ':', ' ', '\n', '\r', '\t':
			if i == end {
				return -1
			}
			return i
		case '{', '[', ',', '"':
			return -1
		}
	}
	return -1
}

// textStart returns where the string whose closing quote stands at i opens, or -1.
func textStart(b []byte, i int) int {
	for {
		if i = bytes.LastIndexByte(b[:i], '"'); i < 0 || !escapedAt(b, -1, i) {
			return i
		}
	}
}

func nestedStart(b []byte, i int) int {
	depth := 0
	for i--; i >= 0; i-- {
		switch b[i] {
		case '"':
			if i = textStart(b, i); i < 0 {
				return -1
			}
		case '}', ']':
			depth++
		case '{', '[':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}
