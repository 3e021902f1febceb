package translator

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/internal/fakellm"
)

// asked is what becomes of a request of op for b: the status and the body that
// the client gets, the strict provider being behind it.
type asked struct {
	status int
	body   string
	tally  Tally
	warned []string
}

func sendOne(t testing.TB, op Operation, b Backend, body string) (got asked, refused *Refusal) {
	t.Helper()
	var fields Fields
	if err := Scan(op, "application/json", []byte(body), &fields); err != nil {
		t.Fatal(err)
	}
	x, err := New(OpenAI, op, &b)
	if err != nil {
		t.Fatal(err)
	}
	defer Release(x)
	var out, head Edit
	if err := x.Request(&out, &Call{Path: "/v1" + op.Path(), Model: fields.Model, Fields: &fields, Body: []byte(body), Header: headers{}}); err != nil {
		if !errors.As(err, &refused) {
			t.Fatal(err)
		}
		return got, refused
	}
	if out.Body == nil {
		out.Body = []byte(body)
	}
	if out.Path == "" {
		out.Path = "/v1" + op.Path()
	}
	r := httptest.NewRequest("POST", out.Path, bytes.NewReader(out.Body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer key")
	w := httptest.NewRecorder()
	fakellm.New(fakellm.Options{Delay: -1}).ServeHTTP(w, r)
	if err := x.Head(&head, w.Code, recorded{w}); err != nil {
		t.Fatal(err)
	}
	got.body, got.status = play(t, x, w.Body.Bytes()), w.Code
	got.tally, got.warned = x.Tally(), out.Warn
	return got, nil
}

type recorded struct{ *httptest.ResponseRecorder }

func (r recorded) Get(name string) string { return r.Header().Get(name) }

// embedder is one way to embed, and the most texts it takes in one call.
type embedder struct {
	model   string
	backend Backend
	most    int
	size    int    // a size its vectors can have; 0 for no choice
	silent  bool   // its tokens are estimated
	word    string // of the refusal: what stands between "at most" and "in one request"
}

var embedderHomes = []embedder{
	{"embed-v4.0", Backend{Schema: Cohere, Prefix: "/v2"}, 96, 256, false, "96 inputs"},
	{"gemini-embedding-001", Backend{Schema: GoogleAIStudio, Prefix: "/v1beta"}, 100, 256, true, "100 inputs"},
	{"gemini-embedding-2", Backend{Schema: GoogleAIStudio, Prefix: "/v1beta"}, 100, 256, false, "100 inputs"},
	{"text-embedding-005", Backend{Schema: GCPVertexAI, Prefix: "/v1", Project: "p", Location: "l"}, 250, 256, false, "250 inputs"},
	{"gemini-embedding-001", Backend{Schema: GCPVertexAI, Prefix: "/v1", Project: "p", Location: "l"}, 1, 256, false, "1 input"},
	{"gemini-embedding-2", Backend{Schema: GCPVertexAI, Prefix: "/v1", Project: "p", Location: "l"}, 1, 256, false, "1 input"},
	{"amazon.titan-embed-text-v1", Backend{Schema: AWSBedrock}, 1, 0, false, "1 input"},
	{"amazon.titan-embed-text-v2:0", Backend{Schema: AWSBedrock}, 1, 256, false, "1 input"},
	{"amazon.titan-embed-image-v1", Backend{Schema: AWSBedrock}, 1, 256, false, "1 input"},
	{"amazon.nova-2-multimodal-embeddings-v1:0", Backend{Schema: AWSBedrock}, 1, 256, false, "1 input"},
	{"cohere.embed-english-v3", Backend{Schema: AWSBedrock}, 96, 0, false, "96 inputs"},
	{"us.cohere.embed-v4:0", Backend{Schema: AWSBedrock}, 96, 256, false, "96 inputs"},
	{"mistral-embed", Backend{Schema: Mistral, Prefix: "/mistral/v1"}, 0, 256, false, ""},
}

// embeddingsBody asks for n texts: text i has i%3+2 words.
func embeddingsBody(model string, n int, more string) (body string, tokens int64) {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("%q", fmt.Sprintf("n%d", i)+strings.Repeat(" word", i%3+1))
		tokens += int64(i%3 + 2)
	}
	return fmt.Sprintf(`{"model":%q,"input":[%s]%s}`, model, strings.Join(texts, ","), more), tokens
}

type vectors struct {
	Object string
	Data   []struct {
		Object    string
		Index     int
		Embedding json.RawMessage
	}
	Model string
	Usage struct {
		Prompt int64 `json:"prompt_tokens"`
		Total  int64 `json:"total_tokens"`
	}
}

// numbers returns a vector, packed or not.
func numbers(t *testing.T, v json.RawMessage) (out []float32) {
	t.Helper()
	var packed string
	if json.Unmarshal(v, &packed) != nil {
		if err := json.Unmarshal(v, &out); err != nil {
			t.Fatalf("%v: %.100s", err, v)
		}
		return out
	}
	b, err := base64.StdEncoding.DecodeString(packed)
	if err != nil || len(b)%4 != 0 {
		t.Fatalf("%v: %.100s", err, v)
	}
	for ; len(b) > 0; b = b[4:] {
		out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return out
}

// The most texts a vendor takes in one call come back in their order, as numbers
// or packed, with what they cost; one more is refused with the number.
func TestMostInputsComeBackInOrder(t *testing.T) {
	for _, e := range embedderHomes {
		n := e.most
		if n == 0 {
			n = 300
		}
		for _, more := range []string{``, `,"encoding_format":"base64"`} {
			if e.size > 0 {
				more += fmt.Sprintf(`,"dimensions":%d`, e.size)
			}
			t.Run(fmt.Sprintf("%s %s %d%s", e.backend.Schema, e.model, n, more), func(t *testing.T) {
				body, tokens := embeddingsBody(e.model, n, more)
				got, refused := sendOne(t, Embeddings, e.backend, body)
				if refused != nil || got.status != 200 {
					t.Fatalf("%v %d: %.300s", refused, got.status, got.body)
				}
				// What OpenAI itself would have said of the same texts.
				plain, _ := embeddingsBody(e.model, n, more)
				want, _ := sendOne(t, Embeddings, Backend{Schema: OpenAI, Prefix: "/v1"}, plain)
				var ours, theirs vectors
				if err := json.Unmarshal([]byte(got.body), &ours); err != nil {
					t.Fatal(err)
				}
				if err := json.Unmarshal([]byte(want.body), &theirs); err != nil {
					t.Fatal(err)
				}
				if len(ours.Data) != n || ours.Model != e.model || ours.Object != "list" {
					t.Fatalf("%d vectors of %q", len(ours.Data), ours.Model)
				}
				for i, d := range ours.Data {
					if packed := d.Embedding[0] == '"'; d.Index != i || d.Object != "embedding" || packed != strings.Contains(more, "base64") {
						t.Fatalf("vector %d: %d %s, packed %v", i, d.Index, d.Object, packed)
					}
					if diff := cmp.Diff(numbers(t, d.Embedding), numbers(t, theirs.Data[i].Embedding)); diff != "" {
						t.Fatalf("vector %d:\n%s", i, diff)
					}
				}
				if e.silent {
					if tokens = ours.Usage.Prompt; tokens < int64(n) || len(got.warned) != 1 || got.warned[0] != "usage;estimated" {
						t.Errorf("estimated %d, warned of %v", tokens, got.warned)
					}
				}
				if ours.Usage.Prompt != tokens || ours.Usage.Total != tokens || got.tally.Usage != (Usage{Input: tokens, Total: tokens}) {
					t.Errorf("usage %+v, tally %+v, want %d", ours.Usage, got.tally.Usage, tokens)
				}
			})
		}
		if e.most == 0 {
			continue
		}
		body, _ := embeddingsBody(e.model, e.most+1, "")
		_, r := sendOne(t, Embeddings, e.backend, body)
		if r == nil || r.Status != 422 || r.Param != "input" || !strings.Contains(r.Message, "takes at most "+e.word+" in one request") {
			t.Errorf("%s %s: one more: %v", e.backend.Schema, e.model, r)
		}
	}
}

func TestEmbeddingsRefused(t *testing.T) {
	titan1, titan2 := Backend{Schema: AWSBedrock, ModelFamily: "titan-embed-text-v1"}, Backend{Schema: AWSBedrock, ModelFamily: "titan-embed-text-v2"}
	lax := titan1
	lax.UnsupportedParameters = DropUnsupported
	for _, tt := range []struct {
		name, body string
		backend    Backend
		want       string // status, code, param; or the warnings
	}{
		{"no input", `{"model":"m"}`, titan1, "400 missing_required_parameter input"},
		{"an empty text", `{"model":"m","input":""}`, titan1, "400 invalid_value input"},
		{"an empty text in a list", `{"model":"m","input":["a",""]}`, titan1, "400 invalid_value input[1]"},
		{"an empty list", `{"model":"m","input":[]}`, titan1, "400 empty_array input"},
		{"no text", `{"model":"m","input":{}}`, titan1, "400 invalid_type input"},
		{"no text in a list", `{"model":"m","input":["a",null]}`, titan1, "400 invalid_type input[1]"},
		{"tokens", `{"model":"m","input":[1,2]}`, titan1, "422 unsupported_value input"},
		{"lists of tokens", `{"model":"m","input":[[1,2]]}`, titan1, "422 unsupported_value input"},
		{"sizes where there are none", `{"model":"m","input":"a","dimensions":256}`, titan1, "422 unsupported_parameter dimensions"},
		{"the same, dropped", `{"model":"m","input":"a","dimensions":256}`, lax, "dimensions;unsupported"},
		{"a size that there is not", `{"model":"m","input":"a","dimensions":300}`, titan2, "422 unsupported_value dimensions"},
		{"a size that is none", `{"model":"m","input":"a","dimensions":2.5}`, titan2, "400 invalid_value dimensions"},
		{"no size", `{"model":"m","input":"a","dimensions":null}`, titan1, ""},
		{"another format", `{"model":"m","input":"a","encoding_format":"hex"}`, titan1, "400 invalid_value encoding_format"},
		{"a model that nobody knows", `{"model":"m","input":"a"}`, Backend{Schema: AWSBedrock}, "422 unsupported_value model"},
		{"what only others know", `{"model":"m","input":"a","user":"u","normalize":true,"input_type":"x","none":null}`, titan1,
			"user;unsupported normalize;unsupported input_type;unsupported"},
	} {
		if got := verdictOf(t, Embeddings, tt.backend, tt.body); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// verdictOf returns how a request is refused, or what is dropped from it.
func verdictOf(t *testing.T, op Operation, b Backend, body string) string {
	t.Helper()
	var fields Fields
	if err := Scan(op, "", []byte(body), &fields); err != nil {
		t.Fatal(err)
	}
	x, err := New(OpenAI, op, &b)
	if err != nil {
		t.Fatal(err)
	}
	var out Edit
	err = x.Request(&out, &Call{Model: fields.Model, Fields: &fields, Body: []byte(body), Header: headers{}})
	if r, ok := errors.AsType[*Refusal](err); ok {
		return strings.TrimSpace(fmt.Sprintf("%d %s %s", r.Status, r.Code, r.Param))
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out.Warn, " ")
}

// rankers are the servers that rerank, each in words of its own.
var rankers = map[string]struct {
	model   string
	backend Backend
	most    int // 0 for no number that we know
}{
	"Cohere":  {"rerank-v4", Backend{Schema: Cohere, Prefix: "/v2"}, 10_000},
	"Jina":    {"jina-reranker-v3", Backend{Schema: OpenAI, Prefix: "/v1", Rerank: "jina"}, 0},
	"vLLM":    {"bge", Backend{Schema: OpenAI, Prefix: "/v1", Rerank: "vllm"}, 0},
	"Voyage":  {"rerank-2.5", Backend{Schema: OpenAI, Prefix: "/v1", Rerank: "voyage"}, 1000},
	"TEI":     {"bge", Backend{Schema: OpenAI, Prefix: "/v1", Rerank: "tei"}, 0},
	"Bedrock": {"cohere.rerank-v3-5:0", Backend{Schema: AWSBedrock}, 1000},
	"Amazon":  {"amazon.rerank-v1:0", Backend{Schema: AWSBedrock}, 1000},
	"agent":   {"arn:aws:bedrock:us-west-2::foundation-model/amazon.rerank-v1:0", Backend{Schema: AWSBedrock, Rerank: AgentRuntime}, 1000},
}

// One request gets answers of one shape from all of them: the same order, cut
// alike, with the client's own documents.
func TestOneRerankForAll(t *testing.T) {
	type answer struct {
		Model   string
		Results []struct {
			Index    int
			Score    float64 `json:"relevance_score"`
			Document *struct{ Text string }
		}
		Usage *struct {
			Prompt int `json:"prompt_tokens"`
			Total  int `json:"total_tokens"`
		}
		Meta struct {
			Version struct{ Version string } `json:"api_version"`
		}
	}
	for name, s := range rankers {
		t.Run(name, func(t *testing.T) {
			got, refused := sendOne(t, Rerank, s.backend, fmt.Sprintf(`{"model":%q,"query":"red apples","documents":["blue sky",{"text":"red apples"},"apples"],"top_n":2,"return_documents":true}`, s.model))
			if refused != nil || got.status != 200 || len(got.warned) != 0 && s.backend.Schema == OpenAI {
				t.Fatalf("%v %d %v: %s", refused, got.status, got.warned, got.body)
			}
			var a answer
			if err := json.Unmarshal([]byte(got.body), &a); err != nil {
				t.Fatal(err)
			}
			var order []string
			for _, r := range a.Results {
				order = append(order, fmt.Sprint(r.Index, " ", r.Document.Text))
			}
			if diff := cmp.Diff(order, []string{"1 red apples", "2 apples"}); diff != "" {
				t.Errorf("%s\n%s", diff, got.body)
			}
			if a.Model != s.model || a.Usage == nil || a.Meta.Version.Version != "2" || a.Results[0].Score <= a.Results[1].Score {
				t.Errorf("%s", got.body)
			}
		})
		if s.most == 0 {
			continue
		}
		list := strings.Repeat(`"a",`, s.most) + `"a"`
		want := "422 unsupported_value documents"
		if s.most == 10_000 {
			want = "400 array_above_max_length documents"
		}
		if got := verdictOf(t, Rerank, s.backend, fmt.Sprintf(`{"model":%q,"query":"q","documents":[%s]}`, s.model, list)); got != want {
			t.Errorf("%s: one more: %s", name, got)
		}
		got, refused := sendOne(t, Rerank, s.backend, fmt.Sprintf(`{"model":%q,"query":"q","documents":[%s]}`, s.model, list[4:]))
		if refused != nil || got.status != 200 {
			t.Errorf("%s: the most: %v %.200s", name, refused, got.body)
		}
	}
}

func TestRerankRefused(t *testing.T) {
	b := rankers["Cohere"].backend
	for _, tt := range []struct{ name, body, want string }{
		{"no query", `{"model":"m","documents":["a"]}`, "400 missing_required_parameter query"},
		{"an empty query", `{"model":"m","query":"","documents":["a"]}`, "400 invalid_value query"},
		{"a query of parts", `{"model":"m","query":{"content":[]},"documents":["a"]}`, "400 invalid_type query"},
		{"no documents", `{"model":"m","query":"q"}`, "400 missing_required_parameter documents"},
		{"one document", `{"model":"m","query":"q","documents":"a"}`, "400 invalid_type documents"},
		{"none", `{"model":"m","query":"q","documents":[]}`, "400 empty_array documents"},
		{"a number", `{"model":"m","query":"q","documents":["a",1]}`, "400 invalid_type documents[1]"},
		{"a picture", `{"model":"m","query":"q","documents":["a",{"image":"data:"}]}`, "422 unsupported_value documents[1]"},
		{"less than none", `{"model":"m","query":"q","documents":["a"],"top_n":-1}`, "400 invalid_value top_n"},
		{"two numbers", `{"model":"m","query":"q","documents":["a"],"top_n":1,"top_k":2}`, "400 invalid_value top_k"},
		{"one number twice", `{"model":"m","query":"q","documents":["a"],"top_n":1,"top_k":1}`, "usage;estimated"},
		{"more than there are", `{"model":"m","query":"q","documents":["a"],"top_n":5}`, "usage;estimated"},
		{"shown somehow", `{"model":"m","query":"q","documents":["a"],"return_documents":"yes"}`, "400 invalid_type return_documents"},
		{"what others know", `{"model":"m","query":"q","documents":["a",{"a":"b"},{"c":1}],"rank_fields":["a"],"truncation":true,"user":null}`,
			"rank_fields;unsupported truncation;unsupported documents;as_yaml usage;estimated"},
	} {
		if got := verdictOf(t, Rerank, b, tt.body); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := verdictOf(t, Rerank, rankers["agent"].backend, `{"model":"amazon.rerank-v1:0","query":"q","documents":["a"]}`); got != "422 unsupported_value model" {
		t.Errorf("a model without an ARN: %s", got)
	}
}

// Whatever is asked, and whatever comes back, the request is JSON and the answer
// is: of one vector for each input, or an error.
func FuzzSingle(f *testing.F) {
	for _, c := range goldenCases(f) {
		if _, ok := embedders[c.backend.Schema]; ok && (c.op == Embeddings || c.op == Rerank) {
			f.Add(c.call.Body, c.body)
		}
	}
	f.Fuzz(func(t *testing.T, body, reply []byte) {
		for _, op := range []Operation{Embeddings, Rerank} {
			var fields Fields
			if Scan(op, "", body, &fields) != nil {
				return
			}
			homes := []Backend{{Schema: OpenAI, Rerank: "tei"}, {Schema: OpenAI, Rerank: "jina"}, {Schema: AWSBedrock, ModelFamily: "titan-embed-text-v2"}}
			for schema := range embedders {
				homes = append(homes, Backend{Schema: schema, ModelFamily: "cohere.embed-v4"})
			}
			for i := range homes {
				if homes[i].Schema == OpenAI && op == Embeddings || !serves(OpenAI, op, homes[i].Schema) {
					continue
				}
				x, err := New(OpenAI, op, &homes[i])
				if err != nil {
					t.Fatal(err)
				}
				var out, head Edit
				if err := x.Request(&out, &Call{Model: fields.Model, Fields: &fields, Body: body, Header: headers{}}); err != nil {
					continue
				}
				if !json.Valid(out.Body) {
					t.Fatalf("%s %s asks %s", homes[i].Schema, op, out.Body)
				}
				if err := x.Head(&head, 200, headers{}); err != nil {
					t.Fatal(err)
				}
				// Of a reply that is JSON: text that is none may break off anywhere.
				if answer := play(t, x, reply); json.Valid(reply) && !json.Valid([]byte(answer)) {
					t.Fatalf("%s %s answers %s", homes[i].Schema, op, answer)
				}
			}
		}
	})
}
