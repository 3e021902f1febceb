package xds

import (
	"errors"
	"fmt"
	"io"
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

	known map[string]*standing // by cluster name: all that Envoy has or was told to have

	// Several pushes may be under way: Envoy answers none while any cluster still
	// waits for DNS, and takes in what comes meanwhile.
	nonce    uint64
	inFlight map[string]*push // by nonce

	// strangers are clusters that Envoy came with and that we do not know: they
	// are left over from a configuration before our start, perhaps still in use,
	// and have the grace period too. nil before the first push.
	strangers      map[string]bool
	strangersTimer *time.Timer

	// single sends one cluster per push, after Envoy has refused a push without
	// saying which cluster of it was at fault.
	single bool
}

// standing is how things are with one cluster in one Envoy.
type standing struct {
	version string
	nonce   string   // of the last push that named it; "" when Envoy came with it
	held    bool     // accepted
	refused *Refusal // or not; neither before Envoy has answered
}

// push is what was sent and not yet answered.
type push struct {
	nonce string
	sent  []*resource
}

func (st *stream) poke() {
	select {
	case st.wake <- struct{}{}:
	default:
	}
}

// receive takes in what Envoy says until it says no more.
func (st *stream) receive(recv func() (*discoveryv3.DeltaDiscoveryRequest, error)) error {
	for {
		req, err := recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := st.take(req); err != nil {
			return err
		}
	}
}

// take accounts for one request: the first one says what Envoy has, each later
// one answers a push.
func (st *stream) take(req *discoveryv3.DeltaDiscoveryRequest) error {
	s := st.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := req.GetNode(); n != nil {
		st.node, st.version = n.GetId(), envoyVersion(n)
	}
	if req.GetTypeUrl() != clusterType {
		return nil // Envoy waits its fetch timeout for what we do not serve, and goes on
	}
	if !st.subscribed {
		if names := req.GetResourceNamesSubscribe(); len(names) > 0 && !slices.Contains(names, "*") {
			return status.Error(codes.InvalidArgument, "clusters are served all together, not by name")
		}
		st.subscribe(req.GetInitialResourceVersions())
	}
	if p := st.inFlight[req.GetResponseNonce()]; p != nil {
		delete(st.inFlight, p.nonce)
		if e := req.GetErrorDetail(); e != nil {
			st.nack(p, e.GetMessage())
		} else {
			st.ack(p)
		}
	}
	s.announce()
	st.poke()
	return nil
}

// subscribe starts the account with what Envoy brings along.
func (st *stream) subscribe(versions map[string]string) {
	st.subscribed = true
	st.greet = len(versions) == 0
	st.known = make(map[string]*standing, len(versions))
	for name, version := range versions {
		st.known[name] = &standing{version: version, held: true}
	}
	st.inFlight = make(map[string]*push)
	st.server.log.Info("envoy connected", "node", st.node, "envoy", st.version, "clusters", len(versions))
}

func (st *stream) ack(p *push) {
	for _, r := range p.sent {
		if k := st.about(r, p); k != nil {
			k.held = true
		}
	}
}

// about returns what is known of r, unless a later push has changed it.
func (st *stream) about(r *resource, p *push) *standing {
	if k := st.known[r.name]; k != nil && k.nonce == p.nonce {
		return k
	}
	return nil
}

// nack accounts for a refused push. Envoy applies the rest of it all the same,
// so the clusters that it does not complain about count as held.
func (st *stream) nack(p *push, detail string) {
	blamed := slices.DeleteFunc(slices.Clone(p.sent), func(r *resource) bool { return !strings.Contains(detail, r.name) })
	if len(blamed) == 0 && len(p.sent) > 1 {
		// The message as a whole was refused, and nothing of it applied: send
		// again one by one, to save the good ones and to learn which is the other.
		st.single = true
		for _, r := range p.sent {
			if st.about(r, p) != nil {
				delete(st.known, r.name)
			}
		}
		return
	}
	if len(blamed) == 0 {
		blamed = p.sent
	}
	why := &Refusal{Time: time.Now(), Node: st.node, Detail: clip(detail)}
	for _, r := range blamed {
		why.Backends = append(why.Backends, r.backend)
		if k := st.about(r, p); k != nil {
			k.refused = why
		}
	}
	p.sent = slices.DeleteFunc(slices.Clone(p.sent), func(r *resource) bool { return slices.Contains(blamed, r) })
	st.ack(p)
	st.server.refusal = why
	st.server.log.Error("envoy refused clusters", "node", st.node, "envoy", st.version, "backends", why.Backends, "detail", why.Detail)
}

// next returns what Envoy must be told now, or nil.
func (st *stream) next() *discoveryv3.DeltaDiscoveryResponse {
	s := st.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if !st.subscribed || !s.configured {
		return nil
	}
	st.meetStrangers()
	var add []*resource
	for name, r := range s.resources {
		delete(st.strangers, name)
		if k := st.known[name]; k == nil || k.version != r.version {
			add = append(add, r)
		}
	}
	var remove []string
	for name := range st.known {
		if s.resources[name] == nil && !st.strangers[name] {
			remove = append(remove, name)
		}
	}
	slices.SortFunc(add, func(a, b *resource) int { return strings.Compare(a.name, b.name) })
	slices.Sort(remove)
	switch {
	case len(add) > 1 && st.single:
		add = add[:1]
		st.poke() // for the rest
	case len(add) == 0 && len(remove) == 0 && !st.greet:
		st.single = false
		return nil
	}
	return st.push(add, remove)
}

// push notes down what Envoy is told and returns the telling.
func (st *stream) push(add []*resource, remove []string) *discoveryv3.DeltaDiscoveryResponse {
	st.greet = false
	st.nonce++
	p := &push{nonce: strconv.FormatUint(st.nonce, 10), sent: add}
	st.inFlight[p.nonce] = p
	out := &discoveryv3.DeltaDiscoveryResponse{TypeUrl: clusterType, Nonce: p.nonce, RemovedResources: remove}
	for _, r := range add {
		st.known[r.name] = &standing{version: r.version, nonce: p.nonce}
		out.Resources = append(out.Resources, r.wire)
	}
	for _, name := range remove {
		delete(st.known, name)
	}
	return out
}

// meetStrangers gives clusters of an earlier life their grace period, once, from
// the first moment at which we know what is ours.
func (st *stream) meetStrangers() {
	if st.strangers != nil {
		return
	}
	st.strangers = make(map[string]bool)
	for name := range st.known {
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
