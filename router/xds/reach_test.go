package xds

import (
	"bytes"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"llmroute/internal/envoy/envoytest"
	"llmroute/router/config"
)

// TestReach sends a request to a backend of each kind, on every Envoy there is.
func TestReach(t *testing.T) {
	ca, other := newCA(t), newCA(t)
	_, _, clientCert, clientKey := ca.sign(t, "client", &x509.Certificate{})
	plain := serve(t, tellingUpstream, nil)
	named := ca.serveTLS(t, []string{"h2", "http/1.1"}, []string{"localhost", "api.example"})
	old := ca.serveTLS(t, []string{"http/1.1"}, []string{"localhost"})
	wrongName := ca.serveTLS(t, nil, []string{"somebody.example"})
	address := ca.serveTLS(t, nil, nil, net.IPv4(127, 0, 0, 1))
	wrongAddress := ca.serveTLS(t, nil, []string{"localhost"}, net.IPv4(127, 0, 0, 2))

	at := func(host string, port uint32, tls *config.TLS) config.Endpoint {
		return config.Endpoint{Host: host, Port: port, TLS: tls}
	}
	h2 := at("127.0.0.1", plain, nil)
	h2.HTTP2 = true
	cases := []struct {
		name     string
		endpoint config.Endpoint
		want     string // the whole of the answer
		refused  string // or the counter that says why not
	}{
		{"address", at("127.0.0.1", plain, nil), "HTTP/1.1 host=127.0.0.1 sni=- client=- bytes=2", ""},
		{"dns", at("localhost", plain, nil), "HTTP/1.1 host=localhost sni=- client=- bytes=2", ""},
		{"h2", h2, "HTTP/2.0 host=127.0.0.1 sni=- client=- bytes=2", ""},
		{"tls", at("localhost", named, &config.TLS{}), "HTTP/2.0 host=localhost sni=localhost client=- bytes=2", ""},
		{"tls-h1", at("localhost", old, &config.TLS{}), "HTTP/1.1 host=localhost sni=localhost client=- bytes=2", ""},
		{"tls-own-ca", at("localhost", named, &config.TLS{CAFile: ca.file}), "HTTP/2.0 host=localhost sni=localhost client=- bytes=2", ""},
		{"tls-server-name", at("127.0.0.1", named, &config.TLS{ServerName: "api.example"}), "HTTP/2.0 host=127.0.0.1 sni=api.example client=- bytes=2", ""},
		{"tls-address", at("127.0.0.1", address, &config.TLS{}), "HTTP/1.1 host=127.0.0.1 sni= client=- bytes=2", ""},
		{"tls-client", at("localhost", named, &config.TLS{ClientCert: clientCert, ClientKey: clientKey}), "HTTP/2.0 host=localhost sni=localhost client=client bytes=2", ""},
		{"tls-wrong-name", at("localhost", wrongName, &config.TLS{}), "", "fail_verify_san"},
		{"tls-wrong-server-name", at("localhost", named, &config.TLS{ServerName: "elsewhere.example"}), "", "fail_verify_san"},
		{"tls-wrong-address", at("127.0.0.1", wrongAddress, &config.TLS{}), "", "fail_verify_san"},
		{"tls-wrong-ca", at("localhost", named, &config.TLS{CAFile: other.file}), "", "fail_verify_error"},
	}
	backends := make([]*config.Backend, 0, len(cases))
	for _, c := range cases {
		backends = append(backends, &config.Backend{ID: c.name, Endpoint: &c.endpoint, RetryDelay: time.Millisecond})
	}
	for version, binary := range envoytest.Fetched(t) {
		t.Run(version, func(t *testing.T) {
			s := newSidecar(t, New(Options{Log: testLog(t), CAFile: ca.file}), 0)
			p := newProxy(t, binary, s.port, "")
			if err := s.Add(t.Context(), backends); err != nil {
				t.Fatal(err)
			}
			if st := s.Status(); !st.Ready() || st.Envoys[0].Version != version || st.Envoys[0].Accepted != len(cases) {
				t.Errorf("status after Add: %+v", st)
			}
			for i, c := range cases {
				got := p.ask(t, ClusterName(backends[i]), strings.NewReader("hi"))
				switch {
				case c.want != "" && (got.status != 200 || got.body != c.want):
					t.Errorf("%s: got %d %q, want %q", c.name, got.status, got.body, c.want)
				case c.refused != "" && (got.status != 503 || p.Stat(t, "cluster."+c.name+".ssl."+c.refused) == 0):
					t.Errorf("%s: got %d %q, want 503 and %s counted", c.name, got.status, got.body, c.refused)
				}
			}
		})
	}
}

// TestLargeBodies sends and receives more than any buffer's default.
func TestLargeBodies(t *testing.T) {
	const size = 32 << 20
	body := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	port := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }, nil)
	s := newSidecar(t, New(Options{}), 0)
	p := newProxy(t, envoytest.Path(t), s.port, "")
	h1 := &config.Backend{ID: "h1", Endpoint: &config.Endpoint{Host: "127.0.0.1", Port: port}}
	h2 := &config.Backend{ID: "h2", Endpoint: &config.Endpoint{Host: "127.0.0.1", Port: port, HTTP2: true}}
	if err := s.Add(t.Context(), []*config.Backend{h1, h2}); err != nil {
		t.Fatal(err)
	}
	for _, b := range []*config.Backend{h2, h1} {
		got := p.ask(t, ClusterName(b), bytes.NewReader(body))
		if got.status != 200 || got.body != string(body) {
			t.Errorf("%s: got %d and %d bytes, want the %d that were sent", b.ID, got.status, len(got.body), size)
		}
	}
}
