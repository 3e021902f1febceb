// Package fakellmtest starts the embedded provider for a test, and remembers what
// it received.
package fakellmtest

import (
	"context"
	"maps"
	"net"
	"sync"
	"testing"

	"llmroute/internal/fakellm"
)

// Provider is a provider that runs as long as its test.
type Provider struct {
	*Recorder
	Address string // host and port
	URL     string // without a path
	Gate    *fakellm.Gate
}

// Start starts a provider on a free port of the loopback, and stops it when the
// test is over. It records up to keep requests. The provider gets a gate if o has
// none; o.Observe is called too.
func Start(tb testing.TB, keep int, o fakellm.Options) *Provider {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return StartOn(tb, l, keep, o)
}

// StartOn is Start on a listener of the test's own, one with TLS for example.
func StartOn(tb testing.TB, l net.Listener, keep int, o fakellm.Options) *Provider {
	tb.Helper()
	if o.Gate == nil {
		o.Gate = fakellm.NewGate()
	}
	p := &Provider{Recorder: NewRecorder(keep), Gate: o.Gate, Address: l.Addr().String(), URL: "http://" + l.Addr().String()}
	also := o.Observe
	o.Observe = func(q *fakellm.Request) {
		p.Observe(q)
		if also != nil {
			also(q)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- fakellm.Serve(ctx, l, fakellm.New(o)) }()
	tb.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			tb.Errorf("stop: %v", err)
		}
	})
	return p
}

// Recorder remembers the last requests that a provider received, and counts all.
// It is for concurrent use; its Observe goes into [fakellm.Options].
type Recorder struct {
	mu      sync.Mutex
	keep    int
	last    []*fakellm.Request // a ring once it is full
	next    int
	counts  Counts
	changed chan struct{} // closed and renewed with each request
}

// Counts tell how many requests there were, in all and by what they said.
type Counts struct {
	Total            int
	Model, Host, Key map[string]int
}

// NewRecorder returns a recorder of up to keep requests, at least one. Their
// bodies stay in memory as long.
func NewRecorder(keep int) *Recorder {
	r := &Recorder{keep: max(keep, 1)}
	r.Reset()
	return r
}

// Observe records a request.
func (r *Recorder) Observe(q *fakellm.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.last) < r.keep {
		r.last = append(r.last, q)
	} else {
		r.last[r.next] = q
		r.next = (r.next + 1) % r.keep
	}
	r.counts.Total++
	r.counts.Model[q.Model]++
	r.counts.Host[q.Host]++
	r.counts.Key[q.Key]++
	close(r.changed)
	r.changed = make(chan struct{})
}

// Requests returns the requests that are remembered, the oldest first.
func (r *Recorder) Requests() []*fakellm.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(append(make([]*fakellm.Request, 0, len(r.last)), r.last[r.next:]...), r.last[:r.next]...)
}

// Last returns the newest request, or nil before the first.
func (r *Recorder) Last() *fakellm.Request {
	if list := r.Requests(); len(list) > 0 {
		return list[len(list)-1]
	}
	return nil
}

// Counts returns what was counted since the start, or since Reset.
func (r *Recorder) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.counts
	c.Model, c.Host, c.Key = maps.Clone(c.Model), maps.Clone(c.Host), maps.Clone(c.Key)
	return c
}

// Wait returns when there have been n requests since the start, or since Reset,
// and an error when ctx ends before.
func (r *Recorder) Wait(ctx context.Context, n int) error {
	for {
		r.mu.Lock()
		total, changed := r.counts.Total, r.changed
		r.mu.Unlock()
		if total >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Reset forgets everything.
func (r *Recorder) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last, r.next = nil, 0
	r.counts = Counts{Model: map[string]int{}, Host: map[string]int{}, Key: map[string]int{}}
	if r.changed != nil {
		close(r.changed)
	}
	r.changed = make(chan struct{})
}
