package claude

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each name of a model as providers spell it, and what Anthropic's and AWS's
// pages say of the model.
func TestNamed(t *testing.T) {
	const (
		old      = "4096 none disabled, no efforts: sampled prefilled forced"
		sonnet45 = "64000 budget disabled, no efforts: sampled one prefilled forced schemas bedrock-schemas bedrock-hour"
		gen46    = "128000 adaptive disabled, efforts to high and max: sampled one forced schemas bedrock-schemas bedrock-hour"
		first5   = "128000 adaptive always, all efforts: forced late unasked hidden schemas bedrock-hour converse-forced"
		unknown  = "128000 adaptive always, all efforts: late unasked hidden bound schemas bedrock-hour converse-forced"
	)
	tests := []struct{ name, want string }{
		{"claude-instant-v1", old},
		{"anthropic.claude-v2:1", old},
		{"claude-2.1", old},
		{"anthropic.claude-3-haiku-20240307-v1:0", old},
		{"claude-3-opus-latest", old},
		{"claude-3-5-haiku-20241022", "8192 none disabled, no efforts: sampled prefilled forced"},
		{"claude-3-5-sonnet-v2@20241022", "8192 none disabled, no efforts: sampled prefilled forced"},
		{"us.anthropic.claude-3-7-sonnet-20250219-v1:0", "64000 budget disabled, no efforts: sampled prefilled forced"},
		{"claude-sonnet-4-20250514", "64000 budget disabled, no efforts: sampled prefilled forced"},
		{"claude-opus-4@20250514", "32000 budget disabled, no efforts: sampled prefilled forced"},
		{"claude-opus-4-1-20250805", "32000 budget disabled, no efforts: sampled one prefilled forced"},
		{"us.anthropic.claude-haiku-4-5-20251001-v1:0", sonnet45},
		{"claude-sonnet-4-5", sonnet45},
		{"claude-sonnet-4-5@20250929", sonnet45},
		{"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0", sonnet45},
		{"Claude Sonnet 4.5", sonnet45},
		{"anthropic/claude-4.5-sonnet", sonnet45},
		{"claude-opus-4-5", "64000 budget disabled, efforts to high: sampled one prefilled forced schemas bedrock-schemas bedrock-hour"},
		{"anthropic.claude-sonnet-4-6", gen46},
		{"eu.anthropic.claude-opus-4-6-v1", gen46},
		{"claude-opus-4-7", "128000 adaptive disabled, all efforts: forced hidden schemas bedrock-hour bedrock-plain"},
		{"claude-opus-4-8", "128000 adaptive disabled, all efforts: forced late hidden schemas bedrock-hour converse-forced"},
		{"claude-mythos-preview", "128000 adaptive always, efforts to high and max: unasked hidden schemas bedrock-hour"},
		{"claude-sonnet-5", "128000 adaptive disabled, all efforts: forced unasked hidden schemas bedrock-hour converse-forced"},
		{"anthropic.claude-opus-5", "128000 adaptive disabled, all efforts: forced late unasked hidden schemas bedrock-hour converse-forced"},
		{"claude-fable-5", first5},
		{"claude-mythos-5", first5},
		{"global.anthropic.claude-fable-5-1", unknown},
		{"claude-mythos-5-1", unknown},
		{"Claude-Fable-5.2", unknown},
		{"claude-mythos-5-2", unknown},
		{"claude-haiku-5-5", "128000 adaptive disabled, all efforts: forced unasked hidden bound schemas bedrock-hour converse-forced"},
		{"claude-sonnet-5-5", "128000 adaptive between_tools, all efforts: late unasked hidden bound schemas bedrock-hour converse-forced"},
		{"claude-opus-5-5", unknown},

		// What nobody has heard of has no more than the newest.
		{"claude-haiku-5-6", unknown},
		{"claude-sonnet-6", unknown},
		{"claude-opus-5-2", unknown},
		{"claude-opus-10-1", unknown},
		{"claude-saga-5", unknown},
		{"claude-opus-latest", unknown},
		{"claude-opus-preview", unknown},
		{"claude-next", unknown},
		{"claude", unknown},
		{"my-deployment", unknown},
		{"arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456", unknown},
		{"", unknown},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(told(Named(tt.name)), tt.want); diff != "" {
			t.Errorf("%q: (-got +want)\n%s", tt.name, diff)
		}
	}
	// A model cannot be in the list and not here.
	seen := make(map[string]bool)
	for _, tt := range tests {
		family, version := parse(strings.ToLower(tt.name))
		seen[fmt.Sprint(family, version)] = true
	}
	for _, m := range models {
		if name := fmt.Sprint(m.family, m.version); !seen[name] {
			t.Errorf("%s is in no test", name)
		}
	}
}

// told says in words what a model can do.
func told(m Model) string {
	off := m.Off
	if off == "" {
		off = "always"
	}
	said := fmt.Sprintf("%d %s %s, %s:", m.MaxTokens, [...]string{"none", "budget", "adaptive"}[m.Thinking], off,
		[...]string{"no efforts", "efforts to high", "efforts to high and max", "all efforts"}[m.Efforts])
	for i, name := range []string{"sampled", "one", "prefilled", "forced", "late", "unasked", "hidden", "bound", "schemas",
		"bedrock-schemas", "bedrock-hour", "bedrock-plain", "converse-forced"} {
		if m.Has(1 << i) {
			said += " " + name
		}
	}
	return said
}

func TestNearest(t *testing.T) {
	asked := []string{"minimal", "low", "medium", "high", "xhigh", "max"}
	for e, want := range map[Efforts]string{
		NoEfforts:  "low low medium high high high",
		ToHigh:     "low low medium high high high",
		HighAndMax: "low low medium high high max",
		AllEfforts: "low low medium high xhigh max",
	} {
		var got []string
		for _, effort := range asked {
			got = append(got, e.Nearest(effort))
		}
		if diff := cmp.Diff(strings.Join(got, " "), want); diff != "" {
			t.Errorf("%d: (-got +want)\n%s", e, diff)
		}
	}
}
