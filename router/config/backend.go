package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tidwall/sjson"

	"llmroute/api/v1alpha1"
	"llmroute/translator"
)

// defaultPrefixes are the paths that stand before a schema's own.
var defaultPrefixes = map[translator.Schema]string{
	translator.OpenAI:       "/v1",
	translator.AzureOpenAI:  "/openai/v1",
	translator.Anthropic:    "/v1",
	translator.AWSAnthropic: "",
	translator.GCPAnthropic: "/v1",
	translator.AWSBedrock:   "",

	translator.GCPVertexAI:    "/v1",
	translator.GoogleAIStudio: "/v1beta",
	translator.Cohere:         "/v2",
	translator.Mistral:        "/v1",
}

func (a *assembly) llmBackend(d *document) {
	var obj v1alpha1.LLMBackend
	if !a.typed(d, &obj) {
		return
	}
	spec := &obj.Spec
	b := &Backend{
		ID:                id(d.namespace, d.name),
		Source:            d.source(),
		Cluster:           spec.Cluster,
		ModelNameOverride: spec.ModelNameOverride,
		Addressable:       spec.Addressable,
		Timeout:           duration(spec.Timeout, defaultTimeout),
		IdleTimeout:       duration(spec.IdleTimeout, defaultIdleTimeout),
		MaxRetries:        int(spec.MaxRetries),
	}
	if b.MaxRetries > 0 {
		b.RetryDelay = defaultRetryDelay
	}
	if spec.RetryDelay != nil {
		b.RetryDelay = duration(*spec.RetryDelay, 0)
	}
	if spec.ModelNameOverride != "" {
		a.failOn(d, "spec.modelNameOverride", checkModel(spec.ModelNameOverride))
	}
	a.modelSettings(d, spec, b)
	b.Paths = a.furtherPaths(d, spec.PassthroughPaths)
	a.schema(d, spec, b)
	a.endpoint(d, spec, b)
	b.translation(spec.Translation)
	a.failOn(d, "spec.translation.rerank", b.checkRerank())
	b.Auth = a.auth(d, spec.Auth, b)
	b.Schema.ClientCredential = b.Auth.Type == AuthPassthrough
	b.Headers = a.headerMutation(d, spec.HeaderMutation)
	b.Body = a.bodyMutation(d, spec.BodyMutation)
	a.addBackend(d, b)
}

func (a *assembly) failOn(d *document, path string, err error) {
	if err != nil {
		a.fail(d.problem(path, err.Error()))
	}
}

// duration reads what the schema has checked already.
func duration(s v1alpha1.Duration, otherwise time.Duration) time.Duration {
	v, err := time.ParseDuration(string(s))
	if err != nil {
		return otherwise
	}
	return v
}

func (a *assembly) schema(d *document, spec *v1alpha1.LLMBackendSpec, b *Backend) {
	name := translator.Schema(spec.APISchema.Schema)
	prefix := defaultPrefixes[name]
	version := spec.APISchema.Version
	if name == translator.AzureOpenAI {
		dated, err := azureVersion(version)
		a.failOn(d, "spec.outputSchema.version", err)
		prefix = azurePrefix(dated)
	}
	if spec.APISchema.Prefix != "" {
		var err error
		prefix, err = parsePrefix(spec.APISchema.Prefix)
		a.failOn(d, "spec.outputSchema.prefix", err)
	}
	b.Schema = translator.Backend{Schema: name, Version: version, Prefix: prefix}
	if spec.GCP != nil {
		b.Schema.Project, b.Schema.Location = spec.GCP.Project, spec.GCP.Location
	} else if name == translator.GCPAnthropic || name == translator.GCPVertexAI {
		a.fail(d.problem("spec.gcp", "must say the project and location of schema "+string(name)))
	}
}

func (a *assembly) endpoint(d *document, spec *v1alpha1.LLMBackendSpec, b *Backend) {
	switch {
	case spec.Endpoint != "":
		e, base, err := parseEndpoint(spec.Endpoint)
		if err != nil {
			a.failOn(d, "spec.endpoint", err)
			return
		}
		if base != "" {
			b.Schema.Prefix = base
		}
		b.Endpoint = e
	case spec.BackendRef != nil:
		ref := spec.BackendRef
		if ref.Namespace != "" && ref.Namespace != d.namespace {
			a.fail(d.problem("spec.backendRef.namespace", crossNamespace))
		}
		b.Endpoint = &Endpoint{Host: serviceHost(d.namespace, ref.Name), Port: uint32(ref.Port)}
		if spec.TLS != nil {
			b.Endpoint.TLS = &TLS{}
		}
	default:
		return
	}
	b.Endpoint.HTTP2 = spec.HTTP2
	if t := spec.TLS; t != nil && b.Endpoint.TLS != nil {
		*b.Endpoint.TLS = TLS{
			CAFile:     t.CAFile,
			ServerName: strings.ToLower(t.ServerName),
			ClientCert: t.ClientCertFile,
			ClientKey:  t.ClientKeyFile,
		}
	}
}

const crossNamespace = "references to another namespace are not supported"

// serviceHost is the name by which a cluster's DNS knows a Service.
func serviceHost(namespace, name string) string { return name + "." + namespace + ".svc" }

func (a *assembly) headerMutation(d *document, spec *v1alpha1.HeaderMutation) HeaderMutation {
	const path = "spec.headerMutation."
	var m HeaderMutation
	if spec == nil {
		return m
	}
	set := map[string]bool{}
	for i, h := range spec.Set {
		at := fmt.Sprintf(path+"set[%d].", i)
		name, err := checkHeaderName(string(h.Name))
		a.failOn(d, at+"name", err)
		a.failOn(d, at+"value", checkHeaderValue(h.Value))
		if err == nil && set[name] {
			a.fail(d.problem(at+"name", "stands twice: header names do not tell case"))
		}
		set[name] = true
		m.Set = append(m.Set, translator.Header{Name: name, Value: h.Value})
	}
	for i, h := range spec.Remove {
		name, err := checkHeaderName(string(h))
		at := fmt.Sprintf(path+"remove[%d]", i)
		a.failOn(d, at, err)
		if err == nil && set[name] {
			a.fail(d.problem(at, "is set as well: setting replaces, so remove only one of the two"))
		}
		m.Remove = append(m.Remove, name)
	}
	return m
}

func (a *assembly) bodyMutation(d *document, spec *v1alpha1.BodyMutation) BodyMutation {
	const path = "spec.bodyMutation."
	var m BodyMutation
	if spec == nil {
		return m
	}
	for i, f := range spec.Set {
		value := json.RawMessage(f.Value.Raw)
		if len(value) == 0 {
			value = json.RawMessage("null") // the type keeps null as nothing
		}
		_, err := sjson.SetRaw("{}", f.Path, string(value))
		a.failOn(d, fmt.Sprintf(path+"set[%d].path", i), err)
		m.Set = append(m.Set, BodyField{Path: f.Path, Value: value})
	}
	for i, p := range spec.Remove {
		_, err := sjson.Delete("{}", p)
		a.failOn(d, fmt.Sprintf(path+"remove[%d]", i), err)
		m.Remove = append(m.Remove, p)
	}
	return m
}
