package limit

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func mustReserve(t testing.TB, s Store, key Key, limits Limits, tokens int64) Verdict {
	t.Helper()
	v, err := s.Reserve(t.Context(), key, limits, tokens)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// fakeClock is a time that tests set; it may be read concurrently.
type fakeClock struct{ ns atomic.Int64 }

func (c *fakeClock) now() time.Duration   { return time.Duration(c.ns.Load()) }
func (c *fakeClock) pass(d time.Duration) { c.ns.Add(int64(d)) }

func TestThirdOfTwoWaits(t *testing.T) {
	var clock fakeClock
	m := NewMemory(clock.now)
	limits := Limits{Requests: 2}
	for range 2 {
		if v := mustReserve(t, m, heldKey, limits, 10); !v.Allowed {
			t.Fatal("refused within the limit")
		}
		clock.pass(300 * time.Millisecond)
	}
	v := mustReserve(t, m, heldKey, limits, 10)
	want := map[string]string{
		"x-ratelimit-limit-requests": "2", "x-ratelimit-remaining-requests": "0",
		"x-ratelimit-reset-requests": "59.7s", "retry-after": "60",
	}
	if diff := cmp.Diff(maps.Collect(v.Headers()), want); diff != "" {
		t.Error(diff)
	}
	if v.Allowed || v.Oversized || v.Unit != Requests || v.Ticket.Open() {
		t.Errorf("the third: %+v", v)
	}
	clock.pass(v.RetryAfter)
	if v := mustReserve(t, m, heldKey, limits, 10); !v.Allowed {
		t.Error("refused after the time it was told to wait")
	}
}

func TestARequestBeyondTheLimitLocksNothing(t *testing.T) {
	m := NewMemory(nil)
	limits := Limits{Requests: 5, Tokens: 100}
	for range 3 {
		v := mustReserve(t, m, heldKey, limits, 101)
		if v.Allowed || !v.Oversized || v.Unit != Tokens || v.RetryAfter < time.Second {
			t.Fatalf("101 of 100: %+v", v)
		}
	}
	v := mustReserve(t, m, heldKey, limits, 100)
	if !v.Allowed || v.Requests.Remaining != 4 || v.Tokens.Remaining != 0 {
		t.Errorf("100 of 100: %+v", v)
	}
}

func TestKeysAreApart(t *testing.T) {
	m := NewMemory(nil)
	limits := Limits{Requests: 1}
	for _, key := range []Key{{"a", "m"}, {"a", "n"}, {"b", "m"}, {"a/m", ""}} {
		if !mustReserve(t, m, key, limits, 0).Allowed || mustReserve(t, m, key, limits, 0).Allowed {
			t.Errorf("%+v is not on its own", key)
		}
	}
}

func TestSettlement(t *testing.T) {
	limits := Limits{Requests: 10, Tokens: 100}
	tests := []struct {
		name             string
		after            time.Duration
		end              func(*Ticket)
		requests, tokens int64 // what remains
	}{
		{"all used", 0, func(t *Ticket) { t.Settle(60) }, 9, 40},
		{"less used", 0, func(t *Ticket) { t.Settle(10) }, 9, 90},
		{"from the cache", 0, func(t *Ticket) { t.Settle(0) }, 9, 100},
		{"more used", 0, func(t *Ticket) { t.Settle(80) }, 9, 20},
		{"far more used", 0, func(t *Ticket) { t.Settle(8000) }, 9, 0},
		{"never sent", 0, func(t *Ticket) { t.Cancel() }, 10, 100},
		{"twice", 0, func(t *Ticket) { t.Settle(10); t.Settle(10); t.Cancel() }, 9, 90},
		{"less used, late", 2 * time.Minute, func(t *Ticket) { t.Settle(10) }, 10, 100},
		{"more used, late", 2 * time.Minute, func(t *Ticket) { t.Settle(80) }, 10, 80},
		{"nonsense", 0, func(t *Ticket) { t.Settle(-5) }, 9, 100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var clock fakeClock
			m := NewMemory(clock.now)
			v := mustReserve(t, m, heldKey, limits, 60)
			clock.pass(tt.after)
			tt.end(&v.Ticket)
			probe := mustReserve(t, m, heldKey, limits, 1000) // refused, so it only looks
			if probe.Requests.Remaining != tt.requests || probe.Tokens.Remaining != tt.tokens {
				t.Errorf("%d requests and %d tokens remain, want %d and %d",
					probe.Requests.Remaining, probe.Tokens.Remaining, tt.requests, tt.tokens)
			}
		})
	}
}

// hammerOne sends fifty at once at a budget of one.
func hammerOne(t *testing.T, stores ...Store) {
	t.Helper()
	var allowed atomic.Int64
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range 50 {
		group.Go(func() {
			<-start
			v, err := stores[i%len(stores)].Reserve(t.Context(), heldKey, Limits{Requests: 1}, 5)
			if err != nil {
				t.Error(err)
			} else if v.Allowed {
				allowed.Add(1)
			}
		})
	}
	close(start)
	group.Wait()
	if n := allowed.Load(); n != 1 {
		t.Errorf("%d of 50 passed a limit of 1", n)
	}
}

// hammerAborted reserves and ends a thousand requests at random, from many
// sides, and returns what they used.
func hammerAborted(t *testing.T, stores ...Store) (used charges) {
	t.Helper()
	var mu sync.Mutex
	var group sync.WaitGroup
	for worker := range 20 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker)))
			for range 50 {
				v, err := stores[random.IntN(len(stores))].Reserve(t.Context(), heldKey, Limits{2000, 1 << 40}, random.Int64N(1000))
				if err != nil || !v.Allowed {
					t.Errorf("%+v, %v", v, err)
					return
				}
				d := charges{1, random.Int64N(1500)}
				if random.IntN(3) == 0 {
					d = charges{}
					v.Ticket.Cancel()
				} else {
					v.Ticket.Settle(d.tokens)
				}
				mu.Lock()
				used.add(d)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return used
}

func TestHammer(t *testing.T) {
	var clock fakeClock
	hammerOne(t, NewMemory(clock.now))
	m := NewMemory(clock.now)
	used := hammerAborted(t, m)
	probe := mustReserve(t, m, heldKey, Limits{2000, 1 << 40}, 1<<41)
	if got := (charges{2000 - probe.Requests.Remaining, 1<<40 - probe.Tokens.Remaining}); got != used {
		t.Errorf("%+v used, the ledger says %+v", got, used)
	}
}

func TestIdleKeysAreForgotten(t *testing.T) {
	var clock fakeClock
	m := NewMemory(clock.now)
	for i := range 10000 {
		mustReserve(t, m, Key{"b", fmt.Sprint(i)}, Limits{Requests: 1}, 0)
	}
	clock.pass(2 * Window)
	for i := range 100 * shards { // enough to come by every shard
		mustReserve(t, m, Key{"c", fmt.Sprint(i)}, Limits{Requests: 1}, 0)
	}
	n := 0
	for i := range m.shards {
		n += len(m.shards[i].windows)
	}
	if n > 100*shards {
		t.Errorf("%d keys are remembered, %d are alive", n, 100*shards)
	}
}

// What is remembered of a key does not grow with its limit.
func TestWindowIsBounded(t *testing.T) {
	var clock fakeClock
	m := NewMemory(clock.now)
	for range 100_000 {
		mustReserve(t, m, heldKey, Limits{Requests: 1 << 40}, 1)
		clock.pass(3 * time.Millisecond)
	}
	if w := m.shard(heldKey).windows[heldKey]; len(w.slots) > 61 || cap(w.slots) > 128 {
		t.Errorf("%d slots in room for %d", len(w.slots), cap(w.slots))
	}
}

func TestMemoryDoesNotAllocate(t *testing.T) {
	m := NewMemory(nil)
	n := testing.AllocsPerRun(1000, func() {
		v, _ := m.Reserve(t.Context(), heldKey, Limits{Requests: 1 << 40, Tokens: 1 << 40}, 100)
		v.Ticket.Settle(50)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestHeaders(t *testing.T) {
	v := Verdict{Allowed: true, Requests: Level{60, 59, time.Second}, Tokens: Level{150000, 149984, 6 * time.Minute}}
	want := map[string]string{
		"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "1s",
		"x-ratelimit-limit-tokens": "150000", "x-ratelimit-remaining-tokens": "149984", "x-ratelimit-reset-tokens": "6m0s",
	}
	if diff := cmp.Diff(maps.Collect(v.Headers()), want); diff != "" {
		t.Error(diff)
	}
	for range v.Headers() { // a reader may leave early
		break
	}
	for name := range new(Verdict).Headers() { // a model without limits
		t.Error(name)
	}
}

func BenchmarkMemory(b *testing.B) {
	m := NewMemory(nil)
	limits := Limits{Requests: 1 << 40, Tokens: 1 << 40}
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			v, _ := m.Reserve(b.Context(), heldKey, limits, 100)
			v.Ticket.Settle(50)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		var n atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			key := Key{"b", fmt.Sprint(n.Add(1))}
			for pb.Next() {
				v, _ := m.Reserve(b.Context(), key, limits, 100)
				v.Ticket.Settle(50)
			}
		})
	})
}
