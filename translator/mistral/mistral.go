// Package mistral is the dialect of Mistral's own API as backends speak it. It is
// OpenAI's with other details, and refuses whatever it does not know.
package mistral

import (
	"strings"

	"llmroute/translator/chat"
)

const provider = "mistral"

// Dialect is Mistral's dialect. The zero value is ready.
type Dialect struct{}

// Framing is that of server-sent events.
func (Dialect) Framing() chat.Framing { return chat.SSE }

// Rules are the verdicts of Mistral.
func (Dialect) Rules() chat.Rules { return rules }

var rules = chat.Rules{
	chat.Model:           chat.Always(chat.Pass),
	chat.LeadingSystem:   chat.Always(chat.Translate),
	chat.LateSystem:      chat.Always(chat.Translate),
	chat.ImageURL:        chat.Always(chat.Pass),
	chat.RemoteImage:     chat.Always(chat.Pass),
	chat.ImageDetail:     chat.Always(chat.Pass),
	chat.InputAudio:      chat.Always(chat.Translate),
	chat.FilePart:        {{Verdict: chat.Translate, When: "PDFs, and files by their id", If: readable}, {Verdict: chat.Refuse}},
	chat.MessageName:     chat.Always(chat.Warn),
	chat.History:         chat.Always(chat.Translate),
	chat.FunctionCalls:   chat.Always(chat.Translate),
	chat.CustomCalls:     chat.Always(chat.Translate),
	chat.BrokenArguments: chat.Always(chat.Pass),
	chat.Prefill:         chat.Always(chat.Translate),
	chat.FunctionTools:   chat.Always(chat.Pass),
	chat.StrictTools:     chat.Always(chat.Pass),
	chat.CustomTools:     chat.Always(chat.Translate),
	chat.GrammarTools:    chat.Always(chat.Refuse),
	chat.ChoiceFree:      chat.Always(chat.Pass),
	chat.ChoiceForced:    chat.Always(chat.Pass),
	chat.ChoiceAmong:     chat.Always(chat.Translate),
	chat.ParallelCalls:   chat.Always(chat.Pass),
	chat.FormatObject:    chat.Always(chat.Pass),
	chat.FormatSchema:    chat.Always(chat.Pass),
	chat.ReasoningEffort: {{Verdict: chat.Warn, When: "models before March 2026", If: older}, {Verdict: chat.Pass}},
	chat.Verbosity:       chat.Always(chat.Warn),
	chat.MaxTokens:       chat.Always(chat.Translate),
	chat.StopWords:       chat.Always(chat.Pass),
	chat.Choices:         chat.Always(chat.Pass),
	chat.Seed:            chat.Always(chat.Translate),
	chat.Temperature:     chat.Always(chat.Pass),
	chat.TopP:            chat.Always(chat.Pass),
	chat.Penalties:       chat.Always(chat.Pass),
	chat.LogitBias:       chat.Always(chat.Refuse),
	chat.Logprobs:        chat.Always(chat.Pass),
	chat.TopLogprobs:     chat.Always(chat.Pass),
	chat.Streaming:       chat.Always(chat.Pass),
	chat.StreamOptions:   chat.Always(chat.Translate),
	chat.EndUser:         chat.Always(chat.Warn),
	chat.CacheKey:        chat.Always(chat.Pass),
	chat.CacheRetention:  chat.Always(chat.Warn),
	chat.CacheMarks:      chat.Always(chat.Warn),
	chat.ServiceTier: {
		{Verdict: chat.Translate, When: "default", If: func(t *chat.Trip) bool { return t.Request.Tier == "default" }},
		{Verdict: chat.Warn},
	},
	chat.Stored:          chat.Always(chat.Warn),
	chat.Metadata:        chat.Always(chat.Pass),
	chat.SpokenAnswer:    chat.Always(chat.Refuse),
	chat.Prediction:      chat.Always(chat.Translate),
	chat.Moderation:      chat.Always(chat.Refuse),
	chat.WebSearch:       chat.Always(chat.Refuse),
	chat.LegacyFunctions: chat.Always(chat.Translate),
	chat.Unknown:         chat.Always(chat.Warn),
}

// readable reports whether Mistral reads all files of the conversation.
func readable(t *chat.Trip) bool {
	for i := range t.Request.Turns {
		for _, b := range t.Request.Turns[i].Blocks {
			if b.What == chat.File && b.Media.FileID == "" && !isPDF(b.Media) {
				return false
			}
		}
	}
	return true
}

func isPDF(m *chat.Media) bool {
	return len(m.Base64) > 0 && (m.Type == "application/pdf" || m.Type == "" && strings.HasSuffix(strings.ToLower(m.Name), ".pdf"))
}

// families are those whose models have no grades of effort, and refuse to be
// asked for one.
var families = []string{
	"codestral", "devstral", "magistral", "ministral", "mathstral", "mixtral", "pixtral", "voxtral",
	"mistral-7b", "mistral-nemo", "mistral-saba", "mistral-tiny", "open-mistral",
}

// firstGraded is the year and month of the first models with grades of effort.
const firstGraded = "2603"

// older reports whether a model is known to be from before there were grades of
// effort. Names end in a year and a month.
func older(t *chat.Trip) bool {
	name := t.Options.Family
	if name == "" {
		name = t.Options.Model
	}
	name = strings.ToLower(name)
	for _, family := range families {
		if strings.Contains(name, family) {
			return true
		}
	}
	if !strings.Contains(name, "mistral-") {
		return false
	}
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '-' || r == '@' || r == ':' }) {
		if len(part) == len(firstGraded) && part[0] == '2' && strings.Trim(part, "0123456789") == "" && part < firstGraded {
			return true
		}
	}
	return false
}

const (
	thinking   = "thinking"
	randomSeed = "random_seed"
)

// extensions are Mistral's own fields that callers of OpenAI's API may use.
var extensions = []string{
	"safe_prompt", "prompt_mode", "guardrails", "min_tokens", "repetition_penalty", "top_k",
	"prompt_logprobs", "top_prompt_logprobs", randomSeed, thinking,
}

// Habits says how Mistral wants a conversation to be.
func (Dialect) Habits(*chat.Trip) chat.Habits {
	return chat.Habits{
		Extensions:      extensions,
		Signed:          []string{provider},
		BareReasoning:   true,
		Late:            chat.LateNative,
		LateInPlace:     true,
		Prefill:         true,
		NoEmpty:         true,
		NativeObject:    true,
		NativeSchema:    true,
		SchemaWithTools: true,
	}
}

var _ chat.Backend = Dialect{}
