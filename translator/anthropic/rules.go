package anthropic

import (
	"slices"
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/claude"
)

// rules returns what becomes of each field at a home.
func (d *Dialect) rules() chat.Rules {
	const pass, warn, shift, refuse = chat.Translate, chat.Warn, chat.Shift, chat.Refuse
	r := chat.Rules{
		chat.LateSystem: {{Verdict: pass, When: "Opus 4.8+, Sonnet 5.5+, Fable, Mythos, in place", If: can(claude.LateSystem)},
			{Verdict: shift}},
		chat.Prefill:     {{Verdict: pass, When: "up to 4.5", If: can(claude.Prefilled)}, {Verdict: refuse}},
		chat.StrictTools: {{Verdict: pass, When: "where schemas are held to", If: d.structured}, {Verdict: warn}},
		chat.ChoiceForced: {{Verdict: pass, When: "where the model can be forced", If: can(claude.Forced)},
			{Verdict: shift}},
		chat.Temperature: {{Verdict: warn, When: "4.7+", If: func(t *chat.Trip) bool { return !modelOf(t).Has(claude.Sampled) && !isOne(t.Request.Temperature) }},
			{Verdict: pass}},
		chat.TopP: {{Verdict: warn, When: "4.7+", If: func(t *chat.Trip) bool { return !modelOf(t).Has(claude.Sampled) && !isOne(t.Request.TopP) }},
			{Verdict: pass}},
		chat.ReasoningEffort: {{Verdict: pass, When: "3.7+", If: func(t *chat.Trip) bool { return modelOf(t).Thinking != claude.NoThinking }}, {Verdict: warn}},
		chat.ServiceTier:     {{Verdict: pass, When: "default, priority", If: tierAmong("default", "priority")}, {Verdict: warn}},
		chat.FormatSchema:    {{Verdict: pass, When: "held to, or by a forced tool", If: d.formed}, {Verdict: shift}},
		chat.WebSearch:       chat.Always(pass),
		chat.RemoteImage:     chat.Always(pass),
	}
	if d.home != direct {
		r[chat.RemoteImage] = chat.Always(refuse)
	}
	if d.home == vertex {
		r[chat.ServiceTier] = chat.Always(warn)
	}
	if d.home == bedrock {
		r[chat.WebSearch] = chat.Always(refuse)
		r[chat.ServiceTier] = []chat.Case{{Verdict: pass, When: "default, flex, priority", If: tierAmong("default", "flex", "priority")}, {Verdict: warn}}
		r[chat.FormatSchema] = []chat.Case{{Verdict: pass, When: "held to, or by a forced tool", If: d.formed},
			{Verdict: shift, When: "beside tools", If: func(t *chat.Trip) bool { return len(t.Request.Tools) > 0 }}, {Verdict: refuse}}
	}
	for v, fields := range map[chat.Verdict][]chat.Field{
		pass: {chat.Model, chat.LeadingSystem, chat.ImageURL, chat.FilePart, chat.History, chat.FunctionCalls, chat.CustomCalls,
			chat.BrokenArguments, chat.FunctionTools, chat.CustomTools, chat.ChoiceFree, chat.ChoiceAmong, chat.ParallelCalls,
			chat.FormatObject, chat.MaxTokens, chat.StopWords, chat.Streaming,
			chat.StreamOptions, chat.EndUser, chat.CacheMarks, chat.LegacyFunctions},
		warn: {chat.ImageDetail, chat.MessageName, chat.Verbosity, chat.Seed, chat.CacheKey, chat.CacheRetention, chat.Stored,
			chat.Metadata, chat.Prediction, chat.Unknown},
		shift: {chat.Penalties},
		refuse: {chat.InputAudio, chat.GrammarTools, chat.Choices, chat.LogitBias, chat.Logprobs, chat.TopLogprobs,
			chat.SpokenAnswer, chat.Moderation},
	} {
		for _, f := range fields {
			r[f] = chat.Always(v)
		}
	}
	return r
}

// isOne reports whether a number says 1, however it is spelled.
func isOne(number []byte) bool {
	n, err := strconv.ParseFloat(string(number), 64)
	return err == nil && n == 1
}

// structured reports whether the home holds answers of the model to a schema.
func (d *Dialect) structured(t *chat.Trip) bool {
	if d.home == bedrock {
		return modelOf(t).Has(claude.BedrockSchemas)
	}
	return modelOf(t).Has(claude.Schemas)
}

// formed reports whether an answer can be held to a schema in any way: by the
// home, or by a tool that must be called.
func (d *Dialect) formed(t *chat.Trip) bool {
	return d.structured(t) || len(t.Request.Tools) == 0 && modelOf(t).Has(claude.Forced)
}

// tierAmong reports whether the tier that is asked for is one of those.
func tierAmong(tiers ...string) func(*chat.Trip) bool {
	return func(t *chat.Trip) bool { return slices.Contains(tiers, t.Request.Tier) }
}

// extensions are the fields of Anthropic's own that callers of OpenAI's API send
// where they know who answers.
var extensions = []string{"thinking", "top_k", "anthropic_beta", "context_management", "output_config", "cache_control"}

// Habits says how Claude wants a conversation to be.
func (d *Dialect) Habits(t *chat.Trip) chat.Habits {
	m := modelOf(t)
	h := chat.Habits{
		Extensions: extensions, Signed: []string{provider}, Exact: exact, Late: chat.LateHoist, Prefill: d.fields.Of(chat.Prefill, t) == chat.Translate,
		NoForce: !m.Has(claude.Forced), NoEmpty: true, KeepTools: m.Has(claude.Bound), VendorTools: true,
		NativeSchema: d.structured(t), SchemaWithTools: true,
	}
	if d.fields.Of(chat.LateSystem, t) == chat.Translate {
		h.Late = chat.LateNative
	}
	return h
}
