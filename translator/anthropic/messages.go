package anthropic

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// messages writes the conversation: instructions in front, the rest in turns.
func (w *writer) messages() error {
	turns := w.req.Turns
	lead := 0
	for lead < len(turns) && turns[lead].Role == chat.System {
		lead++
	}
	first := true
	for i := range turns[:lead] {
		for j := range turns[i].Blocks {
			b := &turns[i].Blocks[j]
			if b.What != chat.Text {
				continue
			}
			if first {
				w.out = append(w.out, `,"system":[`...)
			} else {
				w.out = append(w.out, ',')
			}
			first = false
			w.text(b)
		}
	}
	if !first {
		w.out = append(w.out, ']')
	}
	w.out = append(w.out, `,"messages":[`...)
	first = true
	for i := lead; i < len(turns); i++ {
		if !first {
			w.out = append(w.out, ',')
		}
		first = false
		if err := w.turn(&turns[i], i == len(turns)-1); err != nil {
			return err
		}
	}
	w.out = append(w.out, ']')
	return nil
}

var roles = [...]string{chat.System: "system", chat.User: "user", chat.Assistant: "assistant"}

func (w *writer) turn(turn *chat.Turn, last bool) error {
	w.out = append(append(append(w.out, `{"role":"`...), roles[turn.Role]...), `","content":[`...)
	if len(turn.Replay) > 0 {
		w.out = append(append(w.out, turn.Replay[1:]...), '}')
		return nil
	}
	if last && turn.Role == chat.Assistant {
		w.trim(&turn.Blocks[len(turn.Blocks)-1])
	}
	if err := w.blocks(turn.Blocks); err != nil {
		return err
	}
	w.out = append(w.out, "]}"...)
	return nil
}

func (w *writer) blocks(blocks []chat.Block) error {
	for i := range blocks {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if err := w.block(&blocks[i]); err != nil {
			return err
		}
	}
	return nil
}

// trim takes the white space off the end of the text that an answer begins with:
// Claude does not take it.
func (w *writer) trim(b *chat.Block) {
	if t := b.Text.TrimRight(); b.What == chat.Text && len(t) < len(b.Text) {
		b.Text = t
		w.trip.Warn("messages", "trailing_space")
	}
}

// block writes one block. What has no words here did not get this far.
func (w *writer) block(b *chat.Block) error {
	switch b.What {
	case chat.Text:
		w.text(b)
	case chat.Thinking:
		w.out = raw.AppendText(append(w.out, `{"type":"thinking","thinking":`...), b.Text)
		w.out = append(raw.AppendText(append(w.out, `,"signature":`...), b.Sig), '}')
	case chat.Redacted:
		w.out = append(raw.AppendText(append(w.out, `{"type":"redacted_thinking","data":`...), b.Sig), '}')
	case chat.Call, chat.Custom:
		w.out = raw.AppendString(append(w.out, `{"type":"tool_use","id":`...), b.ID)
		w.out = raw.AppendString(append(w.out, `,"name":`...), w.trip.Name(b.Name))
		w.member("input", w.trip.Object(b))
		w.mark(b.Cache)
		w.out = append(w.out, '}')
	case chat.Result:
		return w.result(b)
	case chat.Image:
		return w.image(b)
	case chat.File:
		return w.document(b)
	}
	return nil
}

func (w *writer) text(b *chat.Block) {
	w.out = raw.AppendText(append(w.out, `{"type":"text","text":`...), b.Text)
	w.mark(b.Cache)
	w.out = append(w.out, '}')
}

func (w *writer) result(b *chat.Block) error {
	w.out = raw.AppendString(append(w.out, `{"type":"tool_result","tool_use_id":`...), b.ID)
	if len(b.Blocks) > 0 {
		w.out = append(w.out, `,"content":[`...)
		if err := w.blocks(b.Blocks); err != nil {
			return err
		}
		w.out = append(w.out, ']')
	}
	if b.Failed {
		w.out = append(w.out, `,"is_error":true`...)
	}
	w.mark(b.Cache)
	w.out = append(w.out, '}')
	return nil
}

// mark marks the block being written for the cache.
func (w *writer) mark(ttl string) {
	switch ttl {
	case "":
	case "1h":
		w.out = append(w.out, `,"cache_control":{"type":"ephemeral","ttl":"1h"}`...)
	default:
		w.out = append(w.out, `,"cache_control":{"type":"ephemeral"}`...)
	}
}

// The first characters, in base64, of the pictures that Claude knows. The type
// must be that of the bytes, and clients get it wrong.
var pictures = []struct{ prefix, kind string }{
	{"iVBORw0KGgo", "image/png"}, {"/9j/", "image/jpeg"}, {"R0lGOD", "image/gif"}, {"UklGR", "image/webp"},
}

func (w *writer) image(b *chat.Block) error {
	m := b.Media
	if len(m.URL) > 0 {
		w.out = raw.AppendText(append(w.out, `{"type":"image","source":{"type":"url","url":`...), m.URL)
		w.out = append(w.out, '}')
		w.mark(b.Cache)
		w.out = append(w.out, '}')
		return nil
	}
	kind := m.Type
	for _, p := range pictures {
		if bytes.HasPrefix(m.Base64, []byte(p.prefix)) {
			kind = p.kind
		}
	}
	switch kind {
	case "image/jpg":
		kind = "image/jpeg"
	case "image/png", "image/jpeg", "image/gif", "image/webp":
	default:
		return unsupported(m.Param, "the picture is '"+kind+"'. Send a PNG, JPEG, GIF or WebP.")
	}
	w.source("image", kind, m)
	w.mark(b.Cache)
	w.out = append(w.out, '}')
	return nil
}

// source begins a block with data that came along.
func (w *writer) source(block, kind string, m *chat.Media) {
	w.out = append(append(append(w.out, `{"type":"`...), block...), `","source":{"type":"base64","media_type":`...)
	w.out = raw.AppendString(w.out, kind)
	w.out = append(raw.AppendText(append(w.out, `,"data":`...), m.Base64), '}')
}

func (w *writer) document(b *chat.Block) error {
	m := b.Media
	switch {
	case m.FileID != "" && w.home.home == direct && strings.HasPrefix(m.FileID, "file_"):
		w.out = raw.AppendString(append(w.out, `{"type":"document","source":{"type":"file","file_id":`...), m.FileID)
		w.out = append(w.out, '}')
		w.beta("files-api-2025-04-14")
	case m.FileID != "":
		return unsupported(m.Param+".file_id", "the provider does not know the file. Send its contents as 'file_data'.")
	case m.Type == "application/pdf" || bytes.HasPrefix(m.Base64, []byte("JVBERi")):
		w.source("document", "application/pdf", m)
	case strings.HasPrefix(m.Type, "text/"):
		text, err := base64.StdEncoding.AppendDecode(nil, m.Base64)
		if err != nil {
			return chat.Invalid("invalid_value", m.Param+".file_data", "Invalid value for '"+m.Param+".file_data': it is not base64.")
		}
		w.out = append(w.out, `{"type":"document","source":{"type":"text","media_type":"text/plain","data":"`...)
		w.out = append(raw.AppendEscaped(w.out, bytes.ToValidUTF8(text, []byte("\uFFFD"))), `"}`...)
	default:
		return unsupported(m.Param, "the file is '"+m.Type+"'. Send a PDF or text.")
	}
	if m.Name != "" {
		w.member("title", raw.AppendString(nil, m.Name))
	}
	w.mark(b.Cache)
	w.out = append(w.out, '}')
	return nil
}

// beta asks for a feature that the request cannot do without.
func (w *writer) beta(name string) {
	if !slices.Contains(w.betas, name) {
		w.betas = append(w.betas, name)
	}
}

func unsupported(param, why string) error {
	return &chat.Refusal{Status: 422, Type: "invalid_request_error", Code: "unsupported_value", Param: param,
		Message: "Unsupported value: '" + param + "': " + why}
}

// exact reports whether the client has left a turn as the blocks say it was.
func exact(turn *chat.Turn) bool {
	if turn.For != provider {
		return false
	}
	var text []byte
	calls := make([]string, 0, 4)
	for e := turn.Replay.Elements(); e.Next(); {
		b := e.Value()
		switch b.Get("type").String() {
		case "text":
			text = b.Get("text").Text().Append(text)
		case "tool_use":
			calls = append(calls, b.Get("id").String())
		}
	}
	for i := range turn.Blocks {
		switch b := &turn.Blocks[i]; b.What {
		case chat.Text:
			said := b.Text.Append(nil)
			if !bytes.HasPrefix(text, said) {
				return false
			}
			text = text[len(said):]
		case chat.Call, chat.Custom:
			if len(calls) == 0 || calls[0] != b.ID {
				return false
			}
			calls = calls[1:]
		}
	}
	return len(calls) == 0 && len(bytes.TrimSpace(text)) == 0
}
