package router

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"llmroute/router/config"
	"llmroute/router/credential"
)

// Clusters is who makes backends reachable: Envoy's side of a configuration.
type Clusters interface {
	// Add makes bs reachable beside what is, and returns when they are. After an
	// error everything is as it was before.
	Add(ctx context.Context, bs []*config.Backend) error
	// Keep says that nothing but bs will be asked for any more. Requests that are
	// on their way may still need the others for a while.
	Keep(bs []*config.Backend)
}

// Router holds the Snapshot in force, and keeps the credentials of its backends
// fresh. Its methods may be called from any goroutine.
type Router struct {
	clusters    Clusters
	credentials *credential.Pool
	log         *slog.Logger
	now         func() time.Time

	current  atomic.Pointer[Snapshot]
	applying sync.Mutex       // Applies go one by one
	used     credential.InUse // by what is in force; under applying

	mu     sync.Mutex
	status Status
}

// New returns a Router without a configuration. log may be nil: nothing is
// logged then.
func New(clusters Clusters, log *slog.Logger) *Router {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Router{clusters: clusters, credentials: credential.NewPool(credential.Options{Log: log}), log: log, now: time.Now}
}

// Close ends what runs in the background. The Snapshot stays as it is.
func (r *Router) Close() { r.credentials.Close() }

// Status is what is in force and what became of anything newer.
type Status struct {
	Hash     string    // of the configuration in force; "" before the first
	Since    time.Time // when it came into force
	Failure  error     // why the newest configuration is not in force; nil when it is
	FailedAt time.Time // zero without Failure
}

// Snapshot returns what is in force, or nil before the first Apply.
func (r *Router) Snapshot() *Snapshot { return r.current.Load() }

// Status returns the state of affairs. It shows no secret, if the errors given
// to Reject do not.
func (r *Router) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// Apply puts c into force: it has credentials fetched that are new, makes the
// backends reachable, then lets requests see the new Snapshot, and then gives up
// what only the old one used. Requests never see a backend that Envoy cannot
// reach yet; of one whose credential could not be had they are told.
//
// After an error the old configuration stays in force. One that is in force
// already costs nothing. c must not change afterwards.
func (r *Router) Apply(ctx context.Context, c *config.Config) error {
	r.applying.Lock()
	defer r.applying.Unlock()
	old := r.current.Load()
	if old != nil && c.Hash != "" && c.Hash == old.hash {
		r.accept(c.Hash, false)
		return nil
	}
	used, err := r.credentials.Use(ctx, c.Backends)
	if err == nil {
		err = r.clusters.Add(ctx, c.Backends)
	}
	if err != nil {
		r.credentials.Keep(r.used)
		if old != nil {
			err = fmt.Errorf("apply configuration: the previous one stays in force: %w", err)
		} else {
			err = fmt.Errorf("apply configuration: %w", err)
		}
		r.Reject(err)
		return err
	}
	r.current.Store(compileWith(c, used))
	r.clusters.Keep(c.Backends)
	r.credentials.Keep(used)
	r.used = used
	r.accept(c.Hash, true)
	r.log.Info("configuration in force", "hash", c.Hash, "routes", len(c.Routes), "backends", len(c.Backends))
	for _, w := range c.Warnings {
		r.log.Warn("configuration warning", "warning", w.String())
	}
	return nil
}

// Reject records that a newer configuration cannot be put into force, for
// reasons found before Apply. What is in force stays so.
func (r *Router) Reject(err error) {
	r.mu.Lock()
	r.status.Failure, r.status.FailedAt = err, r.now()
	hash := r.status.Hash
	r.mu.Unlock()
	r.log.Error("configuration refused", "error", err, "in_force", hash)
}

// accept records that nothing newer than hash is known; fresh, that it has just
// come into force.
func (r *Router) accept(hash string, fresh bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status.Failure, r.status.FailedAt = nil, time.Time{}
	if fresh {
		r.status.Hash, r.status.Since = hash, r.now()
	}
}
