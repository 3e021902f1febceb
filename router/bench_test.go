package router

import (
	"fmt"
	"testing"

	"llmroute/router/config"
)

// crowd returns a configuration of n rules that ask for a model each, and the
// usual few that ask for something else.
func crowd(n int) *config.Config {
	c := &config.Config{Backends: []*config.Backend{backend("a"), backend("b")}}
	const perRoute = 16
	for i := 0; i < n; i += perRoute {
		r := route(fmt.Sprintf("r%d", i))
		for j := i; j < min(i+perRoute, n); j++ {
			r.Rules = append(r.Rules, rule1(fmt.Sprintf("model:model-%d", j), to("a=20", "b=80")))
		}
		c.Routes = append(c.Routes, r)
	}
	c.Routes = append(c.Routes, route("others", rules("/v2", "x-tenant:vip", "")...))
	return c
}

func TestPlanAllocatesNothing(t *testing.T) {
	hosted := crowd(64)
	for i, r := range hosted.Routes {
		if i%2 == 0 {
			r.Hostnames = []string{"*.example.com", "llm.example.com"}
		}
	}
	for name, c := range map[string]*config.Config{"no hostnames": crowd(64), "hostnames": hosted} {
		t.Run(name, func(t *testing.T) {
			s, a := Compile(c), ask("POST llm.example.com:443 /v1/chat/completions?x=1 model:model-33")
			var p Plan
			allocs := testing.AllocsPerRun(1000, func() {
				if err := s.Plan(&p, a, nil); err != nil {
					t.Fatal(err)
				}
			})
			if allocs != 0 {
				t.Errorf("allocations per plan: got %v, want 0", allocs)
			}
		})
	}
}

// BenchmarkPlan shows that the cost of an exact model does not grow with the
// rules; its model differs from call to call, as it does in life.
func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{10, 100, 1_000, 10_000} {
		s := Compile(crowd(n))
		for _, bm := range []struct {
			name   string
			models int
		}{{"one", 1}, {"ten", 10}} {
			asks := make([]*Ask, bm.models)
			for i := range asks {
				asks[i] = ask(fmt.Sprintf("POST llm.example.com /v1/chat/completions model:model-%d", i*n/bm.models))
			}
			b.Run(fmt.Sprintf("rules=%d/models=%s", n, bm.name), func(b *testing.B) {
				b.ReportAllocs()
				var p Plan
				for i := 0; b.Loop(); i++ {
					if err := s.Plan(&p, asks[i%len(asks)], nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		c := crowd(n)
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Compile(c)
			}
		})
	}
}
