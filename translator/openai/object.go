package openai

import (
	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// object writes an answer as one chat completion.
type object struct {
	answer
	content, refusal, reasoning []byte
	said, refused               bool
	list                        []byte // tool_calls, or function_call
	entries                     []byte // reasoning_details
	reason                      string
}

// Write gathers what ev tells, and appends the answer when it is complete.
func (o *object) Write(dst []byte, ev *chat.Event) []byte {
	if o.ended {
		return dst
	}
	switch ev.Kind {
	case chat.Start:
		o.start(ev)
	case chat.Open:
		o.opened(ev)
	case chat.Delta:
		o.delta(ev)
	case chat.Cite:
		o.cite(ev)
	case chat.Close:
		o.closed(ev)
	case chat.Replay:
		// It says all that the entries before it do.
		o.entries, o.details = detailOf(o.entries[:0], ev, o.id, nil, 0), 1
	case chat.Finish:
		o.reason = o.reasonOf(ev)
	case chat.Counts:
		o.count(ev)
	case chat.Done:
		o.ended = true
		return o.write(dst)
	case chat.Fail:
		o.ended = true
		return Dialect{}.WriteError(dst, ev.Err)
	}
	return dst
}

func (o *object) opened(ev *chat.Event) {
	b := o.begin(ev)
	switch ev.What {
	case chat.Text:
		o.said = true
	case chat.Declined:
		o.refused = true
	case chat.Call, chat.Custom:
		if len(o.list) > 0 {
			o.list = append(o.list, ',')
		}
		o.list = o.appendCall(o.list, ev, b, false)
	}
}

func (o *object) delta(ev *chat.Event) {
	switch ev.What {
	case chat.Text:
		o.content = append(o.content, ev.Text...)
		o.runes += ev.Text.Runes()
	case chat.Declined:
		o.refusal = append(o.refusal, ev.Text...)
	case chat.Thinking:
		o.reasoning = append(o.reasoning, ev.Text...)
		if b := o.find(ev.Block); b != nil {
			b.text = append(b.text, ev.Text...)
		}
	case chat.Call, chat.Custom:
		o.list = appendArguments(o.list, ev)
		if b := o.find(ev.Block); b != nil {
			b.sent = true
		}
	}
}

func (o *object) closed(ev *chat.Event) {
	b := o.find(ev.Block)
	if b == nil {
		return
	}
	switch ev.What {
	case chat.Text:
		o.note(b)
	case chat.Thinking, chat.Redacted:
		if len(ev.Sig) > 0 {
			if len(o.entries) > 0 {
				o.entries = append(o.entries, ',')
			}
			o.entries = detailOf(o.entries, ev, o.id, b.text, o.details)
			o.details++
		}
	case chat.Call, chat.Custom:
		if ev.What == chat.Call && !b.sent {
			o.list = append(o.list, "{}"...)
		}
		o.list = append(o.list, `"}`...)
		if !o.trip.Request.Legacy {
			o.list = append(o.list, '}')
		}
	}
	o.end(ev.Block)
}

func (o *object) write(dst []byte) []byte {
	dst = append(o.head(dst, "chat.completion"), `{"index":0,"message":{"role":"assistant","content":`...)
	text := func(name string, said bool, text []byte) {
		if dst = append(dst, name...); said {
			dst = raw.AppendText(dst, text)
		} else {
			dst = append(dst, "null"...)
		}
	}
	text("", o.said, o.content)
	text(`,"refusal":`, o.refused, o.refusal)
	if len(o.reasoning) > 0 {
		text(`,"reasoning_content":`, true, o.reasoning)
	}
	list := func(name string, list []byte) {
		if len(list) > 0 {
			dst = append(append(append(append(append(dst, `,"`...), name...), `":[`...), list...), ']')
		}
	}
	list("reasoning_details", o.entries)
	if o.trip.Request.Legacy && len(o.list) > 0 {
		dst = append(append(dst, ','), o.list...)
	} else {
		list("tool_calls", o.list)
	}
	list("annotations", o.notes)
	dst = append(append(append(dst, `},"logprobs":null,"finish_reason":"`...), o.reason...), `"}]`...)
	if o.counted {
		dst = appendUsage(append(dst, `,"usage":`...), &o.usage)
	}
	return append(dst, '}')
}
