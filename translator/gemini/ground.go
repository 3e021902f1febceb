package gemini

import (
	"bytes"
	"unicode/utf8"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// maxSpoken bounds the text that is kept for the sources that come behind it.
const maxSpoken = 1 << 20

// spoken is what an answer has said so far. Google tells the places of sources
// when the text is over, and counts them in bytes.
type spoken struct {
	said   []byte // unescaped
	pieces []piece
	parts  []int // where in said the parts of a whole answer begin; -1 is no text
	full   bool
}

// piece is a block of the answer and where in the text it begins.
type piece struct{ block, at int }

// part takes note of where a part begins. Those of a stream are not numbered.
func (s *spoken) part(i int) {
	for len(s.parts) < i {
		s.parts = append(s.parts, -1)
	}
	if len(s.parts) == i {
		s.parts = append(s.parts, len(s.said))
	}
}

func (s *spoken) say(block int, text raw.Text) {
	if n := len(s.pieces); n == 0 || s.pieces[n-1].block != block {
		s.pieces = append(s.pieces, piece{block, len(s.said)})
	}
	if s.full = s.full || len(s.said)+len(text) > maxSpoken; !s.full {
		s.said = text.Append(s.said)
	}
}

// find returns where in the text a segment stands. Google's own numbers count as
// long as they fit its words.
func (s *spoken) find(segment raw.Value) (from, to int, ok bool) {
	from, to = int(segment.Get("startIndex").Int()), int(segment.Get("endIndex").Int())
	words := segment.Get("text").Text().Append(nil)
	if i := int(segment.Get("partIndex").Int()); i > 0 && i < len(s.parts) && s.parts[i] >= 0 {
		from, to = from+s.parts[i], to+s.parts[i]
	}
	fits := from >= 0 && from < to && to <= len(s.said)
	if fits && (len(words) == 0 || bytes.Equal(s.said[from:to], words)) {
		return from, to, true
	}
	if len(words) == 0 {
		return 0, 0, false
	}
	from = bytes.Index(s.said, words)
	return from, from + len(words), from >= 0
}

// ground tells the sources of an answer.
func (r *reader) ground(evs []chat.Event, index int, grounding, citations raw.Value) []chat.Event {
	s := &r.choices[index].text
	if s.full || len(s.pieces) == 0 {
		return evs
	}
	var chunks []raw.Value
	for e := grounding.Get("groundingChunks").Elements(); e.Next(); {
		chunks = append(chunks, e.Value())
	}
	for e := grounding.Get("groundingSupports").Elements(); e.Next(); {
		from, to, ok := s.find(e.Value().Get("segment"))
		if !ok {
			continue
		}
		for i := e.Value().Get("groundingChunkIndices").Elements(); i.Next(); {
			if n := i.Value().Int(); n >= 0 && int(n) < len(chunks) {
				source := chunks[n].Get("web")
				if !source.IsObject() {
					source = chunks[n].Get("retrievedContext")
				}
				evs = s.cite(evs, index, from, to, source.Get("uri").Text(), source.Get("title").Text())
			}
		}
	}
	for _, name := range [...]string{"citationSources", "citations"} { // either home has its own name
		for e := citations.Get(name).Elements(); e.Next(); {
			if from, to, ok := s.find(e.Value()); ok {
				evs = s.cite(evs, index, from, to, e.Value().Get("uri").Text(), e.Value().Get("title").Text())
			}
		}
	}
	return evs
}

// cite tells one source, by code points of the block in which its text begins.
func (s *spoken) cite(evs []chat.Event, index, from, to int, uri, title raw.Text) []chat.Event {
	if len(uri) == 0 {
		return evs
	}
	in := s.pieces[0]
	for _, p := range s.pieces {
		if p.at <= from {
			in = p
		}
	}
	return append(evs, chat.Event{Kind: chat.Cite, What: chat.Text, Choice: index, Block: in.block, ID: uri, Name: title,
		From: utf8.RuneCount(s.said[in.at:from]), To: utf8.RuneCount(s.said[in.at:to])})
}
