package xds

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	commondnsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/common/dns/v3"
	dnsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/dns/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"llmroute/router/config"
)

const (
	connectTimeout = 5 * time.Second

	// breaker lifts Envoy's 1,024 requests and 3 retries at a time per cluster:
	// every live stream holds a request, and who may send how many is decided
	// before Envoy routes.
	breaker = 1_000_000

	// A reply may be silent for minutes while a model thinks; without probes a
	// NAT on the way forgets the connection and nobody notices.
	keepaliveIdle     = 60 // seconds
	keepaliveInterval = 15 // seconds
	keepaliveProbes   = 4

	dnsRefresh         = 5 * time.Second // where a record's own TTL is 0
	dnsFailureRefresh  = time.Second
	dnsFailureMax      = 10 * time.Second
	metadataNamespace  = "llmroute" // response attributes read it: filter_metadata['llmroute']['backend']
	metadataBackendKey = "backend"
)

// newResource returns b's cluster as it is published. caFile holds the roots for
// a backend that names none.
func newResource(b *config.Backend, caFile string) (*resource, error) {
	if err := checkText(b); err != nil {
		return nil, err
	}
	c := newCluster(b, caFile)
	c.Name = ClusterName(b)
	if err := c.ValidateAll(); err != nil {
		return nil, err
	}
	body := deterministic(c)
	sum := sha256.Sum256(body)
	version := hex.EncodeToString(sum[:8])
	r := &resource{
		name: c.Name, version: version, backend: b.ID,
		wire: &discoveryv3.Resource{Name: c.Name, Version: version, Resource: &anypb.Any{TypeUrl: clusterType, Value: body}},
	}
	if !isAddress(b.Endpoint.Host) {
		r.host = b.Endpoint.Host
	}
	return r, nil
}

// checkText refuses what no cluster can carry.
func checkText(b *config.Backend) error {
	texts := []string{b.ID, b.Endpoint.Host}
	if t := b.Endpoint.TLS; t != nil {
		texts = append(texts, t.CAFile, t.ServerName, t.ClientCert, t.ClientKey)
	}
	for _, text := range texts {
		if !utf8.ValidString(text) {
			return fmt.Errorf("text %q: not UTF-8", text)
		}
	}
	return nil
}

// systemRoots stands for the system's bundle of roots where a cluster's name is
// worked out: which file that is belongs to Envoy's host, not to the backend.
const systemRoots = "system"

// ClusterName returns the name of the Envoy cluster that reaches b: b.Cluster
// when somebody else defines it, else b's ID and a hash of everything the
// cluster is made of. So a name never changes its meaning, and a key injected
// for a backend cannot follow a name to another host. Characters that Envoy's
// headers and statistics dislike are replaced; the hash keeps names distinct.
func ClusterName(b *config.Backend) string {
	if b.Cluster != "" {
		return b.Cluster
	}
	sum := sha256.Sum256(deterministic(newCluster(b, systemRoots)))
	return plainName(b.ID, ".") + "-" + hex.EncodeToString(sum[:5])
}

// plainName replaces what is neither an ASCII letter or digit, '-', '_' nor in also.
func plainName(s, also string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_', strings.ContainsRune(also, r):
			return r
		}
		return '_'
	}, s)
}

// deterministic returns m's bytes, equal for equal messages.
func deterministic(m proto.Message) []byte {
	// Only text that is not UTF-8 cannot be marshalled, and newResource refuses that.
	b, _ := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	return b
}

func newAny(m proto.Message) *anypb.Any {
	return &anypb.Any{TypeUrl: "type.googleapis.com/" + string(m.ProtoReflect().Descriptor().FullName()), Value: deterministic(m)}
}

// newCluster returns the cluster that b needs, still without its name. It holds
// no secret, no weight and nothing else that may change without a new name.
//
// Envoy's buffer limit of 1 MiB per connection stays as it is: bodies of any size
// pass, and a larger one would only let more pile up before slow readers.
func newCluster(b *config.Backend, caFile string) *clusterv3.Cluster {
	e := b.Endpoint
	c := &clusterv3.Cluster{
		// Without this, statistics would start anew with each change of the
		// content, and a dot would cut the name short in a tag.
		AltStatName:     plainName(b.ID, ""),
		ConnectTimeout:  durationpb.New(connectTimeout),
		CircuitBreakers: openBreakers(),
		UpstreamConnectionOptions: &clusterv3.UpstreamConnectionOptions{TcpKeepalive: &corev3.TcpKeepalive{
			KeepaliveTime:     wrapperspb.UInt32(keepaliveIdle),
			KeepaliveInterval: wrapperspb.UInt32(keepaliveInterval),
			KeepaliveProbes:   wrapperspb.UInt32(keepaliveProbes),
		}},
		TypedExtensionProtocolOptions: map[string]*anypb.Any{httpOptionsName: newAny(httpOptions(b))},
		LoadAssignment:                assignment(b),
	}
	if isAddress(e.Host) {
		c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC}
	} else {
		c.ClusterDiscoveryType = &clusterv3.Cluster_ClusterType{ClusterType: &clusterv3.Cluster_CustomClusterType{
			Name: "envoy.clusters.dns", TypedConfig: newAny(dnsCluster(e.Host)),
		}}
	}
	if e.TLS != nil {
		c.TransportSocket = tlsSocket(e, caFile)
	}
	return c
}

// dnsCluster says how host is resolved.
//
// A provider's name stands for a fleet behind ever-changing addresses: one
// logical endpoint keeps the connections it has when DNS rotates, and tries all
// addresses of both families (happy eyeballs) for a new one. A Kubernetes
// Service without a cluster address lists its pods: there each address is an
// endpoint that must get its share, and an unreachable family would fail its
// share of requests, so IPv4 is preferred.
func dnsCluster(host string) *dnsv3.DnsCluster {
	d := &dnsv3.DnsCluster{
		DnsRefreshRate:               durationpb.New(dnsRefresh),
		RespectDnsTtl:                true,
		DnsLookupFamily:              commondnsv3.DnsLookupFamily_ALL,
		AllAddressesInSingleEndpoint: true,
		DnsFailureRefreshRate: &dnsv3.DnsCluster_RefreshRate{
			BaseInterval: durationpb.New(dnsFailureRefresh), MaxInterval: durationpb.New(dnsFailureMax),
		},
	}
	if name := strings.ToLower(strings.TrimSuffix(host, ".")); strings.HasSuffix(name, ".svc") || strings.Contains(name, ".svc.") {
		d.DnsLookupFamily = commondnsv3.DnsLookupFamily_V4_PREFERRED
		d.AllAddressesInSingleEndpoint = false
	}
	return d
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

func openBreakers() *clusterv3.CircuitBreakers {
	n := wrapperspb.UInt32(breaker)
	return &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
		MaxConnections: n, MaxPendingRequests: n, MaxRequests: n, MaxRetries: n,
	}}}
}

// assignment returns b's one endpoint. Its hostname becomes the Host header (the
// route says auto_host_rewrite), its metadata tells a response which backend it is.
func assignment(b *config.Backend) *endpointv3.ClusterLoadAssignment {
	e := b.Endpoint
	return &endpointv3.ClusterLoadAssignment{
		ClusterName: plainName(b.ID, "."), // required, and unused without EDS
		Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
			HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{
				Hostname: Authority(e),
				Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
					Address:       e.Host,
					PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: e.Port},
				}}},
			}},
			Metadata: &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{
				metadataNamespace: {Fields: map[string]*structpb.Value{metadataBackendKey: structpb.NewStringValue(b.ID)}},
			}},
		}}}},
	}
}

// Authority returns the Host header that Envoy sends to e: with the port unless it
// is the scheme's own, and without the root's dot.
func Authority(e *config.Endpoint) string {
	host, usual := strings.TrimSuffix(e.Host, "."), uint32(80)
	if e.TLS != nil {
		usual = 443
	}
	if e.Port != usual {
		return net.JoinHostPort(host, strconv.FormatUint(uint64(e.Port), 10))
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}
