package envoy_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"llmroute/internal/envoy"
	"llmroute/internal/envoy/envoytest"
)

// runEnvoy is what the run command does, in front of provider and s.
func runEnvoy(t *testing.T, provider http.Handler) (*envoy.Process, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: provider, ReadHeaderTimeout: time.Second}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	address, _ := (&sidecar{}).serve(t, "127.0.0.1:0")
	listen := freePort(t)
	text, err := envoy.Render(envoy.Addresses{Listen: listen, GRPC: address, Own: cluster})
	if err != nil {
		t.Fatal(err)
	}
	text = replace(t, text, "port_value: 1065", "port_value: "+strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	p, err := envoy.Start(t.Context(), envoy.Options{
		Binary: envoy.Binary{Path: envoytest.Path(t)}, Bootstrap: text, Home: t.TempDir(), Args: []string{"--concurrency", "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := p.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	return p, "http://" + listen
}

// freePort returns an address nobody listens on, for the one case where the
// person, not the kernel, chooses.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestStopLetsStreamsFinish(t *testing.T) {
	finish := make(chan struct{})
	p, url := runEnvoy(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n\n")
		w.(http.Flusher).Flush()
		<-finish
		_, _ = io.WriteString(w, "data: 2\n\n")
	}))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Do", "stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	stream := bufio.NewReader(resp.Body)
	if line, err := stream.ReadString('\n'); err != nil || line != "data: 1\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		p.Stop(ctx)
	}()
	if !refused(strings.TrimPrefix(url, "http://")) {
		t.Error("still takes connections while draining")
	}
	select {
	case <-stopped:
		t.Error("did not wait for the stream")
	default:
	}
	close(finish)
	rest, err := io.ReadAll(stream)
	if err != nil || string(rest) != "\ndata: 2\n\n" {
		t.Errorf("got %q, %v for the rest of the stream", rest, err)
	}
	<-stopped
	if err := p.Err(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// refused reports whether connections to address come to be refused in time.
func refused(address string) bool {
	for range 100 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return true
		}
		_ = c.Close()
		time.Sleep(50 * time.Millisecond)
	}
	return false
}

func TestStopGivesUp(t *testing.T) {
	p, url := runEnvoy(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	ended := make(chan error, 1)
	go func() {
		resp, err := http.Post(url, "", strings.NewReader("{}"))
		if err == nil {
			err = resp.Body.Close()
		}
		ended <- err
	}()
	time.Sleep(200 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begin := time.Now()
	p.Stop(ctx)
	if took := time.Since(begin); took > 4*time.Second {
		t.Errorf("took %v", took)
	}
	<-ended
}

func TestStartReportsABadBootstrap(t *testing.T) {
	var said strings.Builder
	p, err := envoy.Start(t.Context(), envoy.Options{
		Binary: envoy.Binary{Path: envoytest.Path(t)}, Bootstrap: "static_resources: {listeners: [{name: [}]}", Home: t.TempDir(), Stderr: &said,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Ready(t.Context()); err == nil {
		t.Error("got ready with a broken bootstrap")
	}
	<-p.Done()
}
