package tokens

import (
	"bytes"
	"compress/flate"
	_ "embed" // the vocabularies
	"io"
	"slices"
	"sync"
)

// The vocabularies, written by testdata/oracle.py; vocabulary/NOTICE.md says
// where they come from.
var (
	//go:embed vocabulary/o200k_base.flate
	o200kPacked []byte
	//go:embed vocabulary/cl100k_base.flate
	cl100kPacked []byte
	//go:embed vocabulary/classes.flate
	classesPacked []byte
)

// encoding is a vocabulary and the rule by which texts are cut into the pieces
// that are looked up in it.
type encoding struct {
	name       string
	vocabulary func() *vocabulary
	next       func(text []byte, start int) (end int)
	perTool    int // what declaring a function costs besides its text
}

var (
	o200k = &encoding{
		name:       "o200k_base",
		vocabulary: sync.OnceValue(func() *vocabulary { return unpack(o200kPacked) }),
		next:       nextO200k,
		perTool:    7,
	}
	cl100k = &encoding{
		name:       "cl100k_base",
		vocabulary: sync.OnceValue(func() *vocabulary { return unpack(cl100kPacked) }),
		next:       nextCL100k,
		perTool:    10,
	}
)

// count returns how many tokens text is.
func (e *encoding) count(text []byte) (n int) {
	v := e.vocabulary()
	text = slices.Clip(text) // pieces are looked at in words of eight bytes, and nobody looks beyond text
	for start := 0; start < len(text); {
		end := e.next(text, start)
		n += v.count(text[start:end])
		start = end
	}
	return n
}

// inflate returns what is packed in b, which the build put there.
func inflate(b []byte) []byte {
	out, err := io.ReadAll(flate.NewReader(bytes.NewReader(b)))
	if err != nil {
		panic("internal error: an embedded vocabulary is broken: " + err.Error())
	}
	return out
}
