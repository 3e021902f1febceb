package translator

import "bytes"

// members walks over the members of one JSON object, in place. It checks no
// more than it must to stay on its feet: on broken text it stops early. A
// request was checked before; a reply need not be ours to judge.
type members struct {
	b     []byte
	at    int
	key   span // with its quotes
	value span
	done  bool // the object's end was reached
}

// within returns the members of the object that starts at offset i of b.
func within(b []byte, i int) members {
	if i = skipSpace(b, i); i >= len(b) || b[i] != '{' {
		return members{b: b, at: len(b)}
	}
	return members{b: b, at: i + 1}
}

// next advances to the next member and reports whether there was one.
func (m *members) next() bool {
	return m.nextKey() && m.skip()
}

// nextKey advances to the next member without looking for the end of its
// value, which skip must do before the next step.
func (m *members) nextKey() bool {
	i := skipSpace(m.b, m.at)
	if i < len(m.b) && m.b[i] == ',' {
		i = skipSpace(m.b, i+1)
	}
	m.at = len(m.b)
	if i >= len(m.b) || m.b[i] != '"' {
		m.done = i < len(m.b) && m.b[i] == '}'
		return false
	}
	m.key.start = i
	if i = skipText(m.b, i); i < 0 {
		return false
	}
	m.key.end = i
	if i = skipSpace(m.b, i); i >= len(m.b) || m.b[i] != ':' {
		return false
	}
	m.value.start = skipSpace(m.b, i+1)
	return true
}

// skip finds the end of the value.
func (m *members) skip() bool {
	if m.value.end = skipValue(m.b, m.value.start); m.value.end < 0 {
		return false
	}
	m.at = m.value.end
	return true
}

// name returns the key without its quotes, escapes and all: backends do not
// escape the keys we look for.
func (m *members) name() []byte { return m.b[m.key.start+1 : m.key.end-1] }

// raw returns the value as it stands.
func (m *members) raw() []byte { return m.b[m.value.start:m.value.end] }

// elements walks over the elements of a JSON array as members does over members.
type elements struct {
	b     []byte
	at    int
	value span
}

func elementsOf(b []byte) elements {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '[' {
		i = len(b)
	}
	return elements{b: b, at: i + 1}
}

// elementsAt returns the elements of the array that starts at offset i of b, and
// nothing for another value.
func elementsAt(b []byte, i int) elements {
	if b[i] != '[' {
		i = len(b)
	}
	return elements{b: b, at: i + 1}
}

func (e *elements) next() bool {
	i := skipSpace(e.b, e.at)
	if i < len(e.b) && e.b[i] == ',' {
		i = skipSpace(e.b, i+1)
	}
	end := skipValue(e.b, i)
	if end < 0 {
		e.at = len(e.b)
		return false
	}
	e.value, e.at = span{i, end}, end
	return true
}

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
		if i += n; !escapedAt(b, open, i) {
			return i + 1
		}
	}
}

// escapedAt reports whether an odd number of backslashes stands before i.
func escapedAt(b []byte, open, i int) bool {
	n := 0
	for j := i - 1; j > open && b[j] == '\\'; j-- {
		n++
	}
	return n&1 == 1
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
	return -1 // within an object something must follow
}

func skipNested(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			if i = skipText(b, i); i < 0 {
				return -1
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return -1
}
