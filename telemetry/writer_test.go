package telemetry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// stuck is a reader that has stopped: Write returns when it is let go.
type stuck struct {
	letGo chan struct{}
	got   bytes.Buffer
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.letGo
	return s.got.Write(p)
}

func TestWriterKeepsOrderAndEveryLine(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	var want strings.Builder
	for i := range 5000 {
		line := fmt.Sprintf("line %d\n", i)
		want.WriteString(line)
		if n, err := w.Write([]byte(line)); n != len(line) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
		if i%100 == 0 {
			w.Flush() // a reader that keeps up
			if out.Len() != want.Len() {
				t.Fatalf("after Flush %d bytes, want %d", out.Len(), want.Len())
			}
		}
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out.String() != want.String() {
		t.Errorf("%d bytes written, want %d in order", out.Len(), want.Len())
	}
	if n := w.Dropped(); n != 0 {
		t.Errorf("%d lines dropped", n)
	}
}

func TestWriterNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{letGo: make(chan struct{})}
		w := NewWriter(out)
		line := []byte(strings.Repeat("x", 1023) + "\n")
		// One line is on its way and stuck; what it blocks fills the rest.
		w.Write(line)
		synctest.Wait()
		const more = 3 * writerSize / 1024
		for range more {
			w.Write(line)
		}
		if got, want := w.Dropped(), int64(more-writerSize/1024); got != want {
			t.Errorf("%d lines dropped, want %d", got, want)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close of a stuck writer = %v, want a deadline", err)
		}
		close(out.letGo)
		if err := w.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if got, want := out.got.Len(), writerSize+len(line); got != want {
			t.Errorf("%d bytes written, want %d", got, want)
		}
		dropped := w.Dropped()
		w.Write(line)
		if w.Dropped() != dropped+1 {
			t.Error("a line after Close was not counted as dropped")
		}
	})
}

// broken fails after taking some bytes, as a full disk does.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 3, errors.New("no space left on device") }

func TestWriterCountsWhatWasNotWritten(t *testing.T) {
	w := NewWriter(broken{})
	w.Write([]byte("a\nb\nc\n"))
	w.Flush()
	if got := w.Dropped(); got != 2 {
		t.Errorf("%d lines dropped, want the 2 that were not written", got)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestWriterHammer(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				fmt.Fprintf(w, "%d %d\n", g, i)
				if i%50 == 0 {
					w.Flush()
				}
			}
		})
	}
	wg.Wait()
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(out.Bytes(), []byte{'\n'}); int64(got)+w.Dropped() != 4000 {
		t.Errorf("%d lines written and %d dropped of 4000", got, w.Dropped())
	}
}
