package fakellm_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"llmroute/internal/fakellm"
)

// fuzzed are paths of every dialect; those of OpenAI's come first, and of them
// those that take forms last.
var fuzzed = []string{
	"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/moderations", "/v1/images/generations",
	"/v1/audio/speech", "/v1/rerank", "/v1/images/edits", "/v1/audio/transcriptions", "/v1/audio/translations", "/v1/images/variations",
	"/v1/messages", "/v1/messages/count_tokens", "/anthropic/v1/messages",
	"/v1/projects/p/locations/global/publishers/anthropic/models/claude-sonnet-4-5:rawPredict",
	"/v1/projects/p/locations/global/publishers/anthropic/models/claude-sonnet-4-5:streamRawPredict",
	"/model/anthropic.claude-sonnet-4-5-v1%3A0/invoke", "/model/anthropic.claude-sonnet-4-5-v1%3A0/invoke-with-response-stream",
	"/model/amazon.nova-pro-v1%3A0/converse", "/model/amazon.nova-pro-v1%3A0/converse-stream",
	"/openai/deployments/d/chat/completions?api-version=2024-10-21",
	"/v1beta/models/gemini-3.8-flash:generateContent", "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
	"/v1/projects/p/locations/global/publishers/google/models/gemini-3.8-flash:generateContent",
	"/v1/projects/p/locations/global/publishers/google/models/gemma-3:streamGenerateContent",
	"/v1beta/models/gemini-embedding-2:batchEmbedContents", "/v1/projects/p/locations/l/publishers/google/models/text-embedding-005:predict",
	"/v1/projects/p/locations/l/publishers/google/models/gemini-embedding-2:embedContent",
	"/v2/chat", "/v2/embed", "/v2/rerank", "/mistral/v1/chat/completions", "/mistral/v1/embeddings", "/rerank",
	"/model/amazon.titan-embed-text-v2%3A0/invoke", "/model/cohere.embed-english-v3/invoke", "/model/cohere.rerank-v3-5%3A0/invoke",
}

// FuzzRequests sends anything anywhere: each request has an answer, and each
// refusal is JSON; one of OpenAI's where that is asked.
func FuzzRequests(f *testing.F) {
	const forms, openAI = 8, 12
	for i, body := range []string{
		chat("fake-small", true), chat("fake-small+split+crlf+noblank", true), chat("m+gzip+errevent1", false),
		`{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":""}}]},{"role":"tool","tool_call_id":"a","content":[{"type":"text","text":"x"}]}]}`,
		`{"model":"m","prompt":[[1,2],[3]],"echo":true,"logprobs":2}`,
		`{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"a"}]}],"tools":[{"type":"function","name":"f","parameters":{"$ref":"#/a"}}]}`,
		`{"input":[{"type":"text","text":"a"}],"model":null}`, `{"query":"a","documents":[{"text":"b"},"c"],"top_n":1}`,
		`{"model":"m","response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"anyOf":[{"enum":[1]}]}}},"messages":[{"role":"user","content":"a"}]}`,
		"--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--\r\n", "", "{", "null", `{"model":"\ud800"}`,
	} {
		f.Add(uint8(i), body, "")
		f.Add(uint8(8+i%4), body, "slow1ns+big9+gate")
		f.Add(uint8(i), body, "cut1")
	}
	for i := openAI; i < len(fuzzed); i++ {
		for _, body := range []string{
			`{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"stream":true}`,
			`{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}`,
			`{"messages":[{"role":"user","content":[{"text":"hi"}]}],"inferenceConfig":{"maxTokens":9},"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}}]}}`,
			chat("m", true),
			`{"contents":[{"role":"user","parts":[{"text":"clock?"}]},{"role":"model","parts":[{"functionCall":{"id":"a","name":"clock"},"thoughtSignature":"skip_thought_signature_validator"}]},{"role":"user","parts":[{"functionResponse":{"id":"a","name":"clock","response":{"output":"noon"}}}]}],"tools":[{"functionDeclarations":[{"name":"clock","description":""}]}],"generationConfig":{"thinkingConfig":{"includeThoughts":true,"thinkingLevel":"HIGH"}}}`,
			`{"contents":[{"role":"user","parts":[{"text":"hi"},{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}}]}],"systemInstruction":{"parts":[{"text":"s"}]},"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"type":"object","properties":{"a":{"type":["string","null"]}}}}}`,
			`{"model":"m","messages":[{"role":"user","content":"hi"},{"role":"assistant","tool_plan":"p","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"null"}}]},{"role":"tool","tool_call_id":"a","content":"x"}],"tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"documents":[{"data":{"url":"u"}}],"thinking":{"type":"enabled"},"stream":true}`,
			`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]},{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"t"}]}],"prefix":true}],"reasoning_effort":"high","n":2,"stream":true}`,
			`{"model":"m","input":["a"],"texts":["a"],"input_type":"search_query","embedding_types":["float"],"output_dimension":256}`,
			`{"requests":[{"model":"models/gemini-embedding-2","content":{"parts":[{"text":"a"}]}}]}`, `{"instances":[{"content":"a"}],"parameters":{"outputDimensionality":7}}`,
			`{"model":"m","query":"q","texts":["a","b"]}`, `{"model":"m","query":"q","documents":["a","b"],"top_n":1,"api_version":2}`, `{"inputText":"a","dimensions":256}`,
		} {
			f.Add(uint8(i), body, "")
			f.Add(uint8(i), body, "errevent1")
		}
	}
	h := fakellm.New(fakellm.Options{Delay: -1})
	f.Fuzz(func(t *testing.T, path uint8, body, faults string) {
		if strings.Contains(body+faults, "big") && strings.ContainsAny(body+faults, "KM") {
			return // it answers, but not many times a second
		}
		defer func() {
			if e := recover(); e != nil && !isAbort(e) {
				panic(e)
			}
		}()
		// It may have been asked to hang.
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		w := httptest.NewRecorder()
		at := int(path) % len(fuzzed)
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, fuzzed[at], strings.NewReader(body))
		for _, name := range keysOf(fuzzed[at]) {
			r.Header.Set(name, "Bearer key")
		}
		r.Header.Set("Anthropic-Version", "2023-06-01")
		r.Header.Set("Content-Type", "application/json")
		if at >= forms && at < openAI {
			r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		}
		r.Header.Set("X-Fake-Fault", faults)
		h.ServeHTTP(w, r)
		if w.Code < 400 || w.Header().Get("Content-Encoding") != "" {
			return
		}
		if at >= openAI {
			if !json.Valid(w.Body.Bytes()) || w.Code == http.StatusInternalServerError && faults == "" {
				t.Errorf("got %d, %q", w.Code, w.Body)
			}
			return
		}
		var e struct {
			Error *struct{ Message, Type string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Error == nil || e.Error.Message == "" || e.Error.Type == "" || !utf8.Valid(w.Body.Bytes()) {
			t.Errorf("got %d, %q, %v", w.Code, w.Body, err)
		}
	})
}

// keysOf returns the headers that hold the key where a path leads; another would be
// refused at once.
func keysOf(path string) []string {
	switch {
	case strings.HasPrefix(path, "/v1beta/"):
		return []string{"X-Goog-Api-Key"}
	case strings.HasPrefix(path, "/v1/messages"), strings.HasPrefix(path, "/openai"):
		return []string{"X-Api-Key", "Api-Key"}
	}
	return []string{"Authorization"}
}

// isAbort reports whether a handler ended by breaking off, as faults make it.
func isAbort(e any) bool {
	err, ok := e.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}
