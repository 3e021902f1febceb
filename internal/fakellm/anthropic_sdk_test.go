package fakellm_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
	"github.com/google/go-cmp/cmp"

	"llmroute/internal/fakellm/fakellmtest"
)

// anthropicSDK returns Anthropic's own client.
func anthropicSDK(t *testing.T, p *fakellmtest.Provider, more ...option.RequestOption) anthropic.Client {
	t.Helper()
	return anthropic.NewClient(append([]option.RequestOption{option.WithoutEnvironmentDefaults(), option.WithBaseURL(p.URL),
		option.WithAPIKey("sk-ant"), option.WithHTTPClient(client(t)), option.WithMaxRetries(0)}, more...)...)
}

func helloClaude(model string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model: model, MaxTokens: 1000,
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("hello there"))},
	}
}

// both asks plainly and as a stream, and fails when the answers differ.
func both(t *testing.T, c *anthropic.Client, params anthropic.MessageNewParams) *anthropic.Message {
	t.Helper()
	whole, err := c.Messages.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	stream := c.Messages.NewStreaming(t.Context(), params)
	defer stream.Close()
	var streamed anthropic.Message
	for stream.Next() {
		if err := streamed.Accumulate(stream.Current()); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(shape(whole), shape(&streamed)); diff != "" {
		t.Errorf("streamed differs:\n%s", diff)
	}
	return whole
}

// shape is what an answer says, in a form to compare. No two answers have the same
// signatures, so that only their presence counts.
func shape(m *anthropic.Message) []string {
	list := make([]string, 0, len(m.Content)+1)
	for _, b := range m.Content {
		list = append(list, fmt.Sprint(b.Type, b.Text, b.Thinking, b.Signature != "", b.Data != "", b.Name, string(b.Input)))
	}
	return append(list, string(m.StopReason)+"|"+m.StopSequence)
}

func TestAnthropicSDK(t *testing.T) {
	p := start(t)
	c := anthropicSDK(t, p)
	for _, model := range []string{"fake-small", "fake-small+split", "fake-small+crlf+trailers"} {
		got := both(t, &c, helloClaude(model))
		if text := got.Content[0].Text; text != helloText || got.StopReason != "end_turn" || len(got.Content) != 1 {
			t.Errorf("%s: got %s", model, got.RawJSON())
		}
		if got.Usage.InputTokens != 3 || got.Usage.OutputTokens != 14 {
			t.Errorf("%s: got usage %s", model, got.Usage.RawJSON())
		}
	}
	if q := p.Last(); q.Key != "sk-ant" || q.Path != "/v1/messages" {
		t.Errorf("got request %+v", q)
	}
}

func TestAnthropicSDKErrors(t *testing.T) {
	c := anthropicSDK(t, start(t))
	tests := []struct {
		model   string
		status  int
		message string
	}{
		{"claude-opus-5+429", http.StatusTooManyRequests, "rate_limit_error"},
		{"claude-opus-5+529", 529, "overloaded_error"},
		{"claude-opus-5+500", http.StatusInternalServerError, "api_error"},
		{"claude-opus-5+context", http.StatusBadRequest, "prompt is too long"},
		{"claude-opus-5+401", http.StatusUnauthorized, "authentication_error"},
		{"claude-opus-5+nosuch", http.StatusBadRequest, "Unknown fault"},
		{"missing-model", http.StatusNotFound, "not_found_error"},
	}
	for _, test := range tests {
		_, err := c.Messages.New(t.Context(), helloClaude(test.model))
		e, ok := errors.AsType[*anthropic.Error](err)
		if !ok || e.StatusCode != test.status || !strings.Contains(e.RawJSON(), test.message) || !strings.HasPrefix(e.RequestID, "req_") {
			t.Errorf("%s: got %v, want %d, %s", test.model, err, test.status, test.message)
		}
	}
	stream := c.Messages.NewStreaming(t.Context(), helloClaude("fake-small+errevent5"))
	defer stream.Close()
	n := 0
	for stream.Next() {
		n++
	}
	if err := stream.Err(); err == nil || !strings.Contains(err.Error(), "api_error") {
		t.Errorf("got %d events, then %v", n, err)
	}
}

// lookUp are two tools, one of which takes nothing.
var lookUp = []anthropic.ToolUnionParam{
	{OfTool: &anthropic.ToolParam{Name: "weather", InputSchema: anthropic.ToolInputSchemaParam{
		Properties: map[string]any{"city": map[string]any{"type": "string"}}}}},
	{OfTool: &anthropic.ToolParam{Name: "clock", InputSchema: anthropic.ToolInputSchemaParam{Properties: map[string]any{}}}},
}

// results answers every call of a message.
func results(m *anthropic.Message, text string) anthropic.MessageParam {
	var list []anthropic.ContentBlockParamUnion
	for _, b := range m.Content {
		if b.Type == "tool_use" {
			list = append(list, anthropic.NewToolResultBlock(b.ID, text, false))
		}
	}
	return anthropic.NewUserMessage(list...)
}

// TestAnthropicSDKThinking goes three turns with tools and thoughts, which come
// back as they were.
func TestAnthropicSDKThinking(t *testing.T) {
	c := anthropicSDK(t, start(t))
	for _, model := range []string{
		"fake-small", "claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-5", "claude-opus-5-5", "claude-opus-5+interleave",
		"claude-fable-5-1+redacted", "claude-opus-5-5+interleave+redacted+texts",
	} {
		t.Run(model, func(t *testing.T) {
			params := helloClaude(model)
			params.MaxTokens = 4000
			params.Tools = lookUp
			if model == "claude-sonnet-4-5" {
				params.Thinking = anthropic.ThinkingConfigParamOfEnabled(1024)
			} else {
				params.Thinking = anthropic.ThinkingConfigParamUnion{OfAdaptive: &anthropic.ThinkingConfigAdaptiveParam{}}
			}
			params.Messages = []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("clock and weather?"))}
			for step, said := range []string{"now the clock alone", "enough", ""} {
				got := both(t, &c, params)
				thought := got.Content[0].Type == "thinking" || got.Content[0].Type == "redacted_thinking"
				if want := map[bool]string{true: "tool_use", false: "end_turn"}[step < 2]; string(got.StopReason) != want || !thought {
					t.Fatalf("step %d: got %s, want %s after a thought", step, got.RawJSON(), want)
				}
				params.Messages = append(params.Messages, got.ToParam(), results(got, said))
			}
		})
	}
}

// TestAnthropicForgery alters thoughts in every way that loses what they were.
func TestAnthropicForgery(t *testing.T) {
	c := anthropicSDK(t, start(t))
	ask := func(t *testing.T, model string) (anthropic.MessageNewParams, *anthropic.Message) {
		t.Helper()
		params := helloClaude(model)
		params.Tools = lookUp
		params.Thinking = anthropic.ThinkingConfigParamUnion{OfAdaptive: &anthropic.ThinkingConfigAdaptiveParam{}}
		params.Messages = []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("clock and weather?"))}
		return params, both(t, &c, params)
	}
	tests := []struct {
		name, model string
		alter       func(*anthropic.MessageNewParams, *anthropic.MessageParam)
		want        string
	}{
		{"another text", "fake-small", func(_ *anthropic.MessageNewParams, m *anthropic.MessageParam) {
			m.Content[0].OfThinking.Thinking += " "
		}, "Invalid `signature`"},
		{"another signature", "fake-small", func(_ *anthropic.MessageNewParams, m *anthropic.MessageParam) {
			m.Content[0].OfThinking.Signature = m.Content[0].OfThinking.Signature[:len(m.Content[0].OfThinking.Signature)-4]
		}, "Invalid `signature`"},
		{"other data", "fake-small+redacted", func(_ *anthropic.MessageNewParams, m *anthropic.MessageParam) {
			m.Content[0].OfRedactedThinking.Data = "c2VjcmV0"
		}, "Invalid data"},
		{"another place", "fake-small+interleave", func(_ *anthropic.MessageNewParams, m *anthropic.MessageParam) {
			m.Content[1], m.Content[2] = m.Content[2], m.Content[1]
		}, "cannot be modified"},
		{"another conversation", "claude-opus-5-5", func(p *anthropic.MessageNewParams, _ *anthropic.MessageParam) {
			p.System = []anthropic.TextBlockParam{{Text: "Be brief."}}
		}, "bound to a different conversation"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			params, got := ask(t, test.model)
			m := got.ToParam()
			params.Messages = append(params.Messages, m, results(got, "noon"))
			if _, err := c.Messages.New(t.Context(), params); err != nil {
				t.Fatal(err)
			}
			test.alter(&params, &m)
			_, err := c.Messages.New(t.Context(), params)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// TestAnthropicWholes asks for what shows in an answer's parts.
func TestAnthropicWholes(t *testing.T) {
	c := anthropicSDK(t, start(t))
	t.Run("a search", func(t *testing.T) {
		params := helloClaude("fake-small+texts")
		params.Tools = []anthropic.ToolUnionParam{{OfWebSearchTool20250305: &anthropic.WebSearchTool20250305Param{}}}
		got := both(t, &c, params)
		kinds := make([]string, 0, 5)
		cited := 0
		for _, b := range got.Content {
			kinds = append(kinds, b.Type)
			cited += len(b.Citations)
		}
		want := []string{"server_tool_use", "web_search_tool_result", "text", "text", "text"}
		if diff := cmp.Diff(want, kinds); diff != "" || cited != 3 {
			t.Errorf("%d citations\n%s", cited, diff)
		}
	})
	t.Run("a refusal", func(t *testing.T) {
		got := both(t, &c, helloClaude("fake-small+finishrefusal+empty"))
		if got.StopReason != "refusal" || len(got.Content) != 0 || !strings.Contains(got.RawJSON(), "rather not") {
			t.Errorf("got %s", got.RawJSON())
		}
	})
	t.Run("a stop", func(t *testing.T) {
		params := helloClaude("fake-small")
		params.StopSequences = []string{"nothing", "–"}
		got := both(t, &c, params)
		if got.StopReason != "stop_sequence" || got.StopSequence != "–" || got.Content[0].Text != "You said “hello there” " {
			t.Errorf("got %s", got.RawJSON())
		}
	})
	t.Run("a limit", func(t *testing.T) {
		params := helloClaude("claude-opus-5")
		params.MaxTokens = 3
		got := both(t, &c, params)
		if got.StopReason != "max_tokens" || len(got.Content) != 1 || got.Usage.OutputTokens != 3 {
			t.Errorf("got %s", got.RawJSON())
		}
	})
	t.Run("a cache", func(t *testing.T) {
		params := helloClaude("fake-small")
		params.System = []anthropic.TextBlockParam{{Text: "one two three", CacheControl: anthropic.NewCacheControlEphemeralParam()}}
		params.Messages[0].Content[0].OfText.CacheControl = anthropic.NewCacheControlEphemeralParam()
		got := both(t, &c, params)
		if u := got.Usage; u.InputTokens != 0 || u.CacheReadInputTokens != 3 || u.CacheCreationInputTokens != 3 {
			t.Errorf("got %s", u.RawJSON())
		}
	})
	t.Run("a count", func(t *testing.T) {
		got, err := c.Messages.CountTokens(t.Context(), anthropic.MessageCountTokensParams{
			Model: "fake-small", Messages: helloClaude("").Messages})
		if err != nil || got.InputTokens != 3 {
			t.Errorf("got %v, %v", got, err)
		}
	})
	t.Run("what nobody knows", func(t *testing.T) {
		got := both(t, &c, helloClaude("fake-small+odd+finishtired"))
		if got.StopReason != "tired" || got.Content[0].Text != helloText || len(got.Content) != 2 {
			t.Errorf("got %s", got.RawJSON())
		}
	})
}
