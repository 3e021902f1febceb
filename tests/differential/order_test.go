package differential

import (
	"cmp"
	"slices"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// entry is one match of one rule, as it competes for the requests of a virtual
// host.
type entry struct {
	route    *gatewayv1.HTTPRoute
	place    int    // of the route among all, as they were written
	hostname string // the one of the route's hostnames that counts here; "" when it has none
	rule     int
	match    int
	gatewayv1.HTTPRouteMatch
}

// criterion is one line of the Gateway API's list of what decides between
// matches. It is negative when a goes before b, and 0 when the next line decides.
type criterion struct {
	name    string
	compare func(a, b *entry) int
}

// criteria spells out the comments of HTTPRouteSpec.Hostnames and of
// HTTPRouteRule.Matches in the Gateway API's types, line by line.
var criteria = []criterion{
	// "In the event that multiple HTTPRoutes specify intersecting hostnames …,
	// precedence must be given to rules from the HTTPRoute with the largest number of:"
	{"characters in a matching non-wildcard hostname", func(a, b *entry) int {
		return cmp.Compare(a.plainCharacters(), b.plainCharacters()) * -1
	}},
	{"characters in a matching hostname", func(a, b *entry) int {
		return cmp.Compare(len(a.hostname), len(b.hostname)) * -1
	}},
	// "If ties exist across multiple Routes, the matching precedence rules for
	// HTTPRouteMatches takes over": "precedence must be given to the match having:"
	{"exact path match", func(a, b *entry) int {
		return yesFirst(a.exact(), b.exact())
	}},
	{"prefix path match with largest number of characters", func(a, b *entry) int {
		if a.exact() || b.exact() {
			return 0
		}
		return cmp.Compare(len(prefixOf(&a.HTTPRouteMatch)), len(prefixOf(&b.HTTPRouteMatch))) * -1
	}},
	{"method match", func(a, b *entry) int {
		return yesFirst(a.Method != nil, b.Method != nil)
	}},
	{"largest number of header matches", func(a, b *entry) int {
		return cmp.Compare(len(countingHeaders(a.Headers)), len(countingHeaders(b.Headers))) * -1
	}},
	{"largest number of query param matches", func(a, b *entry) int {
		return cmp.Compare(len(a.QueryParams), len(b.QueryParams)) * -1
	}},
	// "If ties still exist across multiple Routes, …"
	{"the oldest route based on creation timestamp", func(a, b *entry) int {
		switch {
		case a.stamped() && b.stamped():
			return a.route.CreationTimestamp.Compare(b.route.CreationTimestamp.Time)
		case a.stamped() || b.stamped():
			return yesFirst(a.stamped(), b.stamped())
		}
		// A cluster stamps every route, so the Gateway API is silent here. Nobody
		// stamps what is in files: there the order of writing counts.
		return cmp.Compare(a.place, b.place)
	}},
	{"the route appearing first in alphabetical order by {namespace}/{name}", func(a, b *entry) int {
		return strings.Compare(fullName(a.route), fullName(b.route))
	}},
	// "If ties still exist within an HTTPRoute, matching precedence MUST be granted
	// to the FIRST matching rule (in list order)".
	{"the first matching rule in list order", func(a, b *entry) int {
		return cmp.Compare(a.rule, b.rule)
	}},
}

// order sorts the entries of one virtual host, those that win first. Between
// matches of one rule nothing has to be decided; their order in it makes the
// result unique.
func order(entries []*entry, by []criterion) {
	slices.SortFunc(entries, func(a, b *entry) int {
		for i := range by {
			if c := by[i].compare(a, b); c != 0 {
				return c
			}
		}
		return cmp.Compare(a.match, b.match)
	})
}

func yesFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func (e *entry) plainCharacters() int {
	if strings.HasPrefix(e.hostname, "*") {
		return 0
	}
	return len(e.hostname)
}

func (e *entry) exact() bool { return isExact(&e.HTTPRouteMatch) }

func (e *entry) stamped() bool { return !e.route.CreationTimestamp.IsZero() }

func fullName(r *gatewayv1.HTTPRoute) string { return r.Namespace + "/" + r.Name }

func isExact(m *gatewayv1.HTTPRouteMatch) bool {
	return m.Path != nil && m.Path.Type != nil && *m.Path.Type == gatewayv1.PathMatchExact
}

// prefixOf returns the path prefix of a match that is not exact. "A trailing `/`
// is ignored"; "if this field is not specified, a default prefix match on the
// "/" path is provided".
func prefixOf(m *gatewayv1.HTTPRouteMatch) string {
	if m.Path == nil || m.Path.Value == nil {
		return "/"
	}
	if p := strings.TrimSuffix(*m.Path.Value, "/"); p != "" {
		return p
	}
	return "/"
}

// countingHeaders leaves out what must be ignored: "only the first entry with an
// equivalent name MUST be considered for a match".
func countingHeaders(headers []gatewayv1.HTTPHeaderMatch) []gatewayv1.HTTPHeaderMatch {
	var counting []gatewayv1.HTTPHeaderMatch
	for _, h := range headers {
		if !slices.ContainsFunc(counting, func(c gatewayv1.HTTPHeaderMatch) bool {
			return strings.EqualFold(string(c.Name), string(h.Name))
		}) {
			counting = append(counting, h)
		}
	}
	return counting
}
