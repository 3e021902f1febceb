package telemetry

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"
)

// ModelUsage is what one model of one backend has done since the start, as far
// as it ended with one status. Backend and Model are "" for requests that were
// refused before there was one; Model is as metrics name it.
type ModelUsage struct {
	Backend string `json:"backend"`
	Model   string `json:"model"`
	Status  int    `json:"status"` // what the client got; 0 when it left before there was one

	Requests int64 `json:"requests"`
	Failed   int64 `json:"failed"` // those that ended in any way but well

	PromptTokens     int64 `json:"prompt_tokens"`
	CachedTokens     int64 `json:"cached_tokens"` // of the prompts
	CompletionTokens int64 `json:"completion_tokens"`
	ReasoningTokens  int64 `json:"reasoning_tokens"` // of the completions
	TotalTokens      int64 `json:"total_tokens"`

	// Latency is from the request's headers to the end of the answer, and
	// TimeToFirstToken to the first content of a stream: means, in seconds.
	Latency          float64 `json:"mean_latency_seconds"`
	TimeToFirstToken float64 `json:"mean_time_to_first_token_seconds"`
}

// BackendTotal is what one backend has done since the start. Backend is "" for
// requests that none was chosen for.
type BackendTotal struct {
	Backend                   string
	Requests                  int64
	Failed                    int64 // those that ended in any way but well
	InputTokens, OutputTokens int64
}

// Usage returns what each model of each backend has done, by status, sorted.
func (r *Recorder) Usage() []ModelUsage {
	all := r.series.usage()
	slices.SortFunc(all, func(a, b ModelUsage) int {
		return cmp.Or(cmp.Compare(a.Backend, b.Backend), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Status, b.Status))
	})
	return all
}

// Backends returns what each backend has done since the start, sorted by ID.
func (r *Recorder) Backends() []BackendTotal {
	var totals []BackendTotal
	for _, u := range r.Usage() {
		if n := len(totals); n == 0 || totals[n-1].Backend != u.Backend {
			totals = append(totals, BackendTotal{Backend: u.Backend})
		}
		t := &totals[len(totals)-1]
		t.Requests += u.Requests
		t.Failed += u.Failed
		t.InputTokens += u.PromptTokens
		t.OutputTokens += u.CompletionTokens
	}
	return totals
}

// variant is what usage is told apart by.
type variant struct {
	backend, model string
	status         int
}

// total is what one variant has done.
type total struct {
	requests, failed                         atomic.Int64
	input, cached, output, reasoning, tokens atomic.Int64
	duration, firstToken, firstTokens        atomic.Int64 // nanoseconds, and of how many
}

func (t *total) add(r *Record) {
	t.requests.Add(1)
	if !r.ok() {
		t.failed.Add(1)
	}
	t.duration.Add(int64(r.Duration))
	if r.FirstToken > 0 {
		t.firstToken.Add(int64(r.FirstToken))
		t.firstTokens.Add(1)
	}
	if r.InputTokens|r.OutputTokens|r.TotalTokens == 0 {
		return
	}
	t.input.Add(max(r.InputTokens, 0))
	t.cached.Add(max(r.CachedTokens, 0))
	t.output.Add(max(r.OutputTokens, 0))
	t.reasoning.Add(max(r.ReasoningTokens, 0))
	t.tokens.Add(max(r.TotalTokens, r.InputTokens+r.OutputTokens, 0))
}

func (t *total) usage(v variant) ModelUsage {
	return ModelUsage{
		Backend: v.backend, Model: v.model, Status: v.status,
		Requests: t.requests.Load(), Failed: t.failed.Load(),
		PromptTokens: t.input.Load(), CachedTokens: t.cached.Load(),
		CompletionTokens: t.output.Load(), ReasoningTokens: t.reasoning.Load(), TotalTokens: t.tokens.Load(),
		Latency:          mean(t.duration.Load(), t.requests.Load()),
		TimeToFirstToken: mean(t.firstToken.Load(), t.firstTokens.Load()),
	}
}

// mean returns the mean of n durations in seconds, to the microsecond.
func mean(sum, n int64) float64 {
	if n == 0 {
		return 0
	}
	return time.Duration(sum / n).Round(time.Microsecond).Seconds()
}

func (c *seriesCache) usage() []ModelUsage {
	c.mu.RLock()
	defer c.mu.RUnlock()
	all := make([]ModelUsage, 0, len(c.variants))
	for v, t := range c.variants {
		all = append(all, t.usage(v))
	}
	return all
}
