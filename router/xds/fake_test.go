package xds

import (
	"context"
	"io"
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"

	"llmroute/router/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeEnvoy is the other end of an ADS stream, word by word and without a
// network, so that time in a synctest bubble stands still while nothing happens.
type fakeEnvoy struct {
	grpc.ServerStream
	t      *testing.T
	ctx    context.Context
	cancel context.CancelFunc
	said   chan *discoveryv3.DeltaDiscoveryRequest
	heard  chan *discoveryv3.DeltaDiscoveryResponse
	ended  chan error
}

func (f *fakeEnvoy) Context() context.Context { return f.ctx }

func (f *fakeEnvoy) Recv() (*discoveryv3.DeltaDiscoveryRequest, error) {
	select {
	case r := <-f.said:
		return r, nil
	case <-f.ctx.Done():
		return nil, io.EOF
	}
}

func (f *fakeEnvoy) Send(r *discoveryv3.DeltaDiscoveryResponse) error {
	select {
	case f.heard <- r:
		return nil
	case <-f.ctx.Done():
		return f.ctx.Err()
	}
}

// connect opens a stream and reports what the Envoy has.
func connect(t *testing.T, s *Server, node string, has map[string]string) *fakeEnvoy {
	t.Helper()
	f := open(t, s)
	f.say(&discoveryv3.DeltaDiscoveryRequest{
		Node: &corev3.Node{Id: node, UserAgentVersionType: &corev3.Node_UserAgentBuildVersion{
			UserAgentBuildVersion: &corev3.BuildVersion{Version: &typev3.SemanticVersion{MajorNumber: 1, MinorNumber: 40}},
		}},
		TypeUrl: clusterType, InitialResourceVersions: has,
	})
	return f
}

// open opens a stream on which nothing has been said.
func open(t *testing.T, s *Server) *fakeEnvoy {
	t.Helper()
	f := &fakeEnvoy{
		t:     t,
		said:  make(chan *discoveryv3.DeltaDiscoveryRequest),
		heard: make(chan *discoveryv3.DeltaDiscoveryResponse, 16),
		ended: make(chan error, 1),
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	go func() {
		err := s.DeltaAggregatedResources(f)
		f.cancel() // as gRPC does when a handler returns
		f.ended <- err
	}()
	t.Cleanup(f.cancel)
	return f
}

// tell says r; say waits also until it has had all its effects.
func (f *fakeEnvoy) tell(r *discoveryv3.DeltaDiscoveryRequest) {
	select {
	case f.said <- r:
	case <-f.ctx.Done():
	}
}

func (f *fakeEnvoy) say(r *discoveryv3.DeltaDiscoveryRequest) {
	f.tell(r)
	synctest.Wait()
}

// hears returns the next push, which must add and remove exactly these.
func (f *fakeEnvoy) hears(add, remove []string) *discoveryv3.DeltaDiscoveryResponse {
	f.t.Helper()
	synctest.Wait()
	select {
	case r := <-f.heard:
		got := make([]string, 0, len(r.GetResources()))
		for _, res := range r.GetResources() {
			got = append(got, res.GetName())
		}
		if diff := cmp.Diff(got, slices.Sorted(slices.Values(add)), cmpopts.EquateEmpty()); diff != "" {
			f.t.Fatalf("added (got, want):\n%s", diff)
		}
		if diff := cmp.Diff(r.GetRemovedResources(), slices.Sorted(slices.Values(remove))); diff != "" {
			f.t.Fatalf("removed (got, want):\n%s", diff)
		}
		return r
	default:
		f.t.Fatal("nothing was sent")
		return nil
	}
}

func (f *fakeEnvoy) hearsNothing() {
	f.t.Helper()
	synctest.Wait()
	if len(f.heard) > 0 {
		f.t.Fatalf("sent without need: %v", <-f.heard)
	}
}

func (f *fakeEnvoy) ack(r *discoveryv3.DeltaDiscoveryResponse) { f.say(respond(r, "")) }

func (f *fakeEnvoy) nack(r *discoveryv3.DeltaDiscoveryResponse, detail string) {
	f.say(respond(r, detail))
}

// respond answers r, and accepts it when detail is empty.
func respond(r *discoveryv3.DeltaDiscoveryResponse, detail string) *discoveryv3.DeltaDiscoveryRequest {
	out := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: clusterType, ResponseNonce: r.GetNonce()}
	if detail != "" {
		out.ErrorDetail = &status.Status{Code: 13, Message: detail}
	}
	return out
}

// leave closes the stream and returns how the server ended it.
func (f *fakeEnvoy) leave() error {
	f.cancel()
	return <-f.ended
}

// add starts an Add whose result can be asked for.
func add(t *testing.T, s *Server, bs ...*config.Backend) (result func() (err error, done bool)) {
	t.Helper()
	out := make(chan error, 1)
	ctx := t.Context()
	go func() { out <- s.Add(ctx, bs) }()
	synctest.Wait()
	return func() (error, bool) {
		synctest.Wait()
		select {
		case err := <-out:
			return err, true
		default:
			return nil, false
		}
	}
}

func names(bs ...*config.Backend) (out []string) {
	for _, b := range bs {
		out = append(out, ClusterName(b))
	}
	return out
}

// versions returns what an Envoy reports that has the clusters of bs.
func versions(t *testing.T, s *Server, bs ...*config.Backend) map[string]string {
	t.Helper()
	rs, err := s.compile(bs)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	for _, r := range rs {
		out[r.name] = r.version
	}
	return maps.Clone(out)
}
