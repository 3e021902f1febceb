package tokens

import (
	"bytes"
	"sync"
	"unicode/utf8"

	"llmroute/translator/raw"
)

// What a chat's frame adds, as OpenAI's cookbook has it for gpt-3.5-turbo and
// all that came after ("How to count tokens with tiktoken", sections 6 and 7).
const (
	perMessage = 3 // <|start|>role<|message|>…<|end|>
	perName    = 1
	perReply   = 3 // <|start|>assistant<|message|>
)

// Request counts the prompt of a request's body, of any of the APIs: the
// messages of a chat, the input and instructions of Responses, the system of
// Messages, the prompt of a completion, what Responses puts into a prompt that is
// kept elsewhere, the input of embeddings, the query and documents of a rerank.
//
// Counted is the text that the model reads: the roles, names and contents of
// messages, what was thought and refused, the names, arguments and results of
// tool calls, tools with their schemas, the schema that an answer is held to;
// and for the frame 3 tokens per message, 1 per name, 3 for the start of the
// reply, and what tools cost. Numbers of tokens in an array count 1 each. Not
// counted are images, audio and files, which depend on what is in them, and what
// a provider keeps elsewhere and the body only names. A body that is no JSON
// object counts 0.
func (c Counter) Request(body []byte) (n int) {
	defer func() {
		if recover() != nil {
			n = guess(body)
		}
	}()
	w := walkers.Get().(*walker)
	w.Counter, w.n = c, 0
	w.request(raw.Trim(body))
	n = w.scaled(w.n)
	if cap(w.scratch) <= mostKept {
		walkers.Put(w)
	}
	return n
}

// walker goes over a request and adds up.
type walker struct {
	Counter
	n       int
	scratch []byte // a text without its escapes
}

// mostKept is the scratch memory that waits for the next request. Requests with
// larger texts are rare, and would hold their memory for ever.
const mostKept = 4 << 20

var walkers = sync.Pool{New: func() any { return new(walker) }}

// deepest is where a value is not walked over any more, and counted as the text
// that it is: each level of nesting is looked at once more.
const deepest = 10

func (w *walker) request(v raw.Value) {
	for m := v.Members(); m.Next(); {
		switch v := m.Value(); string(folded(m.Name())) {
		case "messages":
			w.conversation(v)
			w.n += perReply
		case "input":
			w.conversation(v)
		case "system", "instructions":
			if v.Is() {
				w.n += perMessage
				w.item(v, 1)
			}
		case "prompt":
			w.prompt(v)
		case "suffix", "query", "documents":
			w.item(v, 1)
		case "tools", "functions":
			w.tools(v)
		case "response_format", "text":
			w.answer(v)
		}
	}
}

// prompt counts the prompt of a completion, or what Responses puts into a prompt
// that the provider keeps: texts, by the names of their places in it.
func (w *walker) prompt(v raw.Value) {
	if !v.IsObject() {
		w.item(v, 1)
		return
	}
	for m := v.Members(); m.Next(); {
		if string(folded(m.Name())) != "variables" {
			continue
		}
		for in := m.Value().Members(); in.Next(); {
			w.item(in.Value(), 1)
		}
	}
}

// conversation counts messages, or the items of an input.
func (w *walker) conversation(v raw.Value) {
	if !v.IsArray() {
		w.item(v, 1)
		return
	}
	for e := v.Elements(); e.Next(); {
		if e.Value().IsObject() {
			w.n += perMessage
		}
		w.item(e.Value(), 1)
	}
}

// item counts a message, a part of one, or anything of the kind in any of the
// APIs: of an object what a model is shown.
func (w *walker) item(v raw.Value, depth int) {
	switch {
	case v.IsText():
		w.say(v.Text())
	case v.IsNumber(): // a token, or many in a row
		w.n++
	case depth > deepest:
		w.n += w.text(v)
	case v.IsArray():
		for e := v.Elements(); e.Next(); {
			w.item(e.Value(), depth+1)
		}
	case v.IsObject():
		for m := v.Members(); m.Next(); {
			w.member(folded(m.Name()), m.Value(), depth)
		}
	}
}

func (w *walker) member(name []byte, v raw.Value, depth int) {
	switch string(name) {
	case "name":
		if v.IsText() {
			w.n += perName
			w.say(v.Text())
		}
	case "role", "content", "text", "refusal", "reasoning_content", "reasoning", "thinking", "summary", "output",
		"title", "context", "tool_calls", "function_call", "function", "custom":
		w.item(v, depth+1)
	case "arguments", "input": // text, or what became of it
		if v.IsText() {
			w.say(v.Text())
		} else if v.Is() {
			w.n += w.text(v)
		}
	case "source": // of a document in Messages
		switch v.Get("type").String() {
		case "text":
			w.item(v.Get("data"), depth+1)
		case "content":
			w.item(v.Get("content"), depth+1)
		}
	}
}

// answer counts the schema that the answer is to follow.
func (w *walker) answer(v raw.Value) {
	if format := v.Get("format"); format.IsObject() { // Responses
		v = format
	} else if inner := v.Get("json_schema"); inner.IsObject() {
		v = inner
	}
	if schema := v.Get("schema"); schema.IsObject() {
		w.n += w.text(schema)
	}
}

// say counts what a string says.
func (w *walker) say(t raw.Text) {
	if bytes.IndexByte(t, '\\') < 0 {
		w.n += w.text(t)
		return
	}
	w.scratch = t.Append(w.scratch[:0])
	w.n += w.text(w.scratch)
}

// folded is name in lower case: servers written in Go take a "Content" for the
// content.
func folded(name []byte) []byte {
	for _, c := range name {
		if c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf {
			return bytes.ToLower(bytes.ToUpper(name)) // there are letters with two lower cases
		}
	}
	return name
}
