package differential

import (
	"slices"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	mutationWorlds = 24 // sets of routes for each mistake
	mutationSeed   = 1  // of its own, so that no chosen seed makes a mistake too rare
)

// mistake is a way to get a route table wrong.
type mistake struct {
	name  string
	table func(w *world) *routev3.RouteConfiguration
}

// TestMistakesShow makes one mistake at a time on Envoy's side. The comparison
// must notice each of them: what could be wrong unseen is not tested at all.
func TestMistakesShow(t *testing.T) {
	mistakes := slices.Concat(mistakesOfOrder(), mistakesOfMatching())
	base := make([]*world, mutationWorlds)
	for i := range base {
		base[i] = newWorld(t, mutationSeed, i)
	}
	worlds := make([]*world, 0, len(mistakes)*len(base))
	tables := make([]*routev3.RouteConfiguration, 0, cap(worlds))
	for _, m := range mistakes {
		for _, w := range base {
			twin := *w
			worlds = append(worlds, &twin)
			tables = append(tables, m.table(w))
		}
	}
	sums := make([]tally, len(mistakes))
	compareAll(t, worlds, tables, perWorld/2, func(world int) *tally { return &sums[world/mutationWorlds] })
	for i, m := range mistakes {
		t.Logf("%5d of %d requests differ: %s", len(sums[i].differences), sums[i].compared, m.name)
		if len(sums[i].differences) == 0 {
			t.Errorf("the comparison does not notice this: %s", m.name)
		}
	}
}

// mistakesOfOrder turn round one criterion each.
func mistakesOfOrder() []mistake {
	all := make([]mistake, 0, len(criteria))
	for i, right := range criteria {
		wrong := slices.Clone(criteria)
		wrong[i].compare = func(a, b *entry) int { return -right.compare(a, b) }
		all = append(all, mistake{"reversed by " + right.name, func(w *world) *routev3.RouteConfiguration {
			return routeTable(w.routes, wrong)
		}})
	}
	return all
}

// mistakesOfMatching forget or misread one kind of condition each.
func mistakesOfMatching() []mistake {
	return []mistake{
		editing("a prefix may end inside an element", func(m *routev3.RouteMatch) {
			if p := m.GetPathSeparatedPrefix(); p != "" {
				m.PathSpecifier = &routev3.RouteMatch_Prefix{Prefix: p}
			}
		}),
		editing("an exact path is a prefix", func(m *routev3.RouteMatch) {
			if p := strings.TrimSuffix(m.GetPath(), "/"); p != "" {
				m.PathSpecifier = &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: p}
			}
		}),
		editing("paths have no case", func(m *routev3.RouteMatch) {
			m.CaseSensitive = wrapperspb.Bool(false)
		}),
		editing("methods do not count", func(m *routev3.RouteMatch) {
			m.Headers = slices.DeleteFunc(m.Headers, func(h *routev3.HeaderMatcher) bool { return h.Name == ":method" })
		}),
		editing("only the first header counts", func(m *routev3.RouteMatch) {
			m.Headers = m.Headers[:min(1, len(m.Headers))]
		}),
		editing("header values have no case", func(m *routev3.RouteMatch) {
			for _, h := range m.Headers {
				h.GetStringMatch().IgnoreCase = true
			}
		}),
		editing("only the first query parameter counts", func(m *routev3.RouteMatch) {
			m.QueryParameters = m.QueryParameters[:min(1, len(m.QueryParameters))]
		}),
		editing("it is enough that a query parameter is there", func(m *routev3.RouteMatch) {
			for _, q := range m.QueryParameters {
				q.QueryParameterMatchSpecifier = &routev3.QueryParameterMatcher_PresentMatch{PresentMatch: true}
			}
		}),
		{"the port of a host counts", func(w *world) *routev3.RouteConfiguration {
			table := routeTable(w.routes, criteria)
			table.IgnorePortInHostMatching = false
			return table
		}},
		{"a host has its most specific routes only", func(w *world) *routev3.RouteConfiguration {
			return tableOf(w.routes, criteria, func(domain string, e *entry) bool {
				return e.hostname == domain || e.hostname == "" && domain == "*"
			})
		}},
	}
}

// editing changes the conditions of every route of a right table.
func editing(name string, edit func(*routev3.RouteMatch)) mistake {
	return mistake{name, func(w *world) *routev3.RouteConfiguration {
		table := routeTable(w.routes, criteria)
		for _, host := range table.VirtualHosts {
			for _, r := range host.Routes {
				edit(r.Match)
			}
		}
		return table
	}}
}
