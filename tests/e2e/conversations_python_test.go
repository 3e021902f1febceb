package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// forPython holds the conversations that end well with OpenAI's client for
// Python, which must see what the one for Go sees.
func (p *parlour) forPython(t *testing.T) {
	type line struct {
		Name    string            `json:"name"`
		Headers map[string]string `json:"headers"`
		Body    json.RawMessage   `json:"body"`
	}
	var lines []line
	want := make(map[string]string)
	for _, talk := range allConversations() {
		for i := range homes {
			h := &homes[i]
			for _, stream := range talk.ways(h) {
				expected := talk.expected(h, stream)
				if !strings.Contains(expected, "|") {
					continue // an error
				}
				name := fmt.Sprintf("%s/%s/stream=%v", h.name, talk.name, stream)
				headers := map[string]string{"x-home": h.name}
				maps.Copy(headers, talk.sent())
				lines = append(lines, line{name, headers, json.RawMessage(talk.request(stream))})
				want[name] = expected
			}
		}
	}
	var got map[string]string
	runClient(t, []string{"python3", "clients/conversations.py", p.URL + "/v1"}, lines, &got)
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s: saw\n%s, want\n%s", name, got[name], text)
		}
	}
}

// runClient runs a script with JSON at both ends.
func runClient(t *testing.T, command []string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env, cmd.Stdin = cleanEnvironment(), bytes.NewReader(body)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v (\"make e2e\" and \"make test\" fetch the clients)\n%s", command, err, complaints.Bytes())
	}
	if err := json.Unmarshal(said, out); err != nil {
		t.Fatalf("%s: %v in %s", command, err, said)
	}
}
