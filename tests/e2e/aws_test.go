package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// Models as AWS names them: what stands in a path has to be escaped there.
const (
	awsModel   = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	awsProfile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456"
)

// awsDoc is a backend with one of AWS's schemas.
func awsDoc(name, schema, url string, fields ...string) string {
	return strings.Replace(backendDoc(name, url, fields...), "outputSchema: OpenAI", "outputSchema: {schema: "+schema+"}", 1)
}

// awsAsk is a conversation whose bytes are more than its letters.
func awsAsk(model string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{
		openai.SystemMessage("Soyez aimable."), openai.UserMessage("Grüezi, 日本語 é 🙂"),
	}}
}

// askAWS asks plainly and as a stream, and fails when the answers differ.
func askAWS(t *testing.T, g *gateway, model string) string {
	t.Helper()
	c := openai.NewClient(option.WithBaseURL(g.URL+"/v1"), option.WithAPIKey("sk-client"), option.WithMaxRetries(0))
	whole, err := c.Chat.Completions.New(t.Context(), awsAsk(model))
	if err != nil {
		t.Fatalf("%s: %v", model, err)
	}
	var text strings.Builder
	stream := c.Chat.Completions.NewStreaming(t.Context(), awsAsk(model))
	for stream.Next() {
		for _, choice := range stream.Current().Choices {
			text.WriteString(choice.Delta.Content)
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatalf("%s: streamed: %v", model, err)
	}
	if whole := whole.Choices[0].Message.Content; text.String() != whole || whole == "" {
		t.Errorf("%s: streamed %q, whole %q", model, text.String(), whole)
	}
	return text.String()
}

// A key of Bedrock's goes where any other key goes.
func TestBedrockKey(t *testing.T) {
	p := startProvider(t)
	g := start(t, awsDoc("aws", "AWSBedrock", p.URL, "auth: {type: APIKey, key: ABSK-1}")+
		routeDoc("r", modelRule(awsModel, "aws"), modelRule(awsProfile, "aws")))
	for model, path := range map[string]string{
		awsModel:   "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream",
		awsProfile: "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123def456/converse-stream",
	} {
		askAWS(t, g, model)
		if q := p.Last(); q.Path != path || q.Header.Get("Authorization") != "Bearer ABSK-1" {
			t.Errorf("the provider got %s with %v", q.Path, q.Header)
		}
	}
	if a := g.post(t, "/v1/embeddings", `{"model":"`+awsModel+`","input":"x"}`); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("embeddings: %d %s", a.Status, a.Body)
	}
}
