// Package extproc is Envoy's side of the gateway: the external processor that a
// stock Envoy streams request and response to (envoy.service.ext_proc.v3).
//
// One gRPC stream is one exchange. Read stream.go and you have read the
// product: one function per phase, in the order of the phases. What to do is
// decided by package router, how bytes change by package translator; this
// package turns their values into messages to Envoy, and is, with router/xds,
// the only one that knows Envoy's protocols.
//
// It promises that a request is answered, refused or sent on, never sent on
// untranslated: whatever goes wrong, a panic included, ends the stream with an
// error, which an Envoy told to fail closed turns into an error reply.
package extproc

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"llmroute/router"
	"llmroute/router/limit"
	"llmroute/telemetry"
	"llmroute/translator"
)

// DefaultMaxBody is the largest request body taken unless Options says
// otherwise: 32 MiB.
const DefaultMaxBody = 32 << 20

// maxMessage bounds one gRPC message either way. It stands above the 64 MiB
// that our envoy.yaml lets a body have, so that Envoy's limit answers first.
const maxMessage = 80 << 20

// Options is what a Server is made of. Router, Recorder and Log must be given.
type Options struct {
	Router   *router.Router
	Recorder *telemetry.Recorder
	Log      *slog.Logger
	Limits   limit.Store      // nil means limits of this process alone
	MaxBody  int              // bytes; 0 means DefaultMaxBody
	Now      func() time.Time // nil means time.Now
}

// Server is the external processor. It is safe for concurrent use.
type Server struct {
	router   *router.Router
	recorder *telemetry.Recorder
	log      *slog.Logger
	limits   limit.Store
	maxBody  int
	now      func() time.Time

	grpc    *grpc.Server
	health  *health.Server
	streams sync.Pool      // of *stream
	cut     sync.WaitGroup // exchanges being settled after their RPC has returned

	warned [warnings_]atomic.Bool
}

// What is said once per process and not once per request.
const (
	warnModes = iota
	warnCluster
	warnings_
)

// New returns a Server that is not serving yet: its health is NOT_SERVING until
// SetReady, and Serve accepts streams.
func New(o Options) *Server {
	s := &Server{router: o.Router, recorder: o.Recorder, log: o.Log, limits: o.Limits, maxBody: o.MaxBody, now: o.Now}
	if s.maxBody == 0 {
		s.maxBody = DefaultMaxBody
	}
	if s.limits == nil {
		s.limits = limit.NewMemory(nil)
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.streams.New = func() any { return &stream{srv: s} }
	s.grpc = grpc.NewServer(
		grpc.ForceServerCodecV2(newCodec()),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxSendMsgSize(maxMessage),
		// Envoy pings idle connections every few seconds; grpc-go's default
		// answers that with GOAWAY too_many_pings.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		grpc.MaxConcurrentStreams(1<<20),
	)
	s.grpc.RegisterService(&serviceDesc, s)
	s.health = health.NewServer()
	healthpb.RegisterHealthServer(s.grpc, s.health)
	s.SetReady(false)
	return s
}

// GRPC returns the gRPC server, so that ADS can be registered on the same port
// before Serve is called.
func (s *Server) GRPC() *grpc.Server { return s.grpc }

// SetReady sets what the gRPC health service says of the whole server and of
// the external processor.
func (s *Server) SetReady(ready bool) {
	status := healthpb.HealthCheckResponse_NOT_SERVING
	if ready {
		status = healthpb.HealthCheckResponse_SERVING
	}
	s.health.SetServingStatus("", status)
	s.health.SetServingStatus(serviceDesc.ServiceName, status)
}

// Drain stops taking exchanges, lets those under way finish, streams included,
// and returns when the last has, or when ctx ends: then what is left is cut.
// ADS streams must have been ended before; they would hold it up for ever.
func (s *Server) Drain(ctx context.Context) error {
	s.health.Shutdown()
	done := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		s.grpc.Stop()
		<-done
		err = ctx.Err()
	}
	s.cut.Wait()
	return err
}

// serviceDesc registers the service by hand, because the generated one would
// decode messages before we see them.
var serviceDesc = grpc.ServiceDesc{
	ServiceName: "envoy.service.ext_proc.v3.ExternalProcessor",
	HandlerType: (*any)(nil),
	Streams: []grpc.StreamDesc{{
		StreamName:    "Process",
		ServerStreams: true,
		ClientStreams: true,
		Handler: func(srv any, rpc grpc.ServerStream) error {
			return srv.(*Server).process(rpc)
		},
	}},
	Metadata: "envoy/service/ext_proc/v3/external_processor.proto",
}

func (s *Server) acquire() *stream { return s.streams.Get().(*stream) }

// keepScratch bounds what a pooled stream keeps; larger buffers are left to the
// collector, or one big reply would stay in memory for ever (golang/go#23199).
const keepScratch = 64 << 10

func (s *Server) releaseStream(x *stream) {
	if x.exchange != nil {
		translator.Release(x.exchange)
	}
	x.in.release()
	x.head.release()
	keep := stream{srv: s, in: x.in, head: x.head}
	keep.out.set, keep.out.remove = clearCap(x.out.set), clearCap(x.out.remove)
	keep.edit.Set, keep.edit.Remove, keep.edit.Warn = clearCap(x.edit.Set), clearCap(x.edit.Remove), clearCap(x.edit.Warn)
	if cap(x.scratch) <= keepScratch {
		keep.scratch = x.scratch[:0]
	}
	*x = keep
	s.streams.Put(x)
}

// clearCap empties a slice and forgets what it referred to.
func clearCap[T any](s []T) []T {
	s = s[:cap(s)]
	clear(s)
	return s[:0]
}

func (s *Server) panicked(x *stream, p any, stack []byte) {
	s.recorder.Panicked()
	s.log.Error("panic in an exchange", "request_id", x.record.RequestID, "phase", x.in.phase.String(),
		"panic", p, "stack", string(stack))
}

// checkModes compares the filter's configured body modes with what this
// package is written for, and says once when they differ.
func (s *Server) checkModes(c *bodyModes) {
	if c == nil || (c.request == bodyBuffered && c.response == bodyBuffered) {
		return
	}
	if s.warned[warnModes].CompareAndSwap(false, true) {
		s.log.Warn("the ext_proc filter's body modes are not what llmroute needs: " +
			"processing_mode must say request_body_mode BUFFERED and response_body_mode BUFFERED, as our envoy.yaml does")
	}
}

// clusterNotFound explains the most likely reason for a request that went
// nowhere, once.
func (s *Server) clusterNotFound(p *router.Plan) {
	if p.Backend == nil || !s.warned[warnCluster].CompareAndSwap(false, true) {
		return
	}
	s.log.Warn("Envoy found no cluster for a request that was given one: either the ext_proc filter lacks "+
		"mutation_rules.allow_envoy (then no x-envoy-* header of ours arrives), or Envoy does not take its clusters "+
		"from llmroute (ADS) and has none of this name", "backend", p.Backend.ID, "cluster", p.Backend.Cluster)
}
