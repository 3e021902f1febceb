package anthropic

import (
	"llmroute/translator/chat"
	"llmroute/translator/claude"
)

// modelOf returns what the model can do that a request goes to. Where its name
// does not tell, as an ARN's may not, the configured family does.
func modelOf(t *chat.Trip) claude.Model {
	if t.Options.Family != "" {
		return claude.Named(t.Options.Family)
	}
	return claude.Named(t.Options.Model)
}

// can returns the condition that the model has a trait.
func can(trait claude.Trait) func(*chat.Trip) bool {
	return func(t *chat.Trip) bool { return modelOf(t).Has(trait) }
}
