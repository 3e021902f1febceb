// Package limit keeps what may be asked of a model per minute: requests and
// tokens, for each backend and model.
//
// A request is charged before it is sent: itself, its prompt, and all the output
// that it allows. When its end is known, Settle gives back what was not used, or
// charges what was used beyond it. Both units are decided at once, so a refused
// request costs nothing, and concurrent ones cannot share a budget's last unit.
//
// The minute slides: no more than the limit is admitted within any sixty
// seconds, wherever they begin. Charges are remembered in steps of a second, and
// a step is forgotten sixty seconds after the last charge in it. That may keep a
// charge for up to a second longer than it must, and never shorter. What is
// remembered of a key is therefore bounded by the clock (61 steps), not by the
// limit, and a key without charges is forgotten.
//
// Limits come with each call and budgets are kept by name, so that a reload of
// the configuration changes the one and not the other.
package limit

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"time"
)

// Window is the time that limits are for.
const Window = time.Minute

// step is how finely charges are remembered.
const step = time.Second

// ErrUnavailable is the error of Reserve when nobody knows the budgets and no
// request may pass without them.
var ErrUnavailable = errors.New("limits are unavailable")

// Key names a budget. Both parts are names from the configuration; whoever lets
// clients choose them lets clients fill the memory.
type Key struct{ Backend, Model string }

// Limits are what a key may use per minute. Zero, or less, is no limit.
type Limits struct{ Requests, Tokens int64 }

// None reports whether there is nothing to keep.
func (l Limits) None() bool { return l.Requests <= 0 && l.Tokens <= 0 }

// Unit says what a limit is counted in.
type Unit uint8

// The units.
const (
	Requests Unit = iota
	Tokens
)

// String returns "requests" or "tokens".
func (u Unit) String() string {
	if u == Tokens {
		return "tokens"
	}
	return "requests"
}

// Level is how one unit of a budget stands.
type Level struct {
	Limit     int64         // 0: no limit, and the rest says nothing
	Remaining int64         // never below 0
	Reset     time.Duration // until all of Limit is there again, if nothing is asked meanwhile
}

// ResetText returns Reset as OpenAI writes it: "1s", "6m0s", "850ms".
func (l Level) ResetText() string { return l.Reset.Round(time.Millisecond).String() }

// Verdict is what became of a reservation.
type Verdict struct {
	Allowed bool

	Requests, Tokens Level // after the decision

	// Of a refusal: what ran out, and when to try again, in whole seconds and at
	// least one. Of two exhausted units it is the one that takes longer.
	Unit       Unit
	RetryAfter time.Duration

	// Oversized is a refusal that no waiting changes: the request alone is beyond
	// the limit.
	Oversized bool

	// Ticket is to be settled or canceled when the request is Allowed.
	Ticket Ticket
}

// Limit returns the level of the unit that ran out.
func (v *Verdict) Limit() Level {
	if v.Unit == Tokens {
		return v.Tokens
	}
	return v.Requests
}

// Headers yields the response headers that tell a client where it stands, in
// OpenAI's names and formats: x-ratelimit-* of each unit that is limited, and
// retry-after of a refusal. The zero Verdict, of a model without limits, has none.
func (v *Verdict) Headers() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		_ = v.Requests.headers(yield, "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests") &&
			v.Tokens.headers(yield, "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens") &&
			v.RetryAfter > 0 && yield("retry-after", strconv.FormatInt(int64(v.RetryAfter/time.Second), 10))
	}
}

func (l Level) headers(yield func(name, value string) bool, limit, remaining, reset string) bool {
	return l.Limit <= 0 ||
		yield(limit, strconv.FormatInt(l.Limit, 10)) &&
			yield(remaining, strconv.FormatInt(l.Remaining, 10)) &&
			yield(reset, l.ResetText())
}

// Ticket is an admitted request whose end is not yet known. It belongs to one
// goroutine at a time, and is not to be copied once it may be settled. The zero
// Ticket has nothing to settle.
type Ticket struct {
	store  settler // nil: nothing to settle
	key    Key
	id     string        // at stores that others write to as well
	slot   time.Duration // names what holds the charge
	tokens int64
}

// settler ends tickets; a ticket goes back to whoever wrote it. It takes a copy,
// for a pointer would send every Ticket to the heap.
type settler interface {
	settle(t Ticket, requests, tokens int64)
}

// Open reports whether t has yet to be settled.
func (t *Ticket) Open() bool { return t.store != nil }

// Tokens returns what is reserved: the settlement of a request whose usage
// nobody tells.
func (t *Ticket) Tokens() int64 { return t.tokens }

// Settle ends the request: it used that many tokens, 0 when its answer came from
// a cache. What was reserved beyond them is given back; what was used beyond the
// reservation is charged now, and may leave the budget overdrawn. It does so
// once: a settled Ticket is closed, and to settle it again does nothing. It does
// not wait for anybody.
func (t *Ticket) Settle(tokens int64) { t.end(0, bounded(tokens)-t.tokens) }

// Cancel ends a request that was never sent: it gives back all of it, the request
// included.
func (t *Ticket) Cancel() { t.end(-1, -t.tokens) }

func (t *Ticket) end(requests, tokens int64) {
	if store := t.store; store != nil {
		t.store = nil
		store.settle(*t, requests, tokens)
	}
}

// Store keeps budgets. It may be used concurrently.
type Store interface {
	// Reserve charges key one request and that many tokens, or refuses and charges
	// nothing. An error means that the budgets cannot be known and that no request
	// may pass without: it wraps ErrUnavailable. Without limits it allows at once.
	Reserve(ctx context.Context, key Key, limits Limits, tokens int64) (Verdict, error)

	// Close waits, as long as ctx lasts, for settlements that are under way.
	// Nothing may be reserved after it; tickets may still be settled, in vain.
	Close(ctx context.Context) error
}

// retryAfter rounds up to whole seconds, and to one.
func retryAfter(d time.Duration) time.Duration {
	return max((d + time.Second - 1).Truncate(time.Second), time.Second)
}

// bounded keeps what others say within what can be summed, here and in Lua's
// doubles.
func bounded(tokens int64) int64 { return min(max(tokens, 0), 1<<50) }
