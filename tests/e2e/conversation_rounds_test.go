package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/tidwall/gjson"
)

// Gemini signs the first call of each step, and wants each signature back where it
// stood: the provider checks that. A client that keeps what it got (extra_content,
// as Google's own compatible API calls it) goes on without a word; for one that
// strips it the word for a missing signature is put there, with a warning.
func TestGeminiThinksOn(t *testing.T) {
	t.Parallel()
	p := openParlour(t)
	for _, home := range []string{studio, vertex} {
		for _, model := range []string{"gemini-3-flash-preview", "gemini-3.8-flash"} {
			for _, stream := range []bool{false, true} {
				t.Run(fmt.Sprintf("gemini 3: two steps, kept/%s/%s/stream=%v", home, model, stream), func(t *testing.T) {
					p.takeSteps(t, home, model, stream, true)
				})
				t.Run(fmt.Sprintf("gemini 4: two steps, stripped/%s/%s/stream=%v", home, model, stream), func(t *testing.T) {
					p.takeSteps(t, home, model, stream, false)
				})
			}
		}
	}
}

// takeSteps has a model call its tools twice before it answers.
func (p *parlour) takeSteps(t *testing.T, home, model string, stream, keeps bool) {
	t.Helper()
	messages := []any{map[string]any{"role": "user", "content": "clock and weather?"}}
	var signatures []string
	for step, result := range []string{"now the weather again", "enough"} {
		calls, warnings := p.callsOf(t, home, model, messages, stream)
		if want := map[bool]string{true: unsigned}[step > 0 && !keeps]; warnings != want {
			t.Errorf("step %d: warnings %q, want %q", step+1, warnings, want)
		}
		if n := []int{2, 1}[step]; len(calls) != n {
			t.Fatalf("step %d: the calls %v, want %d", step+1, calls, n)
		}
		for i, call := range calls {
			signature := gjson.GetBytes(call, "extra_content.google.thought_signature").Str
			if (signature != "") != (i == 0) {
				t.Errorf("step %d: call %d is signed %q", step+1, i, signature)
			}
			if i == 0 {
				signatures = append(signatures, signature)
			}
		}
		messages = append(messages, echoed(calls, keeps))
		for _, call := range calls {
			messages = append(messages, map[string]any{"role": "tool", "tool_call_id": gjson.GetBytes(call, "id").Str, "content": result})
		}
	}
	if calls, _ := p.callsOf(t, home, model, messages, stream); len(calls) != 0 {
		t.Errorf("at the end it calls %s", calls)
	}
	// On the right parts: of each turn of the model's, on the first.
	body := p.providers[home].Last().Body
	var arrived []string
	for _, turn := range gjson.GetBytes(body, `contents.#(role=="model")#`).Array() {
		arrived = append(arrived, turn.Get("parts.0.thoughtSignature").Str)
		if n := len(turn.Get("parts.#.thoughtSignature").Array()); n != 1 {
			t.Errorf("%d signatures in %s", n, turn.Raw)
		}
	}
	if keeps != slices.Equal(arrived, signatures) {
		t.Errorf("signed was %q, arrived is %q", signatures, arrived)
	}
}

// echoed is the message of an answer's calls as a client sends it back: whole, or
// without what it does not know.
func echoed(calls []json.RawMessage, keeps bool) map[string]any {
	if !keeps {
		for i, call := range calls {
			c := gjson.ParseBytes(call)
			calls[i] = json.RawMessage(fmt.Sprintf(`{"id":%s,"type":"function","function":{"name":%s,"arguments":%s}}`,
				c.Get("id").Raw, c.Get("function.name").Raw, c.Get("function.arguments").Raw))
		}
	}
	return map[string]any{"role": "assistant", "content": nil, "tool_calls": calls}
}

// callsOf sends a conversation and returns the calls in the answer, as they came or
// as their pieces add up, and the warnings.
func (p *parlour) callsOf(t *testing.T, home, model string, messages []any, stream bool) (calls []json.RawMessage, warnings string) {
	t.Helper()
	text, err := json.Marshal(messages)
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"model":%q,"stream":%v,%s"messages":%s}`, model, stream, toolsTwo, text)
	a := p.post(t, "/v1/chat/completions", body, "x-home", home)
	if a.Status != 200 {
		t.Fatalf("got %d %s\nafter %s", a.Status, a.Body, body)
	}
	if !stream {
		for _, call := range gjson.Get(a.Body, "choices.0.message.tool_calls").Array() {
			calls = append(calls, json.RawMessage(call.Raw))
		}
		return calls, a.Header.Get("x-llmroute-warnings")
	}
	acc := []map[string]any{}
	for line := range strings.Lines(a.Body) {
		for _, piece := range gjson.Get(strings.TrimPrefix(line, "data: "), "choices.0.delta.tool_calls").Array() {
			i := int(piece.Get("index").Int())
			if i == len(acc) {
				acc = append(acc, piece.Value().(map[string]any))
				continue
			}
			f := acc[i]["function"].(map[string]any)
			f["arguments"] = f["arguments"].(string) + piece.Get("function.arguments").Str
		}
	}
	for _, call := range acc {
		delete(call, "index")
		b, err := json.Marshal(call)
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, b)
	}
	return calls, a.Header.Get("x-llmroute-warnings")
}

// A conversation that is sent again with one turn more has the same beginning,
// byte for byte: providers keep what they have read.
func TestConversationsGrow(t *testing.T) {
	t.Parallel()
	p := openParlour(t)
	rounds := []string{
		`{"role":"system","content":"Be brief."},{"role":"user","content":"clock and weather?"}`,
		clockAs("functions.f:0", "noon"),
		`{"role":"user","content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}`,
		`{"role":"assistant","content":"I see."},{"role":"user","content":"and?"}`,
		clockAs("functions.f:0", "dusk"),
	}
	for i := range homes {
		h := &homes[i]
		if h.only {
			continue
		}
		t.Run("anthropic 20: "+h.name, func(t *testing.T) {
			before := ""
			for n := range rounds {
				body := `{"model":"` + sonnet45 + `",` + toolsTwo + `"messages":[` + strings.Join(rounds[:n+1], ",") + `]}`
				_, err := p.client.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{},
					option.WithHeader("x-home", h.name), option.WithRequestBody("application/json", []byte(body)))
				if err != nil {
					t.Fatalf("round %d: %v", n+1, err)
				}
				list := gjson.GetBytes(p.providers[h.name].Last().Body, "messages").Raw
				if h.among([]string{studio}) {
					list = gjson.GetBytes(p.providers[h.name].Last().Body, "contents").Raw
				}
				now := strings.TrimRight(list, "]}")
				if !strings.HasPrefix(now, before) {
					t.Errorf("round %d begins otherwise:\n%s\nwas\n%s", n+1, now, before)
				}
				before = now
			}
			if want := fmt.Sprint(strings.Count(before, "noon"), strings.Count(before, "dusk")); want != "1 1" {
				t.Errorf("at the end %s", before)
			}
		})
	}
}
