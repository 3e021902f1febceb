package telemetry

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// applied is the configuration in force.
type applied struct {
	hash string
	at   time.Time
}

// Reloaded says that a configuration was read: with a nil error, that the one
// of this hash is in force since the time at; with an error, that the one before
// stays in force.
func (r *Recorder) Reloaded(hash string, at time.Time, err error) {
	if err != nil {
		r.unreloaded.Add(1)
		return
	}
	r.reloaded.Add(1)
	r.applied.Store(&applied{strings.Clone(hash), at})
}

// Panicked says that an exchange ended in a panic that was recovered.
func (r *Recorder) Panicked() { r.panics.Add(1) }

// ObserveADS has streams asked, at each look at the metrics, how many Envoys
// take their clusters from us. It must be safe for concurrent use.
func (r *Recorder) ObserveADS(streams func() int) { r.ads.Store(&streams) }

// observe registers what is read only when somebody looks.
func (r *Recorder) observe(m metric.Meter) error {
	var errs []error
	counter := func(name, description string) metric.Int64ObservableCounter {
		c, err := m.Int64ObservableCounter(name, metric.WithDescription(description))
		errs = append(errs, err)
		return c
	}
	gauge := func(name, description string) metric.Int64ObservableGauge {
		g, err := m.Int64ObservableGauge(name, metric.WithDescription(description))
		errs = append(errs, err)
		return g
	}
	active := gauge(metricActive, "Requests that have begun and not ended.")
	panics := counter(metricPanics, "Panics that were recovered.")
	reloads := counter(metricReloads, "Configurations read, by result: ok or failed.")
	info := gauge(metricConfig, "1, with the hash of the configuration in force.")
	ads := gauge(metricADS, "Envoys that take their clusters from this sidecar.")
	drops := counter(metricLogDrops, "Log lines dropped because their reader was too slow.")
	size := gauge(metricSeries, "Combinations of labels that are told apart.")
	limit := gauge(metricSeriesMax, "Combinations of labels after which models and routes become \"other\".")
	since, err := m.Float64ObservableGauge(metricApplied, metric.WithUnit("s"),
		metric.WithDescription("Unix time since when the configuration is in force."))
	errs = append(errs, err)

	ok := metric.WithAttributeSet(attribute.NewSet(keyResult.String("ok")))
	failed := metric.WithAttributeSet(attribute.NewSet(keyResult.String("failed")))
	_, err = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(active, r.active.Load())
		o.ObserveInt64(panics, r.panics.Load())
		o.ObserveInt64(reloads, r.reloaded.Load(), ok)
		o.ObserveInt64(reloads, r.unreloaded.Load(), failed)
		o.ObserveInt64(size, int64(r.series.size()))
		o.ObserveInt64(limit, int64(r.series.max))
		if a := r.applied.Load(); a != nil {
			o.ObserveInt64(info, 1, metric.WithAttributeSet(attribute.NewSet(keyHash.String(a.hash))))
			o.ObserveFloat64(since, float64(a.at.UnixMilli())/1e3)
		}
		if streams := r.ads.Load(); streams != nil {
			o.ObserveInt64(ads, int64((*streams)()))
		}
		if r.dropped != nil {
			o.ObserveInt64(drops, r.dropped())
		}
		return nil
	}, active, panics, reloads, info, since, ads, drops, size, limit)
	return errors.Join(append(errs, err)...)
}
