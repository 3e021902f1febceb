package mistral

import (
	"crypto/sha256"
	"math/big"
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// writer writes one request.
type writer struct {
	raw.Writer
	t *chat.Trip
}

// WriteRequest writes a chat completions request in Mistral's words.
func (Dialect) WriteRequest(out *chat.Outgoing, t *chat.Trip) error {
	w := writer{Writer: raw.Writer{Dst: append(out.Body, '{')}, t: t}
	w.String("model", t.Options.Model)
	if t.Request.Stream {
		w.Bool("stream", true)
	}
	w.Open("messages", "[")
	for i := range t.Request.Turns {
		if err := w.turn(i); err != nil {
			return err
		}
	}
	w.Put("]")
	w.tools()
	if err := w.settings(); err != nil {
		return err
	}
	out.Body = append(w.Dst, '}')
	out.Path = t.Options.Prefix + "/chat/completions"
	out.Set = append(out.Set, chat.Header{Name: "content-type", Value: "application/json"})
	return nil
}

func (w *writer) turn(i int) error {
	turn := &w.t.Request.Turns[i]
	switch turn.Role {
	case chat.System:
		return w.message("system", turn.Blocks, "")
	case chat.Assistant:
		return w.assistant(turn.Blocks, i == len(w.t.Request.Turns)-1)
	}
	words := turn.Blocks
	for len(words) > 0 && words[0].What == chat.Result { // they stand in front
		if err := w.message("tool", words[0].Blocks, words[0].ID); err != nil {
			return err
		}
		words = words[1:]
	}
	if len(words) == 0 {
		return nil
	}
	return w.message("user", words, "")
}

// message writes a message; of a tool's, call is the call's id.
func (w *writer) message(role string, blocks []chat.Block, call string) error {
	w.Next()
	w.Put("{")
	w.String("role", role)
	if call != "" {
		w.String("tool_call_id", idOf(call))
	}
	if err := w.content(blocks); err != nil {
		return err
	}
	w.Put("}")
	return nil
}

// content writes the words of a message: a string that was one, else parts.
func (w *writer) content(blocks []chat.Block) error {
	if len(blocks) == 0 || len(blocks) == 1 && blocks[0].What == chat.Text && blocks[0].Part < 0 {
		var words raw.Text
		if len(blocks) > 0 {
			words = blocks[0].Text
		}
		w.Text("content", words)
		return nil
	}
	w.Open("content", "[")
	empty := len(w.Dst)
	for i := range blocks {
		if err := w.part(&blocks[i]); err != nil {
			return err
		}
	}
	if len(w.Dst) == empty { // what it had is dropped
		w.begin("text")
		w.String("text", "(empty)")
		w.Put("}")
	}
	w.Put("]")
	return nil
}

func (w *writer) part(b *chat.Block) error {
	switch b.What {
	case chat.Text:
		w.begin("text")
		w.Text("text", b.Text)
	case chat.Thinking, chat.Redacted:
		w.thought(b)
	case chat.Image:
		w.begin("image_url")
		w.Open("image_url", "{")
		w.source("url", b.Media)
		if d := b.Media.Detail; d == "original" {
			w.String("detail", "high")
		} else if d != "" {
			w.String("detail", d)
		}
		w.Put("}")
	case chat.Audio:
		w.begin("input_audio")
		w.Text("input_audio", b.Media.Base64)
	case chat.File:
		return w.file(b.Media)
	default:
		return nil
	}
	w.Put("}")
	return nil
}

// begin begins a part.
func (w *writer) begin(kind string) {
	w.Next()
	w.Put("{")
	w.String("type", kind)
}

// source writes where a picture or document is, or what is in it.
func (w *writer) source(name string, m *chat.Media) {
	w.Open(name, `"`)
	w.Dst = m.AppendURL(w.Dst)
	w.Put(`"`)
}

func (w *writer) file(m *chat.Media) error {
	switch {
	case m.FileID != "":
		w.begin("file")
		w.String("file_id", m.FileID)
	case isPDF(m):
		pdf := *m
		pdf.Type = "application/pdf" // a name may have told
		w.begin("document_url")
		w.source("document_url", &pdf)
		if m.Name != "" {
			w.String("document_name", m.Name)
		}
	default: // in the results of tools, which the rules do not look into
		return w.t.Lose(chat.Refuse, chat.FilePart, m.Param, "unsupported")
	}
	w.Put("}")
	return nil
}

// thought writes what the model thought. Only Mistral's own signature is taken.
func (w *writer) thought(b *chat.Block) {
	w.begin("thinking")
	w.Open("thinking", `[{"type":"text"`)
	w.Text("text", b.Text)
	w.Put("}]")
	w.Bool("closed", true)
	if b.For == provider && len(b.Sig) > 0 {
		w.Text("signature", b.Sig)
	}
}

// assistant writes an earlier answer, or the beginning of the one that is asked
// for.
func (w *writer) assistant(blocks []chat.Block, last bool) error {
	words := make([]chat.Block, 0, len(blocks))
	calls := 0
	for i := range blocks {
		if b := &blocks[i]; b.What == chat.Call || b.What == chat.Custom {
			calls++
		} else {
			words = append(words, *b)
		}
	}
	w.Next()
	w.Put(`{"role":"assistant"`)
	if len(words) > 0 || calls == 0 {
		if err := w.content(words); err != nil {
			return err
		}
	}
	if calls > 0 {
		w.Open("tool_calls", "[")
		for i := range blocks {
			w.call(&blocks[i])
		}
		w.Put("]")
	}
	if last {
		w.Bool("prefix", true)
		w.t.Warn("messages", "prefix")
	}
	w.Put("}")
	return nil
}

func (w *writer) call(b *chat.Block) {
	if b.What != chat.Call && b.What != chat.Custom {
		return
	}
	w.Next()
	w.Put("{")
	w.String("id", idOf(b.ID))
	w.Put(`,"type":"function","function":{`)
	w.String("name", w.t.Name(b.Name))
	args := b.Args
	switch {
	case b.What == chat.Custom:
		args = raw.AppendEscaped(nil, w.t.Object(b))
	case args.Blank():
		args = raw.Text("{}")
	}
	w.Text("arguments", args)
	w.Put("}}")
}

// idLength is how long the id of a call is, no more and no less.
const idLength = 9

const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// idOf returns the id that Mistral takes for a call. It depends on the id alone,
// so that a call and its result agree, in this request and in every later one.
func idOf(id string) string {
	if len(id) == idLength && !strings.ContainsAny(id, "_-") { // no other characters come here
		return id
	}
	sum := sha256.Sum256([]byte(id))
	n, base, digit := new(big.Int).SetBytes(sum[:]), big.NewInt(int64(len(digits))), new(big.Int)
	var text []byte // the number's digits, the last one first
	for n.Sign() > 0 {
		n.DivMod(n, base, digit)
		text = append(text, digits[digit.Int64()])
	}
	out := make([]byte, idLength)
	for i := range out {
		out[i] = digits[0]
		if at := len(text) - 1 - i; at >= 0 {
			out[i] = text[at]
		}
	}
	return string(out)
}
