package limit

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// tolerated is how many failures in a row open a breaker.
const tolerated = 3

// breaker keeps requests from waiting for a server that does not answer. It
// opens after some failures in a row, and then asks the server itself, now and
// then, until it answers again: no request is spent on finding out.
type breaker struct {
	probe   func(context.Context) error // asks the server
	pause   time.Duration               // between two probes
	changed func(error)                 // told when it opens, and when it closes: nil

	failures atomic.Int32
	open     atomic.Bool

	mu      sync.Mutex
	cause   error         // why it is open
	closed  chan struct{} // closed while the breaker is
	ctx     context.Context
	cancel  context.CancelFunc
	probing sync.WaitGroup
}

func newBreaker(probe func(context.Context) error, pause time.Duration, changed func(error)) *breaker {
	b := &breaker{probe: probe, pause: pause, changed: changed, closed: make(chan struct{})}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	close(b.closed)
	return b
}

// succeeded is told of every answer.
func (b *breaker) succeeded() {
	if b.failures.Load() != 0 {
		b.failures.Store(0)
	}
}

// failed is told of everything else.
func (b *breaker) failed(err error) {
	if b.failures.Add(1) >= tolerated {
		b.trip(err)
	}
}

// trip opens the breaker at once.
func (b *breaker) trip(err error) {
	b.mu.Lock()
	if b.open.Load() || b.ctx.Err() != nil {
		b.mu.Unlock()
		return
	}
	b.cause = err
	b.closed = make(chan struct{})
	b.open.Store(true)
	b.probing.Go(func() { b.mend(err) })
	b.mu.Unlock()
}

// mend probes until the server answers, and closes the breaker then.
func (b *breaker) mend(err error) {
	if b.changed != nil {
		b.changed(err)
	}
	timer := time.NewTimer(b.pause)
	defer timer.Stop()
	for b.probe(b.ctx) != nil {
		timer.Reset(b.pause)
		select {
		case <-b.ctx.Done():
			return
		case <-timer.C:
		}
	}
	b.failures.Store(0)
	b.mu.Lock()
	b.cause = nil
	b.open.Store(false)
	close(b.closed)
	b.mu.Unlock()
	if b.changed != nil {
		b.changed(nil)
	}
}

// err returns why the breaker is open, nil when it is not.
func (b *breaker) err() error {
	if !b.open.Load() {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cause
}

// wait returns when the breaker is closed, or with ctx.
func (b *breaker) wait(ctx context.Context) error {
	b.mu.Lock()
	closed := b.closed
	b.mu.Unlock()
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop ends the probing. Whoever waits goes on waiting for its own end.
func (b *breaker) stop() {
	b.mu.Lock() // nobody starts to probe from here on
	b.cancel()
	b.mu.Unlock()
	b.probing.Wait()
}
