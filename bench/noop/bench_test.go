package main

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/grpc"

	"llmroute/bench/workload"
	"llmroute/extproc"
	"llmroute/extproc/extproctest"
	"llmroute/router"
	"llmroute/router/config"
	"llmroute/telemetry"
	"llmroute/translator"
)

// BenchmarkProcessor is a whole exchange without Envoy: gRPC on both sides of an
// in-memory connection, this processor at its end, then llmroute. The client's
// share is in both; the difference between them is what llmroute takes and
// leaves.
func BenchmarkProcessor(b *testing.B) {
	for _, p := range []struct {
		name  string
		serve func(testing.TB) *grpc.Server
	}{
		{"noop", func(testing.TB) *grpc.Server { return newServer("upstream") }},
		{"llmroute", llmroute},
	} {
		for _, c := range workload.Cases() {
			if c.Conns != 0 || c.Answer.Pause != 0 {
				continue // they are about what only the full path has
			}
			b.Run(p.name+"/"+c.Name, func(b *testing.B) { exchange(b, p.serve(b), &c) })
		}
	}
}

func exchange(b *testing.B, srv *grpc.Server, c *workload.Case) {
	b.Helper()
	client, err := extproctest.Dial(srv)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = client.Close()
		srv.Stop()
	}()
	pieces := make([]string, len(c.Answer.Pieces))
	for i, p := range c.Answer.Pieces {
		pieces[i] = string(p)
	}
	up := extproctest.Reply(200, c.Answer.Type, pieces...)
	req := extproctest.Post(workload.Path, string(c.Body))
	b.ReportAllocs()
	for b.Loop() {
		res, err := client.Do(b.Context(), req, up)
		if err != nil {
			b.Fatal(err)
		}
		if res.Immediate {
			b.Fatalf("refused: %s", res.Client.Bytes())
		}
	}
}

// llmroute returns our own processor, configured as the full path is.
func llmroute(t testing.TB) *grpc.Server {
	t.Helper()
	route := config.Route{Namespace: "default", Name: "bench", LLMRoute: "bench"}
	c := &config.Config{Hash: "bench"}
	prefixes := map[string]string{"OpenAI": "/v1", "Anthropic": "/v1"}
	for model, override := range workload.Overrides {
		schema := workload.Backends[model]
		route.Rules = append(route.Rules, config.Rule{
			Matches:  []config.Match{{Headers: []config.Field{{Name: "x-envoy-ai-gateway-llm-model", Value: model}}}},
			Backends: []config.BackendRef{{Backend: model, Weight: 1}},
		})
		c.Backends = append(c.Backends, &config.Backend{
			ID: model, Cluster: model, ModelNameOverride: override,
			Schema: translator.Backend{Schema: translator.Schema(schema), Prefix: prefixes[schema]},
			Auth:   config.Auth{Type: config.AuthNone}, Timeout: 2 * time.Minute, IdleTimeout: 10 * time.Minute,
		})
	}
	c.Routes = []*config.Route{&route}
	log := slog.New(slog.DiscardHandler)
	r := router.New(anyCluster{}, log)
	if err := r.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	lines := telemetry.NewWriter(io.Discard)
	t.Cleanup(func() { _ = lines.Close(context.Background()) })
	rec, err := telemetry.New(telemetry.Options{Log: lines})
	if err != nil {
		t.Fatal(err)
	}
	return extproc.New(extproc.Options{Router: r, Recorder: rec, Log: log}).GRPC()
}

// anyCluster has every cluster at once.
type anyCluster struct{}

func (anyCluster) Add(context.Context, []*config.Backend) error { return nil }
func (anyCluster) Keep([]*config.Backend)                       {}
