package anthropic

import (
	"strings"

	"llmroute/translator/chat"
)

// model is which Claude it is. What a request may hold depends on it, and a
// name says so in many ways: "claude-sonnet-4-5@20250929",
// "eu.anthropic.claude-opus-4-6-v1", "claude-3-5-haiku-latest".
type model struct {
	family  string // "opus", "sonnet", …; "" when the name does not tell
	version int    // 45 for 4.5
}

// newest is the version of a model whose name we do not know: new names have
// the habits of the newest models.
const newest = 99

func modelOf(t *chat.Trip) model {
	name := t.Options.Family
	if name == "" {
		name = t.Options.Model
	}
	return parseModel(name)
}

func parseModel(name string) model {
	name = strings.ToLower(name)
	_, rest, ok := strings.Cut(name, "claude-")
	if !ok {
		return model{version: newest}
	}
	m := model{}
	var room [2]int
	digits := room[:0]
	for w := range strings.FieldsFuncSeq(rest, func(r rune) bool { return strings.ContainsRune("-@.:_/", r) }) {
		n, number := small(w)
		switch {
		case number && len(digits) < 2:
			digits = append(digits, n)
		case number || len(digits) > 0 && m.family != "":
			return m.with(digits, true)
		case m.family == "":
			m.family = w
		case w == "preview":
			return m.with([]int{4, 9}, true) // what came before 5
		}
	}
	return m.with(digits, m.family != "")
}

// small reads a number of one or two digits: a date or a build is none.
func small(w string) (n int, ok bool) {
	if len(w) > 2 {
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

func (m model) with(digits []int, known bool) model {
	switch {
	case !known || len(digits) == 0:
		return model{version: newest}
	case len(digits) == 1:
		m.version = digits[0] * 10
	default:
		m.version = digits[0]*10 + digits[1]
	}
	return m
}

// is reports whether m is of that family and between two versions.
func (m model) is(family string, from, to int) bool {
	return m.family == family && m.version >= from && m.version <= to
}

// sampled reports whether temperature and top_p may be chosen.
func (m model) sampled() bool { return m.version < 47 }

// oneSampled reports whether only one of temperature and top_p may be set.
func (m model) oneSampled() bool { return m.version >= 41 }

// reasons reports whether the model can be made to think.
func (m model) reasons() bool { return m.version >= 37 }

// adaptive reports whether the model thinks as much as it finds right.
func (m model) adaptive() bool { return m.version >= 46 }

// prefilled reports whether the client may begin the answer.
func (m model) prefilled() bool { return m.version <= 45 }

// efforts returns the highest effort below "max" that can be asked for, and
// whether "max" can: "" for none at all.
func (m model) efforts() (top string, most bool) {
	switch {
	case m.version == 46, m.is("mythos", 49, 49):
		return "high", true
	case m.is("opus", 45, 45):
		return "high", false
	case m.version >= 47:
		return "xhigh", true
	}
	return "", false
}

// off is how thinking is turned off: "" when it cannot be.
func (m model) off() string {
	switch {
	case m.version <= 46, m.is("opus", 47, 50), m.is("sonnet", 50, 50), m.is("haiku", 50, 55):
		return "disabled"
	case m.is("sonnet", 55, 55):
		return "between_tools"
	}
	return ""
}

// forced reports whether the model can be made to call a tool.
func (m model) forced() bool {
	switch m.family {
	case "opus", "sonnet":
		return m.version < 55
	case "haiku":
		return m.version <= 55
	case "fable", "mythos":
		return m.version == 50
	}
	return m.version < 50
}

// instructedLate reports whether system messages are taken between the others.
func (m model) instructedLate() bool {
	switch m.family {
	case "opus":
		return m.version >= 48
	case "sonnet":
		return m.version >= 55
	case "haiku":
		return m.version > 55
	case "fable", "mythos":
		return m.version >= 50
	}
	return m.version >= 55
}

// bound reports whether a signature holds only for the conversation before it,
// tools included.
func (m model) bound() bool {
	return m.version >= 55 || (m.family == "fable" || m.family == "mythos") && m.version > 50
}

// longest is the highest max_tokens.
func (m model) longest() int64 {
	switch {
	case m.version >= 46:
		return 128_000
	case m.version == 45, m.version >= 37 && m.family != "opus":
		return 64_000
	case m.version >= 40:
		return 32_000
	case m.version >= 35:
		return 8_192
	}
	return 4_096
}
