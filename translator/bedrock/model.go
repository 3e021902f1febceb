package bedrock

import (
	"strconv"
	"strings"

	"llmroute/translator/chat"
)

// A vendor trains models that behave alike.
type vendor uint8

const (
	unknown vendor = iota
	claude
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
	tier    string // Claude: "opus" and the like
	version int    // ten times its number, so that 4.5 is 45
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
	{"claude", claude},
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
		case claude:
			m.tier, m.version = claudeNamed(rest)
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

// claudeNamed reads what follows "claude" in a name: "-opus-4-5-20251101-v1:0"
// as well as "-3-7-sonnet-20250219-v1:0".
func claudeNamed(rest string) (tier string, version int) {
	numbers := 0
	for part := range strings.FieldsFuncSeq(rest, func(r rune) bool { return r == '-' || r == ':' || r == '.' || r == '@' }) {
		switch {
		case part == "opus" || part == "sonnet" || part == "haiku" || part == "fable" || part == "mythos":
			if tier != "" {
				return tier, version
			}
			tier = part
		case isNumber(part) && len(part) <= 2:
			n, _ := strconv.Atoi(part)
			if numbers++; numbers == 1 {
				version = 10 * n
			} else {
				version += n
			}
			if numbers == 2 && tier != "" {
				return tier, version
			}
		case part == "instant" || part == "v1" || part == "v2":
			if numbers == 0 && tier == "" {
				return "", 20
			}
			return tier, version
		case numbers > 0:
			return tier, version
		}
	}
	if numbers == 0 {
		version = newest
	}
	return tier, version
}

func isNumber(s string) bool { return strings.Trim(s, "0123456789") == "" }

func (m model) isClaude() bool { return m.vendor == claude }
func (m model) isCohere() bool { return m.vendor == cohere }
func (m model) hears() bool    { return m.hearing }

// alwaysThinks reports whether Claude cannot be kept from thinking.
func (m model) alwaysThinks() bool {
	return m.isClaude() && (m.tier == "fable" || m.tier == "mythos" || m.tier == "" && m.version == newest || m.tier == "opus" && m.version >= 55)
}

// thinks reports whether Claude thinks unless it is told not to.
func (m model) thinks() bool { return m.isClaude() && m.version >= 50 }

// budgeted reports whether Claude thinks within a budget, not as it sees fit.
func (m model) budgeted() bool { return m.isClaude() && m.version >= 37 && m.version <= 45 }

// reasons reports whether the model takes a reasoning effort.
func (m model) reasons() bool {
	switch m.vendor {
	case claude:
		return m.version >= 37
	case nova:
		return m.version >= 20
	case gptOSS, gpt, kimi:
		return true
	}
	return false
}

// goesOn reports whether the model goes on with an answer that the last message
// has begun.
func (m model) goesOn() bool { return !m.isClaude() || m.version <= 45 }

// sampled reports whether temperature and top_p may be set.
func (m model) sampled() bool {
	return m.vendor != gpt && (!m.isClaude() || m.version < 47)
}

// oneSampled reports whether only one of temperature and top_p may be set.
func (m model) oneSampled() bool { return m.isClaude() && m.version >= 41 }

func (m model) stops() bool { return m.vendor != qwen && m.vendor != gptOSS }

// forcedAny reports whether the model can be made to call some tool.
func (m model) forcedAny() bool {
	switch m.vendor {
	case claude:
		switch m.tier {
		case "opus", "sonnet":
			return m.version < 55
		case "haiku":
			return true
		}
		return m.version < 51
	case nova, mistral:
		return true
	case deepseek:
		return m.version > 10
	}
	return false
}

// forcedOne reports whether the model can be made to call a tool by its name.
// Where it cannot, it is made to call any of that one.
func (m model) forcedOne() bool { return m.vendor == claude || m.vendor == nova }

// forcedThinking reports whether the model may think although it is made to call
// a tool.
func (m model) forcedThinking() bool { return m.version >= 48 }

// streamsCalls reports whether the model can stream when it has tools.
func (m model) streamsCalls() bool { return m.vendor != llama && m.vendor != mistral }

// keepsSchemas reports whether answers and arguments can be held to a schema.
func (m model) keepsSchemas() bool {
	switch m.vendor {
	case claude:
		return m.version == 45 || m.version == 46
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

func (m model) caches() bool { return m.vendor == claude || m.vendor == nova }

// cachesAnHour reports whether what is cached can be kept for an hour, not only
// for five minutes.
func (m model) cachesAnHour() bool { return m.isClaude() && m.version >= 45 }

// judges reports whether the model wants to know that a tool has failed.
func (m model) judges() bool { return m.vendor == claude || m.vendor == nova }

// bindsThoughts reports whether thoughts belong to the conversation, tools and
// all, in which they were thought.
func (m model) bindsThoughts() bool { return m.isClaude() && m.version >= 51 }

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
	case claude:
		own = append(own, "thinking", "anthropic_beta")
		if m.sampled() {
			own = append(own, "top_k")
		}
	case mistral, nova, cohere:
		own = append(own, "top_k")
	}
	return own
}
