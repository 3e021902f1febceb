package anthropic

import (
	"encoding/base64"

	"llmroute/translator/aws"
	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// Reader returns a Reader for the reply to t.
func (d *Dialect) Reader(t *chat.Trip, _ chat.Headers) chat.Reader {
	return &reader{trip: t, wrapped: d.home == bedrock}
}

// reader reads one reply, message or stream.
type reader struct {
	trip    *chat.Trip
	wrapped bool // each event comes in base64
	payload []byte

	open   []block
	next   int // the number of the next block that the client sees
	usage  chat.Usage
	tier   string
	reason raw.Text
	why    []byte // the model's words for refusing, within a JSON string
	ended  bool   // nothing that follows counts
	exact  record
}

// block is a block of the stream that is open.
type block struct {
	index  int64 // Anthropic's number
	number int   // ours
	what   chat.What
	sig    []byte
}

// Read appends the events of one frame.
func (r *reader) Read(evs []chat.Event, name, data []byte) []chat.Event {
	if r.ended || len(data) == 0 {
		return evs
	}
	if !r.wrapped {
		return r.event(evs, raw.Trim(data))
	}
	if len(name) > 0 && name[0] == '!' {
		return r.fail(evs, exception(0, aws.Named(string(name[1:])), raw.Trim(data)))
	}
	var err error
	r.payload, err = base64.StdEncoding.AppendDecode(r.payload[:0], raw.Trim(data).Get("bytes").Text())
	if err != nil {
		return r.fail(evs, chat.Malformed(provider))
	}
	return r.event(evs, raw.Trim(r.payload))
}

// fields are the members of an event.
type fields struct {
	kind, index, message, block, delta, usage, fault raw.Value
}

func fieldsOf(v raw.Value) (f fields) {
	for m := v.Members(); m.Next(); {
		switch string(m.Name()) {
		case "type":
			f.kind = m.Value()
		case "index":
			f.index = m.Value()
		case "message":
			f.message = m.Value()
		case "content_block":
			f.block = m.Value()
		case "delta":
			f.delta = m.Value()
		case "usage":
			f.usage = m.Value()
		case "error":
			f.fault = m.Value()
		}
	}
	return f
}

// event appends what one event of the stream means. Kinds that are not known
// mean nothing: Anthropic adds to them.
func (r *reader) event(evs []chat.Event, v raw.Value) []chat.Event {
	f := fieldsOf(v)
	switch string(f.kind.Text()) {
	case "message_start":
		evs = append(evs, chat.Event{Kind: chat.Start, ID: f.message.Get("id").Text(), Name: f.message.Get("model").Text()})
		return r.count(evs, f.message.Get("usage"))
	case "content_block_start":
		return r.begin(evs, f.index.Int(), f.block)
	case "content_block_delta":
		if b := r.find(f.index.Int()); b != nil {
			p := pieceOf(f.delta)
			r.exact.delta(b.index, &p)
			return r.delta(evs, b, &p)
		}
	case "content_block_stop":
		return r.end(evs, f.index.Int())
	case "message_delta":
		r.stopped(f.delta)
		return r.count(evs, f.usage)
	case "message_stop":
		if r.usage == (chat.Usage{}) {
			evs = r.measured(evs, v.Get("amazon-bedrock-invocationMetrics"))
		}
		return r.finish(evs)
	case "ping":
		return append(evs, chat.Event{Kind: chat.Ping})
	case "error":
		return r.fail(evs, errorOf(0, f.fault))
	case "":
		if f.fault.IsObject() { // a cloud's front end gives its errors no type
			return r.fail(evs, errorOf(0, f.fault))
		}
	}
	return evs
}

func (r *reader) find(index int64) *block {
	for i := range r.open {
		if r.open[i].index == index {
			return &r.open[i]
		}
	}
	return nil
}

// begin appends what the start of a block means. Blocks that clients of other
// vendors have no words for stay in the record alone.
func (r *reader) begin(evs []chat.Event, index int64, v raw.Value) []chat.Event {
	kind := string(v.Get("type").Text())
	r.exact.begin(index, kind, v)
	b := block{index: index, number: r.next, what: chat.Opaque}
	ev := chat.Event{Kind: chat.Open, Block: r.next}
	switch kind {
	case "text":
		b.what = chat.Text
	case "thinking":
		b.what = chat.Thinking
		b.sig = append(b.sig, v.Get("signature").Text()...)
	case "redacted_thinking":
		b.what = chat.Redacted
		b.sig = append(b.sig, v.Get("data").Text()...)
	case "tool_use":
		b.what = chat.Call
		ev.ID, ev.Name = v.Get("id").Text(), v.Get("name").Text()
	}
	r.open = append(r.open, b)
	if b.what == chat.Opaque {
		return evs
	}
	r.next++
	ev.What = b.what
	evs = append(evs, ev)
	switch b.what {
	case chat.Text:
		return r.said(evs, &b, v.Get("text").Text())
	case chat.Thinking:
		return r.said(evs, &b, v.Get("thinking").Text())
	case chat.Call:
		if input := v.Get("input"); !input.Hollow() {
			return append(evs, chat.Event{Kind: chat.Delta, What: chat.Call, Block: b.number, JSON: input})
		}
	}
	return evs
}

func (r *reader) said(evs []chat.Event, b *block, text raw.Text) []chat.Event {
	if len(text) == 0 {
		return evs
	}
	return append(evs, chat.Event{Kind: chat.Delta, What: b.what, Block: b.number, Text: text})
}

// piece is what a delta adds to a block: text of it, or the rest. What only its
// vendor can read is a signature, be it of a thought or of a compacted history.
type piece struct {
	text, sig raw.Text
	citation  raw.Value
}

func pieceOf(delta raw.Value) (p piece) {
	for m := delta.Members(); m.Next(); {
		switch string(m.Name()) {
		case "text", "thinking", "partial_json", "content":
			p.text = m.Value().Text()
		case "signature", "encrypted_content":
			p.sig = m.Value().Text()
		case "citation":
			p.citation = m.Value()
		}
	}
	return p
}

// delta appends what a piece of a block means.
func (r *reader) delta(evs []chat.Event, b *block, p *piece) []chat.Event {
	switch {
	case b.what == chat.Opaque:
	case len(p.text) > 0:
		return r.said(evs, b, p.text)
	case p.sig != nil:
		b.sig = append(b.sig[:0], p.sig...)
	case len(p.citation) > 0:
		return r.cite(evs, b, p.citation)
	}
	return evs
}

// cite tells of a source that has an address.
func (r *reader) cite(evs []chat.Event, b *block, v raw.Value) []chat.Event {
	url := v.Get("url").Text()
	if len(url) == 0 {
		return evs
	}
	return append(evs, chat.Event{Kind: chat.Cite, What: b.what, Block: b.number, ID: url, Name: v.Get("title").Text()})
}

func (r *reader) end(evs []chat.Event, index int64) []chat.Event {
	b := r.find(index)
	if b == nil {
		return evs
	}
	if b.what != chat.Opaque {
		ev := chat.Event{Kind: chat.Close, What: b.what, Block: b.number}
		if len(b.sig) > 0 {
			ev.Sig, ev.For = b.sig, provider
		}
		evs = append(evs, ev)
	}
	last := len(r.open) - 1
	*b = r.open[last]
	r.open = r.open[:last]
	return evs
}

// count takes over what a usage object says. Later ones may leave out what the
// first has said, and what they say replaces it: they count from the beginning.
func (r *reader) count(evs []chat.Event, v raw.Value) []chat.Event {
	if !v.IsObject() {
		return evs
	}
	u := &r.usage
	input := u.Input - u.Cached - u.CacheWrite
	for m := v.Members(); m.Next(); {
		n := m.Value()
		if !n.Is() {
			continue
		}
		switch string(m.Name()) {
		case "input_tokens":
			input = n.Int()
		case "cache_read_input_tokens":
			u.Cached = n.Int()
		case "cache_creation_input_tokens":
			u.CacheWrite = n.Int()
		case "output_tokens":
			u.Output = n.Int()
		case "output_tokens_details":
			u.Reasoning = n.Get("thinking_tokens").Int()
		case "service_tier":
			r.tier = tierOf(n)
		}
	}
	u.Input = input + u.Cached + u.CacheWrite
	u.Total = u.Input + u.Output
	return append(evs, chat.Event{Kind: chat.Counts, Usage: *u, Tier: r.tier})
}

// measured takes over Bedrock's own counts of a stream that has told none.
func (r *reader) measured(evs []chat.Event, v raw.Value) []chat.Event {
	if !v.IsObject() {
		return evs
	}
	u := &r.usage
	u.Cached, u.CacheWrite = v.Get("cacheReadInputTokenCount").Int(), v.Get("cacheWriteInputTokenCount").Int()
	u.Input = v.Get("inputTokenCount").Int() + u.Cached + u.CacheWrite
	u.Output = v.Get("outputTokenCount").Int()
	u.Total = u.Input + u.Output
	return append(evs, chat.Event{Kind: chat.Counts, Usage: *u})
}

// tierOf returns a tier in OpenAI's words, without memory for those there are.
func tierOf(v raw.Value) string {
	switch string(v.Text()) {
	case "standard":
		return "default"
	case "priority":
		return "priority"
	}
	return ""
}

// stopped takes note of why the answer ends.
func (r *reader) stopped(v raw.Value) {
	if reason := v.Get("stop_reason").Text(); len(reason) > 0 {
		r.reason = append(r.reason[:0], reason...)
	}
	if why := v.Get("stop_details").Get("explanation").Text(); len(why) > 0 {
		r.why = append(r.why[:0], why...)
	}
}

// pauseTurn is how Claude stops where its own tools have taken long.
const pauseTurn = "pause_turn"

// reasonOf returns why Claude stops, in OpenAI's words. One that is not here leaves
// it to what was said: new ones must not fail an answer.
func reasonOf(reason raw.Text) chat.Reason {
	switch string(reason) {
	case "end_turn", "stop_sequence", pauseTurn:
		return chat.Stop
	case "max_tokens", "model_context_window_exceeded":
		return chat.Length
	case "tool_use":
		return chat.ToolCalls
	case "refusal":
		return chat.Filtered
	}
	return ""
}

// finish appends the end of the answer.
func (r *reader) finish(evs []chat.Event) []chat.Event {
	r.ended = true
	for len(r.open) > 0 {
		evs = r.end(evs, r.open[0].index)
	}
	reason := reasonOf(r.reason)
	switch {
	case reason == "" && r.next == 0 && !r.exact.opaque:
		return r.fail(evs, chat.NoAnswer(provider, r.reason))
	case reason == "":
		r.trip.WarnEnd(chat.UnknownEnd)
	case string(r.reason) == pauseTurn:
		// Sent back as it is, it would go on: clients of OpenAI know no such thing.
		r.trip.WarnEnd(pauseTurn)
	}
	if reason == chat.Filtered {
		why := raw.Text(r.why)
		if len(why) == 0 {
			why = raw.Text("The model declined to answer.")
		}
		b := block{number: r.next, what: chat.Declined}
		evs = append(evs, chat.Event{Kind: chat.Open, What: b.what, Block: b.number})
		evs = append(r.said(evs, &b, why), chat.Event{Kind: chat.Close, What: b.what, Block: b.number})
	}
	switch list := r.exact.list(); {
	case list != nil:
		evs = append(evs, chat.Event{Kind: chat.Replay, JSON: list, For: provider})
	case r.exact.wanted():
		r.trip.Warn(chat.HistoryMember, "too_long")
	}
	return append(evs, chat.Event{Kind: chat.Finish, Reason: reason, Text: r.reason}, chat.Event{Kind: chat.Done})
}

func (r *reader) fail(evs []chat.Event, err *chat.Error) []chat.Event {
	r.ended = true
	return append(evs, chat.Event{Kind: chat.Fail, Err: err})
}

// End appends the error of a stream that stopped before its message_stop.
func (r *reader) End(evs []chat.Event) []chat.Event {
	if r.ended {
		return evs
	}
	return r.fail(evs, chat.Incomplete(provider))
}

// Whole appends the events of a message that came in one piece.
func (r *reader) Whole(evs []chat.Event, body []byte) []chat.Event {
	v := raw.Trim(body)
	if fault := v.Get("error"); fault.IsObject() {
		err := errorOf(0, fault)
		err.RequestID = v.Get("request_id").String()
		return r.fail(evs, err)
	}
	content := v.Get("content")
	if !content.IsArray() {
		return r.fail(evs, chat.Malformed(provider))
	}
	evs = append(evs, chat.Event{Kind: chat.Start, ID: v.Get("id").Text(), Name: v.Get("model").Text()})
	index := int64(0)
	for e := content.Elements(); e.Next(); index++ {
		b := e.Value()
		evs = r.begin(evs, index, b)
		for c := b.Get("citations").Elements(); c.Next(); {
			evs = r.cite(evs, r.find(index), c.Value())
		}
		evs = r.end(evs, index)
	}
	r.exact.whole(content)
	r.stopped(v)
	evs = r.count(evs, v.Get("usage"))
	return r.finish(evs)
}
