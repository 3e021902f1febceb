package e2e

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What goes wrong behind Envoy reaches the client in OpenAI's shape, with the
// request's id and the backend's name.
func TestUpstreamFailuresHaveTheClientsShape(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	g := start(t, backendDoc("a", p.URL)+backendDoc("brief", p.URL, "timeout: 300ms")+backendDoc("closed", "http://"+freePort(t))+
		backendDoc("foreign", "", "cluster: unknown-cluster")+
		routeDoc("r", catchAll("a"), modelRule("fake-small+slow5s", "brief"), modelRule("closed", "closed"), modelRule("foreign", "foreign")))
	for _, tt := range []struct {
		name, body, code, backend string
		status                    int
	}{
		{"no connection", chat("closed", "hi"), "upstream_unreachable", "closed", 503},
		{"no cluster", chat("foreign", "hi"), "upstream_unreachable", "foreign", 503},
		{"reset", chat("fake-small+reset", "hi"), "upstream_unreachable", "a", 503},
		{"timeout", chat("fake-small+slow5s", "hi"), "upstream_timeout", "brief", 504},
		{"timeout of a stream", streamBody("fake-small+slow5s", "hi", true), "upstream_timeout", "brief", 504},
		{"its own error", chat("fake-small+503", "hi"), "", "a", 503},
		{"its own refusal", chat("fake-small+quota", "hi"), "insufficient_quota", "a", 429},
		{"its own error to a stream", streamBody("fake-small+context", "hi", true), "context_length_exceeded", "a", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const id = "01234567-89ab-cdef-0123-456789abcdef"
			begin := time.Now()
			a := g.post(t, "/v1/chat/completions", tt.body, "x-request-id", id)
			code := a.errorCode(t)
			if a.Status != tt.status || tt.code != "" && code != tt.code {
				t.Errorf("got %d %s, want %d %s", a.Status, a.Body, tt.status, tt.code)
			}
			if got := a.Header.Get("x-llmroute-request-id"); got != id {
				t.Errorf("request id %q", got)
			}
			if got := a.Header.Get("x-llmroute-backend"); got != tt.backend {
				t.Errorf("backend %q, want %q", got, tt.backend)
			}
			if kind := a.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
				t.Errorf("content type %q", kind)
			}
			if d := time.Since(begin); d > 2*time.Second {
				t.Errorf("it took %v", d)
			}
		})
	}
}

// What the gateway refuses itself, at the headers or at the body, is in Envoy's
// access log with what is known of it.
func TestRefusalsAreInTheAccessLog(t *testing.T) {
	p := startProvider(t)
	g := start(t, backendDoc("a", p.URL)+routeDoc("r", modelRule("m", "a")))
	for path, status := range map[string]int{"/v1/nothing": 404, "/v1/chat/completions": 404} {
		if a := g.post(t, path, chat("unknown", "hi"), "x-request-id", "refused "+path); a.Status != status || a.errorCode(t) == "unknown" {
			t.Errorf("%s: got %d %s", path, a.Status, a.Body)
		}
		waitFor(t, "the access log", func() error {
			for line := range strings.Lines(g.Envoy.Stdout()) {
				if strings.Contains(line, "refused "+path) && strings.Contains(line, `"status":404`) && strings.Contains(line, `"error_type":"`) {
					return nil
				}
			}
			return fmt.Errorf("not in %s", g.Envoy.Stdout())
		})
	}
}

// A request is tried again with the same bytes, once for each try, on what is
// worth trying again, and the client learns how many there were.
func TestRetriesSendTheWholeBodyAgain(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	fail := func(http.ResponseWriter) {}
	b := startBackend(t, func(w http.ResponseWriter, r *http.Request, n int) {
		mu.Lock()
		defer mu.Unlock()
		if n < 2 {
			fail(w)
			return
		}
		answerSmall(w, r, n)
	})
	g := start(t, backendDoc("a", b.URL, "maxRetries: 2", "modelNameOverride: other", "retryDelay: 10ms")+routeDoc("r", catchAll("a")))
	for name, failure := range map[string]func(http.ResponseWriter){
		"503": func(w http.ResponseWriter) { w.WriteHeader(503) },
		"429": func(w http.ResponseWriter) { w.WriteHeader(429) },
		"reset": func(w http.ResponseWriter) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		},
	} {
		for _, size := range []int{100, 1 << 20, 28 << 20} {
			t.Run(fmt.Sprintf("%s, %d bytes", name, size), func(t *testing.T) {
				mu.Lock()
				fail = failure
				mu.Unlock()
				body := chatOf("m", size)
				want := sha256.Sum256([]byte(strings.Replace(body, `"model":"m"`, `"model":"other"`, 1)))
				a := g.post(t, "/v1/chat/completions", body)
				if a.Status != 200 || a.Header.Get("x-llmroute-attempts") != "3" {
					t.Errorf("got %d after %q attempts: %s", a.Status, a.Header.Get("x-llmroute-attempts"), a.Body)
				}
				got := b.got()
				if len(got) != 3 {
					t.Errorf("the backend got %d requests", len(got))
				}
				for _, s := range got {
					if s.Sum != want {
						t.Errorf("a try had %d other bytes", s.Size)
					}
					for header := range s.Header {
						if lower := strings.ToLower(header); strings.HasPrefix(lower, "x-envoy-") && lower != modelHeader {
							t.Errorf("the backend saw %s", header)
						}
					}
				}
			})
		}
	}
}

// A stream may take longer than the timeout as long as it flows, and is ended
// when it has been silent for the idle timeout.
func TestTimeoutsOfStreams(t *testing.T) {
	p := startProvider(t)
	g := start(t, backendDoc("a", p.URL, "timeout: 300ms", "idleTimeout: 600ms")+routeDoc("r", catchAll("a")))
	begin := time.Now()
	_, got := g.whole(t, "/v1/chat/completions", streamBody("fake-small+pause150ms", "one two three", true))
	if !strings.Contains(got, "[DONE]") || time.Since(begin) < 500*time.Millisecond {
		t.Errorf("after %v got %q", time.Since(begin), got)
	}
	begin = time.Now()
	resp := g.open(t.Context(), t, "/v1/chat/completions", streamBody("fake-small+hang2", "one two three", true))
	body, err := io.ReadAll(resp.Body)
	if err == nil && !strings.Contains(string(body), `"error"`) {
		t.Errorf("a silent stream ended like a whole one: %q", body)
	}
	if d := time.Since(begin); d < 500*time.Millisecond || d > 3*time.Second {
		t.Errorf("it took %v", d)
	}
	select {
	case <-p.Last().Done():
	case <-time.After(3 * time.Second):
		t.Error("the provider still sends")
	}
}

// By default a stream may be silent for ten minutes.
func TestStreamsMayBeSilentForTenMinutes(t *testing.T) {
	p := startProvider(t)
	g := start(t, backendDoc("a", p.URL)+routeDoc("r", catchAll("a")))
	page, err := g.Envoy.Get("/config_dump")
	if err != nil {
		t.Fatal(err)
	}
	for _, setting := range []string{`"stream_idle_timeout": "600s"`, `"idle_timeout": "600s"`, `"timeout": "0s"`} {
		if !strings.Contains(page, setting) {
			t.Errorf("Envoy does not run with %s", setting)
		}
	}
}

// What a provider or a client says in our name stays where it is; all else
// passes, repeated headers too, and as many as there are.
func TestHeadersThatPassAndThatDoNot(t *testing.T) {
	t.Parallel()
	b := startBackend(t, func(w http.ResponseWriter, r *http.Request, n int) {
		h := w.Header()
		for _, name := range []string{"x-llmroute-backend", "x-llmroute-cache", "x-envoy-ai-gateway-secret", "x-envoy-upstream-service-time"} {
			h.Set(name, "evil")
		}
		h.Add("x-twice", "1")
		h.Add("x-twice", "2")
		for i := range 150 {
			h.Set(fmt.Sprintf("x-many-%d", i), "v")
		}
		h.Set("openai-organization", "org")
		answerSmall(w, r, n)
	})
	g := start(t, backendDoc("a", b.URL)+routeDoc("r", catchAll("a")))
	header := []string{"x-twice", "1", "x-twice", "2", "x-envoy-max-retries", "5", "x-envoy-ai-gateway-selected-backend", "evil",
		"x-llmroute-evil", "1", "x-stainless-os", "Linux", "cookie", "a=b", "authorization", "Bearer client-key", "x-forwarded-for", "1.2.3.4",
		"openai-beta", "x", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	for i := range 150 {
		header = append(header, fmt.Sprintf("x-many-%d", i), "v")
	}
	a := g.post(t, "/v1/chat/completions", chat("m", "hi"), header...)
	if a.Status != 200 {
		t.Fatalf("got %d %s", a.Status, a.Body)
	}
	if fmt.Sprint(a.Header.Values("x-twice")) != "[1 2]" || a.Header.Get("x-many-149") != "v" || a.Header.Get("openai-organization") != "org" {
		t.Errorf("the client misses some: %v", a.Header)
	}
	for name, values := range a.Header {
		lower := strings.ToLower(name)
		if strings.Contains(fmt.Sprint(values), "evil") || strings.HasPrefix(lower, "x-envoy-") {
			t.Errorf("the client saw %s: %v", name, values)
		}
	}
	got := b.got()[0].Header
	if twice := strings.ReplaceAll(strings.Join(got.Values("x-twice"), ","), " ", ""); twice != "1,2" || got.Get("x-many-149") != "v" ||
		got.Get("openai-beta") != "x" || !strings.Contains(got.Get("traceparent"), "0af7651916cd43dd8448eb211c80319c") {
		t.Errorf("the backend misses some: %v", got)
	}
	for name, values := range got {
		lower := strings.ToLower(name)
		for _, prefix := range []string{"x-envoy-", "x-llmroute-", "x-stainless-", "x-forwarded-", "cookie", "authorization"} {
			if strings.HasPrefix(lower, prefix) && lower != modelHeader {
				t.Errorf("the backend saw %s: %v", name, values)
			}
		}
	}
}

// An answer has the backend's headers and those that are in the README, and no
// others. Only a backend knows when to come back to it.
func TestHeadersOfAnAnswer(t *testing.T) {
	t.Parallel()
	b := startBackend(t, func(w http.ResponseWriter, r *http.Request, n int) {
		w.Header().Set("Date", "-")
		w.Header().Set("X-Request-Id", "-")
		switch {
		case strings.HasPrefix(r.URL.Path, "/waits"):
			w.Header().Set("Retry-After", "7")
			fallthrough
		case strings.HasPrefix(r.URL.Path, "/refuses"):
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"type":"error","error":{"type":"rate_limit_error","message":"Too many."}}`)
		default:
			answerSmall(w, r, n)
		}
	})
	docs := routeDoc("r", modelRule("serves", "serves"), modelRule("waits", "waits"), modelRule("refuses", "refuses"),
		modelRule("claude-waits", "claude-waits"), modelRule("claude-refuses", "claude-refuses"))
	for _, name := range []string{"serves", "waits", "refuses"} {
		docs += backendDoc(name, b.URL+"/"+name)
		docs += strings.Replace(backendDoc("claude-"+name, b.URL+"/"+name), "OpenAI", "Anthropic", 1)
	}
	g := start(t, docs)
	for model, retryAfter := range map[string]string{"serves": "", "waits": "7", "refuses": "", "claude-waits": "7", "claude-refuses": ""} {
		a := g.post(t, "/v1/chat/completions", chat(model, "hi"))
		want := http.Header{
			"Content-Type": {"application/json"}, "Content-Length": {strconv.Itoa(len(a.Body))}, "Date": {"-"}, "X-Request-Id": {"-"},
			"X-Llmroute-Backend": {model}, "X-Llmroute-Model": {model}, "X-Llmroute-Attempts": {"1"}, "X-Llmroute-Request-Id": a.Header.Values("X-Llmroute-Request-Id"),
		}
		if retryAfter != "" {
			want["Retry-After"] = []string{retryAfter}
		}
		if diff := cmp.Diff(want, a.Header); diff != "" {
			t.Errorf("%s: -want +got:\n%s", model, diff)
		}
	}
}

// Answers without a body pass, too.
func TestAnswersWithoutBody(t *testing.T) {
	t.Parallel()
	status := make(chan int, 1)
	b := startBackend(t, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(<-status) })
	g := start(t, backendDoc("a", b.URL)+routeDoc("r", catchAll("a")))
	for _, want := range []int{200, 204, 304} {
		status <- want
		if a := g.post(t, "/v1/chat/completions", chat("m", "hi")); a.Status != want || a.Body != "" {
			t.Errorf("got %d %q, want %d", a.Status, a.Body, want)
		}
	}
}

// Many at once, and each gets the answer to its own request.
func TestNobodyGetsAnothersAnswer(t *testing.T) {
	p := startProvider(t)
	g := start(t, backendDoc("a", p.URL)+backendDoc("b", p.URL, "http2: true")+routeDoc("r", modelRule("fake-small", "a"), modelRule("fake-large", "b")))
	var wg sync.WaitGroup
	for i := range 500 {
		wg.Go(func() {
			model, mark := []string{"fake-small", "fake-large"}[i%2], fmt.Sprintf("mark-%d-of", i)
			body := chat(model, mark)
			if i%3 == 0 {
				body = streamBody(model, mark, i%4 == 0)
			}
			a, err := g.try(t.Context(), "POST", "/v1/chat/completions", body)
			if err != nil || a.Status != 200 || !strings.Contains(a.Body, mark) || !strings.Contains(a.Body, model) {
				t.Errorf("request %d: %v, %+v", i, err, a)
			}
		})
	}
	wg.Wait()
}
