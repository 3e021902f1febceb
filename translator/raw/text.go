package raw

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// Text is the inside of a JSON string, still escaped, so that it can be put
// between the quotes of another one as it is.
type Text []byte

// String returns what t says.
func (t Text) String() string {
	if bytes.IndexByte(t, '\\') < 0 {
		return string(t)
	}
	return string(t.Append(nil))
}

// unescaped returns what t says: t itself where nothing is escaped.
func unescaped(t Text) []byte {
	if bytes.IndexByte(t, '\\') < 0 {
		return t
	}
	return t.Append(nil)
}

// Append appends what t says, unescaped. An escape that JSON does not know
// stays as it is.
func (t Text) Append(dst []byte) []byte {
	for len(t) > 0 {
		i := bytes.IndexByte(t, '\\')
		if i < 0 {
			return append(dst, t...)
		}
		dst = append(dst, t[:i]...)
		n := 2
		if len(t) < i+2 {
			return append(dst, t[i:]...)
		}
		switch c := t[i+1]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, size := escapedRune(t[i:])
			if n = size; n == 0 {
				n = 2
				dst = append(dst, '\\', c)
				break
			}
			dst = utf8.AppendRune(dst, r)
		case '"', '\\', '/':
			dst = append(dst, c)
		default:
			dst = append(dst, '\\', c)
		}
		t = t[i+n:]
	}
	return dst
}

// Plain returns t without the escapes that it can do without, as PHP writes a
// slash and .NET a plus. It can be put between quotes like t, and it is t itself
// where nothing is escaped.
func (t Text) Plain() Text {
	i := bytes.IndexByte(t, '\\')
	if i < 0 {
		return t
	}
	out := append(make(Text, 0, len(t)), t[:i]...)
	for t = t[i:]; len(t) > 0; {
		n := min(2, len(t))
		switch r, size := escapedRune(t); {
		case t[0] != '\\':
			if n = bytes.IndexByte(t, '\\'); n < 0 {
				n = len(t)
			}
			out = append(out, t[:n]...)
		case n == 2 && t[1] == '/':
			out = append(out, '/')
		case size > 0 && r >= ' ' && r != '"' && r != '\\' && r != utf8.RuneError:
			n = size
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, t[:n]...)
		}
		t = t[n:]
	}
	return out
}

// escapedRune reads an escape of four digits, or a pair of them, at the front of t,
// and returns how long that was; 0 when it is not one.
func escapedRune(t Text) (r rune, size int) {
	unit := func(t Text) rune {
		if len(t) < 6 || t[0] != '\\' || t[1] != 'u' {
			return -1
		}
		var n rune
		for _, c := range t[2:6] {
			switch {
			case c >= '0' && c <= '9':
				c -= '0'
			case c|0x20 >= 'a' && c|0x20 <= 'f':
				c = c | 0x20 - 'a' + 10
			default:
				return -1
			}
			n = n<<4 | rune(c)
		}
		return n
	}
	high := unit(t)
	switch {
	case high < 0:
		return 0, 0
	case high < 0xD800 || high > 0xDFFF:
		return high, 6
	case high < 0xDC00:
		if low := unit(t[6:]); low >= 0xDC00 && low <= 0xDFFF {
			return (high-0xD800)<<10 | (low - 0xDC00) + 0x10000, 12
		}
	}
	return utf8.RuneError, 6
}

// Blank reports whether t says nothing but white space, or nothing.
func (t Text) Blank() bool {
	for i := 0; i < len(t); i++ {
		switch t[i] {
		case ' ':
		case '\\':
			if i+1 == len(t) || t[i+1] != 'n' && t[i+1] != 'r' && t[i+1] != 't' && t[i+1] != 'f' {
				return false
			}
			i++
		default:
			return false
		}
	}
	return true
}

// TrimRight returns t without the white space at its end.
func (t Text) TrimRight() Text {
	for len(t) > 0 {
		n := len(t)
		if t[n-1] == ' ' {
			t = t[:n-1]
			continue
		}
		if n < 2 || t[n-2] != '\\' || !bytes.ContainsRune([]byte("nrtf"), rune(t[n-1])) {
			break
		}
		slashes := 1
		for j := n - 3; j >= 0 && t[j] == '\\'; j-- {
			slashes++
		}
		if slashes&1 == 0 {
			break // an escaped backslash, and a letter
		}
		t = t[:n-2]
	}
	return t
}

// Runes returns how many code points t says.
func (t Text) Runes() int {
	n := 0
	for len(t) > 0 {
		i := bytes.IndexByte(t, '\\')
		if i < 0 {
			return n + utf8.RuneCount(t)
		}
		n += utf8.RuneCount(t[:i]) + 1
		size := 2
		if _, long := escapedRune(t[i:]); long > 0 {
			size = long
		}
		t = t[min(i+size, len(t)):]
	}
	return n
}

// Quote returns s as the inside of a JSON string.
func Quote(s string) Text {
	q := AppendString(nil, s)
	return Text(q[1 : len(q)-1])
}

// AppendString appends s as a JSON string. What is not UTF-8 is replaced.
func AppendString(dst []byte, s string) []byte {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	if plain {
		return append(append(append(dst, '"'), s...), '"')
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// AppendText appends t as a JSON string.
func AppendText(dst []byte, t Text) []byte {
	return append(append(append(dst, '"'), t...), '"')
}

const hex = "0123456789abcdef"

// AppendEscaped appends b, UTF-8, as the inside of a JSON string.
func AppendEscaped(dst, b []byte) []byte {
	start := 0
	for i, c := range b {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, b[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(dst, b[start:]...)
}

// AppendCompact appends v without the space between its tokens.
func AppendCompact(dst []byte, v Value) []byte {
	text := false
	for i := 0; i < len(v); i++ {
		c := v[i]
		switch {
		case text && c == '\\' && i+1 < len(v):
			dst = append(dst, c)
			i++
			c = v[i]
		case c == '"':
			text = !text
		case !text && (c == ' ' || c == '\n' || c == '\r' || c == '\t'):
			continue
		}
		dst = append(dst, c)
	}
	return dst
}
