package extproc

import (
	"bytes"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	modev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	"llmroute/telemetry"
)

// requests are the messages Envoy sends, one of each kind.
func requests() map[string]*extprocv3.ProcessingRequest {
	list := &corev3.HeaderMap{Headers: []*corev3.HeaderValue{
		{Key: ":path", RawValue: []byte("/v1/chat/completions?x=1")},
		{Key: "x-a", RawValue: []byte("one")},
		{Key: "x-a", Value: "two"},
		{Key: "x-empty"},
	}}
	attrs, err := structpb.NewStruct(map[string]any{
		attrDetails: "via_upstream", attrCluster: "c-1", attrBackend: "b", attrAttempts: 3, "unknown": []any{"x", 1.5},
	})
	if err != nil {
		panic(err)
	}
	return map[string]*extprocv3.ProcessingRequest{
		"request headers": {
			Request:        &extprocv3.ProcessingRequest_RequestHeaders{RequestHeaders: &extprocv3.HttpHeaders{Headers: list, EndOfStream: true}},
			ProtocolConfig: &extprocv3.ProtocolConfiguration{RequestBodyMode: 2, ResponseBodyMode: 1},
		},
		"request body": {Request: &extprocv3.ProcessingRequest_RequestBody{
			RequestBody: &extprocv3.HttpBody{Body: []byte(`{"model":"m"}`), EndOfStream: true}}},
		"response headers": {
			Request:    &extprocv3.ProcessingRequest_ResponseHeaders{ResponseHeaders: &extprocv3.HttpHeaders{Headers: list}},
			Attributes: map[string]*structpb.Struct{"envoy.filters.http.ext_proc": attrs},
		},
		"response body":     {Request: &extprocv3.ProcessingRequest_ResponseBody{ResponseBody: &extprocv3.HttpBody{Body: []byte("x")}}},
		"request trailers":  {Request: &extprocv3.ProcessingRequest_RequestTrailers{RequestTrailers: &extprocv3.HttpTrailers{Trailers: list}}},
		"response trailers": {Request: &extprocv3.ProcessingRequest_ResponseTrailers{ResponseTrailers: &extprocv3.HttpTrailers{Trailers: list}}},
		"a window update of a newer Envoy": {ClientWindowUpdate: &extprocv3.ProcessingRequest_ClientWindowUpdate{
			WindowIncrementSidestreamToUpstream: 7}},
	}
}

// decoded is a message in comparable form.
type decoded struct {
	Phase       phase
	Last        bool
	Headers     []header
	Body        []byte
	Attrs       attributes
	Req, Resp   uint64
	FirstOfMany bool
}

// generated is what the generated code makes of b.
func generated(b []byte) (decoded, error) {
	var p extprocv3.ProcessingRequest
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(b, &p); err != nil {
		return decoded{}, err
	}
	var d decoded
	take := func(h *extprocv3.HttpHeaders) {
		d.Last = h.GetEndOfStream()
		for _, f := range h.GetHeaders().GetHeaders() {
			v := f.GetValue()
			if len(f.GetRawValue()) > 0 {
				v = string(f.GetRawValue())
			}
			d.Headers = append(d.Headers, header{f.GetKey(), v})
		}
	}
	switch r := p.GetRequest().(type) {
	case *extprocv3.ProcessingRequest_RequestHeaders:
		d.Phase = phaseRequestHeaders
		take(r.RequestHeaders)
	case *extprocv3.ProcessingRequest_ResponseHeaders:
		d.Phase = phaseResponseHeaders
		take(r.ResponseHeaders)
	case *extprocv3.ProcessingRequest_RequestBody:
		d.Phase, d.Body, d.Last = phaseRequestBody, r.RequestBody.GetBody(), r.RequestBody.GetEndOfStream()
	case *extprocv3.ProcessingRequest_ResponseBody:
		d.Phase, d.Body, d.Last = phaseResponseBody, r.ResponseBody.GetBody(), r.ResponseBody.GetEndOfStream()
	case *extprocv3.ProcessingRequest_RequestTrailers:
		d.Phase = phaseRequestTrailers
	case *extprocv3.ProcessingRequest_ResponseTrailers:
		d.Phase = phaseResponseTrailers
	}
	for _, s := range p.GetAttributes() {
		for k, v := range s.GetFields() {
			switch k {
			case attrDetails:
				d.Attrs.details = v.GetStringValue()
			case attrCluster:
				d.Attrs.cluster = v.GetStringValue()
			case attrBackend:
				d.Attrs.backend = v.GetStringValue()
			case attrAttempts:
				d.Attrs.attempts = int(v.GetNumberValue())
			}
		}
	}
	if c := p.GetProtocolConfig(); c != nil {
		d.FirstOfMany, d.Req, d.Resp = true, uint64(c.GetRequestBodyMode()), uint64(c.GetResponseBodyMode())
	}
	return d, nil
}

func byHand(b []byte) (decoded, error) {
	var m message
	err := newCodec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(b)}, &m)
	d := decoded{Phase: m.phase, Last: m.last, Body: bytes.Clone(m.body), Attrs: m.attrs}
	for _, h := range m.headers.list {
		d.Headers = append(d.Headers, header{strings.Clone(h.name), strings.Clone(h.value)})
	}
	if m.config != nil {
		d.FirstOfMany, d.Req, d.Resp = true, m.config.request, m.config.response
	}
	return d, err
}

func compareDecoded(t *testing.T, b []byte) {
	t.Helper()
	want, err := generated(b)
	if err != nil {
		return // the generated code also refuses what is merely not UTF-8
	}
	got, err := byHand(b)
	if err != nil {
		t.Fatalf("generated code decodes it, ours says: %v", err)
	}
	if d := cmp.Diff(got, want, cmp.AllowUnexported(header{}, attributes{}), cmp.Transformer("bytes", func(b []byte) string { return string(b) })); d != "" {
		t.Errorf("by hand (-) and generated (+) differ:\n%s", d)
	}
}

func TestDecodeEqualsGenerated(t *testing.T) {
	for name, r := range requests() {
		t.Run(name, func(t *testing.T) {
			b, err := proto.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			compareDecoded(t, b)
		})
	}
}

// FuzzDecode holds the hand-made decoder to the generated one on whole
// messages, and to returning at all on everything else. Messages that repeat a
// singular field, which no encoder writes, may merge differently and are left out.
func FuzzDecode(f *testing.F) {
	for _, r := range requests() {
		b, err := proto.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = byHand(b)
		var p extprocv3.ProcessingRequest
		if proto.Unmarshal(b, &p) != nil {
			return
		}
		canonical, err := proto.Marshal(&p)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range p.GetAttributes() {
			for _, v := range s.GetFields() {
				if n := v.GetNumberValue(); n < -1e9 || n > 1e9 || n != n {
					return // int(float64) is undefined there
				}
			}
		}
		if bothValues(&p) || len(p.GetAttributes()) > 1 {
			return
		}
		compareDecoded(t, canonical)
	})
}

// bothValues reports whether a header has value and raw_value, which Envoy
// itself calls an error.
func bothValues(p *extprocv3.ProcessingRequest) bool {
	for _, h := range []*extprocv3.HttpHeaders{p.GetRequestHeaders(), p.GetResponseHeaders()} {
		for _, f := range h.GetHeaders().GetHeaders() {
			if f.GetValue() != "" && len(f.GetRawValue()) > 0 {
				return true
			}
		}
	}
	return false
}

func setOption(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: name, RawValue: []byte(value)},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD}
}

func TestReplyEqualsGenerated(t *testing.T) {
	large := bytes.Repeat([]byte("x"), handOver+1)
	meta := (&telemetry.Record{Backend: "b", TotalTokens: 12}).Metadata
	metaWant, err := structpb.NewStruct(map[string]any{metadataNamespace: map[string]any{"backend": "b", "total_tokens": 12}})
	if err != nil {
		t.Fatal(err)
	}
	mutation := &extprocv3.HeaderMutation{SetHeaders: []*corev3.HeaderValueOption{setOption("x-a", "1")}, RemoveHeaders: []string{"cookie"}}
	override := func(m modev3.ProcessingMode_BodySendMode) *modev3.ProcessingMode {
		return &modev3.ProcessingMode{ResponseHeaderMode: modev3.ProcessingMode_SEND, RequestBodyMode: modev3.ProcessingMode_BUFFERED,
			ResponseBodyMode: m, RequestTrailerMode: modev3.ProcessingMode_SKIP, ResponseTrailerMode: modev3.ProcessingMode_SKIP}
	}
	body := func(c *extprocv3.CommonResponse) *extprocv3.ProcessingResponse {
		return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_RequestBody{RequestBody: &extprocv3.BodyResponse{Response: c}}}
	}
	edited := reply{phase: phaseRequestBody, set: []setHeader{{"x-a", "1"}}, remove: []string{"cookie"}, clearRoute: true}
	tests := []struct {
		name string
		in   reply
		want *extprocv3.ProcessingResponse
	}{
		{"request headers go on", reply{phase: phaseRequestHeaders},
			&extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{}}}},
		{"request body as it came", edited, body(&extprocv3.CommonResponse{HeaderMutation: mutation, ClearRouteCache: true})},
		{"request body changed", func() reply { r := edited; r.body, r.replaced = []byte("new"), true; return r }(),
			body(&extprocv3.CommonResponse{HeaderMutation: mutation, ClearRouteCache: true,
				BodyMutation: &extprocv3.BodyMutation{Mutation: &extprocv3.BodyMutation_Body{Body: []byte("new")}}})},
		{"large request body", func() reply { r := edited; r.body, r.replaced = bytes.Clone(large), true; return r }(),
			body(&extprocv3.CommonResponse{HeaderMutation: mutation, ClearRouteCache: true,
				BodyMutation: &extprocv3.BodyMutation{Mutation: &extprocv3.BodyMutation_Body{Body: large}}})},
		{"response headers, streamed", reply{phase: phaseResponseHeaders, override: modeStreamed, metadata: meta},
			&extprocv3.ProcessingResponse{DynamicMetadata: metaWant, ModeOverride: override(modev3.ProcessingMode_STREAMED),
				Response: &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: &extprocv3.HeadersResponse{}}}},
		{"response headers, none", reply{phase: phaseResponseHeaders, override: modeNone},
			&extprocv3.ProcessingResponse{ModeOverride: override(modev3.ProcessingMode_NONE),
				Response: &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: &extprocv3.HeadersResponse{}}}},
		{"response headers and body replaced", reply{phase: phaseResponseHeaders, replace: true, replaced: true, body: []byte("{}"), set: []setHeader{{"x-a", "1"}}},
			&extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: &extprocv3.HeadersResponse{
				Response: &extprocv3.CommonResponse{Status: extprocv3.CommonResponse_CONTINUE_AND_REPLACE,
					HeaderMutation: &extprocv3.HeaderMutation{SetHeaders: []*corev3.HeaderValueOption{setOption("x-a", "1")}},
					BodyMutation:   &extprocv3.BodyMutation{Mutation: &extprocv3.BodyMutation_Body{Body: []byte("{}")}}}}}}},
		{"response chunk swallowed", reply{phase: phaseResponseBody, replaced: true},
			&extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseBody{ResponseBody: &extprocv3.BodyResponse{
				Response: &extprocv3.CommonResponse{BodyMutation: &extprocv3.BodyMutation{Mutation: &extprocv3.BodyMutation_ClearBody{ClearBody: true}}}}}}},
		{"trailers", reply{phase: phaseResponseTrailers},
			&extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseTrailers{ResponseTrailers: &extprocv3.TrailersResponse{}}}},
		{"immediate", reply{phase: phaseRequestHeaders, immediate: 404, details: "d", body: []byte("{}"), set: []setHeader{{"x-a", "1"}}},
			&extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ImmediateResponse{ImmediateResponse: &extprocv3.ImmediateResponse{
				Status: &typev3.HttpStatus{Code: 404}, Details: "d", Body: []byte("{}"),
				Headers: &extprocv3.HeaderMutation{SetHeaders: []*corev3.HeaderValueOption{setOption("x-a", "1")}}}}}},
		{"immediate, large", reply{phase: phaseRequestBody, immediate: 200, details: "d", body: bytes.Clone(large)},
			&extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ImmediateResponse{ImmediateResponse: &extprocv3.ImmediateResponse{
				Status: &typev3.HttpStatus{Code: 200}, Details: "d", Body: large}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data, err := newCodec().Marshal(&tt.in)
			if err != nil {
				t.Fatal(err)
			}
			var got extprocv3.ProcessingResponse
			if err := proto.Unmarshal(data.Materialize(), &got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(&got, tt.want, protocmp.Transform()); d != "" {
				t.Errorf("got (-), want (+):\n%s", d)
			}
		})
	}
}
