package credential

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/google/go-cmp/cmp"

	"llmroute/router/config"
	"llmroute/translator"
)

var (
	example = &Token{ID: "AKIDEXAMPLE", Value: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	noon    = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
)

func TestSignAWS(t *testing.T) {
	const model = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1"
	for path, want := range map[string]string{
		model + "%3A0/converse": "e4d9d969a8f1a7bb402af27f9a4aa38b45da45ee685bc84dd07f59151e033004",
		model + ":0/converse":   "5c4633848f9b869ccb3dcb394a8a5d1eca23675fa38af9cd28a02ae884bc7403",
		"/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123def456/converse-stream": "8e21b67fba526b6491224a4633c315953bc3fab18570170ccf156e530787d31f",
	} {
		r := &Signed{Method: http.MethodPost, Host: "bedrock-runtime.us-east-1.amazonaws.com", Path: path,
			Header: []translator.Header{{Name: "content-type", Value: "text/plain"}, {Name: "content-type", Value: "application/json"}},
			Body:   []byte(`{"messages":[{"role":"user","content":[{"text":"hi"}]}]}`)}
		got, err := NewSigner(example, "us-east-1", "bedrock").Sign(nil, r, noon)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]translator.Header{
			{Name: "authorization", Value: "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261120/us-east-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=" + want},
			{Name: "x-amz-date", Value: "20261120T120000Z"},
		}, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", path, diff)
		}
	}
}

// A secret that was wrong and is put right has an id that was seen before.
func TestSignAWSWithTheSecretPutRight(t *testing.T) {
	var signatures []string
	for _, secret := range []config.Secret{"wrong", "right", "wrong"} {
		r := &Signed{Method: http.MethodPost, Host: "bedrock-runtime.us-east-1.amazonaws.com", Path: "/model/m/converse"}
		got, err := NewSigner(&Token{ID: "AKID", Value: secret}, "us-east-1", "bedrock").Sign(nil, r, noon)
		if err != nil {
			t.Fatal(err)
		}
		signatures = append(signatures, got[0].Value)
	}
	if signatures[0] == signatures[1] || signatures[0] != signatures[2] {
		t.Errorf("signed %q", signatures)
	}
}

// TestSignAWSAsTheClientDoes has AWS's own client send a request, and signs what
// has arrived once more.
func TestSignAWSAsTheClientDoes(t *testing.T) {
	var seen *http.Request
	var body bytes.Buffer
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = r
		_, _ = body.ReadFrom(r.Body)
	}))
	defer s.Close()
	c := bedrockruntime.New(bedrockruntime.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(s.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(example.ID, string(example.Value), "session+/="),
	})
	const id = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/a:b é"
	_, _ = c.InvokeModel(t.Context(), &bedrockruntime.InvokeModelInput{ModelId: aws.String(id), Body: []byte(`{"text":"日本語 é"}`), ContentType: aws.String("application/json; charset=utf-8")})
	if seen == nil {
		t.Fatal("nothing was sent")
	}
	at, err := time.Parse("20060102T150405Z", seen.Header.Get("x-amz-date"))
	if err != nil {
		t.Fatal(err)
	}
	// The client signs more headers than we do. Made to sign the same ones, both
	// must come to the same signature; so the path, body, date and keys are read alike.
	q := &http.Request{Method: seen.Method, Host: seen.Host, URL: mustParse(t, "https://"+seen.Host+seen.RequestURI), Header: http.Header{}, ContentLength: seen.ContentLength}
	for _, name := range signedHeaders(seen.Header.Get("authorization")) {
		if name != "host" && name != "content-length" {
			q.Header[http.CanonicalHeaderKey(name)] = seen.Header.Values(name)
		}
	}
	keys := aws.Credentials{AccessKeyID: example.ID, SecretAccessKey: string(example.Value), SessionToken: "session+/="}
	if err := v4.NewSigner().SignHTTP(t.Context(), keys, q, hashOf(body.Bytes()), "bedrock", "eu-west-1", at); err != nil {
		t.Fatal(err)
	}
	if got, want := q.Header.Get("authorization"), seen.Header.Get("authorization"); got != want {
		t.Errorf("authorization %s, want %s", got, want)
	}
}

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func signedHeaders(authorization string) []string {
	_, names, _ := strings.Cut(authorization, "SignedHeaders=")
	names, _, _ = strings.Cut(names, ",")
	return strings.Split(names, ";")
}

// alone takes AWS's settings out of the environment.
func alone(t *testing.T) (dir string) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	dir = t.TempDir()
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "credentials"))
	return dir
}

func TestAWSKeys(t *testing.T) {
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	var asked []string
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		asked = append(asked, r.Form.Get("Action")+" "+r.Form.Get("RoleArn")+" "+r.Form.Get("WebIdentityToken")+r.Form.Get("ExternalId"))
		action := r.Form.Get("Action")
		w.Header().Set("content-type", "text/xml")
		fmt.Fprintf(w, `<%[1]sResponse><%[1]sResult><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>sts</SecretAccessKey><SessionToken>session</SessionToken><Expiration>%[2]s</Expiration></Credentials></%[1]sResult></%[1]sResponse>`,
			action, expires.Format(time.RFC3339))
	}))
	defer sts.Close()
	pod := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, "pod "+r.Header.Get("authorization"))
		fmt.Fprintf(w, `{"AccessKeyId":"ASIA","SecretAccessKey":"pod","Token":"session","Expiration":%q}`, expires.Format(time.RFC3339))
	}))
	defer pod.Close()
	for _, c := range []struct {
		name  string
		auth  config.Auth
		env   map[string]string
		files map[string]string
		want  Token
		asked string
	}{
		{"configured", config.Auth{KeyID: "AKIA", Key: "configured", Session: "s"}, map[string]string{"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "env"}, nil,
			Token{ID: "AKIA", Value: "configured", Session: "s"}, ""},
		{"a role for what is configured", config.Auth{KeyID: "AKIA", Key: "configured", Role: "arn:aws:iam::123456789012:role/r"}, nil, nil,
			Token{ID: "ASIA", Value: "sts", Session: "session", Expires: expires}, "AssumeRole arn:aws:iam::123456789012:role/r "},
		{"a role of somebody else's", config.Auth{KeyID: "AKIA", Key: "configured", Role: "arn:aws:iam::123456789012:role/r", RoleID: "tenant-7"}, nil, nil,
			Token{ID: "ASIA", Value: "sts", Session: "session", Expires: expires}, "AssumeRole arn:aws:iam::123456789012:role/r tenant-7"},
		{"the environment", config.Auth{}, map[string]string{"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "env"}, nil, Token{ID: "AKIA", Value: "env"}, ""},
		{"a profile", config.Auth{Profile: "p"}, map[string]string{"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "env"},
			map[string]string{"credentials": "[p]\naws_access_key_id=P\naws_secret_access_key=file\n"}, Token{ID: "P", Value: "file"}, ""},
		{"IRSA", config.Auth{}, map[string]string{"AWS_ROLE_ARN": "arn:r", "AWS_WEB_IDENTITY_TOKEN_FILE": "token"}, map[string]string{"token": "jwt"},
			Token{ID: "ASIA", Value: "sts", Session: "session", Expires: expires}, "AssumeRoleWithWebIdentity arn:r jwt"},
		{"a role", config.Auth{Role: "arn:aws:iam::123456789012:role/r"}, map[string]string{"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "env"}, nil,
			Token{ID: "ASIA", Value: "sts", Session: "session", Expires: expires}, "AssumeRole arn:aws:iam::123456789012:role/r "},
		{"a pod's identity", config.Auth{}, map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": pod.URL, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "token"}, map[string]string{"token": "jwt"},
			// AWS's client keeps five minutes of what a pod's agent gives for itself.
			Token{ID: "ASIA", Value: "pod", Session: "session", Expires: expires.Add(-5 * time.Minute)}, "pod jwt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := alone(t)
			asked = nil
			for name, text := range c.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for name, value := range c.env {
				if strings.HasSuffix(name, "_FILE") {
					value = filepath.Join(dir, value)
				}
				t.Setenv(name, value)
			}
			c.auth.Region = "us-east-1"
			s := newAWS(c.auth)
			s.options = append(s.options, awsconfig.WithBaseEndpoint(sts.URL))
			got, err := s.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if c.want.Expires.IsZero() {
				c.want.Expires = got.Expires
				if left := time.Until(got.Expires); left < keysRest-time.Minute || left > keysRest {
					t.Errorf("keys that last are used for %v", left)
				}
			}
			if *got != c.want {
				t.Errorf("%q %q %q until %v, want %q %q %q until %v", got.ID, string(got.Value), string(got.Session), got.Expires,
					c.want.ID, string(c.want.Value), string(c.want.Session), c.want.Expires)
			}
			if diff := cmp.Diff(c.asked, strings.Join(asked, ", ")); diff != "" {
				t.Errorf("asked (-want +got)\n%s", diff)
			}
		})
	}
}

// A refusal is told with AWS's own word for it, and from there being nothing to
// show.
func TestAWSKeysRefused(t *testing.T) {
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("content-type", "text/xml")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User arn:aws:iam::1:user/u is not authorized</Message></Error></ErrorResponse>`)
	}))
	defer sts.Close()
	alone(t)
	for _, c := range []struct {
		name, code string
		refused    bool
		auth       config.Auth
	}{
		{"nothing", "", false, config.Auth{Region: "us-east-1"}},
		{"a profile that nobody has", "", false, config.Auth{Region: "us-east-1", Profile: "nobody"}},
		{"a role", "AccessDenied", true, config.Auth{Region: "us-east-1", KeyID: "AKIA", Key: "k", Role: "arn:aws:iam::123456789012:role/r"}},
	} {
		s := newAWS(c.auth)
		s.options = append(s.options, awsconfig.WithBaseEndpoint(sts.URL))
		got, err := s.Token(t.Context())
		if err == nil {
			t.Errorf("%s: keys %s", c.name, got.ID)
			continue
		}
		if code, refused := refusalCode(err); code != c.code || refused != c.refused {
			t.Errorf("%s: code %q, refused %v: %v", c.name, code, refused, err)
		}
	}
}
