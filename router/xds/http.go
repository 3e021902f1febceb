package xds

import (
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"llmroute/router/config"
)

const httpOptionsName = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

// How long an unused connection is kept. It must end before the other side ends
// it, or a request is lost in between, and a POST that may have been read is not
// to be repeated. Cloud load balancers close after 60 s; the servers people run
// themselves (uvicorn, Node.js) after 5 s, and to them a new connection is cheap.
const (
	idlePlain = 4 * time.Second
	idleTLS   = 55 * time.Second
)

// maxHeaders is how many headers an answer may have. Envoy's own limit, 100, is
// near what providers behind several proxies send.
const maxHeaders = 500

// backOffGrowth is how far the pause between two tries may grow.
const backOffGrowth = 10

// httpOptions says which HTTP the backend is spoken to in.
func httpOptions(b *config.Backend) *httpv3.HttpProtocolOptions {
	idle := idlePlain
	if b.Endpoint.TLS != nil {
		idle = idleTLS
	}
	o := &httpv3.HttpProtocolOptions{
		CommonHttpProtocolOptions: &corev3.HttpProtocolOptions{
			IdleTimeout:     durationpb.New(idle),
			MaxHeadersCount: wrapperspb.UInt32(maxHeaders),
		},
		RetryPolicy: retryPolicy(b),
	}
	switch {
	case b.Endpoint.TLS != nil:
		o.UpstreamProtocolOptions = &httpv3.HttpProtocolOptions_AutoConfig{AutoConfig: &httpv3.HttpProtocolOptions_AutoHttpConfig{
			HttpProtocolOptions:  &corev3.Http1ProtocolOptions{},
			Http2ProtocolOptions: &corev3.Http2ProtocolOptions{},
		}}
	case b.Endpoint.HTTP2:
		o.UpstreamProtocolOptions = explicit(&httpv3.HttpProtocolOptions_ExplicitHttpConfig{
			ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{Http2ProtocolOptions: &corev3.Http2ProtocolOptions{}},
		})
	default:
		o.UpstreamProtocolOptions = explicit(&httpv3.HttpProtocolOptions_ExplicitHttpConfig{
			ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_HttpProtocolOptions{HttpProtocolOptions: &corev3.Http1ProtocolOptions{}},
		})
	}
	return o
}

func explicit(c *httpv3.HttpProtocolOptions_ExplicitHttpConfig) *httpv3.HttpProtocolOptions_ExplicitHttpConfig_ {
	return &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{ExplicitHttpConfig: c}
}

// retryPolicy holds what no request header can say: the pause between tries.
// Whether and how often to retry comes with each request (x-envoy-retry-on,
// x-envoy-max-retries); without the first, this policy retries nothing, because
// it names no condition.
//
// IdleTimeout is not here: of a cluster's policy Envoy ignores
// per_try_idle_timeout, it reads the route's alone.
func retryPolicy(b *config.Backend) *routev3.RetryPolicy {
	// Envoy counts in milliseconds and refuses 0.
	if b.RetryDelay < time.Millisecond {
		return nil
	}
	return &routev3.RetryPolicy{RetryBackOff: &routev3.RetryPolicy_RetryBackOff{
		BaseInterval: durationpb.New(b.RetryDelay),
		MaxInterval:  durationpb.New(backOffGrowth * b.RetryDelay),
	}}
}
