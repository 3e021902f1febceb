package anthropic

import (
	"llmroute/translator/claude"
	"llmroute/translator/raw"
)

// Callers of OpenAI's API who know that Claude answers send fields in Anthropic's
// own words. They are taken as they are, but for what the home, the model or the
// betas of the request do not allow: an unknown field fails a request.

// ownThinking is the caller's own "thinking". Its block_binding belongs to a beta.
func (w *writer) ownThinking(own raw.Value) {
	w.thinks = own.Get("type").String() != "disabled"
	if w.thinking = string(own); !own.Get("block_binding").Is() || w.has(betaBinding) {
		return
	}
	w.trip.Warn("thinking.block_binding", "unsupported")
	w.thinking = string(without(own, "block_binding"))
}

// without returns an object without its members of that name.
func without(object raw.Value, name string) raw.Value {
	out := []byte{'{'}
	for m := object.Members(); m.Next(); {
		if string(m.Name()) == name {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		at := m.Whole()
		out = append(out, object[at.Start:at.End]...)
	}
	return append(out, '}')
}

// ownOutput takes over the caller's own "output_config": it wins over what
// reasoning_effort says, not over a response_format. What is left to be written
// as it came is returned.
func (w *writer) ownOutput(own raw.Value) (rest []raw.Span) {
	for m := own.Members(); m.Next(); {
		v, fits := m.Value(), false
		switch name := string(m.Name()); name {
		case "effort":
			if fits = w.efforts() != claude.NoEfforts && v.IsText(); fits {
				w.effort = v.String()
			}
		case "format":
			if fits = len(w.req.Format.Schema) == 0 && w.home.structured(w.trip); fits {
				rest = append(rest, m.Whole())
			}
		case "task_budget":
			if fits = w.has(betaBudget); fits {
				rest = append(rest, m.Whole())
			}
		}
		if !fits && v.Is() {
			w.trip.Warn("output_config."+string(m.Name()), "unsupported")
		}
	}
	return rest
}

// ownMark is the caller's own "cache_control" for the request as a whole, which
// marks its end. Bedrock has no such field, but its last block can be marked.
func (w *writer) ownMark(own raw.Value) {
	ttl := "5m"
	if own.Get("ttl").String() == "1h" {
		ttl = "1h"
	}
	if w.home.home != bedrock {
		w.automatic = ttl
		return
	}
	turns := w.req.Turns
	blocks := turns[len(turns)-1].Blocks
	if last := len(blocks) - 1; last >= 0 && blocks[last].Cache == "" {
		blocks[last].Cache = ttl
	}
}
