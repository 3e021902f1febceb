package xds

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"llmroute/router/config"
)

// errTimeout ends the wait for an Envoy that does not answer.
var errTimeout = errors.New("no answer in time")

// resource is one cluster as it is published. It is immutable.
type resource struct {
	name    string
	version string // a hash of what the cluster consists of
	backend string // ID
	host    string // the DNS name that Envoy has to resolve, or ""
	wire    *discoveryv3.Resource
}

// Add publishes the clusters of bs beside those there are, and returns when
// every connected Envoy can use them; at once when none is connected. Backends
// that name a cluster of somebody else's need nothing.
//
// When an Envoy refuses a cluster (the error is then a *Refusal), when it does not
// answer in time, or when ctx ends, the error names backend and reason, and what
// was added is withdrawn: the state is that of before. A cluster that was published earlier
// and refused since does not make a later Add fail.
func (s *Server) Add(ctx context.Context, bs []*config.Backend) error {
	wanted, err := s.compile(bs)
	if err != nil {
		return err
	}
	select {
	case s.adding <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("publish clusters: %w", context.Cause(ctx))
	}
	defer func() { <-s.adding }()

	fresh, revived := s.insert(wanted)
	if err := s.await(ctx, wanted, fresh); err != nil {
		s.withdraw(fresh, revived)
		return fmt.Errorf("publish clusters: %w", err)
	}
	return nil
}

// compile makes the resources of bs, sorted by name, and reports all that cannot
// be made.
func (s *Server) compile(bs []*config.Backend) ([]*resource, error) {
	var problems []error
	made := make(map[string]*resource, len(bs))
	for _, b := range bs {
		if b.Cluster != "" {
			continue
		}
		r, err := newResource(b, s.caFile)
		if err != nil {
			problems = append(problems, fmt.Errorf("cluster of backend %q: %w", b.ID, err))
			continue
		}
		made[r.name] = r
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(made), func(a, b *resource) int { return strings.Compare(a.name, b.name) }), nil
}

// insert publishes wanted. It returns the names that were not there before, and
// those that were about to be removed.
func (s *Server) insert(wanted []*resource) (fresh map[string]bool, revived []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.configured = true
	fresh = make(map[string]bool)
	for _, r := range wanted {
		if timer := s.leaving[r.name]; timer != nil {
			timer.Stop()
			delete(s.leaving, r.name)
			revived = append(revived, r.name)
		}
		if s.resources[r.name] == nil {
			s.resources[r.name] = r
			fresh[r.name] = true
		}
	}
	s.wakeAll()
	return fresh, revived
}

// await waits until every connected Envoy has answered for all of wanted.
//
// Envoy answers a push when its clusters are warm, so an accepted cluster is a
// usable one. While a single name does not resolve it holds back every answer,
// also those for other clusters, which do work. Names are no reason to refuse a
// configuration (one that does not exist is accepted at once), so after
// acceptTimeout such an Envoy is no longer waited for.
func (s *Server) await(ctx context.Context, wanted []*resource, fresh map[string]bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.acceptTimeout, errTimeout)
	defer cancel()
	for {
		expired := ctx.Err() != nil
		owed, changed, err := s.owed(wanted, fresh)
		switch {
		case err != nil || len(owed) == 0:
			return err
		case !expired:
			select {
			case <-changed:
			case <-ctx.Done():
			}
		case errors.Is(context.Cause(ctx), errTimeout) && !slices.ContainsFunc(owed, answer.inexplicable):
			for _, a := range owed {
				s.log.Warn("envoy does not say that it is ready, perhaps names do not resolve", "node", a.node, "backends", a.backends, "names", a.names)
			}
			return nil
		default:
			return fmt.Errorf("envoy %q: backends %s: %w", owed[0].node, strings.Join(owed[0].backends, ", "), context.Cause(ctx))
		}
	}
}

// answer is what one Envoy still has to say.
type answer struct {
	node     string
	backends []string // that are waited for
	names    []string // DNS names that it may be resolving, for these or others
}

// inexplicable reports whether DNS cannot be what holds the answer back.
func (a answer) inexplicable() bool { return len(a.names) == 0 }

// owed returns the answers that are still to come for wanted, and what is closed
// when that may have changed; or an error when something fresh was refused.
func (s *Server) owed(wanted []*resource, fresh map[string]bool) (out []answer, changed <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for st := range s.streams {
		if !st.subscribed {
			continue
		}
		a := answer{node: st.node}
		for _, r := range wanted {
			k := st.known[r.name]
			switch {
			case k == nil || k.version != r.version:
				a.backends = append(a.backends, r.backend)
			case k.held:
			case k.refused == nil:
				a.backends = append(a.backends, r.backend)
			case fresh[r.name]:
				return nil, nil, k.refused
			}
		}
		if len(a.backends) == 0 {
			continue
		}
		for _, p := range st.inFlight {
			for _, r := range p.sent {
				if r.host != "" {
					a.names = append(a.names, r.host)
				}
			}
		}
		out = append(out, a)
	}
	return out, s.changed, nil
}

// withdraw undoes insert.
func (s *Server) withdraw(fresh map[string]bool, revived []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range fresh {
		s.remove(name)
	}
	for _, name := range revived {
		s.dismiss(name)
	}
	s.wakeAll()
}

// Keep says what is still needed: all other clusters are removed after the grace
// period, unless an Add or a Keep names them meanwhile.
func (s *Server) Keep(bs []*config.Backend) {
	keep := make(map[string]bool, len(bs))
	for _, b := range bs {
		keep[ClusterName(b)] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	for name := range s.resources {
		timer := s.leaving[name]
		switch {
		case keep[name] && timer != nil:
			timer.Stop()
			delete(s.leaving, name)
		case !keep[name] && timer == nil:
			s.dismiss(name)
		}
	}
}

// dismiss starts name's grace period. The caller holds mu.
func (s *Server) dismiss(name string) {
	var timer *time.Timer
	timer = time.AfterFunc(s.grace, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.leaving[name] == timer {
			s.remove(name)
			s.wakeAll()
		}
	})
	s.leaving[name] = timer
}

// remove forgets name. The caller holds mu and wakes the streams.
func (s *Server) remove(name string) {
	if timer := s.leaving[name]; timer != nil {
		timer.Stop()
		delete(s.leaving, name)
	}
	delete(s.resources, name)
}
