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
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/google/go-cmp/cmp"

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
		r := &Signed{Method: http.MethodPost, Host: "bedrock-runtime.us-east-1.amazonaws.com", Path: path, ContentType: "application/json",
			Body: []byte(`{"messages":[{"role":"user","content":[{"text":"hi"}]}]}`)}
		got, err := example.SignAWS(t.Context(), nil, r, "us-east-1", "bedrock", noon)
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
	if err := signer.SignHTTP(t.Context(), keys, q, hashOf(body.Bytes()), "bedrock", "eu-west-1", at); err != nil {
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

func TestRegionOf(t *testing.T) {
	for host, want := range map[string]string{
		"bedrock-runtime.us-east-1.amazonaws.com":                "us-east-1",
		"bedrock-runtime-fips.us-gov-west-1.amazonaws.com":       "us-gov-west-1",
		"bedrock-runtime.eu-central-1.api.aws":                   "eu-central-1",
		"bedrock-runtime.cn-north-1.amazonaws.com.cn":            "cn-north-1",
		"vpce-0a-b.bedrock-runtime.us-west-2.vpce.amazonaws.com": "us-west-2",
		"Bedrock-Mantle.us-east-2.api.aws":                       "us-east-2",
		"bedrock-runtime.example.com":                            "",
		"localhost":                                              "",
		"bedrock":                                                "",
		"":                                                       "",
	} {
		if got := RegionOf(host); got != want {
			t.Errorf("%s: region %q, want %q", host, got, want)
		}
	}
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
		asked = append(asked, r.Form.Get("Action")+" "+r.Form.Get("RoleArn")+" "+r.Form.Get("WebIdentityToken"))
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
		aws   AWS
		env   map[string]string
		files map[string]string
		want  Token
		asked string
	}{
		{"the environment", AWS{}, map[string]string{"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "env"}, nil, Token{ID: "AKIA", Value: "env"}, ""},
		{"a profile", AWS{Profile: "p"}, map[string]string{"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "env"},
			map[string]string{"credentials": "[p]\naws_access_key_id=P\naws_secret_access_key=file\n"}, Token{ID: "P", Value: "file"}, ""},
		{"IRSA", AWS{}, map[string]string{"AWS_ROLE_ARN": "arn:r", "AWS_WEB_IDENTITY_TOKEN_FILE": "token"}, map[string]string{"token": "jwt"},
			Token{ID: "ASIA", Value: "sts", Session: "session", Expires: expires}, "AssumeRoleWithWebIdentity arn:r jwt"},
		{"a role", AWS{RoleARN: "arn:aws:iam::123456789012:role/r"}, map[string]string{"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "env"}, nil,
			Token{ID: "ASIA", Value: "sts", Session: "session", Expires: expires}, "AssumeRole arn:aws:iam::123456789012:role/r "},
		{"a pod's identity", AWS{}, map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": pod.URL, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "token"}, map[string]string{"token": "jwt"},
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
			c.aws.Region = "us-east-1"
			c.aws.Options = append(c.aws.Options, awsconfig.WithBaseEndpoint(sts.URL))
			got, err := c.aws.Token(t.Context())
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
	t.Run("nothing", func(t *testing.T) {
		alone(t)
		if k, err := (&AWS{Region: "us-east-1"}).Token(t.Context()); err == nil {
			t.Errorf("keys out of nothing: %s", k.ID)
		}
	})
}
