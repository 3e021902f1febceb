// Package raw reads JSON where it stands: it hands out parts of the text, and
// decodes only what is asked for. A conversation of a megabyte is walked over
// without a copy, and what goes on as it came is appended as it came.
//
// It checks no more than it must to stay on its feet: on broken text it stops
// early. Requests are checked before they get here; a reply is not ours to judge.
package raw

import "bytes"

// Value is one JSON value as it stands in a text, without space around it. The
// empty Value means that there is none.
type Value []byte

// Is reports whether v is there and says anything at all: not null.
func (v Value) Is() bool { return len(v) > 0 && v[0] != 'n' }

// IsObject reports whether v is an object.
func (v Value) IsObject() bool { return len(v) > 0 && v[0] == '{' }

// IsArray reports whether v is an array.
func (v Value) IsArray() bool { return len(v) > 0 && v[0] == '[' }

// IsText reports whether v is a string.
func (v Value) IsText() bool { return len(v) > 1 && v[0] == '"' }

// IsNumber reports whether v is a number.
func (v Value) IsNumber() bool { return len(v) > 0 && (v[0] == '-' || v[0] >= '0' && v[0] <= '9') }

// IsTrue reports whether v is true.
func (v Value) IsTrue() bool { return string(v) == "true" }

// Hollow reports whether v says no more than its absence: null, false, an empty
// string, array or object, or no value at all.
func (v Value) Hollow() bool {
	if len(v) == 0 {
		return true
	}
	switch v[0] {
	case 'n', 'f':
		return true
	case '"', '[', '{':
		return skipSpace(v, 1) == len(v)-1
	}
	return false
}

// Text returns the inside of a string, and nothing for another value.
func (v Value) Text() Text {
	if !v.IsText() {
		return nil
	}
	return Text(v[1 : len(v)-1])
}

// String returns what the string v says, "" for another value.
func (v Value) String() string { return v.Text().String() }

// Int returns a number's whole part, 0 for another value and for what is
// beyond 2^53, where JSON's numbers are not exact.
func (v Value) Int() int64 {
	const most = 1 << 53
	var n int64
	sign := int64(1)
	for i, c := range v {
		switch {
		case i == 0 && c == '-':
			sign = -1
			continue
		case c == '.' && i > 0:
			return sign * n
		case c < '0' || c > '9':
			return 0
		}
		if n = n*10 + int64(c-'0'); n > most {
			return 0
		}
	}
	return sign * n
}

// Get returns the member of the object v with that name, the last of several,
// or no value. Escaped names are not looked for.
func (v Value) Get(name string) (found Value) {
	for m := v.Members(); m.Next(); {
		if string(m.Name()) == name {
			found = m.Value()
		}
	}
	return found
}

// Members walks over the members of an object.
//
//	for m := v.Members(); m.Next(); {
//		... m.Name(), m.Value()
//	}
type Members struct {
	b          []byte
	at         int
	name       Text
	start, end int
}

// Members returns the members of the object v, none for another value.
func (v Value) Members() Members {
	if i := skipSpace(v, 0); i < len(v) && v[i] == '{' {
		return Members{b: v, at: i + 1}
	}
	return Members{}
}

// Next advances to the next member and reports whether there was one.
func (m *Members) Next() bool {
	i := skipSpace(m.b, m.at)
	if i < len(m.b) && m.b[i] == ',' {
		i = skipSpace(m.b, i+1)
	}
	m.at = len(m.b)
	if i >= len(m.b) || m.b[i] != '"' {
		return false
	}
	end := skipText(m.b, i)
	if end < 0 {
		return false
	}
	m.name = Text(m.b[i+1 : end-1])
	if i = skipSpace(m.b, end); i >= len(m.b) || m.b[i] != ':' {
		return false
	}
	m.start = skipSpace(m.b, i+1)
	if m.end = skipValue(m.b, m.start); m.end < 0 {
		return false
	}
	m.at = m.end
	return true
}

// Name returns the member's name, escapes and all.
func (m *Members) Name() Text { return m.name }

// Start returns where the member's value begins in the object.
func (m *Members) Start() int { return m.start }

// Value returns the member's value.
func (m *Members) Value() Value { return Value(m.b[m.start:m.end:m.end]) }

// Elements walks over the elements of an array as Members does over members.
type Elements struct {
	b          []byte
	at         int
	start, end int
}

// Elements returns the elements of the array v, none for another value.
func (v Value) Elements() Elements {
	if i := skipSpace(v, 0); i < len(v) && v[i] == '[' {
		return Elements{b: v, at: i + 1}
	}
	return Elements{}
}

// Next advances to the next element and reports whether there was one.
func (e *Elements) Next() bool {
	i := skipSpace(e.b, e.at)
	if i < len(e.b) && e.b[i] == ',' {
		i = skipSpace(e.b, i+1)
	}
	end := skipValue(e.b, i)
	if end < 0 {
		e.at = len(e.b)
		return false
	}
	e.start, e.end, e.at = i, end, end
	return true
}

// Value returns the element.
func (e *Elements) Value() Value { return Value(e.b[e.start:e.end:e.end]) }

// Trim returns the value that stands in b, without the space around it.
func Trim(b []byte) Value { return Value(bytes.TrimSpace(b)) }

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// skipText returns the end of the string that opens at i, or -1.
func skipText(b []byte, i int) int {
	open := i
	for i++; ; i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		i += n
		slashes := 0
		for j := i - 1; j > open && b[j] == '\\'; j-- {
			slashes++
		}
		if slashes&1 == 0 {
			return i + 1
		}
	}
}

// skipValue returns the end of the value that starts at i, or -1 when it does
// not end within b.
func skipValue(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return skipText(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	start := i
	for ; i < len(b); i++ {
		switch b[i] {
		case ',', '}', ']', ' ', '\n', '\r', '\t':
			if i == start {
				return -1
			}
			return i
		}
	}
	return -1 // within an object or array something must follow
}

func skipNested(b []byte, i int) int {
	for depth := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			end := skipText(b, i)
			if end < 0 {
				return -1
			}
			i = end - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}
