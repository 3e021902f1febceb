package limit

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// settlement is the end of a ticket on its way to the server.
type settlement struct {
	ticket           Ticket
	requests, tokens int64
	unknown          bool // whether it was reserved at all
	since            time.Time
}

const (
	// mostSettlements is how many wait while the server is down, the latest of
	// them. More are lost: what they would have given back comes back with time.
	mostSettlements = 1 << 16

	// settlers is how many are under way at once; they share connections.
	settlers = 8
)

// settlements sends ends in the background, so that nobody waits for them.
type settlements struct {
	redis   *Redis
	queue   chan settlement
	mu      sync.RWMutex // held to add; to close
	closed  bool
	ctx     context.Context // ends with the patience of Close
	give    context.CancelFunc
	workers sync.WaitGroup
	lost    atomic.Int64
	pending atomic.Int64 // in the queue or under way
}

func (s *settlements) start(r *Redis) {
	s.redis = r
	s.queue = make(chan settlement, mostSettlements)
	s.ctx, s.give = context.WithCancel(context.Background())
	for range settlers {
		s.workers.Go(func() {
			for end := range s.queue {
				s.send(end)
				s.pending.Add(-1)
			}
		})
	}
}

// settle implements settler.
func (r *Redis) settle(t Ticket, requests, tokens int64) {
	r.ends.add(settlement{t, requests, tokens, false, time.Now()})
}

func (s *settlements) add(end settlement) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		s.lost.Add(1)
		return
	}
	s.pending.Add(1)
	for {
		select {
		case s.queue <- end:
			return
		default:
		}
		select {
		case <-s.queue: // the oldest; its charge is the next to be forgotten
			s.lost.Add(1)
			s.pending.Add(-1)
		default:
		}
	}
}

// send tries until the server has answered. A ticket ends once, however often it
// is sent, so an answer that got lost does no harm. What would only be given back
// is given up when its charge has left the window.
func (s *settlements) send(end settlement) {
	r := s.redis
	args := r.settlement(end.requests, end.tokens, end.unknown)
	for ; ; s.pause() {
		if end.tokens <= 0 && time.Since(end.since) > r.width {
			return
		}
		if r.breaker.wait(s.ctx) != nil {
			s.lost.Add(1)
			return
		}
		ctx, cancel := context.WithTimeout(s.ctx, r.options.Timeout)
		err := r.scripts.settle.Exec(ctx, *r.live.Load(), end.ticket.keys(), args).Error()
		cancel()
		if err == nil {
			r.breaker.succeeded()
			return
		}
		if s.ctx.Err() == nil {
			r.breaker.failed(err)
		}
	}
}

// settlement returns the arguments of its script.
func (r *Redis) settlement(requests, tokens int64, unknown bool) []string {
	refused := time.Duration(0)
	if unknown {
		refused = r.width
	}
	return []string{milliseconds(r.width), number(requests), number(tokens), milliseconds(refused)}
}

// pause keeps a server that refuses from being asked all the time.
func (s *settlements) pause() {
	select {
	case <-time.After(probePause):
	case <-s.ctx.Done():
	}
}

// close sends what is left.
func (s *settlements) close(ctx context.Context) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.queue)
	s.mu.Unlock()
	stop := context.AfterFunc(ctx, s.give)
	s.workers.Wait()
	stop()
	s.give()
	if n := s.lost.Load(); n > 0 {
		return fmt.Errorf("settle requests: %d could not be settled; their reservations count for a minute", n)
	}
	return nil
}
