package cohere

import (
	"bytes"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// reader reads one reply.
type reader struct {
	trip    *chat.Trip
	request string // the id of the request
	blocks  []block
	calls   int
	worded  bool // some text was told
	started bool
	done    bool
	cites   []byte // the citations, an array that is open
	scores  []byte
}

// kind is what a block is to Cohere, which numbers each kind apart.
type kind uint8

const (
	content kind = iota
	plan
	call
)

// block is one part of the answer.
type block struct {
	kind   kind
	index  int // Cohere's
	number int // among those that the client hears of
	what   chat.What
	opened bool // the client has heard of it
	closed bool
	told   bool   // of a call: some arguments
	held   []byte // of a call: arguments that may turn out to be none
}

// Reader returns a Reader for the reply to t.
func (Dialect) Reader(t *chat.Trip, h chat.Headers) chat.Reader {
	return &reader{trip: t, request: h.Get("x-request-id")}
}

// event is one event of a stream.
type event struct {
	kind                       raw.Text
	id, index, delta, logprobs raw.Value
	fault                      raw.Text // of what is no event
}

func eventOf(name, data []byte) event {
	ev := event{kind: name}
	for m := raw.Trim(data).Members(); m.Next(); {
		switch string(m.Name()) {
		case "type": // it is the event's name once more
			if kind := m.Value().Text(); len(kind) > 0 {
				ev.kind = kind
			}
		case "id":
			ev.id = m.Value()
		case "index":
			ev.index = m.Value()
		case "delta":
			ev.delta = m.Value()
		case "logprobs":
			ev.logprobs = m.Value()
		case "message":
			ev.fault = m.Value().Text()
		}
	}
	return ev
}

// of returns what an event tells of a member of the message.
func (ev *event) of(member string) raw.Value { return ev.delta.Get("message").Get(member) }

// Read reads one event of a stream.
func (r *reader) Read(evs []chat.Event, name, data []byte) []chat.Event {
	if r.done {
		return evs
	}
	ev := eventOf(name, data)
	switch string(ev.kind) {
	case "content-delta":
		return r.delta(r.start(evs, nil), &ev)
	case "tool-call-delta":
		if b := r.find(call, ev.index); b != nil {
			return r.arguments(evs, b, ev.of("tool_calls").Get("function").Get("arguments").Text())
		}
	case "tool-plan-delta":
		return r.plan(r.start(evs, nil), ev.of("tool_plan").Text())
	case "message-start":
		return r.start(evs, ev.id)
	case "content-start":
		return r.beginContent(r.start(evs, nil), &ev)
	case "content-end":
		return r.end(evs, content, ev.index)
	case "tool-call-start":
		evs = r.endPlan(r.start(evs, nil))
		return r.begin(evs, ev.of("tool_calls"), r.indexOf(call, ev.index))
	case "tool-call-end":
		return r.end(evs, call, ev.index)
	case "citation-start":
		return r.cite(evs, ev.of("citations"))
	case "message-end":
		return r.finish(r.start(evs, ev.id), ev.delta)
	case "":
		if len(ev.fault) > 0 {
			return r.fail(evs, failed("model_error", ev.fault.String()))
		}
	}
	return evs
}

// End ends a stream that has not told its end.
func (r *reader) End(evs []chat.Event) []chat.Event {
	if r.done {
		return evs
	}
	return r.fail(evs, chat.Incomplete(provider))
}

func (r *reader) fail(evs []chat.Event, err *chat.Error) []chat.Event {
	r.done = true
	err.Provider, err.RequestID = provider, r.request
	return append(evs, chat.Event{Kind: chat.Fail, Err: err})
}

func (r *reader) start(evs []chat.Event, id raw.Value) []chat.Event {
	if r.started {
		return evs
	}
	r.started = true
	return append(evs, chat.Event{Kind: chat.Start, ID: id.Text()})
}

// add takes note of a block that begins.
func (r *reader) add(k kind, index int) *block {
	r.blocks = append(r.blocks, block{kind: k, index: index, number: len(r.blocks)})
	return &r.blocks[len(r.blocks)-1]
}

// find returns the block that an event with this index is of. One that does not
// say is of the last of its kind.
func (r *reader) find(k kind, index raw.Value) *block {
	for i := len(r.blocks) - 1; i >= 0; i-- {
		if b := &r.blocks[i]; b.kind == k && (!index.IsNumber() || int64(b.index) == index.Int()) {
			return b
		}
	}
	return nil
}

// indexOf returns the index of a block that begins: where it is not said, the
// number of those of its kind that were before.
func (r *reader) indexOf(k kind, index raw.Value) int {
	if index.IsNumber() {
		return int(index.Int())
	}
	n := 0
	for i := range r.blocks {
		if r.blocks[i].kind == k {
			n++
		}
	}
	return n
}

// pieceOf returns what a part of the content is, and says.
func (r *reader) pieceOf(c raw.Value) (what chat.What, text raw.Text) {
	for m := c.Members(); m.Next(); {
		switch string(m.Name()) {
		case "type":
			switch kind := m.Value().Text(); string(kind) {
			case "text":
			case "thinking":
				what = chat.Thinking
			default:
				r.trip.WarnPart(kind.String())
			}
		case "thinking":
			if m.Value().IsText() {
				what, text = chat.Thinking, m.Value().Text()
			}
		case "text":
			if t := m.Value().Text(); len(t) > 0 {
				text = t
			}
		}
	}
	return what, text
}

func (r *reader) beginContent(evs []chat.Event, ev *event) []chat.Event {
	evs = r.endPlan(evs)
	b := r.add(content, r.indexOf(content, ev.index))
	what, text := r.pieceOf(ev.of("content"))
	b.what = what
	return r.part(evs, b, text, nil)
}

func (r *reader) delta(evs []chat.Event, ev *event) []chat.Event {
	b := r.find(content, ev.index)
	what, text := r.pieceOf(ev.of("content"))
	if b == nil || b.opened && b.what != what || b.closed {
		b = r.add(content, r.indexOf(content, ev.index))
	}
	b.what = what
	r.scores = r.scores[:0]
	if ev.logprobs.IsObject() && what == chat.Text {
		r.scores = append(appendScore(append(r.scores, '['), ev.logprobs), ']')
	}
	return r.part(evs, b, text, r.scores)
}

// part tells a piece of a block of text or thoughts. Pieces may be empty.
func (r *reader) part(evs []chat.Event, b *block, text raw.Text, scores []byte) []chat.Event {
	if len(text) == 0 {
		return evs
	}
	r.worded = r.worded || b.what == chat.Text
	evs = r.open(evs, b)
	return append(evs, chat.Event{Kind: chat.Delta, What: b.what, Block: b.number, Text: text, Logprobs: scores})
}

// plan tells a piece of what the model means to do with its tools, which is the
// text of an answer that calls some.
func (r *reader) plan(evs []chat.Event, text raw.Text) []chat.Event {
	if len(text) == 0 {
		return evs
	}
	n := len(r.blocks)
	if n == 0 || r.blocks[n-1].kind != plan {
		r.add(plan, n).what = chat.Text
		n++
	}
	b := &r.blocks[n-1]
	r.worded = true
	evs = r.open(evs, b)
	return append(evs, chat.Event{Kind: chat.Delta, What: chat.Text, Block: b.number, Text: text})
}

func (r *reader) endPlan(evs []chat.Event) []chat.Event {
	if n := len(r.blocks); n > 0 && r.blocks[n-1].kind == plan {
		return r.close(evs, &r.blocks[n-1])
	}
	return evs
}

func (r *reader) open(evs []chat.Event, b *block) []chat.Event {
	if b.opened {
		return evs
	}
	b.opened = true
	return append(evs, chat.Event{Kind: chat.Open, What: b.what, Block: b.number})
}

// begin tells of a call; what it has of arguments is the first piece of them.
func (r *reader) begin(evs []chat.Event, c raw.Value, index int) []chat.Event {
	b := r.add(call, index)
	b.what, b.opened = chat.Call, true
	r.calls++
	f := c.Get("function")
	evs = append(evs, chat.Event{Kind: chat.Open, What: chat.Call, Block: b.number, ID: c.Get("id").Text(), Name: f.Get("name").Text()})
	return r.arguments(evs, b, f.Get("arguments").Text())
}

// arguments tells a piece of a call's arguments. Cohere writes "null" for a tool
// that takes none: what may become that is held back.
func (r *reader) arguments(evs []chat.Event, b *block, piece raw.Text) []chat.Event {
	if len(piece) == 0 || b.closed {
		return evs
	}
	if !b.told {
		b.held = append(b.held, piece...)
		if len(b.held) <= maxHeld && bytes.HasPrefix([]byte("null"), bytes.TrimSpace(raw.Text(b.held).Append(nil))) {
			return evs
		}
		b.told, piece = true, b.held
	}
	return append(evs, chat.Event{Kind: chat.Delta, What: chat.Call, Block: b.number, Text: piece})
}

// maxHeld bounds the blanks around what is held back, in bytes.
const maxHeld = 64

func (r *reader) end(evs []chat.Event, k kind, index raw.Value) []chat.Event {
	if b := r.find(k, index); b != nil {
		return r.close(evs, b)
	}
	return evs
}

func (r *reader) close(evs []chat.Event, b *block) []chat.Event {
	if b.closed {
		return evs
	}
	b.closed = true
	if !b.opened {
		return evs
	}
	if held := raw.Text(b.held); !b.told && !held.Blank() && string(bytes.TrimSpace(held.Append(nil))) != "null" {
		evs = append(evs, chat.Event{Kind: chat.Delta, What: chat.Call, Block: b.number, Text: held})
	}
	return append(evs, chat.Event{Kind: chat.Close, What: b.what, Block: b.number})
}

// maxCites bounds the citations that are kept for the end, in bytes.
const maxCites = 1 << 20

// cite takes note of a citation, and tells the sources that have an address.
func (r *reader) cite(evs []chat.Event, v raw.Value) []chat.Event {
	if !v.IsObject() || len(r.cites)+len(v) > maxCites {
		return evs
	}
	if len(r.cites) == 0 {
		r.cites = append(r.cites, '[')
	} else {
		r.cites = append(r.cites, ',')
	}
	r.cites = raw.AppendCompact(r.cites, v)
	if kind := v.Get("type").String(); kind != "" && kind != "TEXT_CONTENT" {
		return evs
	}
	b := r.cited(v.Get("content_index"))
	from, to := v.Get("start").Int(), v.Get("end").Int()
	if b == nil || from < 0 || to <= from {
		return evs
	}
	for e := v.Get("sources").Elements(); e.Next(); {
		doc := e.Value().Get("document")
		if url := doc.Get("url").Text(); len(url) > 0 {
			evs = append(evs, chat.Event{Kind: chat.Cite, What: chat.Text, Block: b.number, ID: url, Name: doc.Get("title").Text(), From: int(from), To: int(to)})
		}
	}
	return evs
}

// cited returns the text that a citation is of: Cohere counts the parts of the
// content. One that does not say is of the last text.
func (r *reader) cited(index raw.Value) *block {
	for i := len(r.blocks) - 1; i >= 0; i-- {
		b := &r.blocks[i]
		if b.kind == content && b.what == chat.Text && (!index.IsNumber() || int64(b.index) == index.Int()) {
			return b
		}
	}
	return nil
}
