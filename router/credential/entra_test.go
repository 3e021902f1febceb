package credential

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/router/config"
)

const (
	entraScope = "https://cognitiveservices.azure.com/.default"
	tenant     = "11111111-2222-3333-4444-555555555555"
)

// entra plays Microsoft's login and a machine's metadata; token answers what
// asks for a token.
func entra(token func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) {
	const host = "https://login.microsoftonline.com/"
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
			_ = json.NewEncoder(w).Encode(map[string]string{
				"token_endpoint": host + tenant + "/oauth2/v2.0/token", "issuer": host + tenant + "/v2.0",
				"authorization_endpoint": host + tenant + "/oauth2/v2.0/authorize",
			})
		case strings.HasSuffix(r.URL.Path, "/discovery/instance"):
			_ = json.NewEncoder(w).Encode(map[string]any{
				"tenant_discovery_endpoint": host + tenant + "/v2.0/.well-known/openid-configuration", "metadata": []any{},
			})
		default:
			token(w, r)
		}
	}
}

func TestEntraClientSecret(t *testing.T) {
	e := newEndpoint(t, entra(gives("eyJ.secret")))
	a := config.Auth{Type: config.AuthAzureEntra, Tenant: tenant, Client: "app", Key: "s3cret", Scope: entraScope}
	got, err := fetch(t, a, e.client(t))
	wantToken(t, got, err, "eyJ.secret")
	host, form := e.last(t)
	if diff := cmp.Diff(
		[]string{host, form.Get("grant_type"), form.Get("client_id"), form.Get("client_secret")},
		[]string{"login.microsoftonline.com/" + tenant + "/oauth2/v2.0/token", "client_credentials", "app", "s3cret"},
	); diff != "" {
		t.Errorf("host, grant, client, secret (-got +want):\n%s", diff)
	}
	if !strings.Contains(form.Get("scope"), entraScope) {
		t.Errorf("scope: got %s", form.Get("scope"))
	}
}

// A cluster replaces the federated token in its file: each fetch reads it.
func TestEntraFederation(t *testing.T) {
	e := newEndpoint(t, entra(gives("eyJ.federated")))
	file := filepath.Join(t.TempDir(), "token")
	a := config.Auth{Type: config.AuthAzureEntra, Tenant: tenant, Client: "app", TokenFile: file, Scope: entraScope}
	s, err := newSource(a, e.client(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Token(t.Context()); err == nil || isRefused(err) {
		t.Errorf("without the file: got %v, want an error of ours", err)
	}
	for _, token := range []string{"first", "second"} {
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := s.Token(t.Context())
		wantToken(t, got, err, "eyJ.federated")
		if _, form := e.last(t); form.Get("client_assertion") != token || form.Get("client_secret") != "" {
			t.Errorf("asked with %v, want the token %s", form, token)
		}
	}
}

func TestEntraManagedIdentity(t *testing.T) {
	// The library keeps these tokens for the whole process, by what they are for.
	resource := "https://" + rand.Text() + ".example.com"
	for _, client := range []string{"", "22222222-2222-3333-4444-555555555555"} {
		e := newEndpoint(t, entra(gives("eyJ.managed"+client)))
		a := config.Auth{Type: config.AuthAzureEntra, Client: client, Scope: resource + "/.default"}
		got, err := fetch(t, a, e.client(t))
		wantToken(t, got, err, "eyJ.managed"+client)
		host, form := e.last(t)
		if diff := cmp.Diff([]string{host, form.Get("resource"), form.Get("client_id")},
			[]string{"169.254.169.254/metadata/identity/oauth2/token", resource, client}); diff != "" {
			t.Errorf("host, resource, client (-got +want):\n%s", diff)
		}
	}
}

func TestEntraRefusals(t *testing.T) {
	const wrong = `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.","error_codes":[7000215]}`
	tests := []struct {
		name, body string
		status     int
		refused    bool
		code       string
	}{
		{"wrong secret", wrong, 401, true, "AADSTS7000215"},
		{"no application", `{"error":"unauthorized_client","error_description":"AADSTS700016: not found"}`, 400, true, "AADSTS700016"},
		{"no code", `{}`, 403, true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEndpoint(t, entra(refuses(tt.status, tt.body)))
			a := config.Auth{Type: config.AuthAzureEntra, Tenant: tenant, Client: "app", Key: "s3cret", Scope: entraScope}
			_, err := fetch(t, a, e.client(t))
			if err == nil {
				t.Fatal("got a token")
			}
			code, refused := refusalCode(err)
			if refused != tt.refused || code != tt.code {
				t.Errorf("refused %v with code %q, want %v with %q (%v)", refused, code, tt.refused, tt.code, err)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the secret shows in %v", err)
			}
		})
	}
}

// Every credential has a name for people.
func TestFrom(t *testing.T) {
	for want, a := range map[string]config.Auth{
		"environment variable K":                {Type: config.AuthAzureEntra, From: "environment variable K", Key: "k"},
		"federated token file f":                {Type: config.AuthAzureEntra, TokenFile: "f"},
		"the managed identity":                  {Type: config.AuthAzureEntra},
		"the one of the environment it runs in": {Type: config.AuthGCP},
	} {
		if got := from(a); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
