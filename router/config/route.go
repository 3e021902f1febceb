package config

import (
	"fmt"
	"slices"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"llmroute/api/v1alpha1"
	"llmroute/translator"
)

// join turns every LLMRoute into a Route, in the order they were read.
func (a *assembly) join() []*Route {
	routes := make([]*Route, 0, len(a.llms))
	for _, llm := range a.llms {
		d, spec := llm.doc, &llm.value.Spec
		r := &Route{
			Namespace: d.namespace,
			Name:      d.name,
			LLMRoute:  id(d.namespace, d.name),
			Source:    d.source(),
			Created:   created(llm.value.ObjectMeta),
		}
		switch {
		case spec.HTTPRouteRef != nil:
			if !a.referTo(r, d, spec.HTTPRouteRef) {
				continue
			}
		case spec.HTTPRoute != nil:
			a.fill(r, d, "spec.httpRoute", spec.HTTPRoute)
		default:
			r.Rules = a.llmRules(d, spec.Rules)
		}
		routes = append(routes, r)
	}
	return routes
}

// referTo makes r what an HTTPRoute says. It reports whether there is one.
func (a *assembly) referTo(r *Route, d *document, ref *v1alpha1.HTTPRouteRef) bool {
	if ref.Namespace != "" && ref.Namespace != d.namespace {
		a.fail(d.problem("spec.httpRouteRef.namespace",
			fmt.Sprintf("HTTPRoute %s/%s: %s", ref.Namespace, ref.Name, crossNamespace)))
		return false
	}
	name := d.namespace + "/" + ref.Name
	h := a.https[name]
	if h == nil {
		a.failMissing(d, "spec.httpRouteRef.name", kindHTTPRoute+" "+name)
		return false
	}
	if h.used {
		a.warn(d.problem("spec.httpRouteRef.name",
			fmt.Sprintf("HTTPRoute %s is named by another LLMRoute already, which takes its requests", name)))
		return false
	}
	h.used = true
	r.Name, r.Source, r.Created = h.doc.name, h.doc.source(), created(h.value.ObjectMeta)
	a.fill(r, h.doc, "spec", &h.value.Spec)
	return true
}

// fill takes over an HTTPRoute's hostnames and rules; path is where spec stands
// in the document.
func (a *assembly) fill(r *Route, d *document, path string, spec *gatewayv1.HTTPRouteSpec) {
	for _, h := range spec.Hostnames {
		r.Hostnames = append(r.Hostnames, strings.ToLower(string(h)))
	}
	for i := range spec.Rules {
		r.Rules = append(r.Rules, a.rule(d, fmt.Sprintf("%s.rules[%d]", path, i), &spec.Rules[i]))
	}
}

func (a *assembly) rule(d *document, path string, spec *gatewayv1.HTTPRouteRule) Rule {
	var r Rule
	if spec.Name != nil {
		r.Name = string(*spec.Name)
	}
	a.refuseFilters(d, path, spec.Filters)
	for _, u := range []struct {
		field, message string
		set            bool
	}{
		{"timeouts", "not supported here: set timeout on the LLMBackend", spec.Timeouts != nil},
		{"retry", "not supported here: set maxRetries on the LLMBackend", spec.Retry != nil},
		{"sessionPersistence", "not supported", spec.SessionPersistence != nil},
	} {
		if u.set {
			a.fail(d.problem(path+"."+u.field, u.message))
		}
	}
	for i := range spec.Matches {
		r.Matches = append(r.Matches, a.match(d, fmt.Sprintf("%s.matches[%d]", path, i), &spec.Matches[i]))
	}
	for i := range spec.BackendRefs {
		at := fmt.Sprintf("%s.backendRefs[%d]", path, i)
		ref := &spec.BackendRefs[i]
		a.refuseFilters(d, at, ref.Filters)
		if b, ok := a.backendRef(d, at, &ref.BackendRef); ok {
			r.Backends = append(r.Backends, b)
		}
	}
	return r
}

func (a *assembly) refuseFilters(d *document, path string, filters []gatewayv1.HTTPRouteFilter) {
	for i, f := range filters {
		a.fail(d.problem(fmt.Sprintf("%s.filters[%d]", path, i), fmt.Sprintf("filters are not supported: %s", f.Type)))
	}
}

func (a *assembly) backendRef(d *document, path string, ref *gatewayv1.BackendRef) (BackendRef, bool) {
	out := BackendRef{Weight: weight(ref.Weight)}
	if ref.Namespace != nil && string(*ref.Namespace) != d.namespace {
		a.fail(d.problem(path+".namespace", crossNamespace))
		return out, false
	}
	var group, kind string
	if ref.Group != nil {
		group = string(*ref.Group)
	}
	if ref.Kind != nil {
		kind = string(*ref.Kind)
	}
	switch {
	case group == groupAIGateway && kind == kindLLMBackend:
		if ref.Port != nil {
			a.warn(d.problem(path+".port", "an LLMBackend has its own port; this one has no effect"))
		}
		a.llmBackendRef(d, path, string(ref.Name), &out)
	case group == "" && kind == "Service" && ref.Port != nil:
		out.Backend = a.service(d, string(ref.Name), uint32(*ref.Port))
	default:
		a.fail(d.problem(path+".kind", fmt.Sprintf("%s %q cannot be a backend: LLMBackend and Service can", kind, ref.Name)))
		return out, false
	}
	return out, true
}

func weight(w *int32) int32 {
	if w == nil {
		return 1
	}
	return *w
}

// llmBackendRef fills in the backend that a name means. One that does not exist
// is no mistake to a Gateway: its share of the requests is answered with a 500.
func (a *assembly) llmBackendRef(d *document, path, name string, out *BackendRef) {
	if b := a.backend(d.namespace, name); b != nil {
		b.used = true
		out.Backend = b.value.ID
		return
	}
	out.Backend, out.Missing = id(d.namespace, name), true
	a.warn(d.problem(path+".name",
		fmt.Sprintf("LLMBackend %s/%s does not exist: its share of the requests gets a 500", d.namespace, name)))
}

// service returns the ID of a backend for a Service that a route names without
// an LLMBackend: one that speaks OpenAI and wants no key. Colons stand in no
// other ID.
func (a *assembly) service(d *document, name string, port uint32) string {
	host := serviceHost(d.namespace, name)
	key := fmt.Sprintf("%s:%d", host, port)
	if a.backends[key] == nil {
		a.backends[key] = &declared[*Backend]{doc: d, used: true, value: &Backend{
			ID:          key,
			Source:      d.source(),
			Schema:      translator.Backend{Schema: translator.OpenAI, Prefix: defaultPrefixes[translator.OpenAI]},
			Endpoint:    &Endpoint{Host: host, Port: port},
			Auth:        Auth{Type: AuthNone},
			Timeout:     defaultTimeout,
			IdleTimeout: defaultIdleTimeout,
		}}
	}
	return key
}

// exactOnly is what people were told since the first version of the API.
const exactOnly = "currently only exact match is supported"

func (a *assembly) match(d *document, path string, spec *gatewayv1.HTTPRouteMatch) Match {
	var m Match
	if p := spec.Path; p != nil {
		m.Path = a.pathMatch(d, path+".path", p)
	}
	if spec.Method != nil {
		m.Method = string(*spec.Method)
	}
	m.Headers = a.headers(d, path, spec.Headers)
	for i, q := range spec.QueryParams {
		if q.Type != nil && *q.Type != gatewayv1.QueryParamMatchExact {
			a.fail(d.problem(fmt.Sprintf("%s.queryParams[%d]", path, i), exactOnly))
		}
		m.Query = addFirst(m.Query, string(q.Name), q.Value)
	}
	return m
}

func (a *assembly) pathMatch(d *document, path string, spec *gatewayv1.HTTPPathMatch) PathMatch {
	var value string
	if spec.Value != nil {
		value = *spec.Value
	}
	switch {
	case spec.Type == nil || *spec.Type == gatewayv1.PathMatchPathPrefix:
		return PathMatch{Value: strings.TrimRight(value, "/")}
	case *spec.Type == gatewayv1.PathMatchExact:
		return PathMatch{Exact: true, Value: value}
	}
	a.fail(d.problem(path, exactOnly+": write Exact or PathPrefix"))
	return PathMatch{}
}

// headers takes over header matches; path is that of their match.
func (a *assembly) headers(d *document, path string, spec []gatewayv1.HTTPHeaderMatch) []Field {
	var fields []Field
	for i, h := range spec {
		at := fmt.Sprintf("%s.headers[%d]", path, i)
		if h.Type != nil && *h.Type != gatewayv1.HeaderMatchExact {
			a.fail(d.problem(at, exactOnly))
		}
		name := strings.ToLower(string(h.Name))
		a.checkMatchedHeader(d, at+".name", name)
		fields = addFirst(fields, name, h.Value)
	}
	return fields
}

// checkMatchedHeader looks at names which the gateway takes off requests, so
// that only what it computes itself can match.
func (a *assembly) checkMatchedHeader(d *document, path, name string) {
	const ours = "x-envoy-ai-gateway-"
	switch {
	case !strings.HasPrefix(name, ours), name == v1alpha1.ModelHeader, name == ours+"llm-stream":
	case name == ours+"llm-complexity", name == ours+"llm-input-tokens":
		a.fail(d.problem(path, name+" is not computed by this version"))
	default:
		a.warn(d.problem(path, name+" is taken off requests: this never matches"))
	}
}

// addFirst appends a condition unless there is one of the name already: the
// Gateway API lets the first of equivalent names count.
func addFirst(fields []Field, name, value string) []Field {
	if slices.ContainsFunc(fields, func(f Field) bool { return f.Name == name }) {
		return fields
	}
	return append(fields, Field{Name: name, Value: value})
}

// llmRules takes over the rules of an LLMRoute that has its own.
func (a *assembly) llmRules(d *document, spec []v1alpha1.LLMRouteRule) []Rule {
	rules := make([]Rule, len(spec))
	for i := range spec {
		path := fmt.Sprintf("spec.rules[%d]", i)
		for j := range spec[i].Matches {
			m := Match{Headers: a.headers(d, fmt.Sprintf("%s.matches[%d]", path, j), spec[i].Matches[j].Headers)}
			rules[i].Matches = append(rules[i].Matches, m)
		}
		for j, ref := range spec[i].BackendRefs {
			b := BackendRef{Weight: weight(ref.Weight)}
			a.llmBackendRef(d, fmt.Sprintf("%s.backendRefs[%d]", path, j), ref.Name, &b)
			rules[i].Backends = append(rules[i].Backends, b)
		}
	}
	return rules
}

// warnUnused tells of what was written and has no effect.
func (a *assembly) warnUnused() {
	for _, b := range a.sortedBackends() {
		if declared := a.backends[b.ID]; !declared.used && !b.Addressable && len(b.Paths) == 0 {
			a.warn(declared.doc.problem("", "no route names this backend, and it is not addressable: no request reaches it"))
		}
	}
	for _, name := range a.httpOrder {
		if h := a.https[name]; !h.used {
			a.warn(h.doc.problem("", "no LLMRoute names this HTTPRoute: it has no effect"))
		}
	}
}
