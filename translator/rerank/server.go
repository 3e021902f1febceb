package rerank

import (
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// Cohere is Cohere's API, version 2. What the first version had besides,
// rank_fields above all, is not in it. It tells what it bills, and no tokens.
var Cohere = Server{Name: "cohere", Most: maxDocuments, Uncounted: true, Takes: []string{"max_tokens_per_doc", "priority", "relevant_spans"},
	path: usual, write: writeCohere}

// Servers are those that stand behind OpenAI's schema, by the names that the
// backend's option "rerank" has for them.
var Servers = map[string]*Server{
	"jina":   &jina,
	"tei":    &tei,
	"vllm":   &vllm,
	"voyage": &voyage,
}

var jina = Server{Name: "jina", path: usual, write: writeJina,
	native: func(d raw.Value) bool { return d.Get("image").Is() }}

var vllm = Server{Name: "vllm", Takes: []string{"instruction", "max_tokens_per_doc", "priority", "truncate_prompt_tokens", "use_activation"},
	path: usual, write: writeCohere,
	native: func(d raw.Value) bool { return d.Get("content").IsArray() }}

var voyage = Server{Name: "voyage", Most: 1000, Takes: []string{"truncation"}, path: usual, write: writeVoyage}

// Text Embeddings Inference has one model, and its path knows no version, while
// that of its embeddings does. How many texts it takes is a setting of its own.
var tei = Server{Name: "tei", Takes: []string{"raw_scores", "truncate", "truncation_direction"}, write: writeTEI,
	path: func(o *chat.Options) (string, error) { return strings.TrimSuffix(o.Prefix, "/v1") + "/rerank", nil }}

func writeCohere(dst []byte, r *request) []byte {
	dst = raw.AppendString(append(dst, `{"model":`...), r.trip.Options.Model)
	return append(r.appendRest(dst, `,"top_n":`), '}')
}

func writeJina(dst []byte, r *request) []byte {
	dst = raw.AppendString(append(dst, `{"return_documents":false,"model":`...), r.trip.Options.Model)
	return append(r.appendRest(dst, `,"top_n":`), '}')
}

func writeVoyage(dst []byte, r *request) []byte {
	dst = raw.AppendString(append(dst, `{"model":`...), r.trip.Options.Model)
	return append(r.appendRest(dst, `,"top_k":`), '}')
}

// appendRest appends what most servers call alike.
func (r *request) appendRest(dst []byte, top string) []byte {
	dst = append(append(dst, `,"query":`...), r.query...)
	dst = r.appendDocuments(append(dst, `,"documents":`...))
	return r.appendExtra(r.appendTop(dst, top))
}

func writeTEI(dst []byte, r *request) []byte {
	dst = append(append(dst, `{"query":`...), r.query...)
	dst = r.appendDocuments(append(dst, `,"texts":`...))
	return append(r.appendExtra(dst), '}')
}
