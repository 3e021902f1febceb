package limit

import (
	"context"
	"hash/maphash"
	"sync"
	"time"
)

// shards is how many keys can be decided on at once, at best.
const shards = 16

// Memory keeps budgets in this process: another one has its own. Create it with
// NewMemory.
type Memory struct {
	now    func() time.Duration
	width  time.Duration
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu      sync.Mutex
	windows map[Key]*window
	swept   time.Duration
	_       [64]byte // keeps neighbours' locks off one cache line
}

// NewMemory returns an empty Memory. now tells a time that never goes back; nil
// is the machine's clock.
func NewMemory(now func() time.Duration) *Memory {
	if now == nil {
		start := time.Now()
		now = func() time.Duration { return time.Since(start) }
	}
	m := &Memory{now: now, width: Window, seed: maphash.MakeSeed()}
	for i := range m.shards {
		m.shards[i].windows = make(map[Key]*window)
	}
	return m
}

// Reserve implements Store. It never fails, and allocates only when a key is new
// or busier than before.
func (m *Memory) Reserve(_ context.Context, key Key, limits Limits, tokens int64) (Verdict, error) {
	if limits.None() {
		return Verdict{Allowed: true}, nil
	}
	c := charges{1, bounded(tokens)}
	s := m.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := m.now() // within the lock, so that a window sees time pass in order
	s.sweep(now, m.width)
	v, name := s.window(key).reserve(now, m.width, limits, c)
	if v.Allowed {
		v.Ticket = Ticket{store: m, key: key, slot: name, tokens: c.tokens}
	}
	return v, nil
}

func (m *Memory) settle(t Ticket, requests, tokens int64) {
	if requests == 0 && tokens == 0 {
		return
	}
	s := m.shard(t.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := m.now()
	if tokens > 0 {
		w := s.window(t.key)
		w.slide(now, m.width)
		w.charge(now, charges{0, tokens})
		tokens = 0
	}
	if w := s.windows[t.key]; w != nil {
		w.refund(t.slot, charges{requests, tokens})
	}
}

// Close implements Store. There is nothing to wait for.
func (m *Memory) Close(context.Context) error { return nil }

func (m *Memory) shard(key Key) *shard {
	return &m.shards[maphash.Comparable(m.seed, key)%shards]
}

func (s *shard) window(key Key) *window {
	w := s.windows[key]
	if w == nil {
		w = new(window)
		s.windows[key] = w
	}
	return w
}

// sweep forgets the keys that are idle, about once per window.
func (s *shard) sweep(now, width time.Duration) {
	if now-s.swept < width {
		return
	}
	s.swept = now
	for key, w := range s.windows {
		if w.slide(now, width); len(w.slots) == 0 {
			delete(s.windows, key)
		}
	}
}
