package anthropic

import "llmroute/translator/raw"

// record keeps the blocks of an answer exactly as they came, for answers whose
// order clients of other vendors cannot keep: thoughts between calls, and blocks
// of tools that Anthropic runs. Such an answer must come back as it was.
type record struct {
	blocks  []recorded
	size    int
	rank    int  // of the last block
	thought bool // some block is a thought
	texts   int
	odd     bool // the order is one that gets lost
	opaque  bool
	over    bool // too long to keep
	given   raw.Value
	kept    []byte
}

// recorded is one block: what it began with, and what its deltas added.
type recorded struct {
	index     int64
	kind      string
	start     []byte // the block as it began
	text, sig []byte // within JSON strings; of a call, text spells the input
	cites     []byte
}

// mostRecorded bounds what is kept of one answer.
const mostRecorded = 256 << 10

// The order that clients keep by themselves: thought, text, calls.
const (
	rankThought = iota
	rankText
	rankCall
)

func (r *record) begin(index int64, kind string, v raw.Value) {
	rank := rankText
	switch kind {
	case "thinking", "redacted_thinking":
		rank = rankThought
		r.odd = r.odd || r.thought
		r.thought = true
	case "text":
		r.texts++
	case "tool_use":
		rank = rankCall
	default:
		r.opaque = true
	}
	r.odd = r.odd || rank < r.rank || r.texts > 1
	r.rank = rank
	r.grow(len(v))
	if r.over {
		return
	}
	r.blocks = append(r.blocks, recorded{index: index, kind: kind, start: append([]byte(nil), v...)})
}

func (r *record) grow(n int) {
	if r.size += n; r.size > mostRecorded {
		r.over, r.blocks = true, nil
	}
}

func (r *record) delta(index int64, p *piece) {
	r.grow(len(p.text) + len(p.sig) + len(p.citation))
	if r.over {
		return
	}
	for i := len(r.blocks) - 1; i >= 0; i-- {
		if r.blocks[i].index == index {
			r.blocks[i].add(p)
			return
		}
	}
}

func (b *recorded) add(p *piece) {
	b.text = append(b.text, p.text...)
	if p.sig != nil {
		b.sig = append(b.sig[:0], p.sig...)
	}
	if len(p.citation) > 0 {
		if len(b.cites) > 0 {
			b.cites = append(b.cites, ',')
		}
		b.cites = append(b.cites, p.citation...)
	}
}

// whole takes the blocks of a message that came in one piece.
func (r *record) whole(content raw.Value) { r.given = content }

// wanted reports whether the answer is one whose blocks must be kept.
func (r *record) wanted() bool { return r.opaque || r.thought && r.odd }

// list returns the blocks as a JSON array, or nil when they need not be kept, or
// are too long to be.
func (r *record) list() raw.Value {
	if !r.wanted() || len(r.given) > mostRecorded || r.over {
		return nil
	}
	if len(r.given) > 0 {
		return r.given
	}
	r.kept = append(r.kept[:0], '[')
	for i := range r.blocks {
		if i > 0 {
			r.kept = append(r.kept, ',')
		}
		r.kept = r.blocks[i].append(r.kept)
	}
	r.kept = append(r.kept, ']')
	return r.kept
}

// words is the member of the block that its deltas add words to, "" for none.
func (b *recorded) words() string {
	switch b.kind {
	case "text", "thinking":
		return b.kind
	case "compaction":
		return "content"
	}
	return ""
}

// seal is the member that proves the block to its vendor, "" for none.
func (b *recorded) seal() string {
	switch b.kind {
	case "thinking":
		return "signature"
	case "compaction":
		return "encrypted_content"
	}
	return ""
}

// append appends the block as it would stand in a message.
func (b *recorded) append(dst []byte) []byte {
	start := raw.Value(b.start)
	set := func(dst []byte, name string) []byte {
		return append(append(append(dst, `,"`...), name...), `":`...)
	}
	dst = raw.AppendText(append(dst, `{"type":`...), start.Get("type").Text())
	for m := start.Members(); m.Next(); {
		name := string(m.Name())
		switch {
		case name == "type", name == "citations" && len(b.cites) > 0:
		case name == b.words():
			text := append(append([]byte(nil), m.Value().Text()...), b.text...)
			dst = raw.AppendText(set(dst, name), text)
		case name == b.seal() && len(b.sig) > 0:
		case name == "input" && len(b.text) > 0:
			dst = append(set(dst, name), raw.Text(b.text).Append(nil)...)
		default:
			dst = append(set(dst, string(m.Spelled())), m.Value()...)
		}
	}
	if seal := b.seal(); seal != "" && len(b.sig) > 0 {
		dst = raw.AppendText(set(dst, seal), b.sig)
	}
	if len(b.cites) > 0 {
		dst = append(append(append(set(dst, "citations"), '['), b.cites...), ']')
	}
	return append(dst, '}')
}
