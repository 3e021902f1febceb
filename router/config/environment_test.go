package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/translator"
)

// known returns the backend that FromEnvironment makes of a provider's key.
func known(name, variable, header, prefix string, schema translator.Backend, host string, mutate func(*Backend)) *Backend {
	b := &Backend{
		ID:          name,
		Source:      "environment variable " + variable,
		Schema:      schema,
		Endpoint:    &Endpoint{Host: host, Port: 443, TLS: &TLS{}},
		Auth:        Auth{Type: AuthAPIKey, Header: header, Prefix: prefix, Key: "k", From: "environment variable " + variable},
		Addressable: true,
		Timeout:     defaultTimeout,
		IdleTimeout: defaultIdleTimeout,
	}
	for _, p := range knownProviders {
		if p.name == name {
			b.ModelPrefixes = p.models
		}
	}
	if mutate != nil {
		mutate(b)
	}
	return b
}

func knownOpenAI(mutate func(*Backend)) *Backend {
	return known("openai", "OPENAI_API_KEY", "authorization", "Bearer ",
		translator.Backend{Schema: translator.OpenAI, Prefix: "/v1", StripExtras: true}, "api.openai.com", mutate)
}

func knownAzure(version, prefix string) *Backend {
	return known("azure", "AZURE_OPENAI_API_KEY", "api-key", "",
		translator.Backend{Schema: translator.AzureOpenAI, Version: version, Prefix: prefix, StripExtras: true}, "team.openai.azure.com", nil)
}

func TestFromEnvironment(t *testing.T) {
	single := func(b *Backend) *Config { return &Config{Backends: []*Backend{b}, DefaultBackend: b.ID} }
	const endpoint = "https://team.openai.azure.com/"
	tests := []struct {
		name string
		env  func(string) (string, bool)
		want *Config
		err  string
	}{
		{name: "no environment"},
		{name: "no key", env: env("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")},
		{name: "empty key", env: env("OPENAI_API_KEY", "")},
		{name: "key", env: env("OPENAI_API_KEY", "k"), want: single(knownOpenAI(nil))},
		{
			name: "own URL", env: env("OPENAI_API_KEY", "k", "OPENAI_BASE_URL", "http://127.0.0.1:9/api/"),
			want: single(knownOpenAI(func(b *Backend) {
				b.Endpoint, b.Schema.Prefix, b.Schema.StripExtras = &Endpoint{Host: "127.0.0.1", Port: 9}, "/api", false
			})),
		},
		{
			name: "bad URL", env: env("OPENAI_API_KEY", "k", "OPENAI_BASE_URL", "127.0.0.1"),
			err: "environment variable OPENAI_BASE_URL: the URL must start with http:// or https://",
		},
		{
			name: "two keys in one", env: env("OPENAI_API_KEY", "k\nk"),
			err: "environment variable OPENAI_API_KEY holds control characters, which no header can carry",
		},
		{name: "Azure without its endpoint", env: env("AZURE_OPENAI_API_KEY", "k")},
		{name: "Azure without a key", env: env("AZURE_OPENAI_ENDPOINT", endpoint)},
		{
			name: "Azure", env: env("AZURE_OPENAI_API_KEY", "k", "AZURE_OPENAI_ENDPOINT", endpoint),
			want: single(knownAzure("", "/openai/v1")),
		},
		{
			name: "Azure of a date", env: env("AZURE_OPENAI_API_KEY", "k", "AZURE_OPENAI_ENDPOINT", endpoint, "OPENAI_API_VERSION", "2024-10-21"),
			want: single(knownAzure("2024-10-21", "/openai")),
		},
		{
			name: "Azure of a bad date", env: env("AZURE_OPENAI_API_KEY", "k", "AZURE_OPENAI_ENDPOINT", endpoint, "OPENAI_API_VERSION", "soon"),
			err: "environment variable OPENAI_API_VERSION: must be an api-version: v1, preview, or a date such as 2024-10-21 or 2025-04-01-preview",
		},
		{
			name: "another name of a key", env: env("COHERE_API_KEY", "k"),
			want: single(known("cohere", "COHERE_API_KEY", "authorization", "Bearer ", translator.Backend{Schema: translator.Cohere, Prefix: "/v2"}, "api.cohere.com", nil)),
		},
		{
			name: "Google's key by either name", env: env("GEMINI_API_KEY", "k"),
			want: single(known("google", "GEMINI_API_KEY", "x-goog-api-key", "", translator.Backend{Schema: translator.GoogleAIStudio, Prefix: "/v1beta"}, "generativelanguage.googleapis.com", nil)),
		},
		{
			name: "a project without Vertex AI", env: env("GOOGLE_CLOUD_PROJECT", "p", "GOOGLE_API_KEY", "k"),
			want: single(known("google", "GOOGLE_API_KEY", "x-goog-api-key", "", translator.Backend{Schema: translator.GoogleAIStudio, Prefix: "/v1beta"}, "generativelanguage.googleapis.com", nil)),
		},
		{name: "Vertex AI without a project", env: env("GOOGLE_GENAI_USE_VERTEXAI", "1", "GOOGLE_API_KEY", "k")},
		{
			name: "Vertex AI", env: env("GOOGLE_GENAI_USE_VERTEXAI", "True", "GOOGLE_CLOUD_PROJECT", "p", "GOOGLE_CLOUD_LOCATION", "us-east5", "GOOGLE_API_KEY", "k"),
			want: single(known("vertex", "GOOGLE_CLOUD_PROJECT", "authorization", "Bearer ", translator.Backend{Schema: translator.GCPVertexAI, Prefix: "/v1", Project: "p", Location: "us-east5"},
				"us-east5-aiplatform.googleapis.com", func(b *Backend) {
					b.Auth = Auth{Type: AuthGCP, Header: "authorization", Prefix: "Bearer ", Scope: googleScope}
					b.ModelPrefixes = geminiModels
				})),
		},
		{
			name: "a location that is none", env: env("GOOGLE_GENAI_USE_VERTEXAI", "1", "GOOGLE_CLOUD_PROJECT", "p", "GOOGLE_CLOUD_LOCATION", "evil.example/"),
			err: `environment variable GOOGLE_CLOUD_LOCATION or GOOGLE_CLOUD_REGION: "evil.example/" is not the name of a location`,
		},
		{
			name: "two providers", env: env("OPENAI_API_KEY", "k", "AZURE_OPENAI_API_KEY", "k", "AZURE_OPENAI_ENDPOINT", endpoint),
			want: &Config{Backends: []*Backend{knownAzure("", "/openai/v1"), knownOpenAI(nil)}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := FromEnvironment(Options{LookupEnv: tt.env})
			if message := fmt.Sprint(err); err != nil && message != tt.err || err == nil && tt.err != "" {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if got != nil {
				if got.Hash == "" {
					t.Error("no hash")
				}
				got.Hash = ""
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Each provider is configured by its key alone, or with the endpoint it has no
// default for, as soon as its dialect has a translator, and not before.
func TestFromEnvironmentByProvider(t *testing.T) {
	for _, p := range knownProviders {
		t.Run(p.name, func(t *testing.T) {
			c, err := FromEnvironment(Options{LookupEnv: env(p.key, "k", p.baseURL, "https://host.example/")})
			if err != nil {
				t.Fatal(err)
			}
			_, translated := defaultPrefixes[p.schema]
			if (c != nil) != translated {
				t.Fatalf("configured %v, translated %v", c != nil, translated)
			}
			b, err := p.backend(p.key, "k", "https://host.example/", "")
			if err != nil {
				t.Fatal(err)
			}
			if b.Auth.Header == "" || b.Auth.Header != strings.ToLower(b.Auth.Header) {
				t.Errorf("header %q", b.Auth.Header)
			}
			if c == nil {
				return
			}
			if diff := cmp.Diff(c.Backends, []*Backend{b}); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

// What is said of all backends is said of those of the environment too.
func TestFromEnvironmentWithOptions(t *testing.T) {
	lookup := env("OPENAI_API_KEY", "k", "ANTHROPIC_API_KEY", "k")
	c, err := FromEnvironment(Options{LookupEnv: lookup, DefaultBackend: "anthropic", Aliases: []string{"best=claude-x"}, ForceContextWindow: 7})
	if err != nil {
		t.Fatal(err)
	}
	if c.DefaultBackend != "anthropic" || len(c.Aliases) != 1 || c.Backends[0].Model("any").Limits.Input() != 7 {
		t.Errorf("got %+v", c)
	}
	for _, o := range []Options{{DefaultBackend: "nobody"}, {Aliases: []string{"("}}} {
		o.LookupEnv = lookup
		if c, err := FromEnvironment(o); err == nil {
			t.Errorf("%+v: got %+v", o, c)
		}
	}
}
