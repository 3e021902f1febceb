package gemini

import (
	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// writer writes one request.
type writer struct {
	*Dialect
	raw.Writer
	t   *chat.Trip
	req *chat.Request
	m   model

	names map[string]string // of the functions, by the ids of the calls so far
	look  string            // how closely older models are to look at all pictures
}

// WriteRequest writes a request of generateContent.
func (d *Dialect) WriteRequest(out *chat.Outgoing, t *chat.Trip) error {
	if err := d.address(out, t); err != nil {
		return err
	}
	w := writer{Dialect: d, Writer: raw.Writer{Dst: append(out.Body, '{')}, t: t, req: &t.Request, m: modelOf(t)}
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
	out.Body = append(w.Dst, '}')
	return nil
}

func (w *writer) text(t raw.Text) {
	w.Next()
	w.Put("{")
	w.Text("text", t)
	w.Put("}")
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
	w.Open("systemInstruction", `{"parts":[`)
	w.instructions(lead)
	w.Put("]}")
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
	w.Open("contents", "[")
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
	w.Put("]")
	return nil
}

func (w *writer) open(role string) {
	w.Next()
	w.Put("{")
	w.String("role", role)
	w.Open("parts", "[")
}

func (w *writer) close() { w.Put("]}") }

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
				w.Next()
				w.Put(`{"text":""`)
				w.Text("thoughtSignature", b.Sig)
				w.Put("}")
			}
		case chat.Thinking:
			w.Next()
			w.Put("{")
			w.Text("text", b.Text)
			w.Bool("thought", true)
			w.Text("thoughtSignature", b.Sig)
			w.Put("}")
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
	w.Next()
	w.Put(`{"functionCall":{`)
	if w.m.identified() {
		w.String("id", b.ID)
	}
	w.String("name", name)
	w.Member("args", w.t.Object(b))
	w.Put("}")
	switch {
	case len(b.Sig) > 0:
		w.Text("thoughtSignature", b.Sig)
	case first && w.m.signs():
		w.String("thoughtSignature", placeholder)
		w.t.Warn("reasoning", "signature_missing")
	}
	w.Put("}")
}

// results writes what tools have answered, in the order of the calls. It returns
// what of that cannot stand there.
func (w *writer) results(blocks []chat.Block) (pictures []chat.Block) {
	w.open("user")
	for i := range blocks {
		b := &blocks[i]
		w.Next()
		w.Put(`{"functionResponse":{`)
		if w.m.identified() {
			w.String("id", b.ID)
		}
		w.String("name", w.names[b.ID])
		w.output(b)
		pictures = append(pictures, w.shown(b)...)
		w.Put("}}")
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
	w.Open("response", name)
	first := true
	for i := range b.Blocks {
		if b.Blocks[i].What != chat.Text {
			continue
		}
		if !first {
			w.Put(`\n`)
		}
		first = false
		w.Dst = append(w.Dst, b.Blocks[i].Text...)
	}
	w.Put(`"}`)
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
			w.Open("parts", "[")
			begun = true
		}
		w.Next()
		w.Put("{")
		w.inline(mediaType(part), part.Media, false)
		w.Put("}")
	}
	if begun {
		w.Put("]")
	}
	return apart
}
