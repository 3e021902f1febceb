package fakellm_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"llmroute/internal/fakellm"
	"llmroute/internal/fakellm/fakellmtest"
)

// serve shows one chat to a provider without a network.
func serve(t *testing.T, h http.Handler, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/chat/completions", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	h.ServeHTTP(w, r)
	return w
}

// TestSameInSameOut asks two providers the same things.
func TestSameInSameOut(t *testing.T) {
	one, two := start(t), start(t)
	for path, body := range map[string]string{
		"chat/completions":   chat("fake-small", true),
		"completions":        `{"model":"fake-large","prompt":["a","b"],"n":2}`,
		"embeddings":         `{"model":"fake-large","input":"a","dimensions":3}`,
		"responses":          `{"model":"fake-large","input":"a","stream":true}`,
		"moderations":        `{"input":"a"}`,
		"images/generations": `{"prompt":"a"}`,
		"audio/speech":       `{"model":"fake-small","input":"a","voice":"alloy"}`,
		"rerank":             `{"model":"fake-small","query":"red apple","documents":["tax law","a red apple"],"return_documents":true}`,
	} {
		first, again := post(t, one.URL+"/v1/"+path, body), post(t, two.URL+"/v1/"+path, body)
		if first.StatusCode != http.StatusOK || first.body != again.body ||
			first.Header.Get("X-Request-Id") != again.Header.Get("X-Request-Id") {
			t.Errorf("%s: got %d\n%s\nand then\n%s", path, first.StatusCode, first.body, again.body)
		}
		if other := post(t, one.URL+"/v1/"+path, body+" "); other.Header.Get("X-Request-Id") == first.Header.Get("X-Request-Id") {
			t.Errorf("%s: another request has the same id", path)
		}
	}
}

func TestUsage(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{
			"words", `{"model":"m","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hi"}]}`,
			`"prompt_tokens":5,"completion_tokens":13,"total_tokens":18,"prompt_tokens_details":{"cached_tokens":0,`,
		},
		{
			"cache", `{"model":"m","prompt_cache_key":"k","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hi"}]}`,
			`"prompt_tokens":5,"completion_tokens":13,"total_tokens":18,"prompt_tokens_details":{"cached_tokens":3,`,
		},
		{
			"reasoning", `{"model":"m","reasoning_effort":"low","messages":[{"role":"user","content":"hi"}]}`,
			`"completion_tokens":17,"total_tokens":19,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":4,`,
		},
		{
			"a picture", `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"what is it"},{"type":"image_url","image_url":{"url":"https://x"}}]}]}`,
			`"prompt_tokens":20,`,
		},
		{
			"length", `{"model":"m","max_completion_tokens":4,"messages":[{"role":"user","content":"hi"}]}`,
			`"content":"You said “hi” –","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":2,"completion_tokens":4,`,
		},
		{
			"nothing but thoughts", `{"model":"m","max_completion_tokens":3,"reasoning_effort":"low","messages":[{"role":"user","content":"hi"}]}`,
			`"content":"","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":2,"completion_tokens":4,`,
		},
		{
			"stop", `{"model":"m","stop":["–","nothing"],"messages":[{"role":"user","content":"hi"}]}`,
			`"content":"You said “hi” ","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":3,`,
		},
		{
			"JSON", `{"model":"m","response_format":{"type":"json_object"},"messages":[{"role":"user","content":"json \"please\""}]}`,
			`"content":"{\"echo\":\"json \\\"please\\\"\",\"model\":\"m\"}"`,
		},
		{
			"a schema", `{"model":"m","response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"},"v":{"const":7}}}},"type":"object","properties":{"list":{"type":"array","items":{"type":["string","null"]}},"any":{"anyOf":[{"type":"boolean"}]},"x":{"type":"number"},"n":{"type":"null"}}}}},"messages":[{"role":"user","content":"hi"}]}`,
			`"content":"{\"list\":[\"hi\"],\"any\":true,\"x\":1.5,\"n\":null}"`,
		},
		{
			"a schema of itself", `{"model":"m","response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"$ref":"#"}}},"messages":[{"role":"user","content":"hi"}]}`,
			`"content":"null"`,
		},
		{
			"a custom tool", `{"model":"m","tools":[{"type":"custom","custom":{"name":"shell"}}],"messages":[{"role":"user","content":"hi"}]}`,
			`"type":"custom","custom":{"name":"shell","input":"hi"}}]}`,
		},
		{
			"no tool", `{"model":"m","tools":[{"type":"custom","custom":{"name":"shell"}}],"tool_choice":"none","messages":[{"role":"user","content":"hi"}]}`,
			`"content":"You said “hi”`,
		},
		{
			"one tool at a time", `{"model":"m","parallel_tool_calls":false,"tools":[{"type":"custom","custom":{"name":"a"}},{"type":"custom","custom":{"name":"b"}}],"messages":[{"role":"user","content":"a b"}]}`,
			`"custom":{"name":"a","input":"a b"}}]},"logprobs":null,"finish_reason":"tool_calls"`,
		},
		{
			"a long question", `{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("word ", 50_000) + `"}]}`,
			`word word …” – I am m, and I can only repeat it."`,
		},
	}
	h := fakellm.New(fakellm.Options{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if w := serve(t, h, test.body); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), test.want) {
				t.Errorf("got %d, %s\nwant %s", w.Code, w.Body, test.want)
			}
		})
	}
}

func TestCountTokens(t *testing.T) {
	for text, want := range map[string]int{"": 0, "  ": 0, "one": 1, " one\ttwo\n": 2, "zwei\u00a0Wörter": 2, "一 二": 2} {
		if got := fakellm.CountTokens(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func TestPrefixes(t *testing.T) {
	p := fakellmtest.Start(t, 1, fakellm.Options{Prefixes: []string{"/base/v1"}})
	for path, want := range map[string]int{
		"/base/v1/models": 200, "/base/v1/models/a%2Fb": 200, "/models": 404, "/v1/models": 404, "/base/v1": 404, "/base/v1models": 404,
	} {
		if got := do(t, request(t, http.MethodGet, p.URL+path, "")); got.StatusCode != want {
			t.Errorf("%s: got %d, want %d", path, got.StatusCode, want)
		}
	}
}

func TestTranscriptionFormats(t *testing.T) {
	p := start(t)
	for format, want := range map[string]string{
		"text": "I heard 5 bytes of “a.wav”.\n",
		"srt":  "1\n00:00:00,000 --> 00:00:00,000\nI heard 5 bytes of “a.wav”.\n\n",
		"vtt":  "WEBVTT\n\n00:00:00.000 --> 00:00:00.000\nI heard 5 bytes of “a.wav”.\n\n",
	} {
		req := request(t, http.MethodPost, p.URL+"/v1/audio/transcriptions",
			"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nsound\r\n"+
				"--b\r\nContent-Disposition: form-data; name=\"response_format\"\r\n\r\n"+format+"\r\n"+
				"--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nfake-small+slow1ms\r\n--b--\r\n")
		req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		if got := do(t, req); got.body != want || p.Last().Model != "fake-small+slow1ms" {
			t.Errorf("%s: got %q for model %q", format, got.body, p.Last().Model)
		}
	}
}

// TestHTTP2 speaks HTTP/2 without TLS, as Envoy does to such a cluster.
func TestHTTP2(t *testing.T) {
	p := start(t)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	for model, broken := range map[string]bool{"fake-small": false, "fake-small+cut3": true, "fake-small+reset3": true} {
		resp, err := transport.RoundTrip(request(t, http.MethodPost, p.URL+"/v1/chat/completions", chat(model, true)))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.Proto != "HTTP/2.0" || p.Last().Proto != "HTTP/2.0" || (err != nil) != broken || broken != (len(dataOf(string(body))) == 3) {
			t.Errorf("%s: got %s, %d bytes, %v", model, resp.Proto, len(body), err)
		}
	}
}

func TestRecorder(t *testing.T) {
	p := fakellmtest.Start(t, 2, fakellm.Options{Delay: -1})
	for _, model := range []string{"a", "b", "b"} {
		req := request(t, http.MethodPost, p.URL+"/v1/chat/completions?trace=1", chat(model, false))
		req.Header.Add("X-Twice", "1")
		req.Header.Add("X-Twice", "2")
		req.Header.Set("Authorization", "Bearer key-of-"+model)
		req.Host = model + ".test"
		do(t, req)
	}
	if err := p.Wait(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	want := fakellmtest.Counts{
		Total: 3, Model: map[string]int{"a": 1, "b": 2},
		Host: map[string]int{"a.test": 1, "b.test": 2}, Key: map[string]int{"key-of-a": 1, "key-of-b": 2},
	}
	if diff := cmp.Diff(want, p.Counts()); diff != "" {
		t.Error(diff)
	}
	list := p.Requests()
	if len(list) != 2 || list[1] != p.Last() {
		t.Fatalf("got %d requests", len(list))
	}
	q := p.Last()
	if diff := cmp.Diff([]string{"1", "2"}, q.Header["X-Twice"]); diff != "" || string(q.Body) != chat("b", false) || q.Query != "trace=1" {
		t.Errorf("got %+v\n%s", q, diff)
	}
	p.Reset()
	if p.Last() != nil || p.Counts().Total != 0 {
		t.Error("Reset forgot to forget")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Wait(ctx, 1); err == nil {
		t.Error("Wait saw a request that never came")
	}
}

// TestTwoModels: of two models the last counts, so that a gateway which goes by the
// first is found out.
func TestTwoModels(t *testing.T) {
	p := start(t)
	got := post(t, p.URL+"/v1/chat/completions", `{"model":"fake-small","model":"missing-one","messages":[{"role":"user","content":"hi"}]}`)
	if got.StatusCode != http.StatusNotFound || p.Last().Model != "missing-one" {
		t.Errorf("got %d for model %q", got.StatusCode, p.Last().Model)
	}
}

// TestTooLarge sends a little more than the provider reads.
func TestTooLarge(t *testing.T) {
	p := start(t)
	body := strings.NewReader(`{"model":"` + strings.Repeat("m", 64<<20) + `"}`)
	req := request(t, http.MethodPost, p.URL+"/v1/chat/completions", "")
	req.Body, req.ContentLength = io.NopCloser(body), body.Size()
	if got := errorOf(t, do(t, req)); got.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %+v", got)
	}
}

// TestHammer asks from many sides at once, which -race watches.
func TestHammer(t *testing.T) {
	p := start(t)
	const sides, each = 8, 20
	var all sync.WaitGroup
	for side := range sides {
		all.Go(func() {
			for n := range each {
				model := fmt.Sprintf("m%d+flaky1", side)
				got := post(t, p.URL+"/v1/chat/completions", chat(model, n%2 == 0))
				if got.StatusCode != http.StatusOK && got.StatusCode != http.StatusServiceUnavailable {
					t.Errorf("got %d, %s", got.StatusCode, got.body)
				}
			}
		})
	}
	all.Wait()
	if got := p.Counts().Total; got != sides*each {
		t.Errorf("got %d requests, want %d", got, sides*each)
	}
}

// TestServeStops with a request that never ends on its own.
func TestServeStops(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	seen, ended := make(chan struct{}), make(chan error, 1)
	h := fakellm.New(fakellm.Options{Observe: func(*fakellm.Request) { close(seen) }})
	go func() { ended <- fakellm.Serve(ctx, l, h) }()
	asked := make(chan error, 1)
	req := request(t, http.MethodPost, "http://"+l.Addr().String()+"/v1/chat/completions", chat("m+hang", false))
	c := client(t)
	go func() {
		resp, err := c.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		asked <- err
	}()
	<-seen
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Serve does not return")
	}
	<-asked
}
