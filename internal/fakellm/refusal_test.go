package fakellm_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/internal/fakellm"
	"llmroute/internal/fakellm/fakellmtest"
)

// wireError is OpenAI's error as a client sees it; a null is "<null>".
type wireError struct {
	Status      int
	Type        string
	Code, Param string
	Message     string
}

func errorOf(t *testing.T, a answer) wireError {
	t.Helper()
	var body struct {
		Error struct {
			Message, Type string
			Code, Param   *string
		}
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		t.Fatalf("%v in %q", err, a.body)
	}
	orNull := func(s *string) string {
		if s == nil {
			return "<null>"
		}
		return *s
	}
	return wireError{a.StatusCode, body.Error.Type, orNull(body.Error.Code), orNull(body.Error.Param), body.Error.Message}
}

func TestRefusals(t *testing.T) {
	const (
		user  = `"messages":[{"role":"user","content":"hi"}]`
		small = `{"model":"fake-small",` + user
		call  = `{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"c2","type":"function","function":{"name":"f","arguments":""}}]}`
		tools = `"tools":[{"type":"function","function":{"name":"f"}}]`
	)
	tests := []struct {
		name, path, body string
		code, param      string
		message          string // a part of it
	}{
		{"broken JSON", "chat/completions", `{"model":`, "<null>", "<null>", "could not parse"},
		{"deep JSON", "chat/completions", strings.Repeat("[", 20000) + strings.Repeat("]", 20000), "<null>", "<null>", "could not parse"},
		{"not an object", "chat/completions", `[]`, "<null>", "<null>", "not an object"},
		{"no model", "chat/completions", `{` + user + `}`, "<null>", "<null>", "you must provide a model parameter"},
		{"model of a wrong type", "chat/completions", `{"model":1,` + user + `}`, "invalid_type", "model", "expected a string, but got an integer"},
		{"unknown field", "chat/completions", small + `,"tpo_p":1}`, "<null>", "<null>", "Unrecognized request argument supplied: tpo_p"},
		{"unknown field in a message", "chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi","mood":1}]}`, "unknown_parameter", "messages[0].mood", "Unknown parameter"},
		{"no messages", "chat/completions", `{"model":"m"}`, "missing_required_parameter", "messages", "Missing required parameter: 'messages'."},
		{"empty messages", "chat/completions", `{"model":"m","messages":[]}`, "empty_array", "messages", "empty array"},
		{"unknown role", "chat/completions", `{"model":"m","messages":[{"role":"boss","content":"hi"}]}`, "invalid_value", "messages[0].role", "Supported values are: 'assistant', 'developer'"},
		{"no content", "chat/completions", `{"model":"m","messages":[{"role":"user"}]}`, "missing_required_parameter", "messages[0].content", "Missing"},
		{"an image for a system", "chat/completions", `{"model":"m","messages":[{"role":"system","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}`, "invalid_value", "messages[0].content[0].type", "Supported values are: 'text'."},
		{"temperature too high", "chat/completions", small + `,"temperature":2.1}`, "decimal_above_max_value", "temperature", "Expected a value <= 2, but got 2.1 instead"},
		{"temperature of text", "chat/completions", small + `,"temperature":"hot"}`, "invalid_type", "temperature", "expected a decimal, but got a string"},
		{"n too low", "chat/completions", small + `,"n":0}`, "integer_below_min_value", "n", "Expected a value >= 1"},
		{"n of a fraction", "chat/completions", small + `,"n":1.5}`, "invalid_type", "n", "expected an integer, but got a decimal"},
		{"five stops", "chat/completions", small + `,"stop":["1","2","3","4","5"]}`, "array_above_max_length", "stop", "maximum length 4"},
		{"stream options without a stream", "chat/completions", small + `,"stream_options":{"include_usage":true}}`, "<null>", "stream_options", "only allowed when 'stream' is enabled"},
		{"top_logprobs without logprobs", "chat/completions", small + `,"top_logprobs":1}`, "<null>", "top_logprobs", "only allowed"},
		{"two limits", "chat/completions", small + `,"max_tokens":1,"max_completion_tokens":1}`, "invalid_parameter_combination", "max_tokens", "same time"},
		{"a limit of old for a model that reasons", "chat/completions", `{"model":"gpt-5-mini",` + user + `,"max_tokens":1}`, "unsupported_parameter", "max_tokens", "Use 'max_completion_tokens' instead."},
		{"a temperature for a model that reasons", "chat/completions", `{"model":"o3",` + user + `,"temperature":0.2}`, "unsupported_value", "temperature", "does not support 0.2"},
		{"a penalty for a model that reasons", "chat/completions", `{"model":"gpt-5.4",` + user + `,"presence_penalty":1}`, "unsupported_parameter", "presence_penalty", "not supported with this model"},
		{"a choice without tools", "chat/completions", small + `,"tool_choice":"auto"}`, "<null>", "tool_choice", "only allowed when 'tools'"},
		{"a choice of another tool", "chat/completions", small + `,` + tools + `,"tool_choice":{"type":"function","function":{"name":"g"}}}`, "<null>", "tool_choice", "'g' not found"},
		{"too long a tool name", "chat/completions", small + `,"tools":[{"type":"function","function":{"name":"` + strings.Repeat("f", 65) + `"}}]}`, "string_above_max_length", "tools[0].function.name", "maximum length 64"},
		{"json nobody spoke of", "chat/completions", small + `,"response_format":{"type":"json_object"}}`, "<null>", "messages", "must contain the word 'json'"},
		{"voice", "chat/completions", small + `,"modalities":["text","audio"]}`, "invalid_value", "modalities[1]", "Supported values are: 'text'."},
		{"an answer nobody asked for", "chat/completions", `{"model":"m","messages":[{"role":"tool","tool_call_id":"c1","content":"x"}]}`, "<null>", "messages.[0].role", "must be a response to"},
		{"an answer to another call", "chat/completions", `{"model":"m","messages":[` + call + `,{"role":"tool","tool_call_id":"c9","content":"x"}]}`, "<null>", "messages.[1].tool_call_id", "'c9' not found"},
		{"a call without an answer", "chat/completions", `{"model":"m","messages":[` + call + `,{"role":"tool","tool_call_id":"c2","content":"x"},{"role":"user","content":"?"}]}`, "<null>", "messages.[2].role", "did not have response messages: c1"},
		{"calls at the end", "chat/completions", `{"model":"m","messages":[` + call + `]}`, "<null>", "messages", "did not have response messages: c1, c2"},
		{"nothing said", "chat/completions", `{"model":"m","messages":[{"role":"assistant","content":null}]}`, "<null>", "messages.[0].content", "got null"},
		{"no prompt", "completions", `{"model":"m"}`, "missing_required_parameter", "prompt", "Missing"},
		{"mixed prompts", "completions", `{"model":"m","prompt":["a",1]}`, "invalid_type", "prompt[1]", "expected a string"},
		{"empty token list", "completions", `{"model":"m","prompt":[[]]}`, "empty_array", "prompt[0]", "empty array"},
		{"best of fewer", "completions", `{"model":"m","prompt":"a","n":3,"best_of":2}`, "<null>", "best_of", "at least 'n'"},
		{"empty input", "embeddings", `{"model":"m","input":["a",""]}`, "<null>", "input", "cannot be an empty string"},
		{"unknown encoding", "embeddings", `{"model":"m","input":"a","encoding_format":"hex"}`, "invalid_value", "encoding_format", "'float', and 'base64'"},
		{"unknown field of responses", "responses", `{"model":"m","input":"a","messages":[]}`, "unknown_parameter", "messages", "Unknown parameter: 'messages'."},
		{"too few output tokens", "responses", `{"model":"m","input":"a","max_output_tokens":8}`, "integer_below_min_value", "max_output_tokens", "Expected a value >= 16"},
		{"a chat's tool", "responses", `{"model":"m","input":"a",` + tools + `}`, "unknown_parameter", "tools[0].function", "Unknown"},
		{"no input", "responses", `{"model":"m"}`, "missing_required_parameter", "input", "Missing"},
		{"no query", "rerank", `{"model":"m","documents":["a"]}`, "missing_required_parameter", "query", "Missing"},
		{"no text in a document", "rerank", `{"model":"m","query":"q","documents":[{"title":"a"}]}`, "invalid_type", "documents", "with a 'text'"},
		{"eleven images", "images/generations", `{"prompt":"a","n":11}`, "integer_above_max_value", "n", "<= 10"},
		{"no voice", "audio/speech", `{"model":"m","input":"a"}`, "missing_required_parameter", "voice", "Missing"},
		{"JSON for a form", "audio/transcriptions", `{"model":"m"}`, "unsupported_content_type", "<null>", "only accepts 'multipart/form-data'"},
	}
	p := start(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := errorOf(t, post(t, p.URL+"/v1/"+test.path, test.body))
			want := wireError{http.StatusBadRequest, "invalid_request_error", test.code, test.param, got.Message}
			if diff := cmp.Diff(want, got); diff != "" || !strings.Contains(got.Message, test.message) {
				t.Errorf("message %q\n%s", got.Message, diff)
			}
		})
	}
}

func TestRefusedForms(t *testing.T) {
	field := func(name, value string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	file := func(name string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"a.wav\"\r\n\r\nsound\r\n"
	}
	const end = "--b--\r\n"
	tests := []struct{ name, body, code, param, message string }{
		{"no end", field("model", "m") + file("file"), "<null>", "<null>", "Could not parse multipart form."},
		{"no form", "{}", "<null>", "<null>", "Could not parse multipart form."},
		{"no model", file("file") + end, "<null>", "<null>", "you must provide a model parameter"},
		{"no file", field("model", "m") + end, "missing_required_parameter", "file", "Missing"},
		{"two models", field("model", "m") + file("file") + field("model", "n") + end, "duplicate_parameter", "model", "Duplicate"},
		{"unknown field", field("model", "m") + file("file") + field("mood", "good") + end, "unknown_parameter", "mood", "Unknown"},
		{"a list of no list", field("model", "m") + file("file") + field("prompt[]", "x") + end, "unknown_parameter", "prompt[]", "Unknown"},
		{"text for a file", field("model", "m") + field("file", "sound") + end, "invalid_type", "file", "expected a file"},
		{"a file for text", field("model", "m") + file("file") + file("prompt") + end, "invalid_type", "prompt", "expected a string"},
		{"no number", field("model", "m") + file("file") + field("temperature", "hot") + end, "invalid_type", "temperature", "expected a decimal"},
		{"too high a number", field("model", "m") + file("file") + field("temperature", "1.5") + end, "invalid_value", "temperature", "from 0 to 1"},
		{"no boolean", field("model", "m") + file("file") + field("stream", "yes") + end, "invalid_value", "stream", "'true', and 'false'"},
		{"unknown format", field("model", "m") + file("file") + field("response_format", "xml") + end, "invalid_value", "response_format", "Supported"},
	}
	p := start(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			req := request(t, http.MethodPost, p.URL+"/v1/audio/transcriptions", test.body)
			req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
			got := errorOf(t, do(t, req))
			want := wireError{http.StatusBadRequest, "invalid_request_error", test.code, test.param, got.Message}
			if diff := cmp.Diff(want, got); diff != "" || !strings.Contains(got.Message, test.message) {
				t.Errorf("message %q\n%s", got.Message, diff)
			}
		})
	}
}

func TestRefusedRequests(t *testing.T) {
	p := fakellmtest.Start(t, 1, fakellm.Options{Keys: []string{"sk-right"}})
	small := chat("fake-small", false)
	tests := []struct {
		name, method, path string
		header             map[string]string
		status             int
		code               string
	}{
		{"unknown path", "POST", "/v1/chat", map[string]string{"Api-Key": "sk-right"}, 404, "<null>"},
		{"outside the prefixes", "POST", "/v3/chat/completions", map[string]string{"Api-Key": "sk-right"}, 404, "<null>"},
		{"wrong method", "GET", "/v1/chat/completions", map[string]string{"Api-Key": "sk-right"}, 405, "method_not_supported"},
		{"wrong method for models", "POST", "/v1/models", map[string]string{"Api-Key": "sk-right"}, 405, "method_not_supported"},
		{"no key", "POST", "/v1/chat/completions", nil, 401, "<null>"},
		{"wrong key", "POST", "/v1/chat/completions", map[string]string{"Authorization": "Bearer sk-wrong-but-long"}, 401, "invalid_api_key"},
		{"wrong content type", "POST", "/v1/chat/completions", map[string]string{"Api-Key": "sk-right", "Content-Type": "text/plain"}, 400, "unsupported_content_type"},
		{"compressed", "POST", "/v1/chat/completions", map[string]string{"Api-Key": "sk-right", "Content-Encoding": "gzip"}, 415, "<null>"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			req := request(t, test.method, p.URL+test.path, small)
			for name, value := range test.header {
				req.Header.Set(name, value)
			}
			got := errorOf(t, do(t, req))
			if got.Status != test.status || got.Code != test.code || got.Type != "invalid_request_error" {
				t.Errorf("got %+v, want status %d, code %s", got, test.status, test.code)
			}
			if strings.Contains(got.Message, "sk-wrong-but-long") {
				t.Errorf("the message gives the key away: %s", got.Message)
			}
		})
	}
	for name, value := range map[string]string{"Authorization": "Bearer sk-right", "Api-Key": "sk-right"} {
		req := request(t, http.MethodPost, p.URL+"/v1/chat/completions", small)
		req.Header.Set(name, value)
		if got := do(t, req); got.StatusCode != http.StatusOK {
			t.Errorf("%s: got %d", name, got.StatusCode)
		}
	}
}
