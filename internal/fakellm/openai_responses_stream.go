package fakellm

import (
	"encoding/json"
	"iter"
)

// responseEvent is any event of a Responses stream; the fields that its type does
// not have are left out.
type responseEvent struct {
	Type         string          `json:"type"`
	Sequence     int             `json:"sequence_number"`
	Response     *response       `json:"response,omitempty"`
	OutputIndex  *int            `json:"output_index,omitempty"`
	Item         *outputItem     `json:"item,omitempty"`
	ItemID       string          `json:"item_id,omitempty"`
	ContentIndex *int            `json:"content_index,omitempty"`
	Part         *outputPart     `json:"part,omitempty"`
	Delta        json.RawMessage `json:"delta,omitempty"`
	Text         json.RawMessage `json:"text,omitempty"`
	Arguments    json.RawMessage `json:"arguments,omitempty"`
	Input        json.RawMessage `json:"input,omitempty"`
	Logprobs     *[]struct{}     `json:"logprobs,omitempty"`
	Error        *wireError      `json:"error,omitempty"`
}

// narrator numbers the events of a stream and hands them out.
type narrator struct {
	yield func(event) bool
	n     int
	done  bool // nobody wants more
}

func (w *narrator) tell(e responseEvent) {
	if w.done {
		return
	}
	e.Sequence = w.n
	w.n++
	last := e.Type == "response.completed" || e.Type == "response.incomplete" || e.Type == "response.failed"
	w.done = !w.yield(event{name: e.Type, data: encode(e), word: e.Delta != nil, last: last})
}

// events streams the response. There is no [DONE]: the last event has it all.
func (s *speech) events() iter.Seq[event] {
	return func(yield func(event) bool) {
		w := &narrator{yield: yield}
		w.tell(responseEvent{Type: "response.created", Response: s.begun()})
		w.tell(responseEvent{Type: "response.in_progress", Response: s.begun()})
		if len(s.said.calls) == 0 {
			s.tellMessage(w)
		}
		for i := range s.said.calls {
			s.tellCall(w, i)
		}
		r := s.finished()
		w.tell(responseEvent{Type: "response." + r.Status, Response: r})
	}
}

func (s *speech) tellMessage(w *narrator) {
	first := 0
	none := []struct{}{}
	begun, whole := s.message("in_progress", ""), s.items()[0]
	empty, full := textPart(""), textPart(s.said.text())
	w.tell(responseEvent{Type: "response.output_item.added", OutputIndex: &first, Item: &begun})
	at := responseEvent{ItemID: whole.ID, OutputIndex: &first, ContentIndex: &first}

	e := at
	e.Type, e.Part = "response.content_part.added", &empty
	w.tell(e)
	for _, word := range s.said.words {
		e = at
		e.Type, e.Delta, e.Logprobs = "response.output_text.delta", encode(word), &none
		if w.tell(e); w.done {
			return
		}
	}
	e = at
	e.Type, e.Text, e.Logprobs = "response.output_text.done", encode(full.Text), &none
	w.tell(e)
	e = at
	e.Type, e.Part = "response.content_part.done", &full
	w.tell(e)
	w.tell(responseEvent{Type: "response.output_item.done", OutputIndex: &first, Item: &whole})
}

func (s *speech) tellCall(w *narrator, i int) {
	call := &s.said.calls[i]
	begun, whole := s.callItem(i, "in_progress", ""), s.callItem(i, "completed", call.arguments)
	kind := "response.function_call_arguments"
	if call.custom {
		kind = "response.custom_tool_call_input"
	}
	w.tell(responseEvent{Type: "response.output_item.added", OutputIndex: &i, Item: &begun})
	for _, piece := range chunked(call.arguments) {
		w.tell(responseEvent{Type: kind + ".delta", ItemID: whole.ID, OutputIndex: &i, Delta: encode(piece)})
	}
	done := responseEvent{Type: kind + ".done", ItemID: whole.ID, OutputIndex: &i}
	if call.custom {
		done.Input = encode(call.arguments)
	} else {
		done.Arguments = encode(call.arguments)
	}
	w.tell(done)
	w.tell(responseEvent{Type: "response.output_item.done", OutputIndex: &i, Item: &whole})
}

// failure tells that the stream went wrong behind n events.
func (s *speech) failure(r *refusal, n int) []event {
	var list []event
	w := &narrator{n: n, yield: func(ev event) bool {
		list = append(list, ev)
		return true
	}}
	e := r.wire()
	w.tell(responseEvent{Type: "error", Error: &e})
	failed := s.begun()
	failed.Status, failed.Error = "failed", &responseError{r.kind, r.message}
	w.tell(responseEvent{Type: "response.failed", Response: failed})
	return list
}
