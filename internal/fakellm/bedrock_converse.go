package fakellm

import (
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// converse is a request of Converse that has been found right.
type converse struct {
	*call
	claude claude
	family string // of the model: "claude", "nova", …; "" for one that takes anything
	turns  []turn
	stream bool
}

// families are the makers of models whose limits are known, by what their ids
// have in them.
var families = []struct{ word, family string }{
	{"claude", "claude"}, {"nova", "nova"}, {"llama", "llama"}, {"mistral", "mistral"}, {"command-r", "cohere"},
	{"deepseek", "deepseek"}, {"qwen", "qwen"}, {"gpt-oss", "gpt-oss"},
}

func familyOf(model string) string {
	for _, f := range families {
		if strings.Contains(model, f.word) {
			return f.family
		}
	}
	return ""
}

func findConverse(c *call, stream bool) (answerer, *refusal) {
	if err := posted(c); err != nil {
		return nil, err
	}
	if strings.HasPrefix(c.model, "missing-") || c.model == "" {
		return nil, wrong("The provided model identifier is invalid.")
	}
	v := validation{lax: c.faults.lax}
	if err := v.members("", c.json, converseFields); err != nil {
		return nil, err
	}
	m := &converse{call: c, claude: claudeOf(c.model), family: familyOf(c.model), stream: stream}
	m.turns = converseTurns(c.json.Get("messages"))
	for _, check := range []func() *refusal{m.checkOrder, m.checkDocuments, m.checkFamily, m.checkModel, m.checkTools, m.checkFormat} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return m.answer, nil
}

// byModel words a refusal that comes from the model behind Bedrock.
func byModel(r *refusal) *refusal {
	if r != nil {
		r.message = "The model returned the following errors: " + r.message
	}
	return r
}

func converseTurns(list gjson.Result) []turn {
	messages := list.Array()
	turns := make([]turn, 0, len(messages))
	for n, message := range messages {
		t := turn{role: message.Get("role").Str, first: n, at: "messages." + itoa(n)}
		for i, block := range message.Get("content").Array() {
			if !block.Get("cachePoint").Exists() {
				t.parts = append(t.parts, conversePart(block, t.at+".content."+itoa(i)))
			}
		}
		turns = append(turns, t)
	}
	return turns
}

func conversePart(block gjson.Result, at string) messagePart {
	p := messagePart{at: at}
	switch {
	case block.Get("text").Exists():
		p.kind, p.text = saidPart, block.Get("text").Str
	case block.Get("reasoningContent.redactedContent").Exists():
		p.kind, p.signature = hiddenPart, block.Get("reasoningContent.redactedContent").Str
	case block.Get("reasoningContent").Exists():
		inner := block.Get("reasoningContent.reasoningText")
		p.kind, p.text, p.signature = thoughtPart, inner.Get("text").Str, inner.Get("signature").Str
	case block.Get("toolUse").Exists():
		p.kind, p.id = callPart, block.Get("toolUse.toolUseId").Str
	case block.Get("toolResult").Exists():
		p.kind, p.id, p.text = resultPart, block.Get("toolResult.toolUseId").Str, textOf(block.Get("toolResult.content"))
	}
	return p
}

func (m *converse) checkOrder() *refusal {
	for i, t := range m.turns {
		switch {
		case i == 0 && t.role != "user":
			return wrong("A conversation must start with a user message. Try again with a conversation that starts with a user message.")
		case i > 0 && t.role == m.turns[i-1].role:
			return wrong("A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.")
		case len(t.parts) == 0:
			return wrong("The content field in the Message object at %s is empty. Add a ContentBlock object to the content field and try again.", t.at)
		}
		for _, p := range t.parts {
			switch {
			case p.kind == saidPart && strings.TrimSpace(p.text) == "":
				return wrong("The text field in the ContentBlock object at %s is blank. Add text to the text field, and try again.", p.at)
			case (p.kind == callPart || p.thought()) && t.role != "assistant", p.kind == resultPart && t.role != "user":
				return wrong("The block at %s is not allowed in a message of the role %s.", p.at, t.role)
			case (p.kind == callPart || p.kind == resultPart) && !m.json.Get("toolConfig").Exists():
				return wrong("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
			}
		}
	}
	return byModel(checkCalls(m.turns))
}

// checkDocuments refuses documents without a text beside them, and two of one name.
func (m *converse) checkDocuments() *refusal {
	seen := make(map[string]bool)
	for i, message := range m.json.Get("messages").Array() {
		said, documents := false, 0
		for _, block := range message.Get("content").Array() {
			said = said || block.Get("text").Exists()
			name := block.Get("document.name").Str
			if name == "" {
				continue
			}
			if documents++; seen[name] {
				return wrong("The document names in the conversation must be unique: %s stands more than once.", name)
			}
			seen[name] = true
		}
		switch {
		case documents > 0 && !said:
			return wrong("A text block must be included when using documents.")
		case documents > 5:
			return wrong("messages.%d: more than 5 documents", i)
		}
	}
	return nil
}

// choices are the kinds of tool choice that a family takes.
var choices = map[string][]string{
	"": {"auto", "any", "tool"}, "claude": {"auto", "any", "tool"}, "nova": {"auto", "any", "tool"},
	"mistral": {"auto", "any"}, "llama": {"auto"}, "deepseek": {"any", "tool"},
}

// checkFamily refuses what the family of the model does not know.
func (m *converse) checkFamily() *refusal {
	unsupported := func(field string) *refusal {
		return wrong("This model doesn't support the %s field. Remove %s and try again.", field, field)
	}
	for kind := range m.json.Get("toolConfig.toolChoice").Map() {
		if !slices.Contains(choices[m.family], kind) {
			return unsupported("toolConfig.toolChoice." + kind)
		}
	}
	switch {
	case m.family == "llama" && m.stream && m.json.Get("toolConfig").Exists():
		return wrong("This model doesn't support tool use in streaming mode.")
	case (m.family == "qwen" || m.family == "gpt-oss") && m.json.Get("inferenceConfig.stopSequences").Exists():
		return unsupported("stopSequences")
	}
	if m.family != "mistral" {
		return nil
	}
	for _, t := range m.turns {
		for _, p := range t.parts {
			if p.id != "" && (len(p.id) != 9 || strings.ContainsAny(p.id, "_-.:")) {
				return byModel(wrong("Tool call id has to be defined: a-z, A-Z, 0-9, with a length of 9, was %s", p.id))
			}
		}
	}
	return nil
}

// modelFields are the names that a family's own fields have.
var modelFields = map[string][]string{
	"claude": {"thinking", "output_config", "anthropic_beta", "top_k", "tool_choice"}, "nova": {"inferenceConfig", "reasoningConfig"},
	"llama": {}, "qwen": {}, "mistral": {"top_k"}, "deepseek": {}, "gpt-oss": {"reasoning_effort"},
	"cohere": {"k", "seed", "frequency_penalty", "presence_penalty"},
}

// checkModel refuses what the model itself refuses.
func (m *converse) checkModel() (err *refusal) {
	if known, gated := modelFields[m.family]; gated {
		m.json.Get("additionalModelRequestFields").ForEach(func(name, _ gjson.Result) bool {
			if !slices.Contains(known, name.Str) {
				err = wrong("Malformed input request: #: extraneous key [%s] is not permitted, please reformat your input and try again.", name.Str)
			}
			return err == nil
		})
	}
	if err != nil {
		return err
	}
	s := m.settings()
	if err := s.check(); err != nil {
		return byModel(err)
	}
	if err := m.checkChoice(); err != nil {
		return byModel(err)
	}
	if err := checkThoughts(m.turns, m.bound()); err != nil {
		return byModel(err)
	}
	last := m.turns[len(m.turns)-1]
	switch {
	case s.kind == "enabled" && thoughtful(m.turns) != nil:
		return byModel(thoughtful(m.turns))
	case last.role != "assistant":
		return nil
	case !m.claude.prefilled() || s.thinking() != "":
		return byModel(wrong("This model does not support assistant message prefill. The conversation must end with a user message."))
	case m.claude.known() && strings.TrimRight(last.parts[len(last.parts)-1].text, " \n\t") != last.parts[len(last.parts)-1].text:
		return byModel(wrong("final assistant content cannot end with trailing whitespace"))
	}
	return nil
}

// settings reads what the request asks of one of Anthropic's models.
func (m *converse) settings() *claudeSettings {
	more, inference := m.json.Get("additionalModelRequestFields"), m.json.Get("inferenceConfig")
	choice := m.json.Get("toolConfig.toolChoice")
	s := &claudeSettings{
		claude: m.claude, bedrock: true, temperature: inference.Get("temperature"), top: inference.Get("topP"), topK: more.Get("top_k"),
		kind: more.Get("thinking.type").Str, effort: more.Get("output_config.effort").Str,
		budget: more.Get("thinking.budget_tokens").Num, limit: inference.Get("maxTokens").Num,
		interleaved: strings.Contains(more.Get("anthropic_beta").Raw, "interleaved-thinking"),
		force:       choice.Get("any").Exists() || choice.Get("tool").Exists(),
	}
	if e := m.json.Get("outputConfig.effort"); e.Exists() {
		s.effort = e.Str
	}
	return s
}

// checkChoice refuses a tool choice of Anthropic's own that stands beside
// Converse's, or is no whole one without it.
func (m *converse) checkChoice() *refusal {
	own, theirs := m.json.Get("additionalModelRequestFields.tool_choice"), m.json.Get("toolConfig.toolChoice")
	switch {
	case !own.Exists():
		return nil
	case !m.json.Get("toolConfig").Exists():
		return wrong("tool_choice: may only be specified while providing `tools`")
	case theirs.Exists() && own.Get("type").Exists():
		return wrong("The additional field tool_choice/type conflicts with the existing field toolConfig.toolChoice.")
	case !theirs.Exists() && !own.Get("type").Exists():
		return wrong("tool_choice.type: Field required")
	}
	return nil
}

// bound returns what tells the conversation before a message, for models whose
// thoughts belong to one.
func (m *converse) bound() func(int) [8]byte {
	if !m.claude.bound() {
		return nil
	}
	return func(message int) [8]byte {
		before := m.json.Get("messages").Array()[:message]
		return fingerprint(slices.Concat([]gjson.Result{m.json.Get("system"), m.json.Get("toolConfig.tools")}, before)...)
	}
}

func (m *converse) checkTools() *refusal {
	seen := make(map[string]bool)
	for i, tool := range m.json.Get("toolConfig.tools").Array() {
		spec := tool.Get("toolSpec")
		if name := spec.Get("name").Str; seen[name] && name != "" {
			return byModel(wrong("tools: Tool names must be unique."))
		}
		seen[spec.Get("name").Str] = true
		if !spec.Get("strict").Bool() {
			continue
		}
		if m.claude.known() && !m.claude.structured() {
			return byModel(wrong("tools.%d.custom.strict: Extra inputs are not permitted", i))
		}
		if err := checkSchema("tools."+itoa(i)+".input_schema", spec.Get("inputSchema.json"), false, 0); err != nil {
			return byModel(err)
		}
	}
	if name := m.json.Get("toolConfig.toolChoice.tool.name").Str; name != "" && !seen[name] {
		return wrong("The tool %s of toolConfig.toolChoice.tool is not among toolConfig.tools.", name)
	}
	return nil
}

func (m *converse) checkFormat() *refusal {
	format := m.json.Get("outputConfig.textFormat.structure.jsonSchema.schema")
	switch {
	case !format.Exists():
		return nil
	case m.claude.known() && !m.claude.structured():
		return byModel(wrong("output_config.format: Extra inputs are not permitted"))
	case !gjson.Valid(format.Str):
		return wrong("The schema of outputConfig.textFormat is not valid JSON.")
	}
	return byModel(checkSchema("output_config.format.schema", gjson.Parse(format.Str), false, 0))
}
