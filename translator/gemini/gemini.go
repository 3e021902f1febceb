// Package gemini is the dialect of Google's generateContent as backends speak it:
// at the Gemini API (Google AI Studio) and at Vertex AI.
//
// What the generations of models take differs more than what the two homes do;
// [model] knows it, and the rest of the package asks.
package gemini

import (
	"net/http"
	"strings"

	"llmroute/translator/chat"
)

const (
	provider = "google"
	// forHere marks the signatures that only Gemini can read again.
	forHere = "gemini"
)

// home is where Gemini is spoken to.
type home uint8

const (
	studio home = iota
	vertex
)

// Dialect is generateContent at one home.
type Dialect struct {
	home   home
	fields chat.Rules
}

// The homes.
var (
	Studio = newDialect(studio)
	Vertex = newDialect(vertex)
)

func newDialect(h home) *Dialect {
	d := &Dialect{home: h}
	d.fields = d.rules()
	return d
}

var _ chat.Backend = (*Dialect)(nil)

// Rules are the verdicts of this home.
func (d *Dialect) Rules() chat.Rules { return d.fields }

// Framing says how the stream of a reply is framed.
func (d *Dialect) Framing() chat.Framing { return chat.SSE }

// Habits says how Gemini wants a conversation to be.
func (d *Dialect) Habits(t *chat.Trip) chat.Habits {
	m := modelOf(t)
	forms := formed(t)
	return chat.Habits{
		Signed: []string{forHere}, Late: chat.LateHoist, Prefill: m.goesOn(), NoEmpty: true, LetterFirst: true,
		NamesAmong:   m.gen >= 30 || t.Request.Choice.Mode == chat.Force,
		NativeObject: forms, NativeSchema: true, SchemaWithTools: forms,
	}
}

// formed reports whether the answer can be held to a form. Beside tools, only
// newer models can, and only while they are free to call none.
func formed(t *chat.Trip) bool {
	r := &t.Request
	return len(r.Tools) == 0 || modelOf(t).gen >= 30 && r.Choice.Mode != chat.Force
}

func (d *Dialect) rules() chat.Rules {
	const pass, warn, shift, refuse = chat.Translate, chat.Warn, chat.Shift, chat.Refuse
	r := chat.Rules{
		chat.Prefill:         either("up to 3.5-flash", model.goesOn, refuse),
		chat.StrictTools:     either("3.0+", func(m model) bool { return m.gen >= 30 }, warn),
		chat.ReasoningEffort: either("models that think", model.thinks, warn),
		chat.Choices:         either("2.x", model.choosesMany, refuse),
		chat.Temperature:     as(chat.Pass, "up to 3.5-flash", model.sampled, warn),
		chat.TopP:            as(chat.Pass, "up to 3.5-flash", model.sampled, warn),
		chat.Penalties:       chat.Always(shift),
		chat.FormatSchema:    {{Verdict: pass, When: "alone; 3.0+ beside tools that are not forced", If: formed}, {Verdict: shift}},
		chat.WebSearch:       {{Verdict: refuse, When: "with tools", If: func(t *chat.Trip) bool { return len(t.Request.Tools) > 0 }}, {Verdict: pass}},
		chat.ServiceTier: {{Verdict: pass, When: "default, flex, priority", If: func(t *chat.Trip) bool { return tiers[t.Request.Tier] }},
			{Verdict: warn}},
	}
	if d.home == vertex {
		r[chat.Penalties] = as(chat.Pass, "2.x", func(m model) bool { return m.gen < 30 }, shift)
	}
	for v, fields := range map[chat.Verdict][]chat.Field{
		pass: {chat.Model, chat.LeadingSystem, chat.ImageURL, chat.RemoteImage, chat.ImageDetail, chat.InputAudio, chat.FilePart,
			chat.History, chat.FunctionCalls, chat.CustomCalls, chat.BrokenArguments, chat.FunctionTools, chat.CustomTools,
			chat.ChoiceFree, chat.ChoiceForced, chat.ChoiceAmong, chat.FormatObject, chat.MaxTokens,
			chat.StopWords, chat.Seed, chat.Logprobs, chat.TopLogprobs, chat.Streaming, chat.StreamOptions, chat.LegacyFunctions},
		warn: {chat.MessageName, chat.Verbosity, chat.EndUser, chat.CacheKey, chat.CacheRetention, chat.CacheMarks, chat.Stored,
			chat.Metadata, chat.Prediction, chat.Unknown},
		shift:  {chat.LateSystem, chat.ParallelCalls},
		refuse: {chat.GrammarTools, chat.LogitBias, chat.SpokenAnswer, chat.Moderation},
	} {
		for _, f := range fields {
			r[f] = chat.Always(v)
		}
	}
	return r
}

// either returns the cases of a field that some models have words for.
func either(when string, is func(model) bool, no chat.Verdict) []chat.Case {
	return as(chat.Translate, when, is, no)
}

func as(yes chat.Verdict, when string, is func(model) bool, no chat.Verdict) []chat.Case {
	return []chat.Case{
		{Verdict: yes, When: when, If: func(t *chat.Trip) bool { return is(modelOf(t)) }},
		{Verdict: no},
	}
}

// tiers are the service tiers that both sides know.
var tiers = map[string]bool{"default": true, "flex": true, "priority": true}

// address fills in where the request goes.
func (d *Dialect) address(out *chat.Outgoing, t *chat.Trip) error {
	o := &t.Options
	resource, ok := d.resource(o)
	if !ok {
		return &chat.Refusal{Status: http.StatusNotFound, Type: "invalid_request_error", Code: "model_not_found", Param: "model",
			Message: "The model '" + o.Model + "' cannot be the name of a model at this provider."}
	}
	out.Path = o.Prefix + resource + ":generateContent"
	if t.Request.Stream {
		out.Path = o.Prefix + resource + ":streamGenerateContent?alt=sse"
	}
	return nil
}

// resource returns the path of the model behind the prefix. The credential is the
// gateway's, so a model's name leads to nothing but models, and on Vertex to
// nothing outside of the backend's project.
func (d *Dialect) resource(o *chat.Options) (path string, ok bool) {
	name := o.Model
	if d.home == studio {
		kind, id, found := strings.Cut(name, "/")
		switch {
		case !found:
			kind, id = "models", name
		case kind != "models" && kind != "tunedModels":
			return "", false
		}
		return "/" + kind + "/" + chat.Segment(id), plain(id)
	}
	where := "/projects/" + chat.Segment(o.Project) + "/locations/" + chat.Segment(o.Location)
	name = strings.TrimPrefix(name, "projects/"+o.Project+"/locations/"+o.Location+"/")
	switch {
	case strings.HasPrefix(name, "endpoints/"):
		name = name[len("endpoints/"):]
		return where + "/endpoints/" + chat.Segment(name), plain(name)
	case isNumber(name): // a tuned model, behind an endpoint of its own
		return where + "/endpoints/" + name, true
	}
	for _, prefix := range [...]string{"publishers/google/models/", "google/", "models/"} {
		name = strings.TrimPrefix(name, prefix)
	}
	return where + "/publishers/google/models/" + chat.Segment(name), plain(name)
}

// plain reports whether a name is one step of a path.
func plain(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/?#\\")
}
