package fakellm_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"llmroute/internal/fakellm"
	"llmroute/internal/fakellm/fakellmtest"
)

func TestMain(m *testing.M) {
	// Anthropic's client for Vertex brings a library that starts a goroutine for good.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// start starts a provider that does not pause between words.
func start(t *testing.T) *fakellmtest.Provider {
	t.Helper()
	return fakellmtest.Start(t, 8, fakellm.Options{Delay: -1})
}

// client returns an HTTP client whose connections end with the test: before the
// provider does, which waits for them.
func client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// answer is a response that was read to its end, however it ended.
type answer struct {
	*http.Response
	body string
	err  error // what the end of the body looked like
}

func do(t *testing.T, req *http.Request) answer {
	t.Helper()
	resp, err := client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp, string(b), err}
}

func request(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return req
}

func post(t *testing.T, url, body string) answer {
	t.Helper()
	return do(t, request(t, http.MethodPost, url, body))
}

// chat is the body of a chat that says hello.
func chat(model string, stream bool) string {
	more := ""
	if stream {
		more = `"stream":true,"stream_options":{"include_usage":true},`
	}
	return `{"model":"` + model + `",` + more + `"messages":[{"role":"user","content":"hello there"}]}`
}

const helloText = "You said “hello there” – I am fake-small, and I can only repeat it."
