package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Alias gives a model another name.
type Alias struct {
	pattern     *regexp.Regexp // anchored where the name begins
	replacement string         // as Regexp.Expand takes it
}

// Apply returns the name that the alias gives to model, and whether its pattern
// fits. Aliases are tried in their order, the first that fits is taken, and what
// it gives is not looked up again.
func (a Alias) Apply(model string) (string, bool) {
	at := a.pattern.FindStringSubmatchIndex(model)
	if at == nil {
		return model, false
	}
	return string(a.pattern.ExpandString(nil, a.replacement, model, at)), true
}

// group matches how other languages than Go refer to a group.
var group = regexp.MustCompile(`\\([0-9]+)`)

// parseAlias reads PATTERN=REPLACEMENT. The pattern must fit where the name
// begins, and need not reach its end; the replacement stands for the whole name
// and may hold \1 for the pattern's first group.
func parseAlias(text string) (Alias, error) {
	pattern, replacement, ok := strings.Cut(text, "=")
	if !ok || pattern == "" || replacement == "" {
		return Alias{}, errors.New("must be PATTERN=REPLACEMENT, as in '^gpt-(.*)=openai:gpt-\\1'")
	}
	re, err := regexp.Compile("^(?:" + pattern + ")")
	if err != nil {
		return Alias{}, fmt.Errorf("the pattern is no regular expression of RE2: %w", err)
	}
	replacement = group.ReplaceAllString(strings.ReplaceAll(replacement, "$", "$$"), "$${$1}")
	for _, m := range group.FindAllStringSubmatch(text[len(pattern)+1:], -1) {
		if !hasGroup(re, m[1]) {
			return Alias{}, fmt.Errorf("the replacement asks for group %s, and the pattern has %d", m[1], re.NumSubexp())
		}
	}
	return Alias{re, replacement}, nil
}

func hasGroup(re *regexp.Regexp, digits string) bool {
	var n int
	_, err := fmt.Sscan(digits, &n)
	return err == nil && n <= re.NumSubexp()
}

func (a *assembly) aliases() []Alias {
	var all []Alias
	for _, text := range a.options.Aliases {
		alias, err := parseAlias(text)
		if err != nil {
			a.fail(Problem{Message: fmt.Sprintf("model alias %q: %v", text, err)})
			continue
		}
		all = append(all, alias)
	}
	return all
}
