// Package claude knows Anthropic's models: what each of them takes, by its name.
//
// Claude is spoken to at several providers and in two dialects, and what it can
// do depends on the model far more than on who serves it. So it stands here once,
// one line for each model; where Bedrock allows less than the others, that is a
// trait of its own. The package knows nothing of requests.
//
// A model that is not in the list is taken for newer than all that are, with the
// habits of the newest; see [Named] for what that means.
package claude

import "strings"

// Model is what one of Claude's models can do. The zero value is no model's.
type Model struct {
	MaxTokens int64    // the longest answer, thoughts included
	Thinking  Thinking // how it is made to think
	Off       string   // the type of thinking that keeps it from thinking as far as it can be kept; "" when it always thinks
	Efforts   Efforts
	Traits    Trait
}

// Thinking is how a model is made to think.
type Thinking uint8

// The ways to think. A model that can do both ways is made to think adaptively.
const (
	NoThinking Thinking = iota
	Budgeted            // within a number of tokens
	Adaptive            // as much as it finds right
)

// Efforts are the efforts that a model can be asked for.
type Efforts uint8

// What models know of efforts.
const (
	NoEfforts  Efforts = iota
	ToHigh             // low, medium, high
	HighAndMax         // those and max, without xhigh
	AllEfforts         // low, medium, high, xhigh, max
)

// Nearest returns the effort of a model's that is nearest to one of OpenAI's
// other than "none". Without efforts it is what is nearest for a budget.
func (e Efforts) Nearest(effort string) string {
	switch {
	case effort == "minimal":
		return "low"
	case effort == "xhigh" && e != AllEfforts, effort == "max" && e < HighAndMax:
		return "high"
	}
	return effort
}

// LeastBudget is the fewest tokens that a model can be given to think with.
const LeastBudget = 1024

// Budget returns what an effort of [Efforts.Nearest] is worth, in tokens, to a
// model that thinks within a number of them.
func Budget(effort string) int64 {
	switch effort {
	case "low":
		return LeastBudget
	case "medium":
		return 2 * LeastBudget
	}
	return 4 * LeastBudget
}

// Trait is a set of things that are so with one model and otherwise with another.
type Trait uint16

// The traits.
const (
	Sampled        Trait = 1 << iota // temperature, top_p and top_k may be chosen
	OneSampled                       // temperature or top_p, not both
	Prefilled                        // the client may begin the answer
	Forced                           // it can be made to call a tool
	LateSystem                       // it takes system messages between the others
	Unasked                          // it thinks unless it is told not to
	Hidden                           // its thoughts are not shown unless they are asked for
	Bound                            // a thought holds only for the conversation before it, tools included
	Schemas                          // answers and arguments can be held to a schema
	BedrockSchemas                   // at Bedrock, too
	BedrockHour                      // at Bedrock, what is cached can be kept for an hour
	BedrockPlain                     // at Bedrock, it refuses all betas but that of interleaved thinking
	ConverseForced                   // in Converse, it may think although it is made to call a tool; elsewhere all may that think adaptively
)

// Has reports whether the model has all of the traits.
func (m Model) Has(t Trait) bool { return m.Traits&t == t }

// The traits of generations.
const (
	gen3  = Sampled | Prefilled | Forced
	gen41 = gen3 | OneSampled
	gen45 = gen41 | Schemas | BedrockSchemas | BedrockHour
	gen46 = gen45 &^ Prefilled
	gen47 = Forced | Hidden | Schemas | BedrockHour
	gen48 = gen47 | LateSystem | ConverseForced
	gen50 = gen48 | Unasked
	last  = gen50&^Forced | Bound
)

const (
	disabled     = "disabled"
	betweenTools = "between_tools"
	always       = ""
)

var (
	oldest = Model{4_096, NoThinking, disabled, NoEfforts, gen3}
	newest = Model{128_000, Adaptive, always, AllEfforts, last}
)

// preview is the version of what came before 5.
const preview = 49

// models are those that there are, from 3.5 on; what is older is all alike.
var models = [...]struct {
	family  string
	version int // ten times its number: 45 for 4.5
	Model
}{
	{"haiku", 35, Model{8_192, NoThinking, disabled, NoEfforts, gen3}},
	{"sonnet", 35, Model{8_192, NoThinking, disabled, NoEfforts, gen3}},
	{"sonnet", 37, Model{64_000, Budgeted, disabled, NoEfforts, gen3}},
	{"sonnet", 40, Model{64_000, Budgeted, disabled, NoEfforts, gen3}},
	{"opus", 40, Model{32_000, Budgeted, disabled, NoEfforts, gen3}},
	{"opus", 41, Model{32_000, Budgeted, disabled, NoEfforts, gen41}},
	{"haiku", 45, Model{64_000, Budgeted, disabled, NoEfforts, gen45}},
	{"sonnet", 45, Model{64_000, Budgeted, disabled, NoEfforts, gen45}},
	{"opus", 45, Model{64_000, Budgeted, disabled, ToHigh, gen45}},
	{"sonnet", 46, Model{128_000, Adaptive, disabled, HighAndMax, gen46}},
	{"opus", 46, Model{128_000, Adaptive, disabled, HighAndMax, gen46}},
	{"opus", 47, Model{128_000, Adaptive, disabled, AllEfforts, gen47 | BedrockPlain}},
	{"opus", 48, Model{128_000, Adaptive, disabled, AllEfforts, gen48}},
	{"mythos", preview, Model{128_000, Adaptive, always, HighAndMax, gen47&^Forced | Unasked}},
	{"sonnet", 50, Model{128_000, Adaptive, disabled, AllEfforts, gen50 &^ LateSystem}},
	{"opus", 50, Model{128_000, Adaptive, disabled, AllEfforts, gen50}},
	{"fable", 50, Model{128_000, Adaptive, always, AllEfforts, gen50}},
	{"mythos", 50, Model{128_000, Adaptive, always, AllEfforts, gen50}},
	{"fable", 51, newest},
	{"mythos", 51, newest},
	{"fable", 52, newest},
	{"mythos", 52, newest},
	{"haiku", 55, Model{128_000, Adaptive, disabled, AllEfforts, last&^LateSystem | Forced}},
	{"sonnet", 55, Model{128_000, Adaptive, betweenTools, AllEfforts, last}},
	{"opus", 55, newest},
}

// Named returns what the model of a name can do. A name says so in many ways:
// "claude-sonnet-4-5@20250929", "claude-3-5-haiku-latest", the id of an inference
// profile, "eu.anthropic.claude-opus-4-6-v1", and the ARN of one.
//
// A model that is not known, or that the name does not tell, is one of the
// newest. That always thinks, samples by itself, and can neither be forced to
// call a tool nor go on with what a client began: where the guess is wrong a
// request loses a setting, with a warning, and the other guess would have lost
// the request. What newer models have gained, as system messages late, an unknown
// one is taken to have as well.
func Named(name string) Model {
	family, version := parse(strings.ToLower(name))
	if version > 0 && version < 35 {
		return oldest
	}
	for i := range models {
		if m := &models[i]; m.version == version && m.family == family {
			return m.Model
		}
	}
	return newest
}

// parse returns "opus" and 45 for "claude-opus-4-5"; "" and 0 for what a name in
// lower case does not tell.
func parse(name string) (family string, version int) {
	_, rest, _ := strings.Cut(name, "claude")
	numbers := 0
	for w := range strings.FieldsFuncSeq(rest, func(r rune) bool { return strings.ContainsRune("-@.:_/ ", r) }) {
		if family == "" && numbers == 0 {
			w = strings.TrimPrefix(w, "v") // "claude-v2:1"
		}
		n, ok := number(w)
		switch {
		case ok && numbers == 0:
			version, numbers = 10*n, 1
		case ok && numbers == 1:
			version, numbers = version+min(n, 9), 2
		case numbers > 0 && family != "", ok:
			return family, version // what follows is a build or a date
		case family != "":
			if family == "mythos" && w == "preview" {
				return family, preview
			}
		case w == "opus", w == "sonnet", w == "haiku", w == "fable", w == "mythos":
			family = w
		case w == "instant" && numbers == 0:
			return "", 10
		}
	}
	return family, version
}

// number reads a number of one or two digits: a date or a build is none.
func number(w string) (n int, ok bool) {
	if w == "" || len(w) > 2 {
		return 0, false
	}
	for _, c := range w {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
