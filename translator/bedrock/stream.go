package bedrock

import (
	"encoding/base64"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// reader reads one reply.
type reader struct {
	trip    *chat.Trip
	m       model
	request string // Bedrock's id of the request, the only one that there is

	blocks []block
	number int // of the next block that the client hears of
	calls  int

	started, streamed      bool
	stopped, counted, done bool
	reason                 []byte

	// The exact blocks of the answer, for those that lists of reasoning, text and
	// calls cannot tell.
	records bool   // the model wants its reasoning back
	odd     bool   // the answer is such a one
	bytes   int    // kept for it
	lost    string // why it cannot be kept; "" while it can
	exact   raw.Value
}

// block is one block of the answer, by Bedrock's index.
type block struct {
	index, number int
	what          chat.What
	opened        bool // the client has heard of it
	closed        bool
	said          bool // with a delta

	id, name, sig []byte
	kept          []byte // what it said, where records is set
	cites         []byte // its citations, likewise
}

// Reader returns a Reader for the reply to t.
func (Dialect) Reader(t *chat.Trip, h chat.Headers) chat.Reader {
	m := modelOf(t)
	return &reader{
		trip: t, m: m, request: h.Get("x-amzn-requestid"),
		records: (m.isClaude() || m.vendor == gpt) && t.JSONTool == "",
	}
}

// Read reads one event of ConverseStream.
func (r *reader) Read(evs []chat.Event, name, data []byte) []chat.Event {
	if r.done {
		return evs
	}
	r.streamed = true
	v := raw.Trim(data)
	switch string(name) {
	case "contentBlockDelta":
		return r.delta(r.start(evs), v)
	case "contentBlockStart":
		return r.begin(r.start(evs), v)
	case "contentBlockStop":
		return r.close(r.start(evs), r.find(int(v.Get("contentBlockIndex").Int())))
	case "messageStart":
		return r.start(evs)
	case "messageStop":
		r.reason = append(r.reason[:0], v.Get("stopReason").Text()...)
		r.stopped = true
	case "metadata":
		evs = r.metadata(evs, v)
		r.counted = true
	default:
		if len(name) > 0 && name[0] == '!' {
			return r.fail(evs, inStream(name[1:], data))
		}
	}
	// An exception may follow messageStop as long as the counts have not come: the
	// end waits for both, and no text waits with it.
	if r.stopped && r.counted {
		return r.finish(r.start(evs))
	}
	return evs
}

// End ends a stream that may lack its counts, but not its end.
func (r *reader) End(evs []chat.Event) []chat.Event {
	switch {
	case r.done:
		return evs
	case r.stopped:
		return r.finish(r.start(evs))
	}
	return r.fail(evs, chat.Incomplete(provider))
}

func (r *reader) start(evs []chat.Event) []chat.Event {
	if r.started {
		return evs
	}
	r.started = true
	return append(evs, chat.Event{Kind: chat.Start, ID: raw.Quote(r.request)})
}

// find returns the block with that index, a new one where there is none.
func (r *reader) find(index int) *block {
	for i := len(r.blocks) - 1; i >= 0; i-- {
		if r.blocks[i].index == index {
			return &r.blocks[i]
		}
	}
	r.blocks = append(r.blocks, block{index: index})
	return &r.blocks[len(r.blocks)-1]
}

// begin reads contentBlockStart, which only calls and what we cannot tell have.
func (r *reader) begin(evs []chat.Event, v raw.Value) []chat.Event {
	b := r.find(int(v.Get("contentBlockIndex").Int()))
	m := v.Get("start").Members()
	if b.opened || !m.Next() {
		return evs
	}
	start := m.Value()
	if string(m.Name()) == "toolUse" && start.Get("type").String() != serverTool {
		return r.called(evs, b, start)
	}
	r.untold(b, string(m.Name()))
	r.odd = true
	r.forgo("incomplete") // of what it holds, the stream tells too little to say it again
	return evs
}

func (r *reader) delta(evs []chat.Event, v raw.Value) []chat.Event {
	b := r.find(int(v.Get("contentBlockIndex").Int()))
	m := v.Get("delta").Members()
	if !m.Next() || b.what == chat.Opaque {
		return evs
	}
	delta := m.Value()
	switch string(m.Name()) {
	case "text":
		return r.say(evs, b, chat.Text, delta.Text())
	case "toolUse":
		if b.what == chat.Call {
			return r.say(evs, b, chat.Call, delta.Get("input").Text())
		}
	case "citation":
		return r.cite(evs, b, delta)
	case "reasoningContent":
		return r.think(evs, b, delta)
	}
	return evs
}

// think reads a piece of reasoning: of its text, its signature, or what replaces both.
func (r *reader) think(evs []chat.Event, b *block, v raw.Value) []chat.Event {
	m := v.Members()
	if !m.Next() {
		return evs
	}
	piece := m.Value().Text()
	switch string(m.Name()) {
	case "text":
		evs = r.open(evs, b, chat.Thinking)
		return r.say(evs, b, chat.Thinking, piece)
	case "signature":
		evs = r.open(evs, b, chat.Thinking)
		b.sig = append(b.sig, piece...)
	case "redactedContent":
		evs = r.open(evs, b, chat.Redacted)
		b.sig = join(b.sig, piece)
	}
	return evs
}

// join puts two pieces of base64 together. One that was padded ends within a
// group of four, so that the pieces do not simply follow each other.
func join(a, b []byte) []byte {
	if n := len(a); n == 0 || a[n-1] != '=' {
		return append(a, b...)
	}
	data, _ := base64.StdEncoding.AppendDecode(nil, a)
	data, _ = base64.StdEncoding.AppendDecode(data, b)
	return base64.StdEncoding.AppendEncode(a[:0], data)
}

// open tells the client of a block, once.
func (r *reader) open(evs []chat.Event, b *block, what chat.What) []chat.Event {
	if b.opened {
		return evs
	}
	b.what, b.opened, b.number = what, true, r.number
	r.number++
	if what == chat.Thinking || what == chat.Redacted {
		r.odd = r.odd || b.number > 0
	}
	return append(evs, chat.Event{Kind: chat.Open, What: what, Block: b.number, ID: b.id, Name: b.name})
}

// called tells the client of a call.
func (r *reader) called(evs []chat.Event, b *block, v raw.Value) []chat.Event {
	b.id = append(b.id, v.Get("toolUseId").Text()...)
	b.name = append(b.name, v.Get("name").Text()...)
	r.calls++
	return r.open(evs, b, chat.Call)
}

// say tells a piece of a block. Pieces may be empty.
func (r *reader) say(evs []chat.Event, b *block, what chat.What, piece raw.Text) []chat.Event {
	if len(piece) == 0 {
		return evs
	}
	evs = r.open(evs, b, what)
	b.said = true
	r.keep(&b.kept, piece)
	return append(evs, chat.Event{Kind: chat.Delta, What: b.what, Block: b.number, Text: piece})
}

// cite tells a citation, if it has an address.
func (r *reader) cite(evs []chat.Event, b *block, v raw.Value) []chat.Event {
	if len(b.cites) > 0 {
		r.keep(&b.cites, []byte{','})
	}
	r.keep(&b.cites, v)
	url := v.Get("location").Get("web").Get("url").Text()
	if len(url) == 0 {
		return evs
	}
	evs = r.open(evs, b, chat.Text)
	return append(evs, chat.Event{Kind: chat.Cite, What: chat.Text, Block: b.number, ID: url, Name: v.Get("title").Text()})
}

// close ends a block that the client has heard of.
func (r *reader) close(evs []chat.Event, b *block) []chat.Event {
	if b.what == chat.Opaque {
		r.odd = true
	}
	if !b.opened || b.closed {
		return evs
	}
	b.closed = true
	if b.what == chat.Call && !b.said {
		evs = append(evs, chat.Event{Kind: chat.Delta, What: chat.Call, Block: b.number, Text: raw.Text("{}")})
	}
	ev := chat.Event{Kind: chat.Close, What: b.what, Block: b.number}
	if len(b.sig) > 0 {
		ev.Sig, ev.For = b.sig, r.m.signs()
	}
	return append(evs, ev)
}
