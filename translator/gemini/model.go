package gemini

import (
	"strconv"
	"strings"

	"llmroute/translator/chat"
)

// model is what a model's name tells of it.
type model struct {
	// gen is ten times the generation's number: 25 for 2.5, 30 for 3.
	gen  int
	kind string // "pro", "flash", "flash-lite", "argon", …; "" unknown
	// gemma says that it is one of the open models beside Gemini.
	gemma bool
	// draws says that it makes pictures; such models do not let their thoughts be
	// steered.
	draws bool
}

// newest stands for a generation that the name does not tell: what is not known
// yet is taken for new.
const newest = 990

// modelOf returns what is known of the model that a request goes to. Where its
// name does not tell, as that of a tuned model, the configured family does.
func modelOf(t *chat.Trip) model {
	name := t.Options.Family
	if name == "" {
		name = t.Options.Model
	}
	return modelNamed(name)
}

func modelNamed(name string) model {
	name = strings.ToLower(name[strings.LastIndexByte(name, '/')+1:])
	m := model{gen: newest, draws: strings.Contains(name, "-image")}
	if strings.HasPrefix(name, "gemma") {
		return model{gen: 20, gemma: true}
	}
	rest, ok := strings.CutPrefix(name, "gemini-")
	if !ok {
		return m
	}
	number, kind, _ := strings.Cut(rest, "-")
	major, minor, _ := strings.Cut(number, ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		m.kind = kindOf(rest) // gemini-flash-latest
		return m
	}
	m.gen, m.kind = 10*n, kindOf(kind)
	if k, err := strconv.Atoi(minor); err == nil && k < 10 {
		m.gen += k
	}
	return m
}

func kindOf(rest string) string {
	for _, kind := range [...]string{"flash-lite", "flash", "pro", "argon", "carbon", "hydrogen"} {
		if strings.HasPrefix(rest, kind) {
			return kind
		}
	}
	return ""
}

// renewed reports whether the model follows the rules that came with 3.6: no
// sampling, no answer begun by the client.
func (m model) renewed() bool { return m.gen >= 36 || m.gen == 35 && m.kind == "flash-lite" }

func (m model) goesOn() bool  { return !m.renewed() }
func (m model) sampled() bool { return !m.renewed() }

// thinks reports whether the model takes an effort.
func (m model) thinks() bool { return m.gen >= 25 && !m.gemma && !m.draws }

// leveled reports whether it takes it as a level, not as a budget.
func (m model) leveled() bool { return m.gen >= 30 }

// minimal reports whether the lowest level is one that the model has.
func (m model) minimal() bool { return m.gen >= 30 && m.gen <= 36 && m.kind != "pro" }

// choosesMany reports whether the model gives several answers to one request.
func (m model) choosesMany() bool { return m.gen < 30 }

// formed reports whether the model knows JSON Schema, not only Google's older
// Schema object.
func (m model) formed() bool { return m.gen >= 25 && !m.gemma }

// identified reports whether calls and results are matched by ids. Older models
// give none, and Vertex refuses those that come.
func (m model) identified() bool { return m.gen >= 30 }

// signs reports whether the model refuses calls without its signature.
func (m model) signs() bool { return m.gen >= 30 && !m.draws }

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
