package gemini

import (
	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// writer writes one request.
type writer struct {
	*Dialect
	t   *chat.Trip
	req *chat.Request
	m   model
	dst []byte

	names map[string]string // of the functions, by the ids of the calls so far
	look  string            // how closely older models are to look at all pictures
}

// WriteRequest writes a request of generateContent.
func (d *Dialect) WriteRequest(out *chat.Outgoing, t *chat.Trip) error {
	if err := d.address(out, t); err != nil {
		return err
	}
	w := writer{Dialect: d, t: t, req: &t.Request, m: modelOf(t), dst: append(out.Body, '{')}
	lead := w.system()
	if err := w.tools(); err != nil {
		return err
	}
	if err := w.contents(lead); err != nil {
		return err
	}
	if err := w.config(); err != nil {
		return err
	}
	w.tier(out)
	out.Body = append(w.dst, '}')
	return nil
}

// key begins a member of the object being written.
func (w *writer) key(name string) {
	if w.dst[len(w.dst)-1] != '{' {
		w.dst = append(w.dst, ',')
	}
	w.dst = append(append(append(w.dst, '"'), name...), '"', ':')
}

func (w *writer) member(name string, value []byte) {
	w.key(name)
	w.dst = append(w.dst, value...)
}

// next begins another element of the array being written.
func (w *writer) next() {
	if w.dst[len(w.dst)-1] != '[' {
		w.dst = append(w.dst, ',')
	}
}

func (w *writer) text(t raw.Text) {
	w.next()
	w.dst = append(raw.AppendText(append(w.dst, `{"text":`...), t), '}')
}

// system writes the instructions in front and returns how many turns they are.
// Gemma takes none: there they stand at the front of the conversation.
func (w *writer) system() (lead int) {
	turns := w.req.Turns
	for lead < len(turns) && turns[lead].Role == chat.System {
		lead++
	}
	if lead == 0 || w.m.gemma {
		return lead
	}
	w.dst = append(w.dst, `"systemInstruction":{"parts":[`...)
	w.instructions(lead)
	w.dst = append(w.dst, ']', '}')
	return lead
}

func (w *writer) instructions(lead int) {
	for i := range w.req.Turns[:lead] {
		for j := range w.req.Turns[i].Blocks {
			if b := &w.req.Turns[i].Blocks[j]; b.What == chat.Text {
				w.text(b.Text)
			}
		}
	}
}

// contents writes the conversation behind the instructions.
func (w *writer) contents(lead int) error {
	w.key("contents")
	w.dst = append(w.dst, '[')
	turns := w.req.Turns[lead:]
	if w.m.gemma && lead > 0 {
		w.open("user")
		w.instructions(lead)
		if len(turns) > 0 && turns[0].Role == chat.User {
			if err := w.parts(turns[0].Blocks); err != nil {
				return err
			}
			turns = turns[1:]
		}
		w.close()
	} else if len(turns) > 0 && turns[0].Role == chat.Assistant {
		// A call may follow nothing but words of the user.
		w.open("user")
		w.text(raw.Text("."))
		w.close()
		w.t.Warn("messages", "user_turn_inserted")
	}
	for i := range turns {
		if err := w.turn(&turns[i]); err != nil {
			return err
		}
	}
	w.dst = append(w.dst, ']')
	return nil
}

func (w *writer) open(role string) {
	w.next()
	w.dst = append(append(append(w.dst, `{"role":"`...), role...), `","parts":[`...)
}

func (w *writer) close() { w.dst = append(w.dst, ']', '}') }

func (w *writer) turn(turn *chat.Turn) error {
	if turn.Role == chat.Assistant {
		w.answer(turn)
		return nil
	}
	results := 0
	for results < len(turn.Blocks) && turn.Blocks[results].What == chat.Result {
		results++
	}
	rest := turn.Blocks[results:]
	if results > 0 {
		// They stand alone in a turn of theirs.
		rest = append(w.results(turn.Blocks[:results]), rest...)
	}
	if len(rest) == 0 {
		return nil
	}
	w.open("user")
	if err := w.parts(rest); err != nil {
		return err
	}
	w.words(rest)
	w.close()
	return nil
}

// words adds a text to a turn of pictures and sounds alone where one is required:
// on Vertex anywhere, and of newer models in the last turn. It stays when the turn
// is not the last any more, for what stands in front must not change.
func (w *writer) words(blocks []chat.Block) {
	for i := range blocks {
		if blocks[i].What == chat.Text {
			return
		}
	}
	switch {
	case w.m.renewed():
		w.text(raw.Text(".")) // a space may not count
	case w.home == vertex:
		w.text(raw.Text(" "))
	}
}

func (w *writer) parts(blocks []chat.Block) error {
	for i := range blocks {
		switch b := &blocks[i]; b.What {
		case chat.Text:
			w.text(b.Text)
		case chat.Image, chat.Audio, chat.File:
			if err := w.media(b); err != nil {
				return err
			}
		}
	}
	return nil
}

// placeholder stands for a signature that the client has not kept. It is Google's
// own word for that: without it the whole request would be refused.
const placeholder = "skip_thought_signature_validator"

// answer writes an earlier answer. Each signature goes back to where it stood: of
// several calls at a time, the first is signed.
func (w *writer) answer(turn *chat.Turn) {
	w.open("model")
	called := false
	for i := range turn.Blocks {
		switch b := &turn.Blocks[i]; b.What {
		case chat.Text:
			if len(b.Text) > 0 {
				w.text(b.Text)
			}
			if len(b.Sig) > 0 {
				// The text may have come in several parts, of which the last, often an
				// empty one, was signed. What is signed must not change.
				w.next()
				w.dst = append(raw.AppendText(append(w.dst, `{"text":"","thoughtSignature":`...), b.Sig), '}')
			}
		case chat.Thinking:
			w.next()
			w.dst = raw.AppendText(append(w.dst, `{"text":`...), b.Text)
			w.dst = append(raw.AppendText(append(w.dst, `,"thought":true,"thoughtSignature":`...), b.Sig), '}')
		case chat.Call, chat.Custom:
			w.call(b, !called)
			called = true
		}
	}
	w.close()
}

func (w *writer) call(b *chat.Block, first bool) {
	if w.names == nil {
		w.names = make(map[string]string)
	}
	name := w.t.Name(b.Name)
	w.names[b.ID] = name
	w.next()
	w.dst = append(w.dst, `{"functionCall":{`...)
	if w.m.identified() {
		w.key("id")
		w.dst = raw.AppendString(w.dst, b.ID)
	}
	w.key("name")
	w.dst = raw.AppendString(w.dst, name)
	w.member("args", w.t.Object(b))
	w.dst = append(w.dst, '}')
	switch {
	case len(b.Sig) > 0:
		w.key("thoughtSignature")
		w.dst = raw.AppendText(w.dst, b.Sig)
	case first && w.m.signs():
		w.member("thoughtSignature", []byte(`"`+placeholder+`"`))
		w.t.Warn("reasoning", "signature_missing")
	}
	w.dst = append(w.dst, '}')
}

// results writes what tools have answered, in the order of the calls. It returns
// what of that cannot stand there.
func (w *writer) results(blocks []chat.Block) (pictures []chat.Block) {
	w.open("user")
	for i := range blocks {
		b := &blocks[i]
		w.next()
		w.dst = append(w.dst, `{"functionResponse":{`...)
		if w.m.identified() {
			w.key("id")
			w.dst = raw.AppendString(w.dst, b.ID)
		}
		w.key("name")
		w.dst = raw.AppendString(w.dst, w.names[b.ID])
		w.output(b)
		pictures = append(pictures, w.shown(b)...)
		w.dst = append(w.dst, '}', '}')
	}
	w.close()
	return pictures
}

// output writes a result as a text, whatever it is: as an object, its numbers
// would be rounded and a member called "$ref" would point somewhere.
func (w *writer) output(b *chat.Block) {
	name := `{"output":"`
	if b.Failed {
		name = `{"error":"`
	}
	w.member("response", []byte(name))
	first := true
	for i := range b.Blocks {
		if b.Blocks[i].What != chat.Text {
			continue
		}
		if !first {
			w.dst = append(w.dst, '\\', 'n')
		}
		first = false
		w.dst = append(w.dst, b.Blocks[i].Text...)
	}
	w.dst = append(w.dst, '"', '}')
}

// shown writes the pictures and documents of a result. Older models take none
// there, and no model takes every kind.
func (w *writer) shown(b *chat.Block) (apart []chat.Block) {
	begun := false
	for i := range b.Blocks {
		part := &b.Blocks[i]
		if part.Media == nil {
			continue
		}
		if !w.m.identified() || len(part.Media.Base64) == 0 || !inResults[mediaType(part)] {
			apart = append(apart, *part)
			continue
		}
		if !begun {
			w.key("parts")
			w.dst = append(w.dst, '[')
			begun = true
		}
		w.next()
		w.dst = append(w.dst, '{')
		w.inline(mediaType(part), part.Media, false)
		w.dst = append(w.dst, '}')
	}
	if begun {
		w.dst = append(w.dst, ']')
	}
	return apart
}
