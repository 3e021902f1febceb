package extproc

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// codec reads messages and writes replies by hand, and leaves every other
// message of the server (ADS, health) to the generated code.
type codec struct{ generated encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

func (c codec) Name() string { return proto.Name }

func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(*message)
	if !ok {
		return c.generated.Unmarshal(data, v)
	}
	m.buf = data.MaterializeToBuffer(&bodies)
	if err := m.decode(m.buf.ReadOnlyData()); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	return nil
}

func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	r, ok := v.(*reply)
	if !ok {
		return c.generated.Marshal(v)
	}
	return r.marshal(), nil
}
