package xds

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/google/go-cmp/cmp"

	"llmroute/router/config"
)

var (
	one   = backendAt("one", "127.0.0.1", 1001)
	two   = backendAt("two", "127.0.0.1", 1002)
	three = backendAt("three", "three.example", 1003)
	own   = &config.Backend{ID: "own", Cluster: "somebody-else's"}
)

// newServer returns a server that ends with the test's bubble.
func newServer(t *testing.T) *Server {
	t.Helper()
	s := New(Options{Log: testLog(t), CAFile: "/roots.pem"})
	t.Cleanup(s.EndStreams)
	return s
}

func must(t *testing.T, s *Server, bs ...*config.Backend) {
	t.Helper()
	if err := s.Add(t.Context(), bs); err != nil {
		t.Fatal(err)
	}
}

func done(t *testing.T, result func() (error, bool), want bool) {
	t.Helper()
	err, got := result()
	if err != nil || got != want {
		t.Fatalf("Add returned: %v, %v, want %v without error", got, err, want)
	}
}

func TestNothingBeforeConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		fresh := connect(t, s, "fresh", nil)
		back := connect(t, s, "back", map[string]string{"left-over": "1"})
		time.Sleep(time.Hour)
		fresh.hearsNothing()
		back.hearsNothing()
		if st := s.Status(); st.Ready() || st.Configured || len(st.Envoys) != 2 {
			t.Errorf("status: %+v", st)
		}
	})
}

func TestNobodyConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		open(t, s) // a stream on which nobody has asked for clusters does not count
		done(t, add(t, s, one), true)
		if st := s.Status(); st.Ready() {
			t.Errorf("ready without an envoy: %+v", st)
		}
	})
}

func TestAddWaitsForEveryEnvoy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		a, b := connect(t, s, "a", nil), connect(t, s, "b", nil)
		result := add(t, s, one, two, own)
		pa, pb := a.hears(names(one, two), nil), b.hears(names(one, two), nil)
		done(t, result, false)
		a.ack(pa)
		done(t, result, false)
		if got, want := s.Status().Envoys, []int{2, 0}; got[0].Accepted != want[0] || got[1].Accepted != want[1] || got[1].Pending != 2 {
			t.Errorf("status: %+v", got)
		}
		b.ack(pb)
		done(t, result, true)

		// What is there already is neither sent nor waited for.
		done(t, add(t, s, one, two), true)
		a.hearsNothing()

		// An Envoy that leaves is no longer waited for.
		result = add(t, s, one, two, three)
		a.ack(a.hears(names(three), nil))
		done(t, result, false)
		if err := b.leave(); err != nil {
			t.Errorf("stream ended with %v", err)
		}
		done(t, result, true)
	})
}

func TestFirstAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		must(t, s, own)
		connect(t, s, "fresh", nil).hears(nil, nil)
		connect(t, s, "back", map[string]string{"x": "1"}).hearsNothing()
	})
}

func TestReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		must(t, s, one, two)
		f := connect(t, s, "a", versions(t, s, one, two))
		f.hearsNothing()
		if st := s.Status(); !st.Ready() || st.Envoys[0].Accepted != 2 || st.Envoys[0].Version != "1.40.0" {
			t.Errorf("status: %+v", st)
		}
		if err := f.leave(); err != nil {
			t.Errorf("stream ended with %v", err)
		}
		// One that lost something, or has it in another version, is sent just that.
		has := versions(t, s, one)
		has[ClusterName(one)] = "older"
		f = connect(t, s, "a", has)
		f.ack(f.hears(names(one, two), nil))
		f.hearsNothing()
	})
}

func TestStrangersHaveGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		f := connect(t, s, "a", map[string]string{"left-over": "1"})
		time.Sleep(time.Hour) // before the configuration, no time counts
		has := versions(t, s, one)
		g := connect(t, s, "b", map[string]string{"left-over": "1", ClusterName(one): has[ClusterName(one)]})
		result := add(t, s, two)
		f.ack(f.hears(names(two), nil))
		g.ack(g.hears(names(two), nil))
		done(t, result, true)
		time.Sleep(defaultGrace - time.Second)
		f.hearsNothing()
		done(t, add(t, s, two, one), false) // f has to take it, g has it
		g.hearsNothing()
		f.ack(f.hears(names(one), nil))
		time.Sleep(2 * time.Second)
		f.ack(f.hears(nil, []string{"left-over"}))
		g.ack(g.hears(nil, []string{"left-over"}))
		// Once ours, it has its own grace period.
		s.Keep([]*config.Backend{two})
		time.Sleep(defaultGrace + time.Second)
		g.hears(nil, names(one))
	})
}

func TestRefusedConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		must(t, s, one)
		f := connect(t, s, "a", versions(t, s, one))
		g := connect(t, s, "b", versions(t, s, one))
		result := add(t, s, one, two, three)
		pf, pg := f.hears(names(two, three), nil), g.hears(names(two, three), nil)
		g.ack(pg)
		f.nack(pf, "Error adding/updating cluster(s) "+ClusterName(three)+": bad luck")
		err, ended := result()
		r, ok := errors.AsType[*Refusal](err)
		if !ended || !ok {
			t.Fatalf("got %v, want a refusal", err)
		}
		want := &Refusal{Time: r.Time, Node: "a", Backends: []string{"three"}, Detail: "Error adding/updating cluster(s) " + ClusterName(three) + ": bad luck"}
		if diff := cmp.Diff(r, want); diff != "" {
			t.Errorf("refusal (got, want):\n%s", diff)
		}
		if !strings.Contains(err.Error(), "three") || !strings.Contains(err.Error(), "bad luck") {
			t.Errorf("error says too little: %v", err)
		}
		f.ack(f.hears(nil, names(two, three)))
		g.ack(g.hears(nil, names(two, three)))

		// The same again is a new attempt, not a memory of the old one.
		result = add(t, s, one, two, three)
		f.ack(f.hears(names(two, three), nil))
		g.ack(g.hears(names(two, three), nil))
		done(t, result, true)
		if got := s.Status(); got.Refusal != r || !got.Ready() {
			t.Errorf("status: %+v", got)
		}
	})
}

// TestLateAnswers: what is said of an older push does not count for a newer one.
func TestLateAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		f := connect(t, s, "a", nil)
		ctx, cancel := context.WithCancel(t.Context())
		out := make(chan error, 1)
		go func() { out <- s.Add(ctx, []*config.Backend{one}) }()
		first := f.hears(names(one), nil)
		cancel()
		if err := <-out; !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v, want that it was cancelled", err)
		}
		second := f.hears(nil, names(one))
		result := add(t, s, one)
		third := f.hears(names(one), nil)
		f.nack(first, "bad "+ClusterName(one))
		f.ack(second)
		f.say(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: clusterType, ResponseNonce: "unheard of"})
		done(t, result, false)
		f.ack(third)
		done(t, result, true)
	})
}

// TestUnnamedRefusal: when Envoy does not say which cluster it means, each is
// sent by itself, and the good ones stay.
func TestUnnamedRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		must(t, s, one, two, three)
		f := connect(t, s, "a", nil)
		f.nack(f.hears(names(one, two, three), nil), "unreadable")
		p1, p2, p3 := f.hears(names(one), nil), f.hears(names(three), nil), f.hears(names(two), nil)
		f.ack(p1)
		f.nack(p2, "still unreadable")
		f.ack(p3)
		f.hearsNothing()
		st := s.Status()
		if e := st.Envoys[0]; e.Accepted != 2 || e.Refused != 1 || e.Pending != 0 {
			t.Errorf("status: %+v", e)
		}
		if diff := cmp.Diff(st.Refusal.Backends, []string{"three"}); diff != "" {
			t.Errorf("refused (got, want):\n%s", diff)
		}
		// What was refused before this Add is not what makes it fail.
		four := backendAt("four", "127.0.0.1", 1004)
		result := add(t, s, one, two, three, four)
		f.ack(f.hears(names(four), nil))
		done(t, result, true)
	})
}

func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		f := connect(t, s, "a", nil)
		// An address needs no time: no answer means that something is wrong.
		result := add(t, s, one)
		f.hears(names(one), nil)
		time.Sleep(defaultAcceptTimeout + time.Second)
		if err, ended := result(); !ended || !errors.Is(err, errTimeout) || !strings.Contains(err.Error(), "one") {
			t.Fatalf("got %v, %v, want a timeout that names the backend", err, ended)
		}
		f.hears(nil, names(one))
		// A name may never resolve, which is no reason to refuse a configuration.
		result = add(t, s, three)
		f.hears(names(three), nil)
		time.Sleep(defaultAcceptTimeout - time.Second)
		done(t, result, false)
		time.Sleep(2 * time.Second)
		done(t, result, true)
		f.hearsNothing()
	})
}

func TestGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		must(t, s, one, two, three)
		f := connect(t, s, "a", versions(t, s, one, two, three))
		s.Keep([]*config.Backend{one, own})
		time.Sleep(defaultGrace - time.Second)
		if diff := cmp.Diff(s.Status().Leaving, []string{ClusterName(three), ClusterName(two)}); diff != "" {
			t.Errorf("leaving (got, want):\n%s", diff)
		}
		done(t, add(t, s, one, two), true) // two comes back
		f.hearsNothing()
		s.Keep([]*config.Backend{one, two}) // does not start three's time anew
		time.Sleep(2 * time.Second)
		f.ack(f.hears(nil, names(three)))
		time.Sleep(time.Hour)
		f.hearsNothing()

		// Keep alone brings back too.
		s.Keep([]*config.Backend{one})
		s.Keep([]*config.Backend{one, two})
		time.Sleep(time.Hour)
		f.hearsNothing()

		// What a failed Add revived goes all the same.
		s.Keep([]*config.Backend{one})
		result := add(t, s, one, two, three)
		f.nack(f.hears(names(three), nil), ClusterName(three)+": no")
		if err, _ := result(); err == nil {
			t.Fatal("a refused Add succeeded")
		}
		f.ack(f.hears(nil, names(three)))
		time.Sleep(defaultGrace + time.Second)
		f.ack(f.hears(nil, names(two)))
	})
}

func TestAddsGoOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		f := connect(t, s, "a", nil)
		first := add(t, s, one)
		second := add(t, s, two)
		p := f.hears(names(one), nil)
		f.hearsNothing()
		f.ack(p)
		done(t, first, true)
		f.ack(f.hears(names(two), nil))
		done(t, second, true)
	})
}

func TestEndStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		f := connect(t, s, "a", nil)
		result := add(t, s, one)
		f.hears(names(one), nil)
		s.EndStreams()
		s.EndStreams()
		if err := <-f.ended; err == nil {
			t.Error("an ended stream reports no error, so Envoy would not know that it was cut")
		}
		done(t, result, true) // nobody is left to wait for
		if err := <-connect(t, s, "late", nil).ended; err == nil {
			t.Error("a stream was accepted after the end")
		}
		s.Keep(nil) // starts no timer
	})
}

func TestWhatIsNotServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		must(t, s, one)
		f := open(t, s)
		f.say(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: "type.googleapis.com/envoy.config.listener.v3.Listener"})
		f.hearsNothing()
		f.say(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: clusterType, ResourceNamesSubscribe: []string{"*"}})
		f.hears(names(one), nil)
		f = open(t, s)
		f.say(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: clusterType, ResourceNamesSubscribe: names(one)})
		if err := <-f.ended; err == nil || !strings.Contains(err.Error(), "by name") {
			t.Errorf("a subscription by name ended with %v", err)
		}
		if err := s.StreamAggregatedResources(nil); err == nil || !strings.Contains(err.Error(), "DELTA_GRPC") {
			t.Errorf("state of the world ended with %v", err)
		}
	})
}
