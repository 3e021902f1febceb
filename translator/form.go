package translator

import (
	"bytes"
	"fmt"
	"mime"
	"strings"
)

// isForm reports whether a content type says multipart/form-data.
func isForm(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "multipart/form-data")
}

// scanForm reads model and stream from a multipart form, and no file.
//
// It is strict where servers' parsers differ, because a part that we do not see
// and the backend does would choose another model: whatever looks like a
// delimiter must be one, on a line of its own that CRLF ends on both sides, and
// part headers must be as plain as RFC 7578 has them.
func scanForm(contentType string, body []byte, f *Fields) error {
	_, params, err := mime.ParseMediaType(contentType)
	boundary := params["boundary"]
	if err != nil || boundary == "" || len(boundary) > 70 {
		return brokenForm("the content type names no usable boundary")
	}
	f.Boundary = boundary
	form := form{body: body, delimiter: "--" + boundary, fields: f}
	return form.read()
}

type form struct {
	body      []byte
	delimiter string
	fields    *Fields
	models    int
	streams   int
}

func (m *form) read() error {
	at, next, last, err := m.find(0)
	if err != nil {
		return err
	}
	m.fields.insert = at
	for !last {
		start := next
		if at, next, last, err = m.find(start); err != nil {
			return err
		}
		// The CRLF before a delimiter belongs to it. A part that has not even
		// that much has no header end either.
		if err := m.part(span{Start: start, End: max(at-len("\r\n"), start)}); err != nil {
			return err
		}
	}
	if i := bytes.Index(m.body[next:], []byte(m.delimiter)); i >= 0 {
		return brokenForm(fmt.Sprintf("a boundary stands behind the closing one at byte %d", next+i))
	}
	return nil
}

// find returns where the next delimiter from i on stands, where the line
// behind it starts, and whether it is the closing one.
func (m *form) find(i int) (at, next int, last bool, err error) {
	n := bytes.Index(m.body[i:], []byte(m.delimiter))
	if n < 0 {
		return 0, 0, false, brokenForm("the closing boundary is missing")
	}
	at = i + n
	if at > 0 && (at < 2 || m.body[at-1] != '\n' || m.body[at-2] != '\r') {
		return 0, 0, false, brokenForm(fmt.Sprintf("the boundary at byte %d does not start a line", at))
	}
	next = at + len(m.delimiter)
	rest := m.body[next:]
	if last = bytes.HasPrefix(rest, []byte("--")); last {
		return at, next + 2, true, nil
	}
	pad := 0
	for pad < len(rest) && (rest[pad] == ' ' || rest[pad] == '\t') {
		pad++
	}
	if !bytes.HasPrefix(rest[pad:], []byte("\r\n")) {
		return 0, 0, false, brokenForm(fmt.Sprintf("the boundary at byte %d does not end its line", at))
	}
	return at, next + pad + 2, false, nil
}

// part reads one part, headers and content.
func (m *form) part(at span) error {
	text := m.body[at.Start:at.End]
	end := bytes.Index(text, []byte("\r\n\r\n"))
	if end < 0 {
		return brokenForm(fmt.Sprintf("the headers of the part at byte %d do not end", at.Start))
	}
	name, encoded, ok := partName(text[:end])
	if !ok {
		return brokenForm(fmt.Sprintf("the headers of the part at byte %d cannot be read", at.Start))
	}
	value := span{Start: at.Start + end + len("\r\n\r\n"), End: at.End}
	switch {
	case name != "model" && name != "stream":
		return nil
	case encoded:
		return brokenForm(fmt.Sprintf("the part '%s' has a content-transfer-encoding", name))
	case name == "model":
		return m.model(value)
	}
	return m.stream(value)
}

func (m *form) model(at span) (err error) {
	if m.models++; m.models > 1 {
		return duplicate("model")
	}
	m.fields.model = at
	m.fields.Model, err = checkModel(m.body[at.Start:at.End])
	return err
}

func (m *form) stream(at span) error {
	if m.streams++; m.streams > 1 {
		return duplicate("stream")
	}
	switch strings.ToLower(string(m.body[at.Start:min(at.End, at.Start+8)])) {
	case "true", "1":
		m.fields.Stream = true
	case "false", "0", "":
	default:
		return Invalid("invalid_type", "stream", "Invalid type for 'stream': expected a boolean.")
	}
	return nil
}

// partName reads a part's headers: its name, and whether its content is
// encoded. It is not ok when two servers could read two names.
func partName(header []byte) (name string, encoded, ok bool) {
	found := false
	for line := range bytes.SplitSeq(header, []byte("\r\n")) {
		key, value, colon := bytes.Cut(line, []byte(":"))
		if !colon || len(key) == 0 || bytes.ContainsAny(key, " \t\r\n") || bytes.ContainsAny(value, "\r\n\x00") {
			return "", false, false // a folded line among them
		}
		switch strings.ToLower(string(key)) {
		case "content-disposition":
			if found {
				return "", false, false
			}
			found = true
			if name, ok = dispositionName(string(value)); !ok {
				return "", false, false
			}
		case "content-transfer-encoding":
			switch strings.ToLower(strings.TrimSpace(string(value))) {
			case "7bit", "8bit", "binary":
			default:
				encoded = true
			}
		}
	}
	return name, encoded, found
}

// dispositionName returns the name parameter of a form-data disposition. A
// strict parser must read the same: where it reads nothing, as for a parameter
// without a name or one that stands twice, servers differ.
func dispositionName(value string) (name string, ok bool) {
	if name, ok = plainName(value); !ok {
		return "", false
	}
	_, params, err := mime.ParseMediaType(value)
	return name, err == nil && params["name"] == name
}

// plainName is dispositionName for those who read no more than they must.
func plainName(value string) (name string, ok bool) {
	kind, rest, more := strings.Cut(value, ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "form-data") {
		return "", false
	}
	for more {
		var key, text string
		key, rest, ok = strings.Cut(rest, "=")
		if !ok {
			return "", false
		}
		if text, rest, more, ok = parameter(rest); !ok {
			return "", false
		}
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "name":
			if name != "" || text == "" || strings.ContainsAny(text, `\"`) {
				return "", false
			}
			name = text
		case "name*", "name*0", "name*0*":
			return "", false // RFC 7578 forbids it, and few servers read it
		}
	}
	return name, name != ""
}

// parameter reads a parameter's value off the front of s. more says that
// another parameter follows in rest.
func parameter(s string) (text, rest string, more, ok bool) {
	if s = strings.TrimLeft(s, " \t"); !strings.HasPrefix(s, `"`) {
		text, rest, more = strings.Cut(s, ";")
		return strings.TrimSpace(text), rest, more, true
	}
	end := 1
	for end < len(s) && s[end] != '"' {
		if s[end] == '\\' && end+1 < len(s) && s[end+1] == '"' {
			end++
		}
		end++
	}
	if end >= len(s) {
		return "", "", false, false
	}
	text, rest = s[1:end], strings.TrimLeft(s[end+1:], " \t")
	if rest == "" {
		return text, "", false, true
	}
	return text, rest[1:], true, rest[0] == ';'
}

func brokenForm(what string) error {
	return Invalid("", "", "We could not parse the multipart body of your request: "+what+".")
}
