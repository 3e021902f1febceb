package telemetry

import (
	"bytes"
	"context"
	"io"
	"sync"
)

// writerSize is how much a Writer holds for a slow reader: some 2,000 lines.
const writerSize = 1 << 20

// Writer is an io.Writer that never waits: it takes lines at once and writes
// them, in order and many at a time when they come fast, from a goroutine of
// its own. When what it writes to is slow it holds up to 1 MiB, then drops
// whole lines and counts them; when that stops for ever, as a pipe does that
// nobody reads, exchanges go on and their lines are lost.
//
// What was taken and not yet written is lost when the process dies without
// Close. A Writer is safe for concurrent use.
type Writer struct {
	out io.Writer

	mu      sync.Mutex
	wake    sync.Cond // there is something to write, or the end has come
	moved   sync.Cond // written has grown
	pending []byte
	spare   []byte // the buffer of the round before
	taken   int64  // bytes, since the start
	written int64  // bytes, in vain or not
	dropped int64  // lines
	closed  bool

	done chan struct{}
}

// NewWriter returns a Writer to out, which nothing else should write to. The
// caller closes it.
func NewWriter(out io.Writer) *Writer {
	w := &Writer{out: out, done: make(chan struct{})}
	w.wake.L, w.moved.L = &w.mu, &w.mu
	go w.run()
	return w
}

// Write takes p, one or more whole lines, or drops it. It reports success
// either way: there is nobody to tell that a log is full but the metric of
// dropped lines. After Close it drops.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.pending)+len(p) > writerSize {
		w.dropped += lines(p)
		return len(p), nil
	}
	w.pending = append(w.pending, p...)
	w.taken += int64(len(p))
	w.wake.Signal()
	return len(p), nil
}

// Dropped returns how many lines were lost since the start.
func (w *Writer) Dropped() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dropped
}

// Flush returns when what was taken before it has been written, however long
// that takes.
func (w *Writer) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for upTo := w.taken; w.written < upTo; {
		w.moved.Wait()
	}
}

// Close writes what is left and ends the Writer, or gives up when ctx does:
// then one goroutine stays behind in a write that does not return. Closing
// again is harmless.
func (w *Writer) Close(ctx context.Context) error {
	w.mu.Lock()
	w.closed = true
	w.wake.Signal()
	w.mu.Unlock()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *Writer) run() {
	defer close(w.done)
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		for len(w.pending) == 0 {
			if w.closed {
				return
			}
			w.wake.Wait()
		}
		batch := w.pending
		w.pending, w.spare = w.spare[:0], nil
		w.mu.Unlock()
		n, err := w.out.Write(batch)
		w.mu.Lock()
		if err != nil {
			w.dropped += lines(batch[n:])
		}
		w.written += int64(len(batch))
		w.spare = batch
		w.moved.Broadcast()
	}
}

func lines(p []byte) int64 { return int64(bytes.Count(p, []byte{'\n'})) }
