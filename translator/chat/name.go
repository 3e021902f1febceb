package chat

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// maxName bounds the names and ids of tools wherever they have a pattern.
const maxName = 64

// fit returns s as providers want names and ids: letters, digits, _ and -, at
// most most of them.
func fit(s string, most int) string {
	plain := len(s) > 0 && len(s) <= most
	for i := 0; plain && i < len(s); i++ {
		plain = fits(s[i])
	}
	if plain {
		return s
	}
	out := make([]byte, 0, len(s))
	for _, r := range s {
		if r < 0x80 && fits(byte(r)) {
			out = append(out, byte(r))
		} else {
			out = append(out, '_')
		}
	}
	if len(out) == 0 {
		return "_"
	}
	if len(out) > most {
		sum := sha256.Sum256([]byte(s))
		tail := "_" + hex.EncodeToString(sum[:8])
		out = append(out[:most-len(tail)], tail...)
	}
	return string(out)
}

func fits(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// labels gives out names, none twice. The zero value with most set is ready.
type labels struct {
	most  int // bytes
	taken map[string]bool
	// next is the number that is tried next for names that begin alike. Without it
	// a request that repeats one name for ever would be compared with itself.
	next map[string]int
}

// take makes a name one that was given.
func (l *labels) take(name string) {
	if l.taken == nil {
		l.taken, l.next = make(map[string]bool), make(map[string]int)
	}
	l.taken[name] = true
}

// give returns name, which fits, or name with a number behind it.
func (l *labels) give(name string) string {
	if l.taken[name] {
		base, like := name, name[:min(len(name), l.most/2)]
		n := max(l.next[like], 2)
		for ; l.taken[name]; n++ {
			tail := "_" + strconv.Itoa(n)
			name = base[:min(len(base), l.most-len(tail))] + tail
		}
		l.next[like] = n
	}
	l.take(name)
	return name
}
