package frame

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// delta and throttled are messages as Bedrock sends them.
const (
	delta     = "AAAAlAAAAFe0q5ruCzpldmVudC10eXBlBwARY29udGVudEJsb2NrRGVsdGENOmNvbnRlbnQtdHlwZQcAEGFwcGxpY2F0aW9uL2pzb24NOm1lc3NhZ2UtdHlwZQcABWV2ZW50eyJjb250ZW50QmxvY2tJbmRleCI6MCwiZGVsdGEiOnsidGV4dCI6IkhpIn19H5RGVw=="
	throttled = "AAAAsAAAAGFPUIazDzpleGNlcHRpb24tdHlwZQcAE3Rocm90dGxpbmdFeGNlcHRpb24NOmNvbnRlbnQtdHlwZQcAEGFwcGxpY2F0aW9uL2pzb24NOm1lc3NhZ2UtdHlwZQcACWV4Y2VwdGlvbnsibWVzc2FnZSI6IlRvbyBtYW55IHRva2VucywgcGxlYXNlIHdhaXQgYmVmb3JlIHRyeWluZyBhZ2Fpbi4iffcK5X8="
)

func decoded(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// message encodes a message with AWS's own encoder.
func message(t testing.TB, payload string, pairs ...string) []byte {
	t.Helper()
	m := eventstream.Message{Payload: []byte(payload)}
	for i := 0; i < len(pairs); i += 2 {
		m.Headers.Set(pairs[i], eventstream.StringValue(pairs[i+1]))
	}
	return encoded(t, m)
}

func encoded(t testing.TB, m eventstream.Message) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type told struct{ Name, Data string }

// read pushes the chunks and returns what came of them. It copies: what Next
// returned must not be needed after the next call.
func read(s *EventStream, chunks ...[]byte) (got []told, err error) {
	var m Message
	for i, c := range chunks {
		c = slices.Clone(c)
		s.Push(c, i == len(chunks)-1)
		for s.Next(&m) {
			got = append(got, told{string(m.Name), string(m.Data)})
		}
		clear(c)
	}
	return got, s.Err()
}

func TestEventStreamTells(t *testing.T) {
	everyKind := eventstream.Message{Payload: []byte("x")}
	for name, v := range map[string]eventstream.Value{
		"true": eventstream.BoolValue(true), "false": eventstream.BoolValue(false),
		"byte": eventstream.Int8Value(1), "short": eventstream.Int16Value(2),
		"int": eventstream.Int32Value(3), "long": eventstream.Int64Value(4),
		"bytes": eventstream.BytesValue("bytes"), "time": eventstream.TimestampValue(time.UnixMilli(5)),
		"uuid": eventstream.UUIDValue{1, 2, 3}, ":message-type": eventstream.StringValue("event"),
		":event-type": eventstream.StringValue("chunk"),
	} {
		everyKind.Headers.Set(name, v)
	}
	for _, c := range []struct {
		name string
		in   []byte
		want told
	}{
		{"a piece of an answer", decoded(t, delta), told{"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"Hi"}}`}},
		{"an exception", decoded(t, throttled), told{"!throttlingException", `{"message":"Too many tokens, please wait before trying again."}`}},
		{"an error", message(t, "", ":message-type", "error", ":error-code", "InternalFailure", ":error-message", "it broke"), told{"!InternalFailure", "it broke"}},
		{"a kind nobody knows", message(t, "{}", ":message-type", "omen", ":error-code", "E"), told{"!E", "{}"}},
		{"no kind at all", message(t, "{}"), told{"!", "{}"}},
		{"headers of every kind", encoded(t, everyKind), told{"chunk", "x"}},
		{"no payload", message(t, "", ":message-type", "event", ":event-type", "e"), told{"e", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s EventStream
			got, err := read(&s, c.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]told{c.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEventStreamCutAnywhere(t *testing.T) {
	stream := slices.Concat(decoded(t, delta), decoded(t, delta), decoded(t, throttled))
	var whole EventStream
	want, err := read(&whole, stream)
	if err != nil || len(want) != 3 {
		t.Fatalf("%d messages, error %v", len(want), err)
	}
	for i := range stream {
		var s EventStream
		got, err := read(&s, stream[:i], stream[i:])
		if err != nil {
			t.Fatalf("cut at %d: %v", i, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("cut at %d: %s", i, diff)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		var chunks [][]byte
		for rest := stream; len(rest) > 0; {
			n := rapid.IntRange(0, min(len(rest), 60)).Draw(r, "n")
			chunks = append(chunks, rest[:n])
			if rest = rest[n:]; len(chunks) > 2000 {
				chunks = append(chunks, rest)
				break
			}
		}
		var s EventStream
		got, err := read(&s, chunks...)
		if err != nil {
			r.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatal(diff)
		}
	})
}

func TestEventStreamStopsShort(t *testing.T) {
	one := decoded(t, delta)
	for i := range one {
		var s EventStream
		got, err := read(&s, slices.Concat(one, one[:i]))
		if want := i > 0; len(got) != 1 || errors.Is(err, ErrCut) != want {
			t.Errorf("%d bytes of the second message: %d messages, error %v", i, len(got), err)
		}
	}
}

func TestEventStreamDamaged(t *testing.T) {
	one := decoded(t, delta)
	for bit := range len(one) * 8 {
		bad := slices.Clone(one)
		bad[bit/8] ^= 1 << (bit % 8)
		var s EventStream
		got, err := read(&s, bad)
		if len(got) > 0 || err == nil {
			t.Fatalf("bit %d: %v, error %v", bit, got, err)
		}
		if got, _ := read(&s, one); len(got) > 0 {
			t.Fatalf("bit %d: went on with %v", bit, got)
		}
	}
}

func TestEventStreamBound(t *testing.T) {
	s := EventStream{Max: 200}
	in := message(t, string(make([]byte, 300)), ":message-type", "event")
	s.Push(in[:prelude], false)
	if s.Next(new(Message)) || !errors.Is(s.Err(), ErrTooLong) {
		t.Errorf("error %v before the message has come", s.Err())
	}
	if s.Held() != 0 {
		t.Errorf("%d bytes kept", s.Held())
	}
	s.Reset()
	if got, err := read(&s, decoded(t, delta)); len(got) != 1 || err != nil {
		t.Errorf("after Reset: %v, error %v", got, err)
	}
}

func TestEventStreamAllocatesNothing(t *testing.T) {
	in := decoded(t, delta)
	var s EventStream
	var m Message
	n := testing.AllocsPerRun(100, func() {
		s.Push(in[:50], false)
		s.Next(&m)
		s.Push(in[50:], false)
		if !s.Next(&m) || s.Next(&m) {
			t.Fatal("not one message")
		}
	})
	if n > 0 {
		t.Errorf("%v allocations per message", n)
	}
}

// FuzzEventStream holds the messages of any bytes against AWS's own decoder.
func FuzzEventStream(f *testing.F) {
	f.Add(decoded(f, delta), 5)
	f.Add(decoded(f, throttled), 100)
	f.Add(slices.Concat(decoded(f, delta), message(f, "{}")), 150)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		cut = max(0, min(cut, len(in)))
		var s EventStream
		got, err := read(&s, in[:cut], in[cut:])
		r, d := bytes.NewReader(in), eventstream.NewDecoder()
		for i := 0; ; i++ {
			m, oracle := d.Decode(r, nil)
			if oracle != nil {
				if len(got) > i {
					t.Fatalf("message %d: %v, where AWS has %v", i, got[i], oracle)
				}
				return
			}
			if i >= len(got) {
				// AWS reads lengths that are out of its own bounds, and names that are empty.
				if err == nil {
					t.Fatalf("message %d is missing: %v", i, m)
				}
				return
			}
			if kind := m.Headers.Get(":message-type"); kind != nil && kind.String() == "event" && got[i].Data != string(m.Payload) {
				t.Fatalf("message %d: %q, where AWS has %q", i, got[i].Data, m.Payload)
			}
		}
	})
}
