package router

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/router/config"
	"llmroute/translator"
)

// outcome is what a Plan and its error come to.
type outcome struct {
	Route, Rule, Backend, Model, Label string
	Status                             int
	Code                               string
}

func plan(t *testing.T, s *Snapshot, a *Ask) outcome {
	t.Helper()
	p := Plan{Route: "stale", Rule: "stale", Model: "stale", Backend: &Backend{}}
	err := s.Plan(&p, a, nil)
	got := outcome{Route: p.Route, Rule: p.Rule, Model: p.Model, Label: p.ModelLabel}
	if p.Backend != nil {
		got.Backend = p.Backend.ID
	}
	if err != nil {
		var r *translator.Refusal
		if !errors.As(err, &r) {
			t.Fatalf("plan: got %T (%v), want a *translator.Refusal", err, err)
		}
		got.Status, got.Code = r.Status, r.Code
	}
	return got
}

// office is a configuration with one of everything that Plan can come to.
func office() *config.Config {
	named := route("named", rule1("model:n", to("b")))
	named.Rules[0].Name = "chat"
	return &config.Config{
		Hash: "office",
		Backends: []*config.Backend{
			backend("b", override("b-real")),
			backend("custom", addressable, serving("company-large")),
			backend("keyless", keyed(""), addressable),
			backend("prefixed", func(b *config.Backend) { b.ModelPrefixes = []string{"gpt-", "o"} }),
			backend("pinned", addressable, override("only")),
			backend("long", func(b *config.Backend) { b.ModelPrefixes = []string{"gpt-4"} }),
			backend("quiet", serving("quiet-model", "llama3:70b")),
		},
		Routes: []*config.Route{
			named,
			route("r",
				rule1("model:m", to("custom")),
				rule1("model:nothing", nil),
				rule1("model:zero", to("b=0", "custom=0")),
				rule1("model:gone", missing(to("gone"), "gone")),
				rule1("model:locked", to("keyless")),
				rule1("model:llama3:8b", to("custom")),
				rule1("model:custom:routed", to("quiet")),
				rule1("x-tenant:a", to("custom")),
			),
		},
	}
}

func TestPlan(t *testing.T) {
	tests := []struct {
		name, model string
		want        outcome
	}{
		{"routed", "m", outcome{Route: "r", Rule: "0", Backend: "custom", Model: "m", Label: "m"}},
		{"routed, renamed, by a named rule", "n", outcome{Route: "named", Rule: "chat", Backend: "b", Model: "b-real", Label: "n"}},
		{"no backends", "nothing", outcome{Route: "r", Rule: "1", Label: "nothing", Status: 500, Code: "backend_not_configured"}},
		{"weights add up to 0", "zero", outcome{Route: "r", Rule: "2", Label: "zero", Status: 500, Code: "backend_not_configured"}},
		{"no backend is configured", "gone", outcome{Route: "r", Rule: "3", Label: "gone", Status: 500, Code: "backend_not_configured"}},
		{"no key", "locked", outcome{Route: "r", Rule: "4", Backend: "keyless", Model: "locked", Label: "locked", Status: 401, Code: "missing_api_key"}},
		{"routed with a colon", "llama3:8b", outcome{Route: "r", Rule: "5", Backend: "custom", Model: "llama3:8b", Label: "llama3:8b"}},
		{"a route before an address", "custom:routed", outcome{Route: "r", Rule: "6", Backend: "quiet", Model: "custom:routed", Label: "custom:routed"}},

		{"addressed", "custom:company-large", outcome{Backend: "custom", Model: "company-large", Label: "company-large"}},
		{"addressed, a model nobody configured", "custom:x", outcome{Backend: "custom", Model: "x", Label: "other"}},
		{"addressed, slashes and colons in the model", "custom:vendor/x:free", outcome{Backend: "custom", Model: "vendor/x:free", Label: "other"}},
		{"addressed, renamed", "pinned:x", outcome{Backend: "pinned", Model: "only", Label: "other"}},
		{"addressed without a model, which is fixed", "pinned:", outcome{Backend: "pinned", Model: "only", Label: "other"}},
		{"addressed without a model", "custom:", outcome{Backend: "custom", Label: "other", Status: 400, Code: "missing_required_parameter"}},
		{"addressed, no key", "keyless:x", outcome{Backend: "keyless", Model: "x", Label: "other", Status: 401, Code: "missing_api_key"}},
		{"not addressable", "b:x", outcome{Label: "other", Status: 404, Code: "backend_not_found"}},
		{"no such backend", "nobody:x", outcome{Label: "other", Status: 404, Code: "backend_not_found"}},
		{"no such backend, but a configured model", "llama3:70b", outcome{Label: "other", Status: 404, Code: "model_not_found"}},
		{"colon behind a slash", "custom/x:free", outcome{Label: "other", Status: 404, Code: "model_not_found"}},
		{"colon in front", ":x", outcome{Label: "other", Status: 404, Code: "model_not_found"}},
		{"colon at the end", "nobody:", outcome{Label: "other", Status: 404, Code: "model_not_found"}},

		{"begins as a provider's", "gpt-3.5", outcome{Backend: "prefixed", Model: "gpt-3.5", Label: "other"}},
		{"begins as another provider's, by more", "gpt-4o", outcome{Backend: "long", Model: "gpt-4o", Label: "other"}},
		{"unknown", "llama", outcome{Label: "other", Status: 404, Code: "model_not_found"}},
		{"a backend's model that no route names", "quiet-model", outcome{Label: "other", Status: 404, Code: "model_not_found"}},
		{"missing", "", outcome{Label: "other", Status: 400, Code: "missing_required_parameter"}},
	}
	s := Compile(office())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := plan(t, s, &Ask{Method: "POST", Host: "h", Path: "/v1/chat/completions", Model: tt.model})
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("plan of %q (-got +want):\n%s", tt.model, diff)
			}
		})
	}
	t.Run("no model condition, a configured model", func(t *testing.T) {
		got := plan(t, s, ask("POST h / x-tenant:a model:company-large"))
		want := outcome{Route: "r", Rule: "7", Backend: "custom", Model: "company-large", Label: "company-large"}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("plan (-got +want):\n%s", diff)
		}
	})
	t.Run("no model, though the route asks for none", func(t *testing.T) {
		got := plan(t, s, ask("POST h / x-tenant:a"))
		if diff := cmp.Diff(got, outcome{Route: "r", Rule: "7", Backend: "custom", Label: "other", Status: 400, Code: "missing_required_parameter"}); diff != "" {
			t.Errorf("plan (-got +want):\n%s", diff)
		}
	})
}

func TestDefaultBackend(t *testing.T) {
	c := office()
	c.DefaultBackend = "quiet"
	s := Compile(c)
	for model, want := range map[string]outcome{
		"quiet-model":  {Backend: "quiet", Model: "quiet-model", Label: "quiet-model"},
		"llama3:70b":   {Backend: "quiet", Model: "llama3:70b", Label: "llama3:70b"},
		"nobody:x":     {Backend: "quiet", Model: "nobody:x", Label: "other"},
		"m":            {Route: "r", Rule: "0", Backend: "custom", Model: "m", Label: "m"},
		"custom:x":     {Backend: "custom", Model: "x", Label: "other"},
		"gpt-4o":       {Backend: "long", Model: "gpt-4o", Label: "other"},
		"vendor/x:tag": {Backend: "quiet", Model: "vendor/x:tag", Label: "other"},
	} {
		if diff := cmp.Diff(plan(t, s, &Ask{Path: "/", Model: model}), want); diff != "" {
			t.Errorf("plan of %q (-got +want):\n%s", model, diff)
		}
	}
}

func TestColonsWhereNobodyIsAddressable(t *testing.T) {
	got := plan(t, compile(route("r", rule1("model:m", to("b")))), &Ask{Path: "/", Model: "llama3:8b"})
	if diff := cmp.Diff(got, outcome{Label: "other", Status: 404, Code: "model_not_found"}); diff != "" {
		t.Errorf("plan (-got +want):\n%s", diff)
	}
}

func TestWeights(t *testing.T) {
	tests := []struct {
		name string
		refs []config.BackendRef
		want map[string]float64 // shares; "" is the 500
	}{
		{"20 and 80", to("b=20", "custom=80"), map[string]float64{"b": .2, "custom": .8}},
		{"default weights", to("b", "custom"), map[string]float64{"b": .5, "custom": .5}},
		{"0 and 5", to("b=0", "custom=5"), map[string]float64{"custom": 1}},
		{"one of three is missing", missing(to("b=1", "gone=2", "custom=1"), "gone"), map[string]float64{"b": .25, "": .5, "custom": .25}},
		{"the missing one weighs nothing", missing(to("b=1", "gone=0"), "gone"), map[string]float64{"b": 1}},
		{"the largest weights", to("b=1000000", "custom=3000000"), map[string]float64{"b": .25, "custom": .75}},
		{"the same backend twice", to("b=1", "custom=2", "b=1"), map[string]float64{"b": .5, "custom": .5}},
	}
	const requests = 20_000
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := Compile(&config.Config{
				Backends: []*config.Backend{backend("b"), backend("custom")},
				Routes:   []*config.Route{route("r", rule1("model:m", tt.refs))},
			})
			draw := rand.New(rand.NewPCG(1, 2)).Uint64N
			counts := map[string]int{}
			var p Plan
			for range requests {
				err := s.Plan(&p, &Ask{Path: "/", Model: "m"}, draw)
				switch {
				case err == nil:
					counts[p.Backend.ID]++
				case errors.Is(err, noBackend):
					counts[""]++
				default:
					t.Fatal(err)
				}
			}
			for id, n := range counts {
				if share := float64(n) / requests; share < tt.want[id]-.015 || share > tt.want[id]+.015 {
					t.Errorf("share of %q: got %.3f, want %.3f", id, share, tt.want[id])
				}
			}
			if len(counts) != len(tt.want) {
				t.Errorf("backends: got %v, want those of %v", counts, tt.want)
			}
		})
	}
}

func TestDrawOfNil(t *testing.T) {
	s := Compile(&config.Config{
		Backends: []*config.Backend{backend("b"), backend("custom")},
		Routes:   []*config.Route{route("r", rule1("model:m", to("b", "custom")))},
	})
	counts := map[string]int{}
	for range 2000 {
		counts[plan(t, s, &Ask{Path: "/", Model: "m"}).Backend]++
	}
	if b := counts["b"]; b < 800 || b > 1200 { // nine standard deviations
		t.Errorf("picks: got %v, want about half each", counts)
	}
}

func TestDrawsAreExact(t *testing.T) {
	s := Compile(&config.Config{
		Backends: []*config.Backend{backend("a"), backend("b"), backend("c")},
		Routes:   []*config.Route{route("r", rule1("", to("a=2", "b=0", "c=3")))},
	})
	got := make([]string, 5)
	for i := range got {
		var p Plan
		err := s.Plan(&p, &Ask{Path: "/", Model: "m"}, func(n uint64) uint64 {
			if n != 5 {
				t.Errorf("draw among: got %d, want 5", n)
			}
			return uint64(i)
		})
		if err != nil {
			t.Fatal(err)
		}
		got[i] = p.Backend.ID
	}
	if diff := cmp.Diff(got, []string{"a", "a", "c", "c", "c"}); diff != "" {
		t.Errorf("draws 0 to 4 (-got +want):\n%s", diff)
	}
}

func TestModels(t *testing.T) {
	hosted := route("hosted", rule1("model:secret", to("b")), rule1("/v1", to("quiet")))
	hosted.Hostnames = []string{"*.corp.example"}
	c := office()
	c.Routes = append(c.Routes, hosted, route("both", rule1("model:both", to("b", "quiet")), rule1("model:m | model:half", missing(to("b", "gone"), "gone")),
		rule1("/v1 model:two", to("b")), rule1("=/v1/completions model:two", to("quiet")),
		rule1("/v1 model:three", to("b")), rule1("/v1/x model:three", to("quiet"))))
	tests := []struct {
		name, host, standard string
		want                 []Model
	}{
		{"a host of its own", "a.corp.example:8080", "", []Model{
			{"both", "both"}, {"company-large", "custom"}, {"custom:company-large", "custom"}, {"custom:routed", "quiet"}, {"half", "b"},
			{"llama3:70b", "quiet"}, {"llama3:8b", "custom"}, {"locked", "keyless"}, {"m", "custom"}, {"n", "b"},
			{"quiet-model", "quiet"}, {"secret", "b"}, {"three", "quiet"}, {"two", "quiet"},
		}},
		{"any host", "example.org", "", []Model{
			{"both", "both"}, {"company-large", "custom"}, {"custom:company-large", "custom"}, {"custom:routed", "quiet"}, {"half", "b"},
			{"llama3:8b", "custom"}, {"locked", "keyless"}, {"m", "custom"}, {"n", "b"}, {"three", "quiet"}, {"two", "quiet"},
		}},
		{"a default backend", "example.org", "quiet", []Model{
			{"both", "both"}, {"company-large", "custom"}, {"custom:company-large", "custom"}, {"custom:routed", "quiet"}, {"half", "b"},
			{"llama3:70b", "quiet"}, {"llama3:8b", "custom"}, {"locked", "keyless"}, {"m", "custom"}, {"n", "b"}, {"quiet-model", "quiet"}, {"three", "quiet"}, {"two", "quiet"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c.DefaultBackend = tt.standard
			got := Compile(c).Models(&Ask{Host: tt.host, Method: "GET", Path: "/v1/models"})
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("models (-got +want):\n%s", diff)
			}
		})
	}
}

func TestExplain(t *testing.T) {
	c := office()
	c.Routes = append(c.Routes, route("split", rule1("model:s x-a:1", missing(to("b=1", "gone=1", "keyless=2", "quiet=0"), "gone")), rule1("model:s", to("b"))))
	c.Routes[len(c.Routes)-1].Hostnames = []string{"a.h", "*.h"}
	s := Compile(c)
	type odds struct {
		ID    string
		Share float64
		Model string
		Code  string
	}
	type result struct {
		Step    Step
		Matches []string
		Odds    []odds
		Code    string
	}
	tests := []struct {
		ask  string
		want result
	}{
		{"POST a.h / model:s x-a:1 x-tenant:a", result{Step: StepRoute, Matches: []string{"split/0", "split/1", "r/7"}, Odds: []odds{
			{"b", .25, "b-real", ""}, {"gone", .25, "", "backend_not_configured"}, {"keyless", .5, "s", "missing_api_key"},
		}}},
		{"POST h / model:zero", result{Step: StepRoute, Matches: []string{"r/2"}, Code: "backend_not_configured"}},
		{"POST h / model:custom:x", result{Step: StepAddress, Odds: []odds{{"custom", 1, "x", ""}}}},
		{"POST h / model:custom:", result{Step: StepAddress, Odds: []odds{{"custom", 1, "", "missing_required_parameter"}}}},
		{"POST h / model:gpt-4o", result{Step: StepPrefix, Odds: []odds{{"long", 1, "gpt-4o", ""}}}},
		{"POST h / model:unknown", result{Step: StepNone, Code: "model_not_found"}},
		{"POST h / x-tenant:a", result{Step: StepRoute, Matches: []string{"r/7"}, Odds: []odds{{"custom", 1, "", "missing_required_parameter"}}}},
	}
	code := func(r *translator.Refusal) string {
		if r == nil {
			return ""
		}
		return r.Code
	}
	for _, tt := range tests {
		t.Run(tt.ask, func(t *testing.T) {
			e := s.Explain(ask(tt.ask))
			got := result{Step: e.Step, Code: code(e.Refusal)}
			for _, m := range e.Matches {
				got.Matches = append(got.Matches, m.Route.Name+"/"+m.Label)
			}
			for _, o := range e.Odds {
				got.Odds = append(got.Odds, odds{o.ID, o.Share, o.Plan.Model, code(o.Refusal)})
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("explanation (-got +want):\n%s", diff)
			}
		})
	}
}
