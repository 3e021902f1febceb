package telemetry

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// point is one line of a metric: a count, or a histogram where its family has
// bounds. Adding to it takes a few atomic additions and nothing else.
//
// The SDK's own instruments are not used for what is counted per request. They
// go through all attributes again at each call, and with ten calls a request
// took 1.9 µs where this takes 0.2 (SDK 1.47.0).
type point struct {
	family  *family
	attrs   attribute.Set
	buckets []atomic.Uint64 // one more than the family's bounds
	sum     atomic.Int64
}

// add counts n, in the family's unit of adding.
func (p *point) add(n int64) {
	i := 0
	for i < len(p.family.bounds) && n > p.family.bounds[i] {
		i++
	}
	p.buckets[i].Add(1)
	p.sum.Add(n)
}

// addTime counts a duration.
func (p *point) addTime(d time.Duration) { p.add(int64(d)) }

// family is one metric with all its points. Values are added as integers:
// nanoseconds for a metric in seconds.
type family struct {
	name, description, unit string

	scale    float64   // from the unit of adding to the metric's
	bounds   []int64   // in the unit of adding; none for a counter
	boundary []float64 // in the metric's unit

	mu     sync.RWMutex
	points map[attribute.Distinct]*point
}

func newCounter(name, description string) *family {
	return &family{name: name, description: description, scale: 1, points: make(map[attribute.Distinct]*point)}
}

func newHistogram(name, description, unit string, scale float64, boundary []float64) *family {
	f := newCounter(name, description)
	f.unit, f.scale, f.boundary = unit, scale, boundary
	for _, b := range boundary {
		f.bounds = append(f.bounds, int64(b/scale+.5))
	}
	return f
}

func newSeconds(name, description string, boundary []float64) *family {
	return newHistogram(name, description, "s", 1e-9, boundary)
}

// point returns the point of these attributes, a new one if need be.
func (f *family) point(attrs attribute.Set) *point {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.points[attrs.Equivalent()]
	if p == nil {
		p = &point{family: f, attrs: attrs, buckets: make([]atomic.Uint64, len(f.bounds)+1)}
		f.points[attrs.Equivalent()] = p
	}
	return p
}

// metric returns the family as it stands. Points that nothing was added to are
// left out: a series prepares them before it knows which it will need.
func (f *family) metric(start, now time.Time) metricdata.Metrics {
	f.mu.RLock()
	defer f.mu.RUnlock()
	m := metricdata.Metrics{Name: f.name, Description: f.description, Unit: f.unit}
	if len(f.bounds) == 0 {
		sum := metricdata.Sum[int64]{Temporality: metricdata.CumulativeTemporality, IsMonotonic: true}
		for _, p := range f.points {
			if n := p.sum.Load(); n > 0 {
				sum.DataPoints = append(sum.DataPoints, metricdata.DataPoint[int64]{
					Attributes: p.attrs, StartTime: start, Time: now, Value: n,
				})
			}
		}
		m.Data = sum
		return m
	}
	h := metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality}
	for _, p := range f.points {
		d := metricdata.HistogramDataPoint[float64]{
			Attributes: p.attrs, StartTime: start, Time: now,
			Bounds: f.boundary, BucketCounts: make([]uint64, len(p.buckets)),
		}
		for i := range p.buckets {
			d.BucketCounts[i] = p.buckets[i].Load()
			d.Count += d.BucketCounts[i]
		}
		if d.Count > 0 {
			d.Sum = float64(p.sum.Load()) * f.scale
			h.DataPoints = append(h.DataPoints, d)
		}
	}
	m.Data = h
	return m
}

// families are the metrics of finished exchanges. They hand themselves to
// OpenTelemetry as a metric.Producer, so that any exporter shows them beside
// what the SDK's instruments hold.
type families struct {
	start      time.Time
	tokens     *family
	duration   *family
	firstToken *family
	perToken   *family
	overhead   *family
	requests   *family
	refusals   *family
}

func newFamilies() *families {
	return &families{
		start: time.Now(),
		tokens: newHistogram(metricTokens,
			"Tokens per request, by type; the cached are part of the input, the reasoning part of the output.",
			"{token}", 1, bucketsTokens),
		duration:   newSeconds(metricDuration, "From a request's headers to the end of its reply.", bucketsDuration),
		firstToken: newSeconds(metricFirstToken, "From a request's headers to the first event with content, streams only.", bucketsFirstToken),
		perToken:   newSeconds(metricPerToken, "Per output token after the first, complete streams only.", bucketsPerToken),
		overhead:   newSeconds(metricOverhead, "The sidecar's own share of a request, summed over its messages.", bucketsOverhead),
		requests:   newCounter(metricRequests, "Finished requests."),
		refusals:   newCounter(metricRefusals, "Requests answered with an error before a backend saw them."),
	}
}

// Produce implements OpenTelemetry's metric.Producer.
func (f *families) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	now := time.Now()
	out := metricdata.ScopeMetrics{Scope: instrumentation.Scope{Name: scope}}
	for _, f1 := range []*family{f.tokens, f.duration, f.firstToken, f.perToken, f.overhead, f.requests, f.refusals} {
		out.Metrics = append(out.Metrics, f1.metric(f.start, now))
	}
	return []metricdata.ScopeMetrics{out}, nil
}
