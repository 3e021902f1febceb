package xds

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/google/go-cmp/cmp"

	"llmroute/router/config"
)

// TestHammer lets Envoys come, go, refuse and keep silent while configurations
// follow one another; whoever stays to the end has just what the last one needs.
func TestHammer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		s.acceptTimeout, s.grace = time.Second, 2*time.Second
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() { moody(ctx, t, s, i) })
		}
		draw := rand.New(rand.NewPCG(1, 2))
		var last []*config.Backend
		for range 300 {
			next := []*config.Backend{one}
			for i := range 6 {
				if draw.IntN(2) == 0 {
					next = append(next, backendAt(fmt.Sprintf("b%d", i), "127.0.0.1", 2000+draw.Uint32N(3)))
				}
			}
			if err := s.Add(ctx, next); err == nil {
				s.Keep(next)
				last = next
			}
			_ = s.Status()
			time.Sleep(time.Duration(draw.IntN(1000)) * time.Millisecond)
		}
		stop()
		wg.Wait()
		if last == nil {
			t.Fatal("no configuration was ever accepted")
		}
		f := connect(t, s, "last", nil)
		time.Sleep(time.Hour)
		has := make(map[string]string)
		for synctest.Wait(); len(f.heard) > 0; synctest.Wait() {
			r := <-f.heard
			for _, res := range r.GetResources() {
				has[res.GetName()] = res.GetVersion()
			}
			for _, name := range r.GetRemovedResources() {
				delete(has, name)
			}
			f.ack(r)
		}
		if diff := cmp.Diff(has, versions(t, s, last...)); diff != "" {
			t.Errorf("clusters at the end (got, want):\n%s", diff)
		}
	})
}

// moody is an Envoy that leaves and comes back, and answers as it likes.
func moody(ctx context.Context, t *testing.T, s *Server, seed int) {
	t.Helper()
	draw := rand.New(rand.NewPCG(uint64(seed), 3)) // #nosec G115 -- small
	has := make(map[string]string)
	for ctx.Err() == nil {
		f := open(t, s)
		leave := time.After(time.Duration(1+draw.IntN(30)) * time.Second)
		f.tell(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: clusterType, InitialResourceVersions: has})
		for stay := true; stay; {
			select {
			case r := <-f.heard:
				if draw.IntN(40) == 0 && len(r.GetResources()) > 0 {
					f.tell(respond(r, "no: "+r.GetResources()[0].GetName()))
					delete(has, r.GetResources()[0].GetName())
					continue
				}
				for _, res := range r.GetResources() {
					has[res.GetName()] = res.GetVersion()
				}
				for _, name := range r.GetRemovedResources() {
					delete(has, name)
				}
				time.Sleep(time.Duration(draw.IntN(100)) * time.Millisecond)
				f.tell(respond(r, ""))
			case <-leave:
				stay = false
			case <-ctx.Done():
				stay = false
			}
		}
		_ = f.leave()
	}
}
