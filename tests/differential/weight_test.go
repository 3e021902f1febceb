package differential

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strconv"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"llmroute/api/v1alpha1"
	"llmroute/router"
	"llmroute/translator"
)

const (
	draws = 20_000
	// sigmas is how far a count may lie from what is expected. Chance alone goes
	// beyond five once in 1.7 million counts, and the seed makes it the same
	// chance every time.
	sigmas = 5
)

// share is one backend ref of a rule.
type share struct {
	weight  int // -1 when nothing is written, which means 1
	missing bool
}

func (s share) effective() int {
	if s.weight < 0 {
		return 1
	}
	return s.weight
}

// TestWeights draws from rules with random weights, and from some by hand.
func TestWeights(t *testing.T) {
	const random = 40
	byHand := [][]share{
		{{weight: 70}, {weight: 30}, {weight: 0}}, // HTTPRouteWeight of the conformance suite
		{{weight: 20}, {weight: 80}},
		{{weight: -1}, {weight: -1}},
		{{weight: -1}, {weight: -1, missing: true}}, // "50 percent of traffic must receive a 500"
		{{weight: 0}, {weight: 0}},
		{{weight: 1_000_000}, {weight: 1}},
		{{weight: 0}, {weight: 7}},
		{{weight: 3, missing: true}},
	}
	c := newChance(*seed, math.MaxUint64)
	cases := slices.Grow(byHand, random)
	for range random {
		shares := make([]share, 1+c.IntN(6))
		for i := range shares {
			shares[i].weight = one(c, []int{-1, 0, 1, 1, 2, 3, 10, c.IntN(100), c.IntN(1_000_001)})
			shares[i].missing = c.in(6)
		}
		cases = append(cases, shares)
	}
	for i, shares := range cases {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			s := compile(t, weighted(t, shares))
			got := draw(t, s, len(shares), newChance(*seed, uint64(i)))
			if i, far := farthest(got, expected(shares)); far > sigmas {
				t.Errorf("%+v: got %v, want %v: number %d is %.1f sigmas off", shares, got, expected(shares), i, far)
			}
		})
	}
}

// TestWeightsTellApart shows that the bounds notice weights that are not the
// configured ones.
func TestWeightsTellApart(t *testing.T) {
	right := []share{{weight: 20}, {weight: 80}}
	got := draw(t, compile(t, weighted(t, right)), len(right), newChance(*seed, 0))
	for _, wrong := range [][]share{
		{{weight: 80}, {weight: 20}},
		{{weight: 24}, {weight: 76}},
		{{weight: 20}, {weight: 80, missing: true}},
		{{weight: 0}, {weight: 80}},
	} {
		if _, far := farthest(got, expected(wrong)); far <= sigmas {
			t.Errorf("draws with weights %+v pass for %+v", right, wrong)
		}
	}
}

// weighted writes a route with one rule of these shares.
func weighted(t *testing.T, shares []share) []byte {
	t.Helper()
	var out bytes.Buffer
	refs := make([]map[string]any, 0, len(shares))
	for i, s := range shares {
		name := "b" + strconv.Itoa(i)
		ref := map[string]any{"name": name}
		if s.weight >= 0 {
			ref["weight"] = s.weight
		}
		refs = append(refs, ref)
		if !s.missing {
			backend(t, &out, "default", name)
		}
	}
	document(t, &out, v1alpha1.GroupVersion, "LLMRoute", metav1.ObjectMeta{Namespace: "default", Name: "weighted"}, map[string]any{
		"inputSchema": "OpenAI",
		"httpRoute":   map[string]any{"rules": []any{map[string]any{"backendRefs": refs}}},
	})
	return out.Bytes()
}

// expected returns what part of the requests each share gets, and at the end
// what part gets a 500: that of missing backends, and everything when no share
// takes any.
func expected(shares []share) []float64 {
	parts := make([]float64, len(shares)+1)
	total := 0
	for _, s := range shares {
		total += s.effective()
	}
	if total == 0 {
		parts[len(shares)] = 1
		return parts
	}
	for i, s := range shares {
		if s.missing {
			i = len(shares)
		}
		parts[i] += float64(s.effective()) / float64(total)
	}
	return parts
}

// draw plans many requests, and counts those of each of n backends and at the
// end those refused with a 500.
func draw(t *testing.T, s *router.Snapshot, n int, c chance) []int {
	t.Helper()
	counts := make([]int, n+1)
	a := &router.Ask{Host: "a.test", Method: "POST", Path: "/", Model: "any"}
	for range draws {
		var p router.Plan
		err := s.Plan(&p, a, c.Uint64N)
		if refusal, ok := errors.AsType[*translator.Refusal](err); ok && refusal.Status == 500 {
			counts[n]++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		i, err := strconv.Atoi(p.Backend.ID[1:])
		if err != nil {
			t.Fatal(err)
		}
		counts[i]++
	}
	return counts
}

// farthest returns which count lies farthest from its expected part, and how
// many standard deviations that is.
func farthest(counts []int, parts []float64) (index int, far float64) {
	for i, part := range parts {
		off := math.Abs(float64(counts[i]) - draws*part)
		if certain := part < 1e-9 || part > 1-1e-9; certain && off > 0.5 {
			return i, math.Inf(1)
		}
		// The 1 is for shares so small that their counts are all but 0: one pick of
		// such a share would be many of its own deviations.
		sigma := math.Sqrt(draws*part*(1-part) + 1)
		if off/sigma > far {
			index, far = i, off/sigma
		}
	}
	return index, far
}
