package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"llmroute/router/config"
)

// envoy is Clusters as a test wants them: it writes down what it is asked.
type envoy struct {
	router *Router
	refuse error
	calls  []string
}

func (e *envoy) Add(_ context.Context, bs []*config.Backend) error {
	e.note("add", bs)
	return e.refuse
}

func (e *envoy) Keep(bs []*config.Backend) { e.note("keep", bs) }

// note also writes down which snapshot requests see meanwhile.
func (e *envoy) note(what string, bs []*config.Backend) {
	ids := make([]string, 0, len(bs))
	for _, b := range bs {
		ids = append(ids, b.ID)
	}
	seen := "nothing"
	if s := e.router.Snapshot(); s != nil {
		seen = s.Hash()
	}
	e.calls = append(e.calls, fmt.Sprintf("%s %s while %s", what, strings.Join(ids, " "), seen))
}

// anywhere is Clusters that has no opinion.
type anywhere struct{}

func (anywhere) Add(context.Context, []*config.Backend) error { return nil }
func (anywhere) Keep([]*config.Backend)                       {}

func newRouter(log *slog.Logger) (*Router, *envoy) {
	e := &envoy{}
	e.router = New(e, log)
	return e.router, e
}

func configuration(hash, backendID string) *config.Config {
	return &config.Config{Hash: hash, Backends: []*config.Backend{backend(backendID)}, DefaultBackend: backendID}
}

func TestApplyInOrder(t *testing.T) {
	r, e := newRouter(nil)
	if r.Snapshot() != nil {
		t.Error("a new router has a snapshot")
	}
	for _, c := range []*config.Config{configuration("one", "a"), configuration("two", "b"), configuration("two", "b")} {
		if err := r.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"add a while nothing", "keep a while one",
		"add b while one", "keep b while two", // and the third costs nothing
	}
	if diff := cmp.Diff(e.calls, want); diff != "" {
		t.Errorf("calls (-got +want):\n%s", diff)
	}
}

func TestRefusedConfigurationLeavesTheOldOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		r, e := newRouter(slog.New(slog.NewTextHandler(&log, nil)))
		reason := errors.New("cluster of backend b: no")
		start := time.Now()

		e.refuse = reason
		if err := r.Apply(t.Context(), configuration("one", "a")); !errors.Is(err, reason) {
			t.Errorf("first apply: got %v, want %v", err, reason)
		}
		if r.Snapshot() != nil {
			t.Error("a refused first configuration is in force")
		}
		e.refuse = nil
		if err := r.Apply(t.Context(), configuration("one", "a")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		e.refuse = reason
		err := r.Apply(t.Context(), configuration("two", "b"))
		if !errors.Is(err, reason) || !strings.Contains(err.Error(), "the previous one stays in force") {
			t.Errorf("apply: got %v, want %v and that the previous one stays in force", err, reason)
		}
		if got := r.Snapshot().Hash(); got != "one" {
			t.Errorf("in force: got %s, want one", got)
		}
		got := r.Status()
		if !errors.Is(got.Failure, reason) {
			t.Errorf("status: got failure %v, want %v", got.Failure, reason)
		}
		got.Failure = nil
		if diff := cmp.Diff(got, Status{Hash: "one", Since: start, FailedAt: start.Add(time.Hour)}); diff != "" {
			t.Errorf("status (-got +want):\n%s", diff)
		}
		if !strings.Contains(log.String(), "configuration refused") {
			t.Errorf("the log does not say that a configuration was refused:\n%s", log.String())
		}

		// Taking the change back is not news for requests, but ends the failure.
		if err := r.Apply(t.Context(), configuration("one", "a")); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r.Status(), Status{Hash: "one", Since: start}); diff != "" {
			t.Errorf("status after all is well again (-got +want):\n%s", diff)
		}
	})
}

func TestReject(t *testing.T) {
	r, _ := newRouter(nil)
	if err := r.Apply(t.Context(), configuration("one", "a")); err != nil {
		t.Fatal(err)
	}
	r.Reject(errors.New("a.yaml:1: broken"))
	if got := r.Status(); got.Hash != "one" || got.Failure == nil || got.FailedAt.IsZero() {
		t.Errorf("status: got %+v, want hash one and a failure", got)
	}
	if err := r.Apply(t.Context(), configuration("two", "a")); err != nil {
		t.Fatal(err)
	}
	if got := r.Status(); got.Hash != "two" || got.Failure != nil || !got.FailedAt.IsZero() {
		t.Errorf("status: got %+v, want hash two and no failure", got)
	}
}

// TestHammer plans from many goroutines while configurations come and go: every
// plan is wholly of one configuration.
func TestHammer(t *testing.T) {
	r := New(anywhere{}, nil)
	apply := func(i int) {
		id := fmt.Sprintf("b%d", i%3)
		c := &config.Config{
			Hash:     strconv.Itoa(i),
			Backends: []*config.Backend{backend(id, override(id+"-model")), backend("also-"+id, override(id+"-model"))},
			Routes:   []*config.Route{route(id, rule1("model:m", to(id, "also-"+id)))},
		}
		if err := r.Apply(t.Context(), c); err != nil {
			t.Error(err)
		}
	}
	apply(0)
	done := make(chan struct{})
	var planners, planning sync.WaitGroup
	for range 4 {
		planning.Add(1)
		planners.Go(func() {
			var p Plan
			a := ask("POST h / model:m")
			started := sync.OnceFunc(planning.Done)
			defer started()
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := r.Snapshot().Plan(&p, a, nil); err != nil {
					t.Error(err)
					return
				}
				if p.Model != p.Route+"-model" || strings.TrimPrefix(p.Backend.ID, "also-") != p.Route {
					t.Errorf("plan of two configurations: route %s, backend %s, model %s", p.Route, p.Backend, p.Model)
					return
				}
				r.Status()
				started()
			}
		})
	}
	planning.Wait()
	var appliers sync.WaitGroup
	for g := range 2 {
		appliers.Go(func() {
			for i := range 300 {
				apply(1 + g + 2*i)
			}
		})
	}
	appliers.Wait()
	close(done)
	planners.Wait()
}
