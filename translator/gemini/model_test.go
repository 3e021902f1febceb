package gemini

import "testing"

func TestModelNamed(t *testing.T) {
	for name, want := range map[string]model{
		"gemini-2.0-flash-001":             {gen: 20, kind: "flash"},
		"gemini-2.5-pro-preview-05-06":     {gen: 25, kind: "pro"},
		"gemini-2.5-flash-lite":            {gen: 25, kind: "flash-lite"},
		"gemini-2.5-flash-image":           {gen: 25, kind: "flash", draws: true},
		"gemini-3-flash-preview":           {gen: 30, kind: "flash"},
		"gemini-3.5-flash-lite":            {gen: 35, kind: "flash-lite"},
		"gemini-4-argon":                   {gen: 40, kind: "argon"},
		"gemini-flash-latest":              {gen: newest, kind: "flash"},
		"gemini-pro-latest":                {gen: newest, kind: "pro"},
		"models/Gemini-2.5-Flash":          {gen: 25, kind: "flash"},
		"publishers/google/models/gemma-3": {gen: 20, gemma: true},
		"1234567890":                       {gen: newest},
		"":                                 {gen: newest},
	} {
		if got := modelNamed(name); got != want {
			t.Errorf("%q is %+v, want %+v", name, got, want)
		}
	}
}

// What models of a generation take is told by few questions; each is asked on both
// sides of where it turns.
func TestModelTakes(t *testing.T) {
	for _, c := range []struct {
		question string
		ask      func(model) bool
		yes, no  []string
	}{
		{"goes on", model.goesOn, []string{"gemini-2.5-pro", "gemini-3.5-flash"}, []string{"gemini-3.5-flash-lite", "gemini-3.6-flash", "mine"}},
		{"thinks", model.thinks, []string{"gemini-2.5-flash", "gemini-4-argon", "mine"}, []string{"gemini-2.0-flash", "gemini-2.5-flash-image", "gemma-3-27b-it"}},
		{"levels", model.leveled, []string{"gemini-3-flash-preview", "mine"}, []string{"gemini-2.5-pro"}},
		{"minimal", model.minimal, []string{"gemini-3-flash-preview", "gemini-3.6-flash"}, []string{"gemini-3.1-pro-preview", "gemini-3.7-flash", "gemini-4-argon", "mine"}},
		{"several answers", model.choosesMany, []string{"gemini-2.5-flash"}, []string{"gemini-3-flash-preview"}},
		{"JSON Schema", model.formed, []string{"gemini-2.5-flash", "mine"}, []string{"gemini-2.0-flash", "gemma-3-27b-it"}},
		{"signatures", model.signs, []string{"gemini-3-flash-preview", "mine"}, []string{"gemini-2.5-pro", "gemini-3-pro-image-preview"}},
	} {
		for _, name := range c.yes {
			if !c.ask(modelNamed(name)) {
				t.Errorf("%s: %s does", c.question, name)
			}
		}
		for _, name := range c.no {
			if c.ask(modelNamed(name)) {
				t.Errorf("%s: %s does not", c.question, name)
			}
		}
	}
}
