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
	scores []byte // of a whole text
}

// Reader returns a Reader for the reply to t.
func (Dialect) Reader(t *chat.Trip, h chat.Headers) chat.Reader {
	return &reader{trip: t, request: h.Get("x-request-id")}
}

// Read reads one event of a stream. Its name stands in the data as well.
func (r *reader) Read(evs []chat.Event, name, data []byte) []chat.Event {
	if r.done {
		return evs
	}
	v := raw.Trim(data)
	if kind := v.Get("type").Text(); len(kind) > 0 {
		name = kind
	}
	delta := v.Get("delta")
	switch string(name) {
	case "content-delta":
		return r.delta(r.start(evs, nil), v, delta.Get("message").Get("content"))
	case "tool-call-delta":
		if b := r.find(call, v); b != nil {
			return r.arguments(evs, b, delta.Get("message").Get("tool_calls").Get("function").Get("arguments").Text())
		}
	case "tool-plan-delta":
		return r.plan(r.start(evs, nil), delta.Get("message").Get("tool_plan").Text())
	case "message-start":
		return r.start(evs, v)
	case "content-start":
		return r.beginContent(r.start(evs, nil), v, delta.Get("message").Get("content"))
	case "content-end":
		return r.end(evs, content, v)
	case "tool-call-start":
		return r.beginCall(r.start(evs, nil), v, delta.Get("message").Get("tool_calls"))
	case "tool-call-end":
		return r.end(evs, call, v)
	case "citation-start":
		return r.cite(evs, delta.Get("message").Get("citations"))
	case "message-end":
		return r.finish(r.start(evs, v), delta)
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

func (r *reader) start(evs []chat.Event, v raw.Value) []chat.Event {
	if r.started {
		return evs
	}
	r.started = true
	return append(evs, chat.Event{Kind: chat.Start, ID: v.Get("id").Text()})
}

// add takes note of a block that begins.
func (r *reader) add(k kind, index int) *block {
	r.blocks = append(r.blocks, block{kind: k, index: index, number: len(r.blocks)})
	return &r.blocks[len(r.blocks)-1]
}

// find returns the block that an event is of. One that does not say which is of
// the last of its kind.
func (r *reader) find(k kind, v raw.Value) *block {
	index := v.Get("index")
	for i := len(r.blocks) - 1; i >= 0; i-- {
		if b := &r.blocks[i]; b.kind == k && (!index.IsNumber() || int64(b.index) == index.Int()) {
			return b
		}
	}
	return nil
}

// indexOf returns the index that v gives, for a block that has none the number
// of those of its kind that were before.
func (r *reader) indexOf(k kind, v raw.Value) int {
	if index := v.Get("index"); index.IsNumber() {
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

func (r *reader) beginContent(evs []chat.Event, v, c raw.Value) []chat.Event {
	evs = r.endPlan(evs)
	b := r.add(content, r.indexOf(content, v))
	b.what = whatOf(c)
	return r.part(evs, b, c, nil)
}

// whatOf tells text from thoughts.
func whatOf(c raw.Value) chat.What {
	if c.Get("type").String() == "thinking" || c.Get("thinking").IsText() {
		return chat.Thinking
	}
	return chat.Text
}

func (r *reader) delta(evs []chat.Event, v, c raw.Value) []chat.Event {
	b := r.find(content, v)
	what := whatOf(c)
	switch {
	case b == nil, b.opened && b.what != what, b.closed:
		b = r.add(content, r.indexOf(content, v))
		fallthrough
	default:
		b.what = what
	}
	r.scores = r.scores[:0]
	if s := v.Get("logprobs"); s.IsObject() && what == chat.Text {
		r.scores = append(appendScore(append(r.scores, '['), s), ']')
	}
	return r.part(evs, b, c, r.scores)
}

// part tells a piece of a block of text or thoughts. Pieces may be empty.
func (r *reader) part(evs []chat.Event, b *block, c raw.Value, scores []byte) []chat.Event {
	text := c.Get("text").Text()
	if b.what == chat.Thinking {
		text = c.Get("thinking").Text()
	}
	if len(b.scores) > 0 {
		scores = b.scores
	}
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

func (r *reader) beginCall(evs []chat.Event, v, c raw.Value) []chat.Event {
	return r.begin(r.endPlan(evs), c, r.indexOf(call, v))
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

func (r *reader) end(evs []chat.Event, k kind, v raw.Value) []chat.Event {
	if b := r.find(k, v); b != nil {
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
