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

// FuzzRequests sends anything anywhere: each request has an answer, and each
// refusal is one of OpenAI's.
func FuzzRequests(f *testing.F) {
	paths := []string{
		"chat/completions", "completions", "embeddings", "responses", "moderations", "images/generations",
		"audio/speech", "rerank", "images/edits", "audio/transcriptions", "audio/translations", "images/variations",
	}
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
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/"+paths[int(path)%len(paths)], strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if int(path)%len(paths) >= 8 {
			r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		}
		r.Header.Set("X-Fake-Fault", faults)
		h.ServeHTTP(w, r)
		if w.Code < 400 || w.Header().Get("Content-Encoding") != "" {
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

// isAbort reports whether a handler ended by breaking off, as faults make it.
func isAbort(e any) bool {
	err, ok := e.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}
