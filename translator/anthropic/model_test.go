package anthropic

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A name that tells nothing has the habits of the newest models.
func TestParseModel(t *testing.T) {
	tests := map[string]model{
		"claude-sonnet-4-5":                           {"sonnet", 45},
		"claude-sonnet-4-5@20250929":                  {"sonnet", 45},
		"eu.anthropic.claude-opus-4-6-v1":             {"opus", 46},
		"us.anthropic.claude-haiku-4-5-20251001-v1:0": {"haiku", 45},
		"anthropic/claude-opus-5":                     {"opus", 50},
		"claude-sonnet-4-20250514":                    {"sonnet", 40},
		"claude-3-5-haiku-20241022":                   {"haiku", 35},
		"claude-3-opus-latest":                        {"opus", 30},
		"Claude-Fable-5.2":                            {"fable", 52},
		"claude-mythos-preview":                       {"mythos", 49},
		"claude-next":                                 {"", newest},
		"my-deployment":                               {"", newest},
		"arn:aws:bedrock:us-east-1:1:inference-profile/eu.anthropic.claude-opus-4-8": {"opus", 48},
	}
	for name, want := range tests {
		if diff := cmp.Diff(parseModel(name), want, cmp.AllowUnexported(model{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
