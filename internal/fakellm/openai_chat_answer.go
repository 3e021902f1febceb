package fakellm

import (
	"encoding/json"
	"iter"

	"github.com/tidwall/gjson"
)

type chatCompletion struct {
	ID          string          `json:"id"`
	Object      string          `json:"object"`
	Created     int64           `json:"created"`
	Model       string          `json:"model"`
	Choices     []chatAnswer    `json:"choices"`
	Usage       json.RawMessage `json:"usage,omitempty"`
	ServiceTier string          `json:"service_tier"`
	Fingerprint *string         `json:"system_fingerprint"`
}

// chatAnswer is a choice: with a message in an answer, with a delta in a chunk.
type chatAnswer struct {
	Index    int           `json:"index"`
	Message  *chatMessage  `json:"message,omitempty"`
	Delta    *chatDelta    `json:"delta,omitempty"`
	Logprobs *chatLogprobs `json:"logprobs"`
	Finish   *string       `json:"finish_reason"`
}

type chatMessage struct {
	Role        string     `json:"role"`
	Content     *string    `json:"content"`
	Refusal     *string    `json:"refusal"`
	Annotations []struct{} `json:"annotations"`
	ToolCalls   []wireCall `json:"tool_calls,omitempty"`
}

type chatDelta struct {
	Role      string          `json:"role,omitempty"`
	Content   json.RawMessage `json:"content,omitempty"`
	Refusal   json.RawMessage `json:"refusal,omitempty"`
	ToolCalls []wireCall      `json:"tool_calls,omitempty"`
}

// wireCall is a tool call, or in a chunk the piece of one.
type wireCall struct {
	Index    *int          `json:"index,omitempty"`
	ID       string        `json:"id,omitempty"`
	Type     string        `json:"type,omitempty"`
	Function *wireFunction `json:"function,omitempty"`
	Custom   *wireCustom   `json:"custom,omitempty"`
}

type wireFunction struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

type wireCustom struct {
	Name  string `json:"name,omitempty"`
	Input string `json:"input"`
}

type chatLogprobs struct {
	Content []tokenLogprob `json:"content"`
	Refusal []tokenLogprob `json:"refusal"`
}

type tokenLogprob struct {
	Token   string         `json:"token"`
	Logprob float64        `json:"logprob"`
	Bytes   []int          `json:"bytes"`
	Top     []tokenLogprob `json:"top_logprobs,omitempty"`
}

var null = json.RawMessage("null")

// chat is a chat completion that is being answered.
type chat struct {
	*call
	ask
	said     []*said
	usage    usage
	top      int  // alternatives for each token
	logprobs bool // with a probability for each token
}

func answerChat(c *call) (*reply, *refusal) {
	if err := checkChat(c.json); err != nil {
		return nil, err
	}
	if err := checkReasoning(c.model, c.json); err != nil {
		return nil, err
	}
	h := &chat{call: c, logprobs: c.json.Get("logprobs").Bool(), top: int(c.json.Get("top_logprobs").Int())}
	h.ask = chatAsk(c.json)
	for i := range h.choices {
		h.said = append(h.said, h.answer(c, i))
	}
	prompt, cached := chatTokens(c.json)
	h.usage = h.ask.usage(h.said, prompt, cached)
	if c.json.Get("stream").Bool() {
		return streamed(h.chunks()), nil
	}
	return whole(h.completion()), nil
}

func chatAsk(body gjson.Result) ask {
	messages := body.Get("messages").Array()
	last := messages[len(messages)-1] // there is one: the rules say so
	a := ask{
		question:  textOf(last.Get("content")),
		format:    body.Get("response_format.type").Str,
		schema:    body.Get("response_format.json_schema.schema"),
		stops:     stopsOf(body.Get("stop")),
		limit:     int(max(body.Get("max_tokens").Int(), body.Get("max_completion_tokens").Int())),
		reasoning: reasoningTokens(body.Get("reasoning_effort").Str),
		choices:   int(max(body.Get("n").Int(), 1)),
	}
	if last.Get("role").Str == "user" {
		a.tools = toCall(body.Get("tools"), body.Get("tool_choice"), body.Get("parallel_tool_calls"), a.question)
	}
	return a
}

func (h *chat) completion() *chatCompletion {
	out := h.envelope("chat.completion")
	out.Usage = h.raw(h.usage)
	for i, s := range h.said {
		m := &chatMessage{Role: "assistant", Annotations: []struct{}{}}
		if len(s.calls) == 0 {
			m.Content = new(s.text())
		}
		for _, call := range s.calls {
			m.ToolCalls = append(m.ToolCalls, call.wire())
		}
		out.Choices = append(out.Choices, chatAnswer{Index: i, Message: m, Logprobs: h.probabilities(s.words...), Finish: &s.finish})
	}
	return out
}

func (h *chat) envelope(object string) *chatCompletion {
	return &chatCompletion{
		ID: h.id("chatcmpl-", 29), Object: object, Created: h.created(), Model: h.Model, ServiceTier: "default",
	}
}

// wire spells a call whole.
func (c *toolCall) wire() wireCall {
	if c.custom {
		return wireCall{ID: c.id, Type: "custom", Custom: &wireCustom{c.name, c.arguments}}
	}
	return wireCall{ID: c.id, Type: "function", Function: &wireFunction{c.name, c.arguments}}
}

// chunks streams the answer: for all choices their roles, then word by word in
// turn, then how they finished.
func (h *chat) chunks() iter.Seq[event] {
	return func(yield func(event) bool) {
		ok := true
		usage := json.RawMessage(nil)
		counts := h.json.Get("stream_options.include_usage").Bool() && !h.faults.noUsage
		if counts {
			usage = null // stands on every chunk but the last
		}
		send := func(choice int, d *chatDelta, finish *string, logprobs *chatLogprobs) {
			out := h.envelope("chat.completion.chunk")
			out.Usage = usage
			out.Choices = []chatAnswer{{Index: choice, Delta: d, Finish: finish, Logprobs: logprobs}}
			ok = ok && yield(event{data: encode(out), word: finish == nil && d.Role == ""})
		}
		for i, s := range h.said {
			d := &chatDelta{Role: "assistant", Content: json.RawMessage(`""`), Refusal: null}
			if len(s.calls) > 0 {
				d.Content = null
			}
			send(i, d, nil, nil)
		}
		h.deltas(func(choice int, d *chatDelta, p *chatLogprobs) bool {
			send(choice, d, nil, p)
			return ok
		})
		for i, s := range h.said {
			send(i, &chatDelta{}, &s.finish, nil)
		}
		if counts && ok {
			out := h.envelope("chat.completion.chunk")
			out.Choices, out.Usage = []chatAnswer{}, encode(h.usage)
			yield(event{data: encode(out)})
		}
	}
}

// deltas gives out the choices piece by piece, in turn, until send has enough.
func (h *chat) deltas(send func(choice int, d *chatDelta, p *chatLogprobs) bool) {
	for piece, more := 0, true; more; piece++ {
		more = false
		for i, s := range h.said {
			if piece < len(s.words) {
				more = true
				word := s.words[piece]
				if !send(i, &chatDelta{Content: encode(word)}, h.probabilities(word)) {
					return
				}
			}
		}
	}
	for i, s := range h.said {
		for n := range s.calls {
			for _, piece := range s.calls[n].pieces(n) {
				if !send(i, &chatDelta{ToolCalls: []wireCall{piece}}, nil) {
					return
				}
			}
		}
	}
}

// pieces spells a call the way a stream brings it: what it is, then a few
// characters of its arguments at a time.
func (c *toolCall) pieces(index int) []wireCall {
	first := c.wire()
	first.Index = &index
	texts := chunked(c.arguments)
	list := make([]wireCall, 1, 1+len(texts))
	list[0] = first
	if c.custom {
		first.Custom.Input = ""
	} else {
		first.Function.Arguments = ""
	}
	for _, text := range texts {
		piece := wireCall{Index: &index}
		if c.custom {
			piece.Custom = &wireCustom{Input: text}
		} else {
			piece.Function = &wireFunction{Arguments: text}
		}
		list = append(list, piece)
	}
	return list
}

// chunked cuts text after every few characters, inside words too.
func chunked(text string) []string {
	const few = 8
	var list []string
	n, start := 0, 0
	for i := range text {
		if n == few {
			list = append(list, text[start:i])
			n, start = 0, i
		}
		n++
	}
	if start < len(text) {
		list = append(list, text[start:])
	}
	return list
}

// probabilities returns how likely each word was: all the same.
func (h *chat) probabilities(words ...string) *chatLogprobs {
	if !h.logprobs {
		return nil
	}
	p := &chatLogprobs{Content: []tokenLogprob{}}
	for _, word := range words {
		t := tokenLogprob{Token: word, Logprob: -0.25, Bytes: make([]int, len(word))}
		for i := range len(word) {
			t.Bytes[i] = int(word[i])
		}
		alone := t
		for i := range h.top {
			alone.Logprob = -0.25 - float64(i)
			t.Top = append(t.Top, alone)
		}
		p.Content = append(p.Content, t)
	}
	return p
}
