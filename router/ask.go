// Package router decides what should happen to a request: which route and rule
// match it, which backend takes it, under which name and with which credential.
//
// It compiles a checked configuration once into an immutable Snapshot and answers
// from that, safely from any number of goroutines. It emulates the Gateway API,
// because Envoy takes its own routing decision after translation, too late for us.
// It sees no protobuf; of bodies it knows how long they may be.
package router

// Ask is what routing may know of a request. Strings are borrowed: a Plan that
// outlives the request copies what it keeps.
type Ask struct {
	Host    string // the authority as the client sent it, perhaps with a port
	Method  string
	Path    string // without the query
	Query   string // raw, without "?"
	Model   string // from the body, after nothing else; "" when the body names none
	Stream  bool
	Headers Headers
}

// Headers answers the only question routing asks of a request's headers.
type Headers interface {
	// Has reports whether any field of the lower-case name has exactly this value.
	Has(name, value string) bool
}
