package openai

import (
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// stream writes an answer as chunks. The official clients are particular: one
// id, one role, a call's id and name once, every list of a delta in one chunk,
// nothing for a choice after its finish.
type stream struct {
	answer
	prefix []byte // of every chunk with a delta, up to the choice's index
}

// What chunks end with: one with a delta, and the last of a choice.
const (
	unscored   = `},"logprobs":null`
	going      = `,"finish_reason":null}]}` + "\n\n"
	unfinished = unscored + going
	finished   = `"}]}` + "\n\n"
)

// Write appends the chunks that ev means.
func (s *stream) Write(dst []byte, ev *chat.Event) []byte {
	if s.ended {
		return dst
	}
	switch ev.Kind {
	case chat.Fail, chat.Ping, chat.Counts:
	default:
		dst = s.begin(dst, ev)
	}
	switch ev.Kind {
	case chat.Open:
		return s.opened(dst, ev)
	case chat.Delta:
		return s.delta(dst, ev)
	case chat.Cite:
		s.cite(ev)
	case chat.Close:
		return s.closed(dst, ev)
	case chat.Replay:
		return s.detail(dst, ev, nil)
	case chat.Extra:
		dst = append(raw.AppendText(s.chunk(dst, ev), ev.Name), ':')
		return append(raw.AppendCompact(dst, ev.JSON), unfinished...)
	case chat.Finish:
		return s.finish(dst, ev)
	case chat.Counts:
		s.count(ev)
	case chat.Ping:
		return append(dst, ": ping\n\n"...)
	case chat.Done:
		return s.done(dst)
	case chat.Fail:
		s.ended = true
		dst = Dialect{}.WriteError(append(dst, "data: "...), ev.Err)
		return append(dst, "\n\n"...)
	}
	return dst
}

// begin appends the chunk that says who speaks, before the first of a choice.
func (s *stream) begin(dst []byte, ev *chat.Event) []byte {
	c := s.choice(ev)
	if c.begun {
		return dst
	}
	c.begun = true
	if s.prefix == nil {
		if ev.Kind == chat.Start {
			s.start(ev)
		}
		s.prefix = s.head(append(s.prefix, "data: "...), "chat.completion.chunk")
		s.prefix = append(s.prefix, `{"index":`...)
	}
	return append(append(s.chunk(dst, ev), `"role":"assistant","content":"","refusal":null`...), unfinished...)
}

// chunk begins a chunk with a delta of the event's choice.
func (s *stream) chunk(dst []byte, ev *chat.Event) []byte {
	dst = strconv.AppendInt(append(dst, s.prefix...), int64(ev.Choice), 10)
	return append(dst, `,"delta":{`...)
}

func (s *stream) opened(dst []byte, ev *chat.Event) []byte {
	b := s.answer.begin(ev)
	if ev.What != chat.Call && ev.What != chat.Custom {
		return dst
	}
	dst = s.chunk(dst, ev)
	if s.trip.Request.Legacy {
		return append(append(s.appendCall(dst, ev, b, false), `"}`...), unfinished...)
	}
	dst = append(s.appendCall(append(dst, `"tool_calls":[`...), ev, b, true), `"}`...)
	return append(append(appendSignature(dst, ev), `}]`...), unfinished...)
}

func (s *stream) delta(dst []byte, ev *chat.Event) []byte {
	member := ""
	switch ev.What {
	case chat.Text:
		member = `"content":"`
		s.choice(ev).runes += ev.Text.Runes()
	case chat.Declined:
		member = `"refusal":"`
	case chat.Thinking:
		member = `"reasoning_content":"`
		if b := s.find(ev.Block); b != nil {
			b.text = append(b.text, ev.Text...)
		}
	case chat.Call, chat.Custom:
		return s.arguments(dst, ev)
	}
	scored := len(ev.Logprobs) > 2
	if member == "" || len(ev.Text) == 0 && !scored {
		return dst
	}
	dst = append(append(append(s.chunk(dst, ev), member...), ev.Text...), '"')
	if !scored {
		return append(dst, unfinished...)
	}
	scores := raw.AppendCompact(nil, ev.Logprobs) // a line must not end within
	dst = appendLogprobs(append(dst, `},"logprobs":`...), scores[1:len(scores)-1])
	return append(dst, going...)
}

func (s *stream) arguments(dst []byte, ev *chat.Event) []byte {
	b := s.find(ev.Block)
	if b == nil || len(ev.Text) == 0 && len(ev.JSON) == 0 {
		return dst
	}
	b.sent = true
	dst = s.chunk(dst, ev)
	if s.trip.Request.Legacy {
		dst = appendArguments(append(dst, `"function_call":{"arguments":"`...), ev)
		return append(append(dst, `"}`...), unfinished...)
	}
	dst = strconv.AppendInt(append(dst, `"tool_calls":[{"index":`...), int64(b.call), 10)
	if ev.What == chat.Custom {
		dst = append(dst, `,"custom":{"input":"`...)
	} else {
		dst = append(dst, `,"function":{"arguments":"`...)
	}
	return append(append(appendArguments(dst, ev), `"}}]`...), unfinished...)
}

func (s *stream) closed(dst []byte, ev *chat.Event) []byte {
	b := s.find(ev.Block)
	if b == nil {
		return dst
	}
	switch ev.What {
	case chat.Text:
		s.choice(ev).noteAll(b)
	case chat.Call:
		if !b.sent {
			dst = s.arguments(dst, &chat.Event{What: chat.Call, Choice: ev.Choice, Block: ev.Block, Text: raw.Text("{}")})
		}
	}
	if len(ev.Sig) > 0 {
		dst = s.detail(dst, ev, b.text)
	}
	s.end(ev.Block)
	return dst
}

func (s *stream) detail(dst []byte, ev *chat.Event, text raw.Text) []byte {
	c := s.choice(ev)
	dst = append(s.chunk(dst, ev), `"reasoning_details":[`...)
	dst = detailOf(dst, ev, s.id, text, c.details)
	c.details++
	return append(append(dst, ']'), unfinished...)
}

func (s *stream) finish(dst []byte, ev *chat.Event) []byte {
	if notes := s.choice(ev).notes; len(notes) > 0 {
		dst = append(append(s.chunk(dst, ev), `"annotations":[`...), notes...)
		dst = append(append(dst, ']'), unfinished...)
	}
	dst = append(s.chunk(dst, ev), unscored+`,"finish_reason":"`...)
	return append(append(dst, s.reasonOf(ev)...), finished...)
}

func (s *stream) done(dst []byte) []byte {
	s.ended = true
	if s.trip.Request.Counts && s.counted {
		dst = s.head(append(dst, "data: "...), "chat.completion.chunk")
		dst = s.appendUsage(append(dst, `],"usage":`...))
		dst = append(dst, "}\n\n"...)
	}
	return append(dst, "data: [DONE]\n\n"...)
}
