// Package differential compares the emulation of HTTPRoutes with a real Envoy
// that routes by the same HTTPRoutes.
//
// Random HTTPRoutes are loaded and compiled as in production, and they are made
// into Envoy's own route tables, in the order that the Gateway API's text asks
// for. Random requests must then be taken by the same rule on both sides. All of
// it follows from a seed, so that a difference can be had again. The Gateway
// API's own conformance cases and the weights of backends are tested beside it.
package differential

import (
	"cmp"
	"flag"
	"fmt"
	"strconv"
	"sync"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"llmroute/router"
	"llmroute/router/config"
)

var (
	requests = flag.Int("differential.requests", 100_000, "how many random requests to compare")
	seed     = flag.Uint64("differential.seed", 1, "where the random routes and requests come from")
)

const (
	perWorld = 500 // requests to one set of routes
	perEnvoy = 100 // sets of routes in one Envoy
	clients  = 8   // connections at once
	maxShown = 3   // differences told in full
)

// world is a set of routes, on both sides.
type world struct {
	seed      uint64
	number    int
	routes    []*gatewayv1.HTTPRoute
	manifests []byte
	snapshot  *router.Snapshot
	address   string // of the listener that has the same routes
}

// newWorld makes the world of a seed and a number.
func newWorld(t *testing.T, seed uint64, number int) *world {
	t.Helper()
	c := newChance(seed, uint64(number))
	w := &world{seed: seed, number: number, routes: c.routes()}
	w.manifests = c.manifests(t, w.routes)
	w.snapshot = compile(t, w.manifests)
	return w
}

// emulated returns the rule that the emulation takes, or "" for none.
func (w *world) emulated(r *request) string {
	a := r.ask()
	route, rule, ok := w.snapshot.Match(a)
	if !ok {
		route, rule = &config.Route{}, 0
	}
	var p router.Plan
	// No backend is configured, so the rest of the plan is a refusal.
	if err := w.snapshot.Plan(&p, a, nil); a.Model != "" && (p.Route != route.LLMRoute || ok && p.Rule != cmp.Or(route.Rules[rule].Name, strconv.Itoa(rule))) {
		return fmt.Sprintf("two minds: %s/%d and %+v, %v", route.LLMRoute, rule, p, err)
	}
	if !ok {
		return ""
	}
	return ruleName(route.Namespace, route.Name, rule)
}

// difference is a request that the two sides decide differently.
type difference struct {
	*world
	*request
	emulated, envoy string
}

func (d *difference) String() string {
	return fmt.Sprintf("world %d: emulated %q, Envoy %q for\n%s\nwith\n%s", d.number, d.emulated, d.envoy, d.wire(), d.manifests)
}

// tally is what came out of many comparisons.
type tally struct {
	mu          sync.Mutex
	compared    int
	unmatched   int // by Envoy
	differences []*difference
}

// compare sends n requests to both sides.
func (w *world) compare(n int, sum *tally) error {
	envoy, err := dial(w.address)
	if err != nil {
		return err
	}
	defer envoy.Close()
	var found []*difference
	unmatched := 0
	c := newChance(w.seed+1, uint64(w.number))
	for range n {
		r := c.request(w.routes)
		d := &difference{world: w, request: r, emulated: w.emulated(r)}
		if d.envoy, err = envoy.answeredBy(r); err != nil {
			return fmt.Errorf("world %d: %w after\n%s", w.number, err, r.wire())
		}
		if d.envoy == "" {
			unmatched++
		}
		if d.emulated != d.envoy {
			found = append(found, d)
		}
	}
	sum.mu.Lock()
	defer sum.mu.Unlock()
	sum.compared += n
	sum.unmatched += unmatched
	sum.differences = append(sum.differences, found...)
	return nil
}

// compareAll compares each world with the table of its number, in an Envoy of
// their own.
func compareAll(t *testing.T, worlds []*world, tables []*routev3.RouteConfiguration, n int, sum func(world int) *tally) {
	t.Helper()
	for i, address := range startEnvoy(t, tables) {
		worlds[i].address = address
	}
	var wg sync.WaitGroup
	free := make(chan struct{}, clients)
	for i, w := range worlds {
		wg.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			if err := w.compare(n, sum(i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestEmulationDecidesAsEnvoy is the proof that the emulation stands for Envoy's
// own decision.
func TestEmulationDecidesAsEnvoy(t *testing.T) {
	var sum tally
	total := (*requests + perWorld - 1) / perWorld
	for first := 0; first < total && !t.Failed(); first += perEnvoy {
		t.Run("worlds from "+strconv.Itoa(first), func(t *testing.T) {
			worlds := make([]*world, min(perEnvoy, total-first))
			tables := make([]*routev3.RouteConfiguration, len(worlds))
			for i := range worlds {
				worlds[i] = newWorld(t, *seed, first+i)
				tables[i] = routeTable(worlds[i].routes, criteria)
			}
			compareAll(t, worlds, tables, perWorld, func(int) *tally { return &sum })
		})
	}
	for _, d := range sum.differences[:min(maxShown, len(sum.differences))] {
		t.Error(d)
	}
	t.Logf("seed %d: %d requests, %d taken by no rule, %d decided differently", *seed, sum.compared, sum.unmatched, len(sum.differences))
	if len(sum.differences) > 0 {
		t.Errorf("%d of %d requests are decided differently", len(sum.differences), sum.compared)
	}
	if sum.compared < *requests {
		t.Errorf("compared %d requests, want at least %d", sum.compared, *requests)
	}
	if share := float64(sum.unmatched) / float64(sum.compared); share < 0.05 || share > 0.8 {
		t.Errorf("%.0f %% of the requests match nothing, which shows little", 100*share)
	}
}
