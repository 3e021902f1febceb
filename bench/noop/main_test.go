package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"llmroute/internal/envoy"
	"llmroute/internal/envoy/envoytest"
)

// The floor is only one if a real Envoy goes the whole way with it: bodies
// arrive, an event reaches the client before the next is sent, and nothing of
// the request changes but its way.
func TestThroughEnvoy(t *testing.T) {
	next := make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if r.Header.Get(headerBackend) != "" {
			t.Error("the header that names the cluster reached the upstream")
		}
		if r.URL.Path != "/stream" {
			_, _ = w.Write(append([]byte(r.Method+" "), body...))
			return
		}
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		_, _ = io.WriteString(w, "data: one\n\n")
		w.(http.Flusher).Flush()
		select {
		case <-next:
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, "data: two\n\n")
	}))
	defer upstream.Close()

	const cluster = "upstream"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(cluster)
	defer s.Stop()
	go func() { _ = s.Serve(l) }()

	bootstrap, err := envoy.Render(envoy.Addresses{Listen: "127.0.0.1:0", GRPC: l.Addr().String(), Own: cluster})
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(upstream.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	e := envoytest.Start(t, strings.NewReplacer(
		"address: 127.0.0.1, port_value: 1065", "address: "+host+", port_value: "+port,
	).Replace(bootstrap))
	url := "http://" + e.Address(t, "llm")

	for _, c := range []struct{ name, method, body string }{
		{"no body", "GET", ""},
		{"a small body", "POST", `{"model":"m"}`},
		{"a body of a megabyte", "POST", strings.Repeat("x", 1<<20)},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), c.method, url+"/echo", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if want := c.method + " " + c.body; resp.StatusCode != http.StatusOK || string(got) != want {
				t.Errorf("status %d, %d bytes; want 200, %d bytes: %.300s", resp.StatusCode, len(got), len(want), got)
			}
		})
	}

	t.Run("a stream", func(t *testing.T) {
		resp, err := http.Post(url+"/stream", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		r := bufio.NewReader(resp.Body)
		if line, err := r.ReadString('\n'); err != nil || line != "data: one\n" {
			t.Fatalf("first line %q, %v", line, err)
		}
		close(next) // the second is sent only now
		rest, err := io.ReadAll(r)
		if err != nil || string(rest) != "\ndata: two\n\n" {
			t.Errorf("rest %q, %v", rest, err)
		}
	})
}
