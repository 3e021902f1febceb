package xds

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const clusterType = "type.googleapis.com/envoy.config.cluster.v3.Cluster"

// maxDetail bounds what is kept of Envoy's words about a refusal.
const maxDetail = 2000

// stream is what is known of one connected Envoy. Its server's mu guards it.
type stream struct {
	server *Server
	wake   chan struct{} // holds a token when there may be something to send
	since  time.Time

	node       string
	version    string
	subscribed bool // Envoy has asked for clusters
	greet      bool // a new Envoy waits for its first answer before it opens listeners

	held    map[string]string   // cluster name -> version that Envoy has
	refused map[string]unwanted // cluster name -> version that Envoy does not want

	// strangers are clusters that Envoy came with and that we do not know: they
	// are left over from a configuration before our start, perhaps still in use,
	// and have the grace period too.
	strangers      map[string]bool
	strangersTimer *time.Timer

	// One push at a time is under way, so what an answer is about is never in doubt.
	nonce    uint64
	inFlight *push

	// single sends one cluster per push, after Envoy has refused a push without
	// saying which cluster of it was at fault.
	single bool
}

// push is what was sent and not yet answered.
type push struct {
	nonce   string
	sent    map[string]*resource // by name
	removed []string
}

// unwanted is a cluster that Envoy has refused.
type unwanted struct {
	version string
	why     *Refusal
}

func (st *stream) poke() {
	select {
	case st.wake <- struct{}{}:
	default:
	}
}

// receive takes in what Envoy says until it says no more.
func (st *stream) receive(wire interface {
	Recv() (*discoveryv3.DeltaDiscoveryRequest, error)
}) error {
	for {
		req, err := wire.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := st.take(req); err != nil {
			return err
		}
		st.poke()
	}
}

// take accounts for one request: the first one says what Envoy has, each later
// one answers a push.
func (st *stream) take(req *discoveryv3.DeltaDiscoveryRequest) error {
	st.server.mu.Lock()
	defer st.server.mu.Unlock()
	if n := req.GetNode(); n != nil {
		st.node, st.version = n.GetId(), envoyVersion(n)
	}
	if req.GetTypeUrl() != clusterType {
		return nil // another control plane's matter; Envoy waits its fetch timeout and goes on
	}
	if !st.subscribed {
		if names := req.GetResourceNamesSubscribe(); len(names) > 0 && !slices.Contains(names, "*") {
			return status.Error(codes.InvalidArgument, "clusters are served all together, not by name")
		}
		st.subscribed = true
		st.held = maps.Clone(req.GetInitialResourceVersions())
		if st.held == nil {
			st.held = make(map[string]string)
		}
		st.greet = len(st.held) == 0
		st.refused = make(map[string]unwanted)
		st.server.log.Info("envoy connected", "node", st.node, "envoy", st.version, "clusters", len(st.held))
	}
	if p := st.inFlight; p != nil && req.GetResponseNonce() == p.nonce {
		st.inFlight = nil
		if e := req.GetErrorDetail(); e != nil {
			st.nack(p, e.GetMessage())
		} else {
			st.ack(p)
		}
	}
	st.server.announce()
	return nil
}

func (st *stream) ack(p *push) {
	for name, r := range p.sent {
		st.held[name] = r.version
		delete(st.refused, name)
	}
	for _, name := range p.removed {
		delete(st.held, name)
		delete(st.refused, name)
	}
}

// nack accounts for a refused push. Envoy applies the rest of it all the same,
// so the clusters it does not complain about count as held.
func (st *stream) nack(p *push, detail string) {
	var blamed []string
	for name := range p.sent {
		if strings.Contains(detail, name) {
			blamed = append(blamed, name)
		}
	}
	if len(blamed) == 0 && len(p.sent) > 1 {
		// The message could not be read at all, so nothing was applied: send
		// again one by one, to keep the good ones and learn which it is.
		st.single = true
		return
	}
	if len(blamed) == 0 {
		blamed = slices.Collect(maps.Keys(p.sent))
	}
	slices.Sort(blamed)
	why := &Refusal{Time: time.Now(), Node: st.node, Detail: clip(detail)}
	for _, name := range blamed {
		st.refused[name] = unwanted{p.sent[name].version, why}
		why.Backends = append(why.Backends, p.sent[name].backend)
		delete(p.sent, name)
	}
	st.ack(p)
	st.server.refusal = why
	st.server.log.Error("envoy refused clusters", "node", st.node, "envoy", st.version, "backends", why.Backends, "detail", why.Detail)
}

// next returns what Envoy must be told now, or nil.
func (st *stream) next() *discoveryv3.DeltaDiscoveryResponse {
	s := st.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if !st.subscribed || !s.configured || st.inFlight != nil {
		return nil
	}
	st.meetStrangers()
	var add []*discoveryv3.Resource
	p := &push{sent: make(map[string]*resource)}
	for _, name := range slices.Sorted(maps.Keys(s.resources)) {
		r := s.resources[name]
		delete(st.strangers, name)
		if st.held[name] == r.version || st.refused[name].version == r.version {
			continue
		}
		add = append(add, r.wire)
		p.sent[name] = r
		if st.single {
			break
		}
	}
	// A refused cluster is removed too: of a message refused whole, Envoy may
	// have taken it all the same, and removing what is not there does nothing.
	for _, name := range slices.Concat(slices.Collect(maps.Keys(st.held)), slices.Collect(maps.Keys(st.refused))) {
		if s.resources[name] == nil && !st.strangers[name] {
			p.removed = append(p.removed, name)
		}
	}
	slices.Sort(p.removed)
	p.removed = slices.Compact(p.removed)
	if len(add) == 0 {
		st.single = false
		if len(p.removed) == 0 && !st.greet {
			return nil
		}
	}
	st.greet = false
	st.nonce++
	p.nonce = strconv.FormatUint(st.nonce, 10)
	st.inFlight = p
	return &discoveryv3.DeltaDiscoveryResponse{TypeUrl: clusterType, Nonce: p.nonce, Resources: add, RemovedResources: p.removed}
}

// meetStrangers gives clusters of an earlier life their grace period, once, from
// the first moment at which we know what is ours.
func (st *stream) meetStrangers() {
	if st.strangers != nil {
		return
	}
	st.strangers = make(map[string]bool)
	for name := range st.held {
		if st.server.resources[name] == nil {
			st.strangers[name] = true
		}
	}
	if len(st.strangers) == 0 {
		return
	}
	st.strangersTimer = time.AfterFunc(st.server.grace, func() {
		st.server.mu.Lock()
		defer st.server.mu.Unlock()
		clear(st.strangers)
		st.poke()
	})
}

// envoyVersion returns "1.40.0", or "" when n does not say.
func envoyVersion(n *corev3.Node) string {
	v := n.GetUserAgentBuildVersion().GetVersion()
	if v == nil {
		return n.GetUserAgentVersion()
	}
	return fmt.Sprintf("%d.%d.%d", v.GetMajorNumber(), v.GetMinorNumber(), v.GetPatch())
}

func clip(detail string) string {
	if len(detail) <= maxDetail {
		return detail
	}
	return strings.ToValidUTF8(detail[:maxDetail], "") + " …"
}
