package e2e

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

// operation is one request of OpenAI's API beside the chat's.
type operation struct {
	path   string
	body   string            // members beside the model
	form   map[string]string // instead of body; a file goes with it
	file   string            // the name of the form's file
	stream bool
	tokens bool // the provider says what it costs
	azure  bool // Azure serves it
}

var operationTable = []operation{
	{path: "/completions", body: `"prompt":"hi"`, tokens: true, azure: true},
	{path: "/completions", body: `"prompt":"hi","stream":true`, stream: true, tokens: true, azure: true},
	{path: "/embeddings", body: `"input":"hi"`, tokens: true, azure: true},
	{path: "/moderations", body: `"input":"hi"`},
	{path: "/responses", body: `"input":"hi"`, tokens: true, azure: true},
	{path: "/responses", body: `"input":"hi","stream":true`, stream: true, tokens: true, azure: true},
	{path: "/images/generations", body: `"prompt":"a cat"`, tokens: true, azure: true},
	{path: "/images/generations", body: `"prompt":"a cat","stream":true,"partial_images":1`, stream: true, tokens: true, azure: true},
	{path: "/images/edits", form: map[string]string{"prompt": "a hat"}, file: "image", tokens: true, azure: true},
	{path: "/images/variations", form: map[string]string{}, file: "image", tokens: true},
	{path: "/audio/speech", body: `"input":"hi","voice":"nova"`, azure: true},
	{path: "/audio/speech", body: `"input":"hi","voice":"nova","stream_format":"sse"`, tokens: true, azure: true},
	{path: "/audio/transcriptions", form: map[string]string{"language": "en"}, file: "file", tokens: true, azure: true},
	{path: "/audio/transcriptions", form: map[string]string{"stream": "true"}, file: "file", stream: true, tokens: true, azure: true},
	{path: "/audio/transcriptions", form: map[string]string{"response_format": "srt"}, file: "file", azure: true},
	{path: "/audio/translations", form: map[string]string{}, file: "file", tokens: true, azure: true},
}

// request returns the operation's body and its content type.
func (o *operation) request(t *testing.T, models ...string) (body, kind string) {
	t.Helper()
	if o.form == nil {
		return fmt.Sprintf(`{%s,"model":%q}`, o.body, models[0]), "application/json"
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	f, err := w.CreateFormFile(o.file, "a.png")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("\x89PNG\r\n\x1a\nRIFF")); err != nil {
		t.Fatal(err)
	}
	for name, value := range o.form {
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range models {
		if err := w.WriteField("model", m); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

// Every operation of OpenAI's reaches OpenAI and Azure, there with the deployment
// where that stands, under the backend's name for the model; and what it costs is
// counted wherever the provider says it, streamed or not.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	const override = "modelNameOverride: served-model"
	homes := []struct {
		model, schema, path string
		azure               bool
	}{
		{"plain", "OpenAI", "/v1%s", false},
		{"v1", "AzureOpenAI", "/openai/v1%s", true},
		{"dated", `{schema: AzureOpenAI, version: "2025-04-01-preview"}`, "/openai/deployments/served-model%s", true},
	}
	var docs strings.Builder
	var rules []string
	for _, h := range homes {
		docs.WriteString(specDoc(h.model, p.URL, h.schema, override, someKey))
		rules = append(rules, modelRule(h.model, h.model))
	}
	g := start(t, docs.String()+routeDoc("r", rules...))
	for i := range operationTable {
		o := &operationTable[i]
		for _, h := range homes {
			t.Run(fmt.Sprintf("%s %d %s", o.path, i, h.model), func(t *testing.T) {
				p.Reset()
				body, kind := o.request(t, h.model)
				id := fmt.Sprintf("op-%d-%s", i, h.model)
				req, err := http.NewRequest("POST", g.URL+"/v1"+o.path, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", kind)
				req.Header.Set("X-Request-Id", id)
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				answer, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				if h.azure && !o.azure {
					if resp.StatusCode != 422 || len(p.Requests()) != 0 {
						t.Errorf("%s: %s", resp.Status, answer)
					}
					return
				}
				if resp.StatusCode != 200 {
					t.Fatalf("%s: %s", resp.Status, answer)
				}
				want := fmt.Sprintf(h.path, o.path)
				if o.path == "/responses" && h.model == "dated" {
					want = "/openai/responses"
				}
				if got := p.Last(); got.Path != want || got.Model != "served-model" {
					t.Errorf("arrived at %s for %s, want %s", got.Path, got.Model, want)
				}
				line := g.logLine(t, id)
				total, _ := line["total_tokens"].(float64)
				if line["outcome"] != "complete" || line["stream"] == true != o.stream || (total > 0) != o.tokens {
					t.Errorf("logged %v of %.300s", line, answer)
				}
			})
		}
	}
	t.Run("two models", func(t *testing.T) {
		for i := range operationTable {
			o := &operationTable[i]
			if o.form == nil {
				continue
			}
			body, kind := o.request(t, "plain", "v1")
			resp, err := http.Post(g.URL+"/v1"+o.path, kind, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if a := (&answer{Status: resp.StatusCode, Body: string(text)}); a.Status != 400 || a.errorCode(t) != "duplicate_parameter" {
				t.Errorf("%s: %d %s", o.path, a.Status, a.Body)
			}
		}
	})
}
