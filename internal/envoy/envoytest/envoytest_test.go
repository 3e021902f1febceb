package envoytest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"llmroute/internal/envoy/envoytest"
)

const hello = `
static_resources:
  listeners:
  - name: hello
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: hello
          route_config:
            virtual_hosts:
            - {name: all, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: hello}}}]}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
`

func TestStart(t *testing.T) {
	e := envoytest.Start(t, hello)
	resp, err := http.Get("http://" + e.Address(t, "hello") + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "hello" {
		t.Errorf("got %q, %v, want hello", body, err)
	}
	if got := e.Stat(t, "http.hello.downstream_rq_2xx"); got != 1 {
		t.Errorf("got %d requests counted, want 1", got)
	}
	if got := e.Stat(t, "no.such.stat"); got != 0 {
		t.Errorf("got %d for a stat that is not there, want 0", got)
	}
	if page, err := e.Get("/no-such-page"); err == nil {
		t.Errorf("got %q, want an error", page)
	}
	e.Stop()
	e.Stop()
	select {
	case <-e.Exited():
	default:
		t.Error("still running after Stop")
	}
	if logs := e.Logs(); strings.Contains(logs, "critical") {
		t.Errorf("got logs %s", logs)
	}
}
