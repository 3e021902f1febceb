package e2e

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// seen is one request as a backend got it; of its body there is the hash, since
// some are large.
type seen struct {
	Method, Path, Proto string
	Header              http.Header
	Length              int64 // as announced, -1 for none
	Size                int64
	Sum                 [sha256.Size]byte
	Body                string // if it is a short one
}

// backend is a provider that answers as its test says, for what the embedded
// one is too well-behaved for.
type backend struct {
	URL string

	mu       sync.Mutex
	requests []seen
}

// startBackend runs a backend that reads each request whole and then has answer
// called, with the number of the request, from 0.
func startBackend(t testing.TB, answer func(w http.ResponseWriter, r *http.Request, n int)) *backend {
	t.Helper()
	b := new(backend)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, b.read(r))
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	b.URL = server.URL
	return b
}

func (b *backend) read(r *http.Request) int {
	hash, short := sha256.New(), new(bytes.Buffer)
	n, err := io.Copy(io.MultiWriter(hash, short), r.Body)
	if err != nil {
		n = -1
	}
	s := seen{Method: r.Method, Path: r.URL.RequestURI(), Proto: r.Proto, Header: r.Header.Clone(), Length: r.ContentLength, Size: n}
	copy(s.Sum[:], hash.Sum(nil))
	if short.Len() <= 64<<10 {
		s.Body = short.String()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests = append(b.requests, s)
	return len(b.requests) - 1
}

// got returns the requests so far and forgets them.
func (b *backend) got() []seen {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.requests
	b.requests = nil
	return out
}

const smallAnswer = `{"id":"c1","object":"chat.completion","created":1,"model":"served","choices":[{"index":0,` +
	`"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`

// answerSmall answers with a chat completion.
func answerSmall(w http.ResponseWriter, _ *http.Request, _ int) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, smallAnswer)
}

// chatOf is a chat completion's body of exactly size bytes.
func chatOf(model string, size int) string {
	return chat(model, strings.Repeat("x", size-len(chat(model, ""))))
}

// A body arrives byte for byte but for the model, with its right length and
// never in chunks, over HTTP/1 and HTTP/2, whichever way the client sends it.
func TestBodiesOfEverySizeArrive(t *testing.T) {
	t.Parallel()
	b := startBackend(t, answerSmall)
	docs := backendDoc("h1", b.URL) + backendDoc("h2", b.URL, "http2: true") +
		backendDoc("named", b.URL, "modelNameOverride: a-much-longer-name") +
		backendDoc("named2", b.URL, "http2: true", "modelNameOverride: x") +
		routeDoc("r", modelRule("h1", "h1"), modelRule("h2", "h2"), modelRule("named", "named"), modelRule("named2", "named2"))
	g := start(t, docs)
	upstream := map[string]string{"named": "a-much-longer-name", "named2": "x"}
	for _, size := range []int{100, 32<<10 - 1, 32 << 10, 32<<10 + 1, 1 << 20, 20 << 20, 32 << 20} {
		if size == 20<<20 {
			g = startReleased(t, docs)
		}
		for _, model := range []string{"h1", "h2", "named", "named2"} {
			for _, chunked := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d to %s, chunked %v", size, model, chunked), func(t *testing.T) {
					body := chatOf(model, size)
					status, answer := g.send(t, "/v1/chat/completions", body, chunked)
					if status != 200 || answer != smallAnswer {
						t.Fatalf("got %d %.300s", status, answer)
					}
					want := body
					if name := upstream[model]; name != "" {
						want = strings.Replace(body, fmt.Sprintf("%q:%q", "model", model), fmt.Sprintf("%q:%q", "model", name), 1)
					}
					got := b.got()
					if len(got) != 1 {
						t.Fatalf("the backend got %d requests", len(got))
					}
					if got[0].Sum != sha256.Sum256([]byte(want)) {
						t.Errorf("the backend got %d other bytes, want %d", got[0].Size, len(want))
					}
					if got[0].Length != int64(len(want)) {
						t.Errorf("announced length %d, want %d", got[0].Length, len(want))
					}
				})
			}
		}
	}
}

// send posts a body, announced or chunked, and returns what comes back, also
// when that comes before all is sent.
func (g *gateway) send(t testing.TB, path, body string, chunked bool) (int, string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(60 * time.Second))
	req, err := http.NewRequest("POST", g.URL+path, io.NopCloser(strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if !chunked {
		req.ContentLength = int64(len(body))
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		_ = req.Write(conn) // a refusal may come first, and end this
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		t.Fatalf("POST of %d bytes: %v", len(body), err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("POST of %d bytes: %v", len(body), err)
	}
	_ = conn.Close()
	<-written
	return resp.StatusCode, string(answer)
}

// Over the limit the client learns the limit, whoever notices: the sidecar by
// what is announced or what has come, Envoy by what it can hold.
func TestTooLargeBodiesAreRefusedInJSON(t *testing.T) {
	t.Parallel()
	b := startBackend(t, answerSmall)
	g := startReleased(t, backendDoc("a", b.URL)+routeDoc("r", catchAll("a")))
	for _, tt := range []struct {
		size    int
		chunked bool
		limit   string // one of those that stand in the message
	}{
		{32<<20 + 1, false, "33554432"},
		{32<<20 + 1, true, "33554432"},
		{65 << 20, false, "33554432"},
		{65 << 20, true, "33554432"},
	} {
		t.Run(fmt.Sprintf("%d bytes, chunked %v", tt.size, tt.chunked), func(t *testing.T) {
			status, body := g.send(t, "/v1/chat/completions", chatOf("m", tt.size), tt.chunked)
			a := answer{Status: status, Body: body}
			if code := a.errorCode(t); status != 413 || !strings.Contains(body, tt.limit) {
				t.Errorf("got %d %s: %s", status, code, body)
			}
		})
	}
	if got := b.got(); len(got) != 0 {
		t.Errorf("the backend got %d requests", len(got))
	}
}

// A large answer arrives as the provider sent it, with a length if it had one.
func TestLargeAnswersArrive(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	g := startReleased(t, backendDoc("a", p.URL)+routeDoc("r", catchAll("a")))
	for _, model := range []string{"fake-small+big5MB", "fake-small+big20MB", "fake-small+big5MB+chunked", "fake-small+big1MB+trailers"} {
		t.Run(model, func(t *testing.T) {
			direct := (&gateway{URL: p.URL}).post(t, "/v1/chat/completions", chat(model, "hi"))
			got := g.post(t, "/v1/chat/completions", chat(model, "hi"))
			if got.Status != 200 || got.Body != direct.Body {
				t.Errorf("got %d with %d bytes, want those %d", got.Status, len(got.Body), len(direct.Body))
			}
			if n := direct.Header.Get("Content-Length"); n != "" && got.Header.Get("Content-Length") != n {
				t.Errorf("content-length %q, want %q", got.Header.Get("Content-Length"), n)
			}
		})
	}
}

// A request without a body is answered at once, whatever its method.
func TestRequestsWithoutBodyDoNotHang(t *testing.T) {
	t.Parallel()
	b := startBackend(t, answerSmall)
	g := start(t, backendDoc("a", b.URL)+routeDoc("r", catchAll("a")))
	const tail = "\r\nHost: x\r\nConnection: close\r\n"
	for _, tt := range []struct {
		name, request string
		status        int
	}{
		{"empty", "POST /v1/chat/completions HTTP/1.1" + tail + "Content-Length: 0\r\n\r\n", 400},
		{"no length", "POST /v1/chat/completions HTTP/1.1" + tail + "\r\n", 400},
		{"empty chunks", "POST /v1/chat/completions HTTP/1.1" + tail + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"GET", "GET /v1/chat/completions HTTP/1.1" + tail + "\r\n", 405},
		{"DELETE", "DELETE /v1/chat/completions HTTP/1.1" + tail + "\r\n", 405},
		{"HEAD", "HEAD /v1/chat/completions HTTP/1.1" + tail + "\r\n", 405},
		{"models", "GET /v1/models HTTP/1.1" + tail + "\r\n", 200},
		{"a model that is not there", "GET /v1/models/none HTTP/1.1" + tail + "\r\n", 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			if _, err := io.WriteString(conn, tt.request); err != nil {
				t.Fatal(err)
			}
			method, _, _ := strings.Cut(tt.request, " ")
			resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status {
				t.Errorf("got %d: %s", resp.StatusCode, body)
			}
			if tt.status >= 400 && method != "HEAD" {
				(&answer{Status: resp.StatusCode, Body: string(body)}).errorCode(t)
			}
		})
	}
	if got := b.got(); len(got) != 0 {
		t.Errorf("the backend got %d requests", len(got))
	}
}

// Every path that carries a model reaches the backend, at the same path, with
// the model's other name and otherwise byte for byte.
func TestEveryPathCarriesTheOverride(t *testing.T) {
	t.Parallel()
	b := startBackend(t, answerSmall)
	g := start(t, backendDoc("a", b.URL, "modelNameOverride: other-name")+routeDoc("r", modelRule("m", "a")))
	for _, path := range []string{
		"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses",
		"/v1/images/generations", "/v1/audio/speech", "/v1/moderations", "/v1/rerank",
	} {
		t.Run(path, func(t *testing.T) {
			const before, after = "{ \"n\" : 1.0e0, \"x\":{\"model\":\"m\"},\n \"model\" : ", ` , "unknown":[1,2.50,"é\u00e9"],"messages":[],"input":"hi"}  `
			a := g.post(t, path, before+`"m"`+after)
			if a.Status != 200 {
				t.Fatalf("got %d: %s", a.Status, a.Body)
			}
			got := b.got()
			if len(got) != 1 || got[0].Path != path || got[0].Body != before+`"other-name"`+after {
				t.Errorf("the backend got %+v", got)
			}
		})
	}
	for _, path := range []string{"/v1/audio/transcriptions", "/v1/audio/translations", "/v1/images/edits", "/v1/images/variations"} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, model late %v", path, late), func(t *testing.T) {
				sent, kind := formOf(t, "m", late)
				want, _ := formOf(t, "other-name", late)
				resp, err := http.Post(g.URL+path, kind, strings.NewReader(sent))
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if resp.StatusCode != 200 {
					t.Fatalf("got %s", resp.Status)
				}
				got := b.got()
				if len(got) != 1 || got[0].Path != path || got[0].Sum != sha256.Sum256([]byte(want)) {
					t.Errorf("the backend got %+v", got)
				}
			})
		}
	}
}

// formOf is a form with a model and 100 KB of a file, and its content type.
func formOf(t testing.TB, model string, late bool) (string, string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary("----boundary7"); err != nil {
		t.Fatal(err)
	}
	parts := []func() error{
		func() error { return w.WriteField("model", model) },
		func() error {
			f, err := w.CreateFormFile("file", "a.wav")
			if err == nil {
				_, err = f.Write(bytes.Repeat([]byte{0, 1, '\r', '\n', '-', '-', 0xff}, 15000))
			}
			return err
		},
	}
	if late {
		parts[0], parts[1] = parts[1], parts[0]
	}
	for _, write := range parts {
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}
