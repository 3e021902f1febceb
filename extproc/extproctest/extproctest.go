// Package extproctest drives the external processor as Envoy would, without
// Envoy: it opens a stream per request, sends the messages our envoy.yaml would
// cause, and applies what comes back as Envoy does. It is for tests and
// benchmarks; what only a real Envoy can show is shown in tests/e2e.
package extproctest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	modev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/structpb"
)

// Header is one header field, in order and with repeats, pseudo-headers included.
type Header struct{ Name, Value string }

// Message is a request or a response: headers, and a body in the pieces it
// arrives in. No pieces mean that the headers end the stream.
type Message struct {
	Headers []Header
	Body    [][]byte
}

// Get returns the first value of a lower-case header name, or "".
func (m *Message) Get(name string) string {
	for _, h := range m.Headers {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

// Values returns all values of a lower-case header name.
func (m *Message) Values(name string) []string {
	var out []string
	for _, h := range m.Headers {
		if h.Name == name {
			out = append(out, h.Value)
		}
	}
	return out
}

// Bytes returns the whole body.
func (m *Message) Bytes() []byte { return slices.Concat(m.Body...) }

// Result is what became of a request.
type Result struct {
	Upstream  *Message // what the upstream would have received; nil when nothing was sent
	Client    *Message // what the client would have received
	Immediate bool     // the processor answered itself
	Mode      modev3.ProcessingMode_BodySendMode
	Metadata  map[string]any // of the namespace io.envoy.ai_gateway
	Replies   []*extprocv3.ProcessingResponse
}

// Client talks to a processor over an in-memory connection.
type Client struct {
	conn *grpc.ClientConn
	rpc  extprocv3.ExternalProcessorClient
}

// Dial serves srv on an in-memory listener and returns a client of it. Close
// the client to end both.
func Dial(srv *grpc.Server) (*Client, error) {
	lis := bufconn.Listen(1 << 20)
	go func() { _ = srv.Serve(lis) }() // ends with the listener
	conn, err := grpc.NewClient("passthrough:///processor",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(128<<20), grpc.MaxCallSendMsgSize(128<<20)))
	if err != nil {
		return nil, fmt.Errorf("dial the processor: %w", err)
	}
	return &Client{conn: conn, rpc: extprocv3.NewExternalProcessorClient(conn)}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Open opens a bare stream, for tests that send messages of their own.
func (c *Client) Open(ctx context.Context) (extprocv3.ExternalProcessor_ProcessClient, error) {
	return c.rpc.Process(ctx)
}

// Upstream plays the backend: it gets the request as it would arrive and
// returns the response, and the response attributes that Envoy would add.
type Upstream func(*Message) (*Message, Attributes)

// Attributes are what Envoy tells with the response headers.
type Attributes struct {
	Details  string // response.code_details; "" means via_upstream
	Backend  string
	Cluster  string
	Attempts int
}

// Reply returns an Upstream that always answers alike.
func Reply(status int, contentType string, pieces ...string) Upstream {
	return func(*Message) (*Message, Attributes) {
		m := &Message{Headers: []Header{{":status", strconv.Itoa(status)}, {"content-type", contentType}}}
		for _, p := range pieces {
			m.Body = append(m.Body, []byte(p))
		}
		return m, Attributes{Attempts: 1}
	}
}

// Post builds a request as our envoy.yaml's listener would show it.
func Post(path, body string, headers ...Header) *Message {
	m := &Message{Headers: []Header{
		{":method", "POST"}, {":scheme", "http"}, {":authority", "gateway.test"}, {":path", path},
		{"content-type", "application/json"}, {"content-length", strconv.Itoa(len(body))}, {"x-request-id", "req-1"},
	}}
	for _, h := range headers {
		m.Headers = slices.DeleteFunc(m.Headers, func(old Header) bool { return old.Name == h.Name && strings.HasPrefix(h.Name, ":") })
		m.Headers = append(m.Headers, h)
	}
	if body != "" {
		m.Body = [][]byte{[]byte(body)}
	}
	return m
}

// Get builds a header-only request.
func Get(path string, headers ...Header) *Message {
	return &Message{Headers: append([]Header{
		{":method", "GET"}, {":scheme", "http"}, {":authority", "gateway.test"}, {":path", path}, {"x-request-id", "req-1"},
	}, headers...)}
}

// Do carries req through the processor and, unless that answers itself,
// through up and back.
func (c *Client) Do(ctx context.Context, req *Message, up Upstream) (*Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rpc, err := c.rpc.Process(ctx)
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	d := &drive{rpc: rpc, res: &Result{Mode: modev3.ProcessingMode_BUFFERED, Metadata: map[string]any{}}}
	if err := d.request(req); err != nil || d.res.Immediate {
		return d.res, err
	}
	resp, attrs := up(d.res.Upstream)
	if err := d.response(resp, attrs); err != nil {
		return d.res, err
	}
	return d.res, rpc.CloseSend()
}

// drive is one exchange under way.
type drive struct {
	rpc extprocv3.ExternalProcessor_ProcessClient
	res *Result
}

func (d *drive) request(req *Message) error {
	up := clone(req)
	first := &extprocv3.ProcessingRequest{
		ProtocolConfig: &extprocv3.ProtocolConfiguration{
			RequestBodyMode: modev3.ProcessingMode_BUFFERED, ResponseBodyMode: modev3.ProcessingMode_BUFFERED},
		Request: &extprocv3.ProcessingRequest_RequestHeaders{RequestHeaders: HTTPHeaders(req, len(req.Body) == 0)},
	}
	reply, err := d.exchange(first)
	if err != nil || d.res.Immediate {
		return err
	}
	if err := apply(up, reply.GetRequestHeaders().GetResponse()); err != nil {
		return err
	}
	if len(req.Body) > 0 {
		reply, err = d.exchange(&extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestBody{
			RequestBody: &extprocv3.HttpBody{Body: req.Bytes(), EndOfStream: true}}})
		if err != nil || d.res.Immediate {
			return err
		}
		up.Body = [][]byte{up.Bytes()}
		if err := apply(up, reply.GetRequestBody().GetResponse()); err != nil {
			return err
		}
	}
	d.res.Upstream = up
	return nil
}

func (d *drive) response(resp *Message, attrs Attributes) error {
	out := clone(resp)
	d.res.Client = out
	first := &extprocv3.ProcessingRequest{
		Attributes: map[string]*structpb.Struct{"envoy.filters.http.ext_proc": attributes(attrs)},
		Request:    &extprocv3.ProcessingRequest_ResponseHeaders{ResponseHeaders: HTTPHeaders(resp, len(resp.Body) == 0)},
	}
	reply, err := d.exchange(first)
	if err != nil || d.res.Immediate {
		return err
	}
	if o := reply.GetModeOverride(); o != nil {
		d.res.Mode = o.GetResponseBodyMode()
	}
	common := reply.GetResponseHeaders().GetResponse()
	if err := apply(out, common); err != nil {
		return err
	}
	if common.GetStatus() == extprocv3.CommonResponse_CONTINUE_AND_REPLACE || len(resp.Body) == 0 ||
		d.res.Mode == modev3.ProcessingMode_NONE {
		return nil
	}
	pieces := resp.Body
	if d.res.Mode == modev3.ProcessingMode_BUFFERED {
		pieces = [][]byte{resp.Bytes()}
	}
	out.Body = nil
	for i, p := range pieces {
		reply, err := d.exchange(&extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseBody{
			ResponseBody: &extprocv3.HttpBody{Body: p, EndOfStream: i == len(pieces)-1}}})
		if err != nil || d.res.Immediate {
			return err
		}
		piece := &Message{Headers: out.Headers, Body: [][]byte{p}}
		if err := apply(piece, reply.GetResponseBody().GetResponse()); err != nil {
			return err
		}
		out.Headers = piece.Headers
		out.Body = append(out.Body, piece.Bytes())
	}
	return nil
}

// exchange sends one message and takes its reply, as Envoy does: one at a time.
func (d *drive) exchange(m *extprocv3.ProcessingRequest) (*extprocv3.ProcessingResponse, error) {
	if err := d.rpc.Send(m); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("send: %w", err)
	}
	reply, err := d.rpc.Recv()
	if err != nil {
		return nil, err
	}
	d.res.Replies = append(d.res.Replies, reply)
	for ns, v := range reply.GetDynamicMetadata().GetFields() {
		if ns == "io.envoy.ai_gateway" {
			for k, v := range v.GetStructValue().GetFields() {
				d.res.Metadata[k] = v.AsInterface()
			}
		}
	}
	if im := reply.GetImmediateResponse(); im != nil {
		d.res.Immediate = true
		d.res.Client = &Message{Headers: []Header{{":status", strconv.Itoa(int(im.GetStatus().GetCode()))}}, Body: [][]byte{im.GetBody()}}
		mutateHeaders(d.res.Client, im.GetHeaders())
	}
	return reply, nil
}

// apply does to m what Envoy would for a CommonResponse, and refuses what Envoy
// would refuse.
func apply(m *Message, c *extprocv3.CommonResponse) error {
	if c == nil {
		return nil
	}
	mutateHeaders(m, c.GetHeaderMutation())
	switch b := c.GetBodyMutation().GetMutation().(type) {
	case *extprocv3.BodyMutation_Body:
		m.Body = [][]byte{b.Body}
	case *extprocv3.BodyMutation_ClearBody:
		m.Body = nil
	}
	if c.GetBodyMutation() != nil {
		if n := m.Get("content-length"); n != "" && n != strconv.Itoa(len(m.Bytes())) {
			return fmt.Errorf("content-length %s for a mutated body of %d bytes: Envoy would refuse this", n, len(m.Bytes()))
		}
	}
	return nil
}

func mutateHeaders(m *Message, h *extprocv3.HeaderMutation) {
	for _, name := range h.GetRemoveHeaders() {
		m.Headers = slices.DeleteFunc(m.Headers, func(f Header) bool { return f.Name == name })
	}
	for _, o := range h.GetSetHeaders() {
		name, val := o.GetHeader().GetKey(), string(o.GetHeader().GetRawValue())
		m.Headers = slices.DeleteFunc(m.Headers, func(f Header) bool { return f.Name == name })
		m.Headers = append(m.Headers, Header{name, val})
	}
}

func clone(m *Message) *Message {
	return &Message{Headers: slices.Clone(m.Headers), Body: slices.Clone(m.Body)}
}

// HTTPHeaders returns m's headers as a message to the processor carries them.
func HTTPHeaders(m *Message, end bool) *extprocv3.HttpHeaders {
	out := &extprocv3.HttpHeaders{Headers: &corev3.HeaderMap{}, EndOfStream: end}
	for _, h := range m.Headers {
		out.Headers.Headers = append(out.Headers.Headers, &corev3.HeaderValue{Key: h.Name, RawValue: []byte(h.Value)})
	}
	return out
}

func attributes(a Attributes) *structpb.Struct {
	if a.Details == "" {
		a.Details = "via_upstream"
	}
	return &structpb.Struct{Fields: map[string]*structpb.Value{
		"response.code_details":          structpb.NewStringValue(a.Details),
		"xds.cluster_name":               structpb.NewStringValue(a.Cluster),
		"upstream.request_attempt_count": structpb.NewNumberValue(float64(a.Attempts)),
		"xds.upstream_host_metadata.filter_metadata['llmroute']['backend']": structpb.NewStringValue(a.Backend),
	}}
}

// ToHTTP returns m's ordinary headers as net/http has them.
func (m *Message) ToHTTP() http.Header {
	h := http.Header{}
	for _, f := range m.Headers {
		if !strings.HasPrefix(f.Name, ":") {
			h.Add(f.Name, f.Value)
		}
	}
	return h
}
