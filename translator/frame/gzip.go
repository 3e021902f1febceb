package frame

import (
	"compress/gzip"
	"errors"
	"io"
	"iter"
)

// MaxUnpacked bounds in bytes what one chunk may unpack to. A chunk can hold a
// thousand times its own size.
const MaxUnpacked = 64 << 20

// Gzip unpacks a gzip stream out of pushed chunks. Whatever the sender has flushed
// comes out of the chunk it came in.
//
// The standard library's decoder pulls, so it runs as a coroutine that is left
// where it finds nothing more to read. Close, or reading to the end, lets go of
// it: whoever has pushed something must do one or the other. No two goroutines
// ever run at a time.
//
// The zero value is ready to use, as [SSE] is.
type Gzip struct {
	in   []byte
	last bool
	left int // bytes this chunk may still unpack to
	next func() ([]byte, bool)
	stop func()
	done bool // next has nothing more to give
	err  error
}

// Push hands over the next chunk. It is borrowed until Next has returned false.
// last says that nothing follows.
func (g *Gzip) Push(chunk []byte, last bool) {
	g.in, g.last, g.left = chunk, last, MaxUnpacked
	if g.next == nil && !g.done && len(chunk) > 0 {
		g.next, g.stop = iter.Pull(g.unpack)
	}
}

// Next returns the next unpacked bytes, and false when the chunk has no more.
// They are good until the next call of Next, Push or Close.
func (g *Gzip) Next() (plain []byte, ok bool) {
	if g.next == nil {
		return nil, false
	}
	if plain, ok = g.next(); !ok {
		g.end(g.err)
	}
	if g.left -= len(plain); g.left < 0 {
		g.end(ErrTooLong)
		return nil, false
	}
	return plain, len(plain) > 0
}

// end lets go of the decoder.
func (g *Gzip) end(err error) {
	if g.stop != nil {
		g.stop()
	}
	*g = Gzip{done: true, err: err}
}

// Err returns what ended the stream before its time: ErrTooLong, ErrBroken or
// ErrCut.
func (g *Gzip) Err() error { return g.err }

// Close lets go of the decoder, and makes g ready for another stream.
func (g *Gzip) Close() {
	g.end(nil)
	g.done = false
}

// errClosed is what the decoder reads when nobody wants to know any more.
var errClosed = errors.New("gzip stream closed")

// unpack yields what it can read, and nothing when it needs another chunk. One
// gzip member may follow another; where one ends, what it held must not wait for
// the head of the next.
func (g *Gzip) unpack(yield func([]byte) bool) {
	src := &pushed{g: g, more: yield}
	buf := make([]byte, 32<<10)
	var z gzip.Reader
	err := z.Reset(src)
	for err == nil {
		z.Multistream(false)
		for err == nil {
			var n int
			if n, err = z.Read(buf); n > 0 && !yield(buf[:n]) {
				return
			}
		}
		if errors.Is(err, io.EOF) {
			if err = z.Reset(src); errors.Is(err, io.EOF) {
				return
			}
		}
	}
	if g.err = ErrBroken; errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		g.err = ErrCut
	}
}

// pushed is the stream as its decoder reads it: also byte by byte, so that
// nothing is asked for before it is needed.
type pushed struct {
	g    *Gzip
	more func([]byte) bool
}

// wait returns when there is something to read, or will never be.
func (p *pushed) wait() error {
	for len(p.g.in) == 0 {
		switch {
		case p.g.last:
			return io.EOF
		case !p.more(nil):
			return errClosed
		}
	}
	return nil
}

func (p *pushed) ReadByte() (byte, error) {
	if err := p.wait(); err != nil {
		return 0, err
	}
	b := p.g.in[0]
	p.g.in = p.g.in[1:]
	return b, nil
}

func (p *pushed) Read(dst []byte) (int, error) {
	if err := p.wait(); err != nil {
		return 0, err
	}
	n := copy(dst, p.g.in)
	p.g.in = p.g.in[n:]
	return n, nil
}
