package fakellm

import "strings"

// claudeSpeech is an answer made of parts, as Anthropic's API and Converse have
// them: thoughts, texts and calls, in an order that matters.
type claudeSpeech struct {
	*call
	ask      ask
	choice   int
	thinking bool
	hidden   bool // thoughts are signed, and not shown
	seal     seal

	said          *said
	parts         []speechPart
	thoughtTokens int
}

// speechPart is one part of an answer.
type speechPart struct {
	kind      partKind
	text      string
	words     []string
	signature string
	call      *toolCall
}

// compose works out the answer.
func (s *claudeSpeech) compose() {
	thought := s.thought()
	if !s.thinking {
		thought, s.ask.reasoning = nil, 0
	} else {
		s.ask.reasoning = len(thought)
	}
	if s.ask.limit > 0 {
		thought = thought[:min(len(thought), s.ask.limit)]
	}
	s.thoughtTokens = len(thought)
	s.said = s.ask.answer(s.call, s.choice)
	if s.faults.empty {
		s.said.words, s.said.calls = nil, nil
		return
	}
	said := s.pieces()
	for i, p := range said {
		if len(thought) > 0 && (i == 0 || s.faults.interleave) {
			s.think(strings.Join(thought, ""))
		}
		s.parts = append(s.parts, p)
		s.seal.place++
	}
	if len(said) == 0 && len(thought) > 0 {
		s.think(strings.Join(thought, ""))
	}
}

// thought returns the words of a thought, more of them for more effort.
func (s *claudeSpeech) thought() []string {
	all := words("They want to know about “" + excerpt(s.ask.question) + "”. ")
	for n := max(s.ask.reasoning, 8); len(all) < n && len(all) < 256; {
		all = append(all, " Let", " me", " see.")
	}
	return all
}

// think adds a thought, signed.
func (s *claudeSpeech) think(text string) {
	salt := byte(len(s.parts))
	if s.faults.redacted && s.seal.place == 0 {
		s.parts = append(s.parts, speechPart{kind: hiddenPart, signature: s.seal.sign(s.call, hiddenPart, "", salt)})
		return
	}
	if s.hidden {
		text = ""
	}
	s.parts = append(s.parts, speechPart{kind: thoughtPart, text: text, signature: s.seal.sign(s.call, thoughtPart, text, salt)})
}

// pieces returns what is said, without thoughts.
func (s *claudeSpeech) pieces() (list []speechPart) {
	n := 1
	if s.faults.texts || s.faults.interleave {
		n = 3
	}
	all := s.said.words
	if len(s.said.calls) > 0 && s.faults.texts {
		all = words("Let me look that up.")
	}
	each := max((len(all)+n-1)/n, 1)
	for len(all) > 0 {
		part := all[:min(each, len(all))]
		all = all[len(part):]
		list = append(list, speechPart{kind: saidPart, text: strings.Join(part, ""), words: part})
	}
	for i := range s.said.calls {
		list = append(list, speechPart{kind: callPart, call: &s.said.calls[i]})
	}
	return list
}

// tokens counts the answer, thoughts included.
func (s *claudeSpeech) tokens() int {
	n := s.thoughtTokens
	for _, p := range s.parts {
		n += len(p.words)
		if p.call != nil {
			n += CountTokens(p.call.name) + CountTokens(p.call.arguments)
		}
	}
	return n
}
