package router

import "strings"

// hosts finds the candidates that the request's host leaves.
//
// Routes of a more specific hostname come first, whatever their matches say; if
// none of them matches, those of a less specific one get their turn.
type hosts struct {
	exact   map[string]*table
	wild    map[string]*table // by what follows the star: ".example.com"
	longest int               // of wild's keys
	every   table             // of routes without hostnames
}

// add puts c where its route's hostnames say.
func (h *hosts) add(c *candidate) {
	names := c.rule.route.Hostnames
	if len(names) == 0 {
		h.every.add(c)
		return
	}
	for _, name := range names {
		if suffix, ok := strings.CutPrefix(name, "*"); ok {
			tableOf(&h.wild, suffix).add(c)
			h.longest = max(h.longest, len(suffix))
		} else {
			tableOf(&h.exact, name).add(c)
		}
	}
}

func tableOf(m *map[string]*table, name string) *table {
	if *m == nil {
		*m = map[string]*table{}
	}
	t := (*m)[name]
	if t == nil {
		t = &table{}
		(*m)[name] = t
	}
	return t
}

// tables appends the tables of a host, the most specific first. A wildcard
// stands for one or more labels.
func (h *hosts) tables(dst []*table, host string) []*table {
	if len(h.exact)+len(h.wild) > 0 {
		host = hostname(host)
		if t := h.exact[host]; t != nil {
			dst = append(dst, t)
		}
		for i := max(1, len(host)-h.longest); i < len(host); i++ {
			if host[i] == '.' {
				if t := h.wild[host[i:]]; t != nil {
					dst = append(dst, t)
				}
			}
		}
	}
	return append(dst, &h.every)
}

// hostname returns the name in an authority: without port, in lower case.
func hostname(authority string) string {
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && isDigits(authority[i+1:]) {
		authority = authority[:i]
	}
	return strings.ToLower(authority) // copies only if it must
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// table holds the candidates of one hostname and finds those that the request's
// path leaves. Candidates are added by rank.
type table struct {
	exact   map[string]*group // by path
	prefix  map[string]*group // by prefix, no trailing slash
	longest int               // of prefix's keys
	every   group             // the prefix "/"
	all     []*candidate      // by rank
}

func (t *table) add(c *candidate) {
	t.all = append(t.all, c)
	switch {
	case c.path.Exact:
		groupOf(&t.exact, c.path.Value).add(c)
	case c.path.Value == "":
		t.every.add(c)
	default:
		groupOf(&t.prefix, c.path.Value).add(c)
		t.longest = max(t.longest, len(c.path.Value))
	}
}

func groupOf(m *map[string]*group, path string) *group {
	if *m == nil {
		*m = map[string]*group{}
	}
	g := (*m)[path]
	if g == nil {
		g = &group{}
		(*m)[path] = g
	}
	return g
}

// groups appends the groups of a path in their order of precedence. Prefixes end
// where a segment ends.
func (t *table) groups(dst []*group, path string) []*group {
	if len(t.exact) > 0 {
		if g := t.exact[path]; g != nil {
			dst = append(dst, g)
		}
	}
	if len(t.prefix) > 0 {
		for i := min(t.longest, len(path)); i > 0; i-- {
			if i < len(path) && path[i] != '/' {
				continue
			}
			if g := t.prefix[path[:i]]; g != nil {
				dst = append(dst, g)
			}
		}
	}
	return append(dst, &t.every)
}

// group holds the candidates of one path condition, which precedence therefore
// does not set apart. Both its parts are in the order of their ranks.
type group struct {
	model map[string][]*candidate // that want a model, by its name
	rest  []*candidate
}

func (g *group) add(c *candidate) {
	if c.model == "" {
		g.rest = append(g.rest, c)
		return
	}
	if g.model == nil {
		g.model = map[string][]*candidate{}
	}
	g.model[c.model] = append(g.model[c.model], c)
}

// next takes the candidate of the lower rank from the front of one of two lists.
func next(a, b *[]*candidate) *candidate {
	from := a
	if len(*a) == 0 || (len(*b) > 0 && (*b)[0].rank < (*a)[0].rank) {
		from = b
	}
	c := (*from)[0]
	*from = (*from)[1:]
	return c
}

// lists returns the candidates that the request's model leaves.
func (g *group) lists(model string) (named, rest []*candidate) {
	if model != "" {
		named = g.model[model]
	}
	return named, g.rest
}

// first returns the group's first candidate that holds, or nil.
func (g *group) first(a *Ask) *candidate {
	named, rest := g.lists(a.Model)
	for len(named)+len(rest) > 0 {
		if c := next(&named, &rest); c.holds(a) {
			return c
		}
	}
	return nil
}

// find returns the candidate that takes the request, or nil.
func (h *hosts) find(a *Ask) *candidate {
	var tables [4]*table
	var groups [4]*group
	for _, t := range h.tables(tables[:0], a.Host) {
		for _, g := range t.groups(groups[:0], a.Path) {
			if c := g.first(a); c != nil {
				return c
			}
		}
	}
	return nil
}
