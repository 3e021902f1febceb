package router

import (
	"math/rand/v2"
	"slices"

	"llmroute/router/config"
	"llmroute/router/credential"
	"llmroute/translator"
)

// Snapshot is a configuration compiled for answering. It is immutable, and its
// methods may be called from any goroutine.
//
// A request that names a model some rule asks for costs one map lookup per path
// condition that its path meets, however many rules there are. Rules that ask
// for no model are tried one by one.
type Snapshot struct {
	hash     string
	backends map[string]*Backend
	hosts    hosts
	fallback fallback
	aliases  []config.Alias
	passages []passage         // the longest prefix first
	labels   map[string]string // model names that metrics may carry
}

// Compile compiles c, which Load has checked. c must not change afterwards. Plans
// lack the tokens of backends that need one: a Router adds them.
func Compile(c *config.Config) *Snapshot { return compileWith(c, nil) }

func compileWith(c *config.Config, credentials credential.InUse) *Snapshot {
	s := &Snapshot{
		hash:     c.Hash,
		backends: make(map[string]*Backend, len(c.Backends)),
		aliases:  c.Aliases,
		labels:   map[string]string{},
	}
	ordered := make([]*Backend, 0, len(c.Backends))
	for _, b := range c.Backends {
		compiled := compileBackend(b)
		if l := credentials[b.Auth]; l != nil {
			compiled.tokened = &tokened{live: l}
		}
		s.backends[b.ID] = compiled
		ordered = append(ordered, compiled)
		for _, m := range b.Models {
			s.labels[m] = m
		}
	}
	s.compilePassages(ordered)
	s.fallback = compileFallback(ordered, s.backends[c.DefaultBackend])

	var all []*candidate
	order := make(map[*config.Route]int, len(c.Routes))
	for i, route := range c.Routes {
		order[route] = i
		for j := range route.Rules {
			all = appendMatches(all, s.compileRule(route, j), route.Rules[j].Matches)
		}
	}
	slices.SortFunc(all, precedence(order))
	for i, m := range all {
		m.rank = i
		s.hosts.add(m)
		if m.model != "" {
			s.labels[m.model] = m.model
		}
	}
	return s
}

func appendMatches(all []*candidate, r *rule, matches []config.Match) []*candidate {
	if len(matches) == 0 {
		matches = []config.Match{{}}
	}
	for i := range matches {
		if m := compileMatch(r, i, &matches[i]); m != nil {
			all = append(all, m)
		}
	}
	return all
}

// Hash returns the configuration's Hash.
func (s *Snapshot) Hash() string { return s.hash }

// errNoModel is also for a model of "": it cannot be told from none.
var errNoModel = translator.Invalid("missing_required_parameter", "model",
	"Missing required parameter: 'model'.")

// Plan decides a request and fills p, whatever p held before. An error is a
// *translator.Refusal; what was decided before it stands in p.
//
// draw returns a uniform number in [0,n) and decides between weighted backends;
// nil takes one that any number of goroutines may use.
func (s *Snapshot) Plan(p *Plan, a *Ask, draw func(n uint64) uint64) error {
	*p = Plan{ModelLabel: otherModel}
	if draw == nil {
		draw = rand.Uint64N
	}
	a = s.renamed(a)
	p.Asked = a.Model
	c := s.hosts.find(a)
	if c == nil {
		return s.planWithoutRoute(p, a)
	}
	p.Route, p.Rule = c.rule.route.LLMRoute, c.rule.label
	p.ModelLabel = s.label(c.model, a.Model)
	b := c.rule.pick(draw)
	if b == nil {
		return noBackend
	}
	if a.Model == "" {
		p.ModelLabel = s.label("", b.DefaultModel)
	}
	return p.take(b, a.Model)
}

// renamed returns a under the name that an alias gives to its model.
func (s *Snapshot) renamed(a *Ask) *Ask {
	for i := range s.aliases {
		if name, ok := s.aliases[i].Apply(a.Model); ok && a.Model != "" {
			other := *a
			other.Model = name
			return &other
		}
	}
	return a
}

func (s *Snapshot) planWithoutRoute(p *Plan, a *Ask) error {
	f := s.fallback.find(a.Model)
	switch {
	case f.backend == nil && a.Model == "":
		return errNoModel
	case f.backend == nil:
		return s.unknown(a.Model)
	}
	if p.ModelLabel = s.label("", f.model); f.model == "" {
		p.ModelLabel = s.label("", f.backend.DefaultModel)
	}
	if f.model == "" && a.Model != "" && f.backend.DefaultModel == "" && f.backend.ModelNameOverride == "" {
		p.Backend = f.backend
		return translator.Invalid("missing_required_parameter", "model",
			"The model '"+a.Model+"' names a backend, but no model of it.")
	}
	return p.take(f.backend, f.model)
}

// label returns how metrics name a model; exact is what a rule asked for, if it
// asked.
func (s *Snapshot) label(exact, model string) string {
	if exact != "" {
		return exact
	}
	if known, ok := s.labels[model]; ok {
		return known
	}
	return otherModel
}

// Match returns the route and the index of the rule that take a request, as the
// Gateway API decides it; what happens without one, and a model that is
// missing, are not its matter.
func (s *Snapshot) Match(a *Ask) (route *config.Route, rule int, ok bool) {
	c := s.hosts.find(a)
	if c == nil {
		return nil, 0, false
	}
	return c.rule.route, c.rule.index, true
}
