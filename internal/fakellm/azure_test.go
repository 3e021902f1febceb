package fakellm_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/tidwall/gjson"

	"llmroute/internal/fakellm/fakellmtest"
)

// azureSDKs are OpenAI's client as Azure's users set it up: with a dated version
// and with v1.
func azureSDKs(t *testing.T, p *fakellmtest.Provider) map[string]openai.Client {
	t.Helper()
	common := []option.RequestOption{option.WithHTTPClient(client(t)), option.WithMaxRetries(0)}
	return map[string]openai.Client{
		"dated": openai.NewClient(append(common, azure.WithUnsafeAllowHTTP(), azure.WithEndpoint(p.URL, "2024-10-21"), azure.WithAPIKey("k"))...),
		"v1":    openai.NewClient(append(common, option.WithBaseURL(p.URL+"/openai/v1"), option.WithAPIKey("k"))...),
	}
}

func TestAzureSDK(t *testing.T) {
	p := start(t)
	for name, c := range azureSDKs(t, p) {
		t.Run(name, func(t *testing.T) {
			for _, model := range []string{"fake-small", "fake-small+split"} {
				params := hello(model)
				got, err := c.Chat.Completions.New(t.Context(), params)
				if err != nil {
					t.Fatal(err)
				}
				if got.Choices[0].Message.Content != helloText || p.Last().Key != "k" || p.Last().Model != model ||
					gjson.Get(got.RawJSON(), "choices.0.content_filter_results.hate.severity").Str != "safe" ||
					!gjson.Get(got.RawJSON(), "prompt_filter_results.0.content_filter_results").Exists() {
					t.Errorf("got %s", got.RawJSON())
				}
				params.StreamOptions.IncludeUsage = param.NewOpt(true)
				text, tokens := azureStream(t, &c, params)
				if text != helloText+"|stop" || tokens != 17 {
					t.Errorf("got %q, %d tokens", text, tokens)
				}
			}
			if text, _ := azureStream(t, &c, hello("fake-small+late")); text != helloText+"|stop|content_filter" {
				t.Errorf("got %q", text)
			}
			params := hello("fake-small")
			params.Tools = []openai.ChatCompletionToolUnionParam{weather}
			got, err := c.Chat.Completions.New(t.Context(), params)
			if err != nil || len(got.Choices[0].Message.ToolCalls) != 1 {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func azureStream(t *testing.T, c *openai.Client, params openai.ChatCompletionNewParams) (text string, tokens int64) {
	t.Helper()
	stream := c.Chat.Completions.NewStreaming(t.Context(), params)
	defer stream.Close()
	for stream.Next() {
		chunk := stream.Current()
		tokens = max(tokens, chunk.Usage.TotalTokens)
		for _, choice := range chunk.Choices {
			text += choice.Delta.Content
			if choice.FinishReason != "" {
				text += "|" + choice.FinishReason
			}
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	return text, tokens
}

func TestAzureErrors(t *testing.T) {
	p := start(t)
	for name, c := range azureSDKs(t, p) {
		for model, want := range map[string]string{
			"fake-small+429": "429", "fake-small+401": "401", "fake-small+403": "Forbidden", "missing-one": "DeploymentNotFound",
			"fake-small+filtered": "content_filter", "fake-small+context": "context_length_exceeded",
		} {
			_, err := c.Chat.Completions.New(t.Context(), hello(model))
			if e, ok := errors.AsType[*openai.Error](err); !ok || e.Code != want || e.Message == "" {
				t.Errorf("%s, %s: got %v, want %s", name, model, err, want)
			}
		}
	}
	got := post(t, p.URL+"/openai/v1/chat/completions", chat("m+filtered", false))
	if gjson.Get(got.body, "error.innererror.code").Str != "ResponsibleAIPolicyViolation" || gjson.Get(got.body, "error.status").Num != 400 {
		t.Errorf("got %s", got.body)
	}
}

func TestAzureRefusals(t *testing.T) {
	p := start(t)
	const user = `"messages":[{"role":"user","content":"hi"}]}`
	const dated = "/openai/deployments/team%20a%2Fgpt/chat/completions?api-version="
	tests := []struct {
		name, path, body, want string
		status                 int
	}{
		{"a deployment", dated + "2024-10-21", `{` + user, "chat.completion", 200},
		{"no version", "/openai/deployments/d/chat/completions", `{` + user, `"code":"404"`, 404},
		{"two versions", dated + "2024-10-21&api-version=2024-10-21", `{` + user, `"code":"404"`, 404},
		{"a dated version of v1", "/openai/v1/chat/completions?api-version=2024-10-21", `{"model":"m",` + user, "API version not supported", 400},
		{"v1 of v1", "/openai/v1/chat/completions?api-version=v1", `{"model":"m",` + user, "chat.completion", 200},
		{"no model of v1", "/openai/v1/chat/completions", `{` + user, "you must provide a model", 400},
		{"responses behind a deployment", "/openai/deployments/d/responses?api-version=2025-04-01-preview", `{"input":"a"}`, `"code":"404"`, 404},
		{"responses", "/openai/responses?api-version=2025-04-01-preview", `{"model":"m","input":"hello to you all"}`, `"object":"response"`, 200},
		{"a search", "/openai/v1/chat/completions", `{"model":"m","web_search_options":{},` + user, "web_search_options", 400},
		{"effort before its time", dated + "2024-10-21", `{"reasoning_effort":"low",` + user, "reasoning_effort", 400},
		{"effort in its time", dated + "2024-12-01-preview", `{"reasoning_effort":"low",` + user, "chat.completion", 200},
		{"a limit before its time", dated + "2024-06-01", `{"max_completion_tokens":9,` + user, "max_completion_tokens", 400},
		{"a developer before its time", dated + "2024-10-21", `{"messages":[{"role":"developer","content":"a"}]}`, "'developer'", 400},
		{"hints of the cache", dated + "2025-04-01-preview", `{"prompt_cache_key":"a",` + user, "prompt_cache_key", 400},
	}
	for _, test := range tests {
		if got := post(t, p.URL+test.path, test.body); got.StatusCode != test.status || !strings.Contains(got.body, test.want) {
			t.Errorf("%s: got %d %s, want %d %s", test.name, got.StatusCode, got.body, test.status, test.want)
		}
	}
	if got := p.Counts().Model["team a/gpt"]; got != 7 {
		t.Errorf("got %d requests of the deployment, want 7", got)
	}
	req := request(t, http.MethodPost, p.URL+"/openai/v1/chat/completions", chat("m", false))
	for _, letter := range "abcdefghijk" {
		req.Header.Set("X-"+string(letter), "1")
	}
	if got := do(t, req); got.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %d for eleven headers", got.StatusCode)
	}
	req = request(t, http.MethodPost, p.URL+"/openai/v1/chat/completions", chat("m", false))
	req.Header.Set("Api-Key", "k")
	req.Header.Set("Authorization", "Bearer k")
	if got := do(t, req); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("got %d for two keys", got.StatusCode)
	}
}
