package router

import (
	"llmroute/router/config"
	"llmroute/translator"
)

// Plan is a decision: where a request goes and what must be set on the way. It
// is plain data; everything it points at is immutable.
type Plan struct {
	Route   string // the LLMRoute that matched, "" when none was needed
	Rule    string // its rule's name, else its index: "0"
	Backend *Backend
	Model   string // what the backend is to call the model
	// ModelLabel is the model as metrics may name it: a configured name, else "other".
	ModelLabel string
}

// Backend is a config.Backend compiled for use: what a request to it always
// needs, worked out once.
type Backend struct {
	*config.Backend
	Cluster string // the Envoy cluster that reaches it
}

// Dialect returns what an Exchange may know of the backend.
func (b *Backend) Dialect() *translator.Backend { return &b.Schema }
