package fakellm

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// ask is what a chat, a completion or a response wants to have said.
type ask struct {
	question  string // the text of the last message
	format    string // "json_object" or "json_schema"; anything else is text
	schema    gjson.Result
	tools     []tool // to call, instead of an answer
	stops     []string
	limit     int // tokens to say at most; 0 for no limit
	reasoning int // tokens to think
	choices   int

	callPrefix string // of the ids of tool calls; "" is OpenAI's
	shortIDs   bool   // they have nine characters, and no prefix
}

// tool is one that an answer may call.
type tool struct {
	name       string
	custom     bool // takes free text, not arguments
	parameters gjson.Result
}

// said is one choice of an answer.
type said struct {
	words  []string // joined, its text
	calls  []toolCall
	finish string // in the words of Chat Completions
	stop   string // the stop sequence that ended it; "" for none
}

type toolCall struct {
	tool
	id        string
	arguments string
}

func (s *said) text() string { return strings.Join(s.words, "") }

// tokens counts what was said.
func (s *said) tokens() int {
	n := len(s.words)
	for _, call := range s.calls {
		n += CountTokens(call.name) + CountTokens(call.arguments)
	}
	return n
}

// answer works out one choice.
func (a *ask) answer(c *call, choice int) *said {
	if len(a.tools) > 0 {
		return a.call(c, choice)
	}
	full := a.text(c, choice)
	before, at := cutAtStop(full, a.stops)
	s := &said{words: words(before), finish: "stop", stop: at}
	if room := a.limit - a.reasoning; a.limit > 0 && len(s.words) > max(room, 0) {
		s.words, s.finish, s.stop = s.words[:max(room, 0)], "length", ""
	}
	return s
}

func (a *ask) text(c *call, choice int) string {
	switch a.format {
	case "json_object":
		return string(encode(struct {
			Echo  string `json:"echo"`
			Model string `json:"model"`
		}{variant(excerpt(a.question), choice), c.model}))
	case "json_schema":
		return instance(a.schema, a.schema, excerpt(a.question), 0)
	}
	return variant(c.say(a.question), choice)
}

// call is an answer that calls the tools instead of saying something.
func (a *ask) call(c *call, choice int) *said {
	s := &said{finish: "tool_calls"}
	for i, t := range a.tools {
		call := toolCall{tool: t, id: c.id(cmp.Or(a.callPrefix, "call_"), 24, byte(choice), byte(i))}
		if a.shortIDs {
			call.id = c.id("", 9, byte(choice), byte(i))
		}
		if t.custom {
			call.arguments = excerpt(a.question)
		} else if call.arguments = instance(t.parameters, t.parameters, excerpt(a.question), 0); call.arguments == "null" {
			call.arguments = "{}"
		}
		s.calls = append(s.calls, call)
	}
	return s
}

// usage counts an answer.
func (a *ask) usage(list []*said, prompt, cached int) usage {
	reasoning := a.reasoning * len(list)
	completion := reasoning
	for _, s := range list {
		completion += s.tokens()
	}
	return usage{
		Prompt: prompt, Completion: completion, Total: prompt + completion,
		PromptDetails:     &promptDetails{Cached: cached},
		CompletionDetails: &completionDetails{Reasoning: reasoning},
	}
}

// toCall picks the tools that an answer to a user's question calls: the chosen
// one, or those that the question names, or the first.
func toCall(tools, choice, parallel gjson.Result, question string) []tool {
	if choice.Str == "none" {
		return nil
	}
	var list []tool
	tools.ForEach(func(_, v gjson.Result) bool {
		if t, ok := toolOf(v); ok { // else one that the provider runs by itself
			list = append(list, t)
		}
		return true
	})
	return pick(list, chosen(choice), !parallel.Exists() || parallel.Bool(), question)
}

// pick returns the tools to call: the one with this name when there is a name,
// else those that the question speaks of, but one only unless several may be
// called at a time, else the first.
func pick(list []tool, name string, several bool, question string) []tool {
	if name != "" {
		list = slices.DeleteFunc(list, func(t tool) bool { return t.name != name })
		return list[:min(len(list), 1)]
	}
	asked := spokenOf(list, question)
	switch {
	case len(asked) > 1 && several:
		return asked
	case len(asked) > 0:
		return asked[:1]
	}
	return list[:min(len(list), 1)]
}

// spokenOf returns the tools that a text names.
func spokenOf(list []tool, text string) []tool {
	var named []tool
	for _, t := range list {
		if strings.Contains(text, t.name) {
			named = append(named, t)
		}
	}
	return named
}

// toolOf reads a tool in the words of Chat Completions or of Responses.
func toolOf(v gjson.Result) (tool, bool) {
	kind := v.Get("type").Str
	if inner := v.Get(kind); inner.IsObject() {
		v = inner
	}
	t := tool{name: v.Get("name").Str, custom: kind == "custom", parameters: v.Get("parameters")}
	return t, t.name != "" && (kind == "function" || kind == "custom")
}

// chosen returns the name of the one tool that a tool_choice names, or "".
func chosen(choice gjson.Result) string {
	switch kind := choice.Get("type").Str; kind {
	case "function", "custom":
		if name := choice.Get(kind + ".name"); name.Exists() {
			return name.Str
		}
		return choice.Get("name").Str
	}
	return ""
}

func hasTool(tools gjson.Result, name string) bool {
	for _, v := range tools.Array() {
		if t, ok := toolOf(v); ok && t.name == name {
			return true
		}
	}
	return false
}

// stopsOf reads a stop field: a string, or a list of them.
func stopsOf(v gjson.Result) []string {
	values := v.Array()
	list := make([]string, 0, len(values))
	for _, s := range values {
		list = append(list, s.Str)
	}
	return list
}

func sortedKeys(set map[string]bool) string {
	list := make([]string, 0, len(set))
	for key := range set {
		list = append(list, key)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}
