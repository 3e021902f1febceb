package translator

import (
	"fmt"
	"sync"

	"llmroute/translator/chat"
	"llmroute/translator/embed"
	"llmroute/translator/rerank"
)

var (
	passthroughs = sync.Pool{New: func() any { return new(passthrough) }}
	translations = sync.Pool{New: func() any { return new(translation) }}
)

// New returns an Exchange of one operation between a client that speaks one
// schema and a backend that speaks another. The Exchange borrows backend. An
// error is a *Refusal where the backend's schema has no such operation. What is
// no operation, None, is a path of the backend's own: nothing of it is read.
func New(client Schema, op Operation, backend *Backend) (Exchange, error) {
	c, ok := clients[client]
	switch {
	case !ok:
		return nil, fmt.Errorf("client schema %q: not translated from", client)
	case op == Rerank && backend.reranker() != nil:
		return &single{client: c, backend: backend, task: &rerank.Task{Server: backend.reranker()}}, nil
	case passes(client, op, backend.Schema):
		p := passthroughs.Get().(*passthrough)
		p.backend = backend
		return p, nil
	case op == ChatCompletions:
		if home, ok := backends[backend.Schema]; ok {
			return newTranslation(c, home, backend), nil
		}
	case op == Embeddings:
		if vendor, ok := embedders[backend.Schema]; ok {
			return &single{client: c, backend: backend, task: &embed.Task{Vendor: vendor}}, nil
		}
	}
	return nil, unserved(client, op, backend.Schema)
}

func newTranslation(client chat.Client, home chat.Backend, backend *Backend) *translation {
	x := translations.Get().(*translation)
	x.client, x.home, x.backend = client, home, backend
	return x
}

// Release gives an Exchange's memory back for the next one. It is optional;
// after it the Exchange, and every slice that came from it, must not be used.
// A Tally stays good but for its Warn.
func Release(x Exchange) {
	switch x := x.(type) {
	case *passthrough:
		x.gzip.Close()
		x.sse.Reset()
		*x = passthrough{sse: x.sse}
		passthroughs.Put(x)
	case *translation:
		x.reset()
		translations.Put(x)
	case *single:
		*x = single{}
	}
}
