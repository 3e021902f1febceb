package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"llmroute/bench/workload"
	"llmroute/internal/envoy"
)

// The contestants. Floor is what the others are compared with.
const (
	nameBare   = "bare Envoy"
	nameFloor  = "no-op"
	nameOurs   = "llmroute"
	nameBefore = "before"
)

// contestant is an Envoy, and what stands beside it.
type contestant struct {
	name    string
	envoy   *process
	sidecar *process // nil for bare Envoy
	address string   // where the Envoy listens
}

func (c *contestant) processes() []*process {
	if c.sidecar == nil {
		return []*process{c.envoy}
	}
	return []*process{c.envoy, c.sidecar}
}

// lineup starts contestants, all on this machine and all in front of one upstream.
type lineup struct {
	dir      string // for sockets and configuration
	envoy    string // the binary
	upstream string // host:port
}

const ownCluster = "upstream"

// bare starts an Envoy that routes to the upstream and asks nobody.
func (l *lineup) bare(ctx context.Context) (*contestant, error) {
	bootstrap, err := l.own("127.0.0.1:1", func(hcm map[string]any) {
		filters := hcm["http_filters"].([]any)
		hcm["http_filters"] = filters[len(filters)-1:] // the router
		host := hcm["route_config"].(map[string]any)["virtual_hosts"].([]any)[0].(map[string]any)
		route := host["routes"].([]any)[0].(map[string]any)["route"].(map[string]any)
		delete(route, "cluster_header")
		route["cluster"] = ownCluster
	})
	if err != nil {
		return nil, err
	}
	return l.start(ctx, nameBare, bootstrap, nil)
}

// noop starts an Envoy and the processor that does nothing.
func (l *lineup) noop(ctx context.Context, binary string) (*contestant, error) {
	socket := "unix:" + filepath.Join(l.dir, "noop")
	sidecar, err := start(binary, "-listen", socket, "-cluster", ownCluster)
	if err != nil {
		return nil, err
	}
	bootstrap, err := l.own(socket, func(map[string]any) {})
	if err != nil {
		sidecar.stop()
		return nil, err
	}
	return l.start(ctx, nameFloor, bootstrap, sidecar)
}

// llmroute starts an Envoy and llmroute as a person would, ADS included.
func (l *lineup) llmroute(ctx context.Context, name, binary string) (*contestant, error) {
	config := filepath.Join(l.dir, name+".yaml")
	if err := os.WriteFile(config, []byte(l.documents()), 0o600); err != nil {
		return nil, err
	}
	admin, err := freePort()
	if err != nil {
		return nil, err
	}
	socket := "unix:" + filepath.Join(l.dir, name)
	bootstrap, err := envoy.Render(envoy.Addresses{Listen: "127.0.0.1:0", GRPC: socket, Admin: "127.0.0.1:0"})
	if err != nil {
		return nil, err
	}
	sidecar, err := start(binary, "serve", "--config", config, "--grpc", socket, "--admin", admin)
	if err != nil {
		return nil, err
	}
	if err := sidecar.wait(ctx, func() error { _, err := get(ctx, "http://"+admin+"/readyz"); return err }); err != nil {
		sidecar.stop()
		return nil, err
	}
	return l.start(ctx, name, bootstrap, sidecar)
}

// documents route each model to a backend of its own.
func (l *lineup) documents() string {
	var b strings.Builder
	b.WriteString("apiVersion: aigateway.envoyproxy.io/v1alpha1\nkind: LLMRoute\nmetadata: {name: bench}\nspec:\n" +
		"  inputSchema: OpenAI\n  httpRouteRef: {name: bench}\n---\n" +
		"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: bench}\nspec:\n  rules:\n")
	for _, model := range slices.Sorted(maps.Keys(workload.Backends)) {
		fmt.Fprintf(&b, "  - matches: [{headers: [{name: x-envoy-ai-gateway-llm-model, value: %s}]}]\n    backendRefs: [{name: %s}]\n", model, model)
	}
	for model, schema := range workload.Backends {
		fmt.Fprintf(&b, "---\napiVersion: aigateway.envoyproxy.io/v1alpha1\nkind: LLMBackend\nmetadata: {name: %s}\n"+
			"spec:\n  outputSchema: %s\n  endpoint: http://%s\n", model, schema, l.upstream)
		if override := workload.Overrides[model]; override != "" {
			fmt.Fprintf(&b, "  modelNameOverride: %q\n", override)
		}
	}
	return b.String()
}

// own renders our bootstrap with a static cluster for the upstream and lets edit
// change the connection manager. What is compared differs in nothing else.
func (l *lineup) own(grpc string, edit func(hcm map[string]any)) (string, error) {
	text, err := envoy.Render(envoy.Addresses{Listen: "127.0.0.1:0", GRPC: grpc, Admin: "127.0.0.1:0", Own: ownCluster})
	if err != nil {
		return "", err
	}
	const sample = "address: 127.0.0.1, port_value: 1065"
	host, port, err := net.SplitHostPort(l.upstream)
	if err != nil {
		return "", err
	}
	replaced := strings.ReplaceAll(text, sample, "address: "+host+", port_value: "+port)
	if replaced == text {
		return "", fmt.Errorf("rendered bootstrap has no cluster at %q", sample)
	}
	var bootstrap map[string]any
	if err := yaml.Unmarshal([]byte(replaced), &bootstrap); err != nil {
		return "", fmt.Errorf("rendered bootstrap: %w", err)
	}
	listener := bootstrap["static_resources"].(map[string]any)["listeners"].([]any)[0].(map[string]any)
	filter := listener["filter_chains"].([]any)[0].(map[string]any)["filters"].([]any)[0].(map[string]any)
	edit(filter["typed_config"].(map[string]any))
	out, err := json.Marshal(bootstrap) // Envoy reads it as YAML
	return string(out), err
}

// start runs an Envoy with one worker in front of the sidecar, which it stops
// again when that fails.
func (l *lineup) start(ctx context.Context, name, bootstrap string, sidecar *process) (_ *contestant, err error) {
	c := &contestant{name: name, sidecar: sidecar}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	base := filepath.Join(l.dir, strings.ReplaceAll(name, " ", "-"))
	file, address := base+"-envoy.yaml", base+"-envoy-admin"
	if err := os.WriteFile(file, []byte(bootstrap), 0o600); err != nil {
		return nil, err
	}
	c.envoy, err = start(l.envoy, "-c", file, "--admin-address-path", address, "--use-dynamic-base-id",
		"--concurrency", "1", "--file-flush-interval-msec", "1000", "--log-level", "warning")
	if err != nil {
		return nil, err
	}
	err = c.envoy.wait(ctx, func() error {
		admin, err := os.ReadFile(address)
		if err != nil {
			return err
		}
		if _, err := get(ctx, "http://"+string(admin)+"/ready"); err != nil {
			return err
		}
		c.address, err = listening(ctx, string(admin))
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (c *contestant) stop() {
	if c.envoy != nil {
		c.envoy.stop()
	}
	if c.sidecar != nil {
		c.sidecar.stop()
	}
}

// listening asks an Envoy where its listener is.
func listening(ctx context.Context, admin string) (string, error) {
	page, err := get(ctx, "http://"+admin+"/listeners?format=json")
	if err != nil {
		return "", err
	}
	var list struct {
		Listeners []struct {
			Local struct {
				Socket struct {
					Address string `json:"address"`
					Port    int    `json:"port_value"`
				} `json:"socket_address"`
			} `json:"local_address"`
		} `json:"listener_statuses"`
	}
	if err := json.Unmarshal(page, &list); err != nil {
		return "", err
	}
	if len(list.Listeners) != 1 {
		return "", fmt.Errorf("envoy has %d listeners", len(list.Listeners))
	}
	s := list.Listeners[0].Local.Socket
	return net.JoinHostPort(s.Address, strconv.Itoa(s.Port)), nil
}

// plainly keeps no connection: nothing but the load shall be open while it is measured.
var plainly = http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := plainly.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, resp.Status)
	}
	return body, err
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
