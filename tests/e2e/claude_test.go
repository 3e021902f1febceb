package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"llmroute/internal/fakellm/fakellmtest"
)

// claudeGateway has Claude behind it, at Anthropic.
func claudeGateway(t *testing.T, models ...string) (*gateway, *fakellmtest.Provider) {
	t.Helper()
	p := startProvider(t)
	var rules []string
	for _, model := range models {
		rules = append(rules, modelRule(model, "claude"))
	}
	doc := strings.Replace(backendDoc("claude", p.URL, "auth: {type: APIKey, header: x-api-key, key: sk-ant-1}"),
		"outputSchema: OpenAI", "outputSchema: {schema: Anthropic}", 1)
	return start(t, doc+routeDoc("r", rules...)), p
}

// OpenAI's own client speaks with Claude as with any other model.
func TestClaudeForClients(t *testing.T) {
	t.Parallel()
	const model = "claude-sonnet-4-5"
	g, p := claudeGateway(t, model, model+"+errevent", model+"+cut3", model+"+401", model+"+529")
	c := openai.NewClient(option.WithBaseURL(g.URL+"/v1"), option.WithAPIKey("sk-client"), option.WithMaxRetries(0))
	ask := func(model string) openai.ChatCompletionNewParams {
		return openai.ChatCompletionNewParams{Model: model, Temperature: openai.Float(0.5), Seed: openai.Int(1),
			Messages: []openai.ChatCompletionMessageParamUnion{openai.SystemMessage("Be kind."), openai.UserMessage("hello, Claude")}}
	}
	var head *http.Response
	whole, err := c.Chat.Completions.New(t.Context(), ask(model), option.WithResponseInto(&head))
	if err != nil {
		t.Fatal(err)
	}
	if whole.Usage.TotalTokens == 0 || whole.Choices[0].Message.Content == "" || whole.Choices[0].FinishReason != "stop" {
		t.Errorf("got %s", whole.RawJSON())
	}
	if got := head.Header.Get("x-llmroute-warnings"); got != "seed;unsupported" {
		t.Errorf("warnings %q", got)
	}
	if r := p.Last(); r.Path != "/v1/messages" || r.Header.Get("X-Api-Key") != "sk-ant-1" || r.Header.Get("Authorization") != "" {
		t.Errorf("the provider got %s with %v", r.Path, r.Header)
	}
	var text strings.Builder
	stream := c.Chat.Completions.NewStreaming(t.Context(), ask(model))
	for stream.Next() {
		for _, choice := range stream.Current().Choices {
			text.WriteString(choice.Delta.Content)
		}
	}
	if err := stream.Err(); err != nil || text.String() != whole.Choices[0].Message.Content {
		t.Errorf("streamed %q, %v; whole %q", text.String(), err, whole.Choices[0].Message.Content)
	}
	for _, model := range []string{model + "+errevent", model + "+cut3"} {
		broken := c.Chat.Completions.NewStreaming(t.Context(), ask(model))
		for broken.Next() {
			continue
		}
		if broken.Err() == nil {
			t.Errorf("%s looks whole", model)
		}
	}
	for model, want := range map[string]int{model + "+401": 502, model + "+529": 529} {
		answer := g.chat(t, fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"hi"}]}`, model))
		if answer.status != want || answer.Error.Message == "" {
			t.Errorf("%s: %d %+v", model, answer.status, answer)
		}
	}
}

// chatAnswer is a chat completion, or an error.
type chatAnswer struct {
	status  int
	Choices []struct {
		Message map[string]any `json:"message"`
	} `json:"choices"`
	Error struct {
		Message string `json:"message"`
	} `json:"error"`
}

func (g *gateway) chat(t *testing.T, body string) (a chatAnswer) {
	t.Helper()
	resp, err := http.Post(g.URL+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &a); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	a.status = resp.StatusCode
	return a
}

// A client that echoes what it got keeps the thread of Claude's thoughts: the
// provider checks that each comes back as it was signed, where it stood.
func TestClaudeThinksOn(t *testing.T) {
	t.Parallel()
	for _, model := range []string{"claude-sonnet-4-5", "claude-sonnet-4-6", "claude-opus-5-5"} {
		t.Run(model, func(t *testing.T) {
			g, p := claudeGateway(t, model)
			messages := []any{map[string]any{"role": "user", "content": "What is the weather in Bern?"}}
			for range 3 {
				body, err := json.Marshal(map[string]any{"model": model, "messages": messages, "reasoning_effort": "high",
					"tools": []any{map[string]any{"type": "function", "function": map[string]any{"name": "weather",
						"parameters": map[string]any{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}}}}}})
				if err != nil {
					t.Fatal(err)
				}
				a := g.chat(t, string(body))
				if a.status != http.StatusOK {
					t.Fatalf("%d %s\nafter %s", a.status, a.Error.Message, body)
				}
				message := a.Choices[0].Message
				messages = append(messages, message)
				calls, _ := message["tool_calls"].([]any)
				for _, call := range calls {
					messages = append(messages, map[string]any{"role": "tool", "tool_call_id": call.(map[string]any)["id"], "content": "4 degrees"})
				}
				if len(calls) == 0 {
					messages = append(messages, map[string]any{"role": "user", "content": "And tomorrow?"})
				}
			}
			if n := strings.Count(string(p.Last().Body), `"signature"`); n == 0 {
				t.Errorf("no thought came back: %s", p.Last().Body)
			}
		})
	}
}

// Claude's other homes have the model in their paths, an ARN among them, and
// Bedrock frames its streams in its own way. The client cannot tell.
func TestClaudeAtHome(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	const aws, arn, google = "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
		"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5@20250929"
	const key = "auth: {type: APIKey, key: k}"
	at := func(name, schema string, more ...string) string {
		return strings.Replace(backendDoc(name, p.URL, append(more, key)...), "outputSchema: OpenAI", "outputSchema: {schema: "+schema+"}", 1)
	}
	g := start(t, at("aws", "AWSAnthropic")+at("google", "GCPAnthropic", "gcp: {project: p-1, location: global}")+
		routeDoc("r", modelRule(aws, "aws"), modelRule(arn, "aws"), modelRule(google, "google")))
	c := openai.NewClient(option.WithBaseURL(g.URL+"/v1"), option.WithAPIKey("sk-client"), option.WithMaxRetries(0))
	for model, path := range map[string]string{
		aws:    "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke",
		arn:    "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke",
		google: "/v1/projects/p-1/locations/global/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
	} {
		ask := openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("hello, Claude")}}
		whole, err := c.Chat.Completions.New(t.Context(), ask)
		if err != nil {
			t.Errorf("%s: %v", model, err)
			continue
		}
		if got := p.Last().Path; got != path {
			t.Errorf("%s: path %s, want %s", model, got, path)
		}
		var text strings.Builder
		stream := c.Chat.Completions.NewStreaming(t.Context(), ask)
		for stream.Next() {
			for _, choice := range stream.Current().Choices {
				text.WriteString(choice.Delta.Content)
			}
		}
		if err := stream.Err(); err != nil || text.String() != whole.Choices[0].Message.Content || text.Len() == 0 {
			t.Errorf("%s: streamed %q, %v; whole %q", model, text.String(), err, whole.Choices[0].Message.Content)
		}
	}
}
