package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"golang.org/x/net/http/httpguts"

	"llmroute/translator"
)

// knownProvider is a provider that a key in the environment is enough for. The
// names of the variables are those that its own clients read.
type knownProvider struct {
	name    string
	key     string // environment variable of the key
	alias   string // another one, for when that is not set; or ""
	baseURL string // environment variable of a URL in place of url
	url     string // "" needs the variable
	under   string // what the client puts behind the URL; for Azure the version decides
	version string // environment variable of the API's version, or ""
	schema  translator.Schema
	header  string
	prefix  string
	models  []string // how the names of its models begin
}

var knownProviders = []knownProvider{{
	name:    "openai",
	key:     "OPENAI_API_KEY",
	baseURL: "OPENAI_BASE_URL",
	url:     "https://api.openai.com/v1",
	schema:  translator.OpenAI,
	header:  "authorization",
	prefix:  "Bearer ",
	models: []string{
		"babbage-", "chatgpt-", "codex-", "computer-use-", "dall-e-", "davinci-", "ft:gpt-", "gpt-",
		"o1", "o3", "o4", "omni-moderation-", "sora-", "text-embedding-", "text-moderation-", "tts-", "whisper-",
	},
}, {
	// Deployments are called as their owner likes, so no name begins like one.
	name:    "azure",
	key:     "AZURE_OPENAI_API_KEY",
	baseURL: "AZURE_OPENAI_ENDPOINT",
	version: "OPENAI_API_VERSION",
	schema:  translator.AzureOpenAI,
	header:  "api-key",
}, {
	name:    "anthropic",
	key:     "ANTHROPIC_API_KEY",
	baseURL: "ANTHROPIC_BASE_URL",
	url:     "https://api.anthropic.com",
	under:   "/v1",
	schema:  translator.Anthropic,
	header:  "x-api-key",
	models:  []string{"claude-"},
}, {
	// Where its own clients would speak to Vertex AI, the key is for nothing.
	name:    "google",
	key:     "GOOGLE_API_KEY",
	alias:   "GEMINI_API_KEY",
	baseURL: "GOOGLE_GEMINI_BASE_URL",
	url:     "https://generativelanguage.googleapis.com",
	under:   "/v1beta",
	schema:  translator.GoogleAIStudio,
	header:  "x-goog-api-key",
	models:  geminiModels,
}, {
	name:    "cohere",
	key:     "CO_API_KEY",
	alias:   "COHERE_API_KEY",
	baseURL: "CO_API_URL",
	url:     "https://api.cohere.com",
	under:   "/v2",
	schema:  translator.Cohere,
	header:  "authorization",
	prefix:  "Bearer ",
	models: []string{
		"c4ai-", "command-", "embed-english-", "embed-multilingual-", "embed-v", "rerank-english-", "rerank-multilingual-", "rerank-v",
	},
}, {
	name:    "mistral",
	key:     "MISTRAL_API_KEY",
	baseURL: "MISTRAL_BASE_URL",
	url:     "https://api.mistral.ai",
	under:   "/v1",
	schema:  translator.Mistral,
	header:  "authorization",
	prefix:  "Bearer ",
	models: []string{
		"codestral-", "devstral-", "magistral-", "ministral-", "mistral-", "open-mistral-", "open-mixtral-", "pixtral-", "voxtral-",
	},
}}

// FromEnvironment configures the providers whose keys the environment holds, as
// their own clients would. It returns nil when it holds none. A single provider
// also takes the models that it is not known for, unless o names a default. Of o,
// what is about files is not read.
func FromEnvironment(o Options) (*Config, error) {
	lookup := o.LookupEnv
	if lookup == nil {
		return nil, nil
	}
	c := &Config{}
	hash := sha256.New()
	variable := func(name string) string { value, _ := lookup(name); return value }
	for i := range knownProviders {
		p := &knownProviders[i]
		from := p.key
		key, _ := lookup(from)
		if key == "" && p.alias != "" {
			from = p.alias
			key, _ = lookup(from)
		}
		baseURL, _ := lookup(p.baseURL)
		var version string
		if p.version != "" {
			version, _ = lookup(p.version)
		}
		if key == "" || cmp.Or(baseURL, p.url) == "" || p.schema == translator.GoogleAIStudio && usesVertex(variable) {
			continue
		}
		b, err := p.backend(from, key, cmp.Or(baseURL, p.url), version)
		if err != nil {
			return nil, err
		}
		c.Backends = append(c.Backends, b)
		fmt.Fprintf(hash, "%q %q %q %q\n", p.name, key, baseURL, version)
	}
	v, err := vertexFromEnvironment(variable)
	if err != nil {
		return nil, err
	}
	if v != nil {
		c.Backends = append(c.Backends, v)
		fmt.Fprintf(hash, "%q %q %d %q %q %q\n", v.ID, v.Endpoint.Host, v.Endpoint.Port, v.Schema.Prefix, v.Schema.Project, v.Schema.Location)
	}
	b, err := bedrockFromEnvironment(variable)
	if err != nil {
		return nil, err
	}
	if b != nil {
		c.Backends = append(c.Backends, b)
		a, e := &b.Auth, b.Endpoint
		fmt.Fprintf(hash, "%q %q %d %v %q %q %q %q %q\n", b.ID, e.Host, e.Port, e.TLS != nil, b.Schema.Prefix, a.Region, a.KeyID, a.Key.Reveal(), a.Session.Reveal())
	}
	switch len(c.Backends) {
	case 0:
		return nil, nil
	case 1:
		c.DefaultBackend = c.Backends[0].ID
	}
	slices.SortFunc(c.Backends, func(x, y *Backend) int { return cmp.Compare(x.ID, y.ID) })
	if err := c.apply(o); err != nil {
		return nil, err
	}
	fmt.Fprintf(hash, "%q %q %d\n", o.DefaultBackend, o.Aliases, o.ForceContextWindow)
	c.Hash = hex.EncodeToString(hash.Sum(nil))
	return c, nil
}

// apply adds what o says of all backends to a configuration that no file holds.
func (c *Config) apply(o Options) error {
	a := &assembly{options: o, backends: map[string]*declared[*Backend]{}, refused: map[string]bool{}}
	for _, b := range c.Backends {
		a.backends[b.ID] = &declared[*Backend]{value: b}
		a.forceWindow(b)
	}
	c.Aliases = a.aliases()
	if a.checkOptions(); len(a.problems) > 0 {
		return a.problems
	}
	c.DefaultBackend = cmp.Or(o.DefaultBackend, c.DefaultBackend)
	return nil
}

// backend returns the provider with a key, which the named variable holds.
func (p *knownProvider) backend(variable, key, rawURL, version string) (*Backend, error) {
	from := "environment variable " + variable
	if !httpguts.ValidHeaderFieldValue(key) {
		return nil, fmt.Errorf("%s holds control characters, which no header can carry", from)
	}
	endpoint, base, err := parseEndpoint(rawURL)
	if err != nil {
		return nil, fmt.Errorf("environment variable %s: %w", p.baseURL, err)
	}
	under := p.under
	if p.schema == translator.AzureOpenAI {
		dated, err := azureVersion(version)
		if err != nil {
			return nil, fmt.Errorf("environment variable %s: %w", p.version, err)
		}
		under = azurePrefix(dated)
	}
	b := &Backend{
		ID:            p.name,
		Source:        from,
		Schema:        translator.Backend{Schema: p.schema, Version: version, Prefix: base + under},
		Endpoint:      endpoint,
		Auth:          Auth{Type: AuthAPIKey, Header: p.header, Prefix: p.prefix, Key: Secret(key), From: from},
		Addressable:   true,
		ModelPrefixes: p.models,
		Timeout:       defaultTimeout,
		IdleTimeout:   defaultIdleTimeout,
	}
	b.translation(nil)
	return b, nil
}
