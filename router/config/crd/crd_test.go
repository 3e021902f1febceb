package crd

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// decode reads one YAML document as package config does.
func decode(tb testing.TB, doc string) map[string]any {
	tb.Helper()
	text, err := yaml.YAMLToJSONStrict([]byte(doc))
	if err != nil {
		tb.Fatalf("%v in:\n%s", err, doc)
	}
	var obj map[string]any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(text, &obj); err != nil {
		tb.Fatalf("%v in:\n%s", err, doc)
	}
	return obj
}

// validate returns the verdict on a document in a server's words.
func validate(obj map[string]any) []string {
	kind, _ := obj["kind"].(string)
	_, errs := Validate(kind, obj)
	if len(errs) == 0 {
		return nil
	}
	words := make([]string, len(errs))
	for i, err := range errs {
		words[i] = err.Error()
	}
	return words
}

// TestValidateFiles reads cases from testdata. Each is one YAML document; its
// first line is a comment with its name, "# error: " lines after it are all the
// errors it must have, in order.
func TestValidateFiles(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for doc := range strings.SplitSeq(string(text), "\n---\n") {
			name, rest, _ := strings.Cut(strings.TrimPrefix(doc, "# "), "\n")
			t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml")+"/"+name, func(t *testing.T) {
				var want []string
				for line := range strings.Lines(rest) {
					if message, ok := strings.CutPrefix(line, "# error: "); ok {
						want = append(want, strings.TrimSuffix(message, "\n"))
					}
				}
				if diff := cmp.Diff(validate(decode(t, doc)), want); diff != "" {
					t.Errorf("errors (-got +want):\n%s", diff)
				}
			})
		}
	}
}

const route = `
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: LLMRoute
metadata: {name: r}
spec: {inputSchema: {schema: OpenAI}, %s}
`

const backend = `
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: LLMBackend
metadata: {name: b}
spec: {outputSchema: {schema: OpenAI}, endpoint: "https://h", %s}
`

// list writes n items as a YAML flow list, numbering those that hold a %d.
func list(item string, n int) string {
	items := make([]string, n)
	for i := range items {
		items[i] = strings.ReplaceAll(item, "%d", strconv.Itoa(i))
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// TestLimits tries each limit on size at its last good and its first bad value.
func TestLimits(t *testing.T) {
	tests := []struct {
		name string
		max  int
		doc  func(n int) string
		want string // the error at one more than max
	}{
		{"rules", 128, func(n int) string { return fmt.Sprintf(route, "rules: "+list("{}", n)) },
			"spec.rules: Too many: 129: must have at most 128 items"},
		{"matches", 128, func(n int) string { return fmt.Sprintf(route, "rules: [{matches: "+list("{}", n)+"}]") },
			"spec.rules[0].matches: Too many: 129: must have at most 128 items"},
		{"backendRefs", 128, func(n int) string { return fmt.Sprintf(route, "rules: [{backendRefs: "+list("{name: b}", n)+"}]") },
			"spec.rules[0].backendRefs: Too many: 129: must have at most 128 items"},
		{"headers", 16, func(n int) string {
			return fmt.Sprintf(route, "rules: [{matches: [{headers: "+list("{name: h%d, value: v}", n)+"}]}]")
		}, "spec.rules[0].matches[0].headers: Too many: 17: must have at most 16 items"},
		{"targetRefs", 128, func(n int) string {
			return fmt.Sprintf(route, "rules: [{}], targetRefs: "+list("{group: g, kind: K, name: gw}", n))
		}, "spec.targetRefs: Too many: 129: must have at most 128 items"},
		{"parentRefs", 32, func(n int) string { return fmt.Sprintf(route, "rules: [{}], parentRefs: "+list("{name: gw%d}", n)) },
			"spec.parentRefs: Too many: 33: must have at most 32 items"},
		{"HTTPRoute rules", 16, func(n int) string { return fmt.Sprintf(route, "httpRoute: {rules: "+list("{}", n)+"}") },
			"spec.httpRoute.rules: Too many: 17: must have at most 16 items"},
		{"backend name", 253, func(n int) string {
			return fmt.Sprintf(route, "rules: [{backendRefs: [{name: "+strings.Repeat("b", n)+"}]}]")
		},
			"spec.rules[0].backendRefs[0].name: Too long: may not be more than 253 bytes"},
		{"models", 1024, func(n int) string {
			return fmt.Sprintf(backend, "models: "+strings.NewReplacer("[", "{", "]", "}").Replace(list("m%d: {}", n)))
		},
			"spec.models: Too many: 1025: must have at most 1024 items"},
		{"model name", 256, func(n int) string { return fmt.Sprintf(backend, "modelNameOverride: "+strings.Repeat("m", n)) },
			"spec.modelNameOverride: Too long: may not be more than 256 bytes"},
		{"passthroughPaths", 128, func(n int) string { return fmt.Sprintf(backend, "passthroughPaths: "+list("/%d", n)) },
			"spec.passthroughPaths: Too many: 129: must have at most 128 items"},
		{"headers set", 64, func(n int) string {
			return fmt.Sprintf(backend, "headerMutation: {set: "+list("{name: h%d, value: v}", n)+"}")
		}, "spec.headerMutation.set: Too many: 65: must have at most 64 items"},
		{"headers removed", 64, func(n int) string { return fmt.Sprintf(backend, "headerMutation: {remove: "+list("h%d", n)+"}") },
			"spec.headerMutation.remove: Too many: 65: must have at most 64 items"},
		{"body set", 64, func(n int) string {
			return fmt.Sprintf(backend, "bodyMutation: {set: "+list("{path: p%d, value: 1}", n)+"}")
		}, "spec.bodyMutation.set: Too many: 65: must have at most 64 items"},
		{"body removed", 64, func(n int) string { return fmt.Sprintf(backend, "bodyMutation: {remove: "+list("p%d", n)+"}") },
			"spec.bodyMutation.remove: Too many: 65: must have at most 64 items"},
		{"header value", 4096, func(n int) string {
			return fmt.Sprintf(backend, "headerMutation: {set: [{name: h, value: "+strings.Repeat("v", n)+"}]}")
		}, "spec.headerMutation.set[0].value: Too long: may not be more than 4096 bytes"},
		{"key", 4096, func(n int) string {
			return fmt.Sprintf(backend, "auth: {type: APIKey, key: "+strings.Repeat("k", n)+"}")
		},
			"spec.auth.key: Too long: may not be more than 4096 bytes"},
	}
	const unchecked = "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(validate(decode(t, test.doc(test.max))), []string(nil)); diff != "" {
				t.Errorf("errors at %d (-got +want):\n%s", test.max, diff)
			}
			if diff := cmp.Diff(validate(decode(t, test.doc(test.max+1))), []string{test.want, unchecked}); diff != "" {
				t.Errorf("errors at %d (-got +want):\n%s", test.max+1, diff)
			}
		})
	}
}

func TestValidateFillsInDefaults(t *testing.T) {
	tests := []struct{ name, doc, want string }{
		{"weight, match type and namespace", fmt.Sprintf(route, `rules: [{matches: [{headers: [{name: h, value: v}]}], backendRefs: [{name: b}, {name: c, weight: 0}]}]`), `
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: LLMRoute
metadata: {name: r, namespace: default}
spec:
  inputSchema: {schema: OpenAI}
  rules:
  - matches: [{headers: [{name: h, value: v, type: Exact}]}]
    backendRefs: [{name: b, weight: 1}, {name: c, weight: 0}]
`},
		{"auth type", fmt.Sprintf(backend, `auth: {}`), `
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: LLMBackend
metadata: {name: b, namespace: default}
spec: {outputSchema: {schema: OpenAI}, endpoint: "https://h", auth: {type: None}}
`},
		{"entry of a Secret", fmt.Sprintf(backend, `auth: {type: APIKey, secretRef: {name: s}}`), `
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: LLMBackend
metadata: {name: b, namespace: default}
spec: {outputSchema: {schema: OpenAI}, endpoint: "https://h", auth: {type: APIKey, secretRef: {name: s, key: apiKey}}}
`},
		{"HTTPRoute inside", fmt.Sprintf(route, `httpRoute: {}`), `
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: LLMRoute
metadata: {name: r, namespace: default}
spec:
  inputSchema: {schema: OpenAI}
  httpRoute: {rules: [{matches: [{path: {type: PathPrefix, value: /}}]}]}
`},
		{"HTTPRoute, without the status", `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: prod, creationTimestamp: "2026-01-02T03:04:05Z"}
spec: {rules: [{backendRefs: [{name: b, kind: LLMBackend, group: aigateway.envoyproxy.io}]}]}
status: {parents: []}
`, `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: prod, creationTimestamp: "2026-01-02T03:04:05Z"}
spec:
  rules:
  - matches: [{path: {type: PathPrefix, value: /}}]
    backendRefs: [{name: b, kind: LLMBackend, group: aigateway.envoyproxy.io, weight: 1}]
`},
		{"nulls in a body stay, others go", fmt.Sprintf(backend, `auth: null, bodyMutation: {set: [{path: stop, value: null}]}`), `
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: LLMBackend
metadata: {name: b, namespace: default}
spec: {outputSchema: {schema: OpenAI}, endpoint: "https://h", bodyMutation: {set: [{path: stop, value: null}]}}
`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			obj := decode(t, test.doc)
			got, errs := Validate(obj["kind"].(string), obj)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			if diff := cmp.Diff(got, decode(t, test.want)); diff != "" {
				t.Errorf("defaulted (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(obj, decode(t, test.doc)); diff != "" {
				t.Errorf("what was passed in has changed (-got +want):\n%s", diff)
			}
		})
	}
}

func TestKinds(t *testing.T) {
	if diff := cmp.Diff(Kinds(), []string{"HTTPRoute", "LLMBackend", "LLMRoute"}); diff != "" {
		t.Errorf("kinds (-got +want):\n%s", diff)
	}
}

func TestValidateFromSeveralGoroutines(t *testing.T) {
	cases := []struct {
		obj  map[string]any
		want []string
	}{
		{decode(t, fmt.Sprintf(backend, "maxRetries: 1")), nil},
		{decode(t, fmt.Sprintf(backend, "maxRetries: -1")), []string{"spec.maxRetries: Invalid value: -1: spec.maxRetries in body should be greater than or equal to 0"}},
		{decode(t, fmt.Sprintf(backend, "cluster: c")), []string{"spec: Invalid value: exactly one of the fields in [endpoint backendRef cluster] must be set"}},
		{decode(t, fmt.Sprintf(route, "rules: [{}]")), nil},
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				for _, c := range cases {
					if diff := cmp.Diff(validate(c.obj), c.want); diff != "" {
						t.Errorf("errors (-got +want):\n%s", diff)
					}
				}
			}
		})
	}
	wg.Wait()
}
