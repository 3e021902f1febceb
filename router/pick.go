package router

import (
	"strconv"

	"llmroute/router/config"
	"llmroute/translator"
)

// rule is a config.Rule compiled for use.
type rule struct {
	route   *config.Route
	index   int
	label   string // its name, else its index
	targets []target
	total   uint64 // of all weights
}

// target is one backend of a rule that takes requests.
type target struct {
	id      string
	backend *Backend // nil when nothing of that ID is configured
	weight  uint64
}

func (s *Snapshot) compileRule(route *config.Route, index int) *rule {
	c := &route.Rules[index]
	r := &rule{route: route, index: index, label: c.Name}
	if r.label == "" {
		r.label = strconv.Itoa(index)
	}
	for _, ref := range c.Backends {
		if ref.Weight <= 0 {
			continue
		}
		t := target{id: ref.Backend, weight: uint64(ref.Weight)}
		if !ref.Missing {
			t.backend = s.backends[ref.Backend]
		}
		r.targets = append(r.targets, t)
		r.total += t.weight
	}
	return r
}

// noBackend answers the share of requests that the Gateway API calls invalid.
var noBackend = &translator.Refusal{Status: 500, Code: "backend_not_configured",
	Message: "The route of this request leads to no configured backend."}

// pick returns the backend of one request, or nil when its share goes nowhere.
// Each target gets its weight's share of the draws; draw(n) is uniform in [0,n).
func (r *rule) pick(draw func(n uint64) uint64) *Backend {
	switch len(r.targets) {
	case 0:
		return nil
	case 1:
		return r.targets[0].backend
	}
	n := draw(r.total)
	for i := range r.targets {
		t := &r.targets[i]
		if n < t.weight {
			return t.backend
		}
		n -= t.weight
	}
	panic("internal error: a draw lies outside its range")
}

// sole returns the only backend that the rule can lead to, or nil.
func (r *rule) sole() *Backend {
	var only *Backend
	for _, t := range r.targets {
		switch {
		case t.backend == nil || t.backend == only:
		case only != nil:
			return nil
		default:
			only = t.backend
		}
	}
	return only
}

// leads reports whether the rule leads to any backend at all.
func (r *rule) leads() bool {
	for _, t := range r.targets {
		if t.backend != nil {
			return true
		}
	}
	return false
}
