package envoy_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"llmroute/internal/envoy"
	"llmroute/internal/envoy/envoytest"
)

var update = flag.Bool("update", false, "write the rendered files instead of comparing them")

// echo answers with the request line and headers that reached it.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Server", "provider/1")
	w.Header().Set("X-Request-Id", "provider-7")
	_ = json.NewEncoder(w).Encode(map[string]any{"uri": r.RequestURI, "host": r.Host, "headers": r.Header})
})

type echoed struct {
	URI     string      `json:"uri"`
	Host    string      `json:"host"`
	Headers http.Header `json:"headers"`
}

func post(t *testing.T, url string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

func TestRequestReachesProviderClean(t *testing.T) {
	s := &sidecar{path: "/model/a%3A0%2Fb//c/../invoke?x=%2e"}
	g := start(t, s, echo, nil)
	resp, body := post(t, g.url+"/v1/chat/completions", strings.NewReader("{}"),
		"Authorization", "Bearer k", "X-Request-Id", "client-1", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"X-Envoy-Ai-Gateway-Selected-Backend", "evil", "X-Envoy-Ai-Gateway-Llm-Model", "evil",
		"X-Envoy-Upstream-Rq-Timeout-Ms", "1", "X-Envoy-Retry-On", "5xx", "X-Envoy-Original-Path", "/evil",
		"X-Llmroute-Backend", "evil", "X-Stainless-Os", "Linux",
		"X-Forwarded-For", "10.0.0.1", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "h", "X-Real-Ip", "10.0.0.1",
		"Forwarded", "for=10.0.0.1", "Via", "1.1 x", "Cookie", "session=1")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("got %s: %s", resp.Status, body)
	}
	var got echoed
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	want := echoed{
		URI:  s.path, // as the sidecar wrote it: normalisation is for what clients send
		Host: "localhost",
		Headers: http.Header{
			"Accept-Encoding":              {"gzip"},
			"Authorization":                {"Bearer k"},
			"Content-Length":               {"2"},
			"Traceparent":                  {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
			"User-Agent":                   {"Go-http-client/1.1"},
			"X-Envoy-Ai-Gateway-Llm-Model": {"m"},
			"X-Request-Id":                 {"client-1"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("at the provider (-want +got):\n%s", diff)
	}
	for _, name := range []string{"X-Envoy-Ai-Gateway-Selected-Backend", "X-Envoy-Retry-On", "X-Llmroute-Backend", "X-Stainless-Os", "X-Envoy-Original-Path"} {
		if v := s.requests()[0].Values(name); v != nil {
			t.Errorf("the sidecar saw %s: %q, which a client sent", name, v)
		}
	}
	for name, want := range map[string]string{"Server": "provider/1", "X-Request-Id": "provider-7", "X-Envoy-Upstream-Service-Time": ""} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("got %s: %q, want %q", name, got, want)
		}
	}
	wantAttributes := map[string]string{
		"xds.cluster_name":      cluster,
		"response.code_details": "via_upstream",
		"xds.upstream_host_metadata.filter_metadata['llmroute']['backend']": cluster,
	}
	for name, want := range wantAttributes {
		if got := s.attributes()[name]; got != want {
			t.Errorf("attribute %s: got %q, want %q", name, got, want)
		}
	}
}

func TestPathIsNormalisedForTheSidecar(t *testing.T) {
	s := &sidecar{}
	g := start(t, s, echo, nil)
	post(t, g.url+"/v1//x/..///models%2Fy/%2e%2e/z", strings.NewReader("{}"))
	if got, want := s.requests()[0].Get(":path"), "/v1/z"; got != want {
		t.Errorf("got path %q, want %q", got, want)
	}
}

type errorBody struct {
	Error struct {
		Message   string  `json:"message"`
		Type      string  `json:"type"`
		Param     *string `json:"param"`
		Code      string  `json:"code"`
		RequestID string  `json:"request_id"`
	} `json:"error"`
}

func TestLocalReplies(t *testing.T) {
	s := &sidecar{}
	g := start(t, s, echo, func(text string) string {
		return replace(t, text, "message_timeout: 10s", "message_timeout: 0.3s")
	})
	tests := []struct {
		name, do     string
		body         int
		header       []string
		status       int
		code, errTyp string
	}{
		{name: "processor fails", do: "fail", status: 503, code: "gateway_unavailable", errTyp: "server_error"},
		{name: "processor hangs", do: "hang", status: 504, code: "gateway_unavailable", errTyp: "server_error"},
		{name: "processor leaves", do: "leave", status: 503, code: "upstream_unreachable", errTyp: "server_error"},
		{name: "body over Envoy's limit", body: 65 << 20, status: 413, code: "request_too_large", errTyp: "invalid_request_error"},
		{name: "upgrade", header: []string{"Connection", "Upgrade", "Upgrade", "websocket"}, status: 403, code: "bad_request", errTyp: "invalid_request_error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			header := append([]string{"X-Do", tt.do, "X-Request-Id", "client-1"}, tt.header...)
			resp, body := post(t, g.url+"/v1/chat/completions", bytes.NewReader(make([]byte, max(tt.body, 2))), header...)
			if resp.StatusCode != tt.status || resp.Header.Get("Content-Type") != "application/json" {
				t.Errorf("got %d %s, want %d application/json", resp.StatusCode, resp.Header.Get("Content-Type"), tt.status)
			}
			var got errorBody
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatalf("body %q: %v", body, err)
			}
			if got.Error.Code != tt.code || got.Error.Type != tt.errTyp || got.Error.Message == "" || got.Error.RequestID != "client-1" {
				t.Errorf("got %s", body)
			}
		})
	}
}

func TestSidecarsOwnReplyStays(t *testing.T) {
	g := start(t, &sidecar{}, echo, nil)
	resp, body := post(t, g.url+"/", strings.NewReader("{}"), "X-Do", "refuse")
	if resp.StatusCode != http.StatusTeapot || body != `{"error":{"message":"mine"}}` {
		t.Errorf("got %s %s", resp.Status, body)
	}
}

func TestSidecarGoneAndBack(t *testing.T) {
	s := &sidecar{}
	g := start(t, s, echo, nil)
	g.stop()
	begin := time.Now()
	resp, body := post(t, g.url+"/v1/chat/completions", strings.NewReader("{}"))
	var got errorBody
	if err := json.Unmarshal([]byte(body), &got); err != nil || got.Error.Code != "gateway_unavailable" || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("got %s %s (%v)", resp.Status, body, err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	s.serve(t, g.grpc)
	for range 100 {
		if resp, body = post(t, g.url+"/v1/chat/completions", strings.NewReader("{}")); resp.StatusCode == http.StatusOK {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("still %s %s after the sidecar came back", resp.Status, body)
}

func TestLargeBodies(t *testing.T) {
	const size = 60 << 20
	answer := bytes.Repeat([]byte("a"), size)
	received := make(chan int64, 1)
	g := start(t, &sidecar{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		received <- n
		_, _ = w.Write(answer)
	}), nil)
	resp, body := post(t, g.url+"/", bytes.NewReader(make([]byte, size)))
	if resp.StatusCode != http.StatusOK || len(body) != size {
		t.Errorf("got %s and %d bytes, want 200 and %d", resp.Status, len(body), size)
	}
	if n := <-received; n != size {
		t.Errorf("the provider got %d bytes, want %d", n, size)
	}
}

func TestAccessLog(t *testing.T) {
	g := start(t, &sidecar{}, echo, nil)
	post(t, g.url+"/v1/chat/completions?key=secret", strings.NewReader("{}"))
	var line struct {
		Path    string         `json:"path"`
		Status  int            `json:"status"`
		Cluster string         `json:"cluster"`
		LLM     map[string]any `json:"llm"`
	}
	for range 100 {
		if strings.Contains(g.Stdout(), "\n") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := json.Unmarshal([]byte(g.Stdout()), &line); err != nil {
		t.Fatalf("access log %q: %v", g.Stdout(), err)
	}
	if line.Path != "/v1/chat/completions" || line.Status != 200 || line.Cluster != cluster || line.LLM["backend"] != "chosen" {
		t.Errorf("got %+v", line)
	}
}

// The files that people copy are what render writes, and every Envoy takes them.
func TestFilesAreRendered(t *testing.T) {
	root := envoytest.Root(t)
	for _, f := range envoy.Files() {
		t.Run(f.Path, func(t *testing.T) {
			want, err := envoy.Render(f.Addresses)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(filepath.Join(root, f.Path), []byte(want), 0o644); err != nil { // #nosec G306 -- for everybody to read
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(filepath.Join(root, f.Path))
			if err != nil {
				t.Fatalf("%v; run \"make generate\"", err)
			}
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Errorf("run \"make generate\" (-want +got):\n%s", diff)
			}
			for version, binary := range envoytest.Fetched(t) {
				out, err := exec.CommandContext(t.Context(), binary, "--mode", "validate", "-c", filepath.Join(root, f.Path)).CombinedOutput()
				if err != nil {
					t.Errorf("envoy %s: %v\n%s", version, err, out)
				}
			}
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	tests := []struct {
		name string
		in   envoy.Addresses
		want string
	}{
		{"no port", envoy.Addresses{Listen: "127.0.0.1"}, `listen address: "127.0.0.1" is not host:port: address 127.0.0.1: missing port in address`},
		{"a name", envoy.Addresses{GRPC: "sidecar.local:1063"}, `gRPC address: "sidecar.local:1063": the host must be an IP address, since Envoy looks up no names here`},
		{"no path", envoy.Addresses{GRPC: "unix:"}, `gRPC address: "unix:" has no path`},
		{"a port too high", envoy.Addresses{Admin: "127.0.0.1:65536"}, `admin address: "127.0.0.1:65536": the port must be a number from 0 to 65535`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := envoy.Render(tt.in)
			if err == nil {
				t.Fatal("got no error")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRenderAddresses(t *testing.T) {
	text, err := envoy.Render(envoy.Addresses{Listen: "[::1]:0", GRPC: "unix:/run/llm route.sock", Admin: "localhost:9901"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`address: {socket_address: {address: "::1", port_value: 0}}`,
		`{endpoint: {address: {pipe: {path: "/run/llm route.sock"}}}}`,
		`admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	file := filepath.Join(t.TempDir(), "envoy.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), envoytest.Path(t), "--mode", "validate", "-c", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
