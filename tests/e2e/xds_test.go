package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"llmroute/internal/envoy"
	"llmroute/internal/envoy/envoytest"
)

// flag returns the value that the sidecar was given for a flag.
func (s *sidecar) flag(name string) string {
	return s.args[slices.Index(s.args, name)+1]
}

// second starts another Envoy on the gateway's sidecar.
func (g *gateway) second(t testing.TB, node string) *gateway {
	t.Helper()
	bootstrap, err := envoy.Render(envoy.Addresses{Listen: "127.0.0.1:0", GRPC: g.Sidecar.flag("--grpc")})
	if err != nil {
		t.Fatal(err)
	}
	other := *g
	other.Envoy = envoytest.Start(t, strings.Replace(bootstrap, "id: llmroute,", "id: "+node+",", 1))
	other.URL = "http://" + other.Envoy.Address(t, "llm")
	return &other
}

// untrusted is an LLMBackend whose cluster no Envoy takes: its CA file does not exist.
func untrusted(name string) string {
	return backendDoc(name, "https://127.0.0.1:1", "tls: {caFile: /does/not/exist.pem}")
}

// A cluster that Envoy refuses is reported with Envoy's words, and what was in
// force before goes on under load. The next good configuration is taken.
func TestRefusedClusterKeepsWhatWasInForce(t *testing.T) {
	f := startFleet(t, "a", "b")
	g := start(t, f.docs()+routeDoc("r", modelRule("m", "a")))
	hash := g.state(t).Config.Hash
	l := startLoad(t, g, 2, chat("m", "hi"))
	g.write(t, "config.yaml", f.docs()+untrusted("bad")+routeDoc("r", modelRule("m", "b"), modelRule("n", "bad")))
	failure := g.refused(t, hash)
	for _, want := range []string{"bad", "/does/not/exist.pem", "stays in force"} {
		if !strings.Contains(failure, want) {
			t.Errorf("no %q in the failure %q", want, failure)
		}
	}
	f.run(t, g, []probe{{name: "as before", want: "a"}, {name: "nothing new", model: "n", status: http.StatusNotFound}})
	if err := getOK(g.Admin + "/readyz"); err != nil {
		t.Errorf("what is in force serves, and yet: %v", err)
	}
	g.write(t, "config.yaml", f.docs()+routeDoc("r", modelRule("m", "b")))
	g.applied(t, hash)
	f.run(t, g, []probe{{name: "the next one", want: "b"}})
	l.end(t)
}

// A refusal at the start, when nothing was in force before, costs the backend in
// question and no other, and is on the status page.
func TestRefusedClusterAtStartCostsOneBackend(t *testing.T) {
	f := startFleet(t, "a")
	g := start(t, f.docs()+untrusted("bad")+routeDoc("r", modelRule("m", "a"), modelRule("n", "bad")))
	f.run(t, g, []probe{{name: "good", want: "a"}, {name: "bad", model: "n", status: http.StatusServiceUnavailable}})
	s := g.state(t)
	if len(s.Envoys) != 1 || !strings.Contains(s.Envoys[0].Problem, "/does/not/exist.pem") || !strings.Contains(s.Envoys[0].Problem, "bad") {
		t.Errorf("the status page has %+v", s.Envoys)
	}
}

// clusterStats are the counters that move when Envoy is told something of clusters.
var clusterStats = []string{
	"cluster_manager.cluster_added", "cluster_manager.cluster_modified", "cluster_manager.cluster_removed",
	"cluster_manager.cds.update_success", "cluster_manager.cds.update_rejected",
}

func (g *gateway) clusterStats(t testing.TB) []uint64 {
	t.Helper()
	var out []uint64
	for _, name := range clusterStats {
		out = append(out, g.Envoy.Stat(t, name))
	}
	return out
}

// A sidecar that comes back finds an Envoy that knows everything: nothing is
// sent, no cluster is touched, and requests flow at once.
func TestRestartSendsNothing(t *testing.T) {
	p := startProvider(t)
	g := start(t, backendDoc("a", p.URL)+backendDoc("b", "http://provider.invalid", "maxRetries: 1")+routeDoc("r", modelRule("m", "a"), modelRule("n", "b")))
	g.post(t, "/v1/chat/completions", chat("m", "hi"))
	before := g.clusterStats(t)
	for range 3 {
		g.Sidecar.kill()
		g.Sidecar.launch(t)
		begin := time.Now()
		waitFor(t, "requests to flow", func() error {
			a, err := g.try(t.Context(), "POST", "/v1/chat/completions", chat("m", "hi"))
			if err == nil && a.Status != http.StatusOK {
				err = fmt.Errorf("%d %s", a.Status, a.Body)
			}
			return err
		})
		if d := time.Since(begin); d > 3*time.Second {
			t.Errorf("requests flow only after %v", d)
		}
		waitFor(t, "Envoy to be back", func() error {
			if s := g.state(t); len(s.Envoys) != 1 || s.Envoys[0].Clusters != 2 || s.Envoys[0].Problem != "" {
				return fmt.Errorf("%+v", s.Envoys)
			}
			return nil
		})
	}
	if after := g.clusterStats(t); !slices.Equal(before, after) {
		t.Errorf("%q\nwere %v\nare  %v", clusterStats, before, after)
	}
}

// A sidecar that comes back with another configuration sends what is new.
func TestRestartWithAnotherConfiguration(t *testing.T) {
	f := startFleet(t, "a", "b")
	g := start(t, backendDoc("a", f.Providers["a"].URL)+routeDoc("r", modelRule("m", "a")))
	f.run(t, g, []probe{{name: "before", want: "a"}})
	g.Sidecar.kill()
	g.write(t, "config.yaml", f.docs()+routeDoc("r", modelRule("m", "b")))
	g.Sidecar.launch(t)
	waitFor(t, "the new backend", func() error {
		a, err := g.try(t.Context(), "POST", "/v1/chat/completions", chat("m", "hi"))
		if err == nil && a.Status != http.StatusOK {
			err = fmt.Errorf("%d %s", a.Status, a.Body)
		}
		return err
	})
	f.run(t, g, []probe{{name: "after", want: "b"}})
}

// An Envoy that starts before its sidecar listens after a few seconds, refuses in
// the client's words, and needs nobody's help once the sidecar is there.
func TestEnvoyStartedBeforeTheSidecar(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	folder, err := os.MkdirTemp("", "llm") //nolint:usetesting // a socket's path has 108 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	socket := "unix:" + filepath.Join(folder, "s")
	bootstrap, err := envoy.Render(envoy.Addresses{Listen: "127.0.0.1:0", GRPC: socket})
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{Envoy: envoytest.Start(t, bootstrap)}
	g.URL = "http://" + g.Envoy.Address(t, "llm")
	a := g.post(t, "/v1/chat/completions", chat("m", "hi"))
	if code := a.errorCode(t); a.Status != http.StatusServiceUnavailable || code != "gateway_unavailable" {
		t.Errorf("without a sidecar: got %d %s", a.Status, a.Body)
	}
	startSidecar(t, []string{"serve", "--config", save(t, backendDoc("a", p.URL)+routeDoc("r", catchAll("a"))),
		"--grpc", socket, "--admin", "127.0.0.1:0"}, nil)
	begin := time.Now()
	waitFor(t, "requests to flow", func() error {
		a, err := g.try(t.Context(), "POST", "/v1/chat/completions", chat("m", "hi"))
		if err == nil && a.Status != http.StatusOK {
			err = fmt.Errorf("%d %s", a.Status, a.Body)
		}
		return err
	})
	if d := time.Since(begin); d > 4*time.Second {
		t.Errorf("requests flow only after %v", d)
	}
}

// Two Envoys on one sidecar: each has every cluster, a change waits for both, and
// the status page names them.
func TestTwoEnvoysOnOneSidecar(t *testing.T) {
	f := startFleet(t, "a", "b", "c")
	docs := func(backend string) string {
		return backendDoc("a", f.Providers["a"].URL) + backendDoc(backend, f.Providers[backend].URL) +
			routeDoc("r", modelRule("steady", "a"), modelRule("moving", backend))
	}
	g := start(t, docs("b"))
	other := g.second(t, "second")
	gateways := map[string]*gateway{"first": g, "second": other}
	for name, g := range gateways {
		f.run(t, g, []probe{{name: name + " steady", model: "steady", want: "a"}, {name: name + " moving", model: "moving", want: "b"}})
	}
	loads := []*load{startLoad(t, g, 1, chat("steady", "hi"), chat("moving", "hi")), startLoad(t, other, 1, chat("steady", "hi"), chat("moving", "hi"))}
	hash := g.state(t).Config.Hash
	g.write(t, "config.yaml", docs("c"))
	g.applied(t, hash)
	for name, g := range gateways {
		f.run(t, g, []probe{{name: name + " steady after", model: "steady", want: "a"}, {name: name + " moving after", model: "moving", want: "c"}})
	}
	for _, l := range loads {
		l.end(t)
	}
	var nodes []string
	for _, e := range g.state(t).Envoys {
		nodes = append(nodes, fmt.Sprint(e.Node, " ", e.Clusters, e.Problem))
	}
	// Three clusters each: the one that is gone stays for its grace period.
	if want := []string{"llmroute 3", "second 3"}; !slices.Equal(nodes, want) {
		t.Errorf("the status page has %q, want %q", nodes, want)
	}
}

// Backends that all name clusters of somebody else's need no ADS, with an Envoy
// that has none (TestSamples). One that asks for clusters all the same starts at
// once, is given none, and loses none.
func TestOwnClustersBesideADS(t *testing.T) {
	f := startFleet(t, "mine")
	static := func(bootstrap string) string {
		return strings.Replace(bootstrap, "  clusters:\n", fmt.Sprintf(`  clusters:
  - name: my-cluster
    type: STATIC
    connect_timeout: 1s
    load_assignment:
      cluster_name: my-cluster
      endpoints: [{lb_endpoints: [{endpoint: {hostname: localhost, address: {socket_address: {address: 127.0.0.1, port_value: %s}}}}]}]
`, strings.TrimPrefix(f.Providers["mine"].Address, "127.0.0.1:")), 1)
	}
	g := startWith(t, settings{
		files: map[string]string{"config.yaml": backendDoc("mine", "", "cluster: my-cluster", "modelNameOverride: theirs") +
			routeDoc("r", catchAll("mine"))},
		bootstrap: static,
	})
	f.run(t, g, []probe{{name: "own cluster", want: "mine"}})
	if got := f.Providers["mine"].Last().Model; got != "theirs" {
		t.Errorf("the provider saw model %q", got)
	}
	// The three of the bootstrap, and one answer that holds nothing.
	if got, want := g.clusterStats(t), []uint64{3, 0, 0, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("%q\nare %v, want %v", clusterStats, got, want)
	}
}
