package translator

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/translator/chat"
)

// matrix returns MATRIX.md as the rules have it.
func matrix() string {
	schemas := make([]Schema, 0, len(backends))
	for s := range backends {
		schemas = append(schemas, s)
	}
	slices.Sort(schemas)
	var b strings.Builder
	b.WriteString("# What becomes of each field\n\nA chat completions request and where it goes. Made from the rules that decide at run time: " +
		"`go test ./translator -run TestMatrix -update`.\n\n" +
		"**P** passed, **T** said in the provider's words, **W** dropped with a line in `x-llmroute-warnings`, **W!** the same, " +
		"and the answer may be another one, **R** refused with 422. `unsupportedParameters: reject` makes **W!** an **R**, `drop` makes **R** a **W!**. " +
		"Values that say nothing (`n: 1`, `null`, `[]`) go without a word. Backends that speak OpenAI's dialect get what the client sent.\n\n| field |")
	for _, s := range schemas {
		fmt.Fprintf(&b, " %s |", s)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(schemas)) + "\n")
	for _, f := range chat.Fields() {
		fmt.Fprintf(&b, "| %s |", f)
		for _, s := range schemas {
			fmt.Fprintf(&b, " %s |", backends[s].Rules().Cell(f))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestMatrix(t *testing.T) {
	const file = "MATRIX.md"
	got := matrix()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, string(want)); diff != "" {
		t.Error(diff)
	}
	for s, b := range backends {
		for _, f := range chat.Fields() {
			cases := b.Rules()[f]
			if len(cases) == 0 || cases[len(cases)-1].If != nil {
				t.Errorf("%s has no verdict on %s for all requests", s, f)
			}
		}
	}
}

// decided is what was decided for Claude before there was code: the letters of
// each cell. Where the code differs, the reason stands behind it.
var decided = map[chat.Field]string{
	chat.Model: "T", chat.LeadingSystem: "T", chat.LateSystem: "T W!", chat.ImageURL: "T", chat.ImageDetail: "W",
	chat.InputAudio: "R", chat.MessageName: "W", chat.History: "T", chat.FunctionCalls: "T", chat.CustomCalls: "T",
	chat.BrokenArguments: "T", chat.Prefill: "R T", chat.FunctionTools: "T", chat.StrictTools: "T W", chat.CustomTools: "T",
	chat.GrammarTools: "R", chat.ChoiceFree: "T", chat.ChoiceAmong: "T", chat.ParallelCalls: "T", chat.FormatObject: "T",
	chat.ReasoningEffort: "T", chat.Verbosity: "W", chat.MaxTokens: "T", chat.StopWords: "T", chat.Choices: "R", chat.Seed: "W",
	chat.Temperature: "T W", chat.TopP: "T W", chat.Penalties: "W!", chat.LogitBias: "R", chat.Logprobs: "R", chat.TopLogprobs: "R",
	chat.Streaming: "T", chat.StreamOptions: "T", chat.EndUser: "T", chat.CacheKey: "W", chat.CacheRetention: "W", chat.CacheMarks: "T",
	chat.Stored: "W", chat.Metadata: "W", chat.SpokenAnswer: "R", chat.Prediction: "W", chat.Moderation: "R", chat.WebSearch: "T",
	chat.LegacyFunctions: "T", chat.Unknown: "W",

	chat.RemoteImage:  "T",
	chat.FilePart:     "T",    // T/R: which files are refused depends on the file, so the dialect says it
	chat.ChoiceForced: "T W!", // T/R at first: settled later as auto with a warning
	chat.FormatSchema: "T",    // T/R at first: settled later as a forced tool, or a line of instruction with a warning
	chat.ServiceTier:  "T",    // T/W: which tiers are dropped depends on the tier
}

func TestMatrixIsAsDecided(t *testing.T) {
	for _, f := range chat.Fields() {
		var letters []string
		for _, c := range backends[Anthropic].Rules()[f] {
			letters = append(letters, c.Verdict.String())
		}
		slices.Sort(letters)
		if got := strings.Join(slices.Compact(letters), " "); got != decided[f] {
			t.Errorf("%s: %q, decided %q", f, got, decided[f])
		}
	}
}
