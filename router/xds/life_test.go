package xds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"llmroute/internal/envoy/envoytest"
	"llmroute/router/config"
)

func backendAt(id, host string, port uint32) *config.Backend {
	return &config.Backend{ID: id, Endpoint: &config.Endpoint{Host: host, Port: port}}
}

// TestAcceptedIsUsable: Envoy acknowledges a cluster when its name has resolved,
// so the first request after Add succeeds; and one name that never resolves
// delays others without breaking them.
func TestAcceptedIsUsable(t *testing.T) {
	port := serve(t, tellingUpstream, nil)
	dns := newResolver(t, func(name string) time.Duration {
		if name == "never.example." {
			return time.Hour
		}
		return 200 * time.Millisecond
	})
	for version, binary := range envoytest.Fetched(t) {
		t.Run(version, func(t *testing.T) {
			s := newSidecar(t, New(Options{Log: testLog(t), AcceptTimeout: time.Second}), 0)
			p := newProxy(t, binary, s.port, dns.bootstrap())
			steps := []struct {
				host   string
				status int
			}{
				{"slow.example", 200},     // one logical endpoint
				{"slow.default.svc", 200}, // an endpoint per address
				{"127.0.0.1", 200},
				{"never.example", 503},
				{"127.0.0.1", 200}, // while never.example holds back the answer
			}
			for i, step := range steps {
				b := backendAt(fmt.Sprintf("b%d", i), step.host, port)
				if err := s.Add(t.Context(), []*config.Backend{b}); err != nil {
					t.Fatal(err)
				}
				if got := p.ask(t, ClusterName(b), nil); got.status != step.status {
					t.Errorf("step %d, %s: got %d %q, want %d", i, step.host, got.status, got.body, step.status)
				}
			}
		})
	}
}

// TestRefusal: what Envoy refuses is reported in its own words, and nothing of
// the refused configuration stays, the good clusters of it included.
func TestRefusal(t *testing.T) {
	port := serve(t, tellingUpstream, nil)
	s := newSidecar(t, New(Options{Log: testLog(t)}), 0)
	p := newProxy(t, envoytest.Path(t), s.port, "")
	old, good, bad := backendAt("old", "127.0.0.1", port), backendAt("good", "127.0.0.1", port), backendAt("bad", "127.0.0.1", port)
	bad.Endpoint.TLS = &config.TLS{CAFile: "/nowhere/roots.pem"}
	if err := s.Add(t.Context(), []*config.Backend{old}); err != nil {
		t.Fatal(err)
	}
	err := s.Add(t.Context(), []*config.Backend{old, good, bad})
	refusal, ok := errors.AsType[*Refusal](err)
	if !ok || len(refusal.Backends) != 1 || refusal.Backends[0] != "bad" || !strings.Contains(err.Error(), "/nowhere/roots.pem") {
		t.Fatalf("got %v, want a refusal of bad that names its file", err)
	}
	until(t, "the good cluster is withdrawn", func() bool { return p.ask(t, ClusterName(good), nil).status == 503 })
	if got := p.ask(t, ClusterName(old), nil); got.status != 200 {
		t.Errorf("old cluster: got %d %q", got.status, got.body)
	}
	if err := s.Add(t.Context(), []*config.Backend{old, good}); err != nil {
		t.Errorf("the next configuration: %v", err)
	}
	if got := p.ask(t, ClusterName(good), nil); got.status != 200 {
		t.Errorf("good cluster: got %d %q", got.status, got.body)
	}
}

// TestRestart: Envoy serves on while the sidecar is away, is sent nothing when
// it comes back with the same backends, and loses what is gone from the
// configuration only after the grace period.
func TestRestart(t *testing.T) {
	port := serve(t, tellingUpstream, nil)
	a, b, gone := backendAt("a", "127.0.0.1", port), backendAt("b", "localhost", port), backendAt("gone", "127.0.0.1", port)
	first := newSidecar(t, New(Options{Log: testLog(t)}), 0)
	p := newProxy(t, envoytest.Path(t), first.port, "")
	if err := first.Add(t.Context(), []*config.Backend{a, b, gone}); err != nil {
		t.Fatal(err)
	}
	ok := func(when string) {
		for _, x := range []*config.Backend{a, b} {
			if got := p.ask(t, ClusterName(x), nil); got.status != 200 {
				t.Errorf("%s, %s: got %d %q", when, x.ID, got.status, got.body)
			}
		}
	}
	first.stop()
	ok("without sidecar")
	updates := p.Stat(t, "cluster_manager.cds.update_success")

	const grace = time.Second
	second := newSidecar(t, New(Options{Log: testLog(t), Grace: grace}), first.port)
	until(t, "envoy is back", func() bool { return len(second.Status().Envoys) == 1 })
	ok("before the first configuration")
	if err := second.Add(t.Context(), []*config.Backend{a, b}); err != nil {
		t.Fatal(err)
	}
	ok("after it")
	if got := p.Stat(t, "cluster_manager.cds.update_success"); got != updates {
		t.Errorf("equal content sent %d updates", got-updates)
	}
	if got := p.ask(t, ClusterName(gone), nil); got.status != 200 {
		t.Errorf("within the grace period: got %d %q", got.status, got.body)
	}
	until(t, "the cluster of an earlier configuration is removed", func() bool { return p.ask(t, ClusterName(gone), nil).status == 503 })
	ok("after the grace period")
}

// TestEmptyConfiguration: an Envoy that needs no cluster of ours is told so and
// opens its listeners without waiting for its fetch timeout.
func TestEmptyConfiguration(t *testing.T) {
	s := newSidecar(t, New(Options{}), 0)
	if err := s.Add(t.Context(), []*config.Backend{{ID: "own", Cluster: "theirs"}}); err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, envoytest.Path(t), s.port, "")
	if n := p.Stat(t, "cluster_manager.cds.init_fetch_timeout"); n != 0 {
		t.Error("envoy waited in vain for its first clusters")
	}
}

// TestReloadUnderLoad: no request fails while backends are added, changed and
// removed, since each is planned with names that Envoy has accepted.
func TestReloadUnderLoad(t *testing.T) {
	port := serve(t, tellingUpstream, nil)
	s := newSidecar(t, New(Options{Grace: 300 * time.Millisecond}), 0)
	p := newProxy(t, envoytest.Path(t), s.port, "")
	var current atomic.Pointer[string]
	var asked, failed atomic.Int32
	reload := func(i int) {
		b := backendAt("changing", "127.0.0.1", port)
		b.RetryDelay = time.Duration(i%7+1) * time.Second // a few names that come and go
		bs := []*config.Backend{b, backendAt(fmt.Sprint("extra", i), "localhost", port)}
		if err := s.Add(t.Context(), bs); err != nil {
			t.Fatal(err)
		}
		name := ClusterName(b)
		current.Store(&name)
		s.Keep(bs)
	}
	reload(0)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if got := p.ask(t, *current.Load(), nil); got.status != http.StatusOK {
					failed.Add(1)
					t.Errorf("got %d %q", got.status, got.body)
				}
				asked.Add(1)
			}
		})
	}
	for i := range 50 {
		reload(i + 1)
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	wg.Wait()
	if asked.Load() < 50 || failed.Load() > 0 {
		t.Errorf("%d of %d requests failed over 50 reloads", failed.Load(), asked.Load())
	}
}

// TestRemovalKeepsStreams: a reply that is flowing when its cluster is removed
// flows on to its end.
func TestRemovalKeepsStreams(t *testing.T) {
	more := make(chan struct{})
	port := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := range 2 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
			<-more
		}
	}, nil)
	s := newSidecar(t, New(Options{Grace: time.Millisecond}), 0)
	p := newProxy(t, envoytest.Path(t), s.port, "")
	b := backendAt("b", "127.0.0.1", port)
	if err := s.Add(t.Context(), []*config.Backend{b}); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("x-test-cluster", ClusterName(b))
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	s.Keep(nil)
	until(t, "the cluster is removed", func() bool {
		page, err := p.Get("/clusters")
		return err == nil && !strings.Contains(page, ClusterName(b)+"::")
	})
	close(more)
	got, err := io.ReadAll(resp.Body)
	if want := "data: 0\n\ndata: 1\n\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// TestRetries: whether and how often comes with the request, the pause with the
// cluster, and a cluster by itself retries nothing.
func TestRetries(t *testing.T) {
	var tries atomic.Int32
	failing := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		tries.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	}, nil)
	for version, binary := range envoytest.Fetched(t) {
		t.Run(version, func(t *testing.T) {
			s := newSidecar(t, New(Options{}), 0)
			p := newProxy(t, binary, s.port, "")
			b := backendAt("failing", "127.0.0.1", failing)
			b.RetryDelay = 200 * time.Millisecond
			if err := s.Add(t.Context(), []*config.Backend{b}); err != nil {
				t.Fatal(err)
			}
			cases := []struct {
				name    string
				header  []string
				tries   int32
				atLeast time.Duration // Envoy draws each pause between 0 and its bound
				atMost  time.Duration
			}{
				{"no headers", nil, 1, 0, 150 * time.Millisecond},
				{"no retries", []string{"x-test-retry-on", "5xx", "x-test-max-retries", "0"}, 1, 0, 150 * time.Millisecond},
				{"only a number", []string{"x-test-max-retries", "3"}, 1, 0, 150 * time.Millisecond},
				{"four", []string{"x-test-retry-on", "5xx", "x-test-max-retries", "4"}, 5, 100 * time.Millisecond, 5 * time.Second},
			}
			for _, c := range cases {
				tries.Store(0)
				start := time.Now()
				got := p.ask(t, ClusterName(b), nil, c.header...)
				took := time.Since(start)
				if got.status != 503 || tries.Load() != c.tries || took < c.atLeast || took > c.atMost {
					t.Errorf("%s: got %d after %d tries in %v, want 503 after %d in %v to %v", c.name, got.status, tries.Load(), took, c.tries, c.atLeast, c.atMost)
				}
			}
		})
	}
}
