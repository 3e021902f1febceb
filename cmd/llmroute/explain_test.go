package main

import (
	"context"
	"io"
	"log/slog"
	"net/textproto"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/extproc"
	"llmroute/extproc/extproctest"
	"llmroute/router"
	"llmroute/router/config"
	"llmroute/telemetry"
	"llmroute/translator"
)

// everywhere is reachable without an Envoy.
type everywhere struct{}

func (everywhere) Add(context.Context, []*config.Backend) error { return nil }
func (everywhere) Keep([]*config.Backend)                       {}

const explainConfig = `
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: LLMBackend
metadata: {name: keyed}
spec:
  outputSchema: {schema: OpenAI, prefix: /api/v2}
  cluster: elsewhere
  addressable: true
  auth: {type: APIKey, env: KEY}
  modelNameOverride: inner
  headerMutation: {set: [{name: x-extra, value: "1"}], remove: [x-drop]}
  bodyMutation: {set: [{path: user, value: us}]}
---
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: LLMBackend
metadata: {name: open}
spec: {outputSchema: OpenAI, cluster: elsewhere, addressable: true, auth: {type: Passthrough}}
---
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: LLMBackend
metadata: {name: bare}
spec: {outputSchema: OpenAI, cluster: elsewhere, addressable: true}
`

// What explain says would be sent is what the processor sends.
func TestExplainTellsTheTruth(t *testing.T) {
	c, err := config.Load(config.Options{
		Sources:   []config.Source{{Name: "test", Data: []byte(explainConfig)}},
		LookupEnv: func(name string) (string, bool) { return "sk-1", name == "KEY" },
	})
	if err != nil {
		t.Fatal(err)
	}
	client := dial(t, c)
	for _, model := range []string{"keyed:m", "open:m", "bare:m"} {
		t.Run(model, func(t *testing.T) {
			body := `{"model":"` + model + `","stream":true,"messages":[{"role":"user","content":"hi"}]}`
			headers := []extproctest.Header{
				{Name: "authorization", Value: "Bearer client"}, {Name: "x-api-key", Value: "client"},
				{Name: "x-team", Value: "a"}, {Name: "x-team", Value: "b"},
				{Name: "x-drop", Value: "1"}, {Name: "x-stainless-os", Value: "Linux"},
				{Name: "x-forwarded-for", Value: "10.0.0.1"}, {Name: "x-llmroute-backend", Value: "evil"},
			}
			sent := extproctest.Post("/v1/chat/completions?a=b", body, headers...)
			result, err := client.Do(t.Context(), sent,
				func(*extproctest.Message) (*extproctest.Message, extproctest.Attributes) {
					return &extproctest.Message{Headers: []extproctest.Header{{Name: ":status", Value: "204"}}}, extproctest.Attributes{}
				})
			if err != nil {
				t.Fatal(err)
			}
			if result.Upstream == nil {
				t.Fatalf("nothing was sent: %s", result.Client.Bytes())
			}
			want := textproto.MIMEHeader(result.Upstream.ToHTTP())
			for _, steering := range []string{"X-Envoy-Ai-Gateway-Selected-Backend", "X-Envoy-Upstream-Rq-Timeout-Ms", "X-Envoy-Upstream-Rq-Per-Try-Timeout-Ms"} {
				want.Del(steering) // Envoy obeys these and keeps them
			}

			req := &request{method: "POST", host: "localhost", path: "/v1/chat/completions", query: "a=b", header: textproto.MIMEHeader(sent.ToHTTP()), body: []byte(body)}
			var fields translator.Fields
			if err := translator.Scan(translator.ChatCompletions, "application/json", req.body, &fields); err != nil {
				t.Fatal(err)
			}
			var plan router.Plan
			if err := router.Compile(c).Plan(&plan, &router.Ask{Host: "localhost", Method: "POST", Path: req.path, Model: fields.Model, Headers: req}, nil); err != nil {
				t.Fatal(err)
			}
			got, err := upstreamOf(req, &fields, &plan)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.headers); diff != "" {
				t.Errorf("headers (-sent +explained):\n%s", diff)
			}
			if diff := cmp.Diff(string(result.Upstream.Bytes()), string(got.body)); diff != "" {
				t.Errorf("body (-sent +explained):\n%s", diff)
			}
			if got, want := got.url, "cluster elsewhere"+result.Upstream.Get(":path"); got != want {
				t.Errorf("got URL %s, want %s", got, want)
			}
		})
	}
}

func dial(t *testing.T, c *config.Config) *extproctest.Client {
	t.Helper()
	recorder, err := telemetry.New(telemetry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	r := router.New(everywhere{}, log)
	if err := r.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	client, err := extproctest.Dial(extproc.New(extproc.Options{Router: r, Recorder: recorder, Log: log}).GRPC())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}
