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
	host    string // the DNS name that Envoy must resolve first, or ""
	wire    *discoveryv3.Resource
}

// Add publishes the clusters of bs beside those there are, and returns when
// every connected Envoy can use them; at once when none is connected. Backends
// that name a cluster of somebody else's need nothing.
//
// When an Envoy refuses a cluster, when none of its answers comes in time, or
// when ctx ends, the error names backend and reason, and what was added is
// withdrawn: the state is that of before. A cluster that was published earlier
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
func (s *Server) await(ctx context.Context, wanted []*resource, fresh map[string]bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.acceptTimeout, errTimeout)
	defer cancel()
	for {
		s.mu.Lock()
		waiting, err := s.standing(wanted, fresh)
		changed := s.changed
		s.mu.Unlock()
		if err != nil || waiting == nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("backend %q: envoy %q: %w", waiting.backend, waiting.node, context.Cause(ctx))
		}
	}
}

// pending is an answer that an Envoy still owes.
type pending struct{ backend, node string }

// standing returns a pending answer, or nil when there is none, or an error when
// something fresh was refused. The caller holds mu.
func (s *Server) standing(wanted []*resource, fresh map[string]bool) (*pending, error) {
	var first *pending
	for st := range s.streams {
		if !st.subscribed {
			continue
		}
		for _, r := range wanted {
			switch {
			case st.held[r.name] == r.version:
			case st.refused[r.name].version == r.version:
				if fresh[r.name] {
					return nil, st.refused[r.name].why
				}
			case first == nil:
				first = &pending{backend: r.backend, node: st.node}
			}
		}
	}
	return first, nil
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
