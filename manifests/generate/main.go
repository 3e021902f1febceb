// Command generate finishes what controller-gen wrote into manifests/crds.
//
// It copies the HTTPRoute definition of the Gateway API's standard channel and
// puts its schema in place of LLMRoute's spec.httpRoute. controller-gen knows
// only the Go types, which hold the experimental channel too and lack some of
// the rules: a spec would then get one verdict inside an LLMRoute and another in
// an HTTPRoute of its own.
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

const (
	llmRoutes  = "aigateway.envoyproxy.io_llmroutes.yaml"
	httpRoutes = "gateway.networking.k8s.io_httproutes.yaml"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("generate: ")
	if len(os.Args) != 2 {
		log.Fatal("usage: generate DIR")
	}
	if err := generate(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func generate(dir string) error {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		return fmt.Errorf("find module: %w", err)
	}
	standard, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "config", "crd", "standard", httpRoutes))
	if err != nil {
		return err
	}
	crds, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = crds.Close() }()
	generated, err := crds.ReadFile(llmRoutes)
	if err != nil {
		return err
	}
	spliced, err := splice(generated, standard)
	if err != nil {
		return fmt.Errorf("splice %s: %w", llmRoutes, err)
	}
	if err := crds.WriteFile(httpRoutes, standard, 0o644); err != nil {
		return err
	}
	return crds.WriteFile(llmRoutes, spliced, 0o644)
}

// splice returns the LLMRoute definition with the HTTPRoute's spec as the schema
// of spec.httpRoute. The field keeps its own description and rules. Descriptions
// below it go: they say nothing that the HTTPRoute's do not, and make up most of
// the file.
func splice(llmRoute, httpRoute []byte) ([]byte, error) {
	// Maps, because decoding into the API's own types and back adds an empty status.
	var target map[string]any
	if err := yaml.Unmarshal(llmRoute, &target); err != nil {
		return nil, err
	}
	var source apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(httpRoute, &source); err != nil {
		return nil, err
	}
	spec, err := specOf(&source, "v1")
	if err != nil {
		return nil, err
	}

	field, err := descend(target, "spec", "versions", 0, "schema", "openAPIV3Schema", "properties", "spec", "properties", "httpRoute")
	if err != nil {
		return nil, err
	}
	withoutDescriptions(&spec)
	text, err := yaml.Marshal(spec)
	if err != nil {
		return nil, err
	}
	description, rules := field["description"], field["x-kubernetes-validations"]
	clear(field)
	if err := yaml.Unmarshal(text, &field); err != nil {
		return nil, err
	}
	field["description"], field["x-kubernetes-validations"] = description, rules

	text, err = yaml.Marshal(target)
	if err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{[]byte("---\n"), text}, nil), nil
}

// specOf returns the schema of spec in one version of a definition.
func specOf(crd *apiextensionsv1.CustomResourceDefinition, version string) (apiextensionsv1.JSONSchemaProps, error) {
	for _, v := range crd.Spec.Versions {
		if v.Name != version {
			continue
		}
		if spec, ok := v.Schema.OpenAPIV3Schema.Properties["spec"]; ok {
			return spec, nil
		}
	}
	return apiextensionsv1.JSONSchemaProps{}, fmt.Errorf("%s %s has no spec", crd.Spec.Names.Kind, version)
}

// descend follows names and positions to an object.
func descend(v any, path ...any) (map[string]any, error) {
	for _, step := range path {
		switch at := v.(type) {
		case map[string]any:
			name, _ := step.(string)
			v = at[name]
		case []any:
			i, ok := step.(int)
			if !ok || i >= len(at) {
				return nil, fmt.Errorf("no %v in %v", step, path)
			}
			v = at[i]
		}
	}
	obj, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("no object at %v", path)
	}
	return obj, nil
}

// withoutDescriptions takes the descriptions out of a structural schema, which
// nests in properties, items and additionalProperties alone.
func withoutDescriptions(s *apiextensionsv1.JSONSchemaProps) {
	s.Description = ""
	for name, prop := range s.Properties {
		withoutDescriptions(&prop)
		s.Properties[name] = prop
	}
	if s.Items != nil && s.Items.Schema != nil {
		withoutDescriptions(s.Items.Schema)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		withoutDescriptions(s.AdditionalProperties.Schema)
	}
}
