package frame

import (
	"encoding/binary"
	"hash/crc32"
)

// MaxMessage bounds one message of an event stream in bytes unless
// EventStream.Max says otherwise: what AWS itself bounds headers and payload to.
const MaxMessage = maxHeaders + 24<<20 + overhead

const (
	maxHeaders = 128 << 10
	prelude    = 12          // total length, headers' length, their checksum
	overhead   = prelude + 4 // and the message's checksum
	shortest   = overhead    // a message without headers and payload
	kindString = 7           // a header's value that is text
	checkEnd   = 4           // bytes of the checksum at the end
	sizes      = prelude - 4 // bytes of the prelude that its checksum covers
	lengthSize = 2           // bytes of the length of a text
)

// EventStream splits the messages of an AWS event stream
// (application/vnd.amazon.eventstream) out of pushed chunks. A message is
//
//	0   4   total length, this and both checksums included
//	4   4   length of the headers
//	8   4   CRC-32 of the eight bytes before
//	12  …   headers, then the payload
//	−4  4   CRC-32 of everything before
//
// with all numbers big-endian. Both checksums are checked: a provider that sends
// a damaged message has not said what the message says.
//
// The zero value is ready to use. It grows to the largest message that was cut
// and keeps that memory until Reset. It is for one goroutine, and is used as
// [SSE] is.
type EventStream struct {
	// Max bounds a message in bytes; 0 means MaxMessage.
	Max int

	in    []byte // what is being read: the caller's chunk, or tail and chunk
	tail  []byte // memory for what a chunk left unfinished
	name  []byte // memory for the name of a failure
	start int    // of the message in in

	held   bool // in is tail
	last   bool
	pushed bool
	err    error
}

// Message is one message of an event stream. Its slices point into what was
// pushed, or into memory of the EventStream, and are good until the next call of
// Next or Push.
type Message struct {
	// Raw is the whole message. Concatenated, the messages are the stream.
	Raw []byte
	// Name is the event's type. A message that is no event has the type of its
	// exception, or the code of its error, with an exclamation mark in front: no
	// event's type begins so, and one name is enough to tell them apart.
	Name []byte
	// Data is the payload; of an error that has none, its message, as plain text.
	Data []byte
}

// Push hands over the next chunk of the stream. The chunk is borrowed until
// Next has returned false. last says that nothing follows.
func (s *EventStream) Push(chunk []byte, last bool) {
	s.in, s.held = chunk, len(s.tail) > 0
	if s.held {
		s.tail = append(s.tail, chunk...)
		s.in = s.tail
	}
	s.last, s.pushed = last, true
}

// Next fills m with the next complete message and reports whether there was one.
func (s *EventStream) Next(m *Message) bool {
	if s.err != nil || !s.pushed {
		return false
	}
	rest := s.in[s.start:]
	total, err := s.measure(rest)
	if err == nil && total > 0 && total <= len(rest) {
		*m = Message{Raw: rest[:total:total]}
		if err = s.parse(m); err == nil {
			s.start += total
			return true
		}
	}
	if err == nil && s.last && len(rest) > 0 {
		err = ErrCut
	}
	s.err = err
	s.keep()
	return false
}

// Err returns what ended the stream before its time: ErrTooLong, ErrBroken or
// ErrCut.
func (s *EventStream) Err() error { return s.err }

// Held returns how many bytes of an unfinished message are being kept.
func (s *EventStream) Held() int {
	if s.pushed {
		return len(s.in) - s.start
	}
	return len(s.tail)
}

// Reset makes s ready for another stream. It keeps its memory for that, but for
// what an unusually large message made it take.
func (s *EventStream) Reset() {
	const enough = 64 << 10
	tail := s.tail[:0]
	if cap(tail) > enough {
		tail = nil
	}
	*s = EventStream{Max: s.Max, tail: tail, name: s.name[:0]}
}

// measure returns the length of the message at the front of b, 0 when its
// prelude is not complete. It trusts no length whose checksum it has not seen.
func (s *EventStream) measure(b []byte) (int, error) {
	if len(b) < prelude {
		return 0, nil
	}
	total, headers := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	if crc32.ChecksumIEEE(b[:sizes]) != binary.BigEndian.Uint32(b[sizes:]) {
		return 0, ErrBroken
	}
	limit := s.Max
	if limit == 0 {
		limit = MaxMessage
	}
	switch {
	case uint64(total) > uint64(limit) || headers > maxHeaders:
		return 0, ErrTooLong
	case total < shortest || headers > total-overhead:
		return 0, ErrBroken
	}
	return int(total), nil
}

// parse checks m.Raw, whose prelude is sound, and fills in the rest of m.
func (s *EventStream) parse(m *Message) error {
	end := len(m.Raw) - checkEnd
	if crc32.ChecksumIEEE(m.Raw[:end]) != binary.BigEndian.Uint32(m.Raw[end:]) {
		return ErrBroken
	}
	payload := prelude + int(binary.BigEndian.Uint32(m.Raw[4:]))
	var kind, event, exception, code, words []byte
	for h := (headers{rest: m.Raw[prelude:payload]}); ; {
		more, err := h.next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		switch string(h.name) {
		case ":message-type":
			kind = h.value
		case ":event-type":
			event = h.value
		case ":exception-type":
			exception = h.value
		case ":error-code":
			code = h.value
		case ":error-message":
			words = h.value
		}
	}
	m.Data = m.Raw[payload:end:end]
	switch string(kind) {
	case "event":
		m.Name = event
		return nil
	case "exception":
		code = exception
	}
	s.name = append(append(s.name[:0], '!'), code...)
	if m.Name = s.name; len(m.Data) == 0 {
		m.Data = words
	}
	return nil
}

// headers walks over the headers of a message.
type headers struct {
	rest        []byte
	name, value []byte // value is nil for what is no text
}

// sizeOf is the size of a header's value by its kind; −1 stands for a length in
// front of it. The kinds are true, false, four integers, bytes, text, a time and
// a UUID.
var sizeOf = [...]int{0, 0, 1, 2, 4, 8, -1, -1, 8, 16}

// next advances to the next header and reports whether there was one.
func (h *headers) next() (bool, error) {
	if len(h.rest) == 0 {
		return false, nil
	}
	n := int(h.rest[0])
	if len(h.rest) < 1+n+1 || n == 0 {
		return false, ErrBroken
	}
	h.name, h.value = h.rest[1:1+n], nil
	kind := int(h.rest[1+n])
	if h.rest = h.rest[1+n+1:]; kind >= len(sizeOf) {
		return false, ErrBroken
	}
	size := sizeOf[kind]
	if size < 0 {
		if len(h.rest) < lengthSize {
			return false, ErrBroken
		}
		size = int(binary.BigEndian.Uint16(h.rest))
		h.rest = h.rest[lengthSize:]
	}
	if len(h.rest) < size {
		return false, ErrBroken
	}
	if kind == kindString {
		h.value = h.rest[:size:size]
	}
	h.rest = h.rest[size:]
	return true, nil
}

// keep saves what a chunk left unfinished, and lets go of the chunk.
func (s *EventStream) keep() {
	rest := s.in[s.start:]
	switch {
	case s.err != nil:
		s.tail = s.tail[:0]
	case !s.held:
		s.tail = append(s.tail[:0], rest...)
	case s.start > 0:
		s.tail = s.tail[:copy(s.tail, rest)]
	}
	s.start = 0
	s.in, s.pushed = nil, false
}
