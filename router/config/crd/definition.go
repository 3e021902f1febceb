package crd

import (
	"fmt"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"llmroute/api/v1alpha1"
	"llmroute/manifests"
)

// A definition is one version of a CustomResourceDefinition, compiled. It is
// immutable.
type definition struct {
	kind, apiVersion string
	hasStatus        bool
	schema           *schema.Structural
	validator        validation.SchemaValidator
	rules            *cel.Validator // nil, which is usable, when there are none
}

// definitions compiles each kind when it is first met: HTTPRoute alone takes
// tens of milliseconds, and many configurations have none.
var definitions = map[string]func() *definition{
	"LLMRoute":   lazily("aigateway.envoyproxy.io_llmroutes.yaml", v1alpha1.GroupVersion),
	"LLMBackend": lazily("aigateway.envoyproxy.io_llmbackends.yaml", v1alpha1.GroupVersion),
	"HTTPRoute":  lazily("gateway.networking.k8s.io_httproutes.yaml", gatewayv1.GroupVersion.String()),
}

// lazily compiles a file once, when it is first asked for. It panics on a
// definition that is not sound: they are embedded, so only a build that no test
// has seen could hold one.
func lazily(file, apiVersion string) func() *definition {
	return sync.OnceValue(func() *definition {
		text, err := manifests.CRDs.ReadFile("crds/" + file)
		if err != nil {
			panic(err)
		}
		def, err := compile(text, apiVersion)
		if err != nil {
			panic(fmt.Errorf("compile %s: %w", file, err))
		}
		return def
	})
}

// compile prepares the version of a CustomResourceDefinition that apiVersion names.
func compile(text []byte, apiVersion string) (*definition, error) {
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &crd); err != nil {
		return nil, err
	}
	for _, v := range crd.Spec.Versions {
		if crd.Spec.Group+"/"+v.Name != apiVersion {
			continue
		}
		var props apiextensions.JSONSchemaProps
		if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v.Schema.OpenAPIV3Schema, &props, nil); err != nil {
			return nil, err
		}
		structural, err := schema.NewStructural(&props)
		if err != nil {
			return nil, err
		}
		if err := defaulting.PruneDefaults(structural); err != nil {
			return nil, err
		}
		validator, _, err := validation.NewSchemaValidator(&props)
		if err != nil {
			return nil, err
		}
		return &definition{
			kind:       crd.Spec.Names.Kind,
			apiVersion: apiVersion,
			hasStatus:  v.Subresources != nil && v.Subresources.Status != nil,
			schema:     structural,
			validator:  validator,
			rules:      cel.NewValidator(structural, true, celconfig.PerCallLimit),
		}, nil
	}
	return nil, fmt.Errorf("version %s is not in it", apiVersion)
}
