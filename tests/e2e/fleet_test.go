package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"llmroute/internal/fakellm"
	"llmroute/internal/fakellm/fakellmtest"
)

// fleet is several providers, each on a port of its own, that remember by the
// request's id which of them got it. So a test knows where a request really
// went, whatever anybody says of it.
type fleet struct {
	Providers map[string]*fakellmtest.Provider // by name

	mu  sync.Mutex
	got map[string][]string // request id to names
}

func startFleet(t testing.TB, names ...string) *fleet {
	t.Helper()
	f := &fleet{Providers: make(map[string]*fakellmtest.Provider), got: make(map[string][]string)}
	for _, name := range names {
		f.Providers[name] = fakellmtest.Start(t, 16, fakellm.Options{Delay: -1, Observe: func(q *fakellm.Request) {
			f.mu.Lock()
			defer f.mu.Unlock()
			id := q.Header.Get("x-request-id")
			f.got[id] = append(f.got[id], name)
		}})
	}
	return f
}

// docs are the LLMBackends of the fleet, each named as its provider.
func (f *fleet) docs() string {
	var b strings.Builder
	for name, p := range f.Providers {
		b.WriteString(backendDoc(name, p.URL))
	}
	return b.String()
}

// of returns who got the request of that id: one name, unless it was tried again.
func (f *fleet) of(id string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.got[id], ", ")
}

// total is how many requests all of them got.
func (f *fleet) total() int {
	n := 0
	for _, p := range f.Providers {
		n += p.Counts().Total
	}
	return n
}

// probe is one request and where it must arrive.
type probe struct {
	name   string
	path   string   // "" is /v1/chat/completions
	model  string   // "" is "m"
	header []string // name, value, ...
	want   string   // the backend, or "" for none
	status int      // 0 is 200
}

// run sends the probes, each as a subtest, and holds the provider that got the
// request against the one that must get it and the one that the gateway names.
func (f *fleet) run(t *testing.T, g *gateway, probes []probe) {
	t.Helper()
	for _, p := range probes {
		t.Run(p.name, func(t *testing.T) {
			id := t.Name()
			path, model, status := p.path, p.model, p.status
			if path == "" {
				path = "/v1/chat/completions"
			}
			if model == "" {
				model = "m"
			}
			if status == 0 {
				status = http.StatusOK
			}
			a := g.post(t, path, chat(model, "hi"), append([]string{"x-request-id", id}, p.header...)...)
			if a.Status != status {
				t.Errorf("got status %d, want %d: %s", a.Status, status, a.Body)
			}
			if got := f.of(id); got != p.want {
				t.Errorf("arrived at %q, want %q", got, p.want)
			}
			if status != http.StatusOK {
				a.errorCode(t) // has OpenAI's shape
				return
			}
			if got := a.Header.Get("x-llmroute-backend"); got != p.want {
				t.Errorf("the answer names backend %q, want %q", got, p.want)
			}
		})
	}
}
