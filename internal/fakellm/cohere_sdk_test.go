package fakellm_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	cohere "github.com/cohere-ai/cohere-go/v2"
	"github.com/cohere-ai/cohere-go/v2/core"
	"github.com/cohere-ai/cohere-go/v2/option"
	coherev2 "github.com/cohere-ai/cohere-go/v2/v2"
	"github.com/google/go-cmp/cmp"

	"llmroute/internal/fakellm/fakellmtest"
)

// cohereSDK returns Cohere's own client.
func cohereSDK(t *testing.T, p *fakellmtest.Provider) *coherev2.Client {
	t.Helper()
	return coherev2.NewClient(core.NewRequestOptions(option.WithBaseURL(p.URL), option.WithToken("co-key"),
		option.WithHTTPClient(client(t)), option.WithMaxAttempts(1)))
}

func cohereUser(text string) *cohere.ChatMessageV2 {
	return &cohere.ChatMessageV2{Role: "user", User: &cohere.UserMessageV2{Content: &cohere.UserMessageV2Content{String: text}}}
}

func helloCohere(model string) *cohere.V2ChatRequest {
	return &cohere.V2ChatRequest{Model: model, Messages: cohere.ChatMessages{cohereUser("hello there")}}
}

// streamedCohere asks for a stream and puts its pieces together.
func streamedCohere(t *testing.T, c *coherev2.Client, q *cohere.V2ChatRequest) (*cohere.V2ChatResponse, error) {
	t.Helper()
	stream, err := c.ChatStream(t.Context(), &cohere.V2ChatStreamRequest{
		Model: q.Model, Messages: q.Messages, Tools: q.Tools, StrictTools: q.StrictTools, ResponseFormat: q.ResponseFormat, MaxTokens: q.MaxTokens,
		StopSequences: q.StopSequences, Thinking: q.Thinking, Logprobs: q.Logprobs,
	})
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	got := &cohere.V2ChatResponse{Message: &cohere.AssistantMessageResponse{}}
	m := got.Message
	for {
		ev, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return nil, err
		}
		switch ev.Type {
		case "message-start":
			got.Id = *ev.MessageStart.Id
		case "content-start":
			block := &cohere.AssistantMessageResponseContentItem{Type: "text", Text: &cohere.ChatTextContent{}}
			if *ev.ContentStart.Delta.Message.Content.Type == "thinking" {
				block = &cohere.AssistantMessageResponseContentItem{Type: "thinking", Thinking: &cohere.ChatThinkingContent{}}
			}
			m.Content = append(m.Content, block)
		case "content-delta":
			piece, block := ev.ContentDelta.Delta.Message.Content, m.Content[*ev.ContentDelta.Index]
			if block.Thinking != nil {
				block.Thinking.Thinking += *piece.Thinking
			} else {
				block.Text.Text += *piece.Text
			}
			if l := ev.ContentDelta.Logprobs; l != nil {
				got.Logprobs = append(got.Logprobs, l)
			}
		case "tool-plan-delta":
			if m.ToolPlan == nil {
				m.ToolPlan = new("")
			}
			*m.ToolPlan += *ev.ToolPlanDelta.Delta.Message.ToolPlan
		case "tool-call-start":
			m.ToolCalls = append(m.ToolCalls, ev.ToolCallStart.Delta.Message.ToolCalls)
		case "tool-call-delta":
			*m.ToolCalls[*ev.ToolCallDelta.Index].Function.Arguments += *ev.ToolCallDelta.Delta.Message.ToolCalls.Function.Arguments
		case "message-end":
			if e := ev.MessageEnd.Delta.Error; e != nil {
				return got, errors.New(*e)
			}
			got.FinishReason, got.Usage = *ev.MessageEnd.Delta.FinishReason, ev.MessageEnd.Delta.Usage
		}
	}
}

// bothCohere asks plainly and as a stream, and fails when the answers differ.
func bothCohere(t *testing.T, c *coherev2.Client, q *cohere.V2ChatRequest) *cohere.V2ChatResponse {
	t.Helper()
	whole, err := c.Chat(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	streamed, err := streamedCohere(t, c, q)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(cohereShape(whole), cohereShape(streamed)); diff != "" {
		t.Errorf("streamed differs:\n%s", diff)
	}
	return whole
}

// cohereShape is what an answer says, in a form to compare.
func cohereShape(r *cohere.V2ChatResponse) (list []string) {
	for _, b := range r.Message.Content {
		if b.Thinking != nil {
			list = append(list, "thinking "+b.Thinking.Thinking)
		} else {
			list = append(list, "text "+b.Text.Text)
		}
	}
	if r.Message.ToolPlan != nil {
		list = append(list, "plan "+*r.Message.ToolPlan)
	}
	for _, call := range r.Message.ToolCalls {
		arguments := *call.Function.Arguments
		if arguments == "null" {
			arguments = "" // a stream does not say it
		}
		list = append(list, "call "+*call.Function.Name+arguments)
	}
	for _, l := range r.Logprobs {
		list = append(list, fmt.Sprint("likely ", *l.Text, l.Logprobs))
	}
	return append(list, fmt.Sprint(r.FinishReason, " ", *r.Usage.Tokens.InputTokens, *r.Usage.Tokens.OutputTokens, *r.Usage.BilledUnits.InputTokens, *r.Usage.CachedTokens))
}

func TestCohereSDK(t *testing.T) {
	p := start(t)
	c := cohereSDK(t, p)
	enabled := &cohere.Thinking{Type: cohere.ThinkingTypeEnabled}
	schema := map[string]any{"type": "object", "properties": map[string]any{"a": map[string]any{"type": "string"}}, "required": []string{"a"}}
	tests := []struct {
		name  string
		alter func(*cohere.V2ChatRequest)
		want  []string
	}{
		{"words", func(*cohere.V2ChatRequest) {}, []string{"text " + helloText, "COMPLETE 503 14 3 500"}},
		{"in pieces", func(q *cohere.V2ChatRequest) { q.Model += "+split+trailers" }, []string{"text " + helloText, "COMPLETE 503 14 3 500"}},
		{"thoughts", func(q *cohere.V2ChatRequest) { q.Thinking = enabled },
			[]string{"thinking They want to know about “hello there”.  Let me see.", "text " + helloText, "COMPLETE 503 24 3 500"}},
		{"thoughts by themselves", func(q *cohere.V2ChatRequest) { q.Model = "command-a-reasoning-08-2025+empty" }, []string{"COMPLETE 503 10 3 500"}},
		{"a limit", func(q *cohere.V2ChatRequest) { q.MaxTokens = new(2) }, []string{"text You said", "MAX_TOKENS 503 2 3 500"}},
		{"a stop", func(q *cohere.V2ChatRequest) { q.StopSequences = []string{"–"} }, []string{"text You said “hello there” ", "STOP_SEQUENCE 503 4 3 500"}},
		{"a form", func(q *cohere.V2ChatRequest) {
			q.ResponseFormat = &cohere.ResponseFormatV2{Type: "json_object", JsonObject: &cohere.JsonResponseFormatV2{JsonSchema: schema}}
		}, []string{`text {"a":"hello there"}`, "COMPLETE 503 2 3 500"}},
		{"likelihoods", func(q *cohere.V2ChatRequest) { q.Logprobs, q.MaxTokens = new(true), new(1) },
			[]string{"text You", "likely You[-0.25 -0.5]", "MAX_TOKENS 503 1 3 500"}},
		{"another reason", func(q *cohere.V2ChatRequest) { q.Model += "+finishTIMEOUT" }, []string{"text " + helloText, "TIMEOUT 503 14 3 500"}},
		{"documents", func(q *cohere.V2ChatRequest) {
			q.Documents = []*cohere.V2ChatRequestDocumentsItem{{Document: &cohere.Document{Data: map[string]any{"url": "https://example.com"}}}}
		}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q := helloCohere("fake-small")
			test.alter(q)
			if test.want == nil {
				got, err := c.Chat(t.Context(), q)
				if err != nil || len(got.Message.Citations) != 1 || got.Message.Citations[0].Sources[0].Document.Document["url"] != "https://example.com" {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			if diff := cmp.Diff(test.want, cohereShape(bothCohere(t, c, q))); diff != "" {
				t.Error(diff)
			}
		})
	}
	if q := p.Last(); q.Key != "co-key" || q.Path != "/v2/chat" {
		t.Errorf("got request %+v", q)
	}
}

// TestCohereSDKTools goes two turns with tools, a plan and thoughts, which come
// back as they were.
func TestCohereSDKTools(t *testing.T) {
	c := cohereSDK(t, start(t))
	for _, model := range []string{"fake-small", "fake-small+texts", "command-a-reasoning-08-2025"} {
		q := helloCohere(model)
		q.Messages = cohere.ChatMessages{cohereUser("clock and weather?")}
		q.Tools = []*cohere.ToolV2{
			{Function: &cohere.ToolV2Function{Name: "weather", Parameters: map[string]any{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}}}},
			{Function: &cohere.ToolV2Function{Name: "clock", Parameters: map[string]any{"type": "object", "properties": map[string]any{}}}},
		}
		for step, said := range []string{"now the clock alone", "enough", ""} {
			got := bothCohere(t, c, q)
			if want := map[bool]string{true: "TOOL_CALL", false: "COMPLETE"}[step < 2]; string(got.FinishReason) != want || len(got.Message.ToolCalls) != 2-min(step, 2) {
				t.Fatalf("%s, step %d: got %s", model, step, got)
			}
			if planned := got.Message.ToolPlan != nil; planned != (strings.HasSuffix(model, "+texts") && step < 2) {
				t.Errorf("%s, step %d: got %s", model, step, got)
			}
			m := &cohere.AssistantMessage{ToolCalls: got.Message.ToolCalls, ToolPlan: got.Message.ToolPlan}
			for _, b := range got.Message.Content {
				if m.Content == nil {
					m.Content = &cohere.AssistantMessageV2Content{}
				}
				m.Content.AssistantMessageV2ContentOneItemList = append(m.Content.AssistantMessageV2ContentOneItemList,
					&cohere.AssistantMessageV2ContentOneItem{Type: b.Type, Text: b.Text, Thinking: b.Thinking})
			}
			q.Messages = append(q.Messages, &cohere.ChatMessageV2{Role: "assistant", Assistant: m})
			for _, call := range got.Message.ToolCalls {
				q.Messages = append(q.Messages, &cohere.ChatMessageV2{Role: "tool", Tool: &cohere.ToolMessageV2{
					ToolCallId: call.Id, Content: &cohere.ToolMessageV2Content{String: said}}})
			}
		}
	}
}

func TestCohereSDKErrors(t *testing.T) {
	c := cohereSDK(t, start(t))
	for _, test := range []struct {
		model  string
		status int
		words  string
	}{
		{"m+429", http.StatusTooManyRequests, "past the per minute request limit"},
		{"m+filtered", 498, "blocked token"},
		{"m+context", http.StatusBadRequest, "too many tokens: size limit exceeded by 809 tokens"},
		{"m+401", http.StatusUnauthorized, "invalid api token"},
		{"m+500", http.StatusInternalServerError, "The server had an error"},
		{"m+redacted", http.StatusBadRequest, "signed thoughts only"},
		{"missing-model", http.StatusNotFound, "model not found"},
	} {
		_, err := c.Chat(t.Context(), helloCohere(test.model))
		var known interface{ Unwrap() error }
		if !errors.As(err, &known) || !strings.HasPrefix(err.Error(), fmt.Sprint(test.status)) || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: got %v, want %d, %s", test.model, err, test.status, test.words)
		}
	}
	if _, err := streamedCohere(t, c, helloCohere("m+errevent3")); err == nil || !strings.Contains(err.Error(), "The server had an error") {
		t.Errorf("an error in a stream: got %v", err)
	}
	if got, err := streamedCohere(t, c, helloCohere("m+cut3")); err == nil && got.FinishReason != "" {
		t.Errorf("a stream that was cut: got %v, %v", got, err)
	}
}

func TestCohereRefusals(t *testing.T) {
	p := start(t)
	ask := func(more string) string {
		return `{"model":"m",` + more + `"messages":[{"role":"user","content":"hi"}]}`
	}
	said := func(messages string) string { return `{"model":"m","messages":[` + messages + `]}` }
	const user = `{"role":"user","content":"hi"}`
	const called = user + `,{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}`
	const tool = `"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],`
	for _, test := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"nothing", `{}`, 400, "messages"},
		{"an unknown field", ask(`"n":1,`), 422, "parameter 'n' is not a valid field"},
		{"an unknown field in a tool", ask(`"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{}}}],`), 422, "tools[0].function.strict"},
		{"a name", said(`{"role":"user","content":"hi","name":"ann"}`), 422, "messages[0].name"},
		{"no parameters", ask(`"tools":[{"type":"function","function":{"name":"f"}}],`), 400, "parameters"},
		{"a developer", said(`{"role":"developer","content":"hi"}`), 400, "developer"},
		{"a late instruction", said(user + `,{"role":"system","content":"a"}`), 400, "system turn must be the first"},
		{"an empty message", said(`{"role":"user","content":""}`), 400, "must have a content"},
		{"an empty answer", said(user + `,{"role":"assistant"},` + user), 400, "must have a content"},
		{"a plan without calls", said(user + `,{"role":"assistant","content":"a","tool_plan":"b"}`), 400, "tool_plan is only allowed"},
		{"words beside calls", said(strings.Replace(called, `"tool_calls"`, `"content":"a","tool_calls"`, 1) + `,{"role":"tool","tool_call_id":"a","content":"x"}`), 400, "use tool_plan"},
		{"a call without its result", said(called + "," + user), 400, "without a tool message"},
		{"a call at the end", said(called), 400, "without a tool message"},
		{"a result without its call", said(user + `,{"role":"tool","tool_call_id":"b","content":"x"}`), 400, "tool call id not found"},
		{"an id twice", said(called + `,{"role":"tool","tool_call_id":"a","content":"x"},` + strings.TrimPrefix(called, user+",")), 400, "duplicate tool ids"},
		{"too warm", ask(`"temperature":1.1,`), 400, "temperature"},
		{"all of p", ask(`"p":1,`), 400, "'p'"},
		{"a negative penalty", ask(`"frequency_penalty":-0.1,`), 400, "frequency_penalty"},
		{"six stops", ask(`"stop_sequences":["1","2","3","4","5","6"],`), 400, "stop_sequences"},
		{"a choice without tools", ask(`"tool_choice":"REQUIRED",`), 400, "require tools"},
		{"a choice in other words", ask(tool + `"tool_choice":"required",`), 400, "tool_choice"},
		{"strict and nothing required", ask(tool + `"strict_tools":true,`), 400, "at least one required"},
		{"a form beside tools", ask(tool + `"response_format":{"type":"json_object"},`), 400, "cannot be used with tools"},
		{"a form of anything", ask(`"response_format":{"type":"json_object","json_schema":{"type":"string"}},`), 400, "must be an object"},
		{"a picture of another kind", said(`{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/tiff;base64,AA=="}}]}`), 400, "pattern"},
		{"too many pictures", said(`{"role":"user","content":[` + strings.Repeat(`{"type":"image_url","image_url":{"url":"https://x"}},`, 20) + `{"type":"image_url","image_url":{"url":"https://x"}}]}`), 400, "too many images"},
		{"no JSON", `{`, 400, "valid JSON"},
	} {
		got := post(t, p.URL+"/v2/chat", test.body)
		if got.StatusCode != test.status || !strings.Contains(got.body, test.want) || !strings.Contains(got.body, `"message":`) {
			t.Errorf("%s: got %d %s, want %d, %s", test.name, got.StatusCode, got.body, test.status, test.want)
		}
	}
}
