package credential

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/router/config"
)

// serviceAccount returns a service account's document with a key of its own.
func serviceAccount(t *testing.T, tokenURL string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return document(t, map[string]any{
		"type": "service_account", "client_email": "robot@project.iam.gserviceaccount.com", "private_key_id": "id", "token_uri": tokenURL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
}

func document(t *testing.T, members map[string]any) string {
	t.Helper()
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const scope = "https://www.googleapis.com/auth/cloud-platform"

func TestGoogleServiceAccount(t *testing.T) {
	e := newEndpoint(t, gives("ya29.one"))
	a := config.Auth{Type: config.AuthGCP, Key: config.Secret(serviceAccount(t, "https://oauth2.example.com/token")), Scope: scope}
	got, err := fetch(t, a, e.client(t))
	wantToken(t, got, err, "ya29.one")
	host, form := e.last(t)
	if host != "oauth2.example.com/token" {
		t.Errorf("asked %s", host)
	}
	_, rest, _ := strings.Cut(form.Get("assertion"), ".")
	claims, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(claims)
	if err != nil {
		t.Fatal(err)
	}
	var said struct{ Iss, Scope, Aud string }
	if err := json.Unmarshal(text, &said); err != nil {
		t.Fatal(err)
	}
	want := struct{ Iss, Scope, Aud string }{"robot@project.iam.gserviceaccount.com", scope, "https://oauth2.example.com/token"}
	if diff := cmp.Diff(said, want); diff != "" {
		t.Errorf("claims (-got +want):\n%s", diff)
	}
}

func TestGoogleUser(t *testing.T) {
	e := newEndpoint(t, gives("ya29.user"))
	a := config.Auth{Type: config.AuthGCP, Scope: scope, Key: config.Secret(document(t, map[string]any{
		"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r", "quota_project_id": "p-9"}))}
	got, err := fetch(t, a, e.client(t))
	wantToken(t, got, err, "ya29.user")
	if got.QuotaProject != "p-9" {
		t.Errorf("quota project %q", got.QuotaProject)
	}
	if _, form := e.last(t); form.Get("grant_type") != "refresh_token" || form.Get("refresh_token") != "r" {
		t.Errorf("asked with %v", form)
	}
}

// A workload of another identity provider shows that one's token, which its
// platform replaces in its file from time to time.
func TestGoogleFederation(t *testing.T) {
	e := newEndpoint(t, gives("ya29.federated"))
	file := filepath.Join(t.TempDir(), "subject")
	a := config.Auth{Type: config.AuthGCP, Scope: scope, Key: config.Secret(document(t, map[string]any{
		"type": "external_account", "audience": "//iam.googleapis.com/pool", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
		"token_url": "https://sts.googleapis.com/v1/token", "credential_source": map[string]any{"file": file}}))}
	s, err := newSource(a, e.client(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"first", "second"} {
		if err := os.WriteFile(file, []byte(subject), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := s.Token(t.Context())
		wantToken(t, got, err, "ya29.federated")
		host, form := e.last(t)
		if diff := cmp.Diff([]string{host, form.Get("subject_token"), form.Get("audience"), form.Get("scope")},
			[]string{"sts.googleapis.com/v1/token", subject, "//iam.googleapis.com/pool", scope}); diff != "" {
			t.Errorf("host, subject, audience, scope (-got +want):\n%s", diff)
		}
	}
	e.reply = refuses(400, `{"error":"invalid_grant","error_description":"expired"}`)
	if _, err := s.Token(t.Context()); !isRefused(err) {
		t.Errorf("got %v, want a refusal", err)
	}
}

// Without a document the environment says who it is: a file, or the metadata
// server of the machine.
func TestGoogleDefault(t *testing.T) {
	e := newEndpoint(t, gives("ya29.default"))
	a := config.Auth{Type: config.AuthGCP, Scope: scope}
	file := filepath.Join(t.TempDir(), "adc.json")
	if err := os.WriteFile(file, []byte(serviceAccount(t, "https://oauth2.example.com/token")), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	got, err := fetch(t, a, e.client(t))
	wantToken(t, got, err, "ya29.default")

	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("GCE_METADATA_HOST", strings.TrimPrefix(e.URL, "http://"))
	e.reply = gives("ya29.machine")
	got, err = fetch(t, a, e.client(t))
	wantToken(t, got, err, "ya29.machine")
	if host, form := e.last(t); !strings.HasSuffix(host, "/computeMetadata/v1/instance/service-accounts/default/token") || form.Get("scopes") != scope {
		t.Errorf("asked %s with %v", host, form)
	}
}

func TestGoogleRefusals(t *testing.T) {
	tests := []struct {
		name    string
		reply   func(http.ResponseWriter, *http.Request)
		refused bool
		code    string
	}{
		{"account that is gone", refuses(400, `{"error":"invalid_grant","error_description":"Invalid grant: account not found"}`), true, "invalid_grant"},
		{"key that is revoked", refuses(401, `{"error":"invalid_client"}`), true, "invalid_client"},
		{"code that is none", refuses(403, `{"error":"<b>no</b>"}`), true, ""},
		{"too many requests", refuses(429, `{}`), false, ""},
		{"endpoint that fails", refuses(500, `{}`), false, ""},
	}
	account := serviceAccount(t, "https://oauth2.example.com/token")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEndpoint(t, tt.reply)
			_, err := fetch(t, config.Auth{Type: config.AuthGCP, Key: config.Secret(account), Scope: scope}, e.client(t))
			if err == nil {
				t.Fatal("got a token")
			}
			code, refused := refusalCode(err)
			if refused != tt.refused || code != tt.code {
				t.Errorf("refused %v with code %q, want %v with %q (%v)", refused, code, tt.refused, tt.code, err)
			}
			if strings.Contains(err.Error(), "PRIVATE KEY") {
				t.Errorf("the key shows in %v", err)
			}
		})
	}
}

func isRefused(err error) bool {
	_, refused := refusalCode(err)
	return refused
}

// A type that the document does not have, however it says so, starts nothing.
func TestGoogleDocuments(t *testing.T) {
	for _, key := range []config.Secret{`{"type":`, `[]`} {
		if _, err := newSource(config.Auth{Type: config.AuthGCP, Key: key}, http.DefaultClient); err == nil || errors.Unwrap(err) != nil {
			t.Errorf("%s: got %v, want an error that repeats nothing", key.Reveal(), err)
		}
	}
}
