package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"llmroute/internal/fakellm"
	"llmroute/internal/fakellm/fakellmtest"
)

// Models as AWS names them: what stands in a path has to be escaped there.
const (
	awsModel   = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	awsProfile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456"
	awsClaude  = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
)

// awsSecrets are the keys that the provider knows, by their ids.
var awsSecrets = map[string]string{
	"AKIAFILE": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "AKIANEXT": "next+secret", "AKIAENV": "secret of the environment",
	"ASIASESSION": "secret of a session", "ASIAROLE": "secret of a role",
}

// startAWS is a provider that verifies signatures.
func startAWS(t *testing.T) *fakellmtest.Provider {
	t.Helper()
	return fakellmtest.Start(t, 64, fakellm.Options{Delay: -1, Secrets: awsSecrets})
}

// awsKeys is a section of a credentials file.
func awsKeys(section, id string, more ...string) string {
	return fmt.Sprintf("[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n%s\n", section, id, awsSecrets[id], strings.Join(more, "\n"))
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// awsDoc is a backend with one of AWS's schemas.
func awsDoc(name, schema, url string, fields ...string) string {
	return strings.Replace(backendDoc(name, url, fields...), "outputSchema: OpenAI", "outputSchema: {schema: "+schema+"}", 1)
}

// awsAsk is a conversation whose bytes are more than its letters.
func awsAsk(model string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{
		openai.SystemMessage("Soyez aimable."), openai.UserMessage("Grüezi, 日本語 é 🙂"),
	}}
}

// askAWS asks plainly and as a stream, and fails when the answers differ.
func askAWS(t *testing.T, g *gateway, model string, header ...string) {
	t.Helper()
	options := []option.RequestOption{option.WithBaseURL(g.URL + "/v1"), option.WithAPIKey("sk-client"), option.WithMaxRetries(0)}
	for i := 0; i+1 < len(header); i += 2 {
		options = append(options, option.WithHeader(header[i], header[i+1]))
	}
	c := openai.NewClient(options...)
	whole, err := c.Chat.Completions.New(t.Context(), awsAsk(model))
	if err != nil {
		t.Fatalf("%s: %v", model, err)
	}
	var text strings.Builder
	stream := c.Chat.Completions.NewStreaming(t.Context(), awsAsk(model))
	for stream.Next() {
		for _, choice := range stream.Current().Choices {
			text.WriteString(choice.Delta.Content)
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatalf("%s: streamed: %v", model, err)
	}
	if whole := whole.Choices[0].Message.Content; text.String() != whole || whole == "" {
		t.Errorf("%s: streamed %q, whole %q", model, text.String(), whole)
	}
}

// A key of Bedrock's goes where any other key goes.
func TestBedrockKey(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	g := start(t, awsDoc("aws", "AWSBedrock", p.URL, "auth: {type: APIKey, key: ABSK-1}")+
		routeDoc("r", modelRule(awsModel, "aws"), modelRule(awsProfile, "aws")))
	for model, path := range map[string]string{
		awsModel:   "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream",
		awsProfile: "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123def456/converse-stream",
	} {
		askAWS(t, g, model)
		if q := p.Last(); q.Path != path || q.Header.Get("Authorization") != "Bearer ABSK-1" {
			t.Errorf("the provider got %s with %v", q.Path, q.Header)
		}
	}
	if a := g.post(t, "/v1/embeddings", `{"model":"`+awsModel+`","input":"x"}`); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("embeddings: %d %s", a.Status, a.Body)
	}
}

// What is signed is what arrives, through a real Envoy: whatever is in a body or
// in the id of a model, and whatever is configured to change on the way.
func TestAWSSignatures(t *testing.T) {
	t.Parallel()
	p := startAWS(t)
	sts := startSTS(t)
	keys := writeFile(t, awsKeys("default", "AKIAFILE")+awsKeys("session", "ASIASESSION", "aws_session_token = session+/=="))
	auth := func(more string) string { return "auth: {type: AWSSigV4, region: us-east-1" + more + "}" }
	fromFile := auth(", file: " + keys)
	docs := awsDoc("converse", "AWSBedrock", p.URL, fromFile) +
		awsDoc("invoke", "AWSAnthropic", p.URL, fromFile) +
		awsDoc("session", "AWSBedrock", p.URL, auth(", profile: session, file: "+keys)) +
		awsDoc("changed", "AWSBedrock", p.URL, fromFile, "headerMutation: {set: [{name: Content-Type, value: application/json; charset=utf-8}, {name: X-Amz-Meta, value: a  b}, {name: x-other, value: o}]}",
			`bodyMutation: {set: [{path: messages.0.content.0.text, value: "Zürich 日本"}]}`) +
		awsDoc("role", "AWSBedrock", p.URL, auth(`, assumeRoleArn: "arn:aws:iam::123456789012:role/llm", file: `+keys)) +
		awsDoc("chain", "AWSBedrock", p.URL, auth("")) +
		awsDoc("secret", "AWSBedrock", p.URL, auth(", secretRef: {name: aws, key: credentials}")) +
		"---\napiVersion: v1\nkind: Secret\nmetadata: {name: aws}\nstringData:\n  credentials: |\n    " +
		strings.ReplaceAll(awsKeys("default", "AKIANEXT"), "\n", "\n    ") + "\n"
	tests := []struct{ backend, key, token string }{
		{"converse", "AKIAFILE", ""}, {"invoke", "AKIAFILE", ""}, {"session", "ASIASESSION", "session+/=="}, {"changed", "AKIAFILE", ""},
		{"role", "ASIAROLE", "token of the role"}, {"chain", "AKIAENV", ""}, {"secret", "AKIANEXT", ""},
	}
	var rules []string
	for _, tt := range tests {
		for _, model := range []string{awsModel, awsClaude, awsProfile} {
			rules = append(rules, fmt.Sprintf("{matches: [{headers: [{name: x-envoy-ai-gateway-llm-model, value: %q}, {name: x-to, value: %s}]}], backendRefs: [{name: %s}]}",
				model, tt.backend, tt.backend))
		}
	}
	g := startWith(t, settings{files: map[string]string{"config.yaml": docs + routeDoc("r", rules...)}, env: []string{
		"AWS_ACCESS_KEY_ID=AKIAENV", "AWS_SECRET_ACCESS_KEY=" + awsSecrets["AKIAENV"], "AWS_ENDPOINT_URL_STS=" + sts, "AWS_EC2_METADATA_DISABLED=true",
	}})
	for _, tt := range tests {
		t.Run(tt.backend, func(t *testing.T) {
			for _, model := range []string{awsModel, awsClaude, awsProfile} {
				if tt.backend == "invoke" && model == awsProfile {
					continue // nothing tells that it is Claude
				}
				// What a client signed itself, or says of a signature, goes no further.
				askAWS(t, g, model, "x-to", tt.backend, "x-amz-date", "20200101T000000Z", "x-amz-security-token", "mine", "x-amz-content-sha256", "0")
				q := p.Last()
				if q.Key != tt.key || q.Header.Get("X-Amz-Security-Token") != tt.token || q.Header.Get("X-Amz-Content-Sha256") != "" {
					t.Errorf("%s: the provider saw key %s with %v", model, q.Key, q.Header)
				}
				if model == awsModel && !strings.Contains(q.Path, "claude-sonnet-4-5-20250929-v1%3A0/") || model == awsClaude && !strings.Contains(q.Path, "%2Fus.anthropic") {
					t.Errorf("the provider was asked at %s", q.Path)
				}
				if !strings.Contains(string(q.Body), "日本") {
					t.Errorf("body %s", q.Body)
				}
			}
		})
	}
	if q := askedAt(t, g, p, "changed"); !strings.Contains(q.Header.Get("Authorization"), "SignedHeaders=content-type;host;x-amz-date;x-amz-meta,") ||
		q.Header.Get("X-Amz-Meta") != "a  b" || !strings.Contains(string(q.Body), `"Zürich 日本"`) {
		t.Errorf("what is configured did not arrive, or not signed: %v %s", q.Header, q.Body)
	}
}

// askedAt asks a backend once, and returns what the provider was asked.
func askedAt(t *testing.T, g *gateway, p *fakellmtest.Provider, backend string) *fakellm.Request {
	t.Helper()
	if a := g.post(t, "/v1/chat/completions", chat(awsModel, "hi"), "x-to", backend); a.Status != http.StatusOK {
		t.Fatalf("%s: %d %s", backend, a.Status, a.Body)
	}
	return p.Last()
}

// startSTS lets any role be assumed.
func startSTS(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		action := r.FormValue("Action")
		w.Header().Set("content-type", "text/xml")
		fmt.Fprintf(w, `<%[1]sResponse><%[1]sResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>%[2]s</SecretAccessKey><SessionToken>token of the role</SessionToken><Expiration>%[3]s</Expiration></Credentials></%[1]sResult></%[1]sResponse>`,
			action, awsSecrets["ASIAROLE"], time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// Keys that are replaced are used at once, in a file of their own and in AWS's
// shared one; those that are wrong or not there are told in plain words.
func TestAWSKeysChange(t *testing.T) {
	t.Parallel()
	p := startAWS(t)
	keys, shared, wrong := writeFile(t, awsKeys("default", "AKIAFILE")), writeFile(t, awsKeys("work", "AKIAFILE")), writeFile(t, "[default]\naws_access_key_id=AKIAFILE\naws_secret_access_key=wrong\n")
	missing := filepath.Join(t.TempDir(), "nothing")
	g := startWith(t, settings{
		files: map[string]string{"config.yaml": awsDoc("own", "AWSBedrock", p.URL, "auth: {type: AWSSigV4, region: us-east-1, file: "+keys+"}") +
			awsDoc("shared", "AWSBedrock", p.URL, "auth: {type: AWSSigV4, region: us-east-1, profile: work}") +
			awsDoc("wrong", "AWSBedrock", p.URL, "auth: {type: AWSSigV4, region: us-east-1, file: "+wrong+"}") +
			awsDoc("missing", "AWSBedrock", p.URL, "auth: {type: AWSSigV4, region: us-east-1, file: "+missing+"}") +
			awsDoc("nobody", "AWSBedrock", p.URL, "auth: {type: AWSSigV4, region: us-east-1, profile: nobody}") +
			routeDoc("r", modelRule("own", "own"), modelRule("shared", "shared"), modelRule("wrong", "wrong"), modelRule("missing", "missing"), modelRule("nobody", "nobody"))},
		env: []string{"AWS_SHARED_CREDENTIALS_FILE=" + shared, "AWS_CONFIG_FILE=" + missing, "AWS_EC2_METADATA_DISABLED=true"},
	})
	for model, want := range map[string]struct {
		status int
		text   string
	}{
		"own": {200, ""}, "shared": {200, ""}, "wrong": {502, "provider_auth_error"}, "missing": {401, "nothing is empty or not set"},
		"nobody": {502, "profile nobody of AWS's shared files"},
	} {
		a := g.post(t, "/v1/chat/completions", chat(model, "hi"))
		if a.Status != want.status || !strings.Contains(a.Body, want.text) {
			t.Errorf("%s: %d %s", model, a.Status, a.Body)
		}
	}
	for file, text := range map[string]string{keys: awsKeys("default", "AKIANEXT"), shared: awsKeys("work", "AKIANEXT"), missing: awsKeys("default", "AKIANEXT")} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, model := range []string{"own", "shared", "missing"} {
		waitFor(t, "the next key of "+model, func() error {
			if a := g.post(t, "/v1/chat/completions", chat(model, "hi")); a.Status != http.StatusOK || p.Last().Key != "AKIANEXT" {
				return fmt.Errorf("%d with key %s: %s", a.Status, p.Last().Key, a.Body)
			}
			return nil
		})
	}
}

// With AWS's keys in the environment, as AWS's own clients read them, no file is
// needed: models of Bedrock go there by their bare ids, others by bedrock:MODEL.
func TestRunWithAWSKeysInTheEnvironment(t *testing.T) {
	p := startAWS(t)
	secret := awsSecrets["ASIASESSION"]
	w, g := run(t, []string{"AWS_ACCESS_KEY_ID=ASIASESSION", "AWS_SECRET_ACCESS_KEY=" + secret, "AWS_SESSION_TOKEN=session+/==",
		"AWS_REGION=eu-central-1", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME=" + p.URL, "ANTHROPIC_API_KEY=sk-ant-1"})
	for model, want := range map[string]string{awsModel: awsModel, "amazon.nova-pro-v1:0": "amazon.nova-pro-v1:0", awsClaude: awsClaude, "eu." + awsModel: "eu." + awsModel, "bedrock:my-import": "my-import"} {
		a := g.post(t, "/v1/chat/completions", chat(model, "Grüezi"))
		if a.Status != http.StatusOK || a.Header.Get("x-llmroute-backend") != "bedrock" {
			t.Errorf("%s: %d %s", model, a.Status, a.Body)
			continue
		}
		if q := p.Last(); q.Model != want || q.Key != "ASIASESSION" || q.Header.Get("X-Amz-Security-Token") != "session+/==" || !strings.Contains(q.Header.Get("Authorization"), "/eu-central-1/bedrock/") {
			t.Errorf("%s: the provider saw model %q with %v", model, q.Model, q.Header)
		}
	}
	if text := w.log.String(); strings.Contains(text, secret) || strings.Contains(text, "session+/==") {
		t.Error("a secret is in the log")
	}
	w.interrupt()
	_, g = run(t, []string{"AWS_BEARER_TOKEN_BEDROCK=ABSK-1", "AWS_DEFAULT_REGION=us-east-1", "AWS_ENDPOINT_URL=" + p.URL, "AWS_ACCESS_KEY_ID=stale", "AWS_SECRET_ACCESS_KEY=stale"})
	if a := g.post(t, "/v1/chat/completions", chat(awsModel, "hi")); a.Status != http.StatusOK || p.Last().Header.Get("Authorization") != "Bearer ABSK-1" {
		t.Errorf("%d %s: the provider saw %v", a.Status, a.Body, p.Last().Header)
	}
}
