package e2e

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"llmroute/internal/envoy"
	"llmroute/internal/envoy/envoytest"
	"llmroute/internal/fakellm"
	"llmroute/internal/fakellm/fakellmtest"
)

const funcE = "github.com/tetratelabs/func-e/cmd/func-e@v1.6.0"

// installFuncE installs the func-e command beside the fetched Envoys, which costs
// something only the first time, and returns its path.
func installFuncE(t testing.TB) string {
	t.Helper()
	bin := filepath.Join(envoytest.Dir(t), "bin")
	cmd := exec.CommandContext(t.Context(), "go", "install", funcE)
	cmd.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go install %s: %v\n%s", funcE, err, out)
	}
	return filepath.Join(bin, "func-e")
}

// usualPorts are those of envoy.yaml, the flags' defaults and the samples.
var usualPorts = map[string]string{
	"listen": envoy.DefaultListen, "grpc": envoy.DefaultGRPC, "admin": "127.0.0.1:1064", "fake": "127.0.0.1:1065",
}

// places returns the usual ports when all of them are free, else others; and the
// replacement of the ones by the others in a text.
func places(t testing.TB) (map[string]string, func(string) string) {
	t.Helper()
	chosen, moved := make(map[string]string), make(map[string]string)
	free := true
	for name, address := range usualPorts {
		l, err := net.Listen("tcp", address)
		if err != nil {
			free = false
		} else if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		chosen[name], moved[name] = address, freePort(t)
	}
	if free {
		return chosen, func(text string) string { return text }
	}
	var pairs []string
	for name, address := range usualPorts {
		pairs = append(pairs, address, moved[name], portValue(address), portValue(moved[name]))
	}
	return moved, strings.NewReplacer(pairs...).Replace
}

// portValue is how Envoy's configuration spells the port of an address.
func portValue(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return "port_value: " + port + "}"
}

// moved copies a file of the repository with its ports replaced.
func moved(t testing.TB, name string, replace func(string) string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(envoytest.Root(t), name))
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), filepath.Base(name))
	if err := os.WriteFile(copied, []byte(replace(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	return copied
}

// Two terminals: the sidecar with a sample in one, func-e with the envoy.yaml that
// is shipped in the other, and there is a gateway. The very files are used unless
// somebody else has their ports.
func TestTwoTerminals(t *testing.T) {
	root, funcEnvoy := envoytest.Root(t), installFuncE(t)
	at, replace := places(t)
	sample, bootstrap := "manifests/samples/llama3-70b.yaml", "envoy.yaml"
	serve := []string{"serve", "--config", sample}
	envoyArgs := []string{"run", "-c", bootstrap}
	if at["listen"] != usualPorts["listen"] {
		t.Logf("the usual ports are taken; here it is %v", at)
		serve = []string{"serve", "--config", moved(t, sample, replace), "--grpc", at["grpc"], "--admin", at["admin"], "--fake", at["fake"]}
		envoyArgs = []string{"run", "-c", moved(t, bootstrap, replace), "--use-dynamic-base-id"}
	}
	sidecar := open(t, root, nil, binary, serve...)
	sidecar.says("status at http://" + at["admin"])
	home := t.TempDir()
	proxy := open(t, root, []string{"ENVOY_PATH=" + envoytest.Path(t), "HOME=" + home, "FUNC_E_HOME=" + home}, funcEnvoy, envoyArgs...)
	g := &gateway{URL: "http://" + at["listen"]}
	waitFor(t, "the gateway", func() error { return getOK(g.URL + "/v1/models") })

	got := map[string]int{}
	for range 200 {
		a := g.post(t, "/v1/chat/completions", chat("llama3-70b", "hi"))
		if a.Status != http.StatusOK {
			t.Fatalf("got %d %s", a.Status, a.Body)
		}
		got[a.Header.Get("x-llmroute-backend")]++
	}
	if n := got["kserve"]; n < 15 || n > 70 || n+got["aws-bedrock"] != 200 {
		t.Errorf("got %v of 200, want a fifth at kserve", got)
	}
	stream := g.post(t, "/v1/chat/completions", `{"model":"llama3-70b","stream":true,"messages":[{"role":"user","content":"hi"}]}`)
	if stream.Status != http.StatusOK || !strings.Contains(stream.Body, "data: [DONE]") {
		t.Errorf("stream: got %d %s", stream.Status, stream.Body)
	}
	proxy.interrupt()
	sidecar.interrupt()
}

// farAway are the providers that samples speak to.
var farAway = regexp.MustCompile(`https://[\w.-]+`)

// Every sample works: it is loaded by a sidecar and asked through an Envoy. A new
// sample has to be added here.
func TestSamples(t *testing.T) {
	const folder = "manifests/samples"
	type use struct {
		env       []string
		bootstrap string // a sample too; "" is the usual one
		model     string
		want      []string // the backends that may answer
		upstream  string   // the model there, when it is another one
	}
	tokens := tokenEndpoint(t)
	google := []string{"GOOGLE_APPLICATION_CREDENTIALS=" + serviceAccount(t, tokens)}
	const openapi = "/v1/projects/my-project/locations/us-central1/endpoints/openapi"
	uses := map[string]use{
		"quickstart.yaml":       {model: "fake-large", want: []string{"fake-b"}},
		"llama3-70b.yaml":       {model: "llama3-70b", want: []string{"kserve", "aws-bedrock"}},
		"azure-openai.yaml":     {model: "gpt-4o-mini", want: []string{"azure-openai"}, env: []string{"AZURE_OPENAI_API_KEY=test"}},
		"openai.yaml":           {model: "gpt-4o-mini", want: []string{"openai"}, env: []string{"OPENAI_API_KEY=sk-test"}},
		"anthropic.yaml":        {model: "claude-sonnet-4-5", want: []string{"anthropic"}, env: []string{"ANTHROPIC_API_KEY=sk-ant-test"}},
		"aws-anthropic.yaml":    {model: "claude-sonnet-4-5", want: []string{"aws-anthropic"}, env: []string{"AWS_BEARER_TOKEN_BEDROCK=ABSK-test"}, upstream: "us." + awsModel},
		"aws-bedrock.yaml":      {model: awsModel, want: []string{"aws-bedrock"}, env: []string{"AWS_ACCESS_KEY_ID=AKIATEST", "AWS_SECRET_ACCESS_KEY=test"}},
		"cohere.yaml":           {model: "command-a-03-2025", want: []string{"cohere"}, env: []string{"CO_API_KEY=test"}},
		"retrieval.yaml":        {model: "gpt-4o-mini", want: []string{"openai"}, env: []string{"OPENAI_API_KEY=sk-test", "CO_API_KEY=test"}},
		"mistral.yaml":          {model: "mistral-medium-latest", want: []string{"mistral"}, env: []string{"MISTRAL_API_KEY=test"}},
		"azure-entra.yaml":      {model: "gpt-4o-mini", want: []string{"azure-openai"}, env: []string{"IDENTITY_ENDPOINT=" + tokens, "IDENTITY_HEADER=h"}},
		"google-anthropic.yaml": {model: "claude-sonnet-4-5@20250929", want: []string{"google-anthropic"}, env: google},
		"google-vertex.yaml":    {model: "gemini-flash", want: []string{"google-vertex"}, env: google, upstream: "google/gemini-2.5-flash"},
		"own-clusters.yaml":     {model: "fake-small", want: []string{"my-backend"}, bootstrap: "own-clusters-envoy.yaml"},

		"google-vertex-gemini.yaml": {model: "gemini-3.5-flash", want: []string{"google-vertex-gemini"}, env: google},
		"google-aistudio.yaml":      {model: "gemini-3.5-flash", want: []string{"google-aistudio"}, env: []string{"GEMINI_API_KEY=AIza-test"}},
	}
	files, err := filepath.Glob(filepath.Join(envoytest.Root(t), folder, "*"))
	if err != nil || len(files) < len(uses) {
		t.Fatalf("got %q, %v", files, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		switch name {
		case "own-clusters-envoy.yaml":
			continue // used with own-clusters.yaml
		case "backends":
			continue // custom backends: their test uses them
		}
		u, ok := uses[name]
		if !ok {
			t.Errorf("nothing here uses %s", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			p := fakellmtest.Start(t, 1, fakellm.Options{Delay: -1, Prefixes: []string{"/v1", "/openai/v1"}})
			grpc, admin := freePort(t), freePort(t)
			ports := strings.NewReplacer(
				usualPorts["fake"], p.Address, "https://us-central1-aiplatform.googleapis.com"+openapi, p.URL,
				portValue(usualPorts["fake"]), portValue(p.Address),
				portValue(usualPorts["grpc"]), portValue(grpc), portValue(usualPorts["listen"]), "port_value: 0}")
			replace := func(text string) string { return farAway.ReplaceAllLiteralString(ports.Replace(text), p.URL) }
			startSidecar(t, []string{"serve", "--config", moved(t, filepath.Join(folder, name), replace), "--grpc", grpc, "--admin", admin}, u.env)
			waitFor(t, "the sidecar", func() error { return getOK("http://" + admin + "/healthz") })
			bootstrap := "envoy.yaml"
			if u.bootstrap != "" {
				bootstrap = filepath.Join(folder, u.bootstrap)
			}
			text, err := os.ReadFile(moved(t, bootstrap, replace))
			if err != nil {
				t.Fatal(err)
			}
			e := envoytest.Start(t, string(text))
			g := &gateway{URL: "http://" + e.Address(t, "llm")}
			a := g.post(t, "/v1/chat/completions", chat(u.model, "hi"))
			if by := a.Header.Get("x-llmroute-backend"); a.Status != http.StatusOK || !strings.Contains(" "+strings.Join(u.want, " ")+" ", " "+by+" ") {
				t.Fatalf("got %d from %q, want one of %q: %s", a.Status, by, u.want, a.Body)
			}
			if q := p.Last(); q == nil || q.Model != cmp.Or(u.upstream, u.model) {
				t.Errorf("the provider saw %+v", q)
			}
			if u.bootstrap != "" && e.Stat(t, "cluster_manager.cds.update_attempt") != 0 {
				t.Error("an Envoy without ADS has asked for clusters")
			}
		})
	}
}

// tokenEndpoint gives a token to whoever asks, as the providers' endpoints do,
// and returns its URL.
func tokenEndpoint(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("content-type", "application/json")
		fmt.Fprintf(w, `{"access_token":"a-token","token_type":"Bearer","expires_in":3600,"expires_on":"%d"}`, time.Now().Add(time.Hour).Unix())
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// serviceAccount writes the document of a service account of Google Cloud, and
// returns its file.
func serviceAccount(t *testing.T, tokens string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "robot@example.com", "token_uri": tokens,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
