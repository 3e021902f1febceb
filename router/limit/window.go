package limit

import "time"

// charges are what was used, in both units.
type charges struct{ requests, tokens int64 }

func (c *charges) add(d charges) {
	c.requests += d.requests
	c.tokens += d.tokens
}

// slot holds the charges of one step. Its first charge names it.
type slot struct {
	first, last time.Duration
	charges
}

// window is what a key has used within the last minute. Times are those of a
// clock that never goes back. The Lua script of Redis is this file once more.
type window struct {
	slots []slot // oldest first
	used  charges
}

// slide forgets what is a minute old.
func (w *window) slide(now, width time.Duration) {
	n := 0
	for n < len(w.slots) && now-w.slots[n].last >= width {
		w.used.requests -= w.slots[n].requests
		w.used.tokens -= w.slots[n].tokens
		n++
	}
	if n > 0 {
		w.slots = append(w.slots[:0], w.slots[n:]...)
	}
}

// charge adds d to what is used now, and returns the name of its slot.
func (w *window) charge(now time.Duration, d charges) time.Duration {
	w.used.add(d)
	if n := len(w.slots); n > 0 && now-w.slots[n-1].first < step {
		s := &w.slots[n-1]
		s.last = now
		s.add(d)
		return s.first
	}
	w.slots = append(w.slots, slot{now, now, d})
	return now
}

// refund takes d off the slot of that name; a slot that has left the window
// took it along.
func (w *window) refund(name time.Duration, d charges) {
	for i := len(w.slots) - 1; i >= 0 && w.slots[i].first >= name; i-- {
		if s := &w.slots[i]; s.first == name {
			s.add(d)
			w.used.add(d)
		}
	}
}

// wait returns how long it takes until no more than free of a unit are used, of
// which used are now: the whole window if that is never so.
func (w *window) wait(now, width time.Duration, unit Unit, used, free int64) time.Duration {
	if used <= free {
		return 0
	}
	for i := range w.slots {
		if used -= w.slots[i].of(unit); used <= free {
			return w.slots[i].last + width - now
		}
	}
	return width
}

func (c *charges) of(unit Unit) int64 {
	if unit == Tokens {
		return c.tokens
	}
	return c.requests
}

// reserve decides on a request that costs c.
func (w *window) reserve(now, width time.Duration, limits Limits, c charges) (v Verdict, name time.Duration) {
	w.slide(now, width)
	v.Allowed = true
	for unit, limit := range [...]int64{Requests: limits.Requests, Tokens: limits.Tokens} {
		unit := Unit(unit)
		cost := c.of(unit)
		if limit <= 0 || w.used.of(unit) <= limit-cost {
			continue
		}
		wait := retryAfter(w.wait(now, width, unit, w.used.of(unit), limit-cost))
		if wait > v.RetryAfter {
			v.Unit, v.RetryAfter = unit, wait
		}
		v.Oversized = v.Oversized || cost > limit
		v.Allowed = false
	}
	if v.Allowed {
		name = w.charge(now, c)
	}
	v.Requests = w.level(now, width, Requests, limits.Requests)
	v.Tokens = w.level(now, width, Tokens, limits.Tokens)
	return v, name
}

func (w *window) level(now, width time.Duration, unit Unit, limit int64) Level {
	if limit <= 0 {
		return Level{}
	}
	used := w.used.of(unit)
	return Level{Limit: limit, Remaining: max(limit-used, 0), Reset: w.wait(now, width, unit, used, 0)}
}
