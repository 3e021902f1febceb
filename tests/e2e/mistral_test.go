package e2e

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"llmroute/internal/fakellm"
	"llmroute/internal/fakellm/fakellmtest"
)

// Mistral's own client, unmodified, is at home with the embedded provider. There
// is none for Go.
func TestMistralsClient(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("python3", "-c", "import mistralai.client").CombinedOutput(); err != nil {
		t.Fatalf("no mistralai client for Python on PYTHONPATH; \"make e2e\" and \"make test\" fetch it: %v\n%s", err, out)
	}
	p := fakellmtest.Start(t, 4, fakellm.Options{Delay: -1, Keys: []string{"mistral-key"}})
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "python3", "clients/mistral_client.py", p.URL+"/mistral")
	cmd.Env = cleanEnvironment()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const (
		said    = `You said “hello there” – I am fake-small, and I can only repeat it.`
		thought = `[They want to know about “hello there”.  Let me see. Let me see. Let me see.]`
		calls   = `[[["", ["weather({\"city\":\"clock and weather?\"})", "clock({})"], "tool_calls"]], [6, 6]]`
	)
	want := []string{
		`{"name": "words", "value": [[["` + said + `", [], "stop"]], [3, 14]]}`,
		`{"name": "words, streamed", "value": [[["` + said + `", [], "stop"]], [3, 14]]}`,
		`{"name": "thoughts", "value": [[["` + thought + said + `", [], "stop"]], [3, 30]]}`,
		`{"name": "thoughts, streamed", "value": [[["` + thought + said + `", [], "stop"]], [3, 30]]}`,
		`{"name": "two answers", "value": [[["` + said + `", [], "stop"], ["Choice 1. ` + said + `", [], "stop"]], [3, 30]]}`,
		`{"name": "two answers, streamed", "value": [[["` + said + `", [], "stop"], ["Choice 1. ` + said + `", [], "stop"]], [3, 30]]}`,
		`{"name": "calls", "value": ` + calls + `}`,
		`{"name": "calls, streamed", "value": ` + calls + `}`,
		`{"name": "rounds", "value": ["You said “enough” – I am fake-small, and I can only repeat it.", "stop"]}`,
		`{"name": "out of range", "value": [422, ["body.temperature: Invalid 'temperature': decimal above maximum value. Expected a value <= 1.5, but got 1.6 instead."]]}`,
		`{"name": "an id of another maker", "value": [422, ["body.messages.1.tool_calls.0.id: String should match pattern '^[a-zA-Z0-9]{9}$'"]]}`,
		`{"name": "an answer at the end", "value": [400, "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant"]}`,
		`{"name": "too many", "value": [429, "Rate limit exceeded"]}`,
		`{"name": "too long", "value": [400, "Prompt contains 9001 tokens and 0 draft tokens, too large for model with 8192 maximum context length"]}`,
		`{"name": "too many, streamed", "value": [429, "Rate limit exceeded"]}`,
	}
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(string(out)), "\n"), want); diff != "" {
		t.Error(diff)
	}
}
