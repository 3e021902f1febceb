package bedrock

import (
	"crypto/sha256"
	"encoding/base64"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

func (w *writer) blocks(blocks []chat.Block) error {
	for i := range blocks {
		b := &blocks[i]
		before := len(w.Dst)
		if err := w.block(b); err != nil {
			return err
		}
		if len(w.Dst) > before {
			w.filled = true
			w.mark(b.Cache)
		}
	}
	return nil
}

func (w *writer) block(b *chat.Block) error {
	switch b.What {
	case chat.Text:
		if !b.Text.Blank() {
			w.text(b.Text)
			w.words = true
		}
	case chat.Thinking, chat.Redacted:
		if w.says(b) {
			w.thought(b)
		}
	case chat.Call, chat.Custom:
		w.call(b)
	case chat.Result:
		return w.result(b)
	case chat.Image, chat.Audio, chat.File:
		return w.media(b)
	}
	return nil
}

func (w *writer) thought(b *chat.Block) {
	w.Next()
	w.Put(`{"reasoningContent":{`)
	if b.What == chat.Redacted {
		w.Text("redactedContent", b.Sig)
		w.Put("}}")
		return
	}
	w.Open("reasoningText", "{")
	w.Text("text", b.Text)
	w.Text("signature", b.Sig)
	w.Put("}}}")
}

func (w *writer) call(b *chat.Block) {
	w.Next()
	if w.plain {
		args := b.Args
		if b.What == chat.Custom {
			args = b.Text
		}
		w.Put(`{"text":"[tool call `)
		w.Dst = append(append(append(w.Dst, raw.Quote(b.Name)...), ' '), args...)
		w.Put(`]"}`)
		w.words = true
		return
	}
	w.Put(`{"toolUse":{`)
	w.String("toolUseId", w.id(b.ID))
	w.String("name", w.t.Name(b.Name))
	w.Member("input", w.t.Object(b))
	w.Put("}}")
}

// mistralID is how long Mistral's ids are, no more and no less.
const mistralID = 9

// id returns what the model takes for a call's id. It depends on the id alone,
// so that a call and its result agree, in this request and in every later one.
func (w *writer) id(id string) string {
	if w.m.vendor != mistral {
		return id
	}
	fits := len(id) == mistralID
	for i := 0; fits && i < len(id); i++ {
		fits = id[i] != '_' && id[i] != '-'
	}
	if fits {
		return id
	}
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	sum := sha256.Sum256([]byte(id))
	out := make([]byte, mistralID)
	for i := range out {
		out[i] = digits[int(sum[i])%len(digits)]
	}
	return string(out)
}

// result writes what a tool has answered.
func (w *writer) result(b *chat.Block) error {
	if w.plain {
		return w.told(b)
	}
	w.Next()
	w.Put(`{"toolResult":{`)
	w.String("toolUseId", w.id(b.ID))
	w.Open("content", "[")
	empty := len(w.Dst)
	words := w.words
	for i := range b.Blocks {
		if err := w.block(&b.Blocks[i]); err != nil {
			return err
		}
	}
	w.words = words // these are not the user's
	if len(w.Dst) == empty {
		w.text(raw.Text("(empty)"))
	}
	w.Put("]")
	if b.Failed && w.m.judges() {
		w.String("status", "error")
	}
	w.Put("}}")
	return nil
}

// told writes a result in words.
func (w *writer) told(b *chat.Block) error {
	w.Next()
	w.Put(`{"text":"[tool result `)
	w.Dst = append(append(w.Dst, raw.Quote(b.ID)...), ']')
	for i := range b.Blocks {
		if b.Blocks[i].What == chat.Text {
			w.Dst = append(append(w.Dst, ' '), b.Blocks[i].Text...)
		}
	}
	w.Put(`"}`)
	w.words = true
	for i := range b.Blocks {
		if b.Blocks[i].What != chat.Text {
			if err := w.block(&b.Blocks[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// mark writes a cache point behind what was just written. Five minutes are what
// it lasts if nothing is said.
func (w *writer) mark(life string) {
	if life == "" {
		return
	}
	w.Next()
	w.Put(`{"cachePoint":{"type":"default"`)
	if life != "5m" {
		w.String("ttl", life)
	}
	w.Put("}}")
}

// isBase64 reports whether b is base64 as Bedrock wants it. What it does not take
// would be a 400 that names nothing the client knows.
func isBase64(b raw.Text) bool {
	if len(b) == 0 || len(b)%4 != 0 {
		return false
	}
	const chunk = 4096
	var buf [chunk / 4 * 3]byte
	for len(b) > 0 {
		n := min(len(b), chunk)
		if _, err := base64.StdEncoding.Decode(buf[:], b[:n]); err != nil {
			return false
		}
		b = b[n:]
	}
	return true
}
