package openai

import (
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// Writer returns a Writer of chat completions.
func (Dialect) Writer(t *chat.Trip, created int64, whole bool) chat.Writer {
	a := answer{trip: t, created: created}
	if whole {
		return &object{answer: a}
	}
	return &stream{answer: a}
}

// answer is what a whole answer and a stream have in common.
type answer struct {
	trip    *chat.Trip
	created int64
	id      []byte
	tier    string
	usage   chat.Usage
	counted bool
	rough   bool // nobody knows how much of it was reasoning
	open    []block
	choices []choice
	ended   bool
}

// choice is what has been told of one choice.
type choice struct {
	begun   bool // in a stream: who speaks has been said
	calls   int
	details int
	runes   int    // of the content so far: annotations count in them
	texts   []text // the blocks that the content is made of
	notes   []byte // annotations

	// Of a whole answer.
	content, refusal, reasoning []byte
	said, refused               bool
	list                        [][]byte // tool_calls, or function_call; nil where one has not ended
	entries                     []byte   // reasoning_details
	logprobs                    []byte
	extra                       []byte // the vendor's own members
	reason                      string
}

// text is a block of text: where in the content it starts.
type text struct{ number, from int }

// block is a block that is open.
type block struct {
	number, call int
	sent         bool   // of a call: some arguments
	text         []byte // of reasoning; of a call in a whole answer, all of it
	from         int    // of text: where in the content it starts
	cites        []citation
}

type citation struct{ url, title raw.Text }

// choice returns the choice that an event belongs to.
func (a *answer) choice(ev *chat.Event) *choice {
	for len(a.choices) <= ev.Choice {
		a.choices = append(a.choices, choice{})
	}
	return &a.choices[ev.Choice]
}

func (a *answer) find(number int) *block {
	for i := range a.open {
		if a.open[i].number == number {
			return &a.open[i]
		}
	}
	return nil
}

// begin takes note of a block that begins. Its memory is that of one that ended.
func (a *answer) begin(ev *chat.Event) *block {
	n := len(a.open)
	if cap(a.open) > n {
		a.open = a.open[:n+1]
	} else {
		a.open = append(a.open, block{})
	}
	b := &a.open[n]
	c := a.choice(ev)
	*b = block{number: ev.Block, text: b.text[:0], cites: b.cites[:0], from: c.runes}
	switch ev.What {
	case chat.Call, chat.Custom:
		b.call = c.calls
		c.calls++
	case chat.Text:
		c.texts = append(c.texts, text{ev.Block, c.runes})
	}
	return b
}

func (a *answer) end(number int) {
	for i := range a.open {
		if a.open[i].number == number {
			last := len(a.open) - 1
			a.open[i], a.open[last] = a.open[last], a.open[i]
			a.open = a.open[:last]
			return
		}
	}
}

// cite takes note of a source of the text that is being told.
func (a *answer) cite(ev *chat.Event) {
	if ev.To > 0 {
		c := a.choice(ev)
		for _, t := range c.texts {
			if t.number == ev.Block {
				c.note(t.from+ev.From, t.from+ev.To, citation{ev.ID, ev.Name})
			}
		}
	} else if b := a.find(ev.Block); b != nil {
		b.cites = append(b.cites, citation{append(raw.Text(nil), ev.ID...), append(raw.Text(nil), ev.Name...)})
	}
}

// note adds the source of a part of the content.
func (c *choice) note(from, to int, of citation) {
	if len(c.notes) > 0 {
		c.notes = append(c.notes, ',')
	}
	n := append(c.notes, `{"type":"url_citation","url_citation":{"start_index":`...)
	n = strconv.AppendInt(n, int64(from), 10)
	n = strconv.AppendInt(append(n, `,"end_index":`...), int64(to), 10)
	n = raw.AppendText(append(n, `,"url":`...), of.url)
	n = raw.AppendText(append(n, `,"title":`...), of.title)
	c.notes = append(n, `}}`...)
}

// noteAll adds the sources of a block of text that is complete.
func (c *choice) noteAll(b *block) {
	for _, of := range b.cites {
		c.note(b.from, c.runes, of)
	}
}

// start takes note of the reply's id.
func (a *answer) start(ev *chat.Event) { a.id = append(a.id[:0], ev.ID...) }

func (a *answer) count(ev *chat.Event) {
	a.usage, a.counted, a.rough = ev.Usage, true, ev.Undivided
	if ev.Tier != "" {
		a.tier = ev.Tier
	}
}

// head appends what every object of this answer begins with, up to its choices.
func (a *answer) head(dst []byte, object string) []byte {
	dst = append(append(dst, `{"id":"chatcmpl-`...), a.id...)
	dst = append(append(append(dst, `","object":"`...), object...), `","created":`...)
	dst = strconv.AppendInt(dst, a.created, 10)
	dst = raw.AppendString(append(dst, `,"model":`...), a.trip.Options.Asked)
	if a.tier != "" {
		dst = raw.AppendString(append(dst, `,"service_tier":`...), a.tier)
	}
	return append(dst, `,"choices":[`...)
}

func (a *answer) appendUsage(dst []byte) []byte {
	u := &a.usage
	number := func(name string, n int64) {
		dst = strconv.AppendInt(append(dst, name...), n, 10)
	}
	number(`{"prompt_tokens":`, u.Input)
	number(`,"completion_tokens":`, u.Output)
	number(`,"total_tokens":`, u.Input+u.Output)
	number(`,"prompt_tokens_details":{"cached_tokens":`, u.Cached)
	if u.CacheWrite > 0 {
		number(`,"cache_write_tokens":`, u.CacheWrite)
	}
	dst = append(dst, '}')
	if !a.rough {
		number(`,"completion_tokens_details":{"reasoning_tokens":`, u.Reasoning)
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// reasonOf returns the finish reason as clients of functions know it.
func (a *answer) reasonOf(ev *chat.Event) string {
	if ev.Reason == chat.ToolCalls && a.trip.Request.Legacy {
		return "function_call"
	}
	return string(ev.Reason)
}

// appendCall appends what a call begins with; its arguments, or input, follow.
func (a *answer) appendCall(dst []byte, ev *chat.Event, b *block, index bool) []byte {
	if a.trip.Request.Legacy {
		dst = raw.AppendText(append(dst, `"function_call":{"name":`...), ev.Name)
		return append(dst, `,"arguments":"`...)
	}
	dst = append(dst, '{')
	if index {
		dst = append(strconv.AppendInt(append(dst, `"index":`...), int64(b.call), 10), ',')
	}
	kind, input := "function", "arguments"
	if ev.What == chat.Custom {
		kind, input = "custom", "input"
	}
	dst = raw.AppendText(append(dst, `"id":`...), ev.ID)
	dst = append(append(dst, `,"type":"`...), kind...)
	dst = append(append(append(dst, `","`...), kind...), `":{"name":`...)
	dst = raw.AppendText(dst, ev.Name)
	return append(append(append(dst, `,"`...), input...), `":"`...)
}

// appendSignature appends the signature of a call in the words in which Google's
// own compatible API gives it, for clients that keep nothing else. It stands
// inside the call, behind its function.
func appendSignature(dst []byte, ev *chat.Event) []byte {
	if len(ev.Sig) == 0 || ev.For != forGemini {
		return dst
	}
	dst = raw.AppendText(append(dst, `,"extra_content":{"google":{"thought_signature":`...), ev.Sig)
	return append(dst, `}}`...)
}

// appendArguments appends a piece of a call's arguments, within a string.
func appendArguments(dst []byte, ev *chat.Event) []byte {
	if len(ev.JSON) > 0 {
		return raw.AppendEscaped(dst, raw.AppendCompact(nil, ev.JSON))
	}
	return append(dst, ev.Text...)
}

// WriteError appends the body of an answer that is an error.
func (Dialect) WriteError(dst []byte, err *chat.Error) []byte {
	dst = raw.AppendString(append(dst, `{"error":{"message":`...), err.Message)
	dst = raw.AppendString(append(dst, `,"type":`...), err.Type)
	dst = orNull(append(dst, `,"param":`...), err.Param)
	dst = orNull(append(dst, `,"code":`...), err.Code)
	if err.Provider != "" {
		dst = raw.AppendString(append(dst, `,"provider":`...), err.Provider)
	}
	if err.RequestID != "" {
		dst = raw.AppendString(append(dst, `,"request_id":`...), err.RequestID)
	}
	return append(dst, "}}"...)
}

func orNull(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return raw.AppendString(dst, s)
}
