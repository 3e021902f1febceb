package translator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"llmroute/translator/anthropic"
	"llmroute/translator/bedrock"
	"llmroute/translator/chat"
	"llmroute/translator/cohere"
	"llmroute/translator/embed"
	"llmroute/translator/gemini"
	"llmroute/translator/mistral"
	"llmroute/translator/openai"
	"llmroute/translator/rerank"
)

// Who speaks what. A further dialect of chat is a room of its own and a line
// here; of embeddings or reranking, a file in the room of that subject and a line.

var clients = map[Schema]chat.Client{
	OpenAI: openai.Dialect{},
}

var backends = map[Schema]chat.Backend{
	Anthropic:    anthropic.Direct,
	AWSAnthropic: anthropic.Bedrock,
	GCPAnthropic: anthropic.Vertex,
	AWSBedrock:   bedrock.Dialect{},
	Cohere:       cohere.Dialect{},
	Mistral:      mistral.Dialect{},

	GoogleAIStudio: gemini.Studio,
	GCPVertexAI:    gemini.Vertex,
}

var embedders = map[Schema]*embed.Vendor{
	AWSBedrock:     &embed.Bedrock,
	GCPVertexAI:    &embed.Vertex,
	GoogleAIStudio: &embed.AIStudio,
	Cohere:         &embed.Cohere,
	Mistral:        &embed.Mistral,
}

var rerankers = map[Schema]*rerank.Server{
	AWSBedrock: &rerank.Bedrock,
	Cohere:     &rerank.Cohere,
}

// reranker returns who reranks at b where that takes a translation, or nil.
func (b *Backend) reranker() *rerank.Server {
	switch {
	case b.Schema == OpenAI && b.Rerank != "":
		return rerank.Servers[b.Rerank]
	case b.Schema == AWSBedrock && b.Rerank == AgentRuntime:
		return &rerank.AgentRuntime
	}
	return rerankers[b.Schema]
}

// passes reports whether an operation goes from a client to a backend as it is:
// both speak one dialect.
func passes(client Schema, op Operation, backend Schema) bool {
	switch {
	case backend == client || op == None:
		return true
	case backend == AzureOpenAI && client == OpenAI:
		return op != Moderations && op != Rerank && op != ImagesVariations
	}
	return false
}

// serves reports whether a backend of that schema can be asked for op.
func serves(client Schema, op Operation, backend Schema) bool {
	if passes(client, op, backend) {
		return true
	}
	switch op {
	case ChatCompletions:
		return backends[backend] != nil
	case Embeddings:
		return embedders[backend] != nil
	case Rerank:
		return rerankers[backend] != nil
	}
	return false
}

// unserved is the refusal of an operation that a schema has not, and names those
// that have it.
func unserved(client Schema, op Operation, backend Schema) *Refusal {
	can := slices.DeleteFunc(slices.Clone(Schemas), func(s Schema) bool { return !serves(client, op, s) })
	names := make([]string, len(can))
	for i, s := range can {
		names[i] = string(s)
	}
	return &Refusal{Status: http.StatusUnprocessableEntity, Type: "invalid_request_error", Code: "unsupported_operation",
		Message: fmt.Sprintf("POST /v1%s is not served by the chosen backend, which speaks %s. Choose a model whose backend speaks %s.",
			op.Path(), backend, listed(names))}
}

// listed joins names as a sentence does: "a, b or c".
func listed(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
