package fakellm

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

func itoa(n int) string { return strconv.Itoa(n) }

// anthropicMessage is an answer of the Messages API.
type anthropicMessage struct {
	ID           string           `json:"id"`
	Type         string           `json:"type"`
	Role         string           `json:"role"`
	Model        string           `json:"model"`
	Content      []anthropicBlock `json:"content"`
	StopReason   *string          `json:"stop_reason"`
	StopSequence *string          `json:"stop_sequence"`
	StopDetails  *stopDetails     `json:"stop_details,omitempty"`
	Usage        json.RawMessage  `json:"usage,omitempty"`
}

type stopDetails struct {
	Type        string `json:"type"`
	Category    string `json:"category"`
	Explanation string `json:"explanation"`
}

// anthropicBlock is a block of any type, which decides the members it has.
type anthropicBlock struct {
	Type      string            `json:"type"`
	Text      *string           `json:"text,omitempty"`
	Citations []json.RawMessage `json:"citations,omitempty"`
	Thinking  *string           `json:"thinking,omitempty"`
	Signature *string           `json:"signature,omitempty"`
	Data      string            `json:"data,omitempty"`
	ID        string            `json:"id,omitempty"`
	Name      string            `json:"name,omitempty"`
	Input     json.RawMessage   `json:"input,omitempty"`
	ToolUseID string            `json:"tool_use_id,omitempty"`
	Content   json.RawMessage   `json:"content,omitempty"`

	words []string // what a stream sends of its text
}

type anthropicUsage struct {
	Input         int              `json:"input_tokens"`
	CacheCreation int              `json:"cache_creation_input_tokens"`
	CacheRead     int              `json:"cache_read_input_tokens"`
	Output        int              `json:"output_tokens"`
	Details       *thinkingDetails `json:"output_tokens_details,omitempty"`
	ServiceTier   string           `json:"service_tier,omitempty"`
}

type thinkingDetails struct {
	Thinking int `json:"thinking_tokens"`
}

// messageReply is a message that is being answered.
type messageReply struct {
	*messages
	speech claudeSpeech
	blocks []anthropicBlock
	reason string
	usage  anthropicUsage
}

func (m *messages) answer(*call) (*reply, *refusal) {
	r := &messageReply{messages: m}
	r.speech = claudeSpeech{call: m.call, thinking: m.settings().thinking() != "", ask: m.ask()}
	if m.claude.bound() {
		r.speech.seal.prefix = m.before(len(m.json.Get("messages").Array()))
	}
	display := m.json.Get("thinking.display").Str
	if display == "" {
		display = m.claude.display()
	}
	r.speech.hidden = display == "omitted"
	r.speech.compose()
	r.reason = anthropicReason(&r.speech)
	r.blocks = r.spell()
	r.usage = r.count()
	if m.json.Get("stream").Bool() || strings.HasSuffix(m.Path, "/invoke-with-response-stream") {
		return r.stream(), nil
	}
	return whole(r.message()), nil
}

// ask reads what is asked for.
func (m *messages) ask() ask {
	spoken := withoutSystem(m.turns)
	last := spoken[len(spoken)-1] // a system message asks nothing
	question, results := asked(last.parts)
	a := ask{
		question: question, callPrefix: "toolu_01",
		stops: stopsOf(m.json.Get("stop_sequences")), limit: int(m.json.Get("max_tokens").Int()),
		reasoning: max(reasoningTokens(m.json.Get("output_config.effort").Str), int(m.json.Get("thinking.budget_tokens").Int()/256)),
	}
	if schema := m.json.Get("output_config.format.schema"); schema.Exists() {
		a.format, a.schema = "json_schema", schema
	}
	var tools []tool
	m.json.Get("tools").ForEach(func(_, v gjson.Result) bool {
		if kind := v.Get("type").Str; kind == "" || kind == "custom" {
			tools = append(tools, tool{name: v.Get("name").Str, parameters: v.Get("input_schema")})
		}
		return true
	})
	choice := m.json.Get("tool_choice")
	several := !choice.Get("disable_parallel_tool_use").Bool()
	switch kind := choice.Get("type").Str; {
	case kind == "none" || last.role == "assistant":
	case results && kind != "any" && kind != "tool":
		a.tools = pick(spokenOf(tools, question), "", several, question)
	default:
		a.tools = pick(tools, choice.Get("name").Str, several, question)
	}
	return a
}

func anthropicReason(s *claudeSpeech) string {
	switch {
	case s.faults.finish != "":
		return s.faults.finish
	case s.said.finish == "length":
		return "max_tokens"
	case s.said.finish == "tool_calls":
		return "tool_use"
	case s.said.stop != "":
		return "stop_sequence"
	}
	return "end_turn"
}

// spell spells the parts of the answer as blocks.
func (r *messageReply) spell() []anthropicBlock {
	list := []anthropicBlock{}
	for _, p := range r.speech.parts {
		switch p.kind {
		case thoughtPart:
			list = append(list, anthropicBlock{Type: "thinking", Thinking: &p.text, Signature: &p.signature, words: words(p.text)})
		case hiddenPart:
			list = append(list, anthropicBlock{Type: "redacted_thinking", Data: p.signature})
		case saidPart:
			list = append(list, anthropicBlock{Type: "text", Text: &p.text, words: p.words})
		case callPart:
			list = append(list, anthropicBlock{Type: "tool_use", ID: p.call.id, Name: p.call.name, Input: json.RawMessage(p.call.arguments)})
		}
	}
	if r.searches() {
		list = r.found(list)
	}
	if r.faults.odd {
		list = append(list, anthropicBlock{Type: "thing_nobody_knows", Data: "?"})
	}
	return list
}

// searches reports whether the answer is one of the web's.
func (r *messageReply) searches() bool {
	found := false
	r.json.Get("tools").ForEach(func(_, tool gjson.Result) bool {
		found = found || strings.HasPrefix(tool.Get("type").Str, "web_search_")
		return true
	})
	return found && len(r.speech.said.calls) == 0
}

// found puts a search and what it found before the texts, and cites it in each.
func (r *messageReply) found(list []anthropicBlock) []anthropicBlock {
	const url, title = "https://example.com/a", "What others said"
	id := r.id("srvtoolu_01", 24)
	for i := range list {
		if list[i].Type == "text" {
			list[i].Citations = []json.RawMessage{encode(map[string]string{"type": "web_search_result_location", "url": url, "title": title,
				"encrypted_index": r.id("", 16, 'i'), "cited_text": strings.Join(list[i].words, "")})}
		}
	}
	return slices.Concat([]anthropicBlock{
		{Type: "server_tool_use", ID: id, Name: "web_search", Input: encode(map[string]string{"query": excerpt(r.speech.ask.question)})},
		{Type: "web_search_tool_result", ToolUseID: id, Content: encode([]map[string]string{
			{"type": "web_search_result", "url": url, "title": title, "encrypted_content": r.id("", 32, 'w'), "page_age": "June 15, 2025"}})},
	}, list)
}

// count counts the request and the answer. Of the request, what is marked for the
// cache up to the first mark was there already; what is between that and the last
// mark is new to it.
func (r *messageReply) count() anthropicUsage {
	total, first, last := promptTokens(r.json)
	u := anthropicUsage{
		Input: total - last, CacheRead: first, CacheCreation: last - first,
		Output: r.speech.tokens(), ServiceTier: "standard",
	}
	if n := r.speech.thoughtTokens; n > 0 {
		u.Details = &thinkingDetails{n}
	}
	return u
}

// promptTokens counts the words of a request, and those up to its first and its
// last mark for the cache.
func promptTokens(body gjson.Result) (total, first, last int) {
	mark := func(v gjson.Result) {
		if v.Get("cache_control").IsObject() {
			last = total
			if first == 0 {
				first = total
			}
		}
	}
	blocks := func(list gjson.Result) {
		if list.Type == gjson.String {
			total += CountTokens(list.Str)
		}
		for _, block := range list.Array() {
			total += blockTokens(block)
			mark(block)
		}
	}
	body.Get("tools").ForEach(func(_, tool gjson.Result) bool {
		total += toolTokens(tool)
		mark(tool)
		return true
	})
	blocks(body.Get("system"))
	body.Get("messages").ForEach(func(_, message gjson.Result) bool {
		total++
		blocks(message.Get("content"))
		return true
	})
	mark(body)
	return total, first, last
}

func blockTokens(block gjson.Result) int {
	switch block.Get("type").Str {
	case "text":
		return CountTokens(block.Get("text").Str)
	case "thinking", "redacted_thinking":
		return CountTokens(block.Get("thinking").Str)
	case "tool_use":
		return CountTokens(block.Get("name").Str) + CountTokens(block.Get("input").Raw)
	case "tool_result":
		return contentTokens(block.Get("content"))
	}
	if block.IsObject() {
		return mediaTokens
	}
	return 0
}

// message is the whole answer.
func (r *messageReply) message() *anthropicMessage {
	m := &anthropicMessage{
		ID: r.id(r.home.id, 24), Type: "message", Role: "assistant", Model: r.Model,
		Content: r.blocks, StopReason: &r.reason, Usage: r.raw(r.usage),
	}
	if r.reason == "stop_sequence" {
		m.StopSequence = &r.speech.said.stop
	}
	if r.reason == "refusal" {
		m.StopDetails = &stopDetails{"refusal", "general_harms", "I would rather not say."}
	}
	return m
}

// countTokens answers what a request would count.
func (m *messages) countTokens(*call) (*reply, *refusal) {
	total, _, _ := promptTokens(m.json)
	return whole(map[string]int{"input_tokens": total}), nil
}
