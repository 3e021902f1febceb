package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"llmroute/admin"
	"llmroute/extproc"
	"llmroute/internal/fakellm"
	"llmroute/router"
	"llmroute/router/config"
	"llmroute/router/limit"
	"llmroute/router/xds"
	"llmroute/telemetry"
)

// sidecar is all of ours that runs in this process.
type sidecar struct {
	flags   *sidecarFlags
	started time.Time
	found   *configuration

	grpc, admin, fake net.Listener // fake is nil without the embedded provider

	lines     *telemetry.Writer
	log       *slog.Logger
	recorder  *telemetry.Recorder
	clusters  *xds.Server
	router    *router.Router
	processor *extproc.Server
	limits    limit.Store // nil when the processor keeps its own

	config   atomic.Pointer[config.Config] // in force
	draining atomic.Bool

	group  *errgroup.Group
	ctx    context.Context // ends when one part fails, or at stop
	cancel context.CancelFunc
}

// start opens every port, so that a taken one is an error before anything runs,
// applies the configuration and serves. After an error nothing is left running.
func (f *sidecarFlags) start(w *world) (*sidecar, error) {
	s := &sidecar{flags: f, started: time.Now()}
	if err := s.open(w); err != nil {
		s.close()
		return nil, err
	}
	if err := s.build(w); err != nil {
		s.close()
		return nil, err
	}
	s.serve()
	return s, nil
}

func (s *sidecar) open(w *world) (err error) {
	s.found, err = s.flags.load(w, func() (string, error) {
		if s.fake, err = listen("embedded provider (--fake)", s.flags.Fake); err != nil {
			return "", err
		}
		return s.fake.Addr().String(), nil
	})
	if err != nil {
		return err
	}
	if s.fake == nil && s.found.names(s.flags.Fake) {
		// Somebody may run "llmroute fake" already; then that one answers.
		if s.fake, err = listen("embedded provider (--fake)", s.flags.Fake); err != nil && !errors.Is(err, errTaken) {
			return err
		}
	}
	if s.grpc, err = listenGRPC(s.flags.GRPC, s.flags.InsecureGRPC); err != nil {
		return err
	}
	s.admin, err = listen("admin port (--admin)", s.flags.Admin)
	return err
}

func (s *sidecar) close() {
	for _, l := range []net.Listener{s.grpc, s.admin, s.fake} {
		if l != nil {
			_ = l.Close()
		}
	}
}

func (s *sidecar) build(w *world) (err error) {
	s.lines = telemetry.NewWriter(w.stderr)
	s.log = slog.New(slog.NewJSONHandler(s.lines, &slog.HandlerOptions{Level: s.flags.LogLevel}))
	s.recorder, err = telemetry.New(telemetry.Options{Version: version(), Log: s.lines, LogLevel: s.flags.LogLevel})
	if err != nil {
		return err
	}
	s.clusters = xds.New(xds.Options{Log: s.log, CAFile: s.flags.CAFile})
	s.router = router.New(s.clusters, s.log)
	if s.limits, err = s.flags.openLimits(s.log); err != nil {
		return fmt.Errorf("rate limits (--limits-url): %w", err)
	}
	s.processor = extproc.New(extproc.Options{
		Router: s.router, Recorder: s.recorder, Log: s.log, MaxBody: int(s.flags.MaxBody), Limits: s.limits,
	})
	s.clusters.Register(s.processor.GRPC())
	s.recorder.ObserveADS(func() int { return len(s.clusters.Status().Envoys) })
	// Nobody is connected yet, so nothing is waited for.
	if err := s.router.Apply(w.ctx, s.found.config); err != nil {
		return err
	}
	s.applied(s.found.config)
	return nil
}

func (s *sidecar) serve() {
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	s.group, s.ctx = errgroup.WithContext(ctx)
	s.group.Go(func() error {
		if err := s.processor.GRPC().Serve(s.grpc); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			return fmt.Errorf("gRPC port: %w", err)
		}
		return nil
	})
	s.group.Go(func() error {
		return admin.Serve(s.ctx, s.admin, admin.New(admin.Options{
			Listen:  s.admin.Addr().String(),
			Ready:   s.ready,
			Metrics: s.recorder.Metrics(),
			Status:  s.status,
			Totals:  s.recorder.Backends,
			Usage:   s.recorder.Usage,
		}))
	})
	if s.fake != nil {
		s.group.Go(func() error { return fakellm.Serve(s.ctx, s.fake, fakellm.New(fakellm.Options{})) })
	}
	if s.found.files {
		s.group.Go(func() error { return config.Watch(s.ctx, s.found.options, s.found.config, s.changed) })
	}
	s.processor.SetReady(true)
}

// changed takes what the watcher read. What cannot be used leaves the
// configuration before it in force.
func (s *sidecar) changed(c *config.Config, err error) {
	if err != nil {
		s.router.Reject(err)
	} else {
		err = s.router.Apply(s.ctx, c)
	}
	if err != nil {
		s.recorder.Reloaded("", time.Now(), err)
		return
	}
	s.applied(c)
}

func (s *sidecar) applied(c *config.Config) {
	s.config.Store(c)
	loadTokens(c)
	s.recorder.Reloaded(c.Hash, s.router.Status().Since, nil)
}

func (s *sidecar) ready() error {
	switch {
	case s.draining.Load():
		return errors.New("draining")
	case s.router.Snapshot() == nil:
		return errors.New("no configuration is applied")
	default:
		return nil
	}
}

// drain refuses readiness, so that load balancers look elsewhere; requests still
// run as ever.
func (s *sidecar) drain() {
	s.draining.Store(true)
	s.processor.SetReady(false)
}

// stop lets exchanges finish for as long as --drain says, ends everything, and
// returns what went wrong while it ran.
func (s *sidecar) stop() error {
	s.drain()
	// An open ADS stream would hold up the drain until its time is over.
	s.clusters.EndStreams()
	ctx, cancel := context.WithTimeout(context.Background(), s.flags.Drain)
	defer cancel()
	if err := s.processor.Drain(ctx); err != nil {
		s.log.Warn("requests were cut that --drain did not leave enough time for", "drain", s.flags.Drain.String())
	}
	s.cancel()
	s.router.Close()
	err := s.group.Wait()
	last, done := context.WithTimeout(context.Background(), 2*time.Second)
	defer done()
	if s.limits != nil {
		err = errors.Join(err, s.limits.Close(last))
	}
	return errors.Join(err, s.recorder.Close(last), s.lines.Close(last))
}
