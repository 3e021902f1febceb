package translator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
	"pgregory.net/rapid"

	"llmroute/internal/fakellm"
)

// geminiBackends are both homes.
var geminiBackends = []Backend{
	{Schema: GoogleAIStudio, Prefix: "/v1beta"},
	{Schema: GCPVertexAI, Prefix: "/v1", Project: "p-1", Location: "global"},
}

// conversed sends a request through the gateway to the embedded provider. It returns
// the message that a client would put into its history, and what was dropped.
func conversed(t *testing.T, b *Backend, body map[string]any) (message map[string]any, warnings []string) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	var fields Fields
	if err := Scan(ChatCompletions, "", text, &fields); err != nil {
		t.Fatal(err)
	}
	x, err := New(OpenAI, ChatCompletions, b)
	if err != nil {
		t.Fatal(err)
	}
	defer Release(x)
	var request, head Edit
	if err := x.Request(&request, &Call{Path: "/v1/chat/completions", Model: fields.Model, Fields: &fields, Body: text, Header: headers{}}); err != nil {
		t.Fatal(err)
	}
	w := sent(b, &request)
	if err := x.Head(&head, w.Code, headers{"content-type": w.Header().Get("Content-Type")}); err != nil {
		t.Fatal(err)
	}
	reply := play(t, x, w.Body.Bytes())
	if w.Code != http.StatusOK {
		t.Fatalf("%s: the provider answers %d: %s\nto %s", b.Schema, w.Code, reply, request.Body)
	}
	if !fields.Stream {
		if err := json.Unmarshal([]byte(gjson.Get(reply, "choices.0.message").Raw), &message); err != nil {
			t.Fatalf("%v in %s", err, reply)
		}
		return message, request.Warn
	}
	return gathered(t, reply), request.Warn
}

func sent(b *Backend, request *Edit) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, request.Path, strings.NewReader(string(request.Body)))
	r.Header.Set("Content-Type", "application/json")
	if b.Schema == GoogleAIStudio {
		r.Header.Set("X-Goog-Api-Key", "key")
	} else {
		r.Header.Set("Authorization", "Bearer key")
	}
	w := httptest.NewRecorder()
	fakellm.New(fakellm.Options{Delay: -1}).ServeHTTP(w, r)
	return w
}

// gathered puts the chunks of a stream together, as clients do: lists are joined,
// but for calls, which are known by their index.
func gathered(t *testing.T, stream string) map[string]any {
	t.Helper()
	message := map[string]any{"role": "assistant"}
	var calls []map[string]any
	var details []any
	content := ""
	for event := range strings.SplitSeq(stream, "\n\n") {
		delta := gjson.Get(strings.TrimPrefix(event, "data: "), "choices.0.delta")
		content += delta.Get("content").Str
		for _, d := range delta.Get("reasoning_details").Array() {
			details = append(details, d.Value())
		}
		for _, c := range delta.Get("tool_calls").Array() {
			i := int(c.Get("index").Int())
			if i == len(calls) {
				calls = append(calls, c.Value().(map[string]any))
				continue
			}
			f := calls[i]["function"].(map[string]any)
			f["arguments"] = f["arguments"].(string) + c.Get("function.arguments").Str
		}
	}
	message["content"] = content
	if len(calls) > 0 {
		message["tool_calls"] = calls
	}
	if len(details) > 0 {
		message["reasoning_details"] = details
	}
	// It is to look as if it had come as JSON.
	text, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	message = nil
	if err := json.Unmarshal(text, &message); err != nil {
		t.Fatal(err)
	}
	return message
}

// keepers are the ways in which clients keep an answer.
var keepers = map[string]struct {
	keep func(message map[string]any)
	lost bool // the signatures
}{
	"all": {keep: func(map[string]any) {}},
	"calls as they came": {keep: func(m map[string]any) {
		delete(m, "reasoning_details")
	}},
	"details": {keep: func(m map[string]any) {
		dropExtra(m)
	}},
	"what OpenAI knows": {lost: true, keep: func(m map[string]any) {
		delete(m, "reasoning_details")
		dropExtra(m)
	}},
}

func dropExtra(m map[string]any) {
	calls, _ := m["tool_calls"].([]any)
	for _, c := range calls {
		delete(c.(map[string]any), "extra_content")
	}
}

// TestGeminiKeepsSignatures has a model call two tools at a time, then another
// one, and then answer, through clients that keep more of an answer or less. The
// provider refuses signatures that are not its own and calls that have none.
func TestGeminiKeepsSignatures(t *testing.T) {
	tools := json.RawMessage(`[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}},{"type":"function","function":{"name":"clock"}}]`)
	for name, k := range keepers {
		for _, b := range geminiBackends {
			for _, stream := range []bool{false, true} {
				t.Run(name+"/"+string(b.Schema)+"/"+strconv.FormatBool(stream), func(t *testing.T) {
					messages := []any{map[string]any{"role": "user", "content": "clock and weather?"}}
					for turn, results := range [][]string{{"ask the clock", "rain"}, {"noon"}, nil} {
						answer, warnings := conversed(t, &b, map[string]any{
							"model": "gemini-3.1-pro-preview", "stream": stream, "messages": messages, "tools": tools,
						})
						if told := slices.Contains(warnings, "reasoning;signature_missing"); told != (k.lost && turn > 0) {
							t.Errorf("turn %d: warnings %q", turn, warnings)
						}
						k.keep(answer)
						messages = append(messages, answer)
						calls, _ := answer["tool_calls"].([]any)
						if len(calls) != len(results) {
							t.Fatalf("turn %d: %d calls, want %d: %v", turn, len(calls), len(results), answer)
						}
						for i, c := range slices.Backward(calls) { // in any order
							messages = append(messages, map[string]any{"role": "tool", "tool_call_id": c.(map[string]any)["id"], "content": results[i]})
						}
					}
					// The signature of a text comes back as well.
					messages = append(messages, map[string]any{"role": "user", "content": "thanks"})
					if last, _ := conversed(t, &b, map[string]any{"model": "gemini-3.1-pro-preview", "messages": messages}); last["content"] == nil {
						t.Errorf("got %v", last)
					}
				})
			}
		}
	}
}

// TestGeminiLosesNoSpace cuts a text into parts and replies wherever it can be
// cut. What the client gets is the text.
func TestGeminiLosesNoSpace(t *testing.T) {
	ask := []byte(`{"model":"gemini-3.8-flash","stream":true,"messages":[{"role":"user","content":"go"}]}`)
	var fields Fields
	if err := Scan(ChatCompletions, "", ask, &fields); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := []rune(rapid.StringOfN(rapid.SampledFrom([]rune(" \n\t.aé漢🙂\"\\<")), 1, 30, -1).Draw(t, "text"))
		var stream, whole strings.Builder
		for rest := text; len(rest) > 0; {
			n := rapid.IntRange(0, len(rest)).Draw(t, "n")
			part, err := json.Marshal(map[string]string{"text": string(rest[:n])})
			if err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
			stream.WriteString(`data: {"candidates":[{"content":{"role":"model","parts":[` + string(part) + `]}}],"responseId":"r"}` + "\r\n\r\n")
			if whole.Len() > 0 {
				whole.WriteByte(',')
			}
			whole.Write(part)
		}
		end := `"finishReason":"STOP"}],"responseId":"r"}`
		stream.WriteString(`data: {"candidates":[{` + end + "\r\n\r\n")
		for kind, body := range map[string]string{
			"text/event-stream": stream.String(),
			"application/json":  `{"candidates":[{"content":{"role":"model","parts":[` + whole.String() + `]},` + end,
		} {
			x, err := New(OpenAI, ChatCompletions, &geminiBackends[0])
			if err != nil {
				t.Fatal(err)
			}
			var request, head Edit
			if err := x.Request(&request, &Call{Model: fields.Model, Fields: &fields, Body: ask, Header: headers{}}); err != nil {
				t.Fatal(err)
			}
			if err := x.Head(&head, http.StatusOK, headers{"content-type": kind}); err != nil {
				t.Fatal(err)
			}
			pieces := [][]byte{[]byte(body)}
			if head.Mode == Stream {
				pieces = cut(t, pieces[0])
			}
			got := ""
			for event := range strings.SplitSeq(play(t, x, pieces...), "\n\n") {
				got += gjson.Get(strings.TrimPrefix(event, "data: "), "choices.0.delta.content").Str
			}
			Release(x)
			if got != string(text) {
				t.Fatalf("%s: %q became %q", kind, string(text), got)
			}
		}
	})
}
