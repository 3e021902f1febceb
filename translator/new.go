package translator

import (
	"fmt"
	"sync"
)

var (
	passthroughs = sync.Pool{New: func() any { return new(passthrough) }}
	translations = sync.Pool{New: func() any { return new(translation) }}
)

// New returns an Exchange between a client that speaks one schema and a backend
// that speaks another, or an error that names what is missing. The Exchange
// borrows backend.
func New(client Schema, backend *Backend) (Exchange, error) {
	c, ok := clients[client]
	if !ok {
		return nil, fmt.Errorf("client schema %q: not translated from", client)
	}
	if backend.Schema == client || backend.Schema == AzureOpenAI && client == OpenAI {
		p := passthroughs.Get().(*passthrough)
		p.backend = backend
		return p, nil
	}
	home, ok := backends[backend.Schema]
	if !ok {
		return nil, fmt.Errorf("backend schema %q: not translated to from %s", backend.Schema, client)
	}
	x := translations.Get().(*translation)
	x.client, x.home, x.backend = c, home, backend
	return x, nil
}

// Release gives an Exchange's memory back for the next one. It is optional;
// after it the Exchange, and every slice that came from it, must not be used.
// A Tally stays good.
func Release(x Exchange) {
	switch x := x.(type) {
	case *passthrough:
		x.sse.Reset()
		*x = passthrough{sse: x.sse}
		passthroughs.Put(x)
	case *translation:
		x.reset()
		translations.Put(x)
	}
}
