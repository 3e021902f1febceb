package crd

import (
	"fmt"
	"io/fs"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"sigs.k8s.io/yaml"

	"llmroute/manifests"
)

// A server refuses a definition with a CEL rule that does not compile, or whose
// estimated cost is over its budget. Only the definitions know that, not the
// objects: here the rules would simply run.
func TestServerAcceptsDefinitions(t *testing.T) {
	files, err := fs.Glob(manifests.CRDs, "crds/*.yaml")
	if err != nil || len(files) != len(Kinds()) {
		t.Fatalf("got definitions %v, error %v, want one for each of %v", files, err, Kinds())
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			text, err := manifests.CRDs.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var crd apiextensionsv1.CustomResourceDefinition
			if err := yaml.UnmarshalStrict(text, &crd); err != nil {
				t.Fatal(err)
			}
			apiextensionsv1.SetObjectDefaults_CustomResourceDefinition(&crd)
			for _, v := range crd.Spec.Versions {
				if v.Storage {
					crd.Status.StoredVersions = []string{v.Name} // a server fills this in
				}
			}
			var internal apiextensions.CustomResourceDefinition
			if err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&crd, &internal, nil); err != nil {
				t.Fatal(err)
			}
			for _, err := range crdvalidation.ValidateCustomResourceDefinition(t.Context(), &internal) {
				t.Error(err)
			}
		})
	}
}

func TestCompileRefusesUnsoundDefinitions(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no YAML", `spec: [`, "error converting YAML to JSON: yaml: line 1: did not find expected node content"},
		{"other version", `{spec: {group: g, versions: [{name: v2}]}}`, "version g/v1 is not in it"},
		{"not structural", `{spec: {group: g, versions: [{name: v1, schema: {openAPIV3Schema: {type: object, $ref: "#/x"}}}]}}`,
			`OpenAPIV3Schema '$ref' is not supported`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := compile([]byte(test.text), "g/v1")
			if err == nil || err.Error() != test.want {
				t.Errorf("compile: got error %v, want %q", err, test.want)
			}
		})
	}
}

// BenchmarkCompile is what the first document of a kind pays.
func BenchmarkCompile(b *testing.B) {
	for kind, d := range map[string]struct{ file, apiVersion string }{
		"HTTPRoute":  {"gateway.networking.k8s.io_httproutes.yaml", "gateway.networking.k8s.io/v1"},
		"LLMBackend": {"aigateway.envoyproxy.io_llmbackends.yaml", "aigateway.envoyproxy.io/v1alpha1"},
		"LLMRoute":   {"aigateway.envoyproxy.io_llmroutes.yaml", "aigateway.envoyproxy.io/v1alpha1"},
	} {
		b.Run(kind, func(b *testing.B) {
			text, err := manifests.CRDs.ReadFile("crds/" + d.file)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := compile(text, d.apiVersion); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkValidate is what each document pays; the HTTPRoute is as big as one
// may be, so 625 of it make 10,000 rules.
func BenchmarkValidate(b *testing.B) {
	const rule = `{matches: [{headers: [{name: x-envoy-ai-gateway-llm-model, value: m%d}]}], ` +
		`backendRefs: [{group: aigateway.envoyproxy.io, kind: LLMBackend, name: a, weight: 20}, {group: aigateway.envoyproxy.io, kind: LLMBackend, name: b, weight: 80}]}`
	for name, doc := range map[string]string{
		"HTTPRoute of 16 rules": `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r}, spec: {rules: ` + list(rule, 16) + `}}`,
		"LLMRoute of 128 rules": fmt.Sprintf(route, "rules: "+list(`{matches: [{headers: [{name: x-envoy-ai-gateway-llm-model, value: m%d}]}], backendRefs: [{name: a}]}`, 128)),
		"LLMRoute of 1 ref":     fmt.Sprintf(route, "httpRouteRef: {name: r}"),
		"LLMBackend":            fmt.Sprintf(backend, "auth: {type: APIKey, env: KEY}, timeout: 30s"),
	} {
		obj := decode(b, doc)
		kind := obj["kind"].(string)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, errs := Validate(kind, obj); len(errs) > 0 {
					b.Fatal(errs)
				}
			}
		})
	}
}
