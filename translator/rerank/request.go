package rerank

import (
	"fmt"
	"slices"
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// maxDocuments bounds a request's documents: no server takes more.
const maxDocuments = 10_000

// request is what a client asks for. Its parts point into the body.
type request struct {
	trip   *chat.Trip
	server *Server

	query     raw.Value
	list      raw.Value   // of the documents
	documents []raw.Value // its elements
	top       int         // results wanted, from 1 to the number of documents
	shown     bool        // documents are to be shown in the answer
	extra     []field     // of those the server takes
	err       error       // what writing found
}

// field is a member of the body that only some servers know.
type field struct {
	name  string
	value raw.Value
}

func (r *request) readBody(body []byte) error {
	var topN, topK raw.Value
	for m := raw.Trim(body).Members(); m.Next(); {
		switch name, v := string(m.Name()), m.Value(); name {
		case "model":
		case "query":
			r.query = v
		case "documents":
			r.list = v
		case "top_n":
			topN = v
		case "top_k":
			topK = v
		case "return_documents":
			if v.Is() && !v.IsTrue() && string(v) != "false" {
				return chat.Invalid("invalid_type", name, "Invalid type for 'return_documents': expected a boolean.")
			}
			r.shown = v.IsTrue()
		default:
			r.readExtra(name, v)
		}
	}
	if err := r.readQuery(); err != nil {
		return err
	}
	if err := r.readDocuments(); err != nil {
		return err
	}
	return r.readTop(topN, topK)
}

func (r *request) readExtra(name string, v raw.Value) {
	switch {
	case !v.Is():
	case slices.Contains(r.server.Takes, name):
		r.extra = append(r.extra, field{name, v})
	case !v.Hollow():
		r.trip.Warn(name, "unsupported")
	}
}

func (r *request) readQuery() error {
	switch {
	case !r.query.Is():
		return chat.Invalid("missing_required_parameter", "query", "Missing required parameter: 'query'.")
	case !r.query.IsText():
		return chat.Invalid("invalid_type", "query", "Invalid type for 'query': expected a string.")
	case len(r.query.Text()) == 0:
		return chat.Invalid("invalid_value", "query", "Invalid 'query': it cannot be an empty string.")
	}
	return nil
}

func (r *request) readDocuments() error {
	switch {
	case !r.list.Is():
		return chat.Invalid("missing_required_parameter", "documents", "Missing required parameter: 'documents'.")
	case !r.list.IsArray():
		return chat.Invalid("invalid_type", "documents", "Invalid type for 'documents': expected an array of strings or objects.")
	}
	for e := r.list.Elements(); e.Next(); {
		d := e.Value()
		if !d.IsText() && !d.IsObject() {
			param := place(len(r.documents))
			return chat.Invalid("invalid_type", param, "Invalid type for '"+param+"': expected a string or an object.")
		}
		r.documents = append(r.documents, d)
	}
	switch n := len(r.documents); {
	case n == 0:
		return chat.Invalid("empty_array", "documents", "Invalid 'documents': expected at least one document.")
	case n > maxDocuments:
		return chat.Invalid("array_above_max_length", "documents",
			fmt.Sprintf("Invalid 'documents': array too long. Expected at most %d documents, but got %d.", maxDocuments, n))
	}
	return nil
}

func place(i int) string { return "documents[" + strconv.Itoa(i) + "]" }

// readTop works out how many results are wanted: all, unless fewer are.
func (r *request) readTop(topN, topK raw.Value) error {
	r.top = len(r.documents)
	name, v := "top_n", topN
	switch {
	case !topN.Is():
		name, v = "top_k", topK
	case topK.Is() && string(topK) != string(topN):
		return chat.Invalid("invalid_value", "top_k", "Invalid 'top_k': it means the same as 'top_n', which has another value. Send one of the two.")
	}
	if !v.Is() {
		return nil
	}
	n := v.Int()
	if n < 0 || strconv.FormatInt(n, 10) != string(v) {
		return chat.Invalid("invalid_value", name, "Invalid '"+name+"': expected an integer that is not negative.")
	}
	if n > 0 {
		r.top = int(min(n, int64(r.top)))
	}
	return nil
}

// appendExtra appends those of the client's further fields that the server takes.
func (r *request) appendExtra(dst []byte) []byte {
	for _, f := range r.extra {
		dst = append(raw.AppendString(append(dst, ','), f.name), ':')
		dst = append(dst, f.value...)
	}
	return dst
}

// appendDocuments appends the documents as a list.
func (r *request) appendDocuments(dst []byte) []byte {
	dst = append(dst, '[')
	for i, d := range r.documents {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = r.appendDocument(dst, i, d)
	}
	return append(dst, ']')
}

// appendDocument appends a document as this server reads it: an object as the
// text in it, or written as YAML, which is what Cohere's models were made for.
func (r *request) appendDocument(dst []byte, i int, d raw.Value) []byte {
	switch {
	case d.IsText(), r.server.native != nil && r.server.native(d):
		return append(dst, d...)
	case d.Get("image").Is(), d.Get("image_url").Is():
		if r.err == nil {
			r.err = chat.Unable(chat.UnsupportedValue, place(i), "Invalid '"+place(i)+"': this provider reads texts, and no images.")
		}
		return append(dst, `""`...)
	}
	if text, alone := onlyText(d); alone {
		return append(dst, text...)
	}
	r.trip.Warn("documents", "as_yaml")
	yaml := appendYAML(nil, d)
	return append(raw.AppendEscaped(append(dst, '"'), yaml), '"')
}

// onlyText returns the text of a document that is nothing else.
func onlyText(d raw.Value) (text raw.Value, alone bool) {
	alone = true
	for m := d.Members(); m.Next(); {
		if string(m.Name()) == "text" && m.Value().IsText() {
			text = m.Value()
		} else {
			alone = false
		}
	}
	return text, alone && text != nil
}

// appendYAML appends a document's members as a mapping, each on a line. JSON's
// own spelling of a value is YAML as well.
func appendYAML(dst []byte, d raw.Value) []byte {
	for m := d.Members(); m.Next(); {
		name := m.Spelled()
		if isPlain(name) {
			dst = append(dst, name...)
		} else {
			dst = raw.AppendText(dst, name)
		}
		dst = append(dst, ": "...)
		if v := m.Value(); v.IsText() && isPlain(v.Text()) {
			dst = append(dst, v.Text()...)
		} else {
			dst = raw.AppendCompact(dst, v)
		}
		dst = append(dst, '\n')
	}
	return dst
}

// isPlain reports whether a string can stand in YAML without quotes, as most
// sentences can. What might be read as a number, a boolean or null cannot.
func isPlain(t raw.Text) bool {
	if len(t) == 0 || !isLetter(t[0]) || t[len(t)-1] == ' ' {
		return false
	}
	for i, c := range t {
		switch c {
		case ':', '#', '\\', '"', '[', ']', '{', '}', '&', '*', '!', '|', '>', '%', '@', '`':
			return false
		}
		if c < ' ' || i == len(t)-1 && c == ':' {
			return false
		}
	}
	switch string(t) {
	case "true", "false", "null", "True", "False", "Null", "TRUE", "FALSE", "NULL", "yes", "no", "on", "off", "Yes", "No", "On", "Off", "YES", "NO", "ON", "OFF", "y", "n", "Y", "N":
		return false
	}
	return true
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
