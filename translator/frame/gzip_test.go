package frame

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// packed returns the parts as one gzip stream, each flushed, and where each ends.
func packed(t testing.TB, parts ...string) (stream []byte, ends []int) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for _, p := range parts {
		if _, err := z.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
		if err := z.Flush(); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, b.Len())
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), ends
}

// unpack pushes the chunks and returns what came of them.
func unpack(g *Gzip, chunks ...[]byte) (string, error) {
	var out strings.Builder
	for i, c := range chunks {
		c = slices.Clone(c)
		g.Push(c, i == len(chunks)-1)
		for plain, ok := g.Next(); ok; plain, ok = g.Next() {
			out.Write(plain)
		}
		clear(c)
	}
	return out.String(), g.Err()
}

func TestGzipCutAnywhere(t *testing.T) {
	one, _ := packed(t, "data: one\n\n", "data: two\n\n", strings.Repeat("and so on ", 9000))
	two, _ := packed(t, "data: three\n\n")
	stream, want := slices.Concat(one, two), "data: one\n\ndata: two\n\n"+strings.Repeat("and so on ", 9000)+"data: three\n\n"
	var g Gzip
	for i := range len(stream) + 1 {
		got, err := unpack(&g, stream[:i], stream[i:])
		if err != nil || got != want {
			t.Fatalf("cut at %d: %d bytes of %d, %v", i, len(got), len(want), err)
		}
		g.Close()
	}
	got, err := unpack(&g, append(bytes.SplitAfter(stream, nil), nil)...)
	if err != nil || got != want {
		t.Fatalf("byte by byte: %d bytes of %d, %v", len(got), len(want), err)
	}
	g.Close()
	rapid.Check(t, func(r *rapid.T) {
		var chunks [][]byte
		for rest := stream; len(rest) > 0 && len(chunks) < 1000; {
			n := rapid.IntRange(0, min(len(rest), 60)).Draw(r, "n")
			chunks, rest = append(chunks, rest[:n]), rest[n:]
		}
		chunks = append(chunks, stream[len(slices.Concat(chunks...)):])
		if got, err := unpack(&g, chunks...); err != nil || got != want {
			r.Fatalf("%d bytes of %d, %v", len(got), len(want), err)
		}
		g.Close()
	})
}

// What the sender flushed is there at once, and not when more has come.
func TestGzipKeepsNothingBack(t *testing.T) {
	parts := []string{"data: one\n\n", "data: two\n\n", "data: three\n\n"}
	stream, ends := packed(t, parts...)
	var g Gzip
	defer g.Close()
	from := 0
	for i, part := range parts {
		g.Push(stream[from:ends[i]], false)
		if plain, ok := g.Next(); !ok || string(plain) != part {
			t.Fatalf("part %d: %q, %v", i, plain, ok)
		}
		if plain, ok := g.Next(); ok {
			t.Fatalf("part %d: and %q", i, plain)
		}
		from = ends[i]
	}
}

func TestGzipFails(t *testing.T) {
	stream, _ := packed(t, "data: one\n\n", "data: two\n\n")
	damaged := slices.Clone(stream)
	damaged[len(damaged)-5] ^= 1
	for name, tt := range map[string]struct {
		stream []byte
		want   error
	}{
		"cut":             {stream[:len(stream)-9], ErrCut},
		"cut in its head": {stream[:5], ErrCut},
		"damaged":         {damaged, ErrBroken},
		"not packed":      {[]byte("data: one\n\n"), ErrBroken},
	} {
		var g Gzip
		got, err := unpack(&g, tt.stream)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if more, again := unpack(&g, stream); more != "" || !errors.Is(again, tt.want) {
			t.Errorf("%s: went on with %q, %v", name, more, again)
		}
		if name == "damaged" && got != "data: one\n\ndata: two\n\n" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// A few bytes that hold very many end before these are all in memory.
func TestGzipBound(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for range MaxUnpacked>>20 + 1 {
		if _, err := z.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	var g Gzip
	n := 0
	g.Push(b.Bytes(), true)
	for plain, ok := g.Next(); ok; plain, ok = g.Next() {
		n += len(plain)
	}
	if n > MaxUnpacked || !errors.Is(g.Err(), ErrTooLong) {
		t.Errorf("%d bytes of %d, %v", n, b.Len(), g.Err())
	}
}

// A stream that is given up leaves nothing behind.
func TestGzipClose(t *testing.T) {
	stream, _ := packed(t, "data: one\n\n", "data: two\n\n")
	before := runtime.NumGoroutine()
	for range 100 {
		var g Gzip
		g.Push(stream[:len(stream)/2], false)
		g.Next()
		g.Close()
		whole, _ := packed(t, "whole")
		if got, err := unpack(&g, whole); got != "whole" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// FuzzGzip holds any bytes, cut anywhere, against the decoder that pulls.
func FuzzGzip(f *testing.F) {
	stream, ends := packed(f, "data: one\n\n", "data: two\n\n")
	f.Add(stream, 3)
	f.Add(slices.Concat(stream, stream), ends[0])
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		cut = max(0, min(cut, len(in)))
		var g Gzip
		defer g.Close()
		got, err := unpack(&g, in[:cut], in[cut:])
		var want []byte
		z, oracle := gzip.NewReader(bytes.NewReader(in))
		if oracle == nil {
			want, oracle = io.ReadAll(io.LimitReader(z, MaxUnpacked))
		}
		if len(in) == 0 || len(want) >= MaxUnpacked {
			return
		}
		if got != string(want) || (err == nil) != (oracle == nil) {
			t.Fatalf("cut at %d: %q, %v, want %q, %v", cut, got, err, want, oracle)
		}
	})
}
