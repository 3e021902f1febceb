package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"llmroute/api/v1alpha1"
)

// What a backend gets that says nothing.
const (
	defaultTimeout     = 120 * time.Second
	defaultIdleTimeout = 10 * time.Minute
	defaultRetryDelay  = time.Second
	defaultNamespace   = "default"
)

// assembly is one load: it gathers what was read, then joins it. It belongs to
// one goroutine and is thrown away afterwards.
type assembly struct {
	options   Options
	read      *inputs
	consulted *consulted
	hash      string

	backends  map[string]*declared[*Backend]             // by ID
	secrets   map[string]*declared[*secret]              // by namespace/name
	https     map[string]*declared[*gatewayv1.HTTPRoute] // by namespace/name
	httpOrder []string
	llms      []declared[*v1alpha1.LLMRoute]
	llmNames  map[string]*document // by namespace/name
	paths     map[string]string    // where further paths of backends were declared, by prefix

	refused map[string]bool // what has problems of its own: documents' labels, "backend ID"

	config   *Config
	problems Problems
	warnings Problems
}

// declared is something together with the document that declares it.
type declared[T any] struct {
	doc   *document
	value T
	used  bool // something refers to it
}

// assemble loads o. Either problems is empty or config is nil; hash is there in
// both cases, and so is what it covers.
func assemble(o Options, read *inputs) *assembly {
	a := &assembly{
		options:   o,
		read:      read,
		consulted: newConsulted(o),
		backends:  map[string]*declared[*Backend]{},
		secrets:   map[string]*declared[*secret]{},
		https:     map[string]*declared[*gatewayv1.HTTPRoute]{},
		llmNames:  map[string]*document{},
		paths:     map[string]string{},
		refused:   map[string]bool{},
	}
	docs := a.documents()
	// Keys refer to Secrets and routes to backends, wherever each stands.
	for _, pass := range [][]string{{kindSecret}, {kindLLMBackend}, {kindHTTPRoute, kindLLMRoute}} {
		for _, d := range docs {
			if slices.Contains(pass, d.kind) {
				before := len(a.problems)
				a.object(d)
				if len(a.problems) > before {
					a.refused[d.label] = true
					if d.kind == kindLLMBackend {
						a.refused["backend "+id(d.namespace, d.name)] = true
					}
				}
			}
		}
	}
	routes, aliases := a.join(), a.aliases()
	a.checkOptions()
	a.warnUnused()

	a.hash = a.read.hash(o, a.consulted)
	a.problems.sort()
	a.warnings.sort()
	if len(a.problems) > 0 {
		return a
	}
	a.config = &Config{
		Backends:       a.sortedBackends(),
		Routes:         routes,
		Aliases:        aliases,
		DefaultBackend: o.DefaultBackend,
		Warnings:       a.warnings,
		Hash:           a.hash,
	}
	return a
}

func (a *assembly) fail(ps ...Problem) { a.problems = append(a.problems, ps...) }
func (a *assembly) warn(ps ...Problem) { a.warnings = append(a.warnings, ps...) }

// documents splits and decodes the manifests, and loads the custom backends on
// the way. It returns the documents of kinds that are read, each with a name.
func (a *assembly) documents() []*document {
	var docs []*document
	for _, f := range a.read.files {
		switch {
		case errors.Is(f.err, errNothingInFolder):
			a.warn(Problem{File: f.name, Message: f.err.Error()})
		case f.err != nil:
			a.fail(Problem{File: f.name, Message: reason(f.err)})
		case f.custom != "":
			a.custom(f)
		default:
			for _, c := range split(f.data) {
				d := &document{file: f.name, line: c.line, text: c.text}
				if a.open(d, f.named) {
					docs = append(docs, d)
				}
			}
		}
	}
	return docs
}

// open decodes a document and finds out what it is. It reports whether the
// document is to be read on.
func (a *assembly) open(d *document, named bool) bool {
	v, problems := d.decode()
	a.fail(problems...)
	if v == nil {
		return false
	}
	object, ok := v.(map[string]any)
	if !ok {
		a.fail(d.problem("", "not an object: apiVersion, kind, metadata and spec are expected"))
		return false
	}
	d.object = object
	d.apiVersion, _ = object["apiVersion"].(string)
	d.kind, _ = object["kind"].(string)
	if d.apiVersion == "" || d.kind == "" {
		p := d.problem("", "apiVersion and kind are missing")
		if _, some := object["apiVersion"]; !some && object["kind"] == nil && !named {
			// A folder may hold files of other programs.
			p.Message = "not a Kubernetes-style document, ignored"
			a.warn(p)
			return false
		}
		a.fail(p)
		return false
	}
	d.identify()
	return a.known(d)
}

// The kinds that are read.
const (
	kindLLMRoute   = "LLMRoute"
	kindLLMBackend = "LLMBackend"
	kindHTTPRoute  = "HTTPRoute"
	kindSecret     = "Secret"

	groupGateway   = "gateway.networking.k8s.io"
	groupAIGateway = "aigateway.envoyproxy.io"
)

var versions = map[string]string{
	kindLLMRoute:   groupAIGateway + "/v1alpha1",
	kindLLMBackend: groupAIGateway + "/v1alpha1",
	kindHTTPRoute:  groupGateway + "/v1",
	kindSecret:     "v1",
}

// known reports whether the document is of a kind that is read, and otherwise
// says so: an object of another program is ignored, one of ours in a version
// that is not known would be missed.
func (a *assembly) known(d *document) bool {
	if versions[d.kind] == d.apiVersion {
		return true
	}
	group, _, _ := strings.Cut(d.apiVersion, "/")
	want, ours := versions[d.kind]
	switch {
	case ours && strings.HasPrefix(want, group+"/"):
		a.fail(d.problem("apiVersion", fmt.Sprintf("%s %s is not known: write %s", d.apiVersion, d.kind, want)))
	case d.kind == "List":
		a.fail(d.problem("kind", "a List is not read: write its items as documents of their own"))
	case group == groupAIGateway:
		a.fail(d.problem("kind", fmt.Sprintf("%s %s is not known", d.apiVersion, d.kind)))
	default:
		a.warn(d.problem("kind", fmt.Sprintf("%s %s is not read", d.apiVersion, d.kind)))
	}
	return false
}

// identify finds the document's name and namespace. What is wrong with them is
// for the kind's own check to say.
func (d *document) identify() {
	meta, _ := d.object["metadata"].(map[string]any)
	d.name, _ = meta["name"].(string)
	d.namespace, _ = meta["namespace"].(string)
	if d.namespace == "" {
		d.namespace = defaultNamespace
	}
	d.label = d.kind
	if d.name != "" {
		d.label = fmt.Sprintf("%s %s/%s", d.kind, d.namespace, d.name)
	}
}

// addBackend takes a backend in; its ID must be new.
func (a *assembly) addBackend(d *document, b *Backend) {
	if first := a.backends[b.ID]; first != nil {
		a.fail(d.problem("", fmt.Sprintf("backend %s is declared already at %s", b.ID, first.value.Source)))
		return
	}
	a.backends[b.ID] = &declared[*Backend]{doc: d, value: b}
}

func (a *assembly) sortedBackends() []*Backend {
	all := make([]*Backend, 0, len(a.backends))
	for _, b := range a.backends {
		all = append(all, b.value)
	}
	slices.SortFunc(all, func(x, y *Backend) int { return strings.Compare(x.ID, y.ID) })
	return all
}

// checkOptions looks at what is said of all backends.
func (a *assembly) checkOptions() {
	if n := a.options.ForceContextWindow; n < 0 {
		a.fail(Problem{Message: fmt.Sprintf("forced context window %d: must be 1 or more", n)})
	}
	id := a.options.DefaultBackend
	if id == "" {
		return
	}
	if b := a.backends[id]; b != nil {
		b.used = true
		return
	}
	if !a.refused["backend "+id] {
		a.fail(Problem{Message: fmt.Sprintf("default backend %s is not configured", id)})
	}
}

// id names an object as people do: the namespace "default" goes without saying.
func id(namespace, name string) string {
	if namespace == defaultNamespace {
		return name
	}
	return name + "." + namespace
}
