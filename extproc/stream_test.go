package extproc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	modev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"llmroute/extproc"
	"llmroute/extproc/extproctest"
	"llmroute/router"
	"llmroute/router/config"
	"llmroute/telemetry"
	"llmroute/translator"
)

// anyCluster accepts every cluster at once.
type anyCluster struct{}

func (anyCluster) Add(context.Context, []*config.Backend) error { return nil }
func (anyCluster) Keep([]*config.Backend)                       {}

func backend(id string, edit func(*config.Backend)) *config.Backend {
	b := &config.Backend{ID: id, Schema: translator.Backend{Schema: translator.OpenAI, Prefix: "/v1"}, Cluster: id + "-cluster",
		Auth: config.Auth{Type: config.AuthNone}, Timeout: 120 * time.Second, IdleTimeout: 10 * time.Minute}
	if edit != nil {
		edit(b)
	}
	return b
}

func exactModel(route, model, to string) *config.Route {
	return &config.Route{Namespace: "default", Name: route, LLMRoute: route, Rules: []config.Rule{{
		Matches:  []config.Match{{Headers: []config.Field{{Name: "x-envoy-ai-gateway-llm-model", Value: model}}}},
		Backends: []config.BackendRef{{Backend: to, Weight: 1}},
	}}}
}

// testConfig has a backend of each kind that a phase treats differently.
func testConfig() *config.Config {
	return &config.Config{
		Hash: "test",
		Backends: []*config.Backend{
			backend("keyed", func(b *config.Backend) {
				b.Auth = config.Auth{Type: config.AuthAPIKey, Header: "authorization", Prefix: "Bearer ", Key: "sk-backend", From: "test"}
				b.ModelNameOverride = "gpt-real"
				b.MaxRetries = 2
			}),
			backend("keyless", func(b *config.Backend) {
				b.Auth = config.Auth{Type: config.AuthAPIKey, Header: "authorization", Prefix: "Bearer ", From: "environment variable NO_SUCH_KEY"}
			}),
			backend("mutated", func(b *config.Backend) {
				b.Headers = config.HeaderMutation{Set: []translator.Header{{Name: "x-org", Value: "o"}}, Remove: []string{"accept-encoding", "x-client"}}
				b.Body = config.BodyMutation{Set: []config.BodyField{{Path: "extra.deep", Value: json.RawMessage(`[1,2]`)}}, Remove: []string{"user"}}
			}),
			backend("open", func(b *config.Backend) { b.Auth.Type = config.AuthPassthrough }),
			backend("plain", nil),
		},
		Routes: []*config.Route{
			exactModel("keyed", "m-keyed", "keyed"), exactModel("keyless", "m-keyless", "keyless"),
			exactModel("mutated", "m-mutated", "mutated"), exactModel("open", "m-open", "open"), exactModel("plain", "m-plain", "plain"),
		},
	}
}

// processor serves a configuration to a client that plays Envoy. log gets the
// sidecar's log lines.
func processor(t testing.TB, c *config.Config, log io.Writer) *extproctest.Client {
	t.Helper()
	if log == nil {
		log = io.Discard
	}
	logger := slog.New(slog.NewJSONHandler(log, nil))
	r := router.New(anyCluster{}, logger)
	t.Cleanup(r.Close)
	if c != nil {
		if err := r.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	rec, err := telemetry.New(telemetry.Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	srv := extproc.New(extproc.Options{Router: r, Recorder: rec, Log: logger, MaxBody: 1 << 20})
	client, err := extproctest.Dial(srv.GRPC())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := srv.Drain(ctx); err != nil {
			t.Errorf("drain: %v", err)
		}
	})
	return client
}

func do(t *testing.T, c *extproctest.Client, req *extproctest.Message, up extproctest.Upstream) *extproctest.Result {
	t.Helper()
	if up == nil {
		up = extproctest.Reply(200, "application/json", `{"model":"gpt-real-1","usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7},"choices":[{"finish_reason":"stop"}]}`)
	}
	res, err := c.Do(t.Context(), req, up)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

const hello = `{"model": "MODEL", "messages": [{"role":"user","content":"hi"}], "temperature": 1.50, "x": 1e400}`

func body(model string) string { return strings.Replace(hello, "MODEL", model, 1) }

func TestRequestReachesItsBackend(t *testing.T) {
	c := processor(t, testConfig(), nil)
	res := do(t, c, extproctest.Post("/v1/chat/completions?a=b", body("m-keyed"),
		extproctest.Header{Name: "authorization", Value: "Bearer client"}, extproctest.Header{Name: "cookie", Value: "c=1"},
		extproctest.Header{Name: "x-stainless-os", Value: "Linux"}, extproctest.Header{Name: "x-forwarded-for", Value: "10.0.0.1"},
		extproctest.Header{Name: "x-envoy-ai-gateway-selected-backend", Value: "evil"}, extproctest.Header{Name: "x-llmroute-trick", Value: "1"},
		extproctest.Header{Name: "x-custom", Value: "1"}, extproctest.Header{Name: "x-custom", Value: "2"}), nil)
	up := res.Upstream
	if got, want := string(up.Bytes()), body("gpt-real"); got != want {
		t.Errorf("body: got %s, want %s", got, want)
	}
	for name, want := range map[string][]string{
		":path": {"/v1/chat/completions?a=b"}, "authorization": {"Bearer sk-backend"}, "cookie": nil, "x-stainless-os": nil, "x-forwarded-for": nil,
		"x-llmroute-trick": nil, "x-custom": {"1", "2"}, "accept-encoding": {"identity"}, "content-length": {strconv.Itoa(len(body("gpt-real")))},
		"x-envoy-ai-gateway-llm-model": {"m-keyed"}, "x-envoy-ai-gateway-selected-backend": {"keyed-cluster"}, "x-request-id": {"req-1"},
		"x-envoy-upstream-rq-timeout-ms": {"120000"}, "x-envoy-max-retries": {"2"},
	} {
		if d := cmp.Diff(up.Values(name), want); d != "" {
			t.Errorf("%s at the upstream: got (-), want (+):\n%s", name, d)
		}
	}
	if !res.Replies[1].GetRequestBody().GetResponse().GetClearRouteCache() {
		t.Error("the route cache was not cleared: Envoy would not see the cluster")
	}
	if got := res.Client.Get("x-llmroute-backend"); got != "keyed" {
		t.Errorf("x-llmroute-backend: got %q", got)
	}
	want := map[string]any{"route": "keyed", "rule": "0", "backend": "keyed", "model_requested": "m-keyed", "model_upstream": "gpt-real",
		"model_response": "gpt-real-1", "finish_reason": "stop", "input_tokens": 3.0, "output_tokens": 4.0, "total_tokens": 7.0, "attempts": 1.0}
	if d := cmp.Diff(res.Metadata, want); d != "" {
		t.Errorf("metadata: got (-), want (+):\n%s", d)
	}
}

func TestJSONIsCalledJSON(t *testing.T) {
	c := processor(t, testConfig(), nil)
	for sent, want := range map[string]string{
		"application/x-www-form-urlencoded": "application/json",
		"application/json; charset=utf-8":   "application/json; charset=utf-8",
	} {
		req := extproctest.Post("/v1/chat/completions", body("m-plain"))
		for i := range req.Headers {
			if req.Headers[i].Name == "content-type" {
				req.Headers[i].Value = sent
			}
		}
		if got := do(t, c, req, nil).Upstream.Get("content-type"); got != want {
			t.Errorf("%s: got %q, want %q", sent, got, want)
		}
	}
}

func TestUnchangedBodyIsNotSentBack(t *testing.T) {
	res := do(t, processor(t, testConfig(), nil), extproctest.Post("/v1/chat/completions", body("m-plain")), nil)
	if m := res.Replies[1].GetRequestBody().GetResponse().GetBodyMutation(); m != nil {
		t.Errorf("request: got a body mutation of %d bytes, want none", len(m.GetBody()))
	}
	if got := res.Upstream.Get(":path"); got != "/v1/chat/completions" {
		t.Errorf("path: got %q", got)
	}
	if m := res.Replies[3].GetResponseBody().GetResponse(); m != nil {
		t.Errorf("response: got %v, want an empty reply", m)
	}
}

func TestMutations(t *testing.T) {
	in := `{"model":"m-mutated","user":"u","messages":[]}`
	res := do(t, processor(t, testConfig(), nil), extproctest.Post("/v1/chat/completions", in, extproctest.Header{Name: "x-client", Value: "1"}), nil)
	want := map[string]any{"model": "m-mutated", "messages": []any{}, "extra": map[string]any{"deep": []any{1.0, 2.0}}}
	var got map[string]any
	if err := json.Unmarshal(res.Upstream.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(got, want); d != "" {
		t.Errorf("body: got (-), want (+):\n%s", d)
	}
	if res.Upstream.Get("x-org") != "o" || res.Upstream.Get("x-client") != "" || res.Upstream.Get("accept-encoding") != "" {
		t.Errorf("headers: got %v", res.Upstream.Headers)
	}
}

func TestPassthroughKeepsTheClientsCredentials(t *testing.T) {
	res := do(t, processor(t, testConfig(), nil), extproctest.Post("/v1/chat/completions", body("m-open"),
		extproctest.Header{Name: "authorization", Value: "Bearer client"}, extproctest.Header{Name: "cookie", Value: "c=1"}), nil)
	if res.Upstream.Get("authorization") != "Bearer client" || res.Upstream.Get("cookie") != "c=1" {
		t.Errorf("got %v", res.Upstream.Headers)
	}
}

func TestRefusals(t *testing.T) {
	big := `{"model":"m-plain","messages":[],"pad":"` + strings.Repeat("x", 1<<20) + `"}`
	tests := []struct {
		name   string
		req    *extproctest.Message
		status string
		code   string
	}{
		{"unknown path", extproctest.Post("/v2/chat", `{}`), "404", "unknown_url"},
		{"unknown path without a body", extproctest.Get("/"), "404", "unknown_url"},
		{"wrong method", extproctest.Get("/v1/chat/completions"), "405", "method_not_allowed"},
		{"no body", extproctest.Post("/v1/chat/completions", ""), "400", "missing_body"},
		{"encoded body", extproctest.Post("/v1/chat/completions", `{}`, extproctest.Header{Name: "content-encoding", Value: "gzip"}), "415", "unsupported_content_encoding"},
		{"declared too large", extproctest.Post("/v1/chat/completions", big), "413", "request_too_large"},
		{"too large and not declared", undeclared(extproctest.Post("/v1/chat/completions", big)), "413", "request_too_large"},
		{"no JSON", extproctest.Post("/v1/chat/completions", `{"model":`), "400", ""},
		{"an array", extproctest.Post("/v1/chat/completions", `[]`), "400", ""},
		{"two models", extproctest.Post("/v1/chat/completions", `{"model":"m-plain","model":"m-keyed"}`), "400", ""},
		{"no model", extproctest.Post("/v1/chat/completions", `{"messages":[]}`), "400", ""},
		{"model of another type", extproctest.Post("/v1/chat/completions", `{"model":7}`), "400", ""},
		{"unknown model", extproctest.Post("/v1/chat/completions", body("nobody")), "404", "model_not_found"},
		{"key not configured", extproctest.Post("/v1/chat/completions", body("m-keyless")), "401", "missing_api_key"},
		{"models by POST", extproctest.Post("/v1/models", `{}`), "405", "method_not_allowed"},
		{"no such model", extproctest.Get("/v1/models/nobody"), "404", "model_not_found"},
	}
	c := processor(t, testConfig(), nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := do(t, c, tt.req, nil)
			if !res.Immediate || res.Upstream != nil {
				t.Fatal("the request was sent on")
			}
			if got := res.Client.Get(":status"); got != tt.status {
				t.Errorf("status: got %s, want %s: %s", got, tt.status, res.Client.Bytes())
			}
			if got := res.Client.Get("content-type"); got != "application/json" {
				t.Errorf("content-type: got %q", got)
			}
			var e struct {
				Error struct {
					Message, Type, Code string
					RequestID           string `json:"request_id"`
				}
			}
			if err := json.Unmarshal(res.Client.Bytes(), &e); err != nil {
				t.Fatalf("%v: %s", err, res.Client.Bytes())
			}
			if e.Error.Message == "" || e.Error.Type == "" || e.Error.RequestID != "req-1" {
				t.Errorf("incomplete error: %s", res.Client.Bytes())
			}
			if tt.code != "" && e.Error.Code != tt.code {
				t.Errorf("code: got %q, want %q", e.Error.Code, tt.code)
			}
			if strings.Contains(string(res.Client.Bytes()), "sk-backend") {
				t.Error("a key is in the error")
			}
		})
	}
}

func undeclared(m *extproctest.Message) *extproctest.Message {
	for i := range m.Headers {
		if m.Headers[i].Name == "content-length" {
			m.Headers[i].Name = "x-none"
		}
	}
	return m
}

func TestModels(t *testing.T) {
	c := processor(t, testConfig(), nil)
	res := do(t, c, extproctest.Get("/v1/models"), nil)
	var list struct {
		Object string
		Data   []struct {
			ID, Object string
			Created    int
			OwnedBy    string `json:"owned_by"`
		}
	}
	if err := json.Unmarshal(res.Client.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	ids := make([]string, 0, len(list.Data))
	for _, m := range list.Data {
		ids = append(ids, m.ID)
		if m.Object != "model" || m.OwnedBy == "" {
			t.Errorf("got %+v", m)
		}
	}
	if d := cmp.Diff(ids, []string{"m-keyed", "m-keyless", "m-mutated", "m-open", "m-plain"}); d != "" {
		t.Errorf("got (-), want (+):\n%s", d)
	}
	one := do(t, c, extproctest.Get("/v1/models/m%2dplain"), nil)
	if got := string(one.Client.Bytes()); !strings.Contains(got, `"id":"m-plain"`) {
		t.Errorf("got %s", got)
	}
}

func TestNotReadyWithoutConfiguration(t *testing.T) {
	res := do(t, processor(t, nil, nil), extproctest.Post("/v1/chat/completions", body("m-plain")), nil)
	if got := res.Client.Get(":status"); got != "503" {
		t.Errorf("status: got %s", got)
	}
}

const sse = "data: {\"model\":\"gpt-real-1\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n" +
	"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n" +
	"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7}}\n\n" +
	"data: [DONE]\n\n"

func streamBody(model, options string) string {
	return `{"model":"` + model + `","messages":[],"stream":true` + options + `}`
}

func TestStreamPassesAsItComes(t *testing.T) {
	c := processor(t, testConfig(), nil)
	var pieces []string
	for i := 0; i < len(sse); i += 17 {
		pieces = append(pieces, sse[i:min(i+17, len(sse))])
	}
	res := do(t, c, extproctest.Post("/v1/chat/completions", streamBody("m-plain", `,"stream_options":{"include_usage":true}`)),
		extproctest.Reply(200, "text/event-stream", pieces...))
	if res.Mode != modev3.ProcessingMode_STREAMED {
		t.Errorf("mode: got %v", res.Mode)
	}
	if got := string(res.Client.Bytes()); got != sse {
		t.Errorf("got %q", got)
	}
	if res.Metadata["total_tokens"] != 7.0 || res.Metadata["finish_reason"] != "stop" {
		t.Errorf("metadata: got %v", res.Metadata)
	}
	count := 0
	for _, r := range res.Replies {
		if strings.Contains(r.GetDynamicMetadata().String(), "total_tokens") {
			count++
		}
	}
	if count != 1 {
		t.Errorf("usage was sent %d times, want once", count)
	}
	if up := res.Upstream; up.Get("x-envoy-upstream-rq-timeout-ms") != "" || up.Get("x-envoy-upstream-rq-per-try-timeout-ms") != "120000" {
		t.Errorf("a stream is bounded until its headers only: got %v", up.Headers)
	}
}

func TestUsageIsAskedForAndHidden(t *testing.T) {
	c := processor(t, testConfig(), nil)
	res := do(t, c, extproctest.Post("/v1/chat/completions", streamBody("m-plain", "")), extproctest.Reply(200, "text/event-stream", sse))
	if got := string(res.Upstream.Bytes()); !strings.Contains(got, `"include_usage":true`) {
		t.Errorf("upstream: got %s", got)
	}
	if got := string(res.Client.Bytes()); strings.Contains(got, "total_tokens") || !strings.HasSuffix(got, "data: [DONE]\n\n") {
		t.Errorf("client: got %q", got)
	}
	if res.Metadata["total_tokens"] != 7.0 {
		t.Errorf("metadata: got %v", res.Metadata)
	}
}

func TestBinaryRepliesAreNotShown(t *testing.T) {
	res := do(t, processor(t, testConfig(), nil), extproctest.Post("/v1/audio/speech", `{"model":"m-plain","input":"x","voice":"v"}`),
		extproctest.Reply(200, "audio/mpeg", "\x00\x01"))
	if res.Mode != modev3.ProcessingMode_NONE {
		t.Errorf("mode: got %v", res.Mode)
	}
	if res.Metadata["backend"] != "plain" {
		t.Errorf("metadata: got %v", res.Metadata)
	}
}

func TestUpstreamErrorsPassUnchanged(t *testing.T) {
	const said = `{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}`
	res := do(t, processor(t, testConfig(), nil), extproctest.Post("/v1/chat/completions", body("m-plain")), extproctest.Reply(429, "application/json", said))
	if got := string(res.Client.Bytes()); got != said {
		t.Errorf("got %s", got)
	}
	if res.Metadata["error_type"] != "rate_limit_exceeded" {
		t.Errorf("metadata: got %v", res.Metadata)
	}
}

func TestEnvoysOwnRepliesGetTheClientsShape(t *testing.T) {
	c := processor(t, testConfig(), nil)
	for details, want := range map[string]struct{ status, code string }{
		"response_timeout":  {"504", "upstream_timeout"},
		"cluster_not_found": {"503", "upstream_unreachable"},
		"upstream_reset_before_response_started{connection_failure}": {"503", "upstream_unreachable"},
		"request_payload_too_large":                                  {"413", "request_too_large"},
	} {
		t.Run(details, func(t *testing.T) {
			n, err := strconv.Atoi(want.status)
			if err != nil {
				t.Fatal(err)
			}
			local := func(*extproctest.Message) (*extproctest.Message, extproctest.Attributes) {
				m, _ := extproctest.Reply(n, "text/plain", "upstream request timeout")(nil)
				return m, extproctest.Attributes{Details: details}
			}
			res := do(t, c, extproctest.Post("/v1/chat/completions", body("m-plain")), local)
			if got := string(res.Client.Bytes()); !strings.Contains(got, `"code":"`+want.code+`"`) || res.Client.Get("content-type") != "application/json" {
				t.Errorf("got %s %v", got, res.Client.Headers)
			}
		})
	}
}

// A 413 of Envoy's own arrives after the request's headers and before a body.
func TestLocalReplyWithoutState(t *testing.T) {
	c := processor(t, testConfig(), nil)
	rpc, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	send := func(m *extprocv3.ProcessingRequest) *extprocv3.ProcessingResponse {
		t.Helper()
		if err := rpc.Send(m); err != nil {
			t.Fatal(err)
		}
		r, err := rpc.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	send(&extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestHeaders{RequestHeaders: extproctest.HTTPHeaders(extproctest.Post("/v1/chat/completions", "x"), false)}})
	r := send(&extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseHeaders{ResponseHeaders: extproctest.HTTPHeaders(
		&extproctest.Message{Headers: []extproctest.Header{{Name: ":status", Value: "413"}}}, false)}})
	if got := string(r.GetResponseHeaders().GetResponse().GetBodyMutation().GetBody()); !strings.Contains(got, "request_too_large") {
		t.Errorf("got %q", got)
	}
}

func TestTrailersAndUnknownMessagesAreTaken(t *testing.T) {
	c := processor(t, testConfig(), nil)
	rpc, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*extprocv3.ProcessingRequest{
		{ClientWindowUpdate: &extprocv3.ProcessingRequest_ClientWindowUpdate{}},
		{Request: &extprocv3.ProcessingRequest_RequestHeaders{RequestHeaders: extproctest.HTTPHeaders(extproctest.Post("/v1/chat/completions", "x"), false)}},
		{Request: &extprocv3.ProcessingRequest_RequestTrailers{RequestTrailers: &extprocv3.HttpTrailers{}}},
	} {
		if err := rpc.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	first, err := rpc.Recv()
	if err != nil || first.GetRequestHeaders() == nil {
		t.Fatalf("got %v, %v", first, err)
	}
	second, err := rpc.Recv()
	if err != nil || second.GetRequestTrailers() == nil {
		t.Fatalf("got %v, %v", second, err)
	}
}

// A message that makes no sense where it stands must not end as a pass-through.
func TestOutOfOrderMessagesFailTheStream(t *testing.T) {
	body := &extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseBody{ResponseBody: &extprocv3.HttpBody{Body: []byte("x")}}}
	for name, m := range map[string]*extprocv3.ProcessingRequest{
		"response body first": body,
		"request body first":  {Request: &extprocv3.ProcessingRequest_RequestBody{RequestBody: &extprocv3.HttpBody{Body: []byte("{}")}}},
	} {
		t.Run(name, func(t *testing.T) {
			rpc, err := processor(t, testConfig(), nil).Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := rpc.Send(m); err != nil {
				t.Fatal(err)
			}
			if r, err := rpc.Recv(); status.Code(err) != codes.Internal {
				t.Errorf("got %v, %v, want an internal error", r, err)
			}
		})
	}
}

func TestOneLogLinePerRequest(t *testing.T) {
	var log bytes.Buffer
	t.Run("requests", func(t *testing.T) {
		c := processor(t, testConfig(), &syncWriter{w: &log})
		do(t, c, extproctest.Post("/v1/chat/completions", body("m-keyed")), nil)
		do(t, c, extproctest.Post("/v1/chat/completions", body("nobody")), nil)
	})
	var lines []map[string]any
	for line := range strings.Lines(log.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		if m["request_id"] == "req-1" {
			lines = append(lines, m)
		}
	}
	if len(lines) != 2 {
		t.Fatalf("got %d lines for 2 requests:\n%s", len(lines), log.String())
	}
	if strings.Contains(log.String(), "sk-backend") || strings.Contains(log.String(), `"hi"`) {
		t.Errorf("a key or content is in the log:\n%s", log.String())
	}
}

// A backend that falls silent in the middle of a stream is cut off.
func TestSilentStreamIsEnded(t *testing.T) {
	cfg := testConfig()
	for _, b := range cfg.Backends {
		b.IdleTimeout = 50 * time.Millisecond
	}
	var log bytes.Buffer
	t.Run("stream", func(t *testing.T) {
		rpc, err := processor(t, cfg, &syncWriter{w: &log}).Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		req := extproctest.Post("/v1/chat/completions", streamBody("m-plain", ""))
		head := &extproctest.Message{Headers: []extproctest.Header{{Name: ":status", Value: "200"}, {Name: "content-type", Value: "text/event-stream"}}}
		for _, m := range []*extprocv3.ProcessingRequest{
			{Request: &extprocv3.ProcessingRequest_RequestHeaders{RequestHeaders: extproctest.HTTPHeaders(req, false)}},
			{Request: &extprocv3.ProcessingRequest_RequestBody{RequestBody: &extprocv3.HttpBody{Body: req.Bytes(), EndOfStream: true}}},
			{Request: &extprocv3.ProcessingRequest_ResponseHeaders{ResponseHeaders: extproctest.HTTPHeaders(head, false)}},
			{Request: &extprocv3.ProcessingRequest_ResponseBody{ResponseBody: &extprocv3.HttpBody{Body: []byte("data: {}\n\n")}}},
		} {
			if err := rpc.Send(m); err != nil {
				t.Fatal(err)
			}
			if _, err := rpc.Recv(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := rpc.Recv(); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("got %v, want the stream ended for its silence", err)
		}
	})
	if !strings.Contains(log.String(), `"error_type":"idle_timeout"`) {
		t.Errorf("the log does not tell:\n%s", log.String())
	}
}
