// Package xds tells Envoy how to reach the configured backends: it serves them
// as clusters over delta ADS, on the port that ext_proc uses too.
//
// It serves clusters and nothing else: listeners and routes stay in the person's
// envoy.yaml, so nothing sent from here can unbind the port. Clusters hold no
// secret, no weight and nothing else that changes from request to request.
//
// It promises that a name never changes its meaning (see ClusterName), that Add
// returns only when every connected Envoy can use what was added, that a cluster
// disappears only a grace period after the last use for it has gone, and that
// Envoy is sent nothing it already has: one that reconnects reports what it
// holds, which counts as accepted. Before the first configuration nothing at all
// is sent, since in xDS saying "none" would take away what Envoy still uses.
//
// It keeps its own account of what each Envoy holds instead of using
// go-control-plane's cache, which says what was sent and not what was accepted,
// answers before the first configuration, and tells Envoy to remove at once what
// it does not know.
package xds

import (
	"log/slog"
	"sync"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Options are the knobs of a Server. The zero value works.
type Options struct {
	Log *slog.Logger // nil: nothing is logged

	// CAFile is the bundle of roots, on Envoy's host, for backends that name none.
	// "" takes the first of the usual places that exists on this host.
	CAFile string

	// Grace is how long a cluster that nothing needs any more is kept: requests
	// already planned must have passed. 0 means 30 s.
	Grace time.Duration

	// AcceptTimeout is how long Add waits for Envoy. 0 means 10 s.
	AcceptTimeout time.Duration
}

const (
	defaultGrace         = 30 * time.Second
	defaultAcceptTimeout = 10 * time.Second
)

// Server serves clusters to any number of Envoys. Its methods may be called
// from any goroutine.
type Server struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer

	log           *slog.Logger
	caFile        string
	grace         time.Duration
	acceptTimeout time.Duration

	adding chan struct{} // holds a token while an Add runs: they go one by one
	done   chan struct{} // closed by EndStreams

	mu         sync.Mutex
	configured bool                   // there has been an Add
	ended      bool                   // done is closed
	resources  map[string]*resource   // by cluster name: what every Envoy should have
	leaving    map[string]*time.Timer // those of resources that are in their grace period
	streams    map[*stream]struct{}
	changed    chan struct{} // closed and replaced whenever an Envoy has come, gone or answered
	refusal    *Refusal      // the last one
}

// New returns a Server that has nothing to say until the first Add.
func New(o Options) *Server {
	s := &Server{
		log:           o.Log,
		caFile:        o.CAFile,
		grace:         o.Grace,
		acceptTimeout: o.AcceptTimeout,
		adding:        make(chan struct{}, 1),
		done:          make(chan struct{}),
		resources:     make(map[string]*resource),
		leaving:       make(map[string]*time.Timer),
		streams:       make(map[*stream]struct{}),
		changed:       make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.caFile == "" {
		s.caFile = systemBundle()
	}
	if s.grace == 0 {
		s.grace = defaultGrace
	}
	if s.acceptTimeout == 0 {
		s.acceptTimeout = defaultAcceptTimeout
	}
	return s
}

// Register makes r serve ADS.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(r, s)
}

// EndStreams ends every ADS stream and refuses new ones, for good: an open
// stream would hold the gRPC server's graceful stop for ever. Envoy keeps what
// it has. It may be called more than once.
func (s *Server) EndStreams() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	close(s.done)
	for name, timer := range s.leaving {
		timer.Stop()
		delete(s.leaving, name)
	}
}

// StreamAggregatedResources turns away an Envoy that asks for the state of the
// world, and says what its configuration should be.
func (s *Server) StreamAggregatedResources(discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	return status.Error(codes.Unimplemented, "only delta ADS is served: set api_type: DELTA_GRPC in ads_config")
}

// DeltaAggregatedResources serves one Envoy until it leaves or EndStreams.
func (s *Server) DeltaAggregatedResources(wire discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	st := &stream{server: s, wake: make(chan struct{}, 1), since: time.Now()}
	s.mu.Lock()
	s.streams[st] = struct{}{}
	s.mu.Unlock()
	defer s.leave(st)

	left := make(chan error, 1)
	go func() { left <- st.receive(wire.Recv) }()
	for {
		if push := st.next(); push != nil {
			if err := wire.Send(push); err != nil {
				return err
			}
		}
		select {
		case <-st.wake:
		case err := <-left:
			return err
		case <-s.done:
			return status.Error(codes.Unavailable, "going away")
		}
	}
}

func (s *Server) leave(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.streams, st)
	if st.strangersTimer != nil {
		st.strangersTimer.Stop()
	}
	if st.subscribed {
		s.log.Info("envoy left", "node", st.node, "envoy", st.version)
	}
	s.announce()
}

// announce tells a waiting Add to look again. The caller holds mu.
func (s *Server) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// wakeAll makes every stream look whether there is something to send. The
// caller holds mu.
func (s *Server) wakeAll() {
	for st := range s.streams {
		st.poke()
	}
}
