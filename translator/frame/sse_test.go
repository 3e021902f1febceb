package frame_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"llmroute/translator/frame"
)

func ExampleSSE() {
	var s frame.SSE
	var ev frame.Event
	for _, chunk := range []string{"data: one\n", "\nevent: x\ndata: t", "wo\n\n"} {
		for s.Push([]byte(chunk), false); s.Next(&ev); {
			fmt.Printf("%q %q\n", ev.Name, ev.Data)
		}
	}
	fmt.Println(s.Held(), s.Err())
	// Output:
	// "" "one"
	// "x" "two"
	// 0 <nil>
}

// event is a frame.Event whose memory is its own.
type event struct {
	Raw, Name, Data string
	At              int
	Torn            bool
}

// read pushes pieces, the last of them as the last, and returns the events.
func read(t rapid.TB, s *frame.SSE, pieces ...string) []event {
	t.Helper()
	var all []event
	var ev frame.Event
	for i, piece := range pieces {
		chunk := []byte(piece)
		for s.Push(chunk, i == len(pieces)-1); s.Next(&ev); {
			if ev.At >= 0 && !bytes.Equal(ev.Raw[ev.At:ev.At+len(ev.Data)], ev.Data) {
				t.Fatalf("data %q does not stand at %d of %q", ev.Data, ev.At, ev.Raw)
			}
			all = append(all, event{string(ev.Raw), string(ev.Name), string(ev.Data), ev.At, ev.Torn})
		}
		clear(chunk) // it was borrowed
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSSE(t *testing.T) {
	tests := []struct {
		name, in string
		want     []event
	}{
		{"nothing", "", nil},
		{"one", "data: a\n\n", []event{{"data: a\n\n", "", "a", 6, false}}},
		{"no space", "data:a\n\n", []event{{"data:a\n\n", "", "a", 5, false}}},
		{"two spaces", "data:  a\n\n", []event{{"data:  a\n\n", "", " a", 6, false}}},
		{"CRLF", "event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", []event{
			{"event: x\r\ndata: a\r\n\r\n", "x", "a", 16, false},
			{"data: b\r\n\r\n", "", "b", 6, false},
		}},
		{"CR", "event: x\rdata: a\r\rdata: b\r\r", []event{
			{"event: x\rdata: a\r\r", "x", "a", 15, false},
			{"data: b\r\r", "", "b", 6, false},
		}},
		{"mixed", "data: a\r\n\ndata: b\n\rdata: c\r\r\n", []event{
			{"data: a\r\n\n", "", "a", 6, false},
			{"data: b\n\r", "", "b", 6, false},
			{"data: c\r\r\n", "", "c", 6, false},
		}},
		{"byte order mark", "\xEF\xBB\xBFdata: a\n\n\xEF\xBB\xBFdata: b\n\n", []event{
			{"\xEF\xBB\xBFdata: a\n\n", "", "a", 9, false},
			{"\xEF\xBB\xBFdata: b\n\n", "", "", -1, false}, // no mark there, but an unknown field
		}},
		{"several data lines", "data: a\nid: 1\ndata\ndata: b\n\n", []event{
			{"data: a\nid: 1\ndata\ndata: b\n\n", "", "a\n\nb", -1, false},
		}},
		{"several data lines in CR", "data: a\rdata: b\r\r", []event{{"data: a\rdata: b\r\r", "", "a\nb", -1, false}}},
		{"empty data", "data\n\ndata:\n\n", []event{{"data\n\n", "", "", 4, false}, {"data:\n\n", "", "", 5, false}}},
		{"comment", ": x: y\n\n:\n\n", []event{{": x: y\n\n", "", "", -1, false}, {":\n\n", "", "", -1, false}}},
		{"blank lines", "\n\ndata: a\n\n", []event{{"\n", "", "", -1, false}, {"\n", "", "", -1, false}, {"data: a\n\n", "", "a", 6, false}}},
		{"the last name counts", "event: x\nevent: y\ndata: a\n\n", []event{{"event: x\nevent: y\ndata: a\n\n", "y", "a", 24, false}}},
		{"colons in data", "data: {\"a\":1}\n\n", []event{{"data: {\"a\":1}\n\n", "", `{"a":1}`, 6, false}}},
		{"no blank line", "data: a\n\ndata: [DONE]\n", []event{{"data: a\n\n", "", "a", 6, false}, {"data: [DONE]\n", "", "[DONE]", 6, true}}},
		{"no line end", "data: [DONE]", []event{{"data: [DONE]", "", "[DONE]", 6, true}}},
		{"CR at the end", "data: a\r", []event{{"data: a\r", "", "a", 6, true}}},
		{"CRs at the end", "data: a\r\r", []event{{"data: a\r\r", "", "a", 6, false}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			check := func(t rapid.TB, pieces ...string) {
				var s frame.SSE
				if diff := cmp.Diff(read(t, &s, pieces...), tt.want); diff != "" {
					t.Fatalf("%q:\n%s", pieces, diff)
				}
			}
			check(t, tt.in)
			for i := range len(tt.in) + 1 {
				check(t, tt.in[:i], tt.in[i:])
			}
			check(t, append(strings.Split(tt.in, ""), "")...)
		})
	}
}

// Any bytes at all, cut in any way, give the same events, and those are the
// stream.
func FuzzSSE(f *testing.F) {
	f.Add([]byte("data: a\r\n\r\n: c\n\ndata: [DONE]"), uint8(3))
	f.Add([]byte("\xEF\xBB\xBFdata: a\rdata\r\r\r\n\n"), uint8(1))
	f.Fuzz(func(t *testing.T, stream []byte, size uint8) {
		var s frame.SSE
		whole := read(t, &s, string(stream))
		var pieces []string
		for rest := string(stream); ; {
			n := min(int(size)+1, len(rest))
			pieces = append(pieces, rest[:n])
			if rest = rest[n:]; rest == "" {
				break
			}
		}
		s.Reset()
		if diff := cmp.Diff(read(t, &s, pieces...), whole); diff != "" {
			t.Fatal(diff)
		}
		var raw strings.Builder
		for _, ev := range whole {
			raw.WriteString(ev.Raw)
		}
		if raw.String() != string(stream) {
			t.Fatalf("the events are %q", raw.String())
		}
	})
}

// The events are those of a plain reading of the specification.
func TestSSEAgainstSpecification(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SampledFrom([]string{"data", "data:", "data: a", ":x", "event: e", "id: 1", "\r", "\n", "\r\n", "\n\n", "\r\r", ""})
		stream := strings.Join(rapid.SliceOfN(words, 0, 30).Draw(t, "stream"), "")
		var got []event
		var s frame.SSE
		for _, ev := range read(t, &s, stream) {
			if !ev.Torn {
				got = append(got, event{Name: ev.Name, Data: ev.Data})
			}
		}
		if diff := cmp.Diff(got, specified(stream)); diff != "" {
			t.Fatalf("%q:\n%s", stream, diff)
		}
	})
}

// specified reads a stream as the specification puts it, line by line; an event
// without data is one too, as SSE has it.
func specified(stream string) (all []event) {
	stream = strings.ReplaceAll(strings.ReplaceAll(stream, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(stream, "\n")
	var ev event
	data := make([]string, 0, 4)
	for _, line := range lines[:len(lines)-1] {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			ev.Data = strings.Join(data, "\n")
			all, ev, data = append(all, ev), event{}, data[:0]
		case name == "event":
			ev.Name = value
		case name == "data":
			data = append(data, value)
		}
	}
	return all
}

func TestSSELimit(t *testing.T) {
	s := frame.SSE{Max: 10}
	if got := len(read(t, &s, "data: 1\n\nda", "ta: 2\n\nda", "ta: 34567890\n\n")); got != 3 {
		t.Errorf("%d events", got)
	}
	s.Reset()
	var ev frame.Event
	for i, chunk := range []string{"data: 1\n\nda", "ta: 12", "345"} {
		for s.Push([]byte(chunk), false); s.Next(&ev); {
		}
		if tooLong := errors.Is(s.Err(), frame.ErrTooLong); tooLong != (i == 2) {
			t.Errorf("piece %d: error %v", i, s.Err())
		}
	}
	if s.Push([]byte("\n\n"), true); s.Next(&ev) {
		t.Error("an event after the error")
	}
}

// A long event in many pieces is neither read nor copied again for each.
func TestSSELongEvent(t *testing.T) {
	const size = 4 << 20
	long := strings.Repeat("x", size)
	for _, end := range []string{"\n", "\r"} {
		pieces := []string{"data: "}
		for i := 0; i < size; i += 16 {
			pieces = append(pieces, long[i:i+16])
		}
		pieces = append(pieces, end+end+":", "")
		var s frame.SSE
		all := read(t, &s, pieces...)
		if len(all) != 2 || all[0].Data != long || all[1].Raw != ":" {
			t.Errorf("%d events", len(all))
		}
	}
}

func TestSSEAllocates(t *testing.T) {
	chunk := []byte("data: {\"a\":1}\n\ndata: {\"b\"")
	rest := []byte(":2}\n\n")
	var s frame.SSE
	var ev frame.Event
	n := testing.AllocsPerRun(100, func() {
		for s.Push(chunk, false); s.Next(&ev); {
		}
		for s.Push(rest, false); s.Next(&ev); {
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSSE(b *testing.B) {
	one := "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + strings.Repeat("word ", 30) + "\"}}]}\n\n"
	chunk := []byte(strings.Repeat(one, 10))
	var s frame.SSE
	var ev frame.Event
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		for s.Push(chunk, false); s.Next(&ev); {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10, "ns/event")
}
