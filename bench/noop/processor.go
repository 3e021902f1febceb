package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	filterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
)

// headerBackend is the header that our envoy.yaml takes the cluster from.
const headerBackend = "x-envoy-ai-gateway-selected-backend"

// processor answers all streams with the same few replies, which nothing
// changes after newProcessor.
type processor struct {
	extprocv3.UnimplementedExternalProcessorServer

	requestHeaders, requestOnlyHeaders, requestBody *extprocv3.ProcessingResponse
	responseHeaders, eventStream, responseBody      *extprocv3.ProcessingResponse
}

func newProcessor(cluster string) *processor {
	route := &extprocv3.CommonResponse{
		HeaderMutation: &extprocv3.HeaderMutation{SetHeaders: []*corev3.HeaderValueOption{{
			Header:       &corev3.HeaderValue{Key: headerBackend, RawValue: []byte(cluster)},
			AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
		}}},
		ClearRouteCache: true,
	}
	requestHeaders := func(c *extprocv3.CommonResponse) *extprocv3.ProcessingResponse {
		return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_RequestHeaders{
			RequestHeaders: &extprocv3.HeadersResponse{Response: c},
		}}
	}
	responseHeaders := func(mode *filterv3.ProcessingMode) *extprocv3.ProcessingResponse {
		return &extprocv3.ProcessingResponse{ModeOverride: mode, Response: &extprocv3.ProcessingResponse_ResponseHeaders{
			ResponseHeaders: &extprocv3.HeadersResponse{},
		}}
	}
	return &processor{
		requestHeaders:     requestHeaders(nil),
		requestOnlyHeaders: requestHeaders(route),
		requestBody: &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_RequestBody{
			RequestBody: &extprocv3.BodyResponse{Response: route},
		}},
		responseHeaders: responseHeaders(nil),
		eventStream:     responseHeaders(&filterv3.ProcessingMode{ResponseBodyMode: filterv3.ProcessingMode_STREAMED}),
		responseBody: &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ResponseBody{
			ResponseBody: &extprocv3.BodyResponse{},
		}},
	}
}

// Process serves one stream until Envoy ends it.
func (p *processor) Process(stream extprocv3.ExternalProcessor_ProcessServer) error {
	for {
		req, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF), stream.Context().Err() != nil:
			return nil // Envoy has no more use for it
		case err != nil:
			return err
		}
		reply := p.reply(req)
		if reply == nil {
			return fmt.Errorf("message that the processing mode rules out: %T", req.Request)
		}
		if err := stream.Send(reply); err != nil {
			return err
		}
	}
}

func (p *processor) reply(req *extprocv3.ProcessingRequest) *extprocv3.ProcessingResponse {
	switch m := req.Request.(type) {
	case *extprocv3.ProcessingRequest_RequestHeaders:
		if m.RequestHeaders.EndOfStream {
			return p.requestOnlyHeaders
		}
		return p.requestHeaders
	case *extprocv3.ProcessingRequest_RequestBody:
		return p.requestBody
	case *extprocv3.ProcessingRequest_ResponseHeaders:
		if isEventStream(m.ResponseHeaders.GetHeaders().GetHeaders()) {
			return p.eventStream
		}
		return p.responseHeaders
	case *extprocv3.ProcessingRequest_ResponseBody:
		return p.responseBody
	}
	return nil
}

func isEventStream(headers []*corev3.HeaderValue) bool {
	for _, h := range headers {
		if h.Key == "content-type" {
			kind := string(h.RawValue)
			return strings.HasPrefix(kind, "text/event-stream") || kind == "application/vnd.amazon.eventstream"
		}
	}
	return false
}
