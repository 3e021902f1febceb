package bedrock

import (
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/claude"
)

// The efforts that are spelled alike in all families.
const (
	low    = "low"
	medium = "medium"
	high   = "high"
	xhigh  = "xhigh"
	most   = "max"
	none   = "none"
)

// unbound reports whether the model wants to reason without any limits.
func (w *writer) unbound() bool { return w.m.vendor == nova && w.novaEffort() == high }

// novaEffort returns the effort that Nova is asked for, "" for none.
func (w *writer) novaEffort() string {
	if w.m.vendor != nova || !w.m.reasons() {
		return ""
	}
	if effort, _ := nearest(w.t.Request.Effort, false); effort != none {
		return effort
	}
	return ""
}

// thinking reports whether Claude was made to think, so that nothing may be said
// of how it draws tokens.
func (w *writer) thinking() bool {
	for _, m := range w.add {
		if m.name == "thinking" {
			return m.value.Get("type").String() != "disabled"
		}
	}
	return false
}

// nearest returns the effort of those that a family has, and whether it is
// another one.
func nearest(effort string, beyond bool) (string, bool) {
	switch effort {
	case "minimal":
		return low, true
	case xhigh, most:
		if !beyond {
			return high, true
		}
	}
	return effort, false
}

// reasoning asks for an effort, in the words of the model's family.
func (w *writer) reasoning() {
	if w.m.isClaude() {
		w.think()
		return
	}
	asked := w.t.Request.Effort
	if asked == "" || !w.m.reasons() {
		return
	}
	effort, moved := nearest(asked, w.m.vendor == gpt)
	switch w.m.vendor {
	case nova:
		if effort == none {
			return // it does not reason unless it is asked to
		}
		w.add = append(w.add, member{"reasoningConfig", []byte(`{"type":"enabled","maxReasoningEffort":"` + effort + `"}`)})
	case gptOSS, kimi:
		if effort == none {
			w.t.Warn("reasoning_effort", "always_reasons")
			return
		}
		w.add = append(w.add, member{"reasoning_effort", []byte(`"` + effort + `"`)})
	case gpt:
		w.add = append(w.add, member{"reasoning", []byte(`{"effort":"` + effort + `"}`)})
	}
	if moved {
		w.t.Warn("reasoning_effort", effort)
	}
}

// think asks Claude for its thoughts.
func (w *writer) think() {
	r := &w.t.Request
	if own := r.Extension("thinking"); own.IsObject() {
		w.add = append(w.add, member{"thinking", own})
		return
	}
	switch {
	case r.Effort == "" || !w.m.reasons():
		if w.t.WantsReasoning() && w.m.claude.Has(claude.Unasked) {
			w.add = append(w.add, member{"thinking", []byte(`{"type":"adaptive","display":"summarized"}`)})
		}
	case r.Effort == none:
		w.thinkNot()
	case r.Choice.Mode == chat.Force && w.tooled && !w.m.claude.Has(claude.ConverseForced):
		w.t.Warn("reasoning_effort", "tool_choice")
	case w.m.claude.Thinking == claude.Budgeted:
		w.thinkWithin()
	default:
		w.thinkFreely()
	}
}

// thinkNot keeps Claude from thinking as far as that goes.
func (w *writer) thinkNot() {
	switch off := w.m.claude.Off; {
	case off == "":
		w.t.Warn("reasoning_effort", low)
		w.add = append(w.add, member{"output_config", []byte(`{"effort":"low"}`)})
	case w.m.claude.Has(claude.Unasked):
		w.add = append(w.add, member{"thinking", []byte(`{"type":"` + off + `"}`)})
	}
}

// thinkWithin gives a budget, as the models up to 4.5 want it.
func (w *writer) thinkWithin() {
	effort := w.m.claude.Efforts.Nearest(w.t.Request.Effort)
	budget := claude.Budget(effort)
	if limit := w.t.MaxTokens(); limit > 0 && budget >= limit {
		budget = limit - 1
	}
	switch {
	case budget < claude.LeastBudget:
		w.t.Warn("reasoning_effort", "max_tokens")
		return
	case !w.plain && w.t.Request.ReasoningLost():
		// The thoughts that led to the call are gone, and the model would miss them.
		w.t.Warn("reasoning_effort", "reasoning_lost")
		return
	case w.begun():
		// An answer that goes on would have to go on with its thoughts.
		w.t.Warn("reasoning_effort", "answer_begun")
		return
	case effort != w.t.Request.Effort:
		w.t.Warn("reasoning_effort", effort)
	}
	w.add = append(w.add, member{"thinking", append(strconv.AppendInt([]byte(`{"type":"enabled","budget_tokens":`), budget, 10), '}')})
}

// thinkFreely gives an effort, as the models from 4.6 on want it.
func (w *writer) thinkFreely() {
	effort := w.m.claude.Efforts.Nearest(w.t.Request.Effort)
	if effort != w.t.Request.Effort {
		w.t.Warn("reasoning_effort", effort)
	}
	w.t.MissReasoning()
	thinking := `{"type":"adaptive"}`
	if w.m.claude.Has(claude.Hidden) && w.t.WantsReasoning() {
		thinking = `{"type":"adaptive","display":"summarized"}`
	}
	w.add = append(w.add,
		member{"thinking", []byte(thinking)},
		member{"output_config", []byte(`{"effort":"` + effort + `"}`)})
}

// begun reports whether the last message is an answer that is to go on.
func (w *writer) begun() bool {
	turns := w.t.Request.Turns
	return len(turns) > 0 && turns[len(turns)-1].Role == chat.Assistant
}
