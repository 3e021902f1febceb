package fakellm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// grace is how long Serve lets streams go on after it was told to stop.
const grace = time.Second

// Serve answers requests on l with h until ctx is done, and then returns nil. It
// speaks HTTP/1.1 and HTTP/2 without TLS (with prior knowledge), and HTTP/2 over
// TLS when l is a TLS listener that offers it. It closes l; streams that are still
// flowing a second after ctx is done are cut.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	exchanges, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	server := &http.Server{
		Handler:           h,
		Protocols:         new(http.Protocols),
		BaseContext:       func(net.Listener) context.Context { return exchanges },
		ReadHeaderTimeout: time.Minute,
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	server.Protocols.SetUnencryptedHTTP2(true)

	var failure error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		failure = server.Serve(l)
	}()
	select {
	case <-ended:
		return fmt.Errorf("fake provider: %w", failure)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(exchanges, grace)
	defer cancel()
	err := server.Shutdown(last)
	if errors.Is(err, context.DeadlineExceeded) {
		cut() // what hangs on demand waits for this
		err = server.Close()
	}
	<-ended
	if err != nil {
		return fmt.Errorf("fake provider: stop: %w", err)
	}
	return nil
}
