package tokens

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// white is \s as Unicode has it, and tiktoken; Go's own is that of ASCII.
const white = `\t-\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}`

// patterns are tiktoken's regular expressions but for what Go's cannot say: what
// must not follow.
var patterns = map[*encoding]*regexp.Regexp{
	o200k: regexp.MustCompile(`^(?:[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?` +
		`|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?` +
		`|\p{N}{1,3}| ?[^` + white + `\p{L}\p{N}]+[\r\n/]*|[` + white + `]*[\r\n]+)`),
	cl100k: regexp.MustCompile(`^(?:'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}` +
		`| ?[^` + white + `\p{L}\p{N}]+[\r\n]*|[` + white + `]+$|[` + white + `]*[\r\n])`),
}

var whites = regexp.MustCompile(`^[` + white + `]+`)

// naiveNext returns the length of the first piece of text.
func (e *encoding) naiveNext(text string) int {
	if found := patterns[e].FindString(text); found != "" {
		return len(found)
	}
	// \s+(?!\S), and then what is left of \s+.
	run := whites.FindString(text)
	_, last := utf8.DecodeLastRuneInString(run)
	if len(run) < len(text) && len(run) > last {
		return len(run) - last
	}
	return len(run)
}

// naive counts a piece as slowly as it pleases: byte by byte, and again and
// again the first pair of the lowest rank.
func (v *vocabulary) naive(piece []byte) int {
	parts := make([][]byte, len(piece))
	for i := range piece {
		parts[i] = piece[i : i+1]
	}
	for {
		lowest, at := none, 0
		for i := range len(parts) - 1 {
			if r := v.rank(append(bytes.Clone(parts[i]), parts[i+1]...)); r < lowest {
				lowest, at = r, i
			}
		}
		if lowest == none {
			return len(parts)
		}
		joined := append(bytes.Clone(parts[at]), parts[at+1]...)
		parts = append(append(append([][]byte{}, parts[:at]...), joined), parts[at+2:]...)
	}
}

// sameClass reports whether Go's Unicode, which is older, knows the characters.
func sameClass(text string) bool {
	for _, r := range text {
		c, _ := at([]byte(string(r)), 0)
		if unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.White_Space) != (c != other) {
			return false
		}
	}
	return utf8.ValidString(text) // invalid bytes are others here, and U+FFFD to a regular expression
}

func FuzzCount(f *testing.F) {
	for _, d := range corpus()[:200] {
		f.Add(d.text[:min(len(d.text), 300)])
	}
	for _, text := range []string{"", "\xff", "a\x80'", "\u0301ABC's", strings.Repeat("ab", 200), " \n \n x", "'ſ"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 2000 {
			return
		}
		for e := range patterns {
			want, known := 0, sameClass(text)
			for start := 0; start < len(text); {
				end := e.next([]byte(text), start)
				if n := e.naiveNext(text[start:]); known && end != start+n {
					t.Fatalf("%s cuts %q after %q, want %q", e.name, text[start:], text[start:end], text[start:start+n])
				}
				want += e.vocabulary().naive([]byte(text[start:end]))
				start = end
			}
			if got := e.count([]byte(text)); got != want {
				t.Fatalf("%s counts %d of %q, want %d", e.name, got, text, want)
			}
		}
	})
}

// Both ways to count a piece are the naive one, whatever its length.
func TestJoining(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alphabet := rapid.SampledFrom([]string{"a", "ab", "aeinst", " ", "=-", "\xe4\xb8\xad\x96", "abcdefghijklmnopqrstuvwxyz"}).Draw(t, "alphabet")
		piece := rapid.SliceOfN(rapid.SampledFrom([]byte(alphabet)), 2, 150).Draw(t, "piece")
		for e := range patterns {
			v := e.vocabulary()
			want := v.naive(piece)
			if got := v.count(piece); got != want {
				t.Fatalf("%s: %d tokens, want %d", e.name, got, want)
			}
			j := v.joiners.Get().(*joiner)
			if got := j.count(v, piece); got != want {
				t.Fatalf("%s: %d tokens by the joiner, want %d", e.name, got, want)
			}
			starts, ranks := make([]int32, len(piece)+1), make([]uint32, len(piece))
			for i := range starts {
				starts[i] = int32(i)
			}
			for i := range ranks {
				ranks[i] = none
				if i+1 < len(piece) {
					ranks[i] = v.pairs[pair(piece, i)]
				}
			}
			if got := j.queue.count(v, piece, starts, ranks); got != want {
				t.Fatalf("%s: %d tokens by the queue, want %d", e.name, got, want)
			}
			if _, left := j.lowest(); left {
				t.Fatalf("%s: the queue is not empty", e.name)
			}
			v.joiners.Put(j)
		}
	})
}
