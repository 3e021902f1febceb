package fakellm

import (
	"net/http"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// messages is a request of the Messages API that has been found right.
type messages struct {
	*call
	home   *anthropicHome
	claude claude
	turns  []turn
}

// readMessages checks a request as Anthropic does: version and betas, fields, and
// then what only the fields together show.
func readMessages(c *call, home *anthropicHome) (*messages, *refusal) {
	m := &messages{call: c, home: home, claude: claudeOf(c.model)}
	if v := c.json.Get("anthropic_version").Str; v != home.version && home.version != "" {
		if home.betaList {
			return nil, wrong("anthropic_version: \"%s\" is not supported", v)
		}
		return nil, &refusal{status: http.StatusNotFound, kind: "not_found_error", message: "anthropic_version: " + v}
	}
	betas, err := home.betasOf(c)
	if err != nil {
		return nil, err
	}
	known := messagesFields(home, m.claude, betas)
	if home.counts || strings.HasSuffix(c.Path, "/count_tokens") {
		for _, name := range []string{"max_tokens", "stream", "temperature", "top_p", "top_k"} {
			delete(known, name)
		}
	}
	v := validation{lax: c.faults.lax}
	if err := v.members("", c.json, known); err != nil {
		return nil, err
	}
	if strings.HasPrefix(c.model, "missing-") {
		return nil, noSuchModel(c.model)
	}
	m.turns = readTurns(c.json.Get("messages"))
	for _, check := range []func() *refusal{m.checkOrder, m.checkThinking, m.checkTools, m.checkFormat, m.checkMarks, m.checkSources} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// readTurns joins the messages of one role that follow each other, as Anthropic
// does. System messages stand apart from all others.
func readTurns(list gjson.Result) []turn {
	var turns []turn
	n := 0
	list.ForEach(func(_, message gjson.Result) bool {
		at := "messages." + itoa(n)
		role := message.Get("role").Str
		if len(turns) == 0 || turns[len(turns)-1].role != role {
			turns = append(turns, turn{role: role, first: n, at: at})
		}
		last := &turns[len(turns)-1]
		n++
		if content := message.Get("content"); content.Type == gjson.String {
			last.parts = append(last.parts, messagePart{kind: saidPart, text: content.Str, at: at + ".content"})
		} else {
			i := 0
			content.ForEach(func(_, block gjson.Result) bool {
				last.parts = append(last.parts, readBlock(block, at+".content."+itoa(i)))
				i++
				return true
			})
		}
		return true
	})
	return turns
}

func readBlock(block gjson.Result, at string) messagePart {
	p := messagePart{at: at}
	switch block.Get("type").Str {
	case "text":
		p.kind, p.text = saidPart, block.Get("text").Str
	case "thinking":
		p.kind, p.text, p.signature = thoughtPart, block.Get("thinking").Str, block.Get("signature").Str
	case "redacted_thinking":
		p.kind, p.signature = hiddenPart, block.Get("data").Str
	case "tool_use":
		p.kind, p.id = callPart, block.Get("id").Str
	case "tool_result":
		p.kind, p.id, p.text = resultPart, block.Get("tool_use_id").Str, textOf(block.Get("content"))
	}
	return p
}

func (m *messages) checkOrder() *refusal {
	for i, t := range m.turns {
		last := i == len(m.turns)-1
		for _, p := range t.parts {
			if p.kind == saidPart && strings.TrimSpace(p.text) == "" {
				return wrong("%s: text content blocks must contain non-whitespace text", p.at)
			}
		}
		switch {
		case len(t.parts) == 0 && (t.role != "assistant" || !last):
			return wrong("%s: all messages must have non-empty content except for the optional final assistant message", t.at)
		case t.role != "system":
		case !m.claude.instructed():
			return wrong("%s: role 'system' is not supported on this model", t.at)
		case i == 0, m.turns[i-1].role != "user", !last && m.turns[i+1].role != "assistant":
			return wrong("%s: a 'system' message must follow a 'user' message and must be last or be followed by an 'assistant' message", t.at)
		}
	}
	if err := checkCalls(withoutSystem(m.turns)); err != nil {
		return err
	}
	return m.checkPrefill()
}

// withoutSystem takes out the system messages, which no call minds.
func withoutSystem(turns []turn) []turn {
	return slices.DeleteFunc(slices.Clone(turns), func(t turn) bool { return t.role == "system" })
}

func (m *messages) checkPrefill() *refusal {
	t := m.turns[len(m.turns)-1]
	switch {
	case t.role != "assistant":
		return nil
	case !m.claude.prefilled(), m.settings().thinking() != "":
		return wrong("This model does not support assistant message prefill. The conversation must end with a user message.")
	case len(t.parts) > 0 && strings.TrimRight(t.parts[len(t.parts)-1].text, " \t\r\n") != t.parts[len(t.parts)-1].text:
		return wrong("messages: final assistant content cannot end with trailing whitespace")
	}
	return nil
}

// settings reads what the request asks of the model.
func (m *messages) settings() *claudeSettings {
	choice := m.json.Get("tool_choice.type").Str
	return &claudeSettings{
		claude: m.claude, temperature: m.json.Get("temperature"), top: m.json.Get("top_p"), topK: m.json.Get("top_k"),
		kind: m.json.Get("thinking.type").Str, effort: m.json.Get("output_config.effort").Str,
		budget: m.json.Get("thinking.budget_tokens").Num, limit: m.json.Get("max_tokens").Num,
		interleaved: strings.Contains(m.Header.Get("Anthropic-Beta")+m.json.Get("anthropic_beta").Raw, "interleaved-thinking"),
		force:       choice == "any" || choice == "tool",
	}
}

func (m *messages) checkThinking() *refusal {
	if err := m.settings().check(); err != nil {
		return err
	}
	var bound func(int) [8]byte
	if m.claude.bound() {
		bound = m.before
	}
	if err := checkThoughts(m.turns, bound); err != nil {
		return err
	}
	if m.json.Get("thinking.type").Str == "enabled" {
		return thoughtful(withoutSystem(m.turns))
	}
	return nil
}

// before tells the conversation up to a message from every other.
func (m *messages) before(message int) [8]byte {
	system := m.json.Get("system")
	if system.Type == gjson.String {
		system = textBlocks(system.Str)
	}
	before := m.json.Get("messages").Array()[:message]
	return fingerprint(slices.Concat([]gjson.Result{system, m.json.Get("tools")}, before)...)
}

func (m *messages) checkTools() *refusal {
	tools, choice := m.json.Get("tools"), m.json.Get("tool_choice")
	kind := choice.Get("type").Str
	seen := make(map[string]bool)
	strict := 0
	for i, tool := range tools.Array() {
		name, at := tool.Get("name").Str, "tools."+itoa(i)
		if seen[name] && name != "" {
			return wrong("tools: Tool names must be unique.")
		}
		seen[name] = true
		if !tool.Get("strict").Bool() {
			continue
		}
		if strict++; strict > 20 {
			return wrong("tools: Too many strict tools. The maximum is 20.")
		}
		if !m.home.forced(m.claude) {
			return wrong("%s.custom.strict: Extra inputs are not permitted", at)
		}
		if err := checkSchema(at+".custom.input_schema", tool.Get("input_schema"), false, 0); err != nil {
			return err
		}
	}
	switch {
	case kind != "" && len(seen) == 0:
		return wrong("tool_choice: may only be specified while providing `tools`")
	case kind == "tool" && !seen[choice.Get("name").Str]:
		return wrong("tool_choice: Tool '%s' not found in provided tools", choice.Get("name").Str)
	}
	return nil
}

func (m *messages) checkFormat() *refusal {
	schema := m.json.Get("output_config.format.schema")
	if !schema.Exists() {
		return nil
	}
	if m.turns[len(m.turns)-1].role == "assistant" {
		return wrong("output_config.format: not supported with assistant message prefill")
	}
	return checkSchema("output_config.format.schema", schema, false, 0)
}

// maxMarks is how many places of a request may be marked for the cache.
const maxMarks = 4

func (m *messages) checkMarks() *refusal {
	marks := marksOf(m.json)
	if len(marks) > maxMarks {
		return wrong("A maximum of 4 blocks with cache_control may be provided. Found %d.", len(marks))
	}
	short := false
	for _, ttl := range marks {
		if ttl == "1h" && short {
			return wrong("a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block.")
		}
		short = short || ttl != "1h"
	}
	return nil
}

// marksOf returns the lives of what is to be cached, in their order in a prompt.
func marksOf(body gjson.Result) (ttls []string) {
	mark := func(v gjson.Result) {
		if c := v.Get("cache_control"); c.IsObject() {
			ttls = append(ttls, c.Get("ttl").Str)
		}
	}
	blocks := func(list gjson.Result) {
		list.ForEach(func(_, block gjson.Result) bool { mark(block); return true })
	}
	blocks(body.Get("tools"))
	blocks(body.Get("system"))
	body.Get("messages").ForEach(func(_, message gjson.Result) bool {
		blocks(message.Get("content"))
		return true
	})
	mark(body)
	return ttls
}

// checkSources refuses media that the home cannot get.
func (m *messages) checkSources() (err *refusal) {
	for i, message := range m.json.Get("messages").Array() {
		for j, block := range message.Get("content").Array() {
			list := append([]gjson.Result{block}, block.Get("content").Array()...)
			for _, b := range list {
				at := "messages." + itoa(i) + ".content." + itoa(j)
				switch kind := b.Get("source.type").Str; {
				case kind == "url" && !m.home.media:
					return wrong("%s.source: URL sources are not supported", at)
				case kind == "file" && (!m.home.files || !strings.Contains(m.Header.Get("Anthropic-Beta"), "files-api-2025-04-14")):
					return wrong("%s.source: Input tag 'file' found using 'type' does not match any of the expected tags", at)
				}
			}
		}
	}
	return nil
}
