package extproc

import (
	"math"
	"unsafe"
)

// headers is a read-only view of Envoy's header list. Repeats are kept, in
// order; names are lower case, as Envoy sends them. Like the message it is part
// of, it aliases the received bytes.
type headers struct {
	list []header
}

type header struct{ name, value string }

// Get returns the first value of a lower-case name, or "". It implements
// translator.Headers.
func (h *headers) Get(name string) string {
	for i := range h.list {
		if h.list[i].name == name {
			return h.list[i].value
		}
	}
	return ""
}

// Has reports whether any field of the lower-case name has exactly this value.
// It implements router.Headers.
func (h *headers) Has(name, value string) bool {
	for i := range h.list {
		if h.list[i].name == name && h.list[i].value == value {
			return true
		}
	}
	return false
}

// decode appends the fields of an envoy.config.core.v3.HeaderMap.
func (h *headers) decode(b []byte) error {
	return fields(b, func(tag uint64, v value) error {
		if tag != 1<<3|wireBytes {
			return nil
		}
		var f header
		err := fields(v.bytes, func(tag uint64, v value) error {
			switch tag {
			case 1<<3 | wireBytes:
				f.name = view(v.bytes)
			case 2<<3 | wireBytes, 3<<3 | wireBytes: // value, or raw_value since Envoy 1.27; never both
				f.value = view(v.bytes)
			}
			return nil
		})
		h.list = append(h.list, f)
		return err
	})
}

// view returns b as a string without copying. It is good as long as b is left
// alone, which for a message means until its release.
func view(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // a copy per header is what this saves; message.release ends its use
}

func (v value) double() float64 { return math.Float64frombits(v.fixed64) }
