package extproc

import (
	"context"
	"errors"
	"io"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"llmroute/telemetry"
)

// process serves one stream from its first message to its last.
func (s *Server) process(rpc grpc.ServerStream) error {
	x := s.acquire()
	x.ctx = rpc.Context()
	s.recorder.Begin()
	err := x.serve(rpc)
	if errors.Is(err, errFlowing) {
		return s.watch(x, rpc)
	}
	s.finish(x)
	return err
}

// finish settles an exchange and takes its stream back.
func (s *Server) finish(x *stream) {
	x.settle()
	s.recorder.End()
	s.releaseStream(x)
}

// errFlowing is how serve says that a streamed reply has begun.
var errFlowing = errors.New("the reply streams")

// watch serves the rest of a streamed reply and ends it when the backend has
// been silent for too long, which Envoy can only be told for all backends alike.
// Receiving blocks, and nothing but the return of the RPC's own goroutine ends
// it; so another one serves.
func (s *Server) watch(x *stream, rpc grpc.ServerStream) error {
	backend, limit := x.plan.Backend.ID, x.plan.Backend.IdleTimeout
	x.idle = time.NewTimer(limit)
	done := make(chan error, 1)
	go func() { done <- x.serve(rpc) }()
	select {
	case err := <-done:
		x.idle.Stop()
		s.finish(x)
		return err
	case <-x.idle.C:
		s.cut.Go(func() {
			s.log.Debug("silent stream has ended", "backend", backend, "error", <-done)
			x.record.Outcome, x.record.ErrorType = telemetry.Cut, "idle_timeout"
			s.finish(x)
		})
		return status.Errorf(codes.DeadlineExceeded, "backend %s was silent for %s", backend, limit)
	}
}

// serve handles messages until the stream ends, or until a streamed reply begins.
func (x *stream) serve(rpc grpc.ServerStream) (err error) {
	s := x.srv
	defer func() {
		if p := recover(); p != nil {
			s.panicked(x, p, debug.Stack())
			x.record.Outcome, x.record.ErrorType = telemetry.Failed, "panic"
			err = status.Error(codes.Internal, "internal error")
		}
	}()
	for {
		x.in.release()
		if err := rpc.RecvMsg(&x.in); err != nil {
			return x.ended(err)
		}
		if x.in.phase == phaseNone {
			// A newer Envoy may send what is not known here, such as a window
			// update. There is no reply that says "ignored".
			continue
		}
		if x.idle != nil {
			x.idle.Reset(x.plan.Backend.IdleTimeout)
		}
		x.received = s.now()
		if err := x.phase(); err != nil {
			x.record.Outcome, x.record.ErrorType = telemetry.Failed, "internal"
			s.log.Error("exchange failed", "request_id", x.record.RequestID, "phase", x.in.phase.String(), "error", err)
			return status.Error(codes.Internal, "internal error")
		}
		x.record.Overhead += s.now().Sub(x.received)
		if err := rpc.SendMsg(&x.out); err != nil {
			return x.ended(err)
		}
		if x.out.givesAway() { // gRPC owns it now
			x.scratch, x.edit.Body = nil, nil
		}
		switch {
		case x.mode == modeNone:
			// Nothing more will be shown. Told so by an orderly end, Envoy lets the
			// body flow without us, whatever becomes of us; else it would keep the
			// stream, and reset the client with it.
			return nil
		case x.mode == modeStreamed && x.idle == nil && !x.sawEnd:
			return errFlowing
		}
	}
}

// ended turns the end of a stream into what process returns. Envoy cancels a
// stream it no longer needs and half-closes one whose client has left; neither
// is an error.
func (x *stream) ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) || status.Code(err) == codes.Canceled {
		return nil
	}
	x.srv.log.Debug("stream ended", "request_id", x.record.RequestID, "error", err)
	return err
}
