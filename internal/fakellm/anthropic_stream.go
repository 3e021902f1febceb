package fakellm

import (
	"encoding/json"
	"iter"
)

// anthropicEvent is any event of a stream; its type decides the members it has.
type anthropicEvent struct {
	Type    string            `json:"type"`
	Message *anthropicMessage `json:"message,omitempty"`
	Index   *int              `json:"index,omitempty"`
	Block   json.RawMessage   `json:"content_block,omitempty"`
	Delta   any               `json:"delta,omitempty"`
	Usage   json.RawMessage   `json:"usage,omitempty"`
}

// stopDelta is how an answer ended.
type stopDelta struct {
	StopReason   *string      `json:"stop_reason"`
	StopSequence *string      `json:"stop_sequence"`
	StopDetails  *stopDetails `json:"stop_details,omitempty"`
}

// delta is one piece of a block; which member it has is the type's.
type delta map[string]any

// stream returns the answer as events.
func (r *messageReply) stream() *reply {
	out := sse(r.events())
	out.failure = func(f *refusal, _ int) []event {
		return []event{{name: "error", data: encode(anthropicErrorOf(f)), last: true}}
	}
	if r.home.betaList {
		return awsStreamed(out, awsChunk)
	}
	return out
}

// teller hands out events until nobody wants more.
type teller struct {
	yield func(event) bool
	done  bool
}

func (w *teller) tell(e anthropicEvent, word bool) {
	if !w.done {
		w.done = !w.yield(event{name: e.Type, data: encode(e), word: word, last: e.Type == "message_stop"})
	}
}

func (r *messageReply) events() iter.Seq[event] {
	return func(yield func(event) bool) {
		w := &teller{yield: yield}
		whole := r.message()
		begun, usage := *whole, r.usage
		usage.Output, usage.Details = 1, nil
		begun.Content, begun.StopReason, begun.StopSequence, begun.StopDetails = []anthropicBlock{}, nil, nil, nil
		begun.Usage = r.raw(usage)
		w.tell(anthropicEvent{Type: "message_start", Message: &begun}, false)
		if !r.home.betaList { // Bedrock sends none
			w.tell(anthropicEvent{Type: "ping"}, false)
		}
		if r.faults.odd {
			w.tell(anthropicEvent{Type: "thing_happened"}, false)
		}
		for i := range r.blocks {
			r.tellBlock(w, i)
		}
		usage = r.usage
		w.tell(anthropicEvent{Type: "message_delta", Usage: r.raw(usage),
			Delta: stopDelta{whole.StopReason, whole.StopSequence, whole.StopDetails}}, false)
		w.tell(anthropicEvent{Type: "message_stop"}, false)
	}
}

// tellBlock sends one block: what it is, its pieces, its end.
func (r *messageReply) tellBlock(w *teller, i int) {
	b := r.blocks[i]
	piece := func(kind, member, value string, word bool) {
		w.tell(anthropicEvent{Type: "content_block_delta", Index: &i, Delta: delta{"type": kind, member: value}}, word)
	}
	start := b
	switch b.Type {
	case "text":
		start.Text, start.Citations = new(""), nil
	case "thinking":
		start.Thinking, start.Signature = new(""), new("")
	case "tool_use", "server_tool_use":
		start.Input = json.RawMessage("{}")
	}
	w.tell(anthropicEvent{Type: "content_block_start", Index: &i, Block: encode(start)}, false)
	switch b.Type {
	case "text":
		for _, word := range b.words {
			piece("text_delta", "text", word, true)
		}
		for _, c := range b.Citations {
			w.tell(anthropicEvent{Type: "content_block_delta", Index: &i, Delta: delta{"type": "citations_delta", "citation": c}}, false)
		}
	case "thinking":
		for _, word := range b.words {
			piece("thinking_delta", "thinking", word, true)
		}
		piece("signature_delta", "signature", *b.Signature, false)
	case "tool_use", "server_tool_use":
		piece("input_json_delta", "partial_json", "", false)
		if string(b.Input) == "{}" {
			break // a call without arguments says nothing at all
		}
		for _, text := range chunked(string(b.Input)) {
			piece("input_json_delta", "partial_json", text, true)
		}
	}
	if r.faults.odd {
		piece("thing_delta", "thing", "?", false)
	}
	w.tell(anthropicEvent{Type: "content_block_stop", Index: &i}, false)
}
