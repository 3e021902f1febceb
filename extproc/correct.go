package extproc

import (
	"fmt"
	"slices"
)

// wordless is for a reply without a body, of which the exchange may make one: an
// error that does not say which, an answer that never was. Its head must not
// leave without it.
func (x *stream) wordless() error {
	out, same, err := x.exchange.Body(x.scratch[:0], nil, true)
	if err != nil {
		return x.unreadable(err)
	}
	if !same {
		x.scratch = out
		x.out.replace, x.out.replaced, x.out.body = true, true, out
		x.out.setHeader("content-length", itoa(len(out)))
	}
	x.correct()
	return x.end()
}

func (x *stream) unreadable(err error) error {
	x.record.ErrorType = "invalid_response"
	return fmt.Errorf("reply of backend %s: %w", x.plan.Backend.ID, err)
}

// correct amends the head of a reply by what its body has told. Envoy holds the
// head of a buffered reply back for that.
func (x *stream) correct() {
	t := x.exchange.Tally()
	if len(t.Warn) > 0 {
		x.out.setHeader(headerWarnings, warnings(slices.Concat(x.edit.Warn, t.Warn)))
	}
	if t.Status == 0 {
		return
	}
	if t.Status != x.record.Status {
		x.record.Status = t.Status
		x.out.setHeader(":status", itoa(t.Status))
	}
	x.out.setHeader("content-type", "application/json")
	if t.NoRetry {
		x.out.setHeader("x-should-retry", "false")
	}
	if t.RetryAfter > 0 {
		x.out.setHeader("retry-after", itoa(t.RetryAfter))
	}
}
