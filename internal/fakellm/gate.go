package fakellm

import "context"

// Gate lets a test decide when a stream goes on. A stream of a model with the
// fault "gate" stops at it before its second event, a plain answer before its
// headers. It may be shared by any number of streams, which it lets through one
// for each Release.
type Gate struct {
	passes  chan struct{}
	reached chan struct{}
}

// maxGate bounds the releases, and the arrivals, that nobody has taken yet.
const maxGate = 1024

// NewGate returns a closed gate.
func NewGate() *Gate {
	return &Gate{passes: make(chan struct{}, maxGate), reached: make(chan struct{}, maxGate)}
}

// Reached returns a channel that receives a value for each stream that arrives
// at the gate.
func (g *Gate) Reached() <-chan struct{} { return g.reached }

// Release lets one stream through: one that waits or, when none does, the next.
func (g *Gate) Release() { g.passes <- struct{}{} }

func (g *Gate) wait(ctx context.Context) error {
	select {
	case g.reached <- struct{}{}:
	default: // nobody is counting
	}
	select {
	case <-g.passes:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
