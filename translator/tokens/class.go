package tokens

import (
	"encoding/binary"
	"sync"
	"unicode/utf8"
)

// class is what the rules tell characters apart by. The values are bits, so that
// a set of classes is one number.
type class uint8

const (
	upper   class = 1 << iota // \p{Lu}, \p{Lt}
	lower                     // \p{Ll}
	letter                    // \p{Lm}, \p{Lo}: letters without case
	mark                      // \p{M}
	number                    // \p{N}
	space                     // \s without
	newline                   // \r and \n
	other   class = 0

	letters = upper | lower | letter
	spaces  = space | newline
)

// classTable holds the class of every code point: those of Unicode 16, which
// tiktoken has, whatever Go has. Most blocks of 256 are like another one.
type classTable struct {
	block [(utf8.MaxRune + 1) >> 8]uint8
	class [][1 << 8]class
}

var classes = sync.OnceValue(func() *classTable {
	all := make([]class, 0, utf8.MaxRune+1)
	for packed := inflate(classesPacked); len(packed) > 0; {
		run, size := binary.Uvarint(packed)
		c := class(1) << (run & 7) >> 1 // 0 is other
		for range run >> 3 {
			all = append(all, c)
		}
		packed = packed[size:]
	}
	t := &classTable{}
	known := make(map[[1 << 8]class]uint8)
	for i := range t.block {
		block := [1 << 8]class(all[i<<8:])
		n, ok := known[block]
		if !ok {
			n = uint8(len(t.class))
			known[block] = n
			t.class = append(t.class, block)
		}
		t.block[i] = n
	}
	return t
})

// ascii is the start of the table, where most characters are.
var ascii = func() (table [utf8.RuneSelf]class) {
	for c := range table {
		switch {
		case c >= 'A' && c <= 'Z':
			table[c] = upper
		case c >= 'a' && c <= 'z':
			table[c] = lower
		case c >= '0' && c <= '9':
			table[c] = number
		case c == '\r' || c == '\n':
			table[c] = newline
		case c == ' ' || c >= '\t' && c <= '\r':
			table[c] = space
		}
	}
	return table
}()

// at returns the class of the character at i, and its size; size 0 at the end.
func at(text []byte, i int) (c class, size int) {
	if i >= len(text) {
		return other, 0
	}
	if b := text[i]; b < utf8.RuneSelf {
		return ascii[b], 1
	}
	r, size := utf8.DecodeRune(text[i:])
	if size == 1 { // not UTF-8
		return other, 1
	}
	t := classes()
	return t.class[t.block[r>>8]][r&0xFF], size
}

// skip returns the end of the run of characters of the set that starts at i.
func skip(text []byte, i int, set class) int {
	for {
		for i < len(text) && text[i] < utf8.RuneSelf {
			if ascii[text[i]]&set == 0 {
				return i
			}
			i++
		}
		c, size := at(text, i)
		if size == 0 || c&set == 0 {
			return i
		}
		i += size
	}
}
