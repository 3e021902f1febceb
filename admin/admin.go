// Package admin is the human's side of the sidecar: liveness, readiness,
// metrics, and a page that says what is running.
//
// It is read-only, shows no secret and changes nothing. It has no users and no
// passwords, so it belongs on a loopback address; because a browser on the same
// machine can be led there by any web site, requests must also name it by an
// address or a name that no web site can own.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"llmroute/telemetry"
)

// Options is what the admin port shows. Each function is called per request,
// from any number of goroutines. Those left nil make what they stand for
// answer 404, but for Ready.
type Options struct {
	// Listen is the address served on, as configured: its host may stand in the
	// Host header besides the loopback names. An unspecified host, as in ":1064",
	// admits every IP address, but no further name.
	Listen string
	// Ready returns nil when requests can be taken, else the reason why not, for
	// everybody to read. nil means always ready.
	Ready func() error
	// Metrics answers /metrics.
	Metrics http.Handler
	// Status returns what / and /config show.
	Status func() Status
	// Totals returns the counts that Status.Backends are shown with.
	Totals func() []telemetry.BackendTotal
	// Usage returns what /usage shows.
	Usage func() []telemetry.ModelUsage
	// PProf serves net/http/pprof under /debug/pprof/. Profiles hold function
	// names and command lines, heap dumps no contents.
	PProf bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// New returns the handler of the admin port.
func New(o Options) http.Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Ready == nil {
		o.Ready = func() error { return nil }
	}
	p := port{o}
	mux := http.NewServeMux()
	// A method in a pattern would answer others with the mux's own 405; guard
	// has refused them before.
	mux.HandleFunc("/healthz", p.healthz)
	mux.HandleFunc("/readyz", p.readyz)
	if o.Metrics != nil {
		mux.Handle("/metrics", o.Metrics)
	}
	if o.Status != nil {
		mux.HandleFunc("/{$}", p.page)
		mux.HandleFunc("/config", p.config)
	}
	if o.Usage != nil {
		mux.HandleFunc("/usage", p.usage)
	}
	if o.PProf {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return newGuard(o.Listen, mux)
}

// port answers the requests.
type port struct{ Options }

func (port) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n")
}

func (p port) readyz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err := p.Ready(); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintf(w, "not ready: %v\n", err)
		return
	}
	_, _ = io.WriteString(w, "ready\n")
}

func (p port) config(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, p.view().Status)
}

// usage shows what was used of each model since the sidecar's start.
func (p port) usage(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, struct {
		Usage []telemetry.ModelUsage `json:"usage"`
	}{p.Usage()})
}

func writeJSON(w http.ResponseWriter, v any) {
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, "this cannot be shown as JSON", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(out, '\n'))
}

// Serve answers requests on l until ctx ends, then waits for those under way,
// a few seconds at most. It closes l, and returns nil when ctx was the reason.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      2 * time.Minute, // a CPU profile takes as long as was asked for
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("admin port: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	err := s.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.Close()
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
