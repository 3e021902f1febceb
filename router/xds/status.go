package xds

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Status is a picture of the server at one moment; the caller owns it.
type Status struct {
	Configured bool     // there has been a configuration to publish
	Envoys     []Envoy  // connected, in the order of node and age
	Clusters   []string // published, sorted; those in their grace period included
	Leaving    []string // those of Clusters that are in their grace period
	Refusal    *Refusal // the last one, nil when there was none; it may be long cured
}

// Envoy is one connected Envoy.
type Envoy struct {
	Node     string // node.id of its bootstrap
	Version  string // "1.40.0", or "" when it does not say
	Since    time.Time
	Accepted int // how many of Status.Clusters it has
	Refused  int // how many it does not want
	Pending  int // how many it has not answered for yet
}

// Refusal is an Envoy's answer that it will not take a cluster. It is an error.
type Refusal struct {
	Time     time.Time
	Node     string
	Backends []string // IDs
	Detail   string   // Envoy's words, cut off when they are long
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("cluster of backend %s refused by envoy %q: %s", strings.Join(r.Backends, ", "), r.Node, r.Detail)
}

// Ready reports whether some Envoy is connected and each has answered for every
// published cluster.
func (s *Status) Ready() bool {
	return s.Configured && len(s.Envoys) > 0 && !slices.ContainsFunc(s.Envoys, func(e Envoy) bool { return e.Pending > 0 })
}

// Status returns how things stand.
func (s *Server) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Status{
		Configured: s.configured,
		Clusters:   slices.Sorted(maps.Keys(s.resources)),
		Leaving:    slices.Sorted(maps.Keys(s.leaving)),
		Refusal:    s.refusal,
	}
	for st := range s.streams {
		if !st.subscribed {
			continue
		}
		e := Envoy{Node: st.node, Version: st.version, Since: st.since}
		for name, r := range s.resources {
			switch k := st.known[name]; {
			case k == nil || k.version != r.version:
				e.Pending++
			case k.held:
				e.Accepted++
			case k.refused != nil:
				e.Refused++
			default:
				e.Pending++
			}
		}
		out.Envoys = append(out.Envoys, e)
	}
	slices.SortFunc(out.Envoys, func(a, b Envoy) int {
		return cmp.Or(strings.Compare(a.Node, b.Node), a.Since.Compare(b.Since))
	})
	return out
}
