package openai

import (
	"bytes"
	"slices"
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// object writes an answer as one chat completion.
type object struct{ answer }

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
		c := o.choice(ev)
		c.entries, c.details = detailOf(c.entries[:0], ev, o.id, nil, 0), 1
	case chat.Extra:
		c := o.choice(ev)
		c.extra = raw.AppendText(append(c.extra, ','), ev.Name)
		c.extra = append(append(c.extra, ':'), ev.JSON...)
	case chat.Finish:
		o.choice(ev).reason = o.reasonOf(ev)
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
	b, c := o.begin(ev), o.choice(ev)
	switch ev.What {
	case chat.Text:
		c.said = true
	case chat.Declined:
		c.refused = true
	case chat.Call, chat.Custom:
		c.list = append(c.list, nil)
		b.text = o.appendCall(b.text, ev, b, false)
	}
}

// comma appends what separates another element from those that are there.
func comma(list []byte) []byte {
	if len(list) > 0 {
		return append(list, ',')
	}
	return list
}

func (o *object) delta(ev *chat.Event) {
	c := o.choice(ev)
	switch ev.What {
	case chat.Text:
		if c.content == nil && o.trip.Lasting {
			c.content = slices.Clip(ev.Text) // a long answer is not copied to be copied again
		} else {
			c.content = append(c.content, ev.Text...)
		}
		c.runes += ev.Text.Runes()
		if n := len(ev.Logprobs); n > 2 {
			c.logprobs = append(comma(c.logprobs), ev.Logprobs[1:n-1]...)
		}
	case chat.Declined:
		c.refusal = append(c.refusal, ev.Text...)
	case chat.Thinking:
		c.reasoning = append(c.reasoning, ev.Text...)
		if b := o.find(ev.Block); b != nil {
			b.text = append(b.text, ev.Text...)
		}
	case chat.Call, chat.Custom:
		if b := o.find(ev.Block); b != nil {
			b.text = appendArguments(b.text, ev)
			b.sent = true
		}
	}
}

func (o *object) closed(ev *chat.Event) {
	b, c := o.find(ev.Block), o.choice(ev)
	if b == nil {
		return
	}
	switch ev.What {
	case chat.Text:
		c.noteAll(b)
	case chat.Call, chat.Custom:
		if ev.What == chat.Call && !b.sent {
			b.text = append(b.text, "{}"...)
		}
		b.text = append(b.text, `"}`...)
		if !o.trip.Request.Legacy {
			b.text = append(appendSignature(b.text, ev), '}')
		}
		c.list[b.call] = bytes.Clone(b.text)
	}
	if len(ev.Sig) > 0 {
		c.entries = detailOf(comma(c.entries), ev, o.id, b.text, c.details)
		c.details++
	}
	o.end(ev.Block)
}

func (o *object) write(dst []byte) []byte {
	size := 1 << 10
	for i := range o.choices {
		size += o.choices[i].size()
	}
	dst = o.head(slices.Grow(dst, size), "chat.completion")
	if len(o.choices) == 0 {
		o.choices = append(o.choices, choice{})
	}
	for i := range o.choices {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(append(dst, `{"index":`...), int64(i), 10)
		dst = o.message(append(dst, `,"message":`...), &o.choices[i])
	}
	dst = append(dst, ']')
	if o.counted {
		dst = o.appendUsage(append(dst, `,"usage":`...))
	}
	return append(dst, '}')
}

// size is about how long the choice will be, so that a long answer is not moved
// while it is written.
func (c *choice) size() int {
	n := len(c.content) + len(c.refusal) + len(c.reasoning) + len(c.entries) + len(c.logprobs) + len(c.notes) + len(c.extra)
	for _, call := range c.list {
		n += len(call)
	}
	return n
}

// message appends the message of a choice and how it ended.
func (o *object) message(dst []byte, c *choice) []byte {
	text := func(name string, said bool, text []byte) {
		if dst = append(dst, name...); said {
			dst = raw.AppendText(dst, text)
		} else {
			dst = append(dst, "null"...)
		}
	}
	text(`{"role":"assistant","content":`, c.said, c.content)
	text(`,"refusal":`, c.refused, c.refusal)
	if len(c.reasoning) > 0 {
		text(`,"reasoning_content":`, true, c.reasoning)
	}
	list := func(name string, list []byte) {
		if len(list) > 0 {
			dst = append(append(append(append(append(dst, `,"`...), name...), `":[`...), list...), ']')
		}
	}
	list("reasoning_details", c.entries)
	if calls := bytes.Join(c.list, []byte{','}); o.trip.Request.Legacy && len(calls) > 0 {
		dst = append(append(dst, ','), calls...)
	} else {
		list("tool_calls", calls)
	}
	list("annotations", c.notes)
	dst = append(append(dst, c.extra...), `},"logprobs":`...)
	dst = appendLogprobs(dst, c.logprobs)
	return append(append(append(dst, `,"finish_reason":"`...), c.reason...), `"}`...)
}

// appendLogprobs appends how likely tokens were: list holds what is told of each.
func appendLogprobs(dst, list []byte) []byte {
	if len(list) == 0 {
		return append(dst, "null"...)
	}
	return append(append(append(dst, `{"content":[`...), list...), `],"refusal":null}`...)
}
