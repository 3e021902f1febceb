package translator

import (
	"fmt"
	"sync"
)

var passthroughs = sync.Pool{New: func() any { return new(passthrough) }}

// New returns an Exchange between a client that speaks one schema and a backend
// that speaks another, or an error that names what is missing. The Exchange
// borrows backend.
func New(client Schema, backend *Backend) (Exchange, error) {
	if client != OpenAI {
		return nil, fmt.Errorf("client schema %q: not translated from", client)
	}
	if backend.Schema != OpenAI && backend.Schema != AzureOpenAI {
		return nil, fmt.Errorf("backend schema %q: not translated to from %s", backend.Schema, client)
	}
	p := passthroughs.Get().(*passthrough)
	p.backend = backend
	return p, nil
}

// Release gives an Exchange's memory back for the next one. It is optional;
// after it the Exchange, and every slice that came from it, must not be used.
// A Tally stays good.
func Release(x Exchange) {
	if p, ok := x.(*passthrough); ok {
		p.sse.Reset()
		*p = passthrough{sse: p.sse}
		passthroughs.Put(p)
	}
}
