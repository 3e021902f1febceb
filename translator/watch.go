package translator

import (
	"bytes"
	"encoding/json"

	"llmroute/translator/raw"
)

// watch reads, in a reply of OpenAI's dialect, what a Tally holds. It decodes
// nothing else and changes nothing.
type watch struct {
	op       Operation
	tally    Tally
	told     choices // those that a stream has begun, and ended
	answered bool    // a whole reply holds what was asked for, or some of it
}

// mostChoices is how many a client may ask for.
const mostChoices = 128

// choices are those that a stream has told of, one bit each, by their indexes
// below mostChoices.
type choices struct{ begun, ended [mostChoices / 64]uint64 }

func (c *choices) begin(index int64) { c.begun[index/64] |= 1 << (index % 64) }
func (c *choices) end(index int64)   { c.ended[index/64] |= 1 << (index % 64) }

// complete reports whether all that was begun has ended.
func (c *choices) complete() bool { return c.ended == c.begun && *c != choices{} }

// event takes note of one event's data.
func (w *watch) event(data []byte) (c chunk) {
	switch {
	case len(data) == 0:
	case data[0] == '[' && string(bytes.TrimSpace(data)) == "[DONE]":
		w.tally.Done = true
	case w.op == ChatCompletions || w.op == Completions:
		return w.chunk(data)
	default:
		w.typed(data)
	}
	return chunk{}
}

// end takes note that the stream is over. Not every server says [DONE], and
// none has to after an error: what said how it ends has ended properly.
func (w *watch) end() {
	if w.told.complete() || w.tally.Error != "" {
		w.tally.Done = true
	}
}

// broken returns the event that a stream which stopped short must end with, or
// "". A backend that dies behind a connection that closes in order would look
// like one that has finished: the official clients take it for the whole answer.
func (w *watch) broken() string {
	const fault = `"error":{"message":"The backend's stream ended before its answer was complete.",` +
		`"type":"server_error","param":null,"code":"upstream_stream_incomplete"}`
	if w.tally.Done {
		return ""
	}
	w.tally.Error = "upstream_stream_incomplete"
	switch w.op {
	case ChatCompletions, Completions:
		return "data: {" + fault + "}\n\n"
	case Responses:
		return "event: error\ndata: {\"type\":\"error\"," + fault + "}\n\n"
	}
	return ""
}

// chunk is what a chat or completions chunk says of its own usage member.
type chunk struct {
	usage span // the member, key and value; empty when there is none
	alone bool // there is nothing else in the chunk that a client could miss
	whole bool // the chunk's object is complete
}

func (w *watch) chunk(data []byte) (c chunk) {
	m := raw.MembersAt(data, 0)
	counted, other := false, false
	content := false
	for m.Next() {
		value := m.Value()
		null := string(value) == "null"
		switch string(m.Name()) {
		case "choices":
			content = w.choices(value) || content
			other = other || !null && !value.Empty()
		case "usage":
			c.usage = m.Whole()
			counted = !null
			w.usage(value)
		case "model":
			w.model(value)
		case "error":
			other = other || !null
			w.fail(value)
		case "id", "object", "created", "service_tier", "system_fingerprint", "obfuscation", "provider":
		default:
			other = other || !null
		}
	}
	if content {
		w.tally.Events++
	}
	c.whole = m.Closed()
	c.alone = c.whole && counted && !other
	return c
}

// choices reads an array of choices, of a chunk or of a whole answer, and
// reports whether any of them carries content.
func (w *watch) choices(value []byte) (content bool) {
	for e := raw.ElementsAt(value, 0); e.Next(); {
		index, finish := int64(0), span{}
		m := raw.MembersAt(value, e.Place().Start)
		for m.Next() {
			switch string(m.Name()) {
			case "index":
				index = min(count(m.Value()), mostChoices-1)
			case "finish_reason":
				finish = m.Place()
			case "delta":
				content = carries(m.Value()) || content
			case "text":
				content = !m.Value().Empty() || content
			}
		}
		w.told.begin(index)
		if reason := value[finish.Start:finish.End]; len(reason) > 2 && reason[0] == '"' {
			w.told.end(index)
			if index == 0 {
				note(&w.tally.Finish, reason)
			}
		}
	}
	return content
}

// carries reports whether a delta brings anything but the role.
func carries(delta []byte) bool {
	for m := raw.MembersAt(delta, 0); m.Next(); {
		if string(m.Name()) != "role" && !m.Value().Empty() {
			return true
		}
	}
	return false
}

// typed reads an event that says what it is in its "type": those of the
// Responses API, of streamed images and of audio. The event field repeats it at
// best.
func (w *watch) typed(data []byte) {
	var kind, response, usage, fault []byte
	for m := raw.MembersAt(data, 0); m.Next(); {
		switch value := m.Value(); string(m.Name()) {
		case "type":
			kind = bytes.Trim(value, `"`)
			if bytes.HasSuffix(kind, []byte(".delta")) || bytes.HasSuffix(kind, []byte(".partial_image")) {
				w.tally.Events++
				return
			}
		case "response":
			response = value
		case "usage":
			usage = value
		case "error":
			fault = value
		}
	}
	switch string(kind) {
	case "response.completed", "response.incomplete", "response.failed":
		w.response(response)
		w.tally.Done = true
	case "response.created":
		for m := raw.MembersAt(response, 0); m.Next(); {
			if string(m.Name()) == "model" {
				w.model(m.Value())
			}
		}
	case "speech.audio.done", "transcript.text.done":
		w.usage(usage)
		w.tally.Done = true
	case "image_generation.completed", "image_edit.completed":
		w.usage(usage)
		w.tally.Events++
		w.told.begin(0)
		w.told.end(0) // one image is whole; there may be more
	case "error", "":
		if fault == nil && kind != nil {
			fault = data // flat, as OpenAI's document has it
		}
		w.fail(fault)
	}
}

// response reads a Response object, whole or within an event.
func (w *watch) response(value []byte) {
	for m := raw.MembersAt(value, 0); m.Next(); {
		w.member(m.Name(), m.Value())
	}
}

func (w *watch) usage(value []byte) {
	if u, ok := readUsage(value); ok {
		w.tally.Usage = u
	}
}

// model keeps the first name: Azure starts with an empty one, and some servers
// drop it towards the end.
func (w *watch) model(value []byte) {
	if w.tally.Model == "" {
		note(&w.tally.Model, value)
	}
}

// fail takes note of the value of an "error" member.
func (w *watch) fail(value []byte) {
	if len(value) > 0 && string(value) != "null" && string(value) != "false" {
		w.tally.Error = errorName(value)
	}
}

// note sets *to to the JSON string value, without memory when it says so already.
func note(to *string, value []byte) {
	if len(value) < 2 || value[0] != '"' {
		return
	}
	if text := value[1 : len(value)-1]; string(text) != *to {
		*to = unquote(value)
	}
}

// unquote returns what the JSON string value says, at most 256 bytes of it:
// these strings go to logs.
func unquote(value []byte) string {
	const most = 256
	s := string(value[1 : len(value)-1])
	if bytes.IndexByte(value, '\\') >= 0 && json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s[:min(len(s), most)]
}
