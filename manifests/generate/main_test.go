package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The tests stand in for an API server's view of an HTTPRoute, so what is checked
// in must be what the Gateway API publishes, in both places.
func TestCheckedInDefinitionsAreCurrent(t *testing.T) {
	dir := t.TempDir()
	crds := filepath.Join("..", "crds")
	checkedIn := make(map[string]string)
	for _, name := range []string{llmRoutes, httpRoutes} {
		text, err := os.ReadFile(filepath.Join(crds, name))
		if err != nil {
			t.Fatal(err)
		}
		checkedIn[name] = string(text)
	}
	// Splicing what is spliced already must change nothing.
	if err := os.WriteFile(filepath.Join(dir, llmRoutes), []byte(checkedIn[llmRoutes]), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := generate(dir); err != nil {
		t.Fatal(err)
	}
	for name, got := range checkedIn {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s is not what go generate ./manifests makes (-want +got):\n%s", name, diff)
		}
	}
}

func TestSpliceKeepsOwnRules(t *testing.T) {
	const route = `
spec:
  versions:
  - schema:
      openAPIV3Schema:
        properties:
          spec:
            properties:
              httpRoute:
                description: ours
                properties: {experimental: {type: string}}
                type: object
                x-kubernetes-validations: [{rule: "true", message: ours}]
`
	const standard = `
spec:
  names: {kind: HTTPRoute}
  versions:
  - name: v1beta1
    schema: {openAPIV3Schema: {properties: {spec: {type: object, properties: {old: {type: string}}}}}}
  - name: v1
    schema:
      openAPIV3Schema:
        properties:
          spec:
            description: theirs
            properties:
              description: {type: string, description: of a field called description}
              rules: {type: array, items: {type: string, description: theirs}}
            type: object
`
	const want = `---
spec:
  versions:
  - schema:
      openAPIV3Schema:
        properties:
          spec:
            properties:
              httpRoute:
                description: ours
                properties:
                  description:
                    type: string
                  rules:
                    items:
                      type: string
                    type: array
                type: object
                x-kubernetes-validations:
                - message: ours
                  rule: "true"
`
	got, err := splice([]byte(route), []byte(standard))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("splice (-got +want):\n%s", diff)
	}
}

func TestSpliceNamesWhatIsMissing(t *testing.T) {
	const standard = `{"spec": {"names": {"kind": "HTTPRoute"}, "versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"properties": {"spec": {"type": "object"}}}}}]}}`
	tests := []struct{ name, route, standard, want string }{
		{"no version v1", `{}`, `{"spec": {"names": {"kind": "HTTPRoute"}}}`, "HTTPRoute v1 has no spec"},
		{"no versions", `{"spec": {"versions": []}}`, standard, "no 0 in [spec versions 0 schema openAPIV3Schema properties spec properties httpRoute]"},
		{"no field", `{"spec": {"versions": [{}]}}`, standard, "no object at [spec versions 0 schema openAPIV3Schema properties spec properties httpRoute]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := splice([]byte(test.route), []byte(test.standard))
			if err == nil || err.Error() != test.want {
				t.Errorf("splice: got error %v, want %q", err, test.want)
			}
		})
	}
}
