package bedrock

import (
	"bytes"
	"slices"

	"llmroute/translator/chat"
	"llmroute/translator/claude"
	"llmroute/translator/raw"
)

// writer writes one request.
type writer struct {
	raw.Writer
	t *chat.Trip
	m model

	tooled bool // the request has tools
	plain  bool // it has none, and the history is told in words

	role   string // of the message being written, "" before the first
	filled bool   // it has a block
	words  bool   // one of text
	papers string // it has documents: what to call them
	names  []string
	add    []member // additionalModelRequestFields
}

// member is a field for the model itself.
type member struct {
	name  string
	value raw.Value
}

// WriteRequest writes a Converse request.
func (d Dialect) WriteRequest(out *chat.Outgoing, t *chat.Trip) error {
	w := writer{Writer: raw.Writer{Dst: out.Body}, t: t, m: modelOf(t)}
	w.prepare()
	t.FitMarks(w.m.claude.Has(claude.BedrockHour), "")
	if err := w.address(out); err != nil {
		return err
	}
	w.Put("{")
	// Tools stand first for the cache, then system, then messages: so they are
	// written in that order, whatever Bedrock makes of it.
	w.tools()
	w.system()
	if err := w.messages(); err != nil {
		return err
	}
	if err := w.settings(); err != nil {
		return err
	}
	w.Put("}")
	out.Body = w.Dst
	return nil
}

// prepare decides what later parts depend on.
func (w *writer) prepare() {
	r := &w.t.Request
	if w.tooled = len(r.Tools) > 0 && r.Choice.Mode != chat.Never; w.tooled {
		return
	}
	for i := range r.Tools {
		r.Tools[i].Cache = "" // it is not written
	}
	for i := range r.Turns {
		for j := range r.Turns[i].Blocks {
			if b := &r.Turns[i].Blocks[j]; b.What == chat.Call || b.What == chat.Custom || b.What == chat.Result {
				// Converse knows no "none", and takes no calls where there are no tools.
				w.plain = true
				w.t.Warn("tool_calls", "told_in_words")
				return
			}
		}
	}
}

func (w *writer) text(t raw.Text) {
	w.Next()
	w.Put("{")
	w.Text("text", t)
	w.Put("}")
}

func (w *writer) system() {
	turns := w.t.Request.Turns
	if len(turns) == 0 || turns[0].Role != chat.System {
		return
	}
	at := len(w.Dst)
	w.Open("system", "[")
	empty := len(w.Dst)
	for i := range turns {
		if turns[i].Role != chat.System {
			break
		}
		for j := range turns[i].Blocks {
			b := &turns[i].Blocks[j]
			if b.What != chat.Text || b.Text.Blank() {
				continue
			}
			w.text(b.Text)
			w.mark(b.Cache)
		}
	}
	if len(w.Dst) == empty {
		w.Dst = w.Dst[:at]
		return
	}
	w.Put("]")
}

func (w *writer) messages() error {
	w.Open("messages", "[")
	turns := w.t.Request.Turns
	for i := range turns {
		if turns[i].Role == chat.System {
			continue
		}
		if err := w.turn(&turns[i], i == len(turns)-1); err != nil {
			return err
		}
	}
	if w.role == "" {
		w.begin("user")
	}
	w.end()
	w.Put("]")
	return nil
}

// begin goes on with a message of that role: the last, or a new one.
func (w *writer) begin(role string) {
	if w.role == role {
		return
	}
	if w.role == "" && role == "assistant" {
		w.begin("user")
		w.t.Warn("messages", "user_turn_inserted")
	}
	if w.role != "" {
		w.end()
	}
	w.Next()
	w.Put("{")
	w.String("role", role)
	w.Open("content", "[")
	w.role, w.filled, w.words, w.papers = role, false, false, ""
}

// end ends the message. It must not be empty, and documents want words with them.
func (w *writer) end() {
	switch {
	case !w.filled:
		w.text(raw.Text("."))
	case w.papers != "" && !w.words:
		w.text(raw.Quote(w.papers))
	}
	w.Put("]}")
}

func (w *writer) turn(turn *chat.Turn, last bool) error {
	if turn.Role == chat.User {
		w.begin("user")
		return w.blocks(turn.Blocks)
	}
	if len(turn.Replay) > 0 && !w.plain {
		w.begin("assistant")
		for e := turn.Replay.Elements(); e.Next(); w.filled = true {
			w.Next()
			w.Dst = append(w.Dst, e.Value()...)
		}
		return nil
	}
	blocks := turn.Blocks
	if last {
		blocks = trimmed(blocks)
	}
	for i := range blocks {
		if w.says(&blocks[i]) {
			w.begin("assistant")
			return w.blocks(blocks)
		}
	}
	return nil // an answer that says nothing is left out
}

// says reports whether anything of a block of an answer is written.
func (w *writer) says(b *chat.Block) bool {
	switch b.What {
	case chat.Text:
		return !b.Text.Blank()
	case chat.Thinking, chat.Redacted:
		return len(b.Sig) > 0 // what the model does not take was left out
	}
	return true
}

// trimmed returns the blocks of an answer that is to go on, without the white
// space at its end, which models refuse. Behind signed reasoning nothing may change.
func trimmed(blocks []chat.Block) []chat.Block {
	n := len(blocks) - 1
	if n < 0 || blocks[n].What != chat.Text {
		return blocks
	}
	for i := range blocks {
		if len(blocks[i].Sig) > 0 {
			return blocks
		}
	}
	blocks = slices.Clone(blocks)
	blocks[n].Text = blocks[n].Text.TrimRight()
	return blocks
}

// exact reports whether an answer that the client sent back says what the list
// of blocks says that came with it. If the client has changed the answer, its
// words count.
func exact(turn *chat.Turn) bool {
	if turn.For != forHere {
		return false
	}
	var said, sent []byte
	var calls []string
	for e := turn.Replay.Elements(); e.Next(); {
		b := e.Value()
		said = b.Get("text").Text().Append(said)
		for c := b.Get("citationsContent").Get("content").Elements(); c.Next(); {
			said = c.Value().Get("text").Text().Append(said)
		}
		if call := b.Get("toolUse"); call.IsObject() && call.Get("type").String() != serverTool {
			calls = append(calls, call.Get("toolUseId").String())
		}
	}
	for i := range turn.Blocks {
		switch b := &turn.Blocks[i]; b.What {
		case chat.Text:
			sent = b.Text.Append(sent)
		case chat.Call, chat.Custom:
			if len(calls) == 0 || calls[0] != b.ID {
				return false
			}
			calls = calls[1:]
		}
	}
	return len(calls) == 0 && bytes.Equal(said, sent)
}
