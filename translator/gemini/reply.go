package gemini

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// reader reads one reply. A stream is made of whole replies that hold new parts
// only, so one function reads both.
type reader struct {
	trip    *chat.Trip
	id      []byte
	tier    string // as the reply's head says it
	started bool
	done    bool
	blocked bool // the prompt was
	known   bool // there was anything that Google says
	whole   bool // it came in one piece, sources and all
	number  int  // of the next block
	choices []candidate
}

// candidate is one answer.
type candidate struct {
	open     bool
	what     chat.What // of the block that is open
	block    int       // its number
	calls    int
	produced bool
	reason   []byte // why it ended, "" until it has
	words    []byte // and in whose words
	images   []byte // entries of "images"
	text     spoken
}

// Reader returns a Reader for the reply to t.
func (d *Dialect) Reader(t *chat.Trip, h chat.Headers) chat.Reader {
	return &reader{trip: t, tier: tierOf(h.Get("x-gemini-service-tier"))}
}

// Read reads one event of a stream.
func (r *reader) Read(evs []chat.Event, _, data []byte) []chat.Event {
	v := raw.Trim(data)
	if v.IsArray() { // an error may stand in a list
		for e := v.Elements(); e.Next(); {
			evs = r.chunk(evs, e.Value())
		}
		return evs
	}
	return r.chunk(evs, v)
}

// Whole reads a reply in one piece, be it a stream's that came as a list.
func (r *reader) Whole(evs []chat.Event, body []byte) []chat.Event {
	r.whole = raw.Trim(body).IsObject()
	evs = r.Read(evs, nil, body)
	switch {
	case r.done:
		return evs
	case !r.known:
		return r.fail(evs, chat.Malformed(provider))
	case len(r.choices) == 0 && !r.blocked:
		return r.fail(evs, noAnswer("The model has given no answer and no reason for it."))
	}
	return r.End(evs)
}

// End tells how the answer ended. Calls, signatures and counts may follow a reason,
// so that only the end of the stream is the end.
func (r *reader) End(evs []chat.Event) []chat.Event {
	if r.done {
		return evs
	}
	if len(r.choices) == 0 && !r.blocked {
		return r.fail(evs, chat.Incomplete(provider))
	}
	for i := range r.choices {
		if len(r.choices[i].reason) == 0 {
			return r.fail(evs, chat.Incomplete(provider))
		}
	}
	if r.blocked && len(r.choices) == 0 {
		evs = append(evs, chat.Event{Kind: chat.Finish, Reason: chat.Filtered})
	}
	for i := range r.choices {
		if evs = r.finish(evs, i); r.done {
			return evs
		}
	}
	r.done = true
	return append(evs, chat.Event{Kind: chat.Done})
}

// chunk reads one reply object.
func (r *reader) chunk(evs []chat.Event, v raw.Value) []chat.Event {
	if r.done {
		return evs
	}
	var fault, feedback, usage, version, candidates raw.Value
	for m := v.Members(); m.Next(); {
		switch string(m.Name()) {
		case "error":
			fault = m.Value()
		case "candidates":
			candidates = m.Value()
		case "promptFeedback":
			feedback = m.Value()
		case "usageMetadata":
			usage = m.Value()
		case "modelVersion":
			version = m.Value()
		case "responseId":
			if len(r.id) == 0 && !r.started {
				r.id = append(r.id, m.Value().Text()...)
			}
		}
	}
	if fault.IsObject() {
		return r.fail(evs, errorOf(0, fault))
	}
	r.known = r.known || candidates.IsArray() || feedback.IsObject() || usage.IsObject()
	evs = r.start(evs, v, version)
	if reason := feedback.Get("blockReason").String(); reason != "" && !strings.HasSuffix(reason, "UNSPECIFIED") {
		r.blocked = true
	}
	if !usage.Hollow() {
		evs = r.count(evs, usage)
	}
	for e := candidates.Elements(); e.Next() && !r.done; {
		evs = r.candidate(evs, e.Value())
	}
	return evs
}

// start tells who answers. A reply without an id gets one from what it says.
func (r *reader) start(evs []chat.Event, v, version raw.Value) []chat.Event {
	if r.started || !r.known {
		return evs
	}
	r.started = true
	if len(r.id) == 0 {
		sum := sha256.Sum256(v)
		r.id = hex.AppendEncode(nil, sum[:12])
	}
	return append(evs, chat.Event{Kind: chat.Start, ID: r.id, Name: version.Text()})
}

// mostChoices bounds the numbers of candidates that are believed.
const mostChoices = 8

// candidate reads what is new of one answer.
func (r *reader) candidate(evs []chat.Event, v raw.Value) []chat.Event {
	var content, grounding, citations, likely raw.Value
	index := 0
	for m := v.Members(); m.Next(); {
		switch string(m.Name()) {
		case "index":
			index = int(min(max(m.Value().Int(), 0), mostChoices-1))
		case "content":
			content = m.Value()
		case "groundingMetadata":
			grounding = m.Value()
		case "citationMetadata":
			citations = m.Value()
		case "logprobsResult":
			likely = m.Value()
		}
	}
	for len(r.choices) <= index {
		r.choices = append(r.choices, candidate{})
	}
	c := &r.choices[index]
	if r.whole && len(grounding) == 0 && len(citations) == 0 {
		c.text.full = true // nothing will be asked of the text
	}
	var chances raw.Value
	if likely.IsObject() {
		chances = chancesOf(likely)
	}
	i := 0
	for e := content.Get("parts").Elements(); e.Next(); i++ {
		evs = r.part(evs, index, i, e.Value(), &chances)
	}
	if len(chances) > 2 { // they came without a text
		evs = r.say(evs, index, chat.Text, nil, &chances)
	}
	evs = r.ground(evs, index, grounding, citations)
	reason := v.Get("finishReason").Text()
	if len(reason) == 0 || string(reason) == "FINISH_REASON_UNSPECIFIED" {
		return evs
	}
	c.reason = append(c.reason[:0], reason...)
	c.words = append(c.words[:0], v.Get("finishMessage").Text()...)
	if broken[string(reason)] {
		return r.fail(evs, c.failure())
	}
	return evs
}

// part is one part of an answer.
type part struct {
	what       chat.What // Text, or Thinking
	text       raw.Text
	said       bool // there is a text, be it empty
	sig        raw.Text
	call, data raw.Value
	other      raw.Text // the name of what else there is
}

func partOf(v raw.Value) (p part) {
	for m := v.Members(); m.Next(); {
		switch string(m.Name()) {
		case "text":
			p.text, p.said = m.Value().Text(), true
		case "thought":
			if m.Value().IsTrue() {
				p.what = chat.Thinking
			}
		case "thoughtSignature":
			p.sig = m.Value().Text()
		case "functionCall":
			p.call = m.Value()
		case "inlineData":
			p.data, p.other = m.Value(), m.Name()
		default:
			if m.Value().IsObject() {
				p.other = m.Name()
			}
		}
	}
	return p
}

// part reads one part of an answer, the ith of those that came together.
func (r *reader) part(evs []chat.Event, index, i int, v raw.Value, chances *raw.Value) []chat.Event {
	p := partOf(v)
	c := &r.choices[index]
	switch {
	case p.call.IsObject():
		return r.call(evs, index, p.call, p.sig)
	case p.data.IsObject() && p.what == chat.Text && c.picture(p.data):
		return evs
	case !p.said && (len(p.sig) == 0 || len(p.other) > 0):
		if len(p.other) > 0 { // as what Google did by itself
			r.trip.WarnPart(string(p.other))
		}
		return evs
	}
	if p.what == chat.Text {
		c.text.part(i)
	}
	if len(p.text) > 0 {
		evs = r.say(evs, index, p.what, p.text, chances)
	}
	if len(p.sig) == 0 {
		return evs
	}
	if !c.open || c.what != p.what {
		if p.what == chat.Text {
			p.what = chat.Redacted // a signature alone is no text
		}
		evs = r.open(evs, index, p.what)
	}
	return r.close(evs, index, p.sig)
}

// say tells a piece of a text or a thought.
func (r *reader) say(evs []chat.Event, index int, what chat.What, text raw.Text, chances *raw.Value) []chat.Event {
	c := &r.choices[index]
	if !c.open || c.what != what {
		evs = r.open(evs, index, what)
	}
	ev := chat.Event{Kind: chat.Delta, What: what, Choice: index, Block: c.block, Text: text}
	if what == chat.Text {
		c.produced = c.produced || len(text) > 0
		c.text.say(c.block, text)
		ev.Logprobs, *chances = *chances, nil
	}
	return append(evs, ev)
}

// open begins a block, and ends the one before it.
func (r *reader) open(evs []chat.Event, index int, what chat.What) []chat.Event {
	evs = r.close(evs, index, nil)
	c := &r.choices[index]
	c.open, c.what, c.block = true, what, r.number
	r.number++
	return append(evs, chat.Event{Kind: chat.Open, What: what, Choice: index, Block: c.block})
}

func (r *reader) close(evs []chat.Event, index int, sig raw.Text) []chat.Event {
	c := &r.choices[index]
	if !c.open {
		return evs
	}
	c.open = false
	ev := chat.Event{Kind: chat.Close, What: c.what, Choice: index, Block: c.block}
	if len(sig) > 0 {
		ev.Sig, ev.For = sig, forHere
	}
	return append(evs, ev)
}

// call tells a call, which comes whole: to have its arguments in pieces is a
// setting that no request of ours has, and half of them would look like all.
func (r *reader) call(evs []chat.Event, index int, v raw.Value, sig raw.Text) []chat.Event {
	if v.Get("willContinue").IsTrue() || v.Get("partialArgs").IsArray() {
		return r.fail(evs, &chat.Error{Status: 502, Type: "server_error", Code: "upstream_partial_arguments", Message: partial})
	}
	name := v.Get("name").Text()
	if len(name) == 0 {
		r.trip.WarnPart("functionCall")
		return evs
	}
	for _, prefix := range [...]string{"default_api:", "default_api."} {
		// What the model was shown the functions as, and repeats at times.
		if rest, ok := strings.CutPrefix(string(name), prefix); ok && rest != "" {
			name = raw.Text(rest)
		}
	}
	evs = r.close(evs, index, nil)
	c := &r.choices[index]
	id := v.Get("id").Text()
	if len(id) == 0 {
		id = append(append(raw.Text("call_"), r.id...), '_')
		id = strconv.AppendInt(id, int64(r.number), 10)
	}
	c.calls++
	c.produced = true
	ev := chat.Event{Kind: chat.Open, What: chat.Call, Choice: index, Block: r.number, ID: id, Name: name}
	if len(sig) > 0 {
		ev.Sig, ev.For = sig, forHere
	}
	r.number++
	evs = append(evs, ev)
	ev.Kind = chat.Close
	if args := v.Get("args"); args.IsObject() {
		evs = append(evs, chat.Event{Kind: chat.Delta, What: chat.Call, Choice: index, Block: ev.Block, JSON: args})
	}
	return append(evs, ev)
}

const partial = "The backend streams the arguments of its calls in pieces, which cannot be told here. " +
	"Take 'streamFunctionCallArguments' out of the backend's requests."

// picture keeps a picture of the answer for its end: clients know them as one list.
// It reports whether it is one.
func (c *candidate) picture(data raw.Value) bool {
	kind := data.Get("mimeType").Text()
	if !strings.HasPrefix(string(kind), "image/") {
		return false
	}
	if len(c.images) > 0 {
		c.images = append(c.images, ',')
	}
	c.produced = true
	c.images = append(append(c.images, `{"type":"image_url","image_url":{"url":"data:`...), kind...)
	c.images = append(append(append(c.images, ";base64,"...), data.Get("data").Text()...), `"}}`...)
	return true
}
