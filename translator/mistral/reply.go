package mistral

import (
	"bytes"
	"slices"
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// reader reads one reply.
type reader struct {
	trip    *chat.Trip
	request string // the id of the request
	choices []choice
	blocks  int
	started bool
	done    bool
}

// choice is what has been told of one choice.
type choice struct {
	open     *block // of words
	calls    []call
	spoken   bool // some text
	finished bool
	runes    int    // of the text
	refs     []byte // the references, an array that is open
}

// block is text or thoughts that are being told.
type block struct {
	what   chat.What
	number int
	sig    []byte
}

// call is a call that is being told.
type call struct {
	index, number int
	id            string
}

// Reader returns a Reader for the reply to t.
func (Dialect) Reader(t *chat.Trip, h chat.Headers) chat.Reader {
	return &reader{trip: t, request: h.Get("mistral-correlation-id")}
}

var end = []byte("[DONE]")

// Read reads one chunk of a stream.
func (r *reader) Read(evs []chat.Event, _, data []byte) []chat.Event {
	switch {
	case r.done:
		return evs
	case bytes.Equal(bytes.TrimSpace(data), end):
		return r.End(evs)
	}
	return r.reply(evs, raw.Trim(data), "delta")
}

// Whole reads an answer that came in one piece. It is told as a stream would
// tell it.
func (r *reader) Whole(evs []chat.Event, body []byte) []chat.Event {
	return r.End(r.reply(evs, raw.Trim(body), "message"))
}

// End ends a reply: well if all that was begun was told to its end.
func (r *reader) End(evs []chat.Event) []chat.Event {
	if r.done {
		return evs
	}
	ended := len(r.choices) > 0
	for i := range r.choices {
		ended = ended && r.choices[i].finished
	}
	if !ended {
		return r.fail(evs, chat.Incomplete(provider))
	}
	r.done = true
	return append(evs, chat.Event{Kind: chat.Done})
}

func (r *reader) fail(evs []chat.Event, err *chat.Error) []chat.Event {
	r.done = true
	err.Provider = provider
	if err.RequestID == "" {
		err.RequestID = r.request
	}
	return append(evs, chat.Event{Kind: chat.Fail, Err: err})
}

// reply reads a chunk, or a whole answer, whose choices have their words in the
// member with that name.
func (r *reader) reply(evs []chat.Event, v raw.Value, member string) []chat.Event {
	choices := v.Get("choices")
	if !choices.IsArray() {
		if v.Get("message").Is() || v.Get("detail").Is() || v.Get("error").Is() {
			return r.fail(evs, read(502, v))
		}
		if member == "message" {
			return r.fail(evs, chat.Malformed(provider))
		}
		return evs
	}
	if !r.started {
		r.started = true
		evs = append(evs, chat.Event{Kind: chat.Start, ID: v.Get("id").Text(), Name: v.Get("model").Text()})
	}
	usage := v.Get("usage")
	if usage.IsObject() {
		evs = append(evs, chat.Event{Kind: chat.Counts, Usage: usageOf(usage), Undivided: true, Tier: usage.Get("service_tier").String()})
	}
	if g := v.Get("guardrails"); !g.Hollow() {
		evs = append(evs, chat.Event{Kind: chat.Extra, Name: raw.Text("guardrails"), JSON: g})
	}
	for e := choices.Elements(); e.Next() && !r.done; {
		evs = r.choice(evs, e.Value(), member)
	}
	return evs
}

// maxChoices is more choices than can be asked for.
const maxChoices = 128

func (r *reader) choice(evs []chat.Event, v raw.Value, member string) []chat.Event {
	n := int(v.Get("index").Int())
	if n < 0 || n >= maxChoices {
		return evs
	}
	for len(r.choices) <= n {
		r.choices = append(r.choices, choice{})
	}
	c := &r.choices[n]
	if c.finished {
		return evs
	}
	said := v.Get(member)
	evs = r.content(evs, n, said.Get("content"), v.Get("logprobs").Get("content"))
	for e := said.Get("tool_calls").Elements(); e.Next(); {
		evs = r.call(evs, n, e.Value())
	}
	if reason := v.Get("finish_reason"); reason.IsText() {
		return r.finish(evs, n, reason.String())
	}
	return evs
}

// content reads words, or a list of parts: thoughts come so.
func (r *reader) content(evs []chat.Event, n int, v, scores raw.Value) []chat.Event {
	if v.IsText() {
		return r.say(evs, n, chat.Text, v.Text(), scores)
	}
	for e := v.Elements(); e.Next(); {
		part := e.Value()
		switch part.Get("type").String() {
		case "text":
			evs = r.say(evs, n, chat.Text, part.Get("text").Text(), scores)
			scores = nil // they are the chunk's, not a part's
		case "thinking":
			for t := part.Get("thinking").Elements(); t.Next(); {
				evs = r.say(evs, n, chat.Thinking, t.Value().Get("text").Text(), nil)
			}
			if sig := part.Get("signature").Text(); len(sig) > 0 {
				evs = r.begin(evs, n, chat.Thinking)
				r.choices[n].open.sig = append(r.choices[n].open.sig, sig...)
			}
		case "reference":
			r.refer(&r.choices[n], part)
			evs = r.say(evs, n, chat.Text, part.Get("text").Text(), nil)
		default:
			r.trip.WarnPart(part.Get("type").String())
		}
	}
	return evs
}

// maxRefs bounds the references that are kept for the end, in bytes.
const maxRefs = 1 << 20

// refer takes note of what the text is referred to so far.
func (r *reader) refer(c *choice, part raw.Value) {
	ids := part.Get("reference_ids")
	if !ids.IsArray() || len(c.refs)+len(ids) > maxRefs {
		return
	}
	if len(c.refs) == 0 {
		c.refs = append(c.refs, '[')
	} else {
		c.refs = append(c.refs, ',')
	}
	c.refs = strconv.AppendInt(append(c.refs, `{"position":`...), int64(c.runes), 10)
	c.refs = append(raw.AppendCompact(append(c.refs, `,"reference_ids":`...), ids), '}')
}

// say tells a piece of text or thoughts. Pieces may be empty.
func (r *reader) say(evs []chat.Event, n int, what chat.What, piece raw.Text, scores raw.Value) []chat.Event {
	if len(piece) == 0 {
		return evs
	}
	evs = r.begin(evs, n, what)
	c := &r.choices[n]
	if what == chat.Text {
		c.spoken = true
		c.runes += piece.Runes()
	}
	return append(evs, chat.Event{Kind: chat.Delta, What: what, Choice: n, Block: c.open.number, Text: piece, Logprobs: scores})
}

// begin begins a block unless one of its kind is open.
func (r *reader) begin(evs []chat.Event, n int, what chat.What) []chat.Event {
	c := &r.choices[n]
	if c.open != nil && c.open.what == what {
		return evs
	}
	evs = r.closeWords(evs, n)
	c.open = &block{what: what, number: r.blocks}
	r.blocks++
	return append(evs, chat.Event{Kind: chat.Open, What: what, Choice: n, Block: c.open.number})
}

func (r *reader) closeWords(evs []chat.Event, n int) []chat.Event {
	b := r.choices[n].open
	if b == nil {
		return evs
	}
	r.choices[n].open = nil
	ev := chat.Event{Kind: chat.Close, What: b.what, Choice: n, Block: b.number}
	if len(b.sig) > 0 {
		ev.Sig, ev.For = b.sig, provider
	}
	return append(evs, ev)
}

// call reads a call, or a piece of one. Mistral's models tell a call whole and
// without an index; those of others, in pieces with one, and an empty name in all
// but the first.
func (r *reader) call(evs []chat.Event, n int, v raw.Value) []chat.Event {
	c := &r.choices[n]
	f := v.Get("function")
	index := v.Get("index")
	id, name := v.Get("id").Text(), f.Get("name").Text()
	at := len(c.calls) - 1
	switch {
	case index.IsNumber():
		at = slices.IndexFunc(c.calls, func(k call) bool { return int64(k.index) == index.Int() })
		if at >= 0 && len(name) > 0 && len(id) > 0 && c.calls[at].id != string(id) {
			at = -1 // another one, although it has the same place
		}
	case len(name) > 0:
		at = -1 // else it is a piece of the last
	}
	if at < 0 {
		evs = r.closeWords(evs, n)
		at = len(c.calls)
		c.calls = append(c.calls, call{index: int(index.Int()), id: string(id), number: r.blocks})
		r.blocks++
		evs = append(evs, chat.Event{Kind: chat.Open, What: chat.Call, Choice: n, Block: c.calls[at].number, ID: id, Name: name})
	}
	ev := chat.Event{Kind: chat.Delta, What: chat.Call, Choice: n, Block: c.calls[at].number}
	switch args := f.Get("arguments"); {
	case args.IsObject():
		ev.JSON = args
	default:
		if ev.Text = args.Text(); len(ev.Text) == 0 {
			return evs
		}
	}
	return append(evs, ev)
}

// reasons are why answers end; "" leaves it to whether tools were called.
var reasons = map[string]chat.Reason{
	"stop":         "",
	"tool_calls":   "",
	"length":       chat.Length,
	"model_length": chat.Length,
}

func (r *reader) finish(evs []chat.Event, n int, reason string) []chat.Event {
	c := &r.choices[n]
	ends, known := reasons[reason]
	if reason == "error" || !known && !c.spoken && len(c.calls) == 0 {
		return r.fail(evs, &chat.Error{Status: 502, Type: "server_error", Code: "model_error",
			Message: "The model has stopped without an answer: " + reason + "."})
	}
	if !known {
		r.trip.WarnEnd(chat.UnknownEnd)
	}
	if !c.spoken && len(c.calls) == 0 {
		evs = r.begin(evs, n, chat.Text) // the content is empty, and not missing
	}
	evs = r.closeWords(evs, n)
	for i := range c.calls {
		evs = append(evs, chat.Event{Kind: chat.Close, What: chat.Call, Choice: n, Block: c.calls[i].number})
	}
	if len(c.refs) > 0 {
		evs = append(evs, chat.Event{Kind: chat.Extra, Choice: n, Name: raw.Text("references"), JSON: append(c.refs, ']')})
	}
	c.finished = true
	return append(evs, chat.Event{Kind: chat.Finish, Choice: n, Reason: ends})
}

// usageOf reads what was counted. What came from the cache has had three names.
func usageOf(v raw.Value) (u chat.Usage) {
	u.Input, u.Output = v.Get("prompt_tokens").Int(), v.Get("completion_tokens").Int()
	for _, n := range [...]raw.Value{
		v.Get("prompt_tokens_details").Get("cached_tokens"), v.Get("num_cached_tokens"), v.Get("prompt_token_details").Get("cached_tokens"),
	} {
		if n.IsNumber() {
			u.Cached = min(n.Int(), u.Input)
			break
		}
	}
	u.Total = u.Input + u.Output
	return u
}
