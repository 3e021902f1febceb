package xds

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"google.golang.org/grpc"

	"llmroute/internal/envoy/envoytest"
)

// The bootstrap has what the product's has as far as clusters are concerned: ADS
// with a short back-off, one route by header, auto_host_rewrite. A header
// mutation stands where ext_proc sets the headers for retries and timeouts.
const bootstrap = `
node: {id: test-envoy, cluster: test}
%[2]s
dynamic_resources:
  ads_config:
    api_type: DELTA_GRPC
    transport_api_version: V3
    set_node_on_first_message_only: true
    grpc_services:
    - envoy_grpc:
        cluster_name: llmroute
        retry_policy: {retry_back_off: {base_interval: 0.1s, max_interval: 1s}}
  cds_config: {ads: {}, resource_api_version: V3, initial_fetch_timeout: 0.2s}
static_resources:
  listeners:
  - name: llm
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: llm
          scheme_header_transformation: {match_upstream: true}
          route_config:
            virtual_hosts:
            - name: llm
              domains: ["*"]
              request_body_buffer_limit: 67108864
              include_request_attempt_count: true
              routes:
              - match: {prefix: /}
                route: {cluster_header: x-test-cluster, timeout: 0s, auto_host_rewrite: true}
                request_headers_to_remove: [x-test-cluster]
          http_filters:
          - name: envoy.filters.http.header_mutation
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
              mutations:
                request_mutations:
                - append: {header: {key: x-envoy-retry-on, value: "%%REQ(x-test-retry-on)%%"}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}
                - append: {header: {key: x-envoy-max-retries, value: "%%REQ(x-test-max-retries)%%"}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router, suppress_envoy_headers: true}
  clusters:
  - name: llmroute
    type: STATIC
    connect_timeout: 1s
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment:
      cluster_name: llmroute
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %[1]d}}}}]}]
`

// sidecar is a Server behind a real gRPC port.
type sidecar struct {
	*Server
	port int
	grpc *grpc.Server
}

// newSidecar serves s on port, or on a free one when that is 0.
func newSidecar(t testing.TB, s *Server, port int) *sidecar {
	t.Helper()
	lis, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	c := &sidecar{Server: s, port: lis.Addr().(*net.TCPAddr).Port, grpc: grpc.NewServer()}
	s.Register(c.grpc)
	served := make(chan error, 1)
	go func() { served <- c.grpc.Serve(lis) }()
	t.Cleanup(func() {
		c.stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return c
}

// stop ends the sidecar as the product does: streams first, then gracefully.
func (c *sidecar) stop() {
	c.EndStreams()
	c.grpc.GracefulStop()
}

// proxy is a real Envoy that gets its clusters from a sidecar.
type proxy struct {
	*envoytest.Envoy
	url string
}

func newProxy(t testing.TB, binary string, port int, extra string) *proxy {
	t.Helper()
	e := envoytest.StartBinary(t, binary, fmt.Sprintf(bootstrap, port, extra))
	return &proxy{Envoy: e, url: "http://" + e.Address(t, "llm")}
}

// reply is what a request through Envoy came to.
type reply struct {
	status int
	body   string
}

// ask sends a request to the cluster; header holds name, value, name, value. A
// request without an answer has status 0. Any goroutine may call it.
func (p *proxy) ask(t testing.TB, cluster string, body io.Reader, header ...string) reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/v1/x", body)
	if err != nil {
		return reply{body: err.Error()}
	}
	req.Header.Set("x-test-cluster", cluster)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return reply{body: err.Error()}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{body: err.Error()}
	}
	return reply{resp.StatusCode, string(b)}
}

func testLog(t testing.TB) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

// until polls cond, and fails the test when it stays false for ten seconds.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}
