package fakellm

import (
	"regexp"
	"slices"
	"strconv"
)

// claude is what a model's name tells about it: Anthropic's models take different
// fields, and refuse what they do not know.
type claude struct {
	family  string // "opus"; "" for a model that is none of Anthropic's
	version int    // ten times its number: 4.5 is 45
}

// The dates in older names have eight digits, so they are no minor version.
var claudeName = regexp.MustCompile(`claude-(opus|sonnet|haiku|fable|mythos)-(\d{1,2})(?:-(\d{1,2}))?(?:\D|$)`)

// claudeOf reads a model's name, an inference profile's or an ARN.
func claudeOf(name string) claude {
	m := claudeName.FindStringSubmatch(name)
	if m == nil {
		return claude{}
	}
	major, _ := strconv.Atoi(m[2])
	minor, _ := strconv.Atoi(m[3])
	return claude{family: m[1], version: 10*major + minor}
}

// known reports whether the name is one of Anthropic's. Any other model takes
// whatever any of theirs takes.
func (m claude) known() bool { return m.family != "" }

func (m claude) one(family string, versions ...int) bool {
	return m.family == family && (len(versions) == 0 || slices.Contains(versions, m.version))
}

// top reports whether the model is of the two families that always think.
func (m claude) top() bool { return m.family == "fable" || m.family == "mythos" }

// thinking returns the types of thinking to ask for.
func (m claude) thinking() []string {
	switch {
	case !m.known():
		return []string{"adaptive", "enabled", "disabled", "between_tools"}
	case m.top(), m.one("opus", 55):
		return []string{"adaptive"}
	case m.one("sonnet", 55):
		return []string{"adaptive", "between_tools"}
	case m.version >= 47:
		return []string{"adaptive", "disabled"}
	case m.version == 46:
		return []string{"adaptive", "enabled", "disabled"}
	}
	return []string{"enabled", "disabled"}
}

// thinks reports whether the model thinks without being asked to.
func (m claude) thinks() bool {
	return m.known() && (m.top() || m.version >= 50)
}

// efforts returns the efforts to ask for, none for a model without.
func (m claude) efforts() []string {
	switch {
	case !m.known(), m.version >= 47:
		return []string{"low", "medium", "high", "xhigh", "max"}
	case m.version == 46:
		return []string{"low", "medium", "high", "max"}
	case m.one("opus", 45):
		return []string{"low", "medium", "high"}
	}
	return nil
}

// effortsAtBedrock is efforts where Bedrock serves the model: it has them for
// those that think adaptively.
func (m claude) effortsAtBedrock() []string {
	if m.known() && m.version < 46 {
		return nil
	}
	return m.efforts()
}

// display is how thoughts are shown unless a request says otherwise.
func (m claude) display() string {
	if m.version >= 47 {
		return "omitted"
	}
	return "summarized"
}

// sampled reports whether temperature, top_p and top_k may be set at all.
func (m claude) sampled() bool { return !m.known() || m.version < 47 }

// forced reports whether a tool can be forced upon the model.
func (m claude) forced() bool {
	switch {
	case m.top():
		return m.version < 51
	case m.family == "opus", m.family == "sonnet":
		return m.version < 55
	}
	return true
}

// prefilled reports whether the model goes on with what the last message began.
func (m claude) prefilled() bool { return !m.known() || m.version <= 45 }

// instructed reports whether there may be system messages among the others.
func (m claude) instructed() bool {
	return !m.known() || m.top() || m.one("opus", 48, 50, 55) || m.one("sonnet", 55)
}

// bound reports whether the model's thoughts belong to the conversation that they
// were thought in, and to no other.
func (m claude) bound() bool { return m.known() && (m.version >= 51) }

// longest is the highest max_tokens.
func (m claude) longest() float64 {
	if m.known() && m.version <= 45 {
		return 64_000
	}
	return 128_000
}

// structured reports whether the model keeps to a schema on Bedrock, where fewer
// do than elsewhere.
func (m claude) structured() bool {
	return !m.known() || m.one("opus", 45, 46) || m.one("sonnet", 45, 46) || m.one("haiku", 45)
}
