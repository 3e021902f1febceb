package bedrock

import (
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/claude"
)

// A vendor trains models that behave alike.
type vendor uint8

const (
	unknown vendor = iota
	anthropic
	nova
	llama
	mistral
	cohere
	deepseek
	gptOSS
	gpt
	kimi
	qwen
	gemma
)

// model is what a model's name tells of it.
type model struct {
	vendor  vendor
	claude  claude.Model // zero for the models of others, which have none of its traits
	version int          // Nova, DeepSeek: ten times its number
	hearing bool
}

// newest stands for a version that the name does not tell: what is not known yet
// is taken for new.
const newest = 990

// modelOf returns what is known of the model that a request goes to. Its name
// may be an inference profile's or an ARN; where that does not tell, the
// configured family does.
func modelOf(t *chat.Trip) model {
	name := t.Options.Family
	if name == "" {
		name = t.Options.Model
	}
	return modelNamed(strings.ToLower(name))
}

// vendors are what in a name tells the vendor, the first that fits.
var vendors = []struct {
	part   string
	vendor vendor
}{
	{"claude", anthropic},
	{"nova", nova},
	{"gpt-oss", gptOSS},
	{"gpt-", gpt},
	{"llama", llama},
	{"deepseek", deepseek},
	{"mistral", mistral},
	{"mixtral", mistral},
	{"ministral", mistral},
	{"magistral", mistral},
	{"voxtral", mistral},
	{"pixtral", mistral},
	{"cohere", cohere},
	{"command-r", cohere},
	{"kimi", kimi},
	{"qwen", qwen},
	{"gemma", gemma},
}

func modelNamed(name string) model {
	for _, v := range vendors {
		_, rest, ok := strings.Cut(name, v.part)
		if !ok {
			continue
		}
		m := model{vendor: v.vendor, version: newest}
		switch v.vendor {
		case anthropic:
			m.claude = claude.Named(name)
		case nova:
			if m.version = 10; strings.HasPrefix(rest, "-2") {
				m.version = 20
			}
			m.hearing = strings.Contains(rest, "omni")
		case deepseek:
			if strings.Contains(rest, "r1") {
				m.version = 10
			}
		case mistral:
			m.hearing = strings.Contains(name, "voxtral")
		}
		return m
	}
	return model{}
}

func (m model) isClaude() bool { return m.vendor == anthropic }
func (m model) isCohere() bool { return m.vendor == cohere }
func (m model) hears() bool    { return m.hearing }

// reasons reports whether the model takes a reasoning effort.
func (m model) reasons() bool {
	switch m.vendor {
	case anthropic:
		return m.claude.Thinking != claude.NoThinking
	case nova:
		return m.version >= 20
	case gptOSS, gpt, kimi:
		return true
	}
	return false
}

// goesOn reports whether the model goes on with an answer that the last message
// has begun.
func (m model) goesOn() bool { return !m.isClaude() || m.claude.Has(claude.Prefilled) }

// sampled reports whether temperature and top_p may be set.
func (m model) sampled() bool {
	return m.vendor != gpt && (!m.isClaude() || m.claude.Has(claude.Sampled))
}

func (m model) stops() bool { return m.vendor != qwen && m.vendor != gptOSS }

// forcedAny reports whether the model can be made to call some tool.
func (m model) forcedAny() bool {
	switch m.vendor {
	case anthropic:
		return m.claude.Has(claude.Forced)
	case nova, mistral:
		return true
	case deepseek:
		return m.version > 10
	}
	return false
}

// forcedOne reports whether the model can be made to call a tool by its name.
// Where it cannot, it is made to call any of that one.
func (m model) forcedOne() bool { return m.vendor == anthropic || m.vendor == nova }

// streamsCalls reports whether the model can stream when it has tools.
func (m model) streamsCalls() bool { return m.vendor != llama && m.vendor != mistral }

// keepsSchemas reports whether answers and arguments can be held to a schema.
func (m model) keepsSchemas() bool {
	switch m.vendor {
	case anthropic:
		return m.claude.Has(claude.BedrockSchemas)
	case qwen, kimi, gemma, mistral:
		return true
	case deepseek:
		return m.version > 10
	}
	return false
}

// formed reports whether an answer can be held to a schema in any way, or be the
// call of a tool that must be called, which leaves no room for other tools.
func (m model) formed(tooled bool) bool { return m.keepsSchemas() || !tooled && m.forcedAny() }

func (m model) caches() bool { return m.vendor == anthropic || m.vendor == nova }

// judges reports whether the model wants to know that a tool has failed.
func (m model) judges() bool { return m.vendor == anthropic || m.vendor == nova }

// signed returns the dialects whose signed reasoning the model takes back.
func (m model) signed() []string {
	if m.vendor == deepseek {
		return nil // it refuses its own
	}
	return []string{m.signs()}
}

// signs returns the dialect that understands what proves the model's reasoning.
func (m model) signs() string {
	if m.isClaude() {
		return forClaude
	}
	return forHere
}

// extensions returns the fields of Bedrock's own, and of the model's, that callers
// of OpenAI's API send where they know who answers.
func (m model) extensions() []string {
	own := []string{"guardrail_config", "performance_config"}
	switch m.vendor {
	case anthropic:
		own = append(own, "thinking", "anthropic_beta")
		if m.sampled() {
			own = append(own, "top_k")
		}
	case mistral, nova, cohere:
		own = append(own, "top_k")
	}
	return own
}
