package e2e

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"llmroute/internal/fakellm"
)

// thinker is a model that conversations with tools are held with, and its fault.
type thinker struct{ model, fault string }

// thinkers are the models of a home: "+interleave" thinks before each part of an
// answer, "+redacted" hides the first thought, and Opus 5.5 signs all that stands
// before a thought.
func thinkers(h *home) []thinker {
	switch {
	case h.among(claudes):
		return []thinker{{sonnet45, ""}, {sonnet46, ""}, {opus55, ""}, {sonnet46, "interleave"}, {opus55, "interleave"}, {sonnet45, "redacted"}}
	case h.among([]string{studio}):
		return []thinker{{gemini35, ""}}
	}
	return []thinker{{fakellm.Small, ""}}
}

// keeps is what a client sends back of the reasoning that came with an answer.
type keeps uint8

const (
	nothing    keeps = iota
	signatures       // of Gemini's calls
	everything
)

func (v *visit) keeps() keeps {
	switch v.Client {
	case "openai", "openrouter":
		return everything
	case "google", "openaiCompatible":
		if v.gemini() {
			return signatures
		}
	}
	return nothing
}

// shows reports whether the client shows its user what the model thinks.
func (v *visit) shows() bool {
	switch {
	case v.Client == "langchain" || v.fault == "redacted" || !v.home.foreign:
		return false
	case v.Client == "openrouter": // it reads reasoning_details alone
		return v.home.among(claudes) && (v.fault == "" || v.Stream)
	}
	return true
}

func (v *visit) gemini() bool { return v.home.among([]string{studio}) }

// wants are the answers of the five rounds: two calls, one after their results, an
// end, and two more rounds about another question.
func (v *visit) wants() []string {
	call := func(name, city string) string { return name + `({"city":"` + city + `"})` }
	results := "noon rain; and the stock?"
	if v.home.name == cohere || v.home.name == mistral {
		results = "rain; and the stock?" // the last is a message of its own
	}
	return []string{
		"|" + call("clock", "The weather and the clock?") + "|" + call("weather", "The weather and the clock?") + "|tool_calls",
		"|" + call("stock", results) + "|tool_calls",
		echoOf(v.Model, "up"),
		"|" + call("weather", "And the weather tomorrow?") + "|tool_calls",
		"|" + call("stock", "rain; and the stock?") + "|tool_calls",
	}
}

// checkTools looks at each round: what the client saw, and what the provider
// received of what it had signed in the rounds before.
func (v *visit) checkTools(t *testing.T, rounds []round, received []*fakellm.Request) {
	t.Helper()
	want := v.wants()
	if len(rounds) != len(want) || len(received) != len(want) {
		t.Fatalf("%d rounds and %d requests, want %d: %+v", len(rounds), len(received), len(want), rounds)
	}
	var signed []proof
	back := 0
	for i := range rounds {
		r := &rounds[i]
		if r.spelled() != want[i] {
			t.Errorf("round %d: the client saw\n%s, want\n%s", i+1, r.spelled(), want[i])
		}
		body := string(received[i].Body)
		for _, p := range signed {
			if strings.Contains(body, p.text) != p.kept {
				t.Errorf("round %d: that %s came back is %v\nin %s", i+1, p.text, !p.kept, body)
			}
			if p.kept && i == len(want)-1 {
				back++
			}
		}
		if want := v.lost(i, want); r.Warnings != want {
			t.Errorf("round %d: warnings %q, want %q", i+1, r.Warnings, want)
		}
		if i == 0 && v.shows() != strings.HasPrefix(r.Reasoning, "They want to know about “The weather and the clock?”") {
			t.Errorf("the client shows the thought %q", r.Reasoning)
		}
		signed = append(signed, v.proofs(t, r)...)
	}
	if signs := v.home.among(claudes) || v.gemini(); signs && v.keeps() > nothing && back < 3 {
		t.Errorf("%d things that were signed came back with the last request, want 3 at least", back)
	}
}

// lost is the warning of a round where the client has not kept what the model
// should have back.
func (v *visit) lost(i int, saw []string) string {
	switch {
	case i == 0 || v.keeps() > nothing:
	case v.gemini():
		return unsigned
	case !strings.HasSuffix(saw[i-1], "tool_calls"):
	case v.Model == sonnet45:
		return "reasoning_effort;reasoning_lost"
	case v.home.among(claudes):
		return "reasoning;missing"
	}
	return ""
}

// proof is what a provider has signed, and whether the client sends it back.
type proof struct {
	text string
	kept bool
}

// proofs returns what of an answer must come back, byte for byte: each thought of
// a whole answer that came along, and else each signature.
func (v *visit) proofs(t *testing.T, r *round) (list []proof) {
	t.Helper()
	for _, e := range gjson.GetBytes(r.Message, "reasoning_details").Array() {
		kept := v.keeps() == everything || v.keeps() == signatures && e.Get("id").Exists()
		if v.Client == "openrouter" && len(r.Calls) == 0 && r.Reasoning == "" {
			kept = false // the SDK has no part of the answer to keep it with
		}
		if !strings.HasPrefix(e.Get("id").Str, "llmroute:blocks:") {
			list = append(list, proof{e.Get("signature").Str + e.Get("data").Str, kept})
			continue
		}
		blocks, err := base64.StdEncoding.DecodeString(e.Get("data").Str)
		if err != nil {
			t.Errorf("%s: %v", e.Raw, err)
		}
		list = nil // it says what the entries before it said
		for _, b := range gjson.ParseBytes(blocks).Array() {
			if strings.Contains(b.Raw, "thinking") || strings.Contains(b.Raw, "reasoning") {
				list = append(list, proof{b.Raw, kept})
			}
		}
	}
	return list
}
