package telemetry

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/otlptranslator"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
)

// DefaultMaxSeries is how many combinations of labels are told apart unless
// Options says otherwise.
const DefaultMaxSeries = 1000

// Options is what a Recorder is made of. The zero value counts and logs nothing.
type Options struct {
	// Version is our own, for target_info.
	Version string
	// Log receives one line of JSON per exchange, each in one Write; nil logs
	// none. It should not block, because exchanges wait for it: a Writer does
	// not. Calls are serialised.
	Log io.Writer
	// LogLevel is the lowest level that is logged; nil means slog.LevelInfo.
	// Exchanges that went well are at Info, the others at Warn.
	LogLevel slog.Leveler
	// MaxSeries bounds the combinations of route, backend, model, operation,
	// status, outcome and error type that are told apart; 0 means
	// DefaultMaxSeries. What comes later is counted with model and route
	// "other", and at last with nothing but its outcome. A combination costs a
	// few KiB of memory and 20 to 150 lines of /metrics; a thousand take a third
	// of a second to show.
	MaxSeries int
}

// Recorder records finished exchanges and what the sidecar says of itself. It
// is safe for concurrent use.
type Recorder struct {
	registry *prometheus.Registry
	provider *metric.MeterProvider
	series   seriesCache
	line     lineLog

	active     atomic.Int64
	panics     atomic.Int64
	reloaded   atomic.Int64
	unreloaded atomic.Int64
	applied    atomic.Pointer[applied]
	ads        atomic.Pointer[func() int]
	dropped    func() int64
}

// New returns a Recorder with metrics of its own; several may live in one
// process without meeting.
func New(o Options) (*Recorder, error) {
	r := &Recorder{registry: prometheus.NewRegistry()}
	r.series.init(cmp.Or(o.MaxSeries, DefaultMaxSeries))
	r.line.init(o.Log, o.LogLevel)
	if d, ok := o.Log.(interface{ Dropped() int64 }); ok {
		r.dropped = d.Dropped
	}
	exporter, err := otelprometheus.New(
		otelprometheus.WithRegisterer(r.registry),
		otelprometheus.WithTranslationStrategy(otlptranslator.UnderscoreEscapingWithSuffixes),
		otelprometheus.WithoutScopeInfo(),
		otelprometheus.WithProducer(r.series.families),
	)
	if err != nil {
		return nil, err
	}
	r.provider = metric.NewMeterProvider(
		metric.WithReader(exporter),
		metric.WithResource(resource.NewSchemaless(semconv.ServiceName("llmroute"), semconv.ServiceVersion(o.Version))),
		// The series cache bounds what can appear, with names that people can
		// read; the SDK's own limit would fold it once more.
		metric.WithCardinalityLimit(0),
		metric.WithExemplarFilter(exemplar.AlwaysOffFilter),
	)
	meter := r.provider.Meter(scope)
	err = errors.Join(
		r.observe(meter),
		r.registry.Register(collectors.NewGoCollector()),
		r.registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})),
	)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Record counts and logs a finished exchange. In a steady state, when an
// exchange like it has been seen before, it allocates nothing.
func (r *Recorder) Record(rec *Record) {
	r.series.of(rec).record(rec)
	r.line.write(rec)
}

// Begin says that an exchange has begun, End that it is over. Each Begin needs
// its End.
func (r *Recorder) Begin() { r.active.Add(1) }

// End says that an exchange is over.
func (r *Recorder) End() { r.active.Add(-1) }

// Metrics returns the handler that shows all metrics to Prometheus.
func (r *Recorder) Metrics() http.Handler {
	return promhttp.HandlerFor(r.registry, promhttp.HandlerOpts{Registry: r.registry, MaxRequestsInFlight: 2})
}

// Close ends the export of metrics. The Log of Options stays the caller's.
func (r *Recorder) Close(ctx context.Context) error { return r.provider.Shutdown(ctx) }
