package telemetry

import (
	"fmt"
	"testing"
)

func BenchmarkRecord(b *testing.B) {
	for _, c := range []struct {
		name string
		log  Options
	}{{"metrics", Options{}}, {"metrics and log", Options{Log: discard{}}}} {
		b.Run(c.name, func(b *testing.B) {
			r := newRecorder(b, c.log)
			rec := chat()
			b.ReportAllocs()
			for b.Loop() {
				r.Record(rec)
			}
		})
	}
}

func BenchmarkRecordParallel(b *testing.B) {
	w := NewWriter(discard{})
	r := newRecorder(b, Options{Log: w})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		rec := chat()
		for pb.Next() {
			r.Record(rec)
		}
	})
	if err := w.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkScrape is a look at as many series as there may be.
func BenchmarkScrape(b *testing.B) {
	r := newRecorder(b, Options{})
	for i := range DefaultMaxSeries {
		rec := chat()
		rec.ModelLabel = fmt.Sprint("model-", i)
		r.Record(rec)
	}
	b.ReportAllocs()
	for b.Loop() {
		b.ReportMetric(float64(len(scrape(b, r))), "lines")
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
