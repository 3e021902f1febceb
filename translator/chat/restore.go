package chat

import (
	"slices"

	"llmroute/translator/raw"
)

// Restorer gives back to an answer what the request was made to stand for: the
// client's names of tools, tools that take text, and the form of the answer that
// was a tool to the backend. It is for one answer.
//
// The zero value with Trip set is ready to use.
type Restorer struct {
	Trip *Trip

	kept  []kept
	out   []Event
	calls []int // how many there were, by choice
	forms []form
}

// form is a call of the tool that stood for the form of the answer.
type form struct{ choice, block int }

// kept is a call of a custom tool whose arguments are still coming.
type kept struct {
	block int
	args  []byte // as they came, within a JSON string
}

// Restore returns evs as the client should see them. The result is good until
// the next call.
func (r *Restorer) Restore(evs []Event) []Event {
	t := r.Trip
	if t.JSONTool == "" && len(t.custom) == 0 && t.renames.back == nil && !t.Request.Legacy {
		for i := range evs {
			r.count(&evs[i])
		}
		return evs
	}
	r.out = r.out[:0]
	for i := range evs {
		ev := evs[i]
		r.count(&ev)
		if t.Request.Legacy && ev.Kind == Open && ev.What == Call && r.calls[ev.Choice] > 1 {
			return append(r.out, Event{Kind: Fail, Err: tooMany})
		}
		if ev.What == Call {
			r.call(&ev)
			continue
		}
		if ev.Kind == Finish && ev.Reason == ToolCalls && slices.ContainsFunc(r.forms, func(f form) bool { return f.choice == ev.Choice }) {
			ev.Reason = Stop
		}
		r.out = append(r.out, ev)
	}
	return r.out
}

// tooMany is the error of an answer that calls more than one function for a
// client that can be told of one.
var tooMany = &Error{Status: 502, Type: "server_error", Code: "too_many_function_calls",
	Message: "The model called more than one function, which 'functions' has no words for. Use 'tools'."}

// count mends a reason that does not fit what was said.
func (r *Restorer) count(ev *Event) {
	if ev.Kind == Open && ev.What == Call {
		for len(r.calls) <= ev.Choice {
			r.calls = append(r.calls, 0)
		}
		r.calls[ev.Choice]++
	}
	if ev.Kind == Finish && ev.Reason == "" {
		if ev.Reason = Stop; ev.Choice < len(r.calls) && r.calls[ev.Choice] > 0 {
			ev.Reason = ToolCalls
		}
	}
}

func (r *Restorer) call(ev *Event) {
	t := r.Trip
	if ev.Kind == Open {
		if t.JSONTool != "" && string(ev.Name) == t.JSONTool {
			r.forms = append(r.forms, form{ev.Choice, ev.Block})
			ev.What, ev.ID, ev.Name = Text, nil, nil
			r.out = append(r.out, *ev)
			return
		}
		if slices.Contains(t.custom, string(ev.Name)) {
			r.kept = append(r.kept, kept{block: ev.Block})
			ev.What = Custom
		}
		if name, ok := t.renames.back[string(ev.Name)]; ok {
			ev.Name = raw.Quote(name)
		}
		r.out = append(r.out, *ev)
		return
	}
	if slices.Contains(r.forms, form{ev.Choice, ev.Block}) {
		ev.What = Text
		if len(ev.JSON) > 0 {
			ev.Text, ev.JSON = raw.AppendEscaped(nil, raw.AppendCompact(nil, ev.JSON)), nil
		}
		r.out = append(r.out, *ev)
		return
	}
	i := slices.IndexFunc(r.kept, func(k kept) bool { return k.block == ev.Block })
	if i < 0 {
		r.out = append(r.out, *ev)
		return
	}
	r.custom(i, ev)
}

// custom gathers the arguments of the function that stood for a custom tool, and
// tells the text in them when they are complete.
func (r *Restorer) custom(i int, ev *Event) {
	k := &r.kept[i]
	switch ev.Kind {
	case Delta:
		if len(ev.JSON) > 0 {
			k.args = raw.AppendEscaped(k.args, ev.JSON)
		} else {
			k.args = append(k.args, ev.Text...)
		}
	case Close:
		text := raw.Text(k.args)
		if args := raw.Trim(text.Append(nil)); args.IsObject() && args.Get(customInput).IsText() {
			text = args.Get(customInput).Text()
		}
		if len(text) > 0 {
			r.out = append(r.out, Event{Kind: Delta, What: Custom, Choice: ev.Choice, Block: ev.Block, Text: text})
		}
		ev.What = Custom
		r.out = append(r.out, *ev)
		r.kept = slices.Delete(r.kept, i, i+1)
	}
}
