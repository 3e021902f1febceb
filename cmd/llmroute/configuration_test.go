package main

import (
	"net"
	"os"
	"strings"
	"testing"

	"llmroute/router/config"
)

// The embedded provider is started for files that name its address, as the
// samples do, unless somebody else answers there.
func TestEmbeddedProviderWhereItIsNamed(t *testing.T) {
	const address = "127.0.0.1:1065"
	tests := []struct {
		endpoint string
		want     bool
	}{
		{"http://127.0.0.1:1065", true},
		{"http://127.0.0.1:1065/v1", true},
		{"https://127.0.0.1:1065", false},
		{"http://127.0.0.1:1066", false},
		{"http://127.0.0.2:1065", false},
		{"", false},
	}
	for _, tt := range tests {
		t.Run(tt.endpoint, func(t *testing.T) {
			where := "cluster: theirs"
			if tt.endpoint != "" {
				where = "endpoint: " + tt.endpoint
			}
			c, err := config.Load(config.Options{Sources: []config.Source{{Name: "test", Data: []byte(backendAt(where))}}})
			if err != nil {
				t.Fatal(err)
			}
			if got := (&configuration{config: c}).names(address); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

func backendAt(where string) string {
	return strings.Join([]string{
		"apiVersion: aigateway.envoyproxy.io/v1alpha1",
		"kind: LLMBackend",
		"metadata: {name: a}",
		"spec:",
		"  outputSchema: OpenAI",
		"  " + where,
		"",
	}, "\n")
}

func TestServeLeavesAnEmbeddedProviderAlone(t *testing.T) {
	t.Chdir(t.TempDir())
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	if err := os.WriteFile("config.yaml", []byte(backendAt("endpoint: http://"+address)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := begin(t, "serve", []string{"grpc", "admin"}, "--config", "config.yaml", "--fake", address)
	r.until(t, "llmroute serves config.yaml")
	r.stop()
	r.until(t, "stopping; ")
	if code := <-r.code; code != 0 {
		t.Errorf("ended with exit code %d", code)
	}
}
