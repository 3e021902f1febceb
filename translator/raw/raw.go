// Package raw reads JSON where it stands: it hands out parts of the text, and
// decodes only what is asked for. A conversation of a megabyte is walked over
// without a copy, and what goes on as it came is appended as it came.
//
// It checks no more than it must to stay on its feet: on broken text it stops
// early. Requests are checked before they get here; a reply is not ours to judge.
package raw

import (
	"bytes"
	"math"
	"strconv"
)

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

// IsInteger reports whether v is a number without a fraction, however it is
// written.
func (v Value) IsInteger() bool {
	if !v.IsNumber() || !bytes.ContainsAny(v, ".eE") {
		return v.IsNumber()
	}
	f, err := strconv.ParseFloat(string(v), 64)
	return err == nil && f == math.Trunc(f)
}

// IsTrue reports whether v is true.
func (v Value) IsTrue() bool { return string(v) == "true" }

// Hollow reports whether v says no more than its absence: false, or empty.
func (v Value) Hollow() bool { return v.Empty() || v[0] == 'f' }

// Empty reports whether v holds nothing: null, an empty string, array or object,
// or no value at all.
func (v Value) Empty() bool {
	if len(v) == 0 {
		return true
	}
	switch v[0] {
	case 'n':
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

// maxInt is how far JSON's numbers are exact.
const maxInt = 1 << 53

// Int returns a number's whole part, however it is written; 0 for another value
// and for what is beyond 2^53, where JSON's numbers are not exact.
func (v Value) Int() int64 {
	var n int64
	sign := int64(1)
	for i, c := range v {
		switch {
		case i == 0 && c == '-':
			sign = -1
			continue
		case i > 0 && (c == '.' || c|0x20 == 'e'):
			return v.whole()
		case c < '0' || c > '9':
			return 0
		}
		if n = n*10 + int64(c-'0'); n > maxInt {
			return 0
		}
	}
	return sign * n
}

// whole is Int of a number with a fraction or an exponent.
func (v Value) whole() int64 {
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || math.Abs(f) > maxInt {
		return 0
	}
	return int64(f)
}

// Get returns the member of the object v with that name, however it is spelled,
// the last of several, or no value.
func (v Value) Get(name string) (found Value) {
	for m := v.Members(); m.Next(); {
		if string(m.Name()) == name {
			found = m.Value()
		}
	}
	return found
}

// Span is a range of a text. The zero Span is empty: at the start of a text no
// member stands, but a brace or a bracket.
type Span struct{ Start, End int }

// Members walks over the members of an object.
//
//	for m := v.Members(); m.Next(); {
//		... m.Name(), m.Value()
//	}
type Members struct {
	b      []byte
	at     int
	key    Span
	value  Span
	closed bool
}

// Members returns the members of the object v, none for another value.
func (v Value) Members() Members { return MembersAt(v, 0) }

// MembersAt returns the members of the object at offset i of b, which space may
// stand before, and none for another value. Keys and values stand in b.
func MembersAt(b []byte, i int) Members {
	if i = skipSpace(b, i); i < len(b) && b[i] == '{' {
		return Members{b: b, at: i + 1}
	}
	return Members{}
}

// Next advances to the next member and reports whether there was one.
func (m *Members) Next() bool { return m.NextName() && m.Skip() }

// NextName advances to the next member without looking for the end of its value,
// which Skip must do before the next step.
func (m *Members) NextName() bool {
	i := skipSpace(m.b, m.at)
	if i < len(m.b) && m.b[i] == ',' {
		i = skipSpace(m.b, i+1)
	}
	m.at = len(m.b)
	if i >= len(m.b) || m.b[i] != '"' {
		m.closed = i < len(m.b) && m.b[i] == '}'
		return false
	}
	end := skipText(m.b, i)
	if end < 0 {
		return false
	}
	m.key = Span{i, end}
	if i = skipSpace(m.b, end); i >= len(m.b) || m.b[i] != ':' {
		return false
	}
	m.value.Start = skipSpace(m.b, i+1)
	return true
}

// Skip finds the end of the value.
func (m *Members) Skip() bool {
	if m.value.End = skipValue(m.b, m.value.Start); m.value.End < 0 {
		return false
	}
	m.at = m.value.End
	return true
}

// Name returns what the member is called. Letters may be written as escapes, and
// servers read the name that they spell: whoever looks for a member must too.
func (m *Members) Name() []byte { return unescaped(m.Spelled()) }

// Spelled returns the name as it stands, escapes and all, to be written again.
func (m *Members) Spelled() Text { return Text(m.b[m.key.Start+1 : m.key.End-1]) }

// Value returns the member's value.
func (m *Members) Value() Value { return Value(m.b[m.value.Start:m.value.End:m.value.End]) }

// Key returns where the name stands, with its quotes.
func (m *Members) Key() Span { return m.key }

// Place returns where the value stands.
func (m *Members) Place() Span { return m.value }

// Whole returns where the member stands, from its name to the end of its value.
func (m *Members) Whole() Span { return Span{m.key.Start, m.value.End} }

// Closed reports whether the object's end was reached.
func (m *Members) Closed() bool { return m.closed }

// Elements walks over the elements of an array as Members does over members.
type Elements struct {
	b     []byte
	at    int
	value Span
}

// Elements returns the elements of the array v, none for another value.
func (v Value) Elements() Elements { return ElementsAt(v, 0) }

// ElementsAt returns the elements of the array at offset i of b, and none for
// another value.
func ElementsAt(b []byte, i int) Elements {
	if i = skipSpace(b, i); i < len(b) && b[i] == '[' {
		return Elements{b: b, at: i + 1}
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
	e.value, e.at = Span{i, end}, end
	return true
}

// Value returns the element.
func (e *Elements) Value() Value { return Value(e.b[e.value.Start:e.value.End:e.value.End]) }

// Place returns where the element stands.
func (e *Elements) Place() Span { return e.value }

// Trim returns the value that stands in b, without the space around it.
func Trim(b []byte) Value { return Value(bytes.TrimSpace(b)) }
