package mistral

import (
	"testing"

	"llmroute/translator/chat"
)

// none has no headers.
type none struct{}

func (none) Get(string) string { return "" }

var word = []byte(`{"id":"c1","object":"chat.completion.chunk","created":1,"model":"mistral-medium-2604","choices":[{"index":0,"delta":{"content":"some words"},"finish_reason":null}]}`)

// BenchmarkEvent reads one piece of a stream.
func BenchmarkEvent(b *testing.B) {
	r := Dialect{}.Reader(&chat.Trip{}, none{})
	evs := r.Read(nil, nil, word)
	b.ReportAllocs()
	for b.Loop() {
		evs = r.Read(evs[:0], nil, word)
	}
}

func TestEventTakesNoMemory(t *testing.T) {
	r := Dialect{}.Reader(&chat.Trip{}, none{})
	evs := r.Read(nil, nil, word)
	if n := testing.AllocsPerRun(100, func() { evs = r.Read(evs[:0], nil, word) }); n != 0 {
		t.Errorf("%v allocations for a word", n)
	}
}
