package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"llmroute/internal/fakellm/fakellmtest"
)

// clientGateway serves the fake models and those of their faults that the
// clients ask for.
func clientGateway(t *testing.T) (*gateway, *fakellmtest.Provider) {
	t.Helper()
	p := startProvider(t)
	var rules []string
	for _, model := range []string{"fake-small", "fake-small+quota", "fake-small+errevent", "fake-small+hang2"} {
		rules = append(rules, modelRule(model, "a"))
	}
	return start(t, backendDoc("a", p.URL)+routeDoc("r", rules...)), p
}

// left waits until the provider's last request has been given up by the client.
func left(t testing.TB, p *fakellmtest.Provider) {
	t.Helper()
	select {
	case <-p.Last().Done():
		if err := p.Last().Err(); !errors.Is(err, context.Canceled) {
			t.Errorf("the provider saw %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the provider still sends")
	}
}

// OpenAI's own client for Go, unmodified: it lists, chats, streams, fails and
// leaves as it does with OpenAI.
func TestClientForGo(t *testing.T) {
	t.Parallel()
	g, p := clientGateway(t)
	c := openai.NewClient(option.WithBaseURL(g.URL+"/v1"), option.WithAPIKey("sk-client"), option.WithMaxRetries(0))
	ask := func(model string) openai.ChatCompletionNewParams {
		return openai.ChatCompletionNewParams{Model: model,
			Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("hello from go")}}
	}
	page, err := c.Models.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range page.Data {
		names = append(names, m.ID)
	}
	if diff := cmp.Diff([]string{"fake-small", "fake-small+errevent", "fake-small+hang2", "fake-small+quota"}, names); diff != "" {
		t.Error(diff)
	}
	if m, err := c.Models.Get(t.Context(), "fake-small"); err != nil || m.ID != "fake-small" {
		t.Errorf("got %v, %v", m, err)
	}
	whole, err := c.Chat.Completions.New(t.Context(), ask("fake-small"))
	if err != nil {
		t.Fatal(err)
	}
	if whole.Usage.TotalTokens == 0 || !strings.Contains(whole.Choices[0].Message.Content, "hello from go") {
		t.Errorf("got %s", whole.RawJSON())
	}
	var text strings.Builder
	stream := c.Chat.Completions.NewStreaming(t.Context(), ask("fake-small"))
	for stream.Next() {
		for _, choice := range stream.Current().Choices {
			text.WriteString(choice.Delta.Content)
		}
	}
	if err := stream.Err(); err != nil || text.String() != whole.Choices[0].Message.Content {
		t.Errorf("streamed %q, %v", text.String(), err)
	}
	for model, want := range map[string]struct {
		status int
		code   string
	}{
		"unknown":          {http.StatusNotFound, "model_not_found"},
		"fake-small+quota": {http.StatusTooManyRequests, "insufficient_quota"},
	} {
		_, err := c.Chat.Completions.New(t.Context(), ask(model))
		if e, ok := errors.AsType[*openai.Error](err); !ok || e.StatusCode != want.status || e.Code != want.code {
			t.Errorf("%s: got %v, want %d %s", model, err, want.status, want.code)
		}
	}
	broken := c.Chat.Completions.NewStreaming(t.Context(), ask("fake-small+errevent"))
	for broken.Next() {
		continue
	}
	if broken.Err() == nil {
		t.Error("a stream that ends in an error looks whole")
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	hanging := c.Chat.Completions.NewStreaming(ctx, ask("fake-small+hang2"))
	if !hanging.Next() {
		t.Fatal(hanging.Err())
	}
	leave()
	left(t, p)
}

// OpenAI's own client for Python, unmodified.
func TestClientForPython(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("python3", "-c", "import openai").CombinedOutput(); err != nil {
		t.Fatalf("no openai client for Python on PYTHONPATH; \"make e2e\" and \"make test\" fetch it: %v\n%s", err, out)
	}
	g, p := clientGateway(t)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "python3", "clients/openai_client.py", g.URL+"/v1")
	cmd.Env = cleanEnvironment()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := map[string]any{}
	for line := range strings.Lines(string(out)) {
		var l struct {
			Name  string
			Value any
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		got[l.Name] = l.Value
	}
	direct := (&gateway{URL: p.URL}).post(t, "/v1/chat/completions", chat("fake-small", "hello from python"))
	var whole struct {
		Choices []struct{ Message struct{ Content string } }
		Usage   struct {
			Total float64 `json:"total_tokens"`
		}
	}
	if err := json.Unmarshal([]byte(direct.Body), &whole); err != nil {
		t.Fatal(err)
	}
	answer := []any{whole.Choices[0].Message.Content, whole.Usage.Total}
	want := map[string]any{
		"models": []any{"fake-small", "fake-small+errevent", "fake-small+hang2", "fake-small+quota"},
		"model":  "fake-small", "chat": answer, "stream": answer, "abort": true,
		"unknown": []any{"NotFoundError", "model_not_found"},
		"quota":   []any{"RateLimitError", "insufficient_quota"},
	}
	if fmt.Sprint(got["broken"]) == "no error" {
		t.Error("a stream that ends in an error looks whole")
	}
	delete(got, "broken")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, q := range p.Requests() {
		if q.Model == "fake-small+hang2" {
			select {
			case <-q.Done():
			case <-time.After(5 * time.Second):
				t.Error("the provider still sends to a client that left")
			}
		}
	}
}
