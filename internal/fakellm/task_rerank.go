package fakellm

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/tidwall/gjson"
)

// Reranking in the words of those that have their own.

// rankedBy ranks texts by how near they are to a query.
func rankedBy(query string, texts []string) []ranked {
	at := vector(query, defaultDimensions)
	out := make([]ranked, len(texts))
	for i, t := range texts {
		out[i] = ranked{Index: i, Score: nearness(at, vector(t, defaultDimensions))}
	}
	slices.SortStableFunc(out, func(a, b ranked) int { return cmp.Compare(b.Score, a.Score) })
	return out
}

// best leaves n of a list, all for 0.
func best(list []ranked, n int64) []ranked {
	if n > 0 {
		return list[:min(int(n), len(list))]
	}
	return list
}

var cohereRerank = task{fields{
	"model": text.needed(), "query": text.needed(), "documents": aList.needed().notEmpty().atMost(10_000).of(text), "top_n": positive,
	"max_tokens_per_doc": positive, "priority": integer(0, 999), "relevant_spans": anObject,
}, func(c *call) (*reply, *refusal) {
	list := rankedBy(c.json.Get("query").Str, textsOf(c.json.Get("documents")))
	return whole(map[string]any{
		"id": c.id("", 32), "results": best(list, c.json.Get("top_n").Int()),
		"meta": map[string]any{"api_version": map[string]string{"version": "2"}, "billed_units": map[string]int{"search_units": 1}},
	}), nil
}}

func bedrockRerank(more fields) task {
	known := fields{"query": text.needed(), "documents": aList.needed().notEmpty().atMost(1000).of(text), "top_n": positive}
	maps.Copy(known, more)
	return task{known, func(c *call) (*reply, *refusal) {
		list := rankedBy(c.json.Get("query").Str, textsOf(c.json.Get("documents")))
		return whole(map[string]any{"results": best(list, c.json.Get("top_n").Int())}), nil
	}}
}

// voyageFields are what Voyage takes where Jina and vLLM take rerankFields: the
// path is the same, and its name for the number of results tells it.
var voyageFields = fields{
	"model": text.needed(), "query": text.needed(), "documents": aList.needed().notEmpty().atMost(1000).of(text),
	"top_k": positive.needed(), "return_documents": boolean, "truncation": boolean,
}

func answerVoyage(c *call) (*reply, *refusal) {
	v := validation{lax: c.faults.lax}
	if err := v.members("", c.json, voyageFields); err != nil {
		return nil, err
	}
	texts := textsOf(c.json.Get("documents"))
	n := c.json.Get("top_k").Int()
	if n > int64(len(texts)) {
		return nil, invalid("", "top_k", "The top_k value must be at most the number of documents.")
	}
	tokens := CountTokens(c.json.Get("query").Str) + countAll(texts)
	return whole(map[string]any{
		"object": "list", "data": best(rankedBy(c.json.Get("query").Str, texts), n), "model": c.Model, "usage": map[string]int{"total_tokens": tokens},
	}), nil
}

// bareRerank is who answers at /rerank without a version: Text Embeddings
// Inference, Bedrock's Rerank API, and vLLM, told apart by what they are sent.
var bareRerank = dialect{find: findRerank, spell: spellRerank, header: noHeader, service: "bedrock"}

func findRerank(c *call) (answerer, *refusal) {
	switch body := gjson.ParseBytes(c.Body); {
	case body.Get("texts").Exists():
		return teiRerank.find(c)
	case body.Get("queries").Exists():
		return agentRerank.find(c)
	}
	return findOpenAI(c)
}

func spellRerank(c *call, r *refusal) *reply {
	switch body := gjson.ParseBytes(c.Body); {
	case body.Get("texts").Exists():
		out := whole(map[string]string{"error": r.message, "error_type": "Validation"})
		out.status = r.status
		return out
	case body.Get("queries").Exists():
		return spellBedrock(c, r)
	}
	return spellOpenAI(c, r)
}

// teiBatch is how many texts Text Embeddings Inference takes unless it is told.
const teiBatch = 32

// teiRerank answers with all documents, counts in a header and knows no model.
var teiRerank = task{fields{
	"query": text.needed(), "texts": aList.needed().notEmpty().of(text), "raw_scores": boolean, "return_text": boolean,
	"truncate": boolean, "truncation_direction": oneOf("left", "right", "Left", "Right"),
}, func(c *call) (*reply, *refusal) {
	texts := textsOf(c.json.Get("texts"))
	if len(texts) > teiBatch {
		return nil, &refusal{status: http.StatusRequestEntityTooLarge, kind: invalidRequest,
			message: "batch size " + strconv.Itoa(len(texts)) + " > maximum allowed batch size " + strconv.Itoa(teiBatch)}
	}
	type rank struct {
		Index int     `json:"index"`
		Score float64 `json:"score"`
	}
	var list []rank
	for _, one := range rankedBy(c.json.Get("query").Str, texts) {
		list = append(list, rank{one.Index, one.Score})
	}
	out := whole(list)
	out.header = http.Header{"X-Compute-Tokens": {strconv.Itoa(CountTokens(c.json.Get("query").Str) + countAll(texts))}}
	return out, nil
}}

var agentDocument = object(fields{"type": oneOf("INLINE").needed(), "inlineDocumentSource": object(fields{
	"type": oneOf("TEXT", "JSON").needed(), "textDocument": object(fields{"text": text.needed().atMost(32_000)}), "jsonDocument": anObject,
}).needed()})

var agentRerank = task{fields{
	"queries": aList.needed().notEmpty().atMost(1).of(object(fields{"type": oneOf("TEXT").needed(), "textQuery": object(fields{"text": text.needed()}).needed()})),
	"sources": aList.needed().notEmpty().atMost(1000).of(agentDocument), "nextToken": text,
	"rerankingConfiguration": object(fields{"type": oneOf("BEDROCK_RERANKING_MODEL").needed(), "bedrockRerankingConfiguration": object(fields{
		"modelConfiguration": object(fields{"modelArn": text.needed(), "additionalModelRequestFields": anObject}).needed(),
		"numberOfResults":    integer(1, 1000),
	}).needed()}).needed(),
}, func(c *call) (*reply, *refusal) {
	sources := c.json.Get("sources.#.inlineDocumentSource").Array()
	texts := make([]string, 0, len(sources))
	for _, s := range sources {
		texts = append(texts, s.Get("textDocument.text").Str+s.Get("jsonDocument").Raw)
	}
	type rank struct {
		Index int     `json:"index"`
		Score float64 `json:"relevanceScore"`
	}
	found := rankedBy(c.json.Get("queries.0.textQuery.text").Str, texts)
	found = best(found, c.json.Get("rerankingConfiguration.bedrockRerankingConfiguration.numberOfResults").Int())
	list := make([]rank, 0, len(found))
	for _, one := range found {
		list = append(list, rank{one.Index, one.Score})
	}
	return whole(map[string]any{"results": list}), nil
}}
