package chat

import (
	"fmt"

	"llmroute/translator/raw"
)

// MaxTokens returns how long the answer may be: as the client says, else as the
// backend's option does. 0 leaves it to the provider.
func (t *Trip) MaxTokens() int64 {
	if n := t.Request.MaxTokens.Int(); n > 0 {
		return n
	}
	return t.Options.DefaultMaxTokens
}

// StopWords returns the words that end the answer, for a provider that takes no
// empty ones, which say nothing, and at most most. It returns a [*Refusal] where
// there are more.
func (t *Trip) StopWords(most int) ([]raw.Text, error) {
	words := without(t.Request.Stop, func(w *raw.Text) bool { return len(*w) == 0 })
	if len(words) <= most {
		return words, nil
	}
	return words[:most], t.LoseValue("stop", "too_many",
		fmt.Sprintf("Unsupported value: 'stop' may hold at most %d strings at this provider. Send fewer.", most))
}

// UnsignedSeed returns the seed, for a provider that takes no negative one, or a
// [*Refusal].
func (t *Trip) UnsignedSeed() (raw.Value, error) {
	seed := t.Request.Seed
	if len(seed) == 0 || seed[0] != '-' {
		return seed, nil
	}
	return nil, t.LoseValue("seed", "negative",
		"Unsupported value: 'seed' must not be negative at this provider. Send another one.")
}
