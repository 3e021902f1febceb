package telemetry

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/metric"
)

// instruments are what finished exchanges are counted with.
type instruments struct {
	tokens     metric.Int64Histogram
	duration   metric.Float64Histogram
	firstToken metric.Float64Histogram
	perToken   metric.Float64Histogram
	overhead   metric.Float64Histogram
	requests   metric.Int64Counter
	refusals   metric.Int64Counter
}

func (i *instruments) create(m metric.Meter) error {
	var errs []error
	seconds := func(name, description string, buckets []float64) metric.Float64Histogram {
		h, err := m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description),
			metric.WithExplicitBucketBoundaries(buckets...))
		errs = append(errs, err)
		return h
	}
	count := func(name, description string) metric.Int64Counter {
		c, err := m.Int64Counter(name, metric.WithDescription(description))
		errs = append(errs, err)
		return c
	}
	var err error
	i.tokens, err = m.Int64Histogram(metricTokens, metric.WithUnit("{token}"),
		metric.WithDescription("Tokens per request, by type; the cached are part of the input, the reasoning part of the output."),
		metric.WithExplicitBucketBoundaries(bucketsTokens...))
	errs = append(errs, err)
	i.duration = seconds(metricDuration, "From a request's headers to the end of its reply.", bucketsDuration)
	i.firstToken = seconds(metricFirstToken, "From a request's headers to the first event with content, streams only.", bucketsFirstToken)
	i.perToken = seconds(metricPerToken, "Per output token after the first, complete streams only.", bucketsPerToken)
	i.overhead = seconds(metricOverhead, "The sidecar's own share of a request, summed over its messages.", bucketsOverhead)
	i.requests = count(metricRequests, "Finished requests.")
	i.refusals = count(metricRefusals, "Requests answered with an error before a backend saw them.")
	return errors.Join(errs...)
}

// record counts one exchange. The option slices are passed as they are, because
// a variadic call with single options would allocate each time.
func (i *instruments) record(s *series, r *Record) {
	ctx := context.Background()
	i.requests.Add(ctx, 1, s.requests...)
	i.duration.Record(ctx, r.Duration.Seconds(), s.duration...)
	i.overhead.Record(ctx, r.Overhead.Seconds(), s.overhead...)
	if r.Outcome == Refused {
		i.refusals.Add(ctx, 1, s.refusals...)
	}
	for t, n := range [tokenTypes]int64{
		tokensInput: r.InputTokens, tokensCached: r.CachedTokens, tokensCacheWrite: r.CacheWriteTokens,
		tokensOutput: r.OutputTokens, tokensReasoning: r.ReasoningTokens,
	} {
		if n > 0 {
			i.tokens.Record(ctx, n, s.tokens[t]...)
		}
	}
	if r.FirstToken > 0 {
		i.firstToken.Record(ctx, r.FirstToken.Seconds(), s.stream...)
		if n := outputSteps(r); n > 0 && r.Outcome == Complete {
			i.perToken.Record(ctx, (r.Duration-r.FirstToken).Seconds()/float64(n), s.stream...)
		}
	}
	s.total.add(r)
}

// outputSteps returns how many tokens came after the first. Events stand in for
// them where the backend did not say: most send one token in each.
func outputSteps(r *Record) int64 {
	if r.OutputTokens > 0 {
		return r.OutputTokens - 1
	}
	return int64(r.OutputEvents) - 1
}

func (t *total) add(r *Record) {
	t.requests.Add(1)
	if !r.ok() {
		t.failed.Add(1)
	}
	if r.InputTokens > 0 {
		t.input.Add(r.InputTokens)
	}
	if r.OutputTokens > 0 {
		t.output.Add(r.OutputTokens)
	}
}

// ok reports whether an exchange went as both sides wanted. A client that
// leaves has not been failed.
func (r *Record) ok() bool {
	return (r.Outcome == Complete && r.Status < 400) || r.Outcome == Aborted
}
