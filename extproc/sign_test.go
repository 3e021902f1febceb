package extproc_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"llmroute/extproc/extproctest"
	"llmroute/router/config"
	"llmroute/router/credential"
	"llmroute/translator"
)

// The signature fits what arrives: path, query and body to the last byte, and the
// headers that AWS wants signed, each of them once.
func TestSignature(t *testing.T) {
	const key, secret = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	signing := func(mutate func(*config.Backend)) *config.Config {
		return &config.Config{DefaultBackend: "aws", Backends: []*config.Backend{backend("aws", func(b *config.Backend) {
			b.Endpoint = &config.Endpoint{Host: "bedrock-runtime.us-east-1.amazonaws.com", Port: 443, TLS: &config.TLS{}}
			b.Auth = config.Auth{Type: config.AuthAWSSigV4, Header: "authorization", Region: "us-east-1", Service: "bedrock",
				KeyID: key, Key: secret, Session: "session", From: "test"}
			mutate(b)
		})}}
	}
	tests := []struct {
		name   string
		mutate func(*config.Backend)
		header []extproctest.Header
		want   []translator.Header // beside host, date and token
	}{
		{"as it came", func(*config.Backend) {}, nil, []translator.Header{{Name: "content-type", Value: "application/json"}}},
		{"said twice", func(*config.Backend) {}, []extproctest.Header{{Name: "content-type", Value: "application/json; charset=utf-8"}},
			[]translator.Header{{Name: "content-type", Value: "application/json"}}},
		{"signed by the client", func(*config.Backend) {}, []extproctest.Header{{Name: "x-amz-date", Value: "20200101T000000Z"}, {Name: "x-amz-target", Value: "x"}, {Name: "authorization", Value: "AWS4-HMAC-SHA256 x"}},
			[]translator.Header{{Name: "content-type", Value: "application/json"}}},
		{"changed", func(b *config.Backend) {
			b.Headers.Set = []translator.Header{{Name: "x-amz-meta", Value: "a"}, {Name: "x-other", Value: "o"}, {Name: "content-type", Value: "text/json"}}
			b.Body.Set = []config.BodyField{{Path: "extra", Value: json.RawMessage(`"Grüezi 日本"`)}}
		}, nil, []translator.Header{{Name: "content-type", Value: "text/json"}, {Name: "x-amz-meta", Value: "a"}}},
		{"taken off", func(b *config.Backend) { b.Headers.Remove = []string{"content-type"} }, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sent := do(t, processor(t, signing(tt.mutate), nil), extproctest.Post("/v1/chat/completions?a=b%2Fc&d", `{"model":"anthropic.claude:0","messages":[]}`, tt.header...), nil).Upstream
			at, err := time.Parse("20060102T150405Z", sent.Get("x-amz-date"))
			if err != nil || time.Since(at).Abs() > time.Minute {
				t.Fatalf("date %q: %v", sent.Get("x-amz-date"), err)
			}
			var arrived []translator.Header
			for _, h := range sent.Headers {
				if h.Name == "content-type" || strings.HasPrefix(h.Name, "x-amz-") && h.Name != "x-amz-date" && h.Name != "x-amz-security-token" {
					arrived = append(arrived, translator.Header(h))
				}
			}
			slices.SortFunc(arrived, func(a, b translator.Header) int { return strings.Compare(a.Name, b.Name) })
			if diff := cmp.Diff(arrived, tt.want); diff != "" {
				t.Errorf("arrived (-got +want):\n%s", diff)
			}
			signer := credential.NewSigner(&credential.Token{ID: key, Value: secret, Session: "session"}, "us-east-1", "bedrock")
			want, err := signer.Sign(nil, &credential.Signed{
				Method: "POST", Host: "bedrock-runtime.us-east-1.amazonaws.com", Path: sent.Get(":path"), Header: arrived, Body: sent.Bytes(),
			}, at)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range want {
				if got := sent.Values(h.Name); len(got) != 1 || got[0] != h.Value {
					t.Errorf("%s: got %q, want %s", h.Name, got, h.Value)
				}
			}
		})
	}
}

// Keys that AWS refuses are looked for anew, in the background: an answer later
// the ones that have taken their place are signed with.
func TestKeysThatWereReplaced(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDOLD")
	synctest.Test(t, func(t *testing.T) {
		p := processor(t, &config.Config{DefaultBackend: "aws", Backends: []*config.Backend{backend("aws", func(b *config.Backend) {
			b.Endpoint = &config.Endpoint{Host: "bedrock-runtime.us-east-1.amazonaws.com", Port: 443, TLS: &config.TLS{}}
			b.Auth = config.Auth{Type: config.AuthAWSSigV4, Header: "authorization", Region: "us-east-1", Service: "bedrock"}
		})}}, nil)
		t.Setenv("AWS_ACCESS_KEY_ID", "AKIDNEW")
		time.Sleep(time.Minute)
		refuse := func(*extproctest.Message) (*extproctest.Message, extproctest.Attributes) {
			return &extproctest.Message{Headers: []extproctest.Header{{Name: ":status", Value: "403"}, {Name: "x-amzn-errortype", Value: "UnrecognizedClientException"},
				{Name: "content-type", Value: "application/json"}}, Body: [][]byte{[]byte(`{"message":"m"}`)}}, extproctest.Attributes{Attempts: 1}
		}
		for _, key := range []string{"AKIDOLD", "AKIDNEW"} {
			res := do(t, p, extproctest.Post("/v1/chat/completions", body("m")), refuse)
			if got := res.Upstream.Get("authorization"); !strings.Contains(got, "Credential="+key+"/") {
				t.Errorf("signed with %s, want %s", got, key)
			}
			if got := res.Client.Get(":status"); got != "502" {
				t.Errorf("status %s, want 502: %s", got, res.Client.Bytes())
			}
			synctest.Wait()
		}
	})
}
