package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	coherev1 "github.com/cohere-ai/cohere-go/v2"
	"github.com/cohere-ai/cohere-go/v2/core"
	cohereoption "github.com/cohere-ai/cohere-go/v2/option"
	coherev2 "github.com/cohere-ai/cohere-go/v2/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/tidwall/gjson"
)

// specDoc is an LLMBackend of a schema, or with more lines of a spec, at endpoint.
func specDoc(name, endpoint, schema string, more ...string) string {
	return strings.Replace(backendDoc(name, endpoint, more...), "outputSchema: OpenAI", "outputSchema: "+schema, 1)
}

const (
	someKey    = "auth: {type: APIKey, key: k}"
	someGoogle = "gcp: {project: p-1, location: us-central1}"
)

// embedders are the vendors' models, each behind a backend of its own.
var embedders = []struct {
	model, schema string
	at            string // behind the provider's address
	more          []string
	most          int
	sized         bool // there is a choice of dimensions
}{
	{"text-embedding-3-small", "OpenAI", "", nil, 2048, true},
	{"azure-embed", `{schema: AzureOpenAI, version: "2024-10-21"}`, "", nil, 2048, true},
	{"embed-v4.0", "Cohere", "", nil, 96, true},
	{"gemini-embedding-2", "GoogleAIStudio", "", nil, 100, true},
	{"text-embedding-005", "GCPVertexAI", "", []string{someGoogle}, 250, true},
	{"gemini-embedding-001", "GCPVertexAI", "", []string{someGoogle}, 1, true},
	{"mistral-embed", "Mistral", "/mistral/v1", nil, 300, true},
	{"amazon.titan-embed-text-v1", "AWSBedrock", "", nil, 1, false},
	{"amazon.titan-embed-text-v2:0", "AWSBedrock", "", nil, 1, true},
	{"amazon.nova-2-multimodal-embeddings-v1:0", "AWSBedrock", "", nil, 1, true},
	{"cohere.embed-english-v3", "AWSBedrock", "", nil, 96, false},
	{"us.cohere.embed-v4:0", "AWSBedrock", "", nil, 96, true},
}

// One client and one kind of request get embeddings from every vendor: as
// numbers, packed, and of a size, as many as the vendor takes at once.
func TestEmbeddingsOfEveryVendor(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	var docs strings.Builder
	var rules []string
	for i, e := range embedders {
		name := fmt.Sprintf("b%d", i)
		docs.WriteString(specDoc(name, p.URL+e.at, e.schema, append(e.more, someKey)...))
		rules = append(rules, modelRule(e.model, name))
	}
	g := start(t, docs.String()+routeDoc("r", rules...))
	c := openai.NewClient(option.WithBaseURL(g.URL+"/v1"), option.WithAPIKey("sk-client"), option.WithMaxRetries(0))
	for i, e := range embedders {
		t.Run(e.model+" "+e.schema, func(t *testing.T) {
			var texts []string
			for n := range e.most {
				texts = append(texts, fmt.Sprintf("text %d", n))
			}
			ask := openai.EmbeddingNewParams{Model: e.model, Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: texts}}
			if e.sized {
				ask.Dimensions = openai.Int(256)
			}
			got, err := c.Embeddings.New(t.Context(), ask)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Data) != e.most || got.Usage.PromptTokens != int64(2*e.most) || got.Usage.TotalTokens != int64(2*e.most) {
				t.Errorf("%d vectors of %d texts for %+v", len(got.Data), e.most, got.Usage)
			}
			if e.sized && len(got.Data[0].Embedding) != 256 {
				t.Errorf("%d dimensions", len(got.Data[0].Embedding))
			}
			if p.Last().Key != "k" {
				t.Errorf("the provider got the key %q", p.Last().Key)
			}

			id := fmt.Sprintf("embed-%d", i)
			packed := g.post(t, "/v1/embeddings", fmt.Sprintf(`{"model":%q,"input":"text 0","encoding_format":"base64"%s}`, e.model, map[bool]string{true: `,"dimensions":256`}[e.sized]), "x-request-id", id)
			plain := g.post(t, "/v1/embeddings", fmt.Sprintf(`{"model":%q,"input":"text 0"%s}`, e.model, map[bool]string{true: `,"dimensions":256`}[e.sized]))
			if packed.Status != 200 || plain.Status != 200 {
				t.Fatalf("%d %s, %d %s", packed.Status, packed.Body, plain.Status, plain.Body)
			}
			n := len(gjson.Get(plain.Body, "data.0.embedding").Array())
			if b := gjson.Get(packed.Body, "data.0.embedding"); b.Type != gjson.String || len(b.Str) != (4*n+2)/3*4 {
				t.Errorf("%d numbers, packed in %d letters", n, len(b.Str))
			}
			if line := g.logLine(t, id); line["input_tokens"] != 2.0 || line["total_tokens"] != 2.0 || line["outcome"] != "complete" {
				t.Errorf("logged %v", line)
			}

			if i > 1 && e.schema != "Mistral" { // those that pass it on leave it to the provider
				more := g.post(t, "/v1/embeddings", fmt.Sprintf(`{"model":%q,"input":["x"%s]}`, e.model, strings.Repeat(`,"x"`, e.most)))
				if code := more.errorCode(t); more.Status != 422 || code != "unsupported_value" || !strings.Contains(more.Body, fmt.Sprintf("at most %d input", e.most)) {
					t.Errorf("one more: %d %s", more.Status, more.Body)
				}
			}
		})
	}
}

// rankers are the servers that rerank, each in words of its own.
var rankers = []struct{ model, schema, more string }{
	{"as-it-comes", "OpenAI", "addressable: true"},
	{"cohere", "Cohere", "addressable: true"},
	{"jina", "OpenAI", "translation: {rerank: jina}"},
	{"vllm", "OpenAI", "translation: {rerank: vllm}"},
	{"voyage", "OpenAI", "translation: {rerank: voyage}"},
	{"tei", "OpenAI", "translation: {rerank: tei}"},
	{"cohere.rerank-v3-5:0", "AWSBedrock", "addressable: true"},
	{"arn:aws:bedrock:us-west-2::foundation-model/amazon.rerank-v1:0", "AWSBedrock", "translation: {rerank: agent-runtime}"},
}

func TestRerankOfEveryServer(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	var docs strings.Builder
	var rules []string
	for i, r := range rankers {
		name := fmt.Sprintf("b%d", i)
		docs.WriteString(specDoc(name, p.URL, r.schema, r.more, someKey))
		rules = append(rules, modelRule(r.model, name))
	}
	g := start(t, docs.String()+routeDoc("r", rules...))
	for _, r := range rankers {
		t.Run(r.model, func(t *testing.T) {
			a := g.post(t, "/v1/rerank", fmt.Sprintf(`{"model":%q,"query":"red apples","documents":["blue sky","red apples","apples"],"top_n":2,"return_documents":true}`, r.model))
			if a.Status != 200 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			var got []string
			for _, one := range gjson.Get(a.Body, "results").Array() {
				got = append(got, one.Get("index").Raw+" "+one.Get("document.text").Str)
			}
			if diff := cmp.Diff(got, []string{"1 red apples", "2 apples"}); diff != "" {
				t.Errorf("%s\n%s", diff, a.Body)
			}
			if !gjson.Get(a.Body, "usage.total_tokens").Exists() {
				t.Errorf("no usage: %s", a.Body)
			}
			if a := g.post(t, "/v1/rerank", fmt.Sprintf(`{"model":%q,"query":"q"}`, r.model)); a.Status != 400 || a.errorCode(t) != "missing_required_parameter" {
				t.Errorf("without documents: %d %s", a.Status, a.Body)
			}
		})
	}
	// Cohere's own client is content with all of them, and Text Embeddings
	// Inference says how much is too much by itself.
	c := coherev2.NewClient(core.NewRequestOptions(cohereoption.WithBaseURL(g.URL), cohereoption.WithToken("co-client")))
	for _, r := range rankers {
		got, err := c.Rerank(t.Context(), &coherev1.V2RerankRequest{Model: r.model, Query: "red apples", Documents: []string{"blue sky", "red apples"}, TopN: new(1)})
		if err != nil || len(got.Results) != 1 || got.Results[0].Index != 1 {
			t.Errorf("%s, by Cohere's client: %v, %v", r.model, got, err)
		}
	}
	a := g.post(t, "/v1/rerank", fmt.Sprintf(`{"model":"tei","query":"q","documents":["x"%s]}`, strings.Repeat(`,"x"`, 32)))
	if a.Status != 413 || a.errorCode(t) != "request_too_large" {
		t.Errorf("33 texts: %d %s", a.Status, a.Body)
	}
}

// A reply that is none is a 502, although the provider has sent it with success.
func TestBrokenTaskIsBadGateway(t *testing.T) {
	t.Parallel()
	b := startBackend(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"embeddings":{"float":[]},"results":[{"index":7,"relevance_score":1}]}`))
	})
	g := start(t, specDoc("a", b.URL, "Cohere")+routeDoc("r", catchAll("a")))
	for path, body := range map[string]string{
		"/v1/embeddings": `{"model":"m","input":"a"}`, "/v1/rerank": `{"model":"m","query":"q","documents":["a"]}`,
	} {
		if a := g.post(t, path, body); a.Status != 502 || a.errorCode(t) != "upstream_malformed_reply" {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
}

// What a backend's schema has no equal of is refused with the names of those
// that have it, before anything is sent.
func TestOperationsNobodyHereServes(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	var docs strings.Builder
	var rules []string
	schemas := []string{"Anthropic", "AWSBedrock", "AWSAnthropic", "GCPVertexAI", "GCPAnthropic", "GoogleAIStudio", "Cohere", "Mistral"}
	for _, s := range schemas {
		docs.WriteString(specDoc(strings.ToLower(s), p.URL, s, someGoogle))
		rules = append(rules, modelRule(s, strings.ToLower(s)))
	}
	g := start(t, docs.String()+routeDoc("r", rules...))
	for _, s := range schemas {
		for _, path := range []string{"completions", "responses", "moderations", "images/generations", "audio/speech"} {
			a := g.post(t, "/v1/"+path, fmt.Sprintf(`{"model":%q,"input":"x","prompt":"x"}`, s))
			if a.Status != 422 || a.errorCode(t) != "unsupported_operation" || !strings.Contains(a.Body, "speaks "+s) || !strings.Contains(a.Body, "speaks OpenAI") {
				t.Errorf("%s of %s: %d %s", path, s, a.Status, a.Body)
			}
		}
		form, kind := formOf(t, s, true)
		resp, err := http.Post(g.URL+"/v1/audio/transcriptions", kind, strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 422 {
			t.Errorf("transcriptions of %s: %s", s, resp.Status)
		}
	}
	if n := len(p.Requests()); n != 0 {
		t.Errorf("the provider got %d requests", n)
	}
}
