package telemetry

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestUsage tells models, backends and statuses apart, and adds up what is of one.
func TestUsage(t *testing.T) {
	r := newRecorder(t, Options{})
	add := func(edit func(*Record)) {
		rec := chat()
		rec.Backend, rec.ModelLabel, rec.Status, rec.Route = "b", "m", 200, ""
		rec.InputTokens, rec.CachedTokens, rec.OutputTokens, rec.ReasoningTokens, rec.TotalTokens = 10, 4, 5, 2, 15
		rec.Duration, rec.FirstToken = 2*time.Second, 0
		edit(rec)
		r.Record(rec)
	}
	add(func(*Record) {})
	add(func(rec *Record) { rec.Duration, rec.FirstToken, rec.Route = 4*time.Second, time.Second, "another" })
	add(func(rec *Record) { rec.TotalTokens = 0 })
	add(func(rec *Record) { rec.ModelLabel = "n" })
	add(func(rec *Record) { rec.Backend = "a" })
	add(func(rec *Record) {
		rec.Status = 429
		rec.InputTokens, rec.CachedTokens, rec.OutputTokens, rec.ReasoningTokens, rec.TotalTokens = 0, 0, 0, 0, 0
	})
	one := ModelUsage{Backend: "b", Model: "m", Status: 200, Requests: 1, PromptTokens: 10, CachedTokens: 4, CompletionTokens: 5, ReasoningTokens: 2, TotalTokens: 15, Latency: 2}
	other, elsewhere := one, one
	other.Model, elsewhere.Backend = "n", "a"
	want := []ModelUsage{
		elsewhere,
		{Backend: "b", Model: "m", Status: 200, Requests: 3, PromptTokens: 30, CachedTokens: 12, CompletionTokens: 15, ReasoningTokens: 6, TotalTokens: 45, Latency: 2.666667, TimeToFirstToken: 1},
		{Backend: "b", Model: "m", Status: 429, Requests: 1, Failed: 1, Latency: 2},
		other,
	}
	if diff := cmp.Diff(r.Usage(), want); diff != "" {
		t.Errorf("usage (-got +want):\n%s", diff)
	}
}
