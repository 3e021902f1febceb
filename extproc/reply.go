package extproc

import (
	"iter"
	"math"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"llmroute/telemetry"
)

// reply is one ProcessingResponse. This file is the only place that knows its
// wire form. The zero value continues without a change.
//
// A reply borrows its strings and bytes until it has been marshalled, except
// for a large body (see givesAway): gRPC writes that later and then reuses its
// memory.
type reply struct {
	phase phase // which message this answers

	set        []setHeader
	remove     []string
	body       []byte
	replaced   bool // the body becomes body, even when that is empty
	replace    bool // CONTINUE_AND_REPLACE: the reply's headers and body are all there is
	clearRoute bool

	override  responseMode              // for the rest of the reply
	metadata  iter.Seq[telemetry.Label] // what goes along as dynamic metadata; nil for nothing
	immediate int                       // the HTTP status to answer with instead; 0 for none
	details   string                    // response.code_details of an immediate reply
}

// setHeader overwrites one header.
type setHeader struct{ name, value string }

// responseMode says how Envoy is to show the response body.
type responseMode uint8

const (
	modeConfigured responseMode = iota // as configured: BUFFERED
	modeNone
	modeStreamed
	modeBuffered
)

func (r *reply) reset(p phase) {
	*r = reply{phase: p, set: r.set[:0], remove: r.remove[:0]}
}

func (r *reply) setHeader(name, value string) {
	r.set = append(r.set, setHeader{name, value})
}

// Field numbers of envoy.service.ext_proc.v3 that are not said where they are used.
const (
	fieldImmediate     = 7
	fieldMetadata      = 8
	fieldModeOverride  = 9
	fieldCommonStatus  = 1
	fieldCommonHeaders = 2
	fieldCommonBody    = 3
	fieldCommonClear   = 5
)

// Enum values of the same.
const (
	continueAndReplace = 1
	modeSend           = 1
	modeSkip           = 2
	bodyNone           = 0
	bodyStreamed       = 1
	bodyBuffered       = 2
	appendOverwrite    = 2 // OVERWRITE_IF_EXISTS_OR_ADD
)

const metadataNamespace = "io.envoy.ai_gateway"

// handOver is the size from which a body is not copied into the message but
// follows it in a buffer of its own.
const handOver = 16 << 10

// givesAway reports whether gRPC gets the body's memory for good. The memory of
// an event stream's pieces is worth more to the next piece, so it is kept, up to
// what a stream may keep.
func (r *reply) givesAway() bool {
	if r.phase == phaseResponseBody {
		return len(r.body) > keepScratch
	}
	return len(r.body) >= handOver
}

// responseField is the reply oneof's field for a message of phase p.
func responseField(p phase) protowire.Number {
	switch p {
	case phaseRequestHeaders:
		return 1
	case phaseResponseHeaders:
		return 2
	case phaseRequestBody:
		return 3
	case phaseResponseBody:
		return 4
	case phaseRequestTrailers:
		return 5
	default:
		return 6
	}
}

// marshal encodes the reply. The body comes last in every message it is part
// of, so that a large one can follow as a buffer of its own, uncopied.
func (r *reply) marshal() mem.BufferSlice {
	inline, tail := r.body, 0
	if r.givesAway() {
		inline, tail = nil, len(r.body)
	}
	first := bodies.Get(r.sizeHint() + len(inline))
	w := writer{b: (*first)[:0], tail: tail}
	if r.metadata != nil {
		w.metadata(r.metadata)
	}
	switch {
	case r.immediate != 0:
		r.writeImmediate(&w, inline)
	default:
		if r.override != modeConfigured {
			w.override(r.override)
		}
		r.writeContinue(&w, inline)
	}
	// Whether it grew or not, there is one buffer, and it is w's.
	*first = w.b
	if tail == 0 {
		return mem.BufferSlice{mem.NewBuffer(first, &bodies)}
	}
	given := r.body // only what is given away needs a place on the heap
	return mem.BufferSlice{mem.NewBuffer(first, &bodies), mem.NewBuffer(&given, &bodies)}
}

func (r *reply) sizeHint() int {
	n := 256 // metadata, override, framing
	for i := range r.set {
		n += len(r.set[i].name) + len(r.set[i].value) + 20
	}
	for _, name := range r.remove {
		n += len(name) + 8
	}
	if r.metadata != nil {
		n += 768
	}
	return n
}

func (r *reply) writeContinue(w *writer, inline []byte) {
	outer := w.open(responseField(r.phase))
	if r.phase == phaseRequestTrailers || r.phase == phaseResponseTrailers {
		w.closeBefore(outer)
		return
	}
	if len(r.set) == 0 && len(r.remove) == 0 && !r.replaced && !r.clearRoute {
		w.closeBefore(outer)
		return
	}
	common := w.open(1)
	if r.replace {
		w.varint(fieldCommonStatus, continueAndReplace)
	}
	r.writeHeaders(w, fieldCommonHeaders)
	if r.clearRoute {
		w.varint(fieldCommonClear, 1)
	}
	if !r.replaced {
		w.closeBefore(common)
		w.closeBefore(outer)
		return
	}
	mutation := w.open(fieldCommonBody)
	if len(r.body) == 0 {
		w.varint(2, 1) // clear_body
		w.closeBefore(mutation)
		w.closeBefore(common)
		w.closeBefore(outer)
		return
	}
	w.bytes(1, inline, len(r.body))
	w.closeAround(mutation)
	w.closeAround(common)
	w.closeAround(outer)
}

func (r *reply) writeImmediate(w *writer, inline []byte) {
	outer := w.open(fieldImmediate)
	status := w.open(1)
	w.varint(1, uint64(r.immediate))
	w.closeBefore(status)
	r.writeHeaders(w, 2)
	w.text(5, r.details)
	if len(r.body) == 0 {
		w.closeBefore(outer)
		return
	}
	w.bytes(3, inline, len(r.body))
	w.closeAround(outer)
}

// writeHeaders writes a HeaderMutation. Both ways of saying "overwrite" are
// written: Envoy's ext_proc honours the deprecated append, whose absence means
// false, and may come to honour append_action, whose absence means append.
func (r *reply) writeHeaders(w *writer, num protowire.Number) {
	if len(r.set) == 0 && len(r.remove) == 0 {
		return
	}
	mutation := w.open(num)
	for i := range r.set {
		option := w.open(1)
		h := w.open(1)
		w.text(1, r.set[i].name)
		w.text(3, r.set[i].value) // raw_value
		w.closeBefore(h)
		w.varint(3, appendOverwrite)
		w.closeBefore(option)
	}
	for _, name := range r.remove {
		w.text(2, name)
	}
	w.closeBefore(mutation)
}

// writer appends protobuf fields. A length that is not yet known is left four
// bytes of room and patched when its message closes; protobuf allows a varint
// to be longer than it need be.
type writer struct {
	b    []byte
	tail int // bytes of body that follow b in another buffer
}

const lengthRoom = 4 // bytes of varint: 2^28-1, above any message limit

func (w *writer) open(num protowire.Number) (mark int) {
	w.b = protowire.AppendTag(w.b, num, protowire.BytesType)
	w.b = append(w.b, 0, 0, 0, 0)
	return len(w.b)
}

// closeBefore ends a message that lies before the tail.
func (w *writer) closeBefore(mark int) { w.patch(mark, len(w.b)-mark) }

// closeAround ends a message that the tail is part of.
func (w *writer) closeAround(mark int) { w.patch(mark, len(w.b)-mark+w.tail) }

func (w *writer) patch(mark, n int) {
	room := w.b[mark-lengthRoom : mark]
	for i := range lengthRoom - 1 {
		room[i] = byte(n)&0x7f | 0x80
		n >>= 7
	}
	room[lengthRoom-1] = byte(n)
}

func (w *writer) varint(num protowire.Number, v uint64) {
	w.b = protowire.AppendTag(w.b, num, protowire.VarintType)
	w.b = protowire.AppendVarint(w.b, v)
}

func (w *writer) text(num protowire.Number, s string) {
	w.b = protowire.AppendTag(w.b, num, protowire.BytesType)
	w.b = protowire.AppendString(w.b, s)
}

// bytes writes a field of n bytes, of which inline is what follows at once: all
// of it, or nothing when it is the tail.
func (w *writer) bytes(num protowire.Number, inline []byte, n int) {
	w.b = protowire.AppendTag(w.b, num, protowire.BytesType)
	w.b = protowire.AppendVarint(w.b, uint64(n))
	w.b = append(w.b, inline...)
}

// override writes the mode_override. In it an unset body mode means NONE, so
// every mode that is configured is said again.
func (w *writer) override(m responseMode) {
	o := w.open(fieldModeOverride)
	w.varint(2, modeSend)     // response_header_mode
	w.varint(3, bodyBuffered) // request_body_mode
	switch m {
	case modeNone, modeConfigured:
		w.varint(4, bodyNone)
	case modeStreamed:
		w.varint(4, bodyStreamed)
	case modeBuffered:
		w.varint(4, bodyBuffered)
	}
	w.varint(5, modeSkip)
	w.varint(6, modeSkip)
	w.closeBefore(o)
}

// metadata writes dynamic_metadata: Struct{namespace: Struct{key: value, ...}}.
func (w *writer) metadata(labels iter.Seq[telemetry.Label]) {
	outer := w.open(fieldMetadata)
	entry := w.open(1)
	w.text(1, metadataNamespace)
	val := w.open(2)
	inner := w.open(5) // struct_value
	for l := range labels {
		w.label(l)
	}
	w.closeBefore(inner)
	w.closeBefore(val)
	w.closeBefore(entry)
	w.closeBefore(outer)
}

// label appends one field of a google.protobuf.Struct.
func (w *writer) label(l telemetry.Label) {
	entry := w.open(1)
	w.text(1, l.Key)
	v := w.open(2)
	if l.Text != "" {
		w.text(3, l.Text)
	} else {
		w.b = protowire.AppendTag(w.b, 2, protowire.Fixed64Type)
		w.b = protowire.AppendFixed64(w.b, math.Float64bits(l.Number))
	}
	w.closeBefore(v)
	w.closeBefore(entry)
}
