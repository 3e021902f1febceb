package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/translator"
)

func TestBedrockFromEnvironment(t *testing.T) {
	bedrock := func(host string, auth Auth) *Config {
		auth.Header = "authorization"
		return &Config{DefaultBackend: "bedrock", Backends: []*Backend{{
			ID: "bedrock", Source: auth.From, Schema: translator.Backend{Schema: translator.AWSBedrock},
			Endpoint: &Endpoint{Host: host, Port: 443, TLS: &TLS{}}, Auth: auth,
			Addressable: true, ModelPrefixes: bedrockModels, Timeout: defaultTimeout, IdleTimeout: defaultIdleTimeout,
		}}}
	}
	bearer := Auth{Type: AuthAPIKey, Prefix: "Bearer ", Key: "ABSK", From: "environment variable AWS_BEARER_TOKEN_BEDROCK"}
	signed := Auth{Type: AuthAWSSigV4, Region: "cn-north-1", Service: "bedrock", KeyID: "AKIA", Key: "s", Session: "t",
		From: "environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"}
	local := bedrock("localhost", bearer)
	local.Backends[0].Endpoint, local.Backends[0].Schema.Prefix = &Endpoint{Host: "localhost", Port: 4566}, "/base"
	tests := []struct {
		name string
		env  func(string) (string, bool)
		want *Config
		err  string
	}{
		{"a key without a region", env("AWS_BEARER_TOKEN_BEDROCK", "ABSK"), nil, ""},
		{"a region without a key", env("AWS_REGION", "us-east-1"), nil, ""},
		{"half a pair of keys", env("AWS_REGION", "us-east-1", "AWS_SECRET_ACCESS_KEY", "s"), nil, ""},
		{"a key of Bedrock's wins", env("AWS_BEARER_TOKEN_BEDROCK", "ABSK", "AWS_ACCESS_KEY_ID", "AKIA", "AWS_SECRET_ACCESS_KEY", "s", "AWS_DEFAULT_REGION", "eusc-de-east-1"),
			bedrock("bedrock-runtime.eusc-de-east-1.amazonaws.eu", bearer), ""},
		{"keys", env("AWS_ACCESS_KEY_ID", "AKIA", "AWS_SECRET_ACCESS_KEY", "s", "AWS_SESSION_TOKEN", "t", "AWS_REGION", "cn-north-1", "AWS_DEFAULT_REGION", "us-east-1"),
			bedrock("bedrock-runtime.cn-north-1.amazonaws.com.cn", signed), ""},
		{"another endpoint", env("AWS_BEARER_TOKEN_BEDROCK", "ABSK", "AWS_REGION", "us-east-1", "AWS_ENDPOINT_URL", "https://b", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://localhost:4566/base/"), local, ""},
		{"a region that is none", env("AWS_BEARER_TOKEN_BEDROCK", "ABSK", "AWS_REGION", "us-east-1.evil.example/"), nil,
			`environment variable AWS_REGION or AWS_DEFAULT_REGION: "us-east-1.evil.example/" is not the name of a region`},
		{"a bad endpoint", env("AWS_BEARER_TOKEN_BEDROCK", "ABSK", "AWS_REGION", "us-east-1", "AWS_ENDPOINT_URL", "b"), nil,
			"environment variable AWS_ENDPOINT_URL_BEDROCK_RUNTIME or AWS_ENDPOINT_URL: the URL must start with http:// or https://"},
		{"two lines in a key", env("AWS_BEARER_TOKEN_BEDROCK", "A\nB", "AWS_REGION", "us-east-1"), nil,
			"environment variable AWS_BEARER_TOKEN_BEDROCK holds control characters, which no header can carry"},
	}
	for _, tt := range tests {
		got, err := FromEnvironment(Options{LookupEnv: tt.env})
		if err != nil && err.Error() != tt.err || err == nil && tt.err != "" {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.err)
		}
		if got != nil {
			again, _ := FromEnvironment(Options{LookupEnv: tt.env})
			if got.Hash == "" || again.Hash != got.Hash {
				t.Errorf("%s: hashes %q and %q", tt.name, got.Hash, again.Hash)
			}
			got.Hash = ""
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
