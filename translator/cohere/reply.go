package cohere

import (
	"math"
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// Whole reads an answer that came in one piece. It is told as a stream would
// tell it.
func (r *reader) Whole(evs []chat.Event, body []byte) []chat.Event {
	reply := raw.Trim(body)
	message := reply.Get("message")
	if !message.IsObject() || !reply.Get("finish_reason").IsText() {
		err := chat.Malformed(provider)
		if message.IsText() {
			err = failed("", message.String())
		}
		return r.fail(evs, err)
	}
	evs = r.start(evs, reply.Get("id"))
	scores := appendScores(nil, reply.Get("logprobs").Elements())
	for e := message.Get("content").Elements(); e.Next(); {
		b := r.add(content, len(r.blocks))
		part := e.Value()
		switch part.Get("type").String() {
		case "text":
			evs = r.part(evs, b, part.Get("text").Text(), scores)
			scores = nil // they are the reply's, not a part's
		case "thinking":
			b.what = chat.Thinking
			evs = r.part(evs, b, part.Get("thinking").Text(), nil)
		default:
			b.what = chat.Opaque
			r.trip.WarnPart(part.Get("type").String())
		}
		evs = r.close(evs, b)
	}
	if text := message.Get("tool_plan").Text(); len(text) > 0 {
		evs = r.plan(evs, text)
	}
	for e := message.Get("tool_calls").Elements(); e.Next(); {
		evs = r.begin(r.endPlan(evs), e.Value(), len(r.blocks))
		evs = r.close(evs, &r.blocks[len(r.blocks)-1])
	}
	for e := message.Get("citations").Elements(); e.Next(); {
		evs = r.cite(evs, e.Value())
	}
	return r.finish(evs, reply)
}

// finish ends the answer as v, the reply or the end of its stream, says.
func (r *reader) finish(evs []chat.Event, v raw.Value) []chat.Event {
	reason := v.Get("finish_reason").String()
	if why := v.Get("error"); why.Is() || reason == "ERROR" {
		text := why.String()
		if text == "" {
			text = why.Get("message").String()
		}
		return r.fail(evs, failed("model_error", text))
	}
	ends, known := reasons[reason]
	spoken := false
	for i := range r.blocks {
		evs = r.close(evs, &r.blocks[i])
		spoken = spoken || r.blocks[i].opened
	}
	switch {
	case !known && !spoken:
		return r.fail(evs, failed("upstream_no_answer", "The model has stopped without an answer: "+reason+"."))
	case !spoken || r.calls == 0 && !r.worded:
		b := r.add(content, len(r.blocks)) // the content is empty, and not missing
		b.what = chat.Text
		evs = r.close(r.open(evs, b), b)
	}
	if !known {
		r.trip.WarnEnd(chat.UnknownEnd)
	}
	if len(r.cites) > 0 {
		evs = append(evs, chat.Event{Kind: chat.Extra, Name: raw.Text("citations"), JSON: append(r.cites, ']')})
	}
	if u := v.Get("usage"); !u.Hollow() {
		evs = append(evs, chat.Event{Kind: chat.Counts, Usage: usageOf(u), Undivided: true})
	}
	r.done = true
	return append(evs, chat.Event{Kind: chat.Finish, Reason: ends}, chat.Event{Kind: chat.Done})
}

// reasons are why answers end. Where it depends on whether tools were called, ""
// leaves it to that. TIMEOUT has cut the text, which "stop" would hide.
var reasons = map[string]chat.Reason{
	"COMPLETE":      "",
	"STOP_SEQUENCE": "",
	"TOOL_CALL":     "",
	"USER_CANCEL":   "",
	"MAX_TOKENS":    chat.Length,
	"TIMEOUT":       chat.Length,
	"ERROR_LIMIT":   chat.Length,
	"ERROR_TOXIC":   chat.Filtered,
}

// usageOf reads what was counted. The tokens are what the model read and wrote;
// what is billed leaves out Cohere's own preamble, and stands in for them only
// where they are missing.
func usageOf(v raw.Value) (u chat.Usage) {
	tokens, billed := v.Get("tokens"), v.Get("billed_units")
	count := func(name string) int64 {
		if n := tokens.Get(name); n.IsNumber() {
			return n.Int()
		}
		return billed.Get(name).Int()
	}
	u.Input, u.Output = count("input_tokens"), count("output_tokens")
	u.Cached = min(v.Get("cached_tokens").Int(), u.Input)
	u.Total = u.Input + u.Output
	return u
}

// failed returns the error of a reply that said at first that it was none.
func failed(code, text string) *chat.Error {
	if text == "" {
		text = noWords
	}
	return &chat.Error{Status: 502, Type: "server_error", Code: code, Message: text}
}

// appendScores appends how likely tokens were, as OpenAI has it: an array, or
// nothing when there is none.
func appendScores(dst []byte, e raw.Elements) []byte {
	for e.Next() {
		if len(dst) == 0 {
			dst = append(dst, '[')
		} else {
			dst[len(dst)-1] = ','
		}
		dst = append(appendScore(dst, e.Value()), ']')
	}
	return dst
}

// appendScore appends how likely a piece of text was. Cohere tells it of the
// piece's tokens one by one.
func appendScore(dst []byte, v raw.Value) []byte {
	text := v.Get("text").Text()
	sum := 0.0
	for e := v.Get("logprobs").Elements(); e.Next(); {
		n, _ := strconv.ParseFloat(string(e.Value()), 64)
		sum += n
	}
	if math.IsInf(sum, 0) || math.IsNaN(sum) {
		sum = -9999 // what OpenAI says of a token that was out of the question
	}
	chance := strconv.AppendFloat(nil, sum, 'g', -1, 64)
	return append(chat.AppendToken(dst, text, chance), `,"top_logprobs":[]}`...)
}
