package fakellm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"cloud.google.com/go/auth"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genai"

	"llmroute/internal/fakellm/fakellmtest"
)

// geminiHomes are Google's own client at either home.
func geminiHomes(t *testing.T, p *fakellmtest.Provider) map[string]*genai.Client {
	t.Helper()
	clients := make(map[string]*genai.Client)
	for name, config := range map[string]*genai.ClientConfig{
		"studio": {Backend: genai.BackendGeminiAPI, APIKey: "AIza"},
		"vertex": {Backend: genai.BackendVertexAI, Project: "project", Location: "global",
			Credentials: auth.NewCredentials(&auth.CredentialsOptions{})},
	} {
		config.HTTPClient = client(t)
		if name == "vertex" {
			config.HTTPClient = &http.Client{Transport: bearer{client(t).Transport}}
		}
		config.HTTPOptions = genai.HTTPOptions{BaseURL: p.URL}
		c, err := genai.NewClient(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		clients[name] = c
	}
	return clients
}

// bearer adds the token that the client leaves to its transport.
type bearer struct{ http.RoundTripper }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer ya29")
	return b.RoundTripper.RoundTrip(r)
}

// geminiBoth asks plainly and as a stream, and fails when the answers differ.
func geminiBoth(t *testing.T, c *genai.Client, model string, contents []*genai.Content, config *genai.GenerateContentConfig) *genai.GenerateContentResponse {
	t.Helper()
	got, err := c.Models.GenerateContent(t.Context(), model, contents, config)
	if err != nil {
		t.Fatal(err)
	}
	var parts []*genai.Part
	var last *genai.GenerateContentResponse
	for chunk, err := range c.Models.GenerateContentStream(t.Context(), model, contents, config) {
		if err != nil {
			t.Fatal(err)
		}
		last = chunk
		if len(chunk.Candidates) > 0 && chunk.Candidates[0].Content != nil {
			parts = append(parts, chunk.Candidates[0].Content.Parts...)
		}
	}
	if diff := cmp.Diff(said(parts), said(got.Candidates[0].Content.Parts)); diff != "" {
		t.Errorf("%s: streamed, then whole:\n%s", model, diff)
	}
	if diff := cmp.Diff(last.UsageMetadata, got.UsageMetadata); diff != "" {
		t.Errorf("%s: usage, streamed, then whole:\n%s", model, diff)
	}
	if last.Candidates[0].FinishReason != got.Candidates[0].FinishReason {
		t.Errorf("%s: finished for %s, then %s", model, last.Candidates[0].FinishReason, got.Candidates[0].FinishReason)
	}
	return got
}

// said spells the parts of an answer, with what signs them.
func said(parts []*genai.Part) string {
	var b strings.Builder
	kind := ""
	for _, p := range parts {
		now := "text"
		switch {
		case p.FunctionCall != nil:
			args, _ := json.Marshal(p.FunctionCall.Args)
			now = fmt.Sprint("call ", p.FunctionCall.Name, string(args), p.FunctionCall.ID != "")
		case p.Thought:
			now = "thought"
		}
		if now != kind {
			b.WriteString("\n" + now + ": ")
			kind = now
		}
		b.WriteString(p.Text)
		if len(p.ThoughtSignature) > 0 {
			b.WriteString(" signed")
		}
	}
	return b.String()
}

var lookUpGemini = []*genai.Tool{{FunctionDeclarations: []*genai.FunctionDeclaration{
	{Name: "weather", Description: "It rains.", ParametersJsonSchema: map[string]any{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}}},
	{Name: "clock", Description: "It is late."},
}}}

// TestGeminiSDK drives both homes with Google's own client, over several
// generations of models: a question, thoughts, calls and their results.
func TestGeminiSDK(t *testing.T) {
	p := start(t)
	for home, c := range geminiHomes(t, p) {
		for _, model := range []string{"gemini-2.5-flash", "gemini-3.1-pro-preview", "gemini-3.8-flash+split"} {
			t.Run(home+" "+model, func(t *testing.T) {
				name, _, _ := strings.Cut(model, "+")
				hello := []*genai.Content{genai.NewContentFromText("hello there", genai.RoleUser)}
				config := &genai.GenerateContentConfig{SystemInstruction: genai.NewContentFromText("Be brief.", genai.RoleUser), ThinkingConfig: &genai.ThinkingConfig{IncludeThoughts: true}}
				if got := geminiBoth(t, c, model, hello, config); !strings.Contains(got.Text(), "“hello there” – I am "+name) || got.UsageMetadata.ThoughtsTokenCount == 0 {
					t.Errorf("got %s, %+v", got.Text(), got.UsageMetadata)
				}
				want := "/v1beta/models/" + model
				if home == "vertex" {
					want = "/v1beta1/projects/project/locations/global/publishers/google/models/" + model
				}
				if q := p.Last(); q.Path != want+":streamGenerateContent" {
					t.Errorf("asked %s, want %s", q.Path, want)
				}
				geminiToolLoop(t, c, model)
			})
		}
	}
}

// geminiToolLoop has the model call functions, answers, and has it call another one.
func geminiToolLoop(t *testing.T, c *genai.Client, model string) {
	t.Helper()
	contents := []*genai.Content{genai.NewContentFromText("clock and weather?", genai.RoleUser)}
	config := &genai.GenerateContentConfig{Tools: lookUpGemini}
	for _, results := range [][]string{{"ask the clock", "rain"}, {"noon"}} {
		got := geminiBoth(t, c, model, contents, config)
		calls := got.FunctionCalls()
		if len(calls) != len(results) {
			t.Fatalf("got %d calls, want %d: %s", len(calls), len(results), said(got.Candidates[0].Content.Parts))
		}
		var parts []*genai.Part
		for i, call := range calls {
			part := genai.NewPartFromFunctionResponse(call.Name, map[string]any{"output": results[i]})
			part.FunctionResponse.ID = call.ID
			parts = append(parts, part)
		}
		contents = append(contents, got.Candidates[0].Content, genai.NewContentFromParts(parts, genai.RoleUser))
	}
	if got := geminiBoth(t, c, model, contents, config); !strings.Contains(got.Text(), "noon") {
		t.Errorf("got %s", got.Text())
	}
	// The signature of the first step is missing.
	contents[1].Parts[0].ThoughtSignature = nil
	_, err := c.Models.GenerateContent(t.Context(), model, contents, config)
	if signed := !strings.HasPrefix(model, "gemini-2"); signed != (err != nil && strings.Contains(err.Error(), "missing a thought_signature")) {
		t.Errorf("unsigned: got %v", err)
	}
}

// TestGeminiErrors wants the errors of either home as Google's client reads them.
func TestGeminiErrors(t *testing.T) {
	p := start(t)
	for home, c := range geminiHomes(t, p) {
		for model, want := range map[string]genai.APIError{
			"m+429": {Code: 429, Status: "RESOURCE_EXHAUSTED"}, "m+400": {Code: 400, Status: "INVALID_ARGUMENT"}, "m+403": {Code: 403, Status: "PERMISSION_DENIED"},
			"m+503": {Code: 503, Status: "UNAVAILABLE"}, "m+context": {Code: 400, Status: "INVALID_ARGUMENT"}, "missing-1": {Code: 404, Status: "NOT_FOUND"},
		} {
			_, err := c.Models.GenerateContent(t.Context(), model, genai.Text("hi"), nil)
			var got genai.APIError
			if !errors.As(err, &got) || got.Code != want.Code || got.Status != want.Status {
				t.Errorf("%s %s: got %v, want %d %s", home, model, err, want.Code, want.Status)
			}
		}
		failed := false
		for _, err := range c.Models.GenerateContentStream(t.Context(), "m+errevent3", genai.Text("hi"), nil) {
			failed = failed || err != nil
		}
		if !failed {
			t.Errorf("%s: the error in the stream was not seen", home)
		}
		got, err := c.Models.GenerateContent(t.Context(), "m+filtered", genai.Text("hi"), nil)
		if err != nil || len(got.Candidates) > 0 || got.PromptFeedback.BlockReason != genai.BlockedReasonProhibitedContent {
			t.Errorf("%s: blocked: %+v, %v", home, got, err)
		}
	}
}
