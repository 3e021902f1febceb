package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"llmroute/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func get(tb testing.TB, h http.Handler, method, host, path string) *httptest.ResponseRecorder {
	tb.Helper()
	r := httptest.NewRequest(method, path, nil)
	r.Host = host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestReadiness(t *testing.T) {
	var reason error
	h := New(Options{Ready: func() error { return reason }})
	type answer struct {
		Code int
		Body string
	}
	ask := func(path string) answer {
		w := get(t, h, "GET", "localhost", path)
		return answer{w.Code, w.Body.String()}
	}
	for _, c := range []struct {
		name   string
		reason error
		want   answer
	}{
		{"no configuration", errors.New("no configuration has been applied"), answer{503, "not ready: no configuration has been applied\n"}},
		{"ready", nil, answer{200, "ready\n"}},
		{"draining", errors.New("draining"), answer{503, "not ready: draining\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			reason = c.reason
			if diff := cmp.Diff(ask("/readyz"), c.want); diff != "" {
				t.Errorf("/readyz (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(ask("/healthz"), answer{200, "ok\n"}); diff != "" {
				t.Errorf("/healthz must not depend on readiness (-got +want):\n%s", diff)
			}
		})
	}
}

func TestReadOnly(t *testing.T) {
	h := New(Options{PProf: true, Status: sample})
	for _, path := range []string{"/", "/config", "/healthz", "/readyz", "/metrics", "/debug/pprof/", "/nothing"} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
			w := get(t, h, method, "localhost", path)
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow %q", method, path, w.Code, w.Header().Get("Allow"))
			}
		}
	}
	if w := get(t, h, "HEAD", "localhost", "/"); w.Code != 200 {
		t.Errorf("HEAD /: %d", w.Code)
	}
}

func TestHost(t *testing.T) {
	for _, c := range []struct {
		listen, host string
		want         bool
	}{
		{"127.0.0.1:1064", "127.0.0.1:1064", true},
		{"127.0.0.1:1064", "127.0.0.1:9999", true}, // a tunnel
		{"127.0.0.1:1064", "127.9.9.9", true},
		{"127.0.0.1:1064", "localhost:1064", true},
		{"127.0.0.1:1064", "LOCALHOST", true},
		{"127.0.0.1:1064", "[::1]:1064", true},
		{"127.0.0.1:1064", "[::1]", true},
		{"127.0.0.1:1064", "[::ffff:127.0.0.1]:1064", true},
		{"127.0.0.1:1064", "evil.example:1064", false},
		{"127.0.0.1:1064", "localhost.evil.example", false},
		{"127.0.0.1:1064", "127.0.0.1.evil.example", false},
		{"127.0.0.1:1064", "10.0.0.7:1064", false},
		{"127.0.0.1:1064", "0.0.0.0:1064", false},
		{"127.0.0.1:1064", "", false},
		{"127.0.0.1:1064", ":1064", false},
		{"10.0.0.7:1064", "10.0.0.7:1064", true},
		{"10.0.0.7:1064", "10.0.0.8:1064", false},
		{"admin.internal:1064", "Admin.Internal:1064", true},
		{"admin.internal:1064", "other.internal:1064", false},
		{"0.0.0.0:1064", "10.0.0.7:1064", true}, // a kubelet's probe
		{":1064", "[fd00::7]:1064", true},
		{"[::]:1064", "10.0.0.7", true},
		{":1064", "evil.example:1064", false},
		{"", "127.0.0.1:1064", true},
		{"", "10.0.0.7:1064", false},
		{"", "evil.example", false},
	} {
		w := get(t, New(Options{Listen: c.listen}), "GET", c.host, "/healthz")
		if got := w.Code == 200; got != c.want {
			t.Errorf("listening on %q, Host %q: %d, want admitted %t", c.listen, c.host, w.Code, c.want)
		}
	}
}

func TestHeaders(t *testing.T) {
	h := New(Options{})
	for _, path := range []string{"/healthz", "/nothing"} {
		got := get(t, h, "GET", "localhost", path).Header()
		for name, want := range map[string]string{
			"X-Content-Type-Options":       "nosniff",
			"X-Frame-Options":              "DENY",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cache-Control":                "no-store",
		} {
			if got.Get(name) != want {
				t.Errorf("%s: %s = %q, want %q", path, name, got.Get(name), want)
			}
		}
		if csp := got.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none';") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: Content-Security-Policy = %q", path, csp)
		}
	}
}

func TestPProfOnlyWhenAsked(t *testing.T) {
	for _, on := range []bool{false, true} {
		h := New(Options{PProf: on, Status: sample})
		want := http.StatusNotFound
		if on {
			want = http.StatusOK
		}
		for _, path := range []string{"/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/heap"} {
			if w := get(t, h, "GET", "localhost", path); w.Code != want {
				t.Errorf("PProf %t: GET %s: %d, want %d", on, path, w.Code, want)
			}
		}
	}
}

func TestMetricsAreTheRecorders(t *testing.T) {
	rec, err := telemetry.New(telemetry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rec.Record(&telemetry.Record{Backend: "kserve", Outcome: telemetry.Complete, Status: 200})
	w := get(t, New(Options{Metrics: rec.Metrics()}), "GET", "localhost", "/metrics")
	for _, want := range []string{`llmroute_requests_total{`, "\ngo_goroutines ", "\nprocess_resident_memory_bytes "} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %q in /metrics (status %d)", want, w.Code)
		}
	}
}

func TestConfigIsTheStatus(t *testing.T) {
	h := New(Options{Status: sample, Totals: totals, Ready: func() error { return errors.New("draining") }, Now: now})
	w := get(t, h, "GET", "localhost", "/config")
	var got Status
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := sample()
	want.NotReady = "draining"
	if diff := cmp.Diff(got.Config, want.Config); diff != "" {
		t.Errorf("config (-got +want):\n%s", diff)
	}
	if got.NotReady != "draining" || len(got.Backends) != 5 || got.Backends[0].Requests != 2012 {
		t.Errorf("not ready %q, backends %+v", got.NotReady, got.Backends)
	}
}

func TestServe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, New(Options{})) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + l.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || string(body) != "ok\n" {
		t.Fatalf("GET /healthz = %q, %v", body, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve = %v after its context ended", err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("the port is still open")
	}
}

func TestServeEndsWithItsListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := Serve(t.Context(), l, New(Options{})); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve on a closed listener = %v", err)
	}
}

// pipes is a listener of connections in memory, which synctest can wait for.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func TestServeDoesNotWaitForeverForAClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		released := make(chan struct{})
		go func() {
			ended <- Serve(ctx, p, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
				close(released)
			}))
		}()
		ours, theirs := net.Pipe()
		defer ours.Close()
		p.conns <- theirs
		if _, err := io.WriteString(ours, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if waited := time.Since(began); waited > 5*time.Second {
			t.Errorf("Serve took %v to give up", waited)
		}
		<-released
	})
}

func TestUsage(t *testing.T) {
	h := New(Options{Usage: func() []telemetry.ModelUsage {
		return []telemetry.ModelUsage{{Backend: "b", Model: "m", Status: 200, Requests: 3, PromptTokens: 30, CompletionTokens: 15, TotalTokens: 45, Latency: 0.25}}
	}})
	w := get(t, h, "GET", "localhost", "/usage")
	const want = `{
  "usage": [
    {
      "backend": "b",
      "model": "m",
      "status": 200,
      "requests": 3,
      "failed": 0,
      "prompt_tokens": 30,
      "cached_tokens": 0,
      "completion_tokens": 15,
      "reasoning_tokens": 0,
      "total_tokens": 45,
      "mean_latency_seconds": 0.25,
      "mean_time_to_first_token_seconds": 0
    }
  ]
}
`
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" || w.Body.String() != want {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w := get(t, New(Options{}), "GET", "localhost", "/usage"); w.Code != http.StatusNotFound {
		t.Errorf("without usage: got %d", w.Code)
	}
}
