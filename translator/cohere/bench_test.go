package cohere

import (
	"testing"

	"llmroute/translator/chat"
)

// none has no headers.
type none struct{}

func (none) Get(string) string { return "" }

var (
	begin = []byte(`{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}`)
	word  = []byte(`{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"some words"}}}}`)
)

// BenchmarkEvent reads one piece of a stream.
func BenchmarkEvent(b *testing.B) {
	r := Dialect{}.Reader(&chat.Trip{}, none{})
	evs := r.Read(nil, nil, begin)
	b.ReportAllocs()
	for b.Loop() {
		evs = r.Read(evs[:0], nil, word)
	}
}

func TestEventTakesNoMemory(t *testing.T) {
	r := Dialect{}.Reader(&chat.Trip{}, none{})
	evs := r.Read(nil, nil, begin)
	if n := testing.AllocsPerRun(100, func() { evs = r.Read(evs[:0], nil, word) }); n != 0 {
		t.Errorf("%v allocations for a word", n)
	}
}
