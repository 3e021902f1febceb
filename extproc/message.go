package extproc

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// phase is the kind of message Envoy sent: the field number of the request
// oneof in envoy.service.ext_proc.v3.ProcessingRequest.
type phase uint8

const (
	phaseNone             phase = 0
	phaseRequestHeaders   phase = 2
	phaseResponseHeaders  phase = 3
	phaseRequestBody      phase = 4
	phaseResponseBody     phase = 5
	phaseRequestTrailers  phase = 6
	phaseResponseTrailers phase = 7
)

func (p phase) String() string {
	switch p {
	case phaseRequestHeaders:
		return "request headers"
	case phaseResponseHeaders:
		return "response headers"
	case phaseRequestBody:
		return "request body"
	case phaseResponseBody:
		return "response body"
	case phaseRequestTrailers:
		return "request trailers"
	case phaseResponseTrailers:
		return "response trailers"
	default:
		return "nothing"
	}
}

// message is the part of a ProcessingRequest that an exchange reads. Decoding
// it by hand spares the fifty allocations that a header message costs with
// generated code; a fuzz test holds the two to the same result.
//
// Everything in it aliases buf: it is good until release.
type message struct {
	phase   phase
	last    bool // end_of_stream
	headers headers
	body    []byte
	attrs   attributes
	config  *bodyModes // only in the first message of a stream, else nil
	buf     mem.Buffer
	modes   bodyModes // what config points at, so that it need not be allocated
}

// bodyModes is protocol_config: the body modes that the filter is configured with.
type bodyModes struct{ request, response uint64 }

// attributes are the response attributes that our envoy.yaml asks for.
type attributes struct {
	details  string // response.code_details
	cluster  string // xds.cluster_name
	backend  string // the endpoint's metadata: who really answered
	attempts int    // upstream.request_attempt_count
}

// release gives the message's memory back. What aliases it must not be used any more.
func (m *message) release() {
	if m.buf != nil {
		m.buf.Free()
	}
	list := m.headers.list[:0]
	*m = message{}
	m.headers.list = list
}

var errMessage = errors.New("malformed ProcessingRequest")

// decode reads a ProcessingRequest. Unknown fields are skipped on purpose:
// newer Envoys may send what we do not know.
func (m *message) decode(b []byte) error {
	return fields(b, func(tag uint64, v value) error {
		switch tag {
		case 2<<3 | wireBytes, 3<<3 | wireBytes:
			m.phase = phase(tag >> 3)
			return m.decodeHeaders(v.bytes)
		case 4<<3 | wireBytes, 5<<3 | wireBytes:
			m.phase = phase(tag >> 3)
			return m.decodeBody(v.bytes)
		case 6<<3 | wireBytes, 7<<3 | wireBytes:
			m.phase = phase(tag >> 3)
			return nil
		case 9<<3 | wireBytes:
			return m.decodeAttributes(v.bytes)
		case 11<<3 | wireBytes:
			m.config = &m.modes
			return m.modes.decode(v.bytes)
		default:
			return nil
		}
	})
}

func (m *message) decodeHeaders(b []byte) error {
	return fields(b, func(tag uint64, v value) error {
		switch tag {
		case 1<<3 | wireBytes:
			return m.headers.decode(v.bytes)
		case 3<<3 | wireVarint:
			m.last = v.varint != 0
		}
		return nil
	})
}

func (m *message) decodeBody(b []byte) error {
	return fields(b, func(tag uint64, v value) error {
		switch tag {
		case 1<<3 | wireBytes:
			m.body = v.bytes
		case 2<<3 | wireVarint:
			m.last = v.varint != 0
		}
		return nil
	})
}

func (c *bodyModes) decode(b []byte) error {
	return fields(b, func(tag uint64, v value) error {
		switch tag {
		case 1<<3 | wireVarint:
			c.request = v.varint
		case 2<<3 | wireVarint:
			c.response = v.varint
		}
		return nil
	})
}

// decodeAttributes reads one entry of map<string, Struct> attributes; the
// struct maps the text of each attribute expression to its value.
func (m *message) decodeAttributes(b []byte) error {
	return fields(b, func(tag uint64, v value) error {
		if tag != 2<<3|wireBytes {
			return nil
		}
		return fields(v.bytes, func(tag uint64, v value) error {
			if tag != 1<<3|wireBytes {
				return nil
			}
			return m.decodeAttribute(v.bytes)
		})
	})
}

func (m *message) decodeAttribute(b []byte) error {
	var name, text string
	var number float64
	err := fields(b, func(tag uint64, v value) error {
		switch tag {
		case 1<<3 | wireBytes:
			name = view(v.bytes)
		case 2<<3 | wireBytes: // google.protobuf.Value
			return fields(v.bytes, func(tag uint64, v value) error {
				switch tag {
				case 2<<3 | wireFixed64:
					number = v.double()
				case 3<<3 | wireBytes:
					text = view(v.bytes)
				}
				return nil
			})
		}
		return nil
	})
	switch name {
	case attrDetails:
		m.attrs.details = text
	case attrCluster:
		m.attrs.cluster = text
	case attrBackend:
		m.attrs.backend = text
	case attrAttempts:
		m.attrs.attempts = int(number)
	}
	return err
}

// The attribute expressions of our envoy.yaml, which are also their names.
const (
	attrDetails  = "response.code_details"
	attrCluster  = "xds.cluster_name"
	attrBackend  = "xds.upstream_host_metadata.filter_metadata['llmroute']['backend']"
	attrAttempts = "upstream.request_attempt_count"
)

// A field is recognised by its tag, number and wire type together: one of a
// known number but another wire type is an unknown field.
const (
	wireVarint  = uint64(protowire.VarintType)
	wireFixed64 = uint64(protowire.Fixed64Type)
	wireBytes   = uint64(protowire.BytesType)
)

// value is one protobuf field's value, as far as its wire type has it.
type value struct {
	bytes   []byte
	varint  uint64
	fixed64 uint64
}

// fields calls f for each field of a protobuf message.
func fields(b []byte, f func(tag uint64, v value) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("%w: %w", errMessage, protowire.ParseError(n))
		}
		b = b[n:]
		var v value
		switch typ {
		case protowire.BytesType:
			v.bytes, n = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			v.varint, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			v.fixed64, n = protowire.ConsumeFixed64(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return fmt.Errorf("%w: %w", errMessage, protowire.ParseError(n))
		}
		b = b[n:]
		if err := f(uint64(num)<<3|uint64(typ), v); err != nil {
			return err
		}
	}
	return nil
}
