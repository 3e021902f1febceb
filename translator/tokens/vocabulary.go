package tokens

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"sync"
)

// none is the rank of what is no token.
const none = ^uint32(0)

// wordLen is the length of the tokens that are compared as one word.
const wordLen = 8

// vocabulary finds the rank of a token: its number, which is also the order in
// which neighbours are joined.
type vocabulary struct {
	pairs [1 << 16]uint32 // the rank of two bytes

	// maybe has a bit for the hash of each token. Most of what is asked for is no
	// token, and most of that ends here, in a table that fits into a cache.
	maybe [maybeBits / 64]uint64

	// Tokens of up to eight bytes: most of them, and more of those that are met.
	// The table is open-addressed.
	short []shortToken

	// The longer ones. A place holds the number of one, from 1 up; its text ends
	// where that of the next starts.
	places []uint32
	starts []uint32
	ranked []uint32 // the rank, by number
	blob   []byte

	size    int // how many tokens there are
	longest int

	joiners sync.Pool // of *joiner, for long pieces
}

// shortToken is a token as a word. Its rank is one more than it is, and has the
// length from bit 24 up, so that 0 is an empty place.
type shortToken struct {
	word uint64
	rank uint32
}

// unpack reads tokens in the order of their ranks, each after its length.
func unpack(packed []byte) *vocabulary {
	list := inflate(packed)
	v := &vocabulary{}
	var long, room int
	for at := 0; at < len(list); at += 1 + int(list[at]) {
		v.size++
		if n := int(list[at]); n > wordLen {
			long++
			room += n
		}
	}
	v.short = make([]shortToken, tableSize(v.size-long))
	v.places = make([]uint32, tableSize(long))
	v.starts = append(make([]uint32, 0, long+2), 0, 0)
	v.ranked = append(make([]uint32, 0, long+1), none)
	v.blob = make([]byte, 0, room)
	for i := range v.pairs {
		v.pairs[i] = none
	}
	for at, rank := 0, uint32(0); at < len(list); rank++ {
		end := at + 1 + int(list[at])
		v.add(list[at+1:end], rank)
		at = end
	}
	v.joiners.New = func() any { return newJoiner(v.size) }
	return v
}

// tableSize is a power of two and leaves at least a quarter of a table free.
func tableSize(n int) int { return 1 << bits.Len(uint(n+n/3)) }

func (v *vocabulary) add(token []byte, rank uint32) {
	v.longest = max(v.longest, len(token))
	if len(token) == 2 {
		v.pairs[pair(token, 0)] = rank
	}
	if len(token) > wordLen {
		h := hash(token)
		v.maybe[h>>maybeShift/64] |= 1 << (h >> maybeShift % 64)
		i := h & uint64(len(v.places)-1)
		for v.places[i] != 0 {
			i = (i + 1) & uint64(len(v.places)-1)
		}
		v.places[i] = uint32(len(v.ranked))
		v.ranked = append(v.ranked, rank)
		v.blob = append(v.blob, token...)
		v.starts = append(v.starts, uint32(len(v.blob)))
		return
	}
	w := word(token)
	h := mix(w, len(token))
	v.maybe[h>>maybeShift/64] |= 1 << (h >> maybeShift % 64)
	i := h & uint64(len(v.short)-1)
	for v.short[i].rank != 0 {
		i = (i + 1) & uint64(len(v.short)-1)
	}
	v.short[i] = shortToken{w, uint32(len(token))<<24 | (rank + 1)}
}

// The bits of maybe are chosen by the upper bits of a hash, and places in the
// tables by the lower ones.
const (
	maybeBits  = 1 << 21
	maybeShift = 64 - 21
)

// rank returns the rank of text, or none. text is not empty.
func (v *vocabulary) rank(text []byte) uint32 {
	if len(text) > wordLen {
		return v.rankLong(text)
	}
	w, n := word(text), uint32(len(text))<<24
	h := mix(w, len(text))
	if v.maybe[h>>maybeShift/64]>>(h>>maybeShift%64)&1 == 0 {
		return none
	}
	mask := uint64(len(v.short) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch t := v.short[i]; {
		case t.rank == 0:
			return none
		case t.word == w && t.rank&^(1<<24-1) == n:
			return t.rank&(1<<24-1) - 1
		}
	}
}

func (v *vocabulary) rankLong(text []byte) uint32 {
	if len(text) > v.longest {
		return none
	}
	h := hash(text)
	if v.maybe[h>>maybeShift/64]>>(h>>maybeShift%64)&1 == 0 {
		return none
	}
	mask := uint64(len(v.places) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		n := v.places[i]
		if n == 0 {
			return none
		}
		if bytes.Equal(v.blob[v.starts[n]:v.starts[n+1]], text) {
			return v.ranked[n]
		}
	}
}

// pair returns the two bytes at i as a number.
func pair(text []byte, i int) uint16 { return uint16(text[i])<<8 | uint16(text[i+1]) }

// word returns up to eight bytes as a number. It reads them in one go where the
// slice's room shows that more of the text follows.
func word(text []byte) uint64 {
	n := len(text)
	if cap(text) >= wordLen {
		return binary.LittleEndian.Uint64(text[:wordLen]) & (1<<(8*n) - 1)
	}
	var w uint64
	for i := n - 1; i >= 0; i-- {
		w = w<<8 | uint64(text[i])
	}
	return w
}

// mix spreads a word. Whoever chooses texts cannot choose tokens, so collisions
// are those of a vocabulary that never changes.
func mix(w uint64, n int) uint64 {
	h := (w ^ uint64(n)*0x9E3779B97F4A7C15) * 0xD6E8FEB86659FD93
	return h ^ h>>32
}

// hash spreads a text of more than eight bytes.
func hash(text []byte) uint64 {
	h := uint64(len(text))
	for ; len(text) > wordLen; text = text[wordLen:] {
		h = bits.RotateLeft64(h^binary.LittleEndian.Uint64(text), 29) * 0x9E3779B97F4A7C15
	}
	return mix(h^word(text), len(text))
}
