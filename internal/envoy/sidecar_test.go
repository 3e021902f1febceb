package envoy_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	filterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/structpb"

	"llmroute/internal/envoy"
	"llmroute/internal/envoy/envoytest"
)

const cluster = "provider"

// sidecar is the least that the bootstrap needs of llmroute: it sends every
// request to the one cluster, and does as the request's x-do header says.
type sidecar struct {
	extprocv3.UnimplementedExternalProcessorServer
	path string // what :path becomes

	mu   sync.Mutex
	seen []http.Header // request headers as Envoy showed them
	last map[string]string
}

func (s *sidecar) Process(stream extprocv3.ExternalProcessor_ProcessServer) error {
	do := ""
	for {
		req, err := stream.Recv()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		reply := new(extprocv3.ProcessingResponse)
		switch m := req.Request.(type) {
		case *extprocv3.ProcessingRequest_RequestHeaders:
			h := make(http.Header)
			for _, f := range m.RequestHeaders.Headers.Headers {
				h.Add(f.Key, string(f.RawValue))
			}
			do = h.Get("x-do")
			s.mu.Lock()
			s.seen = append(s.seen, h)
			s.mu.Unlock()
			if do == "hang" {
				<-stream.Context().Done()
				return nil
			}
			reply.Response = &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{}}
			if m.RequestHeaders.EndOfStream {
				reply.Response.(*extprocv3.ProcessingResponse_RequestHeaders).RequestHeaders.Response = s.route()
			}
		case *extprocv3.ProcessingRequest_RequestBody:
			switch do {
			case "refuse":
				reply.Response = &extprocv3.ProcessingResponse_ImmediateResponse{ImmediateResponse: &extprocv3.ImmediateResponse{
					Status:  &typev3.HttpStatus{Code: 418},
					Body:    []byte(`{"error":{"message":"mine"}}`),
					Details: "llmroute_refused",
				}}
			case "leave":
				return nil
			case "fail":
				return errors.New("out of order")
			default:
				reply.Response = &extprocv3.ProcessingResponse_RequestBody{RequestBody: &extprocv3.BodyResponse{Response: s.route()}}
			}
		case *extprocv3.ProcessingRequest_ResponseHeaders:
			s.mu.Lock()
			s.last = make(map[string]string)
			for name, v := range req.Attributes["envoy.filters.http.ext_proc"].GetFields() {
				s.last[name] = v.GetStringValue()
			}
			s.mu.Unlock()
			reply.Response = &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: &extprocv3.HeadersResponse{}}
			if do == "stream" {
				reply.ModeOverride = &filterv3.ProcessingMode{
					ResponseHeaderMode: filterv3.ProcessingMode_SEND,
					RequestBodyMode:    filterv3.ProcessingMode_BUFFERED,
					ResponseBodyMode:   filterv3.ProcessingMode_NONE,
				}
			}
			meta, _ := structpb.NewStruct(map[string]any{"io.envoy.ai_gateway": map[string]any{"backend": "chosen"}})
			reply.DynamicMetadata = meta
		case *extprocv3.ProcessingRequest_ResponseBody:
			reply.Response = &extprocv3.ProcessingResponse_ResponseBody{ResponseBody: &extprocv3.BodyResponse{}}
		default:
			return errors.New("a message that the processing mode rules out")
		}
		if err := stream.Send(reply); err != nil {
			return err
		}
	}
}

// route names the cluster, as llmroute does.
func (s *sidecar) route() *extprocv3.CommonResponse {
	set := func(name, value string) *corev3.HeaderValueOption {
		return &corev3.HeaderValueOption{
			Header:       &corev3.HeaderValue{Key: name, RawValue: []byte(value)},
			AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
		}
	}
	headers := []*corev3.HeaderValueOption{
		set("x-envoy-ai-gateway-selected-backend", cluster),
		set("x-envoy-ai-gateway-llm-model", "m"),
		set("x-envoy-max-retries", "2"),
	}
	if s.path != "" {
		headers = append(headers, set(":path", s.path))
	}
	return &extprocv3.CommonResponse{
		HeaderMutation:  &extprocv3.HeaderMutation{SetHeaders: headers},
		ClearRouteCache: true,
	}
}

func (s *sidecar) attributes() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func (s *sidecar) requests() []http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]http.Header(nil), s.seen...)
}

// serve runs the sidecar on address and returns where it listens and its end.
func (s *sidecar) serve(t *testing.T, address string) (string, func()) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer(grpc.MaxRecvMsgSize(80<<20), grpc.MaxSendMsgSize(80<<20))
	extprocv3.RegisterExternalProcessorServer(g, s)
	done := make(chan struct{})
	go func() { defer close(done); _ = g.Serve(l) }()
	stop := func() { g.Stop(); <-done }
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

// gateway is an Envoy with the rendered bootstrap in front of one provider.
type gateway struct {
	*envoytest.Envoy
	url  string
	stop func() // the sidecar
	grpc string
}

// start runs provider, s and an Envoy between them. The bootstrap is the one for
// people with their own clusters, since s serves no ADS; edit changes its text.
func start(t *testing.T, s *sidecar, provider http.Handler, edit func(string) string) *gateway {
	t.Helper()
	up := httptest.NewServer(provider)
	t.Cleanup(up.Close)
	address, stop := s.serve(t, "127.0.0.1:0")
	text, err := envoy.Render(envoy.Addresses{Listen: "127.0.0.1:0", GRPC: address, Own: cluster})
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(up.Listener.Addr().String())
	text = replace(t, text, "port_value: 1065", "port_value: "+port)
	if edit != nil {
		text = edit(text)
	}
	e := envoytest.Start(t, text)
	return &gateway{Envoy: e, url: "http://" + e.Address(t, "llm"), stop: stop, grpc: address}
}

func replace(t *testing.T, s, old, with string) string {
	t.Helper()
	if strings.Count(s, old) != 1 {
		t.Fatalf("the bootstrap has %q %d times, want once", old, strings.Count(s, old))
	}
	return strings.Replace(s, old, with, 1)
}
