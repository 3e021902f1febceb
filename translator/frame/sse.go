package frame

import "bytes"

// MaxEvent bounds one server-sent event in bytes unless SSE.Max says otherwise.
// Images travel in events; the official clients stop at about the same size.
const MaxEvent = 32 << 20

// SSE splits server-sent events (the text/event-stream of WHATWG's HTML) out of
// pushed chunks. Lines may end in LF, CRLF or CR, mixed at will; a byte order
// mark may stand in front; the last event may lack its blank line.
//
// The zero value is ready to use. It grows to the largest event that was cut
// and keeps that memory until Reset. It is for one goroutine.
//
//	s.Push(chunk, last)
//	for s.Next(&ev) {
//		...
//	}
//	if err := s.Err(); err != nil {
//		...
//	}
type SSE struct {
	// Max bounds an event in bytes; 0 means MaxEvent.
	Max int

	in     []byte // what is being read: the caller's chunk, or tail and chunk
	tail   []byte // memory for what a chunk left unfinished
	joined []byte // memory for the data of an event that has several lines of it

	start int // of the event in in
	line  int // of the line in in
	at    int // before this there is no line end that was not seen yet
	// The next LF and CR at or behind at, so that a stream that uses only one
	// of them is not searched to its end for the other, line by line.
	lf, cr int

	held   bool // in is tail
	last   bool
	begun  bool // the first event has been returned
	pushed bool
	err    error
}

// Event is one server-sent event. Its slices point into what was pushed, or
// into memory of the SSE, and are good until the next call of Next or Push.
type Event struct {
	// Raw is everything between the previous event and the next, the blank line
	// that ends this one included. Concatenated, the events are the stream.
	Raw []byte
	// Name is the value of the event field, empty when there was none.
	Name []byte
	// Data is the value of the data field, nil when there was none: a comment,
	// a blank line too many. Several are joined by newlines.
	Data []byte
	// At is where Data stands in Raw, or -1 when it was joined.
	At int
	// Torn says that the stream ended before the event's blank line.
	Torn bool
}

// Push hands over the next chunk of the stream. The chunk is borrowed until
// Next has returned false. last says that nothing follows.
func (s *SSE) Push(chunk []byte, last bool) {
	s.in, s.held = chunk, len(s.tail) > 0
	if s.held {
		s.tail = append(s.tail, chunk...)
		s.in = s.tail
	}
	s.last, s.pushed = last, true
	s.lf, s.cr = -1, -1
}

// Next fills ev with the next complete event and reports whether there was one.
// After the last chunk it also returns what is left, as a torn event.
func (s *SSE) Next(ev *Event) bool {
	if s.err != nil || !s.pushed {
		return false
	}
	for {
		end, next, ok := s.lineEnd()
		if !ok {
			break
		}
		blank := end == s.line
		s.line, s.at = next, next
		if blank {
			s.emit(ev, next, false)
			return true
		}
	}
	if s.last && s.start < len(s.in) {
		s.emit(ev, len(s.in), true)
		s.line, s.at = s.start, s.start
		return true
	}
	s.keep()
	return false
}

// Err returns ErrTooLong once an event has grown over the limit. There is no
// way on from there.
func (s *SSE) Err() error { return s.err }

// Held returns how many bytes of an unfinished event are being kept.
func (s *SSE) Held() int {
	if s.pushed {
		return len(s.in) - s.start
	}
	return len(s.tail)
}

// Reset makes s ready for another stream. It keeps its memory for that, but
// for what an unusually large event made it take.
func (s *SSE) Reset() {
	const enough = 64 << 10
	tail, joined := s.tail[:0], s.joined[:0]
	if cap(tail) > enough {
		tail = nil
	}
	if cap(joined) > enough {
		joined = nil
	}
	*s = SSE{Max: s.Max, tail: tail, joined: joined}
}

// lineEnd returns where the current line ends and the next one starts. A CR at
// the very end of what is known waits: an LF behind it belongs to it, and to
// guess would let the cut show.
func (s *SSE) lineEnd() (end, next int, ok bool) {
	s.lf = s.find(s.lf, '\n')
	s.cr = s.find(s.cr, '\r')
	switch i := min(s.lf, s.cr); {
	case i == len(s.in):
		s.at = i
		return 0, 0, false
	case i == s.lf:
		return i, i + 1, true
	case i+1 < len(s.in) && s.in[i+1] == '\n':
		return i, i + 2, true
	case i+1 < len(s.in) || s.last:
		return i, i + 1, true
	default:
		s.at = i
		return 0, 0, false
	}
}

// find returns the first c at or behind s.at, or the end; known is what it
// returned before.
func (s *SSE) find(known int, c byte) int {
	if known >= s.at {
		return known
	}
	if n := bytes.IndexByte(s.in[s.at:], c); n >= 0 {
		return s.at + n
	}
	return len(s.in)
}

// keep saves what a chunk left unfinished, and lets go of the chunk.
func (s *SSE) keep() {
	rest := s.in[s.start:]
	limit := s.Max
	if limit == 0 {
		limit = MaxEvent
	}
	if len(rest) > limit {
		s.err = ErrTooLong
	}
	switch {
	case !s.held:
		s.tail = append(s.tail[:0], rest...)
	case s.start > 0:
		s.tail = s.tail[:copy(s.tail, rest)]
	}
	s.line -= s.start
	s.at -= s.start
	s.start = 0
	s.in, s.pushed = nil, false
}

// emit fills ev with the event that ends at end.
func (s *SSE) emit(ev *Event, end int, torn bool) {
	*ev = Event{Raw: s.in[s.start:end], At: -1, Torn: torn}
	s.start = end
	s.parse(ev)
	s.begun = true
}

var mark = []byte("\xEF\xBB\xBF")

// parse reads the fields of ev. Most events are one data line.
func (s *SSE) parse(ev *Event) {
	raw := ev.Raw
	at := 0
	if !s.begun && bytes.HasPrefix(raw, mark) {
		at = len(mark)
	}
	for lf, lines := -1, 0; at < len(raw); {
		if lf < at {
			if lf = bytes.IndexByte(raw[at:], '\n') + at; lf < at {
				lf = len(raw)
			}
		}
		end, next := lf, min(lf+1, len(raw))
		if cr := bytes.IndexByte(raw[at:lf], '\r'); cr >= 0 {
			if end = at + cr; end+1 < lf {
				next = end + 1 // a CR by itself; before lf it is half of a CRLF
			}
		}
		name, value := field(raw[at:end])
		at = next
		switch string(name) {
		case "data":
			if lines++; lines == 1 {
				ev.Data, ev.At = raw[end-len(value):end:end], end-len(value)
				break
			}
			if lines == 2 {
				s.joined = append(s.joined[:0], ev.Data...)
			}
			s.joined = append(append(s.joined, '\n'), value...)
			ev.Data, ev.At = s.joined, -1
		case "event":
			ev.Name = value
		}
	}
}

// field splits a line into its name and value. A comment has an empty name; a
// line without a colon is all name.
func field(line []byte) (name, value []byte) {
	name, value, _ = bytes.Cut(line, []byte{':'})
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	return name, value
}
