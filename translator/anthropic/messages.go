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
	said := false
	for i := range turns[:lead] {
		for j := range turns[i].Blocks {
			b := &turns[i].Blocks[j]
			if b.What != chat.Text {
				continue
			}
			if !said {
				w.Open("system", "[")
			}
			said = true
			w.text(b)
		}
	}
	if said {
		w.Put("]")
	}
	w.Open("messages", "[")
	for i := lead; i < len(turns); i++ {
		if err := w.turn(&turns[i], i == len(turns)-1); err != nil {
			return err
		}
	}
	w.Put("]")
	return nil
}

var roles = [...]string{chat.System: "system", chat.User: "user", chat.Assistant: "assistant"}

func (w *writer) turn(turn *chat.Turn, last bool) error {
	w.Next()
	w.Put("{")
	w.String("role", roles[turn.Role])
	if len(turn.Replay) > 0 {
		w.Member("content", turn.Replay)
		w.Put("}")
		return nil
	}
	if last && turn.Role == chat.Assistant {
		w.trim(&turn.Blocks[len(turn.Blocks)-1])
	}
	if err := w.blocks(turn.Blocks); err != nil {
		return err
	}
	w.Put("}")
	return nil
}

// blocks writes a list of blocks as the content of what is being written.
func (w *writer) blocks(blocks []chat.Block) error {
	w.Open("content", "[")
	empty := len(w.Dst)
	for i := range blocks {
		if err := w.block(&blocks[i]); err != nil {
			return err
		}
	}
	if len(w.Dst) == empty {
		w.text(&chat.Block{Text: raw.Text(".")}) // all there was has been dropped
	}
	w.Put("]")
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

// begin begins a block.
func (w *writer) begin(kind string) {
	w.Next()
	w.Put("{")
	w.String("type", kind)
}

// end ends a block, which may be marked for the cache.
func (w *writer) end(ttl string) {
	w.mark(ttl)
	w.Put("}")
}

// block writes one block. What has no words here did not get this far.
func (w *writer) block(b *chat.Block) error {
	switch b.What {
	case chat.Text:
		w.text(b)
	case chat.Thinking:
		w.begin("thinking")
		w.Text("thinking", b.Text)
		w.Text("signature", b.Sig)
		w.end("")
	case chat.Redacted:
		w.begin("redacted_thinking")
		w.Text("data", b.Sig)
		w.end("")
	case chat.Call, chat.Custom:
		w.begin("tool_use")
		w.String("id", b.ID)
		w.String("name", w.trip.Name(b.Name))
		w.Member("input", w.trip.Object(b))
		w.end(b.Cache)
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
	w.begin("text")
	w.Text("text", b.Text)
	w.end(b.Cache)
}

func (w *writer) result(b *chat.Block) error {
	w.begin("tool_result")
	w.String("tool_use_id", b.ID)
	if len(b.Blocks) > 0 {
		if err := w.blocks(b.Blocks); err != nil {
			return err
		}
	}
	if b.Failed {
		w.Bool("is_error", true)
	}
	w.end(b.Cache)
	return nil
}

// mark marks the block being written for the cache.
func (w *writer) mark(ttl string) {
	switch ttl {
	case "":
	case "1h":
		w.Open("cache_control", `{"type":"ephemeral","ttl":"1h"}`)
	default:
		w.Open("cache_control", `{"type":"ephemeral"}`)
	}
}

func (w *writer) image(b *chat.Block) error {
	m := b.Media
	if len(m.URL) > 0 {
		w.begin("image")
		w.Open("source", `{"type":"url"`)
		w.Text("url", m.URL)
		w.Put("}")
		w.end(b.Cache)
		return nil
	}
	kind := m.Picture()
	switch kind {
	case "image/jpg":
		kind = "image/jpeg"
	case "image/png", "image/jpeg", "image/gif", "image/webp":
	default:
		return w.lose(chat.ImageURL, m.Param, "the picture is '"+kind+"'. Send a PNG, JPEG, GIF or WebP.")
	}
	w.source("image", kind, m)
	w.end(b.Cache)
	return nil
}

// source begins a block with data that came along.
func (w *writer) source(block, kind string, m *chat.Media) {
	w.begin(block)
	w.Open("source", `{"type":"base64"`)
	w.String("media_type", kind)
	w.Text("data", m.Base64)
	w.Put("}")
}

func (w *writer) document(b *chat.Block) error {
	m := b.Media
	switch {
	case m.FileID != "" && w.home.home == direct && strings.HasPrefix(m.FileID, "file_"):
		w.begin("document")
		w.Open("source", `{"type":"file"`)
		w.String("file_id", m.FileID)
		w.Put("}")
		w.beta("files-api-2025-04-14")
	case m.FileID != "":
		return w.lose(chat.FilePart, m.Param+".file_id", "the provider does not know the file. Send its contents as 'file_data'.")
	case m.Type == "application/pdf" || bytes.HasPrefix(m.Base64, []byte("JVBERi")):
		w.source("document", "application/pdf", m)
	case strings.HasPrefix(m.Type, "text/"):
		text, err := base64.StdEncoding.AppendDecode(nil, m.Base64)
		if err != nil {
			return chat.Invalid("invalid_value", m.Param+".file_data", "Invalid value for '"+m.Param+".file_data': it is not base64.")
		}
		w.begin("document")
		w.Open("source", `{"type":"text","media_type":"text/plain","data":"`)
		w.Dst = raw.AppendEscaped(w.Dst, bytes.ToValidUTF8(text, []byte("\uFFFD")))
		w.Put(`"}`)
	default:
		return w.lose(chat.FilePart, m.Param, "the file is '"+m.Type+"'. Send a PDF or text.")
	}
	if m.Name != "" {
		w.String("title", m.Name)
	}
	w.end(b.Cache)
	return nil
}

// beta asks for a feature that the request cannot do without.
func (w *writer) beta(name string) {
	if !slices.Contains(w.betas, name) {
		w.betas = append(w.betas, name)
	}
}

// lose is for a picture or file of a kind that Claude does not take: it is refused
// in words that say why, unless the backend wants such things dropped.
func (w *writer) lose(f chat.Field, param, why string) error {
	if w.trip.Options.Unsupported == chat.DropUnsupported {
		return w.trip.Lose(chat.Refuse, f, param, "unsupported")
	}
	return unsupported(param, why)
}

func unsupported(param, why string) error {
	return chat.Unable(chat.UnsupportedValue, param, "Unsupported value: '"+param+"': "+why)
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
