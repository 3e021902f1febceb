package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// shortPatience makes Envoy wait a second for the sidecar instead of ten.
func shortPatience(bootstrap string) string {
	return strings.Replace(bootstrap, "message_timeout: 10s", "message_timeout: 1s", 1)
}

// A sidecar that was killed and is back serves at once, Envoy untouched: also
// backends that come only then.
func TestRecoveryAfterARestart(t *testing.T) {
	p := startProvider(t)
	g := start(t, backendDoc("a", p.URL)+routeDoc("r", modelRule("one", "a")))
	g.post(t, "/v1/chat/completions", chat("one", "hi"))
	g.Sidecar.kill()
	begin := time.Now()
	if a := g.post(t, "/v1/chat/completions", chat("one", "hi")); a.Status != http.StatusServiceUnavailable || a.errorCode(t) == "" {
		t.Errorf("without it: got %d %s", a.Status, a.Body)
	}
	if d := time.Since(begin); d > time.Second {
		t.Errorf("the refusal took %v", d)
	}
	g.write(t, "more.yaml", backendDoc("b", p.URL)+routeDoc("s", modelRule("two", "b")))
	g.Sidecar.launch(t)
	waitFor(t, "the sidecar's admin port", func() error { return getOK(g.Admin + "/healthz") })
	begin = time.Now()
	for _, model := range []string{"one", "two"} {
		waitFor(t, "an answer from "+model, func() error {
			a, err := g.try(t.Context(), "POST", "/v1/chat/completions", chat(model, "hi"))
			if err == nil && a.Status != http.StatusOK {
				err = fmt.Errorf("%d %s", a.Status, a.Body)
			}
			return err
		})
	}
	if d := time.Since(begin); d > 3*time.Second {
		t.Errorf("it took %v", d)
	}
}

// A sidecar that dies while a provider is thinking, or while a stream flows,
// ends the request, with an error, and never with what looks like an answer.
func TestSidecarDiesUnderARequest(t *testing.T) {
	for _, tt := range []struct{ name, body string }{
		{"plain", chat("fake-small+gate", "one two")},
		{"stream", streamBody("fake-small+gate", "one two", true)},
		{"changed stream", streamBody("fake-small+gate", "one two", false)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := startProvider(t)
			g := start(t, backendDoc("a", p.URL)+routeDoc("r", catchAll("a")))
			got := make(chan string, 1)
			go func() {
				resp, err := plainClient.Post(g.URL+"/v1/chat/completions", "application/json", strings.NewReader(tt.body))
				if err != nil {
					got <- err.Error()
					return
				}
				defer resp.Body.Close()
				b, err := io.ReadAll(resp.Body)
				if err != nil {
					got <- err.Error()
					return
				}
				got <- fmt.Sprint(resp.StatusCode, " ", string(b))
			}()
			<-p.Gate.Reached()
			time.Sleep(50 * time.Millisecond) // the first event is on its way
			g.Sidecar.kill()
			time.Sleep(50 * time.Millisecond) // Envoy sees it
			p.Gate.Release()
			select {
			case answer := <-got:
				if strings.HasPrefix(answer, "200") {
					t.Errorf("the client got %q", answer)
				}
				if strings.HasPrefix(answer, "5") && !strings.Contains(answer, `"error":{`) && !strings.Contains(answer, `{"error"`) {
					t.Errorf("the client got %q", answer)
				}
			case <-time.After(5 * time.Second):
				t.Error("the client still waits")
			}
			select {
			case <-p.Last().Done():
			case <-time.After(5 * time.Second):
				t.Error("the provider still sends")
			}
		})
	}
}

// A sidecar that hangs is a 504 when Envoy's patience ends, in JSON, and reaches
// nobody; one that is slow is waited for; and both serve again when they wake.
func TestSidecarHangs(t *testing.T) {
	p := startProvider(t)
	g := startWith(t, settings{
		files:     map[string]string{"config.yaml": backendDoc("a", p.URL) + routeDoc("r", catchAll("a"))},
		bootstrap: shortPatience,
	})
	body := chat("m", "hi")
	g.post(t, "/v1/chat/completions", body)
	p.Reset()
	signal := func(s syscall.Signal) {
		if err := g.Sidecar.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	begin := time.Now()
	a := g.post(t, "/v1/chat/completions", body)
	if d := time.Since(begin); d < 900*time.Millisecond || d > 3*time.Second {
		t.Errorf("it took %v", d)
	}
	if a.errorCode(t); a.Status != http.StatusGatewayTimeout {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	if n := p.Counts().Total; n != 0 {
		t.Errorf("the provider got %d requests", n)
	}
	woken := time.AfterFunc(300*time.Millisecond, func() { _ = g.Sidecar.cmd.Process.Signal(syscall.SIGCONT) })
	defer woken.Stop()
	if a := g.post(t, "/v1/chat/completions", body); a.Status != http.StatusOK {
		t.Errorf("slow: got %d %s", a.Status, a.Body)
	}
	if a := g.post(t, "/v1/chat/completions", body); a.Status != http.StatusOK {
		t.Errorf("awake: got %d %s", a.Status, a.Body)
	}
	if n := p.Counts().Total; n != 2 {
		t.Errorf("the provider got %d requests, want 2", n)
	}
}

// speech begins an answer that is not shown to the sidecar. What the test makes
// of its beginning comes first; then the backend goes on.
func speech(t *testing.T, between func(*gateway)) *gateway {
	t.Helper()
	next := make(chan struct{})
	b := startBackend(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Content-Type", "audio/mpeg")
		_, _ = io.WriteString(w, "first ")
		_ = http.NewResponseController(w).Flush()
		<-next
		_, _ = io.WriteString(w, "second")
	})
	g := start(t, backendDoc("a", b.URL)+routeDoc("r", catchAll("a")))
	resp := g.open(t.Context(), t, "/v1/audio/speech", `{"model":"m","input":"hi","voice":"alloy"}`)
	first := make([]byte, len("first "))
	_, err := io.ReadFull(resp.Body, first) // hangs if it is held back
	between(g)
	close(next)
	if err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(first)+string(rest) != "first second" {
		t.Errorf("got %q and %q, %v", first, rest, err)
	}
	return g
}

// Bytes that say nothing of usage are neither held nor shown.
func TestUnseenAnswersAreNotHeld(t *testing.T) {
	g := speech(t, func(*gateway) {})
	waitFor(t, "the log line", func() error {
		log := g.Sidecar.log.String()
		if !strings.Contains(log, `"msg":"request"`) {
			return errors.New("not there")
		}
		if strings.Contains(log, `"response_bytes"`) {
			t.Errorf("the body was shown: %s", log)
		}
		return nil
	})
}

// An answer that is not shown to the sidecar does not need it any more.
func TestUnseenAnswersSurviveTheSidecar(t *testing.T) {
	speech(t, func(g *gateway) {
		waitFor(t, "the sidecar to let go", func() error {
			if !strings.Contains(g.Sidecar.log.String(), `"msg":"request"`) {
				return errors.New("it has not")
			}
			return nil
		})
		time.Sleep(200 * time.Millisecond) // until Envoy has heard of it
		g.Sidecar.kill()
	})
}

// Envoy's keepalive pings do not end the connection to the sidecar as too many,
// and so no stream on it.
func TestKeepalivePingsAreWelcome(t *testing.T) {
	t.Parallel() // most of it is waiting
	p := startProvider(t)
	g := startWith(t, settings{
		files: map[string]string{"config.yaml": backendDoc("a", p.URL) + routeDoc("r", catchAll("a"))},
		bootstrap: func(s string) string {
			return strings.Replace(s, "connection_keepalive: {interval: 30s, timeout: 10s}", "connection_keepalive: {interval: 1.1s, timeout: 2s}", 1)
		},
	})
	if a := g.post(t, "/v1/chat/completions", chat("fake-small+slow6s", "hi")); a.Status != http.StatusOK {
		t.Fatalf("got %d %s", a.Status, a.Body)
	}
	const cluster = "cluster.llmroute."
	if n := g.Envoy.Stat(t, cluster+"upstream_cx_destroy_remote_with_active_rq"); n != 0 {
		t.Errorf("the sidecar closed %d connections in use", n)
	}
	if n := g.Envoy.Stat(t, cluster+"http2.goaway_sent") + g.Envoy.Stat(t, cluster+"upstream_cx_close_notify"); n != 0 {
		t.Errorf("the sidecar said goodbye %d times", n)
	}
}

// At a SIGTERM running exchanges go on to their end, new ones are refused, and
// the process ends well; at a second one it ends at once.
func TestDrain(t *testing.T) {
	p := startProvider(t)
	for _, twice := range []bool{false, true} {
		t.Run(fmt.Sprintf("twice %v", twice), func(t *testing.T) {
			g := start(t, backendDoc("a", p.URL)+routeDoc("r", catchAll("a")))
			resp := g.open(t.Context(), t, "/v1/chat/completions", streamBody("fake-small+gate", "one two", true))
			<-p.Gate.Reached()
			r := bufio.NewReader(resp.Body)
			if _, err := r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			before := p.Counts().Total
			g.Sidecar.term(t)
			waitFor(t, "the sidecar to take nothing more", func() error {
				a, err := g.try(t.Context(), "POST", "/v1/chat/completions", chat("m", "hi"))
				if err == nil && a.Status == http.StatusOK {
					err = errors.New("it still does")
					before++
				} else if err == nil {
					a.errorCode(t)
				}
				return err
			})
			if n := p.Counts().Total; n != before {
				t.Errorf("the provider got %d requests that were refused", n-before)
			}
			if getOK(g.Admin+"/readyz") == nil {
				t.Error("it still says it is ready")
			}
			if twice {
				g.Sidecar.term(t)
				g.Sidecar.ends(t, 2*time.Second)
				p.Gate.Release()
				return
			}
			p.Gate.Release()
			rest, err := io.ReadAll(r)
			if err != nil || !strings.Contains(string(rest), "[DONE]") {
				t.Errorf("the stream was cut: %q, %v", rest, err)
			}
			g.Sidecar.ends(t, 5*time.Second)
			if code := g.Sidecar.cmd.ProcessState.ExitCode(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

func (s *sidecar) term(t testing.TB) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

func (s *sidecar) ends(t testing.TB, within time.Duration) {
	t.Helper()
	select {
	case <-s.exited:
	case <-time.After(within):
		t.Fatalf("it did not end within %v", within)
	}
}
