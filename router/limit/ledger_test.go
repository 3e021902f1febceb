package limit

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// ledger is a sliding minute in the plainest words: every charge with its time.
type ledger struct{ entries []entry }

type entry struct {
	at time.Duration
	charges
}

func (l *ledger) used(now, width time.Duration) (used charges) {
	for _, e := range l.entries {
		if now-e.at < width {
			used.add(e.charges)
		}
	}
	return used
}

func (l *ledger) allows(now, width time.Duration, limits Limits, tokens int64) bool {
	used := l.used(now, width)
	return (limits.Requests <= 0 || used.requests+1 <= limits.Requests) &&
		(limits.Tokens <= 0 || used.tokens+tokens <= limits.Tokens)
}

func (l *ledger) remaining(now, width time.Duration, limits Limits) (requests, tokens int64) {
	used := l.used(now, width)
	if limits.Requests > 0 {
		requests = max(limits.Requests-used.requests, 0)
	}
	if limits.Tokens > 0 {
		tokens = max(limits.Tokens-used.tokens, 0)
	}
	return requests, tokens
}

// open is a ticket and what the ledger knows of it.
type open struct {
	ticket Ticket
	entry  int
}

// held holds a store to a ledger through anything that may happen, on a clock
// that the test sets.
type held struct {
	store  Store
	clock  func(time.Duration) // sets the time
	now    time.Duration
	ledger ledger
	open   []open
}

var heldKey = Key{"backend", "model"}

func (h *held) pass(d time.Duration) {
	h.now += d
	h.clock(h.now)
}

func (h *held) reserve(t *rapid.T, limits Limits, tokens int64) Verdict {
	v, err := h.store.Reserve(t.Context(), heldKey, limits, tokens)
	if err != nil {
		t.Fatal(err)
	}
	if v.Allowed {
		h.ledger.entries = append(h.ledger.entries, entry{h.now, charges{1, tokens}})
		h.open = append(h.open, open{v.Ticket, len(h.ledger.entries) - 1})
	}
	return v
}

// end ends one of the open tickets, as Settle and Cancel promise.
func (h *held) end(t *rapid.T) {
	if len(h.open) == 0 {
		return
	}
	i := rapid.IntRange(0, len(h.open)-1).Draw(t, "ticket")
	o := h.open[i]
	h.open = slices.Delete(h.open, i, i+1)
	e := &h.ledger.entries[o.entry]
	if rapid.Bool().Draw(t, "cancel") {
		e.charges = charges{}
		o.ticket.Cancel()
	} else {
		tokens := rapid.Int64Range(0, 150).Draw(t, "used")
		if more := tokens - o.ticket.Tokens(); more > 0 {
			h.ledger.entries = append(h.ledger.entries, entry{h.now, charges{0, more}})
		} else {
			e.tokens += more
		}
		o.ticket.Settle(tokens)
	}
	o.ticket.Settle(1000) // once is once
	o.ticket.Cancel()
}

// held is what a store and its ledger must agree on when every second is a step:
// all of it.
func (h *held) exactly(t *rapid.T) {
	limits := Limits{rapid.Int64Range(0, 5).Draw(t, "rpm"), rapid.Int64Range(0, 300).Draw(t, "tpm")}
	t.Repeat(map[string]func(*rapid.T){
		"pass": func(t *rapid.T) { h.pass(time.Duration(rapid.IntRange(0, 70).Draw(t, "s")) * time.Second) },
		"end":  h.end,
		"reserve": func(t *rapid.T) {
			if limits.None() {
				t.Skip("nothing to keep")
			}
			tokens := rapid.Int64Range(0, 120).Draw(t, "tokens")
			want := h.ledger.allows(h.now, Window, limits, tokens)
			v := h.reserve(t, limits, tokens)
			if v.Allowed != want {
				t.Fatalf("allowed %v, the ledger says %v", v.Allowed, want)
			}
			requests, left := h.ledger.remaining(h.now, Window, limits)
			if v.Requests.Remaining != requests || v.Tokens.Remaining != left {
				t.Fatalf("%d requests and %d tokens remain, the ledger says %d and %d",
					v.Requests.Remaining, v.Tokens.Remaining, requests, left)
			}
			h.tellsTheTime(t, &v, limits, tokens)
		},
		"reload": func(t *rapid.T) {
			limits = Limits{rapid.Int64Range(1, 5).Draw(t, "rpm"), rapid.Int64Range(1, 300).Draw(t, "tpm")}
		},
	})
}

// tellsTheTime holds what is said of the future to the ledger's future.
func (h *held) tellsTheTime(t *rapid.T, v *Verdict, limits Limits, tokens int64) {
	for _, l := range []struct {
		level Level
		only  Limits
		one   int64
	}{{v.Requests, Limits{Requests: limits.Requests}, 0}, {v.Tokens, Limits{Tokens: limits.Tokens}, 0}} {
		if l.level.Limit == 0 {
			continue
		}
		if r, k := h.ledger.remaining(h.now+l.level.Reset, Window, l.only); max(r, k) != l.level.Limit {
			t.Fatalf("after %v not all of %+v is there", l.level.Reset, l.level)
		}
		if l.level.Reset > 0 {
			if r, k := h.ledger.remaining(h.now+l.level.Reset-1, Window, l.only); max(r, k) == l.level.Limit && h.ledger.used(h.now+l.level.Reset-1, Window) == (charges{}) {
				t.Fatalf("all of %+v is there before %v", l.level, l.level.Reset)
			}
		}
	}
	if v.Allowed {
		return
	}
	oversized := limits.Tokens > 0 && tokens > limits.Tokens
	if v.Oversized != oversized || v.RetryAfter < time.Second || v.RetryAfter%time.Second != 0 {
		t.Fatalf("oversized %v, retry after %v", v.Oversized, v.RetryAfter)
	}
	if oversized {
		return
	}
	if !h.ledger.allows(h.now+v.RetryAfter, Window, limits, tokens) {
		t.Fatalf("after %v it is refused still", v.RetryAfter)
	}
	if h.ledger.allows(h.now+v.RetryAfter-time.Second, Window, limits, tokens) {
		t.Fatalf("it is allowed before %v", v.RetryAfter)
	}
}

// Anywhere between the steps a store is never more generous than the ledger, and
// never stricter than one that forgets a step later.
func (h *held) nearly(t *rapid.T) {
	limits := Limits{rapid.Int64Range(1, 20).Draw(t, "rpm"), rapid.Int64Range(1, 1000).Draw(t, "tpm")}
	t.Repeat(map[string]func(*rapid.T){
		"pass": func(t *rapid.T) {
			h.pass(time.Duration(rapid.IntRange(0, 9000).Draw(t, "ms")) * time.Millisecond)
		},
		"end": h.end,
		"reserve": func(t *rapid.T) {
			tokens := rapid.Int64Range(0, 120).Draw(t, "tokens")
			must, may := h.ledger.allows(h.now, Window+step, limits, tokens), h.ledger.allows(h.now, Window, limits, tokens)
			if v := h.reserve(t, limits, tokens); v.Allowed && !may || !v.Allowed && must {
				t.Fatalf("allowed %v, but it may %v and must %v", v.Allowed, may, must)
			}
		},
	})
}

func heldMemory() *held {
	var now time.Duration
	return &held{store: NewMemory(func() time.Duration { return now }), clock: func(d time.Duration) { now = d }}
}

func TestMemoryIsTheLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { heldMemory().exactly(t) })
}

func TestMemoryNeverOverruns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { heldMemory().nearly(t) })
}
