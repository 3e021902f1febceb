package router

import (
	"errors"
	"slices"

	"llmroute/router/config"
	"llmroute/translator"
)

// Explanation is a decision with its reasons. It is for people: making one costs
// far more than Plan.
type Explanation struct {
	Step    Step
	Matches []Matched           // all that match, by precedence: the first takes the request
	Odds    []Odds              // where it can go; empty when it is refused whatever is drawn
	Refusal *translator.Refusal // nil unless it is refused whatever is drawn
}

// Matched is one alternative of a rule that a request matches.
type Matched struct {
	Route *config.Route
	Rule  int    // index
	Label string // the rule's name, else its index
	Match int    // index; 0 also for a rule without matches
}

// Odds is one backend that a request can go to.
type Odds struct {
	ID      string              // of the backend, also of one that is not configured
	Backend *Backend            // nil when nothing of that ID is configured
	Share   float64             // of the requests like this one; all shares add up to 1
	Plan    Plan                // what Plan says when it draws this one
	Refusal *translator.Refusal // nil, or what Plan returns when it draws this one
}

// Explain tells what Plan would do with a request, for every draw.
func (s *Snapshot) Explain(a *Ask) Explanation {
	e := Explanation{Step: StepNone}
	a = s.renamed(a)
	held := s.hosts.findAll(a)
	for _, c := range held {
		e.Matches = append(e.Matches, Matched{c.rule.route, c.rule.index, c.rule.label, c.match})
	}
	if len(held) > 0 {
		e.Step = StepRoute
		s.explainRule(&e, a, held[0].rule)
		return e
	}
	e.Step = s.fallback.find(a.Model).step
	var o Odds
	o.Refusal = refusalOf(s.Plan(&o.Plan, a, nil))
	if o.Plan.Backend == nil {
		e.Refusal = o.Refusal
		return e
	}
	o.ID, o.Backend, o.Share = o.Plan.Backend.ID, o.Plan.Backend, 1
	e.Odds = []Odds{o}
	return e
}

// explainRule asks for one plan per target, each with a draw that hits it.
func (s *Snapshot) explainRule(e *Explanation, a *Ask, r *rule) {
	if len(r.targets) == 0 {
		e.Refusal = noBackend
	}
	var hit uint64
	for _, t := range r.targets {
		o := Odds{ID: t.id, Backend: t.backend, Share: float64(t.weight) / float64(r.total)}
		o.Refusal = refusalOf(s.Plan(&o.Plan, a, func(uint64) uint64 { return hit }))
		e.Odds = append(e.Odds, o)
		hit += t.weight
	}
}

func refusalOf(err error) *translator.Refusal {
	r, _ := errors.AsType[*translator.Refusal](err)
	return r
}

// findAll returns every candidate that matches, by precedence.
func (h *hosts) findAll(a *Ask) []*candidate {
	var all []*candidate
	for _, t := range h.tables(nil, a.Host) {
		for _, g := range t.groups(nil, a.Path) {
			named, rest := g.lists(a.Model)
			for len(named)+len(rest) > 0 {
				// A route with several hostnames can come up once for each.
				if c := next(&named, &rest); c.holds(a) && !slices.Contains(all, c) {
					all = append(all, c)
				}
			}
		}
	}
	return all
}
