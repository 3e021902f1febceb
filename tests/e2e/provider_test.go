package e2e

import (
	"fmt"
	"strings"
	"testing"

	"llmroute/internal/fakellm"
	"llmroute/internal/fakellm/fakellmtest"
)

// startProvider runs the embedded provider in this process, for as long as the
// test: it streams without pauses and remembers the last 256 requests.
func startProvider(t testing.TB) *fakellmtest.Provider {
	t.Helper()
	return fakellmtest.Start(t, 256, fakellm.Options{Delay: -1})
}

// backendDoc is an LLMBackend that speaks OpenAI at endpoint; more are further
// lines of its spec, in YAML, such as "auth: {type: Passthrough}".
func backendDoc(name, endpoint string, more ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "---\napiVersion: aigateway.envoyproxy.io/v1alpha1\nkind: LLMBackend\nmetadata: {name: %s}\nspec:\n", name)
	b.WriteString("  outputSchema: OpenAI\n")
	if endpoint != "" {
		fmt.Fprintf(&b, "  endpoint: %s\n", endpoint)
	}
	for _, line := range more {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	return b.String()
}

// routeDoc is an LLMRoute with the rules given, each in YAML's flow style, such
// as "{backendRefs: [{name: a}]}".
func routeDoc(name string, rules ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "---\napiVersion: aigateway.envoyproxy.io/v1alpha1\nkind: LLMRoute\nmetadata: {name: %s}\nspec:\n  inputSchema: OpenAI\n  rules:\n", name)
	for _, rule := range rules {
		fmt.Fprintf(&b, "  - %s\n", rule)
	}
	return b.String()
}

// httpRouteDoc is an LLMRoute that carries its HTTPRoute: what routeDoc has, and
// all else that a Gateway API match can ask for. hostnames and meta, further
// members of the metadata, are YAML's flow style without brackets.
func httpRouteDoc(name, meta, hostnames string, rules ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "---\napiVersion: aigateway.envoyproxy.io/v1alpha1\nkind: LLMRoute\nmetadata: {name: %s, %s}\nspec:\n  inputSchema: {schema: OpenAI}\n", name, meta)
	fmt.Fprintf(&b, "  httpRoute:\n    hostnames: [%s]\n    rules:\n", hostnames)
	for _, rule := range rules {
		fmt.Fprintf(&b, "    - %s\n", rule)
	}
	return b.String()
}

// modelRule is a rule for one model, in YAML's flow style; backends are names,
// or "name, weight: 20".
func modelRule(model string, backends ...string) string {
	return fmt.Sprintf("{matches: [{headers: [{name: x-envoy-ai-gateway-llm-model, value: %q}]}], backendRefs: [{name: %s}]}",
		model, strings.Join(backends, "}, {name: "))
}

// catchAll is a rule that takes what no other takes.
func catchAll(backends ...string) string {
	return fmt.Sprintf("{backendRefs: [{name: %s}]}", strings.Join(backends, "}, {name: "))
}
