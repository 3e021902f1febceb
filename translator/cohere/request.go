package cohere

import (
	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// writer writes one request.
type writer struct {
	raw.Writer
	t *chat.Trip
}

// WriteRequest writes a request of the chat API.
func (Dialect) WriteRequest(out *chat.Outgoing, t *chat.Trip) error {
	w := writer{Writer: raw.Writer{Dst: append(out.Body, '{')}, t: t}
	w.String("model", t.Options.Model)
	if t.Request.Stream {
		w.Bool("stream", true)
	}
	if err := w.messages(); err != nil {
		return err
	}
	w.tools()
	if err := w.settings(); err != nil {
		return err
	}
	out.Body = append(w.Dst, '}')
	out.Path = t.Options.Prefix + "/chat"
	out.Set = append(out.Set, chat.Header{Name: "content-type", Value: "application/json"})
	return nil
}

func (w *writer) messages() error {
	w.Open("messages", "[")
	turns := w.t.Request.Turns
	lead := 0
	for lead < len(turns) && turns[lead].Role == chat.System {
		lead++
	}
	w.system(turns[:lead])
	for i := range turns[lead:] {
		turn := &turns[lead+i]
		write := w.user
		if turn.Role == chat.Assistant {
			write = w.assistant
		}
		if err := write(turn); err != nil {
			return err
		}
	}
	w.Put("]")
	return nil
}

func (w *writer) begin(role string) {
	w.Next()
	w.Put("{")
	w.String("role", role)
}

// system writes the instructions. There is one message for them, and it stands
// first.
func (w *writer) system(turns []chat.Turn) {
	if len(turns) == 0 {
		return
	}
	w.begin("system")
	w.Open("content", `"`)
	said := false
	for i := range turns {
		for j := range turns[i].Blocks {
			if said {
				w.Put(`\n\n`)
			}
			w.Dst = append(w.Dst, turns[i].Blocks[j].Text...)
			said = true
		}
	}
	w.Put(`"}`)
}

// user writes what tools have answered, a message each, and what the user says.
func (w *writer) user(turn *chat.Turn) error {
	words := 0
	for i := range turn.Blocks {
		b := &turn.Blocks[i]
		if b.What != chat.Result {
			words++
			continue
		}
		w.begin("tool")
		w.String("tool_call_id", b.ID)
		if len(b.Blocks) == 0 {
			w.String("content", "(empty)") // no message may be empty
		} else if err := w.content(b.Blocks, true); err != nil {
			return err
		}
		w.Put("}")
	}
	if words == 0 {
		return nil
	}
	w.begin("user")
	if err := w.content(turn.Blocks, false); err != nil {
		return err
	}
	w.Put("}")
	return nil
}

// content writes the words of a message: a string that was one, else parts.
func (w *writer) content(blocks []chat.Block, result bool) error {
	if len(blocks) == 1 && blocks[0].What == chat.Text && blocks[0].Part < 0 {
		w.Text("content", blocks[0].Text)
		return nil
	}
	w.Open("content", "[")
	empty := len(w.Dst)
	for i := range blocks {
		switch b := &blocks[i]; {
		case b.What == chat.Text:
			w.text(b.Text)
		case b.What == chat.Image && !result:
			w.image(b.Media)
		case b.What == chat.Image:
			if err := w.t.Lose(chat.Refuse, chat.ImageURL, b.Media.Param, "tool_result"); err != nil {
				return err
			}
		}
	}
	if len(w.Dst) == empty {
		w.text(raw.Text("(empty)"))
	}
	w.Put("]")
	return nil
}

func (w *writer) text(t raw.Text) {
	w.Next()
	w.Put(`{"type":"text"`)
	w.Text("text", t)
	w.Put("}")
}

func (w *writer) image(m *chat.Media) {
	w.Next()
	w.Put(`{"type":"image_url","image_url":{"url":"`)
	w.Dst = m.AppendURL(w.Dst)
	w.Put(`"`)
	switch m.Detail {
	case "":
	case "original":
		w.String("detail", "high")
	default:
		w.String("detail", m.Detail)
	}
	w.Put("}}")
}

// assistant writes an earlier answer. One with calls has its words in a plan:
// with content beside them it is refused.
func (w *writer) assistant(turn *chat.Turn) error {
	var thoughts, words, calls []*chat.Block
	for i := range turn.Blocks {
		switch b := &turn.Blocks[i]; b.What {
		case chat.Thinking:
			thoughts = append(thoughts, b)
		case chat.Text:
			words = append(words, b)
		case chat.Call, chat.Custom:
			calls = append(calls, b)
		}
	}
	w.begin("assistant")
	if len(calls) > 0 {
		w.said(thoughts, nil)
		w.plan(words)
		w.calls(calls)
	} else {
		w.said(thoughts, words)
	}
	w.Put("}")
	return nil
}

// said writes the content of an answer, if it has any.
func (w *writer) said(thoughts, words []*chat.Block) {
	switch {
	case len(thoughts)+len(words) == 0:
		return
	case len(thoughts) == 0 && len(words) == 1:
		w.Text("content", words[0].Text)
		return
	}
	w.Open("content", "[")
	for _, b := range thoughts {
		w.Next()
		w.Put(`{"type":"thinking"`)
		w.Text("thinking", b.Text)
		w.Put("}")
	}
	for _, b := range words {
		w.text(b.Text)
	}
	w.Put("]")
}

func (w *writer) plan(words []*chat.Block) {
	if len(words) == 0 {
		return
	}
	w.Open("tool_plan", `"`)
	for _, b := range words {
		w.Dst = append(w.Dst, b.Text...)
	}
	w.Put(`"`)
}

func (w *writer) calls(calls []*chat.Block) {
	w.Open("tool_calls", "[")
	for _, b := range calls {
		w.Next()
		w.Put("{")
		w.String("id", b.ID)
		w.Put(`,"type":"function","function":{`)
		w.String("name", w.t.Name(b.Name))
		w.Open("arguments", `"`)
		switch {
		case b.What == chat.Custom:
			w.Dst = raw.AppendEscaped(w.Dst, w.t.Object(b))
		case b.Args.Blank():
			w.Put("{}")
		default:
			w.Dst = append(w.Dst, b.Args...)
		}
		w.Put(`"}}`)
	}
	w.Put("]")
}
