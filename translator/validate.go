package translator

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// maxDepth bounds how deep a request may nest, as encoding/json does.
const maxDepth = 10_000

// scanner checks JSON and says where values end. It keeps what is open in one
// bit per level instead of on the goroutine's stack, so that a hostile body
// costs no more memory than a friendly one.
//
// Its methods take and return offsets into b. A negative result means that the
// text is broken, and refusal then says where.
type scanner struct {
	b      []byte
	keyEnd int  // where the last key ended
	high   bool // some string holds bytes beyond ASCII, which are yet to be checked
	bad    int  // offset of what is wrong
	want   string
	open   [maxDepth/64 + 1]uint64 // one bit per level: set for an object
}

func (s *scanner) fail(at int, want string) int {
	s.bad, s.want = at, want
	return -1
}

func (s *scanner) refusal() error {
	switch {
	case s.want == tooDeep:
		return Invalid("", "", fmt.Sprintf("The request nests deeper than %d levels at byte %d.", maxDepth, s.bad))
	case s.bad >= len(s.b):
		return malformed("the body ends where "+s.want+" must follow,", len(s.b))
	}
	return malformed(fmt.Sprintf("%s stands where %s must,", quoteByte(s.b[s.bad]), s.want), s.bad)
}

const tooDeep = "a flatter document"

// space returns the first offset from i on that is no white space.
func (s *scanner) space(i int) int {
	for i < len(s.b) && (s.b[i] == ' ' || s.b[i] == '\n' || s.b[i] == '\r' || s.b[i] == '\t') {
		i++
	}
	return i
}

// key checks the key at i and returns where its colon stands.
func (s *scanner) key(i int) int {
	if i >= len(s.b) || s.b[i] != '"' {
		return s.fail(i, "a key in double quotes")
	}
	if i = s.text(i); i < 0 {
		return i
	}
	s.keyEnd = i
	if i = s.space(i); i >= len(s.b) || s.b[i] != ':' {
		return s.fail(i, "':'")
	}
	return i
}

// value checks the value that starts at i, with all that is in it, and returns
// its end.
func (s *scanner) value(i int) int {
	for depth := 0; ; {
		// A value, or the opening of one, stands at i.
		if i >= len(s.b) {
			return s.fail(i, "a value")
		}
		if c := s.b[i]; c == '{' || c == '[' {
			if depth++; depth >= maxDepth {
				return s.fail(i, tooDeep)
			}
			isObject := c == '{'
			s.push(depth, isObject)
			if i = s.space(i + 1); i < len(s.b) && s.b[i] == c+2 { // '{'+2 is '}', '['+2 is ']'
				depth--
				i++
			} else if isObject {
				if i = s.key(i); i < 0 {
					return i
				}
				i = s.space(i + 1)
				continue
			} else {
				continue
			}
		} else if i = s.scalar(i); i < 0 {
			return i
		}
		// A value has ended before i: find the next one.
		if depth, i = s.after(depth, i); i < 0 || depth == 0 {
			return i
		}
	}
}

// after closes what ends at i and returns where the next value starts, or, at
// depth 0, where the outermost one ended.
func (s *scanner) after(depth, i int) (int, int) {
	for depth > 0 {
		i = s.space(i)
		isObject := s.open[depth>>6]&(1<<(depth&63)) != 0
		switch {
		case i >= len(s.b):
			return depth, s.fail(i, closing(isObject))
		case s.b[i] == ',':
			i = s.space(i + 1)
			if isObject {
				if i = s.key(i); i < 0 {
					return depth, i
				}
				i = s.space(i + 1)
			}
			return depth, i
		case isObject && s.b[i] == '}', !isObject && s.b[i] == ']':
			depth--
			i++
		default:
			return depth, s.fail(i, closing(isObject))
		}
	}
	return 0, i
}

func closing(isObject bool) string {
	if isObject {
		return "',' or '}'"
	}
	return "',' or ']'"
}

func (s *scanner) push(depth int, isObject bool) {
	if isObject {
		s.open[depth>>6] |= 1 << (depth & 63)
	} else {
		s.open[depth>>6] &^= 1 << (depth & 63)
	}
}

func (s *scanner) scalar(i int) int {
	switch c := s.b[i]; {
	case c == '"':
		return s.text(i)
	case c == '-', '0' <= c && c <= '9':
		return s.number(i)
	case c == 't':
		return s.literal(i, "true")
	case c == 'f':
		return s.literal(i, "false")
	case c == 'n':
		return s.literal(i, "null")
	}
	return s.fail(i, "a value")
}

func (s *scanner) literal(i int, word string) int {
	for j := range len(word) {
		if i+j >= len(s.b) || s.b[i+j] != word[j] {
			return s.fail(i+j, word)
		}
	}
	return i + len(word)
}

func (s *scanner) number(i int) int {
	if s.b[i] == '-' {
		i++
	}
	if i < len(s.b) && s.b[i] == '0' {
		i++
	} else if i = s.digits(i); i < 0 {
		return i
	}
	if i < len(s.b) && s.b[i] == '.' {
		if i = s.digits(i + 1); i < 0 {
			return i
		}
	}
	if i < len(s.b) && s.b[i]|0x20 == 'e' {
		i++
		if i < len(s.b) && (s.b[i] == '+' || s.b[i] == '-') {
			i++
		}
		return s.digits(i)
	}
	return i
}

func (s *scanner) digits(i int) int {
	start := i
	for i < len(s.b) && '0' <= s.b[i] && s.b[i] <= '9' {
		i++
	}
	if i == start {
		return s.fail(i, "a digit")
	}
	return i
}

// One bit pattern per byte, for looking at eight at a time.
const (
	each   = 0x0101010101010101
	highs  = 0x80 * each
	spaces = ' ' * each
	quotes = '"' * each
	slash  = '\\' * each
)

// text checks the string at i and returns its end. Prompts are long: it looks
// at eight bytes at a time until one of them is a quote, a backslash or a
// control character. Of the marks in a word the lowest is exact, the ones above
// may come from its borrow.
func (s *scanner) text(i int) int {
	var seen uint64
	for i++; ; {
		for i+8 <= len(s.b) {
			x := binary.LittleEndian.Uint64(s.b[i:])
			seen |= x
			marks := ((x - spaces) | ((x ^ quotes) - each) | ((x ^ slash) - each)) &^ x & highs
			if marks != 0 {
				i += bits.TrailingZeros64(marks) >> 3
				break
			}
			i += 8
		}
		if i >= len(s.b) {
			return s.fail(i, "a closing quote")
		}
		switch c := s.b[i]; {
		case c == '"':
			// What seen took in beyond the quote can only make it check in vain.
			s.high = s.high || seen&highs != 0
			return i + 1
		case c == '\\':
			if i+1 < len(s.b) && short[s.b[i+1]] {
				i += 2
			} else if i = s.escape(i + 1); i < 0 {
				return i
			}
		case c < ' ':
			return s.fail(i, "an escaped control character")
		default: // within the last eight bytes of the body
			seen |= uint64(c)
			i++
		}
	}
}

// short holds what may stand behind a backslash, but for u.
var short = [256]bool{'"': true, '\\': true, '/': true, 'b': true, 'f': true, 'n': true, 'r': true, 't': true}

// escape checks what stands behind a backslash, which short does not hold.
func (s *scanner) escape(i int) int {
	if i < len(s.b) && s.b[i] != 'u' {
		return s.fail(i, "an escape that JSON knows")
	}
	for range 4 {
		if i++; i >= len(s.b) || !isHex(s.b[i]) {
			return s.fail(i, "a hexadecimal digit")
		}
	}
	return i + 1
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// invalidUTF8 returns the offset of the first byte of b that is no UTF-8.
func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}

func quoteByte(c byte) string {
	if c < utf8.RuneSelf {
		return fmt.Sprintf("%q", rune(c))
	}
	return fmt.Sprintf("byte 0x%02X", c)
}
