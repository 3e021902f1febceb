package fakellm_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
	"github.com/anthropics/anthropic-sdk-go/vertex"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

// TestVertexSDK drives the models on Vertex with Anthropic's client for it.
func TestVertexSDK(t *testing.T) {
	p := start(t)
	token := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "ya29"})
	c := anthropic.NewClient(option.WithHTTPClient(client(t)),
		vertex.WithCredentials(t.Context(), "us-east5", "project", &google.Credentials{TokenSource: token}),
		option.WithBaseURL(p.URL), option.WithMaxRetries(0))
	for _, model := range []string{"fake-small", "claude-sonnet-4-5@20250929", "claude-opus-5+split"} {
		params := helloClaude(model)
		params.Tools = lookUp
		params.Messages = []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("clock and weather?"))}
		if got := both(t, &c, params); got.StopReason != "tool_use" || !strings.HasPrefix(got.ID, "msg_vrtx_") {
			t.Errorf("%s: got %s", model, got.RawJSON())
		}
		q := p.Last()
		if want := "/v1/projects/project/locations/us-east5/publishers/anthropic/models/" + model + ":streamRawPredict"; q.Path != want || q.Key != "ya29" {
			t.Errorf("got %s with key %s, want %s", q.Path, q.Key, want)
		}
	}
	got, err := c.Messages.CountTokens(t.Context(), anthropic.MessageCountTokensParams{Model: "fake-small", Messages: helloClaude("").Messages})
	if err != nil || got.InputTokens != 3 {
		t.Errorf("got %v, %v", got, err)
	}
	for model, want := range map[string]string{"m+429": "RESOURCE_EXHAUSTED", "m+400": "invalid_request_error", "m+529": "overloaded_error", "m+403": "PERMISSION_DENIED"} {
		_, err := c.Messages.New(t.Context(), helloClaude(model))
		if e, ok := errors.AsType[*anthropic.Error](err); !ok || !strings.Contains(e.RawJSON(), want) {
			t.Errorf("%s: got %v, want %s", model, err, want)
		}
	}
}

// TestVertexRefusals asks in ways that Vertex does not take.
func TestVertexRefusals(t *testing.T) {
	p := start(t)
	const models = "/v1/projects/p/locations/l/publishers/anthropic/models/"
	const hello = `"max_tokens":99,"messages":[{"role":"user","content":"hi"}]}`
	tests := []struct {
		name, path, body, want string
		status                 int
	}{
		{"the right way", "m:rawPredict", `{"anthropic_version":"vertex-2023-10-16",` + hello, "end_turn", 200},
		{"a model in the body", "m:rawPredict", `{"model":"m","anthropic_version":"vertex-2023-10-16",` + hello, "model: Extra inputs are not permitted", 400},
		{"another version", "m:rawPredict", `{"anthropic_version":"2023-06-01",` + hello, "anthropic_version", 404},
		{"a stream of the other method", "m:rawPredict", `{"stream":true,"anthropic_version":"vertex-2023-10-16",` + hello, "INVALID_ARGUMENT", 400},
		{"another method", "m:predict", `{` + hello, "NOT_FOUND", 404},
	}
	for _, test := range tests {
		if got := post(t, p.URL+models+test.path, test.body); got.StatusCode != test.status || !strings.Contains(got.body, test.want) {
			t.Errorf("%s: got %d %s, want %d %s", test.name, got.StatusCode, got.body, test.status, test.want)
		}
	}
	req := request(t, http.MethodPost, p.URL+models+"m:rawPredict", `{"anthropic_version":"vertex-2023-10-16",`+hello)
	req.ContentLength = -1
	if got := do(t, req); got.StatusCode != http.StatusBadRequest || !strings.Contains(got.body, "Chunked") {
		t.Errorf("got %d %s for a body in chunks", got.StatusCode, got.body)
	}
}
