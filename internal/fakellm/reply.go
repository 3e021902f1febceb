package fakellm

import (
	"bytes"
	"encoding/json"
	"iter"
	"net/http"
)

// answerer works out the reply to a call.
type answerer func(*call) (*reply, *refusal)

// reply is what a dialect wants to say: a whole body, or events.
type reply struct {
	status      int // 0 is 200
	header      http.Header
	contentType string
	body        []byte

	events iter.Seq[event] // instead of body
	// frame spells an event; nil is a server-sent event.
	frame func(event) []byte
	// failure is what the dialect says when a stream goes wrong behind n events.
	failure func(r *refusal, n int) []event
}

// event is one server-sent event.
type event struct {
	name string // "" for none
	data []byte
	word bool // it carries text, so a pause stands before it
	last bool // nothing follows it

	exception bool // of AWS's event stream, by its name
}

// whole returns a reply of v as JSON.
func whole(v any) *reply {
	return &reply{contentType: "application/json", body: encode(v)}
}

// encode spells v as providers do, without the escapes that only HTML needs.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("fakellm: answer that is no JSON: " + err.Error()) // the types are ours
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// sse returns a reply of events, with one event more when it goes wrong.
func sse(events iter.Seq[event]) *reply {
	return &reply{
		contentType: "text/event-stream; charset=utf-8",
		events:      events,
		failure: func(r *refusal, _ int) []event {
			return []event{{data: encode(errorBody{r.wire()}), last: true}}
		},
	}
}

// streamed returns a reply of events that ends with [DONE] when all went well.
func streamed(events iter.Seq[event]) *reply {
	return sse(func(yield func(event) bool) {
		for ev := range events {
			if !yield(ev) {
				return
			}
		}
		yield(event{data: []byte("[DONE]"), last: true})
	})
}
