package fakellm

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"math"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// The number of dimensions of an embedding.
const (
	defaultDimensions = 16
	maxDimensions     = 3072
)

type embeddingList struct {
	Object string          `json:"object"`
	Data   []embedding     `json:"data"`
	Model  string          `json:"model"`
	Usage  json.RawMessage `json:"usage,omitempty"`
}

type embedding struct {
	Object string `json:"object"`
	Index  int    `json:"index"`
	Vector any    `json:"embedding"` // numbers, or base64 of them
}

func answerEmbeddings(c *call) (*reply, *refusal) {
	dimensions := int(c.json.Get("dimensions").Int())
	if dimensions == 0 {
		dimensions = defaultDimensions
	}
	out := embeddingList{Object: "list", Model: c.Model}
	tokens := 0
	for i, text := range promptsOf(c.json.Get("input")) {
		if text == "" {
			return nil, invalid("", "input", "Invalid 'input': input cannot be an empty string.")
		}
		tokens += CountTokens(text)
		e := embedding{Object: "embedding", Index: i, Vector: vector(text, dimensions)}
		if c.json.Get("encoding_format").Str == "base64" {
			e.Vector = littleEndian(vector(text, dimensions))
		}
		out.Data = append(out.Data, e)
	}
	out.Usage = c.raw(usage{Prompt: tokens, Total: tokens}.input())
	return whole(out), nil
}

// vector returns the embedding of a text: of length 1, and the nearer to that of
// another text the more words they share.
func vector(text string, dimensions int) []float32 {
	v := make([]float64, dimensions)
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		h := fnv.New64a()
		_, _ = h.Write([]byte(word))
		sum := h.Sum64()
		for i := range v {
			// One step of a linear generator per dimension: the word decides them all.
			sum = sum*6364136223846793005 + 1442695040888963407
			v[i] += float64(int32(sum>>32)) / (1 << 31)
		}
	}
	norm := 0.0
	for _, x := range v {
		norm += x * x
	}
	if norm == 0 {
		v[0], norm = 1, 1 // white space only
	}
	out := make([]float32, dimensions)
	for i, x := range v {
		out[i] = float32(x / math.Sqrt(norm))
	}
	return out
}

func littleEndian(v []float32) string {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(b)
}

// inputUsage is the usage of endpoints that say nothing themselves.
type inputUsage struct {
	Prompt int `json:"prompt_tokens"`
	Total  int `json:"total_tokens"`
}

func (u usage) input() inputUsage { return inputUsage{u.Prompt, u.Total} }

type reranking struct {
	ID      string          `json:"id"`
	Model   string          `json:"model"`
	Results []ranked        `json:"results"`
	Usage   json.RawMessage `json:"usage,omitempty"`
}

type ranked struct {
	Index    int             `json:"index"`
	Score    float64         `json:"relevance_score"`
	Document *rankedDocument `json:"document,omitempty"`
}

type rankedDocument struct {
	Text string `json:"text"`
}

// answerRerank ranks documents by the nearness of their embeddings to that of
// the query, in the manner of Jina and vLLM.
func answerRerank(c *call) (*reply, *refusal) {
	if c.json.Get("top_k").Exists() {
		return answerVoyage(c)
	}
	query := c.json.Get("query").Str
	if query == "" {
		return nil, invalid("invalid_value", "query", "Invalid 'query': it cannot be an empty string.")
	}
	out := reranking{ID: c.id("rerank-", 24), Model: cmp.Or(c.Model, c.model)}
	tokens := CountTokens(query)
	at := vector(query, defaultDimensions)
	var wrong *refusal
	c.json.Get("documents").ForEach(func(_, d gjson.Result) bool {
		text := d
		if d.IsObject() {
			text = d.Get("text")
		}
		if text.Type != gjson.String {
			wrong = invalid("invalid_type", "documents", "Invalid type for 'documents': expected strings or objects with a 'text'.")
			return false
		}
		tokens += CountTokens(text.Str)
		r := ranked{Index: len(out.Results), Score: nearness(at, vector(text.Str, defaultDimensions))}
		if c.json.Get("return_documents").Bool() {
			r.Document = &rankedDocument{text.Str}
		}
		out.Results = append(out.Results, r)
		return true
	})
	if wrong != nil {
		return nil, wrong
	}
	slices.SortStableFunc(out.Results, func(a, b ranked) int { return cmp.Compare(b.Score, a.Score) })
	if n := int(c.json.Get("top_n").Int()); n > 0 {
		out.Results = out.Results[:min(n, len(out.Results))]
	}
	out.Usage = c.raw(inputUsage{tokens, tokens})
	return whole(out), nil
}

// nearness is from 0 to 1.
func nearness(a, b []float32) float64 {
	dot := 0.0
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
	}
	return math.Round((1+dot)/2*1e6) / 1e6
}

type moderation struct {
	ID      string             `json:"id"`
	Model   string             `json:"model"`
	Results []moderationResult `json:"results"`
}

type moderationResult struct {
	Flagged    bool                `json:"flagged"`
	Categories map[string]bool     `json:"categories"`
	Scores     map[string]float64  `json:"category_scores"`
	Types      map[string][]string `json:"category_applied_input_types"`
}

// categories are what moderation looks for: for each a word that gives it away.
var categories = map[string]string{
	"harassment": "idiot", "harassment/threatening": "threaten", "hate": "hate", "hate/threatening": "exterminate",
	"illicit": "steal", "illicit/violent": "bomb", "self-harm": "self-harm", "self-harm/instructions": "overdose",
	"self-harm/intent": "suicide", "sexual": "porn", "sexual/minors": "underage", "violence": "kill", "violence/graphic": "gore",
}

func answerModeration(c *call) (*reply, *refusal) {
	out := moderation{ID: c.id("modr-", 24), Model: cmp.Or(c.Model, c.model)}
	input := c.json.Get("input")
	if input.IsArray() && input.Get("0").IsObject() {
		out.Results = []moderationResult{moderate(textOf(input))}
	} else {
		for _, text := range input.Array() {
			out.Results = append(out.Results, moderate(text.Str))
		}
	}
	return whole(out), nil
}

func moderate(text string) moderationResult {
	r := moderationResult{Categories: map[string]bool{}, Scores: map[string]float64{}, Types: map[string][]string{}}
	text = strings.ToLower(text)
	for name, word := range categories {
		found := strings.Contains(text, word)
		r.Categories[name], r.Scores[name], r.Types[name] = found, 0.01, []string{"text"}
		if found {
			r.Flagged, r.Scores[name] = true, 0.99
		}
	}
	return r
}
