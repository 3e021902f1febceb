package raw

import "bytes"

// Trailing walks over the members of an object from its last to its first. Out
// of a string no backslash stands before a quote, so that in valid JSON a quote
// is found from behind as surely as from the front.
type Trailing struct {
	b     []byte
	at    int // behind what comes next, going back
	key   Span
	value Span
}

// Backwards returns the members of the object v, the last first, and none for
// another value.
func (v Value) Backwards() Trailing {
	i := backSpace(v, len(v))
	if i == 0 || v[i-1] != '}' {
		return Trailing{b: v}
	}
	return Trailing{b: v, at: i - 1}
}

// Name returns what the member is called, as that of Members does.
func (t *Trailing) Name() []byte { return unescaped(Text(t.b[t.key.Start+1 : t.key.End-1])) }

// Value returns the member's value.
func (t *Trailing) Value() Value { return Value(t.b[t.value.Start:t.value.End:t.value.End]) }

// Key returns where the name stands, with its quotes.
func (t *Trailing) Key() Span { return t.key }

// Previous steps back to the member before and reports whether there was one.
func (t *Trailing) Previous() bool {
	i := backSpace(t.b, t.at)
	if i > 0 && t.b[i-1] == ',' {
		i = backSpace(t.b, i-1)
	}
	t.at = 0
	t.value.End = i
	if t.value.Start = valueStart(t.b, i); t.value.Start < 0 {
		return false
	}
	if i = backSpace(t.b, t.value.Start); i == 0 || t.b[i-1] != ':' {
		return false
	}
	if i = backSpace(t.b, i-1); i == 0 || t.b[i-1] != '"' {
		return false
	}
	t.key.End = i
	if t.key.Start = textStart(t.b, i-1); t.key.Start < 0 {
		return false
	}
	t.at = t.key.Start
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

// WithComma widens the span of a member by the comma that goes with it.
func WithComma(object []byte, member Span) Span {
	if i := backSpace(object, member.Start); i > 0 && object[i-1] == ',' {
		return Span{i - 1, member.End}
	}
	if i := skipSpace(object, member.End); i < len(object) && object[i] == ',' {
		return Span{member.Start, i + 1}
	}
	return member
}
