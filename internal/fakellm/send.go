package fakellm

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"maps"
	"net"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"
)

// exchange is a reply on its way out, with the faults it was asked for.
type exchange struct {
	*call
	provider *provider
	ctx      context.Context
	w        http.ResponseWriter
	control  *http.ResponseController
	zip      *gzip.Writer // nil unless the body is compressed
	held     []byte       // what split keeps for the next write
}

// send carries out a reply. It does not return when a fault breaks it off.
func (p *provider) send(w http.ResponseWriter, r *http.Request, c *call, out *reply) {
	x := &exchange{call: c, provider: p, ctx: r.Context(), w: w, control: http.NewResponseController(w)}
	if c.err = x.begin(out); c.err != nil {
		return
	}
	h := w.Header()
	maps.Copy(h, c.dialect.header(c))
	maps.Copy(h, out.header)
	h.Set("Content-Type", out.contentType)
	if c.faults.trailers {
		h.Set("Trailer", "X-Fake-Trailer")
	}
	if c.faults.gzip {
		h.Set("Content-Encoding", "gzip")
		x.zip = gzip.NewWriter(w)
	}
	if out.events == nil {
		c.err = x.plain(out)
	} else {
		c.err = x.stream(out)
	}
	if c.err == nil && c.faults.trailers {
		h.Set("X-Fake-Trailer", "end")
	}
}

// begin does what faults want done before the headers.
func (x *exchange) begin(out *reply) error {
	f := &x.faults
	if err := sleep(x.ctx, f.slow); err != nil {
		return err
	}
	if err := x.after(0); err != nil {
		return err
	}
	if f.gate && out.events == nil {
		return x.provider.Gate.wait(x.ctx)
	}
	return nil
}

// after does what faults want done behind n events.
func (x *exchange) after(n int) error {
	switch n {
	case x.faults.reset:
		x.breakOff(true)
	case x.faults.hang:
		<-x.ctx.Done()
		return context.Cause(x.ctx)
	}
	return nil
}

// breakOff ends the exchange without a proper end: the connection is closed, or
// reset, or over HTTP/2 the stream is reset.
func (x *exchange) breakOff(reset bool) {
	x.err = ErrFault
	if reset {
		if conn, _, err := x.control.Hijack(); err == nil {
			if t, ok := conn.(*tls.Conn); ok {
				conn = t.NetConn()
			}
			if t, ok := conn.(*net.TCPConn); ok {
				_ = t.SetLinger(0) // closing sends RST then, not FIN
			}
			_ = conn.Close()
		}
	}
	panic(http.ErrAbortHandler)
}

// plain sends a reply that is no stream.
func (x *exchange) plain(out *reply) error {
	if x.faults.fail != never && out.status == 0 {
		out.body = x.dialect.spell(x.call, refusalOf(http.StatusInternalServerError)).body
	}
	body := out.body
	if x.zip == nil && !x.faults.chunked && !x.faults.trailers {
		x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	if out.status != 0 {
		x.w.WriteHeader(out.status)
	}
	if x.faults.cut != never {
		_ = x.write(body[:len(body)/2])
		x.breakOff(false)
	}
	if x.faults.chunked {
		half := len(body) / 2
		if err := x.write(body[:half]); err != nil {
			return err
		}
		body = body[half:]
	}
	if err := x.write(body); err != nil {
		return err
	}
	return x.end()
}

// stream sends a reply of events. Each is flushed: who reads it gets it before
// the next one is thought of.
func (x *exchange) stream(out *reply) error {
	x.w.Header().Set("Cache-Control", "no-cache")
	if err := x.control.Flush(); err != nil { // the headers go ahead of the first event
		return err
	}
	n := 0
	for ev := range out.events {
		if n == x.faults.fail {
			return x.fail(out, out.failure(refusalOf(http.StatusInternalServerError), n))
		}
		if n == x.faults.cut {
			x.breakOff(false)
		}
		if n > 0 {
			if err := x.wait(n, ev); err != nil {
				return err
			}
		}
		frame := x.frame(out, ev)
		switch n {
		case x.faults.short:
			return x.end()
		case x.faults.tear:
			_ = x.write(frame[:len(frame)/2])
			x.breakOff(false)
		case x.faults.flip:
			frame[len(frame)/2] ^= 1
		}
		if err := x.write(frame); err != nil {
			return err
		}
		n++
	}
	return x.end()
}

// fail ends a stream with the events that tell of an error.
func (x *exchange) fail(out *reply, events []event) error {
	for _, ev := range events {
		if err := x.write(x.frame(out, ev)); err != nil {
			return err
		}
	}
	return x.end()
}

// wait lets pass what must between the nth event and the one behind it.
func (x *exchange) wait(n int, ev event) error {
	if err := x.after(n); err != nil {
		return err
	}
	if x.faults.gate && n == 1 {
		if err := x.provider.Gate.wait(x.ctx); err != nil {
			return err
		}
	}
	pause := x.faults.pause
	if ev.word {
		pause = max(pause, x.provider.Delay)
	}
	return sleep(x.ctx, pause)
}

// frame spells an event.
func (x *exchange) frame(out *reply, ev event) []byte {
	if out.frame != nil {
		return out.frame(ev)
	}
	line := "\n"
	if x.faults.crlf {
		line = "\r\n"
	}
	b := make([]byte, 0, len(ev.name)+len(ev.data)+24)
	if ev.name != "" {
		b = append(append(append(b, "event: "...), ev.name...), line...)
	}
	b = append(append(append(b, "data: "...), ev.data...), line...)
	if ev.last && x.faults.noBlank {
		return b
	}
	return append(b, line...)
}

// write sends b and flushes it.
func (x *exchange) write(b []byte) error {
	if !x.faults.split {
		return x.push(b)
	}
	b = append(x.held, b...)
	x.held = nil
	for len(b) > 0 {
		n := awkward(b)
		if n == len(b) {
			// The end of the last line comes with what follows it.
			x.held = append([]byte(nil), b[n-1:]...)
			return x.push(b[:n-1])
		}
		if err := x.push(b[:n]); err != nil {
			return err
		}
		b = b[n:]
		// Without a pause the pieces would meet again in a buffer on the way.
		if err := sleep(x.ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// awkwardLength bounds how much of one write is cut on purpose: its end.
const awkwardLength = 4 << 10

// awkward returns where to cut b: inside the first character of several bytes,
// else after seven bytes. What is left of a long b goes in one piece.
func awkward(b []byte) int {
	if len(b) > awkwardLength {
		return len(b) - awkwardLength
	}
	for i := range b {
		if b[i] >= utf8.RuneSelf && i+1 < len(b) && !utf8.RuneStart(b[i+1]) && utf8.RuneStart(b[i]) {
			return i + 1
		}
	}
	return min(len(b), 7)
}

func (x *exchange) push(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if x.zip != nil {
		if _, err := x.zip.Write(b); err != nil {
			return err
		}
		if err := x.zip.Flush(); err != nil {
			return err
		}
	} else if _, err := x.w.Write(b); err != nil {
		return err
	}
	return x.control.Flush()
}

// end sends what is still held back.
func (x *exchange) end() error {
	if err := x.push(x.held); err != nil {
		return err
	}
	if x.zip != nil {
		return x.zip.Close()
	}
	return nil
}
