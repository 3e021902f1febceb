package openai

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// Reasoning travels in one convention: reasoning_content holds its text, and
// reasoning_details what must come back as it was. What clients of other
// gateways keep is read as well.

const (
	formatClaude  = "anthropic-claude-v1"
	formatGemini  = "google-gemini-v1"
	formatUnknown = "unknown"

	ours       = "llmroute:"
	ourBlocks  = ours + "blocks:"
	forClaude  = "anthropic"
	forGemini  = "gemini"
	detailText = "reasoning.text"
	encrypted  = "reasoning.encrypted"
)

// reasoning reads the reasoning of an earlier answer from the first place where
// there is any. Text by itself proves nothing: it is for backends that take it.
func (r *reader) reasoning(turn *chat.Turn, f *fields) {
	before := len(turn.Blocks)
	for e := f.details.Elements(); e.Next(); {
		r.detail(turn, e.Value())
	}
	if len(turn.Blocks) == before && len(turn.Replay) == 0 {
		for e := f.blocks.Elements(); e.Next(); {
			b := chat.Block{Message: r.message, Part: -1}
			if thought(&b, e.Value()); len(b.Sig) > 0 {
				turn.Blocks = append(turn.Blocks, b)
			}
		}
	}
	if len(turn.Blocks) > before || len(turn.Replay) > 0 {
		r.req.Use(chat.History, r.at(".reasoning_details"))
		return
	}
	text := f.text.Text()
	if f.text.IsObject() { // as Envoy AI Gateway has it
		b := chat.Block{Message: r.message, Part: -1}
		text = f.text.Get("reasoningText").Get("text").Text()
		b.What, b.Text, b.Sig, b.For = chat.Thinking, text, f.text.Get("reasoningText").Get("signature").Text(), forClaude
		if len(b.Sig) > 0 {
			turn.Blocks = append(turn.Blocks, b)
			return
		}
	}
	if len(text) == 0 {
		text = f.short.Text()
	}
	if !text.Blank() {
		turn.Blocks = append(turn.Blocks, chat.Block{What: chat.Thinking, Text: text, Message: r.message, Part: -1})
	}
}

// once leaves out the copy where reasoning came both beside the content, as the
// first blocks, and within it. Beside it wins, unless it is in words alone.
func once(blocks []chat.Block, beside int) []chat.Block {
	isReasoning := func(b chat.Block) bool { return b.What == chat.Thinking || b.What == chat.Redacted }
	if beside == 0 || !slices.ContainsFunc(blocks[beside:], isReasoning) {
		return blocks
	}
	signed := len(blocks[0].Sig) > 0
	kept := make([]chat.Block, 0, len(blocks))
	for i, b := range blocks {
		if copied := (i >= beside) == signed; !copied || !isReasoning(b) {
			kept = append(kept, b)
		}
	}
	return kept
}

// thought reads a block in Anthropic's words.
func thought(b *chat.Block, v raw.Value) {
	b.For = forClaude
	if v.Get("type").String() == "redacted_thinking" {
		b.What, b.Sig = chat.Redacted, v.Get("data").Text()
		return
	}
	b.What, b.Text, b.Sig = chat.Thinking, v.Get("thinking").Text(), v.Get("signature").Text()
}

// detail reads one entry of reasoning_details.
func (r *reader) detail(turn *chat.Turn, v raw.Value) {
	b := chat.Block{Message: r.message, Part: -1}
	id := v.Get("id").String()
	switch v.Get("format").String() {
	case formatClaude:
		b.For = forClaude
	case formatGemini:
		b.For = forGemini
	case formatUnknown:
		if rest, ok := strings.CutPrefix(id, ourBlocks); ok {
			r.blocks(turn, rest, v.Get("data"))
			return
		}
		if rest, ok := strings.CutPrefix(id, ours); ok {
			b.For, _, _ = strings.Cut(rest, ":")
		}
	}
	switch v.Get("type").String() {
	case detailText:
		b.What, b.Text, b.Sig = chat.Thinking, v.Get("text").Text(), v.Get("signature").Text()
		if len(b.Sig) == 0 {
			b.For = ""
		}
	case encrypted:
		b.What, b.Sig = chat.Redacted, v.Get("data").Text()
		if b.For == forGemini {
			b.ID = id // of the call that it signs
		}
	default:
		return
	}
	if len(b.Sig) > 0 && b.For == "" {
		return // of a vendor that we do not know
	}
	turn.Blocks = append(turn.Blocks, b)
}

// signatureOf returns the signature of a call, as Google's own compatible APIs
// give it or as clients shorten it.
func signatureOf(call raw.Value) raw.Text {
	if sig := inExtra(call.Get("extra_content")); len(sig) > 0 {
		return sig
	}
	return call.Get("thoughtSignature").Text()
}

func inExtra(extra raw.Value) raw.Text {
	for _, vendor := range [...]string{"google", "vertex"} {
		if sig := extra.Get(vendor).Get("thought_signature").Text(); len(sig) > 0 {
			return sig
		}
	}
	return nil
}

// sign gives Gemini's signatures to what they sign: one with an id to the call of
// that id, any other to the text.
func (r *reader) sign(turn *chat.Turn, f *fields) {
	var loose []chat.Block
	turn.Blocks = slices.DeleteFunc(turn.Blocks, func(b chat.Block) bool {
		apart := b.What == chat.Redacted && b.For == forGemini
		if apart {
			loose = append(loose, b)
		}
		return apart
	})
	if sig := inExtra(f.extra); len(loose) == 0 && len(sig) > 0 {
		loose = append(loose, chat.Block{Sig: sig, For: forGemini, Message: r.message, Part: -1})
	}
	if len(loose) > 0 {
		turn.Blocks = signAll(turn.Blocks, loose, f.call.IsObject())
	}
	if slices.ContainsFunc(turn.Blocks, func(b chat.Block) bool { return b.For == forGemini }) {
		r.req.Use(chat.History, r.at(".reasoning_details"))
	}
}

func isCall(b *chat.Block) bool { return b.What == chat.Call || b.What == chat.Custom }

// signAll gives signatures to blocks. A function of old has no id to be told by,
// and is alone: any signature of a call is its own.
func signAll(blocks, loose []chat.Block, legacy bool) []chat.Block {
	var texts []chat.Block
	calls := make(map[string]raw.Text)
	for _, b := range loose {
		switch {
		case b.ID == "":
			texts = append(texts, b)
		case legacy:
			calls[""] = b.Sig
		default:
			calls[b.ID] = b.Sig
		}
	}
	at := 0 // behind the last block that is no call
	for i := range blocks {
		b := &blocks[i]
		if !isCall(b) {
			at = i + 1
			continue
		}
		id := b.ID
		if legacy {
			id = ""
		}
		if sig, ok := calls[id]; ok {
			b.Sig, b.For = sig, forGemini
		}
	}
	return signTexts(blocks, at, texts)
}

// signTexts gives the first signature to the text that ends at at, and the others,
// or all where there is none, to empty ones behind it.
func signTexts(blocks []chat.Block, at int, sigs []chat.Block) []chat.Block {
	if len(sigs) > 0 && at > 0 && blocks[at-1].What == chat.Text && len(blocks[at-1].Sig) == 0 {
		blocks[at-1].Sig, blocks[at-1].For = sigs[0].Sig, sigs[0].For
		sigs = sigs[1:]
	}
	for i := range sigs {
		sigs[i] = chat.Block{What: chat.Text, Sig: sigs[i].Sig, For: sigs[i].For, Message: sigs[i].Message, Part: -1}
	}
	return slices.Insert(blocks, at, sigs...)
}

// blocks reads a whole answer that came back as it was. What is not exactly
// that, the client has changed, and it does not count.
func (r *reader) blocks(turn *chat.Turn, id string, data raw.Value) {
	list, err := base64.StdEncoding.DecodeString(data.String())
	if err != nil || !json.Valid(list) {
		return
	}
	turn.For, _, _ = strings.Cut(id, ":")
	turn.Replay = raw.Trim(list)
}

// detailOf appends the entry of reasoning_details with number index that brings
// ev back: the end of a block of reasoning, or a whole answer.
func detailOf(dst []byte, ev *chat.Event, reply, text raw.Text, index int) []byte {
	switch {
	case ev.Kind == chat.Replay:
		dst = append(dst, `{"type":"reasoning.encrypted","data":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, ev.JSON)
		dst = append(append(append(append(dst, `","id":"`...), ourBlocks...), ev.For...), ':')
		dst = append(append(dst, reply...), `","format":"unknown"`...)
	case ev.What == chat.Call || ev.What == chat.Custom:
		dst = raw.AppendText(append(dst, `{"type":"reasoning.encrypted","data":`...), ev.Sig)
		dst = raw.AppendText(append(dst, `,"id":`...), ev.ID)
		dst = format(dst, ev.For, reply, index)
	case ev.What != chat.Thinking:
		dst = raw.AppendText(append(dst, `{"type":"reasoning.encrypted","data":`...), ev.Sig)
		dst = format(dst, ev.For, reply, index)
	default:
		dst = raw.AppendText(append(dst, `{"type":"reasoning.text","text":`...), text)
		dst = raw.AppendText(append(dst, `,"signature":`...), ev.Sig)
		dst = format(dst, ev.For, reply, index)
	}
	dst = append(dst, `,"index":`...)
	return append(strconv.AppendInt(dst, int64(index), 10), '}')
}

func format(dst []byte, dialect string, reply raw.Text, index int) []byte {
	switch dialect {
	case forClaude:
		return append(dst, `,"format":"`+formatClaude+`"`...)
	case forGemini:
		return append(dst, `,"format":"`+formatGemini+`"`...)
	}
	dst = append(append(append(append(dst, `,"format":"unknown","id":"`...), ours...), dialect...), ':')
	dst = append(append(dst, reply...), '.')
	return append(strconv.AppendInt(dst, int64(index), 10), '"')
}
