package fakellm_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	cohere "github.com/cohere-ai/cohere-go/v2"
)

// Cohere's own client embeds and reranks, and is refused what Cohere refuses.
func TestCohereTasks(t *testing.T) {
	p := start(t)
	c := cohereSDK(t, p)
	ask := &cohere.V2EmbedRequest{Model: "embed-v4.0", InputType: cohere.EmbedInputTypeSearchQuery, Texts: []string{"one", "two words"},
		OutputDimension: new(256), EmbeddingTypes: []cohere.EmbeddingType{cohere.EmbeddingTypeFloat}}
	got, err := c.Embed(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if v := got.Embeddings.Float; len(v) != 2 || len(v[1]) != 256 || *got.Meta.BilledUnits.InputTokens != 3 || len(got.Texts) != 2 {
		t.Errorf("%d vectors, billed %v", len(got.Embeddings.Float), got.Meta.BilledUnits)
	}
	ask.OutputDimension = new(300)
	if _, err := c.Embed(t.Context(), ask); err == nil {
		t.Error("a size that there is not was taken")
	}
	ask.OutputDimension, ask.Texts = nil, make([]string, 97)
	if _, err := c.Embed(t.Context(), ask); err == nil {
		t.Error("97 texts were taken")
	}
	ranked, err := c.Rerank(t.Context(), &cohere.V2RerankRequest{Model: "rerank-v4", Query: "red apples", Documents: []string{"blue sky", "red apples"}, TopN: new(1)})
	if err != nil {
		t.Fatal(err)
	}
	if len(ranked.Results) != 1 || ranked.Results[0].Index != 1 || ranked.Results[0].RelevanceScore != 1 || *ranked.Meta.BilledUnits.SearchUnits != 1 {
		t.Errorf("%v", ranked)
	}
}

// AWS's own client invokes models that embed and rerank, signed.
func TestBedrockTasks(t *testing.T) {
	p := start(t)
	c := bedrockSDK(t, p, "secret")
	invoke := func(model, body string) (map[string]any, error) {
		out, err := c.InvokeModel(t.Context(), &bedrockruntime.InvokeModelInput{ModelId: aws.String(model), Body: []byte(body), ContentType: aws.String("application/json")})
		if err != nil {
			return nil, err
		}
		var v map[string]any
		return v, json.Unmarshal(out.Body, &v)
	}
	for _, tt := range []struct{ model, body, member string }{
		{"amazon.titan-embed-text-v1", `{"inputText":"one"}`, "embedding"},
		{"amazon.titan-embed-text-v2:0", `{"inputText":"one","dimensions":256,"normalize":true}`, "embedding"},
		{"cohere.embed-english-v3", `{"texts":["one"],"input_type":"search_document"}`, "embeddings"},
		{"amazon.nova-2-multimodal-embeddings-v1:0", `{"taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{"embeddingPurpose":"GENERIC_INDEX","text":{"truncationMode":"NONE","value":"one"}}}`, "embeddings"},
		{"cohere.rerank-v3-5:0", `{"api_version":2,"query":"q","documents":["a"]}`, "results"},
	} {
		if v, err := invoke(tt.model, tt.body); err != nil || v[tt.member] == nil {
			t.Errorf("%s: %v, %v", tt.model, v, err)
		}
	}
	for model, body := range map[string]string{
		"amazon.titan-embed-text-v1":   `{"inputText":"one","dimensions":256}`,
		"amazon.titan-embed-text-v2:0": `{"inputText":"one","dimensions":300}`,
		"cohere.embed-v4:0":            `{"texts":["one"]}`,
		"cohere.rerank-v3-5:0":         `{"query":"q","documents":["a"]}`,
		"amazon.rerank-v1:0":           `{"api_version":2,"query":"q","documents":["a"]}`,
	} {
		if _, err := invoke(model, body); !isValidation(err) {
			t.Errorf("%s took %s: %v", model, body, err)
		}
	}
}

func isValidation(err error) bool {
	_, ok := errors.AsType[*types.ValidationException](err)
	return ok
}
