package fakellm

import (
	"encoding/json"
	"iter"
	"strconv"

	"github.com/tidwall/gjson"
)

// prompts is the rule of what completions and embeddings read: a text, several,
// a list of tokens, or several of those.
var prompts = rule{kinds: isString | isArray, also: checkPrompts}

// checkPrompts refuses lists that mix texts, tokens and lists of tokens.
func checkPrompts(v *validation, at string, value gjson.Result) (err *refusal) {
	each := anything
	i := 0
	value.ForEach(func(_, e gjson.Result) bool {
		if i == 0 {
			switch got, _ := kindOf(e); got {
			case isInteger:
				each = integer(0, 1<<31)
			case isArray:
				each = aList.notEmpty().of(integer(0, 1<<31))
			default:
				each = text
			}
		}
		err = v.value(at+"["+strconv.Itoa(i)+"]", e, each)
		i++
		return err == nil
	})
	return err
}

// promptsOf returns the texts to answer. Tokens are spelled as their numbers.
func promptsOf(v gjson.Result) []string {
	if !v.IsArray() {
		return []string{v.Str}
	}
	list := v.Array()
	if len(list) > 0 && list[0].Type == gjson.Number {
		return []string{tokenText(list)}
	}
	out := make([]string, 0, len(list))
	for _, e := range list {
		if e.IsArray() {
			out = append(out, tokenText(e.Array()))
		} else {
			out = append(out, e.Str)
		}
	}
	return out
}

func tokenText(tokens []gjson.Result) string {
	var b []byte
	for i, t := range tokens {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, t.Raw...)
	}
	return string(b)
}

type textCompletion struct {
	ID          string          `json:"id"`
	Object      string          `json:"object"`
	Created     int64           `json:"created"`
	Model       string          `json:"model"`
	Choices     []textChoice    `json:"choices"`
	Usage       json.RawMessage `json:"usage,omitempty"`
	Fingerprint *string         `json:"system_fingerprint"`
}

type textChoice struct {
	Text     string        `json:"text"`
	Index    int           `json:"index"`
	Logprobs *textLogprobs `json:"logprobs"`
	Finish   *string       `json:"finish_reason"`
}

type textLogprobs struct {
	Tokens  []string             `json:"tokens"`
	Values  []float64            `json:"token_logprobs"`
	Top     []map[string]float64 `json:"top_logprobs"`
	Offsets []int                `json:"text_offset"`
}

// completion is a legacy completion that is being answered.
type completion struct {
	*call
	said  []*said
	usage usage
}

// defaultMaxTokens is what a completion says at most when nobody asks for more.
const defaultMaxTokens = 16

func answerCompletion(c *call) (*reply, *refusal) {
	if c.json.Get("best_of").Exists() && c.json.Get("best_of").Int() < c.json.Get("n").Int() {
		return nil, invalid("", "best_of", "You requested that the server return more choices than it will generate: 'best_of' must be at least 'n'.")
	}
	if c.json.Get("stream_options").Type != gjson.Null && !c.json.Get("stream").Bool() {
		return nil, invalid("", "stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
	}
	a := ask{stops: stopsOf(c.json.Get("stop")), limit: defaultMaxTokens, choices: int(max(c.json.Get("n").Int(), 1))}
	if limit := c.json.Get("max_tokens"); limit.Type != gjson.Null {
		a.limit = int(limit.Int())
	} else if c.faults.size > 0 {
		a.limit = 0
	}
	t := &completion{call: c}
	prompt := 0
	for _, question := range promptsOf(c.json.Get("prompt")) {
		prompt += CountTokens(question)
		a.question = question
		for i := range a.choices {
			s := a.answer(c, i)
			if c.json.Get("echo").Bool() && len(s.words) > 0 {
				s.words = append(words(question), s.words...)
			}
			t.said = append(t.said, s)
		}
	}
	t.usage = a.usage(t.said, prompt, 0)
	if c.json.Get("stream").Bool() {
		return streamed(t.chunks()), nil
	}
	out := t.envelope()
	out.Usage = c.raw(t.usage)
	for i, s := range t.said {
		out.Choices = append(out.Choices, textChoice{Text: s.text(), Index: i, Finish: &s.finish, Logprobs: t.probabilities(s.words)})
	}
	return whole(out), nil
}

func (t *completion) envelope() *textCompletion {
	return &textCompletion{ID: t.id("cmpl-", 29), Object: "text_completion", Created: t.created(), Model: t.Model}
}

// chunks streams the choices one after another, each word a chunk of its own.
func (t *completion) chunks() iter.Seq[event] {
	return func(yield func(event) bool) {
		counts := t.json.Get("stream_options.include_usage").Bool() && !t.faults.noUsage
		for i, s := range t.said {
			for n := range len(s.words) + 1 {
				out := t.envelope()
				choice := textChoice{Index: i}
				if n < len(s.words) {
					choice.Text, choice.Logprobs = s.words[n], t.probabilities(s.words[n:n+1])
				} else {
					choice.Finish = &s.finish
				}
				out.Choices = []textChoice{choice}
				if counts {
					out.Usage = null
				}
				if !yield(event{data: encode(out), word: true}) {
					return
				}
			}
		}
		if counts {
			out := t.envelope()
			out.Choices, out.Usage = []textChoice{}, encode(t.usage)
			yield(event{data: encode(out)})
		}
	}
}

// probabilities returns how likely each word was: all the same.
func (t *completion) probabilities(words []string) *textLogprobs {
	if t.json.Get("logprobs").Type == gjson.Null {
		return nil
	}
	p := &textLogprobs{Tokens: words}
	offset := 0
	for _, word := range words {
		p.Values = append(p.Values, -0.25)
		p.Top = append(p.Top, map[string]float64{word: -0.25})
		p.Offsets = append(p.Offsets, offset)
		offset += length(word)
	}
	return p
}
