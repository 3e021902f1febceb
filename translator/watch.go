package translator

import (
	"bytes"
	"encoding/json"
)

// watch reads, in a reply of OpenAI's dialect, what a Tally holds. It decodes
// nothing else and changes nothing.
type watch struct {
	op       Operation
	tally    Tally
	finished bool // some choice has told its finish reason
	answered bool // a whole reply holds what was asked for, or some of it
}

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
	if w.finished || w.tally.Error != "" {
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
	m := within(data, 0)
	counted, other := false, false
	content := false
	for m.next() {
		raw := m.raw()
		null := string(raw) == "null"
		switch string(m.name()) {
		case "choices":
			content = w.choices(raw) || content
			other = other || !null && !hollow(raw)
		case "usage":
			c.usage = span{m.key.start, m.value.end}
			counted = !null
			w.usage(raw)
		case "model":
			w.model(raw)
		case "error":
			other = other || !null
			w.fail(raw)
		case "id", "object", "created", "service_tier", "system_fingerprint", "obfuscation", "provider":
		default:
			other = other || !null
		}
	}
	if content {
		w.tally.Events++
	}
	c.whole = m.done
	c.alone = c.whole && counted && !other
	return c
}

// choices reads an array of choices, of a chunk or of a whole answer, and
// reports whether any of them carries content.
func (w *watch) choices(raw []byte) (content bool) {
	for e := elementsOf(raw); e.next(); {
		first := true
		finish := span{}
		m := within(raw, e.value.start)
		for m.next() {
			switch string(m.name()) {
			case "index":
				first = string(m.raw()) == "0"
			case "finish_reason":
				finish = m.value
			case "delta":
				content = carries(m.raw()) || content
			case "text":
				content = !hollow(m.raw()) || content
			}
		}
		if reason := raw[finish.start:finish.end]; len(reason) > 2 && reason[0] == '"' {
			w.finished = true
			if first {
				note(&w.tally.Finish, reason)
			}
		}
	}
	return content
}

// carries reports whether a delta brings anything but the role.
func carries(delta []byte) bool {
	for m := within(delta, 0); m.next(); {
		if string(m.name()) != "role" && !hollow(m.raw()) {
			return true
		}
	}
	return false
}

// hollow reports whether a value says nothing: null, "", [] or {}.
func hollow(raw []byte) bool {
	switch raw[0] {
	case 'n':
		return true
	case '"', '[', '{':
		return skipSpace(raw, 1) == len(raw)-1
	}
	return false
}

// typed reads an event that says what it is in its "type": those of the
// Responses API, of streamed images and of audio. The event field repeats it at
// best.
func (w *watch) typed(data []byte) {
	var kind, response, usage, fault []byte
	for m := within(data, 0); m.next(); {
		switch raw := m.raw(); string(m.name()) {
		case "type":
			kind = bytes.Trim(raw, `"`)
			if bytes.HasSuffix(kind, []byte(".delta")) || bytes.HasSuffix(kind, []byte(".partial_image")) {
				w.tally.Events++
				return
			}
		case "response":
			response = raw
		case "usage":
			usage = raw
		case "error":
			fault = raw
		}
	}
	switch string(kind) {
	case "response.completed", "response.incomplete", "response.failed":
		w.response(response)
		w.tally.Done = true
	case "response.created":
		for m := within(response, 0); m.next(); {
			if string(m.name()) == "model" {
				w.model(m.raw())
			}
		}
	case "speech.audio.done", "transcript.text.done":
		w.usage(usage)
		w.tally.Done = true
	case "image_generation.completed", "image_edit.completed":
		w.usage(usage)
		w.tally.Events++
		w.finished = true // one image is; there may be more
	case "error", "":
		if fault == nil && kind != nil {
			fault = data // flat, as OpenAI's document has it
		}
		w.fail(fault)
	}
}

// response reads a Response object, whole or within an event.
func (w *watch) response(raw []byte) {
	for m := within(raw, 0); m.next(); {
		w.member(m.name(), m.raw())
	}
}

func (w *watch) usage(raw []byte) {
	if u, ok := readUsage(raw); ok {
		w.tally.Usage = u
	}
}

// model keeps the first name: Azure starts with an empty one, and some servers
// drop it towards the end.
func (w *watch) model(raw []byte) {
	if w.tally.Model == "" {
		note(&w.tally.Model, raw)
	}
}

// fail takes note of the value of an "error" member.
func (w *watch) fail(raw []byte) {
	if len(raw) > 0 && string(raw) != "null" && string(raw) != "false" {
		w.tally.Error = errorName(raw)
	}
}

// note sets *to to the JSON string raw, without memory when it says so already.
func note(to *string, raw []byte) {
	if len(raw) < 2 || raw[0] != '"' {
		return
	}
	if text := raw[1 : len(raw)-1]; string(text) != *to {
		*to = unquote(raw)
	}
}

// unquote returns what the JSON string raw says, at most 256 bytes of it:
// these strings go to logs.
func unquote(raw []byte) string {
	const most = 256
	s := string(raw[1 : len(raw)-1])
	if bytes.IndexByte(raw, '\\') >= 0 && json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s[:min(len(s), most)]
}
