package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"llmroute/internal/fakellm"
)

// thinkingTalk is a conversation over five rounds with a model that thinks and
// calls tools, held by a client that keeps of each answer what it does.
type thinkingTalk struct {
	Name    string            `json:"name"`
	Headers map[string]string `json:"headers"`
	Model   string            `json:"model"`
	Stream  bool              `json:"stream"`
	Keeps   string            `json:"keeps"`
}

// round is what came of one request.
type round struct {
	Message  json.RawMessage `json:"message"`
	Warnings string          `json:"warnings"`
	Error    string          `json:"error"`
}

// Clients that echo what they got keep the thread of a model's thoughts: what was
// signed comes back byte for byte, where it stood. With those that keep less it
// goes on without, and a warning says what is missing.
//
// These are the conversations 7 to 9 of Anthropic's and 2 of Bedrock's, on every
// home of Claude: "+interleave" thinks before each part of an answer, "+redacted"
// hides the first thought, and Opus 5.5 signs all that stands before a thought.
func TestThinkingOn(t *testing.T) {
	p := openParlour(t)
	var talks []thinkingTalk
	for i := range homes {
		h := &homes[i]
		if h.only || !h.among(claudes) {
			continue
		}
		for _, thinks := range []struct{ model, fault string }{
			{sonnet45, ""}, {sonnet46, ""}, {opus55, ""}, {sonnet46, "interleave"}, {opus55, "interleave"}, {sonnet45, "redacted"},
		} {
			for _, keeps := range []string{"dict", "openrouter", "langchain", "vercel"} {
				for _, stream := range []bool{false, true} {
					name := fmt.Sprintf("%s/%s+%s/%s/stream=%v", h.name, thinks.model, thinks.fault, keeps, stream)
					headers := map[string]string{"x-home": h.name, "x-talk": name, "x-fake-fault": thinks.fault}
					talks = append(talks, thinkingTalk{name, headers, thinks.model, stream, keeps})
				}
			}
		}
	}
	var rounds map[string][]round
	runPython(t, "clients/thinking.py", p.URL+"/v1", talks, &rounds)
	for _, talk := range talks {
		t.Run(talk.Name, func(t *testing.T) {
			var received []*fakellm.Request
			for _, q := range p.providers[talk.Headers["x-home"]].Requests() {
				if q.Header.Get("X-Talk") == talk.Name {
					received = append(received, q)
				}
			}
			talk.check(t, rounds[talk.Name], received)
		})
	}
}

// check looks at each round: what the client saw, and what the provider received
// of what it had signed in the rounds before.
func (talk *thinkingTalk) check(t *testing.T, rounds []round, received []*fakellm.Request) {
	t.Helper()
	if len(rounds) != 5 || len(received) != 5 {
		t.Fatalf("%d rounds and %d requests, want 5: %+v", len(rounds), len(received), rounds)
	}
	echoes := talk.Keeps == "dict" || talk.Keeps == "openrouter"
	var signed []string
	for i, r := range rounds {
		if r.Error != "" {
			t.Fatalf("round %d: %s\nafter %s", i+1, r.Error, received[i].Body)
		}
		body := string(received[i].Body)
		for _, proof := range signed {
			if strings.Contains(body, proof) != echoes {
				t.Errorf("round %d: that %s came back is %v\nin %s", i+1, proof, !echoes, body)
			}
		}
		want := ""
		if inLoop := i > 0 && gjson.GetBytes(rounds[i-1].Message, "tool_calls.0").Exists(); inLoop && !echoes {
			want = "reasoning;missing"
			if talk.Model == sonnet45 {
				want = "reasoning_effort;reasoning_lost"
			}
		}
		if r.Warnings != want {
			t.Errorf("round %d: warnings %q, want %q", i+1, r.Warnings, want)
		}
		signed = append(signed, proofs(t, r.Message)...)
	}
	if least := map[bool]int{true: 5, false: 2}[echoes]; len(signed) < least {
		t.Errorf("%d thoughts in five rounds, want %d", len(signed), least)
	}
}

// proofs returns what of an answer must come back, byte for byte: each thought of
// a whole answer that came along, and else each signature.
func proofs(t *testing.T, message []byte) (list []string) {
	t.Helper()
	for _, e := range gjson.GetBytes(message, "reasoning_details").Array() {
		if !strings.HasPrefix(e.Get("id").Str, "llmroute:blocks:") {
			list = append(list, e.Get("signature").Str+e.Get("data").Str)
			continue
		}
		blocks, err := base64.StdEncoding.DecodeString(e.Get("data").Str)
		if err != nil {
			t.Errorf("%s: %v", e.Raw, err)
		}
		list = nil // it says what the entries before it said
		for _, b := range gjson.ParseBytes(blocks).Array() {
			if strings.Contains(b.Raw, "thinking") || strings.Contains(b.Raw, "reasoning") {
				list = append(list, b.Raw)
			}
		}
	}
	return list
}
