package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// applied waits until another configuration than the one of the hash is in force,
// and returns its hash.
func (g *gateway) applied(t testing.TB, before string) string {
	t.Helper()
	var s state
	waitFor(t, "the reload", func() error {
		s = g.state(t)
		if s.Config.Hash == before || s.Config.Failure != "" {
			return fmt.Errorf("in force is %s, failure %q", s.Config.Hash, s.Config.Failure)
		}
		return nil
	})
	return s.Config.Hash
}

// refused waits until a configuration was refused, checks that the one of the
// hash is still in force, and returns why the other is not.
func (g *gateway) refused(t testing.TB, hash string) string {
	t.Helper()
	var s state
	waitFor(t, "the refusal", func() error {
		if s = g.state(t); s.Config.Failure == "" {
			return fmt.Errorf("in force is %s, without a failure", s.Config.Hash)
		}
		return nil
	})
	if s.Config.Hash != hash {
		t.Errorf("in force is %s, want %s as before", s.Config.Hash, hash)
	}
	return s.Config.Failure
}

// load sends requests from several clients until it is stopped.
type load struct {
	stop     chan struct{}
	wg       sync.WaitGroup
	requests atomic.Int64
	failed   atomic.Int64
	first    atomic.Pointer[string] // the first failure
}

func startLoad(t testing.TB, g *gateway, clients int, bodies ...string) *load {
	t.Helper()
	l := &load{stop: make(chan struct{})}
	for c := range clients {
		l.wg.Go(func() {
			for i := c; ; i++ {
				select {
				case <-l.stop:
					return
				default:
				}
				a, err := g.try(t.Context(), "POST", "/v1/chat/completions", bodies[i%len(bodies)])
				l.requests.Add(1)
				stream := err == nil && strings.HasPrefix(a.Header.Get("content-type"), "text/event-stream")
				if err == nil && a.Status == http.StatusOK && (!stream || strings.Contains(a.Body, "[DONE]")) {
					continue
				}
				l.failed.Add(1)
				text := fmt.Sprintf("%s: %+v, %v", bodies[i%len(bodies)], a, err)
				l.first.CompareAndSwap(nil, &text)
			}
		})
	}
	return l
}

// end stops the load and fails the test if a request has failed.
func (l *load) end(t testing.TB) {
	t.Helper()
	close(l.stop)
	l.wg.Wait()
	if n := l.failed.Load(); n > 0 {
		t.Errorf("%d of %d requests failed, the first: %s", n, l.requests.Load(), *l.first.Load())
	}
}

// A hundred reloads under load cost no request, while backends come, change and
// go. A broken file among them is refused by name, and what was in force stays.
func TestReloadsLoseNoRequest(t *testing.T) {
	const reloads, broken = 100, 50
	f := startFleet(t, "a", "b", "c")
	names := []string{"a", "b", "c"}
	urls := []string{f.Providers["a"].URL, f.Providers["b"].URL, f.Providers["c"].URL}
	// The backend "moving" changes its place with every generation, one backend
	// comes with each and goes with the next, and "steady" stays.
	docs := func(n int) string {
		fresh := fmt.Sprintf("fresh-%d", n)
		return backendDoc("steady", urls[0]) +
			backendDoc("moving", urls[n%3], fmt.Sprintf("idleTimeout: %ds", 60+n)) +
			backendDoc(fresh, urls[(n+1)%3]) +
			routeDoc("r", modelRule("steady", "steady"), modelRule("moving", "moving", fresh), modelRule("fresh", fresh))
	}
	g := startWith(t, settings{files: map[string]string{"config.yaml": docs(0)}, args: []string{"--log-level", "info"}})
	l := startLoad(t, g, 4, chat("steady", "hi"), chat("moving", "hi"), chat("fresh", "hi"),
		`{"model":"moving","stream":true,"messages":[{"role":"user","content":"one two three"}]}`)
	hash := g.state(t).Config.Hash
	begin := time.Now()
	for n := 1; n <= reloads; n++ {
		if n == broken {
			g.write(t, "config.yaml", strings.Replace(docs(n), "idleTimeout", "idleTimeOut", 1))
			if failure := g.refused(t, hash); !strings.Contains(failure, "spec.idleTimeOut") {
				t.Errorf("the broken file is refused with %q", failure)
			}
			continue
		}
		g.write(t, "config.yaml", docs(n))
		hash = g.applied(t, hash)
		if n%10 != 0 {
			continue
		}
		// What has changed takes effect, and nothing else does.
		id := fmt.Sprint("after-", n)
		a := g.post(t, "/v1/chat/completions", chat("fresh", "hi"), "x-request-id", id)
		if want := names[(n+1)%3]; a.Status != http.StatusOK || f.of(id) != want {
			t.Errorf("reload %d: got %d, arrived at %q, want %q", n, a.Status, f.of(id), want)
		}
	}
	l.end(t)
	t.Logf("%d requests during %d reloads in %v", l.requests.Load(), reloads, time.Since(begin).Round(time.Millisecond))
	if n := l.requests.Load(); n < 10*reloads {
		t.Errorf("only %d requests: not much of a load", n)
	}
	if log := g.Sidecar.log.String(); !strings.Contains(log, "configuration refused") {
		t.Error("the broken file is not in the log")
	}
	metrics := g.metrics(t)
	for _, want := range []string{`result="failed"`, `result="ok"`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

// A route that goes away takes no more requests, and a weight that changes
// counts from the next request on.
func TestReloadTakesEffect(t *testing.T) {
	f := startFleet(t, "a", "b")
	g := start(t, f.docs()+routeDoc("r", modelRule("m", "a"), modelRule("gone", "a")))
	f.run(t, g, []probe{{name: "before", want: "a"}, {name: "there", model: "gone", want: "a"}})
	hash := g.state(t).Config.Hash
	g.write(t, "config.yaml", f.docs()+routeDoc("r", modelRule("m", "a, weight: 0", "b, weight: 1")))
	g.applied(t, hash)
	f.run(t, g, []probe{{name: "after", want: "b"}, {name: "gone", model: "gone", status: http.StatusNotFound}})
}

// A key file that changes is read again: the next request carries the new key.
func TestReloadOfAKey(t *testing.T) {
	p := startProvider(t)
	key := filepath.Join(t.TempDir(), "key")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(key+".new", []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(key+".new", key); err != nil {
			t.Fatal(err)
		}
	}
	write("sk-old")
	g := start(t, backendDoc("a", p.URL, "auth: {type: APIKey, file: "+key+"}")+routeDoc("r", catchAll("a")))
	g.post(t, "/v1/chat/completions", chat("m", "hi"))
	if got := p.Last().Key; got != "sk-old" {
		t.Errorf("got key %q", got)
	}
	hash := g.state(t).Config.Hash
	write("sk-new")
	g.applied(t, hash)
	g.post(t, "/v1/chat/completions", chat("m", "hi"))
	if got := p.Last().Key; got != "sk-new" {
		t.Errorf("after the change: got key %q", got)
	}
	if log := g.Sidecar.log.String(); strings.Contains(log, "sk-old") || strings.Contains(log, "sk-new") {
		t.Error("a key is in the log")
	}
}
