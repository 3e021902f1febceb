package translator

import (
	"strings"

	"llmroute/translator/frame"
)

// packing says how a reply's body comes, which was asked for as it is.
type packing uint8

const (
	plain packing = iota
	gzipped
	sealed // in a way that is not known here
)

func packingOf(h Headers) packing {
	switch strings.ToLower(strings.TrimSpace(h.Get(contentEncoding))) {
	case "", "identity":
		return plain
	case "gzip", "x-gzip":
		return gzipped
	}
	return sealed
}

// unpack returns what a whole body holds, and nothing of one that is sealed, cut
// or damaged: what can be read of that may look whole.
func (p packing) unpack(body []byte) []byte {
	if p == plain {
		return body
	}
	if p == sealed {
		return nil
	}
	var z frame.Gzip
	defer z.Close()
	var whole []byte
	z.Push(body, true)
	for piece, ok := z.Next(); ok; piece, ok = z.Next() {
		whole = append(whole, piece...)
	}
	if z.Err() != nil {
		return nil
	}
	return whole
}
