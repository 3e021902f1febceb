package anthropic

import (
	"slices"

	"llmroute/translator/chat"
)

// mostMarks is how many places of a request may be marked for the cache.
const mostMarks = 4

// fitMarks brings the marks into what Anthropic knows: four of them, of five
// minutes or an hour, no hour behind five minutes. Those on tools and
// instructions are used again soonest, and then the latest ones.
func (w *writer) fitMarks() {
	front, back := w.marks()
	if len(front)+len(back) == 0 {
		return
	}
	all, most := append(front, back...), mostMarks
	if w.automatic != "" {
		most-- // it is the last of them
	}
	hour := w.automatic == "1h"
	for _, mark := range slices.Backward(all) {
		switch ttl := w.life(*mark); {
		case ttl == "1h":
			hour = true
			*mark = ttl
		case hour:
			*mark = "1h"
			w.trip.Warn("prompt_cache_breakpoint", "raised_to_1h")
		default:
			*mark = ttl
		}
	}
	if len(all) <= most {
		return
	}
	w.trip.Warn("prompt_cache_breakpoint", "too_many")
	keep := min(len(front), most)
	for i, mark := range all {
		if i >= keep && i < len(all)-(most-keep) {
			*mark = ""
		}
	}
}

// life returns the life of a mark in Anthropic's words.
func (w *writer) life(ttl string) string {
	if ttl == "default" {
		ttl = w.req.CacheTTL
	}
	switch ttl {
	case "30m", "1h":
		return "1h"
	case "12h", "24h":
		w.trip.Warn("prompt_cache_breakpoint", "shortened_to_1h")
		return "1h"
	}
	return "5m"
}

// marks returns the marks in the order of the prompt: those on tools and
// instructions, and those behind.
func (w *writer) marks() (front, back []*string) {
	add := func(to *[]*string, mark *string) {
		if *mark != "" {
			*to = append(*to, mark)
		}
	}
	for i := range w.req.Tools {
		add(&front, &w.req.Tools[i].Cache)
	}
	lead := true
	for i := range w.req.Turns {
		turn := &w.req.Turns[i]
		lead = lead && turn.Role == chat.System
		to := &back
		if lead {
			to = &front
		}
		for j := range turn.Blocks {
			b := &turn.Blocks[j]
			switch b.What {
			case chat.Thinking, chat.Redacted:
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
