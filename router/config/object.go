package config

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"llmroute/api/v1alpha1"
	"llmroute/router/config/crd"
)

// object reads one document into what it declares.
func (a *assembly) object(d *document) {
	switch d.kind {
	case kindSecret:
		a.secret(d)
	case kindLLMBackend:
		a.llmBackend(d)
	case kindHTTPRoute:
		var obj gatewayv1.HTTPRoute
		if !a.typed(d, &obj) {
			return
		}
		name := d.namespace + "/" + d.name
		if first := a.https[name]; first != nil {
			a.failTwice(d, first.doc)
			return
		}
		a.https[name] = &declared[*gatewayv1.HTTPRoute]{doc: d, value: &obj}
		a.httpOrder = append(a.httpOrder, name)
	case kindLLMRoute:
		var obj v1alpha1.LLMRoute
		if !a.typed(d, &obj) {
			return
		}
		name := d.namespace + "/" + d.name
		if first := a.llmNames[name]; first != nil {
			a.failTwice(d, first)
			return
		}
		a.llmNames[name] = d
		a.llms = append(a.llms, declared[*v1alpha1.LLMRoute]{doc: d, value: &obj})
	}
}

// typed checks a document as an API server would and decodes it, defaults
// filled in, into v. It reports whether v may be used.
func (a *assembly) typed(d *document, v any) bool {
	a.normalise(d)
	object, errs := crd.Validate(d.kind, d.object)
	for _, e := range errs {
		a.fail(d.problem(e.Path, d.redact(e.Message)))
	}
	if len(errs) > 0 {
		return false
	}
	problems := d.decodeStrict(object, v)
	a.fail(problems...)
	return problems == nil
}

// failMissing reports a reference to nothing. label is what a document of that
// name would be called; one that was refused is there all the same.
func (a *assembly) failMissing(d *document, path, label string) {
	if !a.refused[label] {
		a.fail(d.problem(path, label+" does not exist"))
	}
}

// normalise writes out what people may write short, so that what is checked
// here is what an API server would be given.
func (a *assembly) normalise(d *document) {
	spec, _ := d.object["spec"].(map[string]any)
	switch d.kind {
	case kindLLMRoute:
		longSchema(spec, "inputSchema")
		if inner, ok := spec["httpRoute"].(map[string]any); ok {
			a.longBackendRefs(d, inner)
		}
	case kindLLMBackend:
		longSchema(spec, "outputSchema")
	case kindHTTPRoute:
		a.longBackendRefs(d, spec)
	}
}

func longSchema(spec map[string]any, field string) {
	if name, ok := spec[field].(string); ok {
		spec[field] = map[string]any{"schema": name}
	}
}

// longBackendRefs gives the references of an HTTPRoute that have neither group
// nor kind their kind. The Gateway API means a Service by that; people who write
// for this gateway mean an LLMBackend, so only what has a port and is no backend
// is taken for a Service.
func (a *assembly) longBackendRefs(d *document, spec map[string]any) {
	rules, _ := spec["rules"].([]any)
	for _, r := range rules {
		rule, _ := r.(map[string]any)
		refs, _ := rule["backendRefs"].([]any)
		for _, r := range refs {
			ref, _ := r.(map[string]any)
			if ref == nil || ref["group"] != nil || ref["kind"] != nil {
				continue
			}
			name, _ := ref["name"].(string)
			if ref["port"] != nil && a.backend(d.namespace, name) == nil {
				continue
			}
			ref["group"], ref["kind"] = groupAIGateway, kindLLMBackend
		}
	}
}

// backend finds what an LLMBackend reference means: an LLMBackend of the
// namespace, or a custom backend, which belongs to all of them.
func (a *assembly) backend(namespace, name string) *declared[*Backend] {
	if b := a.backends[id(namespace, name)]; b != nil {
		return b
	}
	if b := a.backends[name]; b != nil && b.doc.kind == "" {
		return b
	}
	return nil
}

func created(m metav1.ObjectMeta) time.Time { return m.CreationTimestamp.Time }
