package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/tidwall/gjson"

	"llmroute/internal/fakellm"
	"llmroute/internal/fakellm/fakellmtest"
)

// schemas are the output schemas that conversations are held with, each with the
// lines of a backend's spec, and what only it does.
var schemas = []struct {
	name    string
	schema  string
	path    string // where a chat of the model fake-small arrives
	foreign bool   // it is no dialect of OpenAI's: only what the table says of it can be compared
}{
	{"OpenAI", "OpenAI", "/v1/chat/completions", false},
	{"Azure", "AzureOpenAI", "/openai/v1/chat/completions", false},
	{"AzureDated", `{schema: AzureOpenAI, version: "2024-10-21"}`, "/openai/deployments/fake-small/chat/completions", false},
	{"Anthropic", "Anthropic", "/v1/messages", true},
}

// conversationGateway has a backend for each schema, chosen by the header
// x-schema, and the strict provider behind all of them.
func conversationGateway(t *testing.T) (*gateway, *fakellmtest.Provider) {
	t.Helper()
	p := fakellmtest.Start(t, 4, fakellm.Options{Delay: -1, Keys: []string{"sk-backend"}})
	var docs strings.Builder
	rules := make([]string, 0, len(schemas))
	for _, s := range schemas {
		name := strings.ToLower(s.name)
		fmt.Fprintf(&docs, "---\napiVersion: aigateway.envoyproxy.io/v1alpha1\nkind: LLMBackend\nmetadata: {name: %s}\nspec:\n  outputSchema: %s\n  endpoint: %s\n  auth: {type: APIKey, key: sk-backend}\n", name, s.schema, p.URL)
		rules = append(rules, fmt.Sprintf("{matches: [{headers: [{name: x-schema, value: %s}]}], backendRefs: [{name: %s}]}", s.name, name))
	}
	return start(t, docs.String()+routeDoc("r", rules...)), p
}

// TestConversations holds every conversation with every schema, plainly and as a
// stream, and looks at both ends.
func TestConversations(t *testing.T) {
	g, p := conversationGateway(t)
	c := openai.NewClient(option.WithBaseURL(g.URL+"/v1"), option.WithAPIKey("sk-client"), option.WithMaxRetries(0))
	for _, talk := range conversations {
		for _, s := range schemas {
			for _, stream := range talk.ways() {
				t.Run(fmt.Sprintf("%s/%s/stream=%v", talk.name, s.name, stream), func(t *testing.T) {
					p.Reset()
					saw := talk.hold(t.Context(), &c, s.name, stream)
					want := talk.expected(s.name, stream)
					if want == "failed" && strings.HasPrefix(saw, "502 ") {
						saw = want // it failed before the headers had gone
					}
					if saw != want {
						t.Errorf("the client saw\n%s, want\n%s", saw, want)
					}
					if strings.HasPrefix(want, "422 ") || strings.HasSuffix(want, " invalid_value") {
						if n := p.Counts().Total; n != 0 {
							t.Errorf("the provider received %d requests of what it cannot do", n)
						}
						return
					}
					q := p.Last()
					if q == nil {
						t.Fatal("the provider received nothing")
					}
					if path := strings.Replace(s.path, "fake-small", "fake-small"+talk.model, 1); q.Path != path {
						t.Errorf("the provider received %s, want %s", q.Path, path)
					}
					if q.Key != "sk-backend" || q.Header.Get("Authorization") != "" && q.Header.Get("Api-Key") != "" {
						t.Errorf("the provider received the key %q in %v", q.Key, q.Header)
					}
					if !s.foreign {
						talk.check(t, q.Body, s.name, stream)
					}
					talk.checkChanged(t, q.Body, s.name)
				})
			}
		}
	}
}

// ways are how a conversation is held: plainly and as a stream.
func (c *conversation) ways() []bool {
	if c.saw == "" {
		return []bool{true}
	}
	return []bool{false, true}
}

// hold has one conversation and returns what the client saw of the answer.
func (c *conversation) hold(ctx context.Context, client *openai.Client, schema string, stream bool) string {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	options := []option.RequestOption{option.WithHeader("x-schema", schema), option.WithRequestBody("application/json", []byte(c.request(stream)))}
	if !stream {
		got, err := client.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{}, options...)
		if err != nil {
			return errorSeen(err)
		}
		return answered(got.Choices)
	}
	options = append(options, option.WithJSONSet("stream", true))
	chunks := client.Chat.Completions.NewStreaming(ctx, openai.ChatCompletionNewParams{}, options...)
	defer chunks.Close()
	acc := openai.ChatCompletionAccumulator{}
	for chunks.Next() {
		chunk := chunks.Current()
		if len(chunk.Choices) > 0 && !bytes.Contains([]byte(chunk.Choices[0].RawJSON()), []byte(`"delta"`)) {
			continue // a verdict of Azure's
		}
		if chunk.ID != "" && !acc.AddChunk(chunk) {
			return "a chunk that does not fit: " + chunk.RawJSON()
		}
		addCustom(&acc, chunk.RawJSON())
	}
	if err := chunks.Err(); err != nil {
		return errorSeen(err)
	}
	return answered(acc.Choices)
}

// addCustom adds the pieces of custom calls, which the client leaves to others.
func addCustom(acc *openai.ChatCompletionAccumulator, chunk string) {
	for _, piece := range gjson.Get(chunk, "choices.0.delta.tool_calls").Array() {
		if custom := piece.Get("custom"); custom.Exists() {
			call := &acc.Choices[0].Message.ToolCalls[piece.Get("index").Int()]
			call.Custom.Name += custom.Get("name").Str
			call.Custom.Input += custom.Get("input").Str
		}
	}
}

// answered spells the choices of an answer.
func answered(choices []openai.ChatCompletionChoice) string {
	list := make([]string, 0, len(choices))
	for _, choice := range choices {
		m := choice.Message
		parts := []string{m.Content}
		for _, call := range m.ToolCalls {
			parts = append(parts, call.Function.Name+call.Custom.Name+"("+call.Function.Arguments+call.Custom.Input+")")
		}
		list = append(list, strings.Join(append(parts, choice.FinishReason), "|"))
	}
	return strings.Join(list, "\n")
}

// errorSeen is a refusal's status and code, or that a stream has failed.
func errorSeen(err error) string {
	if e, ok := errors.AsType[*openai.Error](err); ok && e.StatusCode >= 400 {
		return strings.TrimSpace(fmt.Sprint(e.StatusCode, " ", e.Code))
	}
	return "failed"
}

// request is the body that the client sends.
func (c *conversation) request(stream bool) string {
	more := ""
	if stream {
		more = `"stream":true,`
		if len(c.name)%2 == 0 {
			more += `"stream_options":{"include_usage":true},`
		}
	}
	return `{"model":"fake-small` + c.model + `",` + more + c.body + `}`
}

// expected is what the client is to see of a schema's answer.
func (c *conversation) expected(schema string, stream bool) string {
	if want, ok := c.instead[schema]; ok {
		return want
	}
	if stream && c.streamed != "" {
		return c.streamed
	}
	return c.saw
}

// check compares what the provider received with what the client said: member by
// member the same, but for what the schema's table takes away.
func (c *conversation) check(t *testing.T, body []byte, schema string, stream bool) {
	t.Helper()
	gone := c.gone[schema]
	sent := gjson.Parse(c.request(stream))
	sent.ForEach(func(name, value gjson.Result) bool {
		got := gjson.GetBytes(body, gjson.Escape(name.Str))
		switch {
		case name.Str == "model" || name.Str == "stream_options":
		case slices.Contains(gone, name.Str):
			if got.Exists() {
				t.Errorf("%s arrived, which the schema does not know", name.Str)
			}
		case c.same(name.Str, schema) && got.Raw != value.Raw:
			t.Errorf("%s arrived as %s, want %s", name.Str, got.Raw, value.Raw)
		}
		return true
	})
	if stream && !gjson.GetBytes(body, "stream_options.include_usage").Bool() {
		t.Errorf("the provider was not asked for the usage: %s", body)
	}
}

// checkChanged looks for what the table says of a schema alone.
func (c *conversation) checkChanged(t *testing.T, body []byte, schema string) {
	t.Helper()
	for _, line := range c.arrives[schema] {
		path, want, _ := strings.Cut(line, " ")
		if got := gjson.GetBytes(body, path).Raw; got != want {
			t.Errorf("%s arrived as %s, want %s", path, got, want)
		}
	}
}

// same reports whether a member is to arrive as it was sent.
func (c *conversation) same(name, schema string) bool {
	for _, line := range c.arrives[schema] {
		if strings.HasPrefix(line, name) {
			return false
		}
	}
	return true
}

// TestConversationsForPython holds those that end well with OpenAI's client for
// Python, which must see what the one for Go sees.
func TestConversationsForPython(t *testing.T) {
	g, _ := conversationGateway(t)
	type line struct {
		Name   string          `json:"name"`
		Schema string          `json:"schema"`
		Body   json.RawMessage `json:"body"`
	}
	var lines []line
	want := make(map[string]string)
	for _, talk := range conversations {
		for _, s := range schemas {
			for _, stream := range talk.ways() {
				expected := talk.expected(s.name, stream)
				if !strings.Contains(expected, "|") {
					continue // an error
				}
				name := fmt.Sprintf("%s/%s/stream=%v", talk.name, s.name, stream)
				lines = append(lines, line{name, s.name, json.RawMessage(talk.request(stream))})
				want[name] = expected
			}
		}
	}
	in, err := json.Marshal(lines)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "python3", "clients/conversations.py", g.URL+"/v1")
	cmd.Env, cmd.Stdin = cleanEnvironment(), bytes.NewReader(in)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var got map[string]string
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s: saw\n%s, want\n%s", name, got[name], text)
		}
	}
}
