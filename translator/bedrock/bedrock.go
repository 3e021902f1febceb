// Package bedrock is the dialect of Amazon Bedrock's Converse and ConverseStream.
//
// Converse is one API for the models of many vendors, and takes a request for
// well-formed that the model behind it then refuses. What each family of models
// takes stands in one place, [model]; the rest of the package asks it.
package bedrock

import (
	"bytes"
	"slices"

	"llmroute/translator/chat"
	"llmroute/translator/claude"
)

const (
	provider = "bedrock"
	// forHere marks what only Converse can read again: block lists, and reasoning
	// of models other than Anthropic's.
	forHere = "bedrock"
	// forClaude marks signatures of Anthropic's models, which every home of theirs
	// takes.
	forClaude = "anthropic"
)

// Dialect is Converse as backends speak it. The zero value is ready.
type Dialect struct{}

// Habits says how Converse, and the model behind it, wants a conversation.
func (Dialect) Habits(t *chat.Trip) chat.Habits {
	m := modelOf(t)
	return chat.Habits{
		Extensions:      m.extensions(),
		Signed:          m.signed(),
		Exact:           exact,
		Late:            chat.LateUser, // system messages among the others are in the API, but models refuse them
		Prefill:         m.goesOn(),
		NoForce:         !m.forcedAny(),
		NoEmpty:         true,
		KeepTools:       m.claude.Has(claude.Bound),
		NativeSchema:    m.keepsSchemas(),
		SchemaWithTools: m.keepsSchemas(),
	}
}

// Framing is AWS's own.
func (Dialect) Framing() chat.Framing { return chat.EventStream }

// Rules are the verdicts of Converse.
func (Dialect) Rules() chat.Rules { return rules }

var rules = chat.Rules{
	chat.Model:         chat.Always(chat.Translate),
	chat.LeadingSystem: chat.Always(chat.Translate),
	chat.LateSystem:    chat.Always(chat.Translate),
	chat.ImageURL:      chat.Always(chat.Translate),
	chat.RemoteImage: {
		{Verdict: chat.Translate, When: "s3://", If: inBuckets},
		{Verdict: chat.Refuse},
	},
	chat.ImageDetail:     chat.Always(chat.Warn),
	chat.InputAudio:      either("models that hear", model.hears, chat.Refuse),
	chat.FilePart:        chat.Always(chat.Translate),
	chat.MessageName:     chat.Always(chat.Warn),
	chat.History:         chat.Always(chat.Translate),
	chat.FunctionCalls:   chat.Always(chat.Translate),
	chat.CustomCalls:     chat.Always(chat.Translate),
	chat.BrokenArguments: chat.Always(chat.Translate),
	chat.Prefill:         either("unless Claude 4.6 or later", model.goesOn, chat.Refuse),
	chat.FunctionTools:   chat.Always(chat.Translate),
	chat.StrictTools:     either("models that keep to schemas", model.keepsSchemas, chat.Warn),
	chat.CustomTools:     chat.Always(chat.Translate),
	chat.GrammarTools:    chat.Always(chat.Refuse),
	chat.ChoiceFree:      chat.Always(chat.Translate),
	chat.ChoiceForced:    either("models that can be forced", model.forcedAny, chat.Shift),
	chat.ChoiceAmong:     chat.Always(chat.Translate),
	chat.ParallelCalls:   either("Claude", model.isClaude, chat.Shift),
	chat.FormatObject:    chat.Always(chat.Translate),
	chat.FormatSchema: {
		{Verdict: chat.Translate, When: "models that keep to schemas or can be forced", If: func(t *chat.Trip) bool { return modelOf(t).formed(len(t.Request.Tools) > 0) }},
		{Verdict: chat.Shift, When: "beside tools", If: func(t *chat.Trip) bool { return len(t.Request.Tools) > 0 }},
		{Verdict: chat.Refuse},
	},
	chat.ReasoningEffort: either("models that reason", model.reasons, chat.Warn),
	chat.Verbosity:       chat.Always(chat.Warn),
	chat.MaxTokens:       chat.Always(chat.Translate),
	chat.StopWords:       either("unless Qwen or gpt-oss", model.stops, chat.Shift),
	chat.Choices:         chat.Always(chat.Refuse),
	chat.Seed:            either("Cohere", model.isCohere, chat.Warn),
	chat.Temperature: {
		{Verdict: chat.Warn, When: "Claude 4.7, GPT-5 and later", If: func(t *chat.Trip) bool { return !modelOf(t).sampled() && !isOne(t.Request.Temperature) }},
		{Verdict: chat.Translate},
	},
	chat.TopP: {
		{Verdict: chat.Warn, When: "Claude 4.7, GPT-5 and later", If: func(t *chat.Trip) bool { return !modelOf(t).sampled() && !isOne(t.Request.TopP) }},
		{Verdict: chat.Translate},
	},
	chat.Penalties:      either("Cohere", model.isCohere, chat.Shift),
	chat.LogitBias:      chat.Always(chat.Refuse),
	chat.Logprobs:       chat.Always(chat.Refuse),
	chat.TopLogprobs:    chat.Always(chat.Refuse),
	chat.Streaming:      chat.Always(chat.Translate),
	chat.StreamOptions:  chat.Always(chat.Translate),
	chat.EndUser:        chat.Always(chat.Warn),
	chat.CacheKey:       chat.Always(chat.Warn),
	chat.CacheRetention: chat.Always(chat.Warn),
	chat.CacheMarks:     either("Claude, Nova", model.caches, chat.Warn),
	chat.ServiceTier: {
		{Verdict: chat.Warn, When: "scale", If: func(t *chat.Trip) bool { return tierOf(t.Request.Tier) == "" }},
		{Verdict: chat.Translate},
	},
	chat.Stored:          chat.Always(chat.Warn),
	chat.Metadata:        chat.Always(chat.Translate),
	chat.SpokenAnswer:    chat.Always(chat.Refuse),
	chat.Prediction:      chat.Always(chat.Warn),
	chat.Moderation:      chat.Always(chat.Refuse),
	chat.WebSearch:       chat.Always(chat.Refuse),
	chat.LegacyFunctions: chat.Always(chat.Translate),
	chat.Unknown:         chat.Always(chat.Warn),
}

// either returns the cases of a field that some models have words for.
func either(when string, is func(model) bool, no chat.Verdict) []chat.Case {
	return []chat.Case{
		{Verdict: chat.Translate, When: when, If: func(t *chat.Trip) bool { return is(modelOf(t)) }},
		{Verdict: no},
	}
}

// inBuckets reports whether all pictures that did not come along are where
// Bedrock fetches them itself.
func inBuckets(t *chat.Trip) bool {
	away := func(b chat.Block) bool {
		return b.What == chat.Image && len(b.Media.URL) > 0 && !bytes.HasPrefix(b.Media.URL, []byte(bucket))
	}
	for i := range t.Request.Turns {
		for _, b := range t.Request.Turns[i].Blocks {
			if away(b) || slices.ContainsFunc(b.Blocks, away) {
				return false
			}
		}
	}
	return true
}
