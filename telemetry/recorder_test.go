package telemetry

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// chat is a stream that went well.
func chat() *Record {
	return &Record{
		RequestID: "7b1f0e6c-8f1c-4f6e-9d7e-0d3c5a2b1f00", Operation: "chat",
		Route: "llm-route", Rule: "0", Backend: "kserve", Schema: "OpenAI",
		ModelRequested: "llama3-70b", ModelLabel: "llama3-70b", ModelUpstream: "llama3-70b", ModelResponse: "llama3-70b-instruct",
		Outcome: Complete, Status: 200, Stream: true, Attempts: 1, FinishReason: "stop",
		InputTokens: 12, CachedTokens: 4, OutputTokens: 101, TotalTokens: 113,
		Start: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Duration: 2100 * time.Millisecond,
		Overhead: 85 * time.Microsecond, FirstToken: 100 * time.Millisecond, OutputEvents: 101,
		RequestBytes: 512, ResponseBytes: 20480,
	}
}

func newRecorder(tb testing.TB, o Options) *Recorder {
	tb.Helper()
	r, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Close(tb.Context()); err != nil && tb.Context().Err() == nil {
			tb.Error(err)
		}
	})
	return r
}

// scrape returns what Prometheus would read.
func scrape(tb testing.TB, r *Recorder) string {
	tb.Helper()
	w := httptest.NewRecorder()
	r.Metrics().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		tb.Fatalf("GET /metrics: %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestMetrics(t *testing.T) {
	r := newRecorder(t, Options{Version: "test"})
	r.Record(chat())
	text := scrape(t, r)
	for _, want := range []string{
		`llmroute_requests_total{`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	r := newRecorder(b, Options{})
	rec := chat()
	b.ReportAllocs()
	for b.Loop() {
		r.Record(rec)
	}
}

func BenchmarkRecordLogged(b *testing.B) {
	r := newRecorder(b, Options{Log: discard{}})
	rec := chat()
	b.ReportAllocs()
	for b.Loop() {
		r.Record(rec)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
