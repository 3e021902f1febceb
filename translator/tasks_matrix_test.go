package translator

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"llmroute/translator/embed"
	"llmroute/translator/rerank"
)

// tasksMatrix returns the part of MATRIX.md that tells of embeddings and of
// reranking, as the tables have it that decide at run time.
func tasksMatrix() string {
	var b strings.Builder
	b.WriteString(embeddingsHead)
	for _, s := range slices.Sorted(maps.Keys(embedders)) {
		all := "all"
		if len(embedders[s].Kinds) > 1 {
			all = "all others"
		}
		for i := range embedders[s].Kinds {
			k := &embedders[s].Kinds[i]
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", s, cell(k.Models, all), most(k.Most), dimensions(k), cell(k.Takes, "–"), counted(k.Uncounted))
		}
	}
	b.WriteString(rerankHead)
	row := func(schema, option string, s *rerank.Server) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", schema, option, most(s.Most), cell(s.Takes, "–"), counted(s.Uncounted))
	}
	for _, s := range slices.Sorted(maps.Keys(rerankers)) {
		row(string(s), "", rerankers[s])
	}
	row(string(AWSBedrock), "`agent-runtime`", &rerank.AgentRuntime)
	for _, name := range slices.Sorted(maps.Keys(rerank.Servers)) {
		row(string(OpenAI), "`"+name+"`", rerank.Servers[name])
	}
	return b.String()
}

const embeddingsHead = `
# Embeddings

A request of OpenAI's for embeddings, and what other vendors make of it. ` + "`input`" + ` **T**, as one string or a list up to the number below, and **R** as tokens; ` + "`encoding_format`" + ` **T**, packed here; ` + "`dimensions`" + ` **T** as told below, else **R**; ` + "`user`" + ` and what nobody knows **W**. Models are told by parts of their names, or of the backend's ` + "`modelFamily`" + `. OpenAI and AzureOpenAI get what the client sent.

| schema | models | inputs in one request | ` + "`dimensions`" + ` | fields of the vendor's own | usage |
|---|---|---|---|---|---|
`

const rerankHead = `
# Reranking

POST /v1/rerank, in the schema of Cohere's API, and what servers make of it. ` + "`query`, `documents`, `top_n` (or `top_k`) and `return_documents`" + ` **T**; ` + "`rank_fields`, `max_chunks_per_doc`, `user`" + ` and what nobody knows **W**. The second column is the backend's option ` + "`translation.rerank`" + `; a backend of schema OpenAI without it gets what the client sent.

| schema | option | documents in one request | fields of the server's own | usage |
|---|---|---|---|---|
`

func cell(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	return "`" + strings.Join(names, "`, `") + "`"
}

func most(n int) string {
	if n == 0 {
		return "the vendor judges"
	}
	return strconv.Itoa(n)
}

func dimensions(k *embed.Kind) string {
	switch {
	case k.AnySize:
		return "the vendor judges"
	case len(k.Sizes) == 0:
		return "R"
	}
	sizes := make([]string, len(k.Sizes))
	for i, n := range k.Sizes {
		sizes[i] = strconv.FormatInt(n, 10)
	}
	return strings.Join(sizes, ", ")
}

func counted(uncounted bool) string {
	if uncounted {
		return "estimated"
	}
	return "the vendor's"
}
