package bedrock

import (
	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// maxReplay bounds the list of blocks that a client is asked to bring back.
const maxReplay = 256 << 10

// keep remembers a part of the answer for its list of blocks, if it may be
// wanted and is not too long already.
func (r *reader) keep(to *[]byte, part []byte) {
	if !r.records || !r.streamed {
		return
	}
	if r.bytes += len(part); r.bytes > maxReplay {
		r.forgo("too_long")
		return
	}
	*to = append(*to, part...)
}

// forgo gives up keeping the answer's blocks.
func (r *reader) forgo(why string) {
	if r.records {
		r.records, r.lost = false, why
	}
}

// list returns the exact blocks of an answer that nothing else can tell, and
// nothing for the others.
func (r *reader) list() raw.Value {
	if !r.odd || !r.records {
		return nil
	}
	list := r.exact
	if r.streamed {
		list = append(list, '[')
		for i := range r.blocks {
			list = r.blocks[i].appendTo(list)
		}
		list = append(list, ']')
	}
	if len(list) > maxReplay {
		r.forgo("too_long")
		return nil
	}
	return list
}

// appendTo appends the block as Converse would have it in a message.
func (b *block) appendTo(list []byte) []byte {
	if !b.opened {
		return list
	}
	if len(list) > 1 {
		list = append(list, ',')
	}
	switch b.what {
	case chat.Thinking:
		list = raw.AppendText(append(list, `{"reasoningContent":{"reasoningText":{"text":`...), b.kept)
		if len(b.sig) > 0 {
			list = raw.AppendText(append(list, `,"signature":`...), b.sig)
		}
		return append(list, `}}}`...)
	case chat.Redacted:
		list = raw.AppendText(append(list, `{"reasoningContent":{"redactedContent":`...), b.sig)
		return append(list, `}}`...)
	case chat.Call:
		list = raw.AppendText(append(list, `{"toolUse":{"toolUseId":`...), b.id)
		list = raw.AppendText(append(list, `,"name":`...), b.name)
		list = append(list, `,"input":`...)
		if len(b.kept) == 0 {
			list = append(list, '{', '}')
		}
		list = raw.Text(b.kept).Append(list)
		return append(list, `}}`...)
	}
	if len(b.cites) > 0 {
		list = raw.AppendText(append(list, `{"citationsContent":{"content":[{"text":`...), b.kept)
		list = append(append(list, `}],"citations":[`...), b.cites...)
		return append(list, `]}}`...)
	}
	return append(raw.AppendText(append(list, `{"text":`...), b.kept), '}')
}
