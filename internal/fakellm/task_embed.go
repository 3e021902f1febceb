package fakellm

import (
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// Embeddings in the words of the vendors that have their own.

const (
	cohereBatch = 96
	geminiBatch = 100
	vertexBatch = 250
)

var (
	inputType   = oneOf("search_document", "search_query", "classification", "clustering", "image")
	vectorTypes = aList.notEmpty().of(oneOf("float", "int8", "uint8", "binary", "ubinary", "base64"))
	truncation  = oneOf("NONE", "START", "END")
	googleTask  = oneOf("RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", "CLASSIFICATION", "CLUSTERING",
		"QUESTION_ANSWERING", "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY")
	googleContent = object(fields{"role": text, "parts": aList.needed().notEmpty().of(object(fields{"text": text.needed()}))})
)

var cohereEmbed = task{fields{
	"model": text.needed(), "input_type": inputType.needed(), "texts": aList.needed().notEmpty().atMost(cohereBatch).of(text),
	"embedding_types": vectorTypes.needed(), "output_dimension": sizes(256, 512, 1024, 1536), "truncate": truncation,
	"max_tokens": positive, "priority": integer(0, 999),
}, func(c *call) (*reply, *refusal) {
	texts := textsOf(c.json.Get("texts"))
	out := map[string]any{
		"id": c.id("", 32), "texts": texts, "embeddings": map[string]any{"float": vectorsOf(texts, c.json.Get("output_dimension").Int())},
	}
	if !c.faults.noUsage {
		out["meta"] = map[string]any{"api_version": map[string]string{"version": "2"}, "billed_units": map[string]int{"input_tokens": countAll(texts)}}
	}
	return whole(out), nil
}}

// Mistral's path would be OpenAI's: here it stands below its name.
const mistralEmbeddings = "/mistral/v1/embeddings"

var mistralEmbed = task{fields{
	"model": text.needed(), "input": text.or(isArray).needed().notEmpty().of(text), "encoding_format": oneOf("float", "base64"),
	"output_dimension": positive, "output_dtype": oneOf("float", "int8", "uint8", "binary", "ubinary"), "metadata": anObject,
}, func(c *call) (*reply, *refusal) {
	texts := textsOf(c.json.Get("input"))
	out := embeddingList{Object: "list", Model: c.Model}
	vectors := vectorsOf(texts, c.json.Get("output_dimension").Int())
	for i := range vectors { // the last comes first: the index tells
		i = len(vectors) - 1 - i
		out.Data = append(out.Data, embedding{Object: "embedding", Index: i, Vector: vectors[i]})
	}
	tokens := countAll(texts)
	out.Usage = c.raw(usage{Prompt: tokens, Total: tokens}.input())
	return whole(out), nil
}}

// geminiEmbed serves batches of the Gemini API, where each request names the model.
var geminiEmbed = task{fields{"requests": aList.needed().notEmpty().atMost(geminiBatch).of(object(fields{
	"model": text.needed(), "content": googleContent.needed(), "taskType": googleTask, "title": text, "outputDimensionality": integer(128, maxDimensions),
}))}, func(c *call) (*reply, *refusal) {
	type values struct {
		Values []float32 `json:"values"`
	}
	var list []values
	tokens := 0
	for i, one := range c.json.Get("requests").Array() {
		if one.Get("model").Str != "models/"+c.Model {
			return nil, invalid("", "", "* BatchEmbedContentsRequest.requests["+strconv.Itoa(i)+"].model: unexpected model")
		}
		words := textOf(one.Get("content.parts"))
		list = append(list, values{vectorsOf([]string{words}, one.Get("outputDimensionality").Int())[0]})
		tokens += CountTokens(words)
	}
	out := map[string]any{"embeddings": list}
	if !c.faults.noUsage && strings.Contains(c.model, "embedding-2") {
		out["usageMetadata"] = map[string]int{"promptTokenCount": tokens}
	}
	return whole(out), nil
}}

var geminiPath = regexp.MustCompile(`^/v1(?:beta|alpha)?/models/([^/:]+):batchEmbedContents$`)

func geminiEmbedder(path string) (string, bool) { return pathModel(geminiPath, path) }

func pathModel(pattern *regexp.Regexp, path string) (string, bool) {
	if m := pattern.FindStringSubmatch(path); m != nil {
		return segment(m[1])
	}
	return "", false
}

// vertexPredict serves the older models of Vertex AI: the newest of them one text
// at a time.
var vertexPredict = task{fields{
	"instances":  aList.needed().notEmpty().atMost(vertexBatch).of(object(fields{"content": text.needed(), "task_type": googleTask, "title": text})),
	"parameters": object(fields{"outputDimensionality": positive, "autoTruncate": boolean}),
}, func(c *call) (*reply, *refusal) {
	var predictions []any
	instances := c.json.Get("instances").Array()
	if len(instances) > 1 && strings.HasPrefix(c.model, "gemini-") {
		return nil, invalid("", "", "1 instance(s) is allowed per prediction. Actual: "+strconv.Itoa(len(instances)))
	}
	for _, one := range instances {
		words := one.Get("content").Str
		predictions = append(predictions, map[string]any{"embeddings": map[string]any{
			"values":     vectorsOf([]string{words}, c.json.Get("parameters.outputDimensionality").Int())[0],
			"statistics": map[string]any{"truncated": false, "token_count": CountTokens(words)},
		}})
	}
	return whole(map[string]any{"predictions": predictions}), nil
}}

// vertexContent serves the newer ones, one text at a time: of several parts it
// would make one vector.
var vertexContent = task{fields{
	"content": googleContent.needed(),
	"embedContentConfig": object(fields{"outputDimensionality": integer(128, maxDimensions), "taskType": googleTask, "title": text, "autoTruncate": boolean,
		"documentOcr": boolean, "audioTrackExtraction": boolean}),
}, func(c *call) (*reply, *refusal) {
	words := textOf(c.json.Get("content.parts"))
	return whole(map[string]any{
		"embedding":     map[string]any{"values": vectorsOf([]string{words}, c.json.Get("embedContentConfig.outputDimensionality").Int())[0]},
		"usageMetadata": map[string]int{"promptTokenCount": CountTokens(words)},
	}), nil
}}

var (
	predictPath = regexp.MustCompile(`^/v1(?:beta1)?/projects/[^/]+/locations/[^/]+/publishers/google/models/([^/:]+):predict$`)
	contentPath = regexp.MustCompile(`^/v1(?:beta1)?/projects/[^/]+/locations/[^/]+/publishers/google/models/([^/:]+):embedContent$`)
)

func vertexPredictor(path string) (string, bool) { return pathModel(predictPath, path) }
func vertexEmbedder(path string) (string, bool)  { return pathModel(contentPath, path) }

// bedrockTasks are the models that are invoked in words of their own, by parts of
// their names.
var bedrockTasks = []struct {
	model string
	task  task
}{
	{"titan-embed-text-v1", titan(fields{"inputText": text.needed()})},
	{"titan-embed-text-v2", titan(fields{"inputText": text.needed(), "dimensions": sizes(256, 512, 1024), "normalize": boolean,
		"embeddingTypes": aList.of(oneOf("float", "binary"))})},
	{"titan-embed-image", titan(fields{"inputText": text, "inputImage": text,
		"embeddingConfig": object(fields{"outputEmbeddingLength": sizes(256, 384, 1024).needed()})})},
	{"nova-2-multimodal-embeddings", novaEmbed},
	{"cohere.embed-english-v3", cohereInvoke(fields{}, false)},
	{"cohere.embed-multilingual-v3", cohereInvoke(fields{}, false)},
	{"cohere.embed-v4", cohereInvoke(fields{"output_dimension": sizes(256, 512, 1024, 1536), "max_tokens": positive}, true)},
	{"cohere.rerank", bedrockRerank(fields{"api_version": sizes(2).needed()})},
	{"amazon.rerank", bedrockRerank(fields{})},
}

func titan(known fields) task {
	return task{known, func(c *call) (*reply, *refusal) {
		words := c.json.Get("inputText").Str
		n := max(c.json.Get("dimensions").Int(), c.json.Get("embeddingConfig.outputEmbeddingLength").Int())
		return whole(map[string]any{"embedding": vectorsOf([]string{words}, n)[0], "inputTextTokenCount": CountTokens(words)}), nil
	}}
}

var novaEmbed = task{fields{
	"schemaVersion": oneOf("nova-multimodal-embed-v1"), "taskType": oneOf("SINGLE_EMBEDDING").needed(),
	"singleEmbeddingParams": object(fields{
		"embeddingPurpose": oneOf("GENERIC_INDEX", "GENERIC_RETRIEVAL", "TEXT_RETRIEVAL", "IMAGE_RETRIEVAL", "VIDEO_RETRIEVAL",
			"DOCUMENT_RETRIEVAL", "AUDIO_RETRIEVAL", "CLASSIFICATION", "CLUSTERING").needed(),
		"embeddingDimension": sizes(256, 384, 1024, 3072),
		"text":               object(fields{"truncationMode": oneOf("START", "END", "NONE").needed(), "value": text.needed()}).needed(),
	}).needed(),
}, func(c *call) (*reply, *refusal) {
	words := c.json.Get("singleEmbeddingParams.text.value").Str
	one := map[string]any{"embeddingType": "TEXT", "embedding": vectorsOf([]string{words}, c.json.Get("singleEmbeddingParams.embeddingDimension").Int())[0]}
	return whole(map[string]any{"embeddings": []any{one}, "inputTokenCount": CountTokens(words)}), nil
}}

// cohereInvoke is Cohere's model at Bedrock. The older ones answer with a mere
// list; for all of them Bedrock counts, in a header.
func cohereInvoke(more fields, typed bool) task {
	known := fields{
		"input_type": inputType.needed(), "texts": aList.needed().notEmpty().atMost(cohereBatch).of(text), "embedding_types": vectorTypes,
		"truncate": truncation,
	}
	maps.Copy(known, more)
	return task{known, func(c *call) (*reply, *refusal) {
		texts := textsOf(c.json.Get("texts"))
		var vectors any = vectorsOf(texts, c.json.Get("output_dimension").Int())
		if typed {
			vectors = map[string]any{"float": vectors}
		}
		out := whole(map[string]any{"id": c.id("", 32), "embeddings": vectors, "texts": texts})
		out.header = http.Header{"X-Amzn-Bedrock-Input-Token-Count": {strconv.Itoa(countAll(texts))}}
		return out, nil
	}}
}

// findTask finds who answers the invocation of a model that does not converse.
func findTask(c *call) (answerer, *refusal, bool) {
	for i := range bedrockTasks {
		if t := &bedrockTasks[i]; strings.Contains(c.Model, t.model) {
			answer, err := t.task.find(c)
			return answer, err, true
		}
	}
	return nil, nil, false
}
