package fakellm

import (
	"encoding/json"
	"iter"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// cohereReply is a whole answer.
type cohereReply struct {
	ID       string          `json:"id"`
	Message  cohereSpoken    `json:"message"`
	Finish   string          `json:"finish_reason"`
	Usage    json.RawMessage `json:"usage,omitempty"`
	Logprobs []cohereScore   `json:"logprobs,omitempty"`
}

type cohereSpoken struct {
	Role      string            `json:"role"`
	Content   []cohereBlock     `json:"content,omitempty"`
	Plan      string            `json:"tool_plan,omitempty"`
	Calls     []wireCall        `json:"tool_calls,omitempty"`
	Citations []json.RawMessage `json:"citations,omitempty"`
}

// cohereBlock is a part of a content; its type decides which member it has.
type cohereBlock struct {
	Type     string  `json:"type,omitempty"`
	Text     *string `json:"text,omitempty"`
	Thinking *string `json:"thinking,omitempty"`

	words []string
}

// with returns a block of the same type that says text.
func (b *cohereBlock) with(text string, typed bool) cohereBlock {
	out := cohereBlock{}
	if typed {
		out.Type = b.Type
	}
	if b.Thinking != nil {
		out.Thinking = &text
	} else {
		out.Text = &text
	}
	return out
}

// cohereScore is how likely a piece of text was.
type cohereScore struct {
	Text     string    `json:"text"`
	TokenIDs []int     `json:"token_ids"`
	Logprobs []float64 `json:"logprobs"`
}

// cohereSpeech is an answer that is being told.
type cohereSpeech struct {
	claudeSpeech
	message cohereSpoken
	finish  string
	usage   json.RawMessage
	scored  bool
}

func answerCohere(c *call) (*reply, *refusal) {
	s := &cohereSpeech{claudeSpeech: claudeSpeech{call: c, ask: cohereAsk(c.json)}, scored: c.json.Get("logprobs").Bool()}
	kind := c.json.Get("thinking.type").Str
	s.thinking = kind == "enabled" || kind == "" && strings.Contains(c.model, "reasoning")
	s.compose()
	s.spell()
	s.finish = s.reason()
	s.usage = c.raw(s.count())
	if c.json.Get("stream").Bool() {
		out := sse(s.events())
		out.failure = func(r *refusal, _ int) []event {
			return []event{cohereEvent("message-end", nil, map[string]any{"finish_reason": "ERROR", "error": cohereWords(r)}, false)}
		}
		return out, nil
	}
	out := cohereReply{ID: c.cohereID(), Message: s.message, Finish: s.finish, Usage: s.usage}
	if s.scored {
		for _, w := range s.said.words {
			out.Logprobs = append(out.Logprobs, scoreOf(w))
		}
	}
	return whole(out), nil
}

func cohereAsk(body gjson.Result) ask {
	messages := body.Get("messages").Array()
	last := messages[len(messages)-1]
	a := ask{
		question: textOf(last.Get("content")), stops: stopsOf(body.Get("stop_sequences")), limit: int(body.Get("max_tokens").Int()),
		reasoning: int(body.Get("thinking.token_budget").Int() / 256),
	}
	if form := body.Get("response_format"); form.Get("type").Str == "json_object" {
		a.format, a.schema = "json_object", form.Get("json_schema")
		if a.schema.Exists() {
			a.format = "json_schema"
		}
	}
	list := body.Get("tools").Array()
	tools := make([]tool, 0, len(list))
	for _, v := range list {
		tools = append(tools, tool{name: v.Get("function.name").Str, parameters: v.Get("function.parameters")})
	}
	switch role := last.Get("role").Str; {
	case body.Get("tool_choice").Str == "NONE" || role == "assistant":
	case role == "tool" && body.Get("tool_choice").Str == "":
		a.tools = pick(spokenOf(tools, a.question), "", true, a.question)
	default:
		a.tools = pick(tools, "", true, a.question)
	}
	return a
}

// spell spells the parts of the answer. A tool that takes nothing is called with
// null, and what is said before calls is a plan.
func (s *cohereSpeech) spell() {
	m := &s.message
	m.Role = "assistant"
	for i := range s.parts {
		p := &s.parts[i]
		switch p.kind {
		case thoughtPart:
			m.Content = append(m.Content, cohereBlock{Type: "thinking", Thinking: &p.text, words: words(p.text)})
		case saidPart:
			if len(s.said.calls) > 0 {
				m.Plan += p.text
			} else {
				m.Content = append(m.Content, cohereBlock{Type: "text", Text: &p.text, words: p.words})
			}
		case callPart:
			wire := p.call.wire()
			if wire.Function.Arguments == "{}" {
				wire.Function.Arguments = "null"
			}
			m.Calls = append(m.Calls, wire)
		}
	}
	s.cite()
}

// cite cites each document for the first word of each text.
func (s *cohereSpeech) cite() {
	mode := s.json.Get("citation_options.mode").Str
	if mode == "DISABLED" || mode == "OFF" {
		return
	}
	for n, doc := range s.json.Get("documents").Array() {
		data := map[string]any{"id": "doc:" + itoa(n)}
		doc.Get("data").ForEach(func(name, value gjson.Result) bool {
			data[name.Str] = value.Value()
			return true
		})
		for i, b := range s.message.Content {
			if b.Type == "text" {
				s.message.Citations = append(s.message.Citations, encode(map[string]any{
					"start": 0, "end": length(b.words[0]), "text": b.words[0], "content_index": i, "type": "TEXT_CONTENT",
					"sources": []any{map[string]any{"type": "document", "id": data["id"], "document": data}},
				}))
			}
		}
	}
}

func (s *cohereSpeech) reason() string {
	switch {
	case s.faults.finish != "":
		return s.faults.finish
	case s.said.finish == "length":
		return "MAX_TOKENS"
	case s.said.finish == "tool_calls":
		return "TOOL_CALL"
	case s.said.stop != "":
		return "STOP_SEQUENCE"
	}
	return "COMPLETE"
}

// preamble is what Cohere puts before a conversation, in tokens. It is not billed.
const preamble = 500

// count counts in fractions, as Cohere does, though there are none.
func (s *cohereSpeech) count() any {
	prompt, _ := chatTokens(s.json)
	number := func(n int) json.RawMessage { return json.RawMessage(strconv.Itoa(n) + ".0") }
	both := func(in int) map[string]any {
		return map[string]any{"input_tokens": number(in), "output_tokens": number(s.tokens())}
	}
	return map[string]any{"billed_units": both(prompt), "tokens": both(prompt + preamble), "cached_tokens": number(preamble)}
}

func scoreOf(word string) cohereScore {
	return cohereScore{Text: word, TokenIDs: []int{1, 2}, Logprobs: []float64{-0.25, -0.5}}
}

// cohereEvent is an event of a stream, whose type stands in it twice. Nil leaves
// the index out.
func cohereEvent(kind string, index *int, delta any, word bool, more ...any) event {
	members := map[string]any{"type": kind}
	if index != nil {
		members["index"] = *index
	}
	if delta != nil {
		members["delta"] = delta
	}
	for i := 0; i+1 < len(more); i += 2 {
		members[more[i].(string)] = more[i+1]
	}
	return event{name: kind, data: encode(members), word: word, last: kind == "message-end"}
}

// aboutMessage wraps what an event tells of the message.
func aboutMessage(name string, value any) any {
	return map[string]any{"message": map[string]any{name: value}}
}

func (s *cohereSpeech) events() iter.Seq[event] {
	return func(yield func(event) bool) {
		stopped := false
		tell := func(ev event) { stopped = stopped || !yield(ev) }
		tell(cohereEvent("message-start", nil, map[string]any{"message": map[string]any{
			"role": "assistant", "content": []any{}, "tool_plan": "", "tool_calls": []any{}, "citations": []any{},
		}}, false, "id", s.cohereID()))
		if s.faults.odd {
			tell(cohereEvent("debug", nil, nil, false, "prompt", "?"))
			tell(cohereEvent("thing-happened", nil, nil, false))
		}
		for i := range s.message.Content {
			s.tellContent(tell, i)
		}
		for _, word := range words(s.message.Plan) {
			tell(cohereEvent("tool-plan-delta", nil, aboutMessage("tool_plan", word), true))
		}
		for i := range s.message.Calls {
			s.tellCall(tell, i)
		}
		tell(cohereEvent("message-end", nil, map[string]any{"finish_reason": s.finish, "usage": s.usage}, false))
	}
}

// tellContent sends one part of the content, and where it is cited.
func (s *cohereSpeech) tellContent(tell func(event), i int) {
	b := &s.message.Content[i]
	index := &i
	if s.faults.odd {
		index = nil
	}
	tell(cohereEvent("content-start", index, aboutMessage("content", b.with("", true)), false))
	for _, word := range b.words {
		var more []any
		if s.scored && b.Type == "text" {
			more = []any{"logprobs", scoreOf(word)}
		}
		tell(cohereEvent("content-delta", index, aboutMessage("content", b.with(word, false)), true, more...))
	}
	tell(cohereEvent("content-end", index, nil, false))
	for n, c := range s.message.Citations {
		if int(gjson.GetBytes(c, "content_index").Int()) == i {
			tell(cohereEvent("citation-start", &n, aboutMessage("citations", c), false))
			tell(cohereEvent("citation-end", &n, nil, false))
		}
	}
}

// tellCall sends one call. Of one that takes nothing no arguments are sent.
func (s *cohereSpeech) tellCall(tell func(event), i int) {
	call := s.message.Calls[i]
	f := *call.Function
	arguments := f.Arguments
	f.Arguments = ""
	call.Function = &f
	tell(cohereEvent("tool-call-start", &i, aboutMessage("tool_calls", call), false))
	if arguments != "null" {
		for _, piece := range chunked(arguments) {
			tell(cohereEvent("tool-call-delta", &i, aboutMessage("tool_calls", map[string]any{"function": map[string]any{"arguments": piece}}), true))
		}
	}
	tell(cohereEvent("tool-call-end", &i, nil, false))
}
