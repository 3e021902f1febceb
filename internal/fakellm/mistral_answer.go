package fakellm

import (
	"encoding/json"
	"iter"

	"github.com/tidwall/gjson"
)

// mistralReply is an answer, or a chunk of one.
type mistralReply struct {
	ID      string          `json:"id"`
	Object  string          `json:"object"`
	Created int64           `json:"created"`
	Model   string          `json:"model"`
	Choices []mistralChoice `json:"choices"`
	Usage   json.RawMessage `json:"usage,omitempty"`
}

type mistralChoice struct {
	Index    int             `json:"index"`
	Message  *mistralSpoken  `json:"message,omitempty"`
	Delta    *mistralSpoken  `json:"delta,omitempty"`
	Finish   *string         `json:"finish_reason"`
	Logprobs *mistralScores  `json:"logprobs,omitempty"`
	Extra    json.RawMessage `json:"thing,omitempty"`
}

type mistralSpoken struct {
	Role    string     `json:"role,omitempty"`
	Content any        `json:"content"`
	Calls   []wireCall `json:"tool_calls,omitempty"`
}

// mistralPart is a part of a content.
type mistralPart struct {
	Type     string        `json:"type"`
	Text     *string       `json:"text,omitempty"`
	Thinking []mistralPart `json:"thinking,omitempty"`
	Closed   *bool         `json:"closed,omitempty"`
}

type mistralScores struct {
	Content []tokenLogprob `json:"content"`
}

func mistralSaid(text string) mistralPart { return mistralPart{Type: "text", Text: &text} }

func mistralThought(text string) mistralPart {
	return mistralPart{Type: "thinking", Thinking: []mistralPart{mistralSaid(text)}}
}

// mistralSpeech is an answer that is being told.
type mistralSpeech struct {
	*call
	spoken []claudeSpeech // by choice
	usage  json.RawMessage
	scored *chat // tells how likely words were
}

func answerMistral(c *call) (*reply, *refusal) {
	a := mistralAsk(c.json)
	s := &mistralSpeech{call: c, scored: &chat{call: c, logprobs: c.json.Get("logprobs").Bool(), top: int(c.json.Get("top_logprobs").Int())}}
	effort := c.json.Get("reasoning_effort").Str
	prompt, cached := chatTokens(c.json)
	completion := 0
	for i := range a.choices {
		one := claudeSpeech{call: c, ask: a, choice: i, thinking: effort != "" && effort != "none" || c.json.Get("prompt_mode").Exists()}
		one.compose()
		completion += one.tokens()
		s.spoken = append(s.spoken, one)
	}
	s.usage = c.raw(map[string]any{"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
		"prompt_tokens_details": map[string]int{"cached_tokens": cached}})
	if c.json.Get("stream").Bool() {
		out := streamed(s.chunks())
		out.failure = func(r *refusal, _ int) []event { return []event{{data: encode(mistralErrorOf(r)), last: true}} }
		return out, nil
	}
	return whole(s.message()), nil
}

func mistralAsk(body gjson.Result) ask {
	a := chatAsk(body)
	a.shortIDs = true
	a.limit = int(body.Get("max_tokens").Int())
	messages := body.Get("messages").Array()
	if last := messages[len(messages)-1]; last.Get("role").Str == "tool" {
		for _, v := range body.Get("tools").Array() {
			if t, ok := toolOf(v); ok {
				a.tools = append(a.tools, t)
			}
		}
		a.tools = spokenOf(a.tools, a.question)
	}
	return a
}

func (s *mistralSpeech) envelope(object string) *mistralReply {
	return &mistralReply{ID: s.id("", 32), Object: object, Created: s.created(), Model: s.Model}
}

func (s *mistralSpeech) reason(i int) *string {
	if s.faults.finish != "" {
		return &s.faults.finish
	}
	return &s.spoken[i].said.finish
}

// calls spells the calls of a choice: whole, and without type and index.
func (s *mistralSpeech) calls(i int) (list []wireCall) {
	for k := range s.spoken[i].said.calls {
		call := s.spoken[i].said.calls[k].wire()
		call.Type = ""
		list = append(list, call)
	}
	return list
}

func (s *mistralSpeech) message() *mistralReply {
	out := s.envelope("chat.completion")
	out.Usage = s.usage
	for i := range s.spoken {
		m := &mistralSpoken{Role: "assistant", Calls: s.calls(i)}
		text, parts, thoughts := "", []mistralPart{}, false
		for _, p := range s.spoken[i].parts {
			switch p.kind {
			case thoughtPart:
				thoughts = true
				parts = append(parts, mistralThought(p.text))
			case saidPart:
				text += p.text
				parts = append(parts, mistralSaid(p.text))
			}
		}
		if m.Content = text; thoughts || s.faults.texts {
			m.Content = parts
		}
		if s.faults.odd {
			m.Content = append([]mistralPart{{Type: "thing_nobody_knows"}}, parts...)
		}
		out.Choices = append(out.Choices, mistralChoice{Index: i, Message: m, Finish: s.reason(i), Logprobs: s.scores(s.spoken[i].said.words...)})
	}
	return out
}

func (s *mistralSpeech) scores(words ...string) *mistralScores {
	p := s.scored.probabilities(words...)
	if p == nil {
		return nil
	}
	return &mistralScores{p.Content}
}

// chunks streams the answer: thoughts as lists, the first word behind them in the
// list that ends them, all other words as they are, and how it finished, what was
// called and what it took all at once.
func (s *mistralSpeech) chunks() iter.Seq[event] {
	return func(yield func(event) bool) {
		stopped := false
		send := func(i int, d mistralSpoken, finish *string, scores *mistralScores) {
			out := s.envelope("chat.completion.chunk")
			if finish != nil && i == len(s.spoken)-1 {
				out.Usage = s.usage
			}
			out.Choices = []mistralChoice{{Index: i, Delta: &d, Finish: finish, Logprobs: scores}}
			if s.faults.odd {
				out.Choices[0].Extra = json.RawMessage(`"?"`)
			}
			stopped = stopped || !yield(event{data: encode(out), word: finish == nil && d.Role == ""})
		}
		for i := range s.spoken {
			send(i, mistralSpoken{Role: "assistant", Content: ""}, nil, nil)
			thought := false
			for _, p := range s.spoken[i].parts {
				if p.kind == thoughtPart {
					for _, word := range words(p.text) {
						send(i, mistralSpoken{Content: []mistralPart{mistralThought(word)}}, nil, nil)
					}
					thought = true
				}
				for _, word := range p.words {
					var content any = word
					if thought {
						end := mistralThought("")
						end.Closed = new(true)
						content, thought = []mistralPart{end, mistralSaid(word)}, false
					}
					send(i, mistralSpoken{Content: content}, nil, s.scores(word))
				}
			}
			s.tellCalls(i, send)
		}
	}
}

// tellCalls sends the calls of a choice and how it finished: all calls whole in
// one chunk, or with the fault "odd" piece by piece, as models of others do.
func (s *mistralSpeech) tellCalls(i int, send func(int, mistralSpoken, *string, *mistralScores)) {
	d := mistralSpoken{Content: "", Calls: s.calls(i)}
	if s.faults.odd {
		d.Calls = nil
		for k := range s.spoken[i].said.calls {
			for _, piece := range s.spoken[i].said.calls[k].pieces(k) {
				send(i, mistralSpoken{Content: "", Calls: []wireCall{piece}}, nil, nil)
			}
		}
	}
	send(i, d, s.reason(i), nil)
}
