// Package cohere is the dialect of Cohere's second chat API as backends speak it.
package cohere

import (
	"llmroute/translator/chat"
)

const provider = "cohere"

// Dialect is Cohere's dialect. The zero value is ready.
type Dialect struct{}

// Framing is that of server-sent events.
func (Dialect) Framing() chat.Framing { return chat.SSE }

// Rules are the verdicts of Cohere.
func (Dialect) Rules() chat.Rules { return rules }

var rules = chat.Rules{
	chat.Model:           chat.Always(chat.Pass),
	chat.LeadingSystem:   chat.Always(chat.Translate),
	chat.LateSystem:      chat.Always(chat.Shift),
	chat.ImageURL:        chat.Always(chat.Pass),
	chat.RemoteImage:     chat.Always(chat.Pass),
	chat.ImageDetail:     chat.Always(chat.Pass),
	chat.InputAudio:      chat.Always(chat.Refuse),
	chat.FilePart:        chat.Always(chat.Refuse),
	chat.MessageName:     chat.Always(chat.Warn),
	chat.History:         chat.Always(chat.Translate),
	chat.FunctionCalls:   chat.Always(chat.Translate),
	chat.CustomCalls:     chat.Always(chat.Translate),
	chat.BrokenArguments: chat.Always(chat.Pass),
	chat.Prefill:         chat.Always(chat.Pass),
	chat.FunctionTools:   chat.Always(chat.Translate),
	chat.StrictTools: {
		{Verdict: chat.Translate, When: "where all are, and require something", If: allStrict},
		{Verdict: chat.Shift},
	},
	chat.CustomTools:     chat.Always(chat.Translate),
	chat.GrammarTools:    chat.Always(chat.Refuse),
	chat.ChoiceFree:      chat.Always(chat.Translate),
	chat.ChoiceForced:    chat.Always(chat.Translate),
	chat.ChoiceAmong:     chat.Always(chat.Translate),
	chat.ParallelCalls:   chat.Always(chat.Shift),
	chat.FormatObject:    chat.Always(chat.Pass),
	chat.FormatSchema:    {{Verdict: chat.Translate, When: "without tools and documents", If: unbound}, {Verdict: chat.Shift}},
	chat.ReasoningEffort: chat.Always(chat.Translate),
	chat.Verbosity:       chat.Always(chat.Warn),
	chat.MaxTokens:       chat.Always(chat.Translate),
	chat.StopWords:       chat.Always(chat.Translate),
	chat.Choices:         chat.Always(chat.Refuse),
	chat.Seed:            chat.Always(chat.Pass),
	chat.Temperature:     chat.Always(chat.Pass),
	chat.TopP:            chat.Always(chat.Translate),
	chat.Penalties:       chat.Always(chat.Pass),
	chat.LogitBias:       chat.Always(chat.Refuse),
	chat.Logprobs:        chat.Always(chat.Pass),
	chat.TopLogprobs:     chat.Always(chat.Refuse),
	chat.Streaming:       chat.Always(chat.Pass),
	chat.StreamOptions:   chat.Always(chat.Translate),
	chat.EndUser:         chat.Always(chat.Warn),
	chat.CacheKey:        chat.Always(chat.Warn),
	chat.CacheRetention:  chat.Always(chat.Warn),
	chat.CacheMarks:      chat.Always(chat.Warn),
	chat.ServiceTier:     chat.Always(chat.Warn),
	chat.Stored:          chat.Always(chat.Warn),
	chat.Metadata:        chat.Always(chat.Warn),
	chat.SpokenAnswer:    chat.Always(chat.Refuse),
	chat.Prediction:      chat.Always(chat.Warn),
	chat.Moderation:      chat.Always(chat.Refuse),
	chat.WebSearch:       chat.Always(chat.Refuse),
	chat.LegacyFunctions: chat.Always(chat.Translate),
	chat.Unknown:         chat.Always(chat.Warn),
}

// allStrict reports whether Cohere's one switch does for all tools what was asked
// for some. It refuses tools that require nothing.
func allStrict(t *chat.Trip) bool {
	for i := range t.Request.Tools {
		if tool := &t.Request.Tools[i]; !tool.Strict || tool.Schema.Get("required").Hollow() {
			return false
		}
	}
	return true
}

// unbound reports whether an answer may be held to a form: tools and documents
// exclude that.
func unbound(t *chat.Trip) bool {
	return len(t.Request.Tools) == 0 && t.Request.Extension(documents).Hollow()
}

// The names of Cohere's own fields that callers of OpenAI's API may use.
const (
	documents   = "documents"
	strictTools = "strict_tools"
	thinking    = "thinking"
	topK        = "top_k"
)

var extensions = []string{documents, "citation_options", "safety_mode", strictTools, "k", "priority", thinking, topK}

// Habits says how Cohere wants a conversation to be.
func (Dialect) Habits(t *chat.Trip) chat.Habits {
	free := unbound(t)
	return chat.Habits{
		Extensions:    extensions,
		BareReasoning: true,
		Late:          chat.LateHoist,
		Prefill:       true,
		NoForce:       true, // documents exclude the tool that would stand for a form
		NoEmpty:       true,
		NativeObject:  free,
		NativeSchema:  free,
	}
}

var _ chat.Backend = Dialect{}
