package bedrock

import (
	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// serverTool is the type of a call that the provider has answered itself.
const serverTool = "server_tool_use"

// Whole reads the reply of Converse.
func (r *reader) Whole(evs []chat.Event, body []byte) []chat.Event {
	reply := raw.Trim(body)
	content := reply.Get("output").Get("message").Get("content")
	if !content.IsArray() || !reply.Get("stopReason").IsText() {
		// Paths that Bedrock does not know are answered with a 200.
		err := chat.Malformed(provider)
		err.RequestID = r.request
		r.done = true
		return append(evs, chat.Event{Kind: chat.Fail, Err: err})
	}
	evs = r.start(evs)
	for e := content.Elements(); e.Next(); {
		evs = r.part(evs, e.Value())
	}
	r.exact = content
	evs = r.metadata(evs, reply)
	r.reason = append(r.reason[:0], reply.Get("stopReason").Text()...)
	r.stopped = true
	return r.finish(evs)
}

// part reads one block of a whole answer. It is told as the stream would tell it.
func (r *reader) part(evs []chat.Event, part raw.Value) []chat.Event {
	b := r.find(len(r.blocks))
	m := part.Members()
	if !m.Next() {
		return evs
	}
	v := m.Value()
	switch string(m.Name()) {
	case "text":
		evs = r.say(evs, b, chat.Text, v.Text())
	case "citationsContent":
		for e := v.Get("content").Elements(); e.Next(); {
			evs = r.say(evs, b, chat.Text, e.Value().Get("text").Text())
		}
		for e := v.Get("citations").Elements(); e.Next(); {
			evs = r.cite(evs, b, e.Value())
		}
	case "reasoningContent":
		if text := v.Get("reasoningText"); text.IsObject() {
			evs = r.open(evs, b, chat.Thinking)
			evs = r.say(evs, b, chat.Thinking, text.Get("text").Text())
			b.sig = append(b.sig, text.Get("signature").Text()...)
		} else if data := v.Get("redactedContent"); data.IsText() {
			evs = r.open(evs, b, chat.Redacted)
			b.sig = append(b.sig, data.Text()...)
		}
	case "toolUse":
		if v.Get("type").String() == serverTool {
			r.untold(b, serverTool)
			break
		}
		evs = r.called(evs, b, v)
		if input := v.Get("input"); input.Is() {
			b.said = true
			evs = append(evs, chat.Event{Kind: chat.Delta, What: chat.Call, Block: b.number, JSON: input})
		}
	default:
		r.untold(b, string(m.Name()))
	}
	return r.close(evs, b)
}

// untold takes note of a block that OpenAI has no word for.
func (r *reader) untold(b *block, kind string) {
	b.what = chat.Opaque
	r.trip.WarnPart(kind)
}

// metadata reads what both kinds of reply say of themselves.
func (r *reader) metadata(evs []chat.Event, v raw.Value) []chat.Event {
	ev := chat.Event{Kind: chat.Counts, Usage: r.usage(v.Get("usage")), Undivided: true}
	switch tier := v.Get("serviceTier").Get("type").String(); tier {
	case "reserved":
		ev.Tier = "scale"
	default:
		ev.Tier = tier
	}
	return append(evs, ev)
}

// usage adds up what Bedrock counts apart: inputTokens is only what was neither
// read from the cache nor written to it.
func (r *reader) usage(v raw.Value) (u chat.Usage) {
	u.Input = v.Get("inputTokens").Int()
	u.Cached = v.Get("cacheReadInputTokens").Int()
	u.CacheWrite = v.Get("cacheWriteInputTokens").Int()
	u.Output = v.Get("outputTokens").Int()
	cache := u.Cached + u.CacheWrite
	if r.m.vendor == gpt && r.streamed && cache > 0 && u.Input >= cache {
		cache = 0 // the streams of OpenAI's models count the cache in
	}
	u.Input += cache
	u.Total = u.Input + u.Output
	return u
}

// finish ends an answer whose stream, or body, has told all.
func (r *reader) finish(evs []chat.Event) []chat.Event {
	produced := false
	for i := range r.blocks {
		produced = produced || r.blocks[i].opened
		evs = r.close(evs, &r.blocks[i])
	}
	r.done = true
	reason, known := reasons[string(r.reason)]
	switch {
	case string(r.reason) == "malformed_model_output", string(r.reason) == "malformed_tool_use":
		return r.fail(evs, &chat.Error{Status: 502, Type: "server_error", Code: string(r.reason),
			Message: "The model has produced an answer that Bedrock cannot read (" + string(r.reason) + ")."})
	case !known && !produced:
		return r.fail(evs, chat.NoAnswer(provider, r.reason))
	case reason == chat.Stop && r.calls > 0:
		reason = chat.ToolCalls
	}
	if !known {
		r.trip.WarnEnd(chat.UnknownEnd)
	}
	if list := r.list(); len(list) > 0 {
		evs = append(evs, chat.Event{Kind: chat.Replay, JSON: list, For: forHere})
	} else if r.odd && r.lost != "" {
		r.trip.Warn(chat.HistoryMember, r.lost)
	}
	return append(evs, chat.Event{Kind: chat.Finish, Reason: reason}, chat.Event{Kind: chat.Done})
}

// reasons are why answers end. One that is not here is told as what it looks like.
var reasons = map[string]chat.Reason{
	"end_turn":                      chat.Stop,
	"stop_sequence":                 chat.Stop,
	"tool_use":                      chat.ToolCalls,
	"max_tokens":                    chat.Length,
	"model_context_window_exceeded": chat.Length,
	"guardrail_intervened":          chat.Filtered,
	"content_filtered":              chat.Filtered,
}

func (r *reader) fail(evs []chat.Event, err *chat.Error) []chat.Event {
	r.done = true
	err.Provider, err.RequestID = provider, r.request
	return append(evs, chat.Event{Kind: chat.Fail, Err: err})
}
