package config

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const samples = "../../manifests/samples"

// someKey finds a key for whoever wants one.
func someKey(variable string) (string, bool) {
	if strings.HasSuffix(variable, "_API_KEY") || variable == "AWS_BEARER_TOKEN_BEDROCK" {
		return "test", true
	}
	return "", false
}

func TestSamples(t *testing.T) {
	tests := []struct {
		file     string
		routes   int
		backends []string
	}{
		{"quickstart.yaml", 1, []string{"fake-a", "fake-b"}},
		{"llama3-70b.yaml", 1, []string{"aws-bedrock", "kserve"}},
		{"own-clusters.yaml", 1, []string{"my-backend"}},
		{"openai.yaml", 1, []string{"openai"}},
		{"azure-openai.yaml", 1, []string{"azure-openai", "azure-openai-dated"}},
		{"azure-entra.yaml", 1, []string{"azure-openai"}},
		{"cohere.yaml", 1, []string{"cohere"}},
		{"mistral.yaml", 1, []string{"mistral"}},
		{"anthropic.yaml", 1, []string{"anthropic"}},
		{"aws-anthropic.yaml", 1, []string{"aws-anthropic"}},
		{"aws-bedrock.yaml", 1, []string{"aws-bedrock"}},
		{"google-anthropic.yaml", 1, []string{"google-anthropic"}},
		{"google-vertex.yaml", 1, []string{"google-vertex"}},
		{"google-vertex-gemini.yaml", 1, []string{"google-vertex-gemini"}},
		{"google-aistudio.yaml", 1, []string{"google-aistudio"}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			c, err := Load(Options{
				Paths:     []string{filepath.Join(samples, tt.file)},
				LookupEnv: someKey,
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Warnings) > 0 {
				t.Errorf("warnings:\n%v", Problems(c.Warnings))
			}
			if len(c.Routes) != tt.routes {
				t.Errorf("%d routes, want %d", len(c.Routes), tt.routes)
			}
			if diff := cmp.Diff(tt.backends, ids(c)); diff != "" {
				t.Errorf("backends (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSampleNeedsKey shows that a key which is not there yet is no error: the
// gateway starts, and the requests of that backend are told.
func TestSampleNeedsKey(t *testing.T) {
	c, err := Load(Options{Paths: []string{filepath.Join(samples, "openai.yaml")}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{samples + "/openai.yaml:24: LLMBackend default/openai: spec.auth.env: " +
		"environment variable OPENAI_API_KEY is empty or not set; requests to this backend get a 401"}
	if diff := cmp.Diff(want, messages(c.Warnings)); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func ids(c *Config) []string {
	all := make([]string, 0, len(c.Backends))
	for _, b := range c.Backends {
		all = append(all, b.ID)
	}
	return all
}

func messages(ps []Problem) []string {
	all := make([]string, 0, len(ps))
	for _, p := range ps {
		all = append(all, p.String())
	}
	return all
}

// env is an environment of pairs of names and values.
func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}
