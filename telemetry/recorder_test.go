package telemetry

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// chat is a stream that went well.
func chat() *Record {
	return &Record{
		RequestID: "7b1f0e6c-8f1c-4f6e-9d7e-0d3c5a2b1f00", Operation: "chat",
		Route: "llm-route", Rule: "0", Backend: "kserve", Schema: "OpenAI",
		ModelRequested: "llama3", ModelLabel: "llama3-70b", ModelUpstream: "llama3-70b-fp8", ModelResponse: "llama3-70b-instruct",
		Outcome: Complete, Status: 200, Stream: true, Attempts: 1, FinishReason: "stop",
		InputTokens: 12, CachedTokens: 4, OutputTokens: 101, TotalTokens: 113,
		Start: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Duration: 2100 * time.Millisecond,
		Overhead: 85 * time.Microsecond, FirstToken: 100 * time.Millisecond, OutputEvents: 101,
		RequestBytes: 512, ResponseBytes: 20480,
	}
}

func refused() *Record {
	return &Record{Operation: "chat", ModelRequested: "nobody", ModelLabel: "other", Outcome: Refused, Status: 404, ErrorType: "model_not_found"}
}

func newRecorder(tb testing.TB, o Options) *Recorder {
	tb.Helper()
	r, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// scrape returns the lines that Prometheus would read, but for those of the
// Go runtime and the process.
func scrape(tb testing.TB, r *Recorder) []string {
	tb.Helper()
	w := httptest.NewRecorder()
	r.Metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != 200 {
		tb.Fatalf("GET /metrics: %d: %s", w.Code, w.Body)
	}
	var lines []string
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "gen_ai_") || strings.HasPrefix(line, "llmroute_") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

// only returns the lines that begin like one of the prefixes.
func only(lines []string, prefixes ...string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		return !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(line, p) })
	})
}

func TestMetricsOfAnExchange(t *testing.T) {
	r := newRecorder(t, Options{})
	r.Record(chat())
	r.Record(chat())
	got := slices.DeleteFunc(only(scrape(t, r), "gen_ai_", "llmroute_requests", "llmroute_refusals", "llmroute_overhead"),
		func(line string) bool { return strings.Contains(line, "_bucket{") })
	const labels = `gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="llama3-70b"`
	const where = `llmroute_backend="kserve",llmroute_route="llm-route"`
	want := []string{
		`gen_ai_client_token_usage_sum{` + labels + `,gen_ai_token_type="cached_input",` + where + `} 8`,
		`gen_ai_client_token_usage_count{` + labels + `,gen_ai_token_type="cached_input",` + where + `} 2`,
		`gen_ai_client_token_usage_sum{` + labels + `,gen_ai_token_type="input",` + where + `} 24`,
		`gen_ai_client_token_usage_count{` + labels + `,gen_ai_token_type="input",` + where + `} 2`,
		`gen_ai_client_token_usage_sum{` + labels + `,gen_ai_token_type="output",` + where + `} 202`,
		`gen_ai_client_token_usage_count{` + labels + `,gen_ai_token_type="output",` + where + `} 2`,
		`gen_ai_server_request_duration_seconds_sum{` + labels + `,http_response_status_code="200",` + where + `} 4.2`,
		`gen_ai_server_request_duration_seconds_count{` + labels + `,http_response_status_code="200",` + where + `} 2`,
		`gen_ai_server_time_per_output_token_seconds_sum{` + labels + `,` + where + `} 0.04`,
		`gen_ai_server_time_per_output_token_seconds_count{` + labels + `,` + where + `} 2`,
		`gen_ai_server_time_to_first_token_seconds_sum{` + labels + `,` + where + `} 0.2`,
		`gen_ai_server_time_to_first_token_seconds_count{` + labels + `,` + where + `} 2`,
		`llmroute_overhead_seconds_sum{gen_ai_operation_name="chat",gen_ai_provider_name="openai"} 0.00017`,
		`llmroute_overhead_seconds_count{gen_ai_operation_name="chat",gen_ai_provider_name="openai"} 2`,
		`llmroute_requests_total{` + labels + `,http_response_status_code="200",llmroute_backend="kserve",llmroute_outcome="complete",llmroute_route="llm-route"} 2`,
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("metrics (-got +want):\n%s", diff)
	}
	for _, line := range scrape(t, r) {
		if strings.Contains(line, "llama3-70b-instruct") || strings.Contains(line, "llama3-70b-fp8") || strings.Contains(line, `"llama3"`) {
			t.Errorf("a model name that is not ModelLabel became a label: %s", line)
		}
	}
}

func TestMetricsOfWhatWentWrong(t *testing.T) {
	for _, c := range []struct {
		name   string
		record Record
		want   []string
	}{
		{"refused", *refused(), []string{
			`gen_ai_server_request_duration_seconds_count{error_type="model_not_found",gen_ai_operation_name="chat",gen_ai_request_model="other",http_response_status_code="404"} 1`,
			`llmroute_refusals_total{error_type="model_not_found",http_response_status_code="404"} 1`,
			`llmroute_requests_total{gen_ai_operation_name="chat",gen_ai_request_model="other",http_response_status_code="404",llmroute_outcome="refused"} 1`,
		}},
		{"backend's error without a code", Record{Outcome: Complete, Status: 503, Backend: "b", Schema: "Mistral"}, []string{
			`gen_ai_server_request_duration_seconds_count{error_type="503",gen_ai_provider_name="mistral_ai",http_response_status_code="503",llmroute_backend="b"} 1`,
			`llmroute_requests_total{gen_ai_provider_name="mistral_ai",http_response_status_code="503",llmroute_backend="b",llmroute_outcome="complete"} 1`,
		}},
		{"a sentence for a code", Record{Outcome: Complete, Status: 400, ErrorType: "user 123 is not allowed"}, []string{
			`gen_ai_server_request_duration_seconds_count{error_type="_OTHER",http_response_status_code="400"} 1`,
			`llmroute_requests_total{http_response_status_code="400",llmroute_outcome="complete"} 1`,
		}},
		{"a status that is none", Record{Outcome: Complete, Status: 1234}, []string{
			`gen_ai_server_request_duration_seconds_count{error_type="_OTHER"} 1`,
			`llmroute_requests_total{llmroute_outcome="complete"} 1`,
		}},
		{"aborted before the end: no time per token", Record{Outcome: Aborted, Status: 200, FirstToken: time.Second, OutputEvents: 5, Duration: 3 * time.Second}, []string{
			`gen_ai_server_request_duration_seconds_count{error_type="aborted",http_response_status_code="200"} 1`,
			`gen_ai_server_time_to_first_token_seconds_count 1`,
			`llmroute_requests_total{http_response_status_code="200",llmroute_outcome="aborted"} 1`,
		}},
		{"events stand in for unknown tokens", Record{Outcome: Complete, Status: 200, FirstToken: time.Second, OutputEvents: 5, Duration: 3 * time.Second}, []string{
			`gen_ai_server_request_duration_seconds_count{http_response_status_code="200"} 1`,
			`gen_ai_server_time_per_output_token_seconds_count 1`,
			`gen_ai_server_time_to_first_token_seconds_count 1`,
			`llmroute_requests_total{http_response_status_code="200",llmroute_outcome="complete"} 1`,
		}},
		{"one token has no next", Record{Outcome: Complete, Status: 200, FirstToken: time.Second, OutputTokens: 1, Duration: time.Second}, []string{
			`gen_ai_client_token_usage_count{gen_ai_token_type="output"} 1`,
			`gen_ai_server_request_duration_seconds_count{http_response_status_code="200"} 1`,
			`gen_ai_server_time_to_first_token_seconds_count 1`,
			`llmroute_requests_total{http_response_status_code="200",llmroute_outcome="complete"} 1`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRecorder(t, Options{})
			r.Record(&c.record)
			got := slices.DeleteFunc(scrape(t, r), func(line string) bool {
				return !strings.Contains(line, "_count") && !strings.HasPrefix(line, "llmroute_requests") && !strings.HasPrefix(line, "llmroute_refusals") ||
					strings.HasPrefix(line, "llmroute_overhead")
			})
			if diff := cmp.Diff(got, c.want); diff != "" {
				t.Errorf("metrics (-got +want):\n%s", diff)
			}
		})
	}
}

func TestBucketBoundaries(t *testing.T) {
	f := newSeconds("x", "", []float64{.01, .02})
	p := f.point(newSeries(newFamilies(), &key{}).duration.attrs)
	for _, d := range []time.Duration{-1, 0, 10 * time.Millisecond, 10*time.Millisecond + 1, 20 * time.Millisecond, time.Hour} {
		p.addTime(d)
	}
	got := make([]uint64, 0, len(p.buckets))
	for i := range p.buckets {
		got = append(got, p.buckets[i].Load())
	}
	if diff := cmp.Diff(got, []uint64{3, 2, 1}); diff != "" {
		t.Errorf("a boundary belongs to the bucket below it (-got +want):\n%s", diff)
	}
}

func TestSidecarMetrics(t *testing.T) {
	dropped := int64(3)
	r := newRecorder(t, Options{Log: fullLog{&dropped}, MaxSeries: 10})
	r.Begin()
	r.Begin()
	r.End()
	r.Panicked()
	r.Reloaded("aaa", time.Unix(1000, 0), nil)
	r.Reloaded("bbb", time.Unix(2000, 500e6), nil)
	r.Reloaded("", time.Unix(3000, 0), errors.New("broken"))
	r.ObserveADS(func() int { return 2 })
	want := []string{
		`llmroute_active_requests 1`,
		`llmroute_ads_streams 2`,
		`llmroute_config_applied_time_seconds 2000.5`,
		`llmroute_config_info{llmroute_config_hash="bbb"} 1`,
		`llmroute_config_reloads_total{llmroute_result="failed"} 1`,
		`llmroute_config_reloads_total{llmroute_result="ok"} 2`,
		`llmroute_log_dropped_total 3`,
		`llmroute_metrics_series 0`,
		`llmroute_metrics_series_limit 10`,
		`llmroute_panics_total 1`,
	}
	if diff := cmp.Diff(scrape(t, r), want); diff != "" {
		t.Errorf("metrics (-got +want):\n%s", diff)
	}
}

// fullLog is a log that has dropped lines.
type fullLog struct{ dropped *int64 }

func (fullLog) Write(p []byte) (int, error) { return len(p), nil }
func (l fullLog) Dropped() int64            { return *l.dropped }

func TestBackends(t *testing.T) {
	r := newRecorder(t, Options{})
	r.Record(chat())
	r.Record(refused())
	left := chat()
	left.Outcome = Aborted
	r.Record(left)
	busy := chat()
	busy.Backend, busy.Status, busy.InputTokens, busy.OutputTokens = "aws", 429, 0, 0
	r.Record(busy)
	want := []BackendTotal{
		{Backend: "", Requests: 1, Failed: 1},
		{Backend: "aws", Requests: 1, Failed: 1},
		{Backend: "kserve", Requests: 2, InputTokens: 24, OutputTokens: 202},
	}
	if diff := cmp.Diff(r.Backends(), want); diff != "" {
		t.Errorf("totals (-got +want):\n%s", diff)
	}
}

// Names from outside must not grow the metrics: traps.md 24 tells of gateways
// that ran out of memory over model names.
func TestSeriesAreBounded(t *testing.T) {
	const limit, rounds = 40, 100_000
	r := newRecorder(t, Options{MaxSeries: limit})
	r.Record(chat())
	rec := chat()
	fill := func() {
		for i := range rounds {
			rec.ModelLabel = fmt.Sprintf("model-%d", i)
			rec.ErrorType = fmt.Sprintf("error-%d", i)
			rec.Backend = "backend-" + strconv.Itoa(i%1000)
			r.Record(rec)
		}
	}
	fill()
	size, before := r.series.size(), heap()
	text := scrape(t, r)
	if most := limit + limit/4 + 6; size > most {
		t.Errorf("%d series, want at most %d", size, most)
	}
	fill()
	if again := r.series.size(); again != size {
		t.Errorf("%d series after the same again, want %d", again, size)
	}
	if grown := int64(heap()) - int64(before); grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if diff := cmp.Diff(len(scrape(t, r)), len(text)); diff != "" {
		t.Errorf("lines of /metrics (-got +want):\n%s", diff)
	}

	var requests int64
	for _, total := range r.Backends() {
		requests += total.Requests
	}
	if requests != 2*rounds+1 {
		t.Errorf("%d requests counted, want %d: what is beyond the limit still counts", requests, 2*rounds+1)
	}
	r.Record(chat()) // what was there first keeps its labels
	if got := only(scrape(t, r), `llmroute_requests_total{gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="llama3-70b"`); len(got) != 1 || !strings.HasSuffix(got[0], " 2") {
		t.Errorf("requests of a known series: %q", got)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestOverflowKeepsTheBackendWhileItCan(t *testing.T) {
	r := newRecorder(t, Options{MaxSeries: 4})
	for i := range 10 {
		rec := chat()
		rec.ModelLabel = fmt.Sprint("m", i)
		r.Record(rec)
	}
	got := only(scrape(t, r), "llmroute_requests_total")
	want := []string{
		`llmroute_requests_total{gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="m0",http_response_status_code="200",llmroute_backend="kserve",llmroute_outcome="complete",llmroute_route="llm-route"} 1`,
		`llmroute_requests_total{gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="m1",http_response_status_code="200",llmroute_backend="kserve",llmroute_outcome="complete",llmroute_route="llm-route"} 1`,
		`llmroute_requests_total{gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="m2",http_response_status_code="200",llmroute_backend="kserve",llmroute_outcome="complete",llmroute_route="llm-route"} 1`,
		`llmroute_requests_total{gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="m3",http_response_status_code="200",llmroute_backend="kserve",llmroute_outcome="complete",llmroute_route="llm-route"} 1`,
		`llmroute_requests_total{gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="other",http_response_status_code="200",llmroute_backend="kserve",llmroute_outcome="complete",llmroute_route="other"} 6`,
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("requests (-got +want):\n%s", diff)
	}
}

func TestRecordHammer(t *testing.T) {
	const goroutines, rounds = 8, 2000
	var out safeBuffer
	w := NewWriter(&out)
	r := newRecorder(t, Options{Log: w, MaxSeries: 50})
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range rounds {
				r.Begin()
				rec := chat()
				rec.ModelLabel = fmt.Sprint(g, i%20)
				r.Record(rec)
				r.Reloaded(strconv.Itoa(i), rec.Start, nil)
				r.End()
			}
		})
	}
	for range 20 {
		scrape(t, r)
		r.Backends()
	}
	wg.Wait()
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if total := r.Backends(); len(total) != 1 || total[0].Requests != goroutines*rounds {
		t.Errorf("totals %+v, want %d requests of one backend", total, goroutines*rounds)
	}
	if got := int64(out.lines()) + w.Dropped(); got != goroutines*rounds {
		t.Errorf("%d lines written or dropped, want %d", got, goroutines*rounds)
	}
	if got := only(scrape(t, r), "llmroute_active_requests"); !slices.Equal(got, []string{"llmroute_active_requests 0"}) {
		t.Errorf("active: %q", got)
	}
}

type safeBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) lines() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.b.String(), "\n")
}

func TestRecordDoesNotAllocate(t *testing.T) {
	r := newRecorder(t, Options{Log: discard{}})
	for _, rec := range []*Record{chat(), refused()} {
		r.Record(rec)
		if n := testing.AllocsPerRun(100, func() { r.Record(rec) }); n != 0 {
			t.Errorf("%s: %v allocations", rec.Outcome, n)
		}
	}
	rec := chat()
	var sum float64
	if n := testing.AllocsPerRun(100, func() {
		for l := range rec.Metadata {
			sum += l.Number
		}
	}); n != 0 {
		t.Errorf("Metadata: %v allocations", n)
	}
}

func TestMetadata(t *testing.T) {
	full := chat()
	full.ReasoningTokens, full.ErrorType = 7, "server_error"
	for _, c := range []struct {
		name string
		r    *Record
		want []Label
	}{
		{"nothing known", &Record{}, nil},
		{"refused", refused(), []Label{{Key: "model_requested", Text: "nobody"}, {Key: "error_type", Text: "model_not_found"}}},
		{"everything", full, []Label{
			{Key: "route", Text: "llm-route"}, {Key: "rule", Text: "0"}, {Key: "backend", Text: "kserve"},
			{Key: "model_requested", Text: "llama3"}, {Key: "model_upstream", Text: "llama3-70b-fp8"}, {Key: "model_response", Text: "llama3-70b-instruct"},
			{Key: "input_tokens", Number: 12}, {Key: "cached_tokens", Number: 4}, {Key: "output_tokens", Number: 101},
			{Key: "reasoning_tokens", Number: 7}, {Key: "total_tokens", Number: 113}, {Key: "attempts", Number: 1},
			{Key: "finish_reason", Text: "stop"}, {Key: "error_type", Text: "server_error"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(slices.Collect(c.r.Metadata), c.want); diff != "" {
				t.Errorf("labels (-got +want):\n%s", diff)
			}
			parts := slices.Concat(slices.Collect(c.r.Decided), slices.Collect(c.r.Ended))
			if diff := cmp.Diff(parts, c.want, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("Decided and Ended (-got +want):\n%s", diff)
			}
			for stop := range len(c.want) { // a reader may stop anywhere
				seen := 0
				for range c.r.Metadata {
					if seen++; seen > stop {
						break
					}
				}
				if seen != stop+1 {
					t.Errorf("stopped after %d labels, saw %d", stop+1, seen)
				}
			}
		})
	}
}

func TestClose(t *testing.T) {
	r := newRecorder(t, Options{})
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Record(chat()) // late exchanges do no harm
}
