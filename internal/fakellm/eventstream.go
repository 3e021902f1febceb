package fakellm

import (
	"encoding/binary"
	"hash/crc32"
)

// awsStream is the content type of AWS's own framing of events.
const awsStream = "application/vnd.amazon.eventstream"

type awsHeader struct{ name, value string }

// awsFrame spells a message of AWS's event stream: lengths and their checksum,
// headers, payload, and the checksum of all that.
func awsFrame(payload []byte, headers ...awsHeader) []byte {
	const stringType = 7
	var head []byte
	for _, h := range headers {
		head = append(append(head, byte(len(h.name))), h.name...)
		head = append(head, stringType)
		head = binary.BigEndian.AppendUint16(head, uint16(len(h.value)))
		head = append(head, h.value...)
	}
	const prelude, checksum = 12, 4
	total := prelude + len(head) + len(payload) + checksum
	b := make([]byte, 0, total)
	b = binary.BigEndian.AppendUint32(b, uint32(total))
	b = binary.BigEndian.AppendUint32(b, uint32(len(head)))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	b = append(append(b, head...), payload...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// awsEvent frames an event by its name, or the exception that it is.
func awsEvent(ev event) []byte {
	kind := "event"
	if ev.exception {
		kind = "exception"
	}
	return awsFrame(ev.data, awsHeader{":" + kind + "-type", ev.name}, awsHeader{":content-type", "application/json"}, awsHeader{":message-type", kind})
}

// awsChunk frames an event of the model's own API.
func awsChunk(ev event) []byte {
	if ev.exception {
		return awsEvent(ev)
	}
	return awsEvent(event{name: "chunk", data: encode(struct {
		Bytes   []byte `json:"bytes"`
		Padding string `json:"p"`
	}{ev.data, padding(len(ev.data))})})
}

// padding is what hides how long a payload is.
func padding(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return letters[:n%len(letters)]
}

// awsStreamed makes a reply of events one of AWS's.
func awsStreamed(out *reply, frame func(event) []byte) *reply {
	out.contentType, out.frame = awsStream, frame
	out.failure = func(r *refusal, _ int) []event {
		name, words := bedrockException(r)
		lower := append([]byte{name[0] | 0x20}, name[1:]...)
		return []event{{name: string(lower), data: encode(map[string]string{"message": words}), exception: true, last: true}}
	}
	return out
}
