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
	prefix []byte // of every chunk with a delta
}

// What every chunk with a delta ends with.
const (
	unfinished = `},"logprobs":null,"finish_reason":null}]}` + "\n\n"
	finished   = `"}]}` + "\n\n"
)

// Write appends the chunks that ev means.
func (s *stream) Write(dst []byte, ev *chat.Event) []byte {
	if s.ended {
		return dst
	}
	if s.prefix == nil && ev.Kind != chat.Fail && ev.Kind != chat.Ping && ev.Kind != chat.Counts {
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

// begin appends the chunk that says who speaks.
func (s *stream) begin(dst []byte, ev *chat.Event) []byte {
	if ev.Kind == chat.Start {
		s.start(ev)
	}
	s.prefix = s.head(append(s.prefix, "data: "...), "chat.completion.chunk")
	s.prefix = append(s.prefix, `{"index":0,"delta":{`...)
	return append(append(append(dst, s.prefix...), `"role":"assistant","content":"","refusal":null`...), unfinished...)
}

func (s *stream) opened(dst []byte, ev *chat.Event) []byte {
	b := s.answer.begin(ev)
	if ev.What != chat.Call && ev.What != chat.Custom {
		return dst
	}
	dst = append(dst, s.prefix...)
	if s.trip.Request.Legacy {
		return append(append(s.appendCall(dst, ev, b, false), `"}`...), unfinished...)
	}
	dst = s.appendCall(append(dst, `"tool_calls":[`...), ev, b, true)
	return append(append(dst, `"}}]`...), unfinished...)
}

func (s *stream) delta(dst []byte, ev *chat.Event) []byte {
	member := ""
	switch ev.What {
	case chat.Text:
		member = `"content":"`
		s.runes += ev.Text.Runes()
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
	if member == "" || len(ev.Text) == 0 {
		return dst
	}
	dst = append(append(append(dst, s.prefix...), member...), ev.Text...)
	return append(append(dst, '"'), unfinished...)
}

func (s *stream) arguments(dst []byte, ev *chat.Event) []byte {
	b := s.find(ev.Block)
	if b == nil || len(ev.Text) == 0 && len(ev.JSON) == 0 {
		return dst
	}
	b.sent = true
	dst = append(dst, s.prefix...)
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
		s.note(b)
	case chat.Thinking, chat.Redacted:
		if len(ev.Sig) > 0 {
			dst = s.detail(dst, ev, b.text)
		}
	case chat.Call:
		if !b.sent {
			dst = s.arguments(dst, &chat.Event{What: chat.Call, Block: ev.Block, Text: raw.Text("{}")})
		}
	}
	s.end(ev.Block)
	return dst
}

func (s *stream) detail(dst []byte, ev *chat.Event, text raw.Text) []byte {
	dst = append(append(dst, s.prefix...), `"reasoning_details":[`...)
	dst = detailOf(dst, ev, s.id, text, s.details)
	s.details++
	return append(append(dst, ']'), unfinished...)
}

func (s *stream) finish(dst []byte, ev *chat.Event) []byte {
	if len(s.notes) > 0 {
		dst = append(append(append(dst, s.prefix...), `"annotations":[`...), s.notes...)
		dst = append(append(dst, ']'), unfinished...)
	}
	dst = append(append(dst, s.prefix...), `},"logprobs":null,"finish_reason":"`...)
	return append(append(dst, s.reasonOf(ev)...), finished...)
}

func (s *stream) done(dst []byte) []byte {
	s.ended = true
	if s.trip.Request.Counts && s.counted {
		dst = s.head(append(dst, "data: "...), "chat.completion.chunk")
		dst = appendUsage(append(dst, `],"usage":`...), &s.usage)
		dst = append(dst, "}\n\n"...)
	}
	return append(dst, "data: [DONE]\n\n"...)
}
