package cohere

import (
	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// writer writes one request.
type writer struct {
	t   *chat.Trip
	dst []byte
}

// WriteRequest writes a request of the chat API.
func (Dialect) WriteRequest(out *chat.Outgoing, t *chat.Trip) error {
	w := writer{t: t, dst: append(out.Body, '{')}
	w.key("model")
	w.dst = raw.AppendString(w.dst, t.Options.Model)
	if t.Request.Stream {
		w.member("stream", "true")
	}
	if err := w.messages(); err != nil {
		return err
	}
	if err := w.tools(); err != nil {
		return err
	}
	if err := w.settings(); err != nil {
		return err
	}
	out.Body = append(w.dst, '}')
	out.Path = t.Options.Prefix + "/chat"
	out.Set = append(out.Set, chat.Header{Name: "content-type", Value: "application/json"})
	return nil
}

// key begins a member of an object.
func (w *writer) key(name string) {
	w.next('{')
	w.dst = append(append(append(w.dst, '"'), name...), '"', ':')
}

// member writes a member of an object whose value is JSON.
func (w *writer) member(name, value string) {
	w.key(name)
	w.dst = append(w.dst, value...)
}

// next begins what follows in an object or array that opened so.
func (w *writer) next(opened byte) {
	if w.dst[len(w.dst)-1] != opened {
		w.dst = append(w.dst, ',')
	}
}

func (w *writer) messages() error {
	w.key("messages")
	w.dst = append(w.dst, '[')
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
	w.dst = append(w.dst, ']')
	return nil
}

func (w *writer) begin(role string) {
	w.next('[')
	w.dst = append(append(append(w.dst, `{"role":"`...), role...), '"')
}

// system writes the instructions. There is one message for them, and it stands
// first.
func (w *writer) system(turns []chat.Turn) {
	if len(turns) == 0 {
		return
	}
	w.begin("system")
	w.key("content")
	w.dst = append(w.dst, '"')
	said := false
	for i := range turns {
		for j := range turns[i].Blocks {
			if said {
				w.dst = append(w.dst, `\n\n`...)
			}
			w.dst = append(w.dst, turns[i].Blocks[j].Text...)
			said = true
		}
	}
	w.dst = append(w.dst, '"', '}')
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
		w.key("tool_call_id")
		w.dst = raw.AppendString(w.dst, b.ID)
		if len(b.Blocks) == 0 {
			w.member("content", `"(empty)"`) // no message may be empty
		} else if err := w.content(b.Blocks, true); err != nil {
			return err
		}
		w.dst = append(w.dst, '}')
	}
	if words == 0 {
		return nil
	}
	w.begin("user")
	if err := w.content(turn.Blocks, false); err != nil {
		return err
	}
	w.dst = append(w.dst, '}')
	return nil
}

// content writes the words of a message: a string that was one, else parts.
func (w *writer) content(blocks []chat.Block, result bool) error {
	w.key("content")
	if len(blocks) == 1 && blocks[0].What == chat.Text && blocks[0].Part < 0 {
		w.dst = raw.AppendText(w.dst, blocks[0].Text)
		return nil
	}
	w.dst = append(w.dst, '[')
	empty := len(w.dst)
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
	if len(w.dst) == empty {
		w.text(raw.Text("(empty)"))
	}
	w.dst = append(w.dst, ']')
	return nil
}

func (w *writer) text(t raw.Text) {
	w.next('[')
	w.dst = append(raw.AppendText(append(w.dst, `{"type":"text","text":`...), t), '}')
}

func (w *writer) image(m *chat.Media) {
	w.next('[')
	w.dst = append(w.dst, `{"type":"image_url","image_url":{"url":"`...)
	if len(m.URL) > 0 {
		w.dst = append(w.dst, m.URL...)
	} else {
		w.dst = append(append(append(w.dst, "data:"...), raw.Quote(m.Type)...), ";base64,"...)
		w.dst = append(w.dst, m.Base64...)
	}
	w.dst = append(w.dst, '"')
	switch m.Detail {
	case "":
	case "original":
		w.member("detail", `"high"`)
	default:
		w.key("detail")
		w.dst = raw.AppendString(w.dst, m.Detail)
	}
	w.dst = append(w.dst, '}', '}')
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
	w.dst = append(w.dst, '}')
	return nil
}

// said writes the content of an answer, if it has any.
func (w *writer) said(thoughts, words []*chat.Block) {
	switch {
	case len(thoughts)+len(words) == 0:
		return
	case len(thoughts) == 0 && len(words) == 1:
		w.key("content")
		w.dst = raw.AppendText(w.dst, words[0].Text)
		return
	}
	w.key("content")
	w.dst = append(w.dst, '[')
	for _, b := range thoughts {
		w.next('[')
		w.dst = append(raw.AppendText(append(w.dst, `{"type":"thinking","thinking":`...), b.Text), '}')
	}
	for _, b := range words {
		w.text(b.Text)
	}
	w.dst = append(w.dst, ']')
}

func (w *writer) plan(words []*chat.Block) {
	if len(words) == 0 {
		return
	}
	w.member("tool_plan", `"`)
	for _, b := range words {
		w.dst = append(w.dst, b.Text...)
	}
	w.dst = append(w.dst, '"')
}

func (w *writer) calls(calls []*chat.Block) {
	w.member("tool_calls", "[")
	for _, b := range calls {
		w.next('[')
		w.dst = raw.AppendString(append(w.dst, `{"id":`...), b.ID)
		w.dst = raw.AppendString(append(w.dst, `,"type":"function","function":{"name":`...), w.t.Name(b.Name))
		w.dst = append(w.dst, `,"arguments":"`...)
		switch {
		case b.What == chat.Custom:
			w.dst = raw.AppendEscaped(w.dst, w.t.Object(b))
		case b.Args.Blank():
			w.dst = append(w.dst, "{}"...)
		default:
			w.dst = append(w.dst, b.Args...)
		}
		w.dst = append(w.dst, `"}}`...)
	}
	w.dst = append(w.dst, ']')
}
