package router

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/router/config"
	"llmroute/translator"
)

// TestPlanOfModels shows what a backend's models decide: which one is meant where none
// is named, which are refused, and whose settings count.
func TestPlanOfModels(t *testing.T) {
	const doc = `
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: LLMBackend
metadata: {name: multi}
spec:
  outputSchema: OpenAI
  cluster: c
  addressable: true
  strictModels: true
  defaultModel: small
  models:
    small: {limits: {maxInputTokens: 10}, contextWindowFallback: large}
    large: {limits: {maxInputTokens: 100}}
---
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: LLMBackend
metadata: {name: free}
spec:
  outputSchema: OpenAI
  cluster: c
  addressable: true
  models: {small: {limits: {maxInputTokens: 20}}}
---
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: LLMRoute
metadata: {name: r}
spec:
  inputSchema: OpenAI
  rules:
  - matches: [{headers: [{name: x-envoy-ai-gateway-llm-model, value: routed}]}]
    backendRefs: [{name: free}]
  - matches: [{headers: [{name: x-tenant, value: a}]}]
    backendRefs: [{name: multi}]
  - matches: [{headers: [{name: x-tenant, value: b}]}]
    backendRefs: [{name: free}]
`
	c, err := config.Load(config.Options{
		Sources:        []config.Source{{Name: "memory", Data: []byte(doc)}},
		DefaultBackend: "multi",
		Aliases:        []string{`gpt-(\d)$=free:own-\1`, "short=small", "small=never", "ab=routed"},
	})
	if err != nil {
		t.Fatal(err)
	}
	type result struct {
		Backend, Asked, Model string
		Limit                 int64
		Code                  string
	}
	tests := []struct {
		ask  string
		want result
	}{
		{"POST h /", result{"multi", "small", "small", 10, ""}},
		{"POST h / x-tenant:a", result{"multi", "small", "small", 10, ""}},
		{"POST h / x-tenant:b", result{"free", "", "", 0, "missing_required_parameter"}},
		{"POST h / model:multi:", result{"multi", "small", "small", 10, ""}},
		{"POST h / model:multi", result{"multi", "small", "small", 10, ""}},
		{"POST h / model:free:", result{"free", "free:", "", 0, "missing_required_parameter"}},
		{"POST h / model:large", result{"multi", "large", "large", 100, ""}},
		{"POST h / model:huge", result{"multi", "huge", "", 0, "model_not_found"}},
		{"POST h / model:free:small", result{"free", "free:small", "small", 20, ""}},
		{"POST h / model:free:huge", result{"free", "free:huge", "huge", 0, ""}},
		{"POST h / model:gpt-4", result{"free", "free:own-4", "own-4", 0, ""}},
		{"POST h / model:gpt-4o", result{"multi", "gpt-4o", "", 0, "model_not_found"}},
		{"POST h / model:shorter", result{"multi", "small", "small", 10, ""}},
		{"POST h / model:abc", result{"free", "routed", "routed", 0, ""}},
	}
	s := Compile(c)
	for _, tt := range tests {
		t.Run(tt.ask, func(t *testing.T) {
			var p Plan
			var got result
			if err := s.Plan(&p, ask(tt.ask), nil); err != nil {
				r, ok := errors.AsType[*translator.Refusal](err)
				if !ok {
					t.Fatal(err)
				}
				got.Code = r.Code
			}
			got.Backend, got.Asked, got.Model = p.Backend.ID, p.Asked, p.Model
			if p.Settings != nil {
				got.Limit = p.Settings.Limits.Input()
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("plan (-got +want):\n%s", diff)
			}
		})
	}
	t.Run("a longer model", func(t *testing.T) {
		var p Plan
		if err := s.Plan(&p, ask("POST h /"), nil); err != nil {
			t.Fatal(err)
		}
		body := []byte(`{"messages":[{"role":"user","content":"one two three four five six seven eight nine ten eleven twelve"}]}`)
		a, err := p.Admit(&translator.Fields{Operation: translator.ChatCompletions}, body)
		if err != nil || &a.Body[0] != &body[0] {
			t.Fatalf("admitted %+v, %v", a, err)
		}
		if diff := cmp.Diff(a.Warnings, []string{"model;small has no room for the request: large takes it"}); diff != "" {
			t.Errorf("warnings (-got +want):\n%s", diff)
		}
		if p.Model != "large" || p.Asked != "large" || p.ModelLabel != "large" || p.Settings.Limits.Input() != 100 {
			t.Errorf("plan %+v", p)
		}
		long := []byte(`{"messages":[{"role":"user","content":"` + strings.Repeat("word ", 200) + `"}]}`)
		if _, err := p.Admit(&translator.Fields{Operation: translator.ChatCompletions, Model: "small"}, long); err == nil {
			t.Error("large is the longest, and takes what is longer")
		}
	})
}
