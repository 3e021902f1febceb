package xds

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"llmroute/router/config"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestClusters compares a cluster of each kind with testdata/NAME.json.
func TestClusters(t *testing.T) {
	cases := []struct {
		name    string
		backend config.Backend
	}{
		{"address", config.Backend{ID: "kserve", Endpoint: &config.Endpoint{Host: "10.0.0.7", Port: 8080}, RetryDelay: time.Second}},
		{"address6", config.Backend{ID: "kserve", Endpoint: &config.Endpoint{Host: "fd00::7", Port: 80}}},
		{"h2", config.Backend{ID: "vllm", Endpoint: &config.Endpoint{Host: "vllm.example", Port: 8000, HTTP2: true}}},
		{"service", config.Backend{ID: "vllm.models", Endpoint: &config.Endpoint{Host: "vllm.models.svc", Port: 80}}},
		{"tls", config.Backend{ID: "openai", Endpoint: &config.Endpoint{Host: "api.openai.com", Port: 443, TLS: &config.TLS{}}, RetryDelay: 500 * time.Millisecond}},
		{"tls-root-dot", config.Backend{ID: "openai", Endpoint: &config.Endpoint{Host: "api.openai.com.", Port: 8443, TLS: &config.TLS{}}}},
		{"tls-address", config.Backend{ID: "lab", Endpoint: &config.Endpoint{Host: "FD00:0::7", Port: 443, TLS: &config.TLS{CAFile: "/lab/ca.pem"}}}},
		{"tls-client", config.Backend{ID: "lab", Endpoint: &config.Endpoint{Host: "10.0.0.7", Port: 443, TLS: &config.TLS{
			ServerName: "lab.example", ClientCert: "/lab/client.pem", ClientKey: "/lab/client.key",
		}}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r, err := newResource(&c.backend, "/roots.pem")
			if err != nil {
				t.Fatal(err)
			}
			var m clusterv3.Cluster
			if err := proto.Unmarshal(r.wire.GetResource().GetValue(), &m); err != nil {
				t.Fatal(err)
			}
			raw, err := protojson.Marshal(&m)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := json.Indent(&got, raw, "", "  "); err != nil { // protojson varies its spaces on purpose
				t.Fatal(err)
			}
			got.WriteByte('\n')
			file := filepath.Join("testdata", c.name+".json")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got.String(), string(want)); diff != "" {
				t.Errorf("cluster (got, want):\n%s", diff)
			}
		})
	}
}

func TestClusterName(t *testing.T) {
	if got := ClusterName(own); got != own.Cluster {
		t.Errorf("got %q, want the person's own %q", got, own.Cluster)
	}
	odd := &config.Backend{ID: "my backend:é/1.ns", Endpoint: one.Endpoint}
	if got := ClusterName(odd); !regexp.MustCompile(`^my_backend___1\.ns-[0-9a-f]{10}$`).MatchString(got) {
		t.Errorf("got %q", got)
	}
	alike := &config.Backend{ID: "my_backend:é/1.ns", Endpoint: one.Endpoint}
	if ClusterName(odd) == ClusterName(alike) {
		t.Errorf("two backends share the name %q", ClusterName(odd))
	}
	// Which file holds the system's roots is not part of what the backend is.
	secure := &config.Backend{ID: "x", Endpoint: &config.Endpoint{Host: "a.example", Port: 443, TLS: &config.TLS{}}}
	a, errA := newResource(secure, "/a.pem")
	b, errB := newResource(secure, "/b.pem")
	if errA != nil || errB != nil || a.name != b.name || a.version == b.version {
		t.Errorf("other roots: %v, %v, names %q and %q, versions %q and %q", errA, errB, a.name, b.name, a.version, b.version)
	}
}

func TestInvalidBackend(t *testing.T) {
	s := New(Options{})
	bad := backendAt("bad\xff", "x", 1)
	file := backendAt("file", "x", 443)
	file.Endpoint.TLS = &config.TLS{CAFile: "\xfe"}
	err := s.Add(t.Context(), []*config.Backend{one, bad, backendAt("far", "y", 70000), file})
	if err == nil || !strings.Contains(err.Error(), `"bad\xff"`) || !strings.Contains(err.Error(), `"far"`) || !strings.Contains(err.Error(), `"file"`) {
		t.Errorf("got %v, want an error that names all three backends", err)
	}
	if got := s.Status().Clusters; len(got) != 0 {
		t.Errorf("published all the same: %q", got)
	}
}

// TestNamesAreContent: equal backends have equal names and bytes, different
// clusters different names, and what is not the cluster's matter changes neither.
func TestNamesAreContent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func() *config.Backend {
			e := &config.Endpoint{
				Host:  rapid.SampledFrom([]string{"127.0.0.1", "::1", "a.example", "b.svc"}).Draw(t, "host"),
				Port:  rapid.SampledFrom([]uint32{80, 443, 8080}).Draw(t, "port"),
				HTTP2: rapid.Bool().Draw(t, "h2"),
			}
			if rapid.Bool().Draw(t, "tls") {
				// With TLS, ALPN decides.
				e.HTTP2 = false
				e.TLS = &config.TLS{
					CAFile:     rapid.SampledFrom([]string{"", "/a", "/b"}).Draw(t, "ca"),
					ServerName: rapid.SampledFrom([]string{"", "s.example"}).Draw(t, "name"),
				}
			}
			return &config.Backend{
				ID:         rapid.SampledFrom([]string{"a", "b.ns"}).Draw(t, "id"),
				Endpoint:   e,
				RetryDelay: rapid.SampledFrom([]time.Duration{0, time.Second}).Draw(t, "delay"),
			}
		}
		a, b := draw(), draw()
		ra, errA := newResource(a, "/roots")
		rb, errB := newResource(b, "/roots")
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		same := cmp.Equal(a, b)
		if got := ra.name == rb.name; got != same {
			t.Fatalf("equal names: %v, equal backends: %v", got, same)
		}
		if got := ra.version == rb.version && proto.Equal(ra.wire, rb.wire); got != same {
			t.Fatalf("equal bytes: %v, equal backends: %v", got, same)
		}
		other := *a
		other.Auth.Key, other.Models, other.MaxRetries = "sk-secret", []string{"m"}, 7
		ro, err := newResource(&other, "/roots")
		if err != nil || ro.name != ra.name || ro.version != ra.version || bytes.Contains(ro.wire.GetResource().GetValue(), []byte("sk-secret")) {
			t.Fatalf("what is not the cluster's matter changed it: %v", err)
		}
	})
}
