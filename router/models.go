package router

import (
	"maps"
	"slices"
	"strings"
)

// Model is a model that clients may ask for.
type Model struct {
	ID      string // as clients write it
	OwnedBy string // the backend that serves it, or the route where several do
}

// Models returns the models that a client of a.Host can ask for, sorted, each
// once: what routes ask for, and the configured models of the backends that
// take models without being asked for one by name. Nothing but the host is
// looked at: a rule's other conditions are those of other requests.
func (s *Snapshot) Models(a *Ask) []Model {
	byID := map[string]Model{}
	add := func(id, owner string) {
		if _, ok := byID[id]; !ok {
			byID[id] = Model{id, owner}
		}
	}
	var reachable []*candidate
	for _, t := range s.hosts.tables(nil, a.Host) {
		reachable = append(reachable, t.all...)
	}
	for _, c := range reachable {
		if c.model == "" || !c.rule.leads() {
			continue
		}
		if b := c.rule.sole(); b != nil {
			add(c.model, b.ID)
		} else {
			add(c.model, c.rule.route.LLMRoute)
		}
	}
	for _, c := range reachable {
		if c.model != "" {
			continue
		}
		for _, t := range c.rule.targets {
			if t.backend != nil {
				addAll(add, t.backend, "")
			}
		}
	}
	for id, b := range s.fallback.addressable {
		addAll(add, b, id+":")
	}
	for _, b := range s.backends {
		for _, m := range b.Models {
			if f := s.fallback.find(m); f.backend == b && f.model == m {
				add(m, b.ID)
			}
		}
	}
	return slices.SortedFunc(maps.Values(byID), func(a, b Model) int { return strings.Compare(a.ID, b.ID) })
}

func addAll(add func(id, owner string), b *Backend, prefix string) {
	for _, m := range b.Models {
		add(prefix+m, b.ID)
	}
}
