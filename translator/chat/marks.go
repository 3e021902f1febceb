package chat

import "slices"

// mostMarks is how many places of a request may be marked for the cache, at all
// homes of Claude and for Nova.
const mostMarks = 4

// FitMarks brings the marks into what those take that are told what to keep: four
// of them, of five minutes or an hour, no hour behind five minutes. Each says "5m"
// or "1h" then. Those on tools and instructions are used again soonest, and then
// the latest ones. Hour says whether there is an hour at all; end, where it is not
// empty, is the life of one more mark, at the end of the request.
func (t *Trip) FitMarks(hour bool, end string) {
	front, back := t.Request.marks()
	all, most := append(front, back...), mostMarks
	if len(all) == 0 {
		return
	}
	if end != "" {
		most--
	}
	long := end == "1h"
	for _, mark := range slices.Backward(all) {
		life := t.life(*mark, hour)
		switch {
		case life == "1h":
			long = true
		case long:
			life = "1h"
			t.Warn("prompt_cache_breakpoint", "raised_to_1h")
		}
		*mark = life
	}
	if len(all) <= most {
		return
	}
	t.Warn("prompt_cache_breakpoint", "too_many")
	keep := min(len(front), most)
	for i, mark := range all {
		if i >= keep && i < len(all)-(most-keep) {
			*mark = ""
		}
	}
}

// life returns the life of a mark: "5m" or, where there is such, "1h".
func (t *Trip) life(ttl string, hour bool) string {
	if ttl == "default" {
		ttl = t.Request.CacheTTL
	}
	switch {
	case ttl == "" || ttl == "default" || ttl == "5m":
		return "5m"
	case !hour:
		t.Warn("prompt_cache_breakpoint", "ttl_5m")
		return "5m"
	case ttl == "30m" || ttl == "1h":
		return "1h"
	case ttl == "12h" || ttl == "24h":
		t.Warn("prompt_cache_breakpoint", "shortened_to_1h")
		return "1h"
	}
	return "5m"
}

// marks returns the marks in the order of the prompt: those on tools and
// instructions, and those behind.
func (r *Request) marks() (front, back []*string) {
	add := func(to *[]*string, mark *string) {
		if *mark != "" {
			*to = append(*to, mark)
		}
	}
	for i := range r.Tools {
		add(&front, &r.Tools[i].Cache)
	}
	lead := true
	for i := range r.Turns {
		turn := &r.Turns[i]
		lead = lead && turn.Role == System
		to := &back
		if lead {
			to = &front
		}
		for j := range turn.Blocks {
			b := &turn.Blocks[j]
			switch b.What {
			case Thinking, Redacted:
				b.Cache = ""
			}
			for k := range b.Blocks {
				if m := &b.Blocks[k].Cache; *m != "" {
					b.Cache, *m = *m, "" // a part of a result cannot be marked by itself
				}
			}
			add(to, &b.Cache)
		}
	}
	return front, back
}
