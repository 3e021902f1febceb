package embed

import (
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// countHeader is where Bedrock counts for models that do not.
const countHeader = "x-amzn-bedrock-input-token-count"

// Bedrock invokes models as their makers have made them: each has a body of its
// own.
var Bedrock = Vendor{Name: "bedrock", Kinds: []Kind{{
	Models: []string{"titan-embed-text-v2"}, Most: 1, Sizes: []int64{256, 512, 1024}, Takes: []string{"normalize"},
	path: invoke, write: writeTitan2, read: readTitan,
}, {
	Models: []string{"titan-embed-image"}, Most: 1, Sizes: []int64{256, 384, 1024},
	path: invoke, write: writeTitanImage, read: readTitan,
}, {
	Models: []string{"titan-embed-text-v1"}, Most: 1,
	path: invoke, write: writeTitan1, read: readTitan,
}, {
	Models: []string{"nova-2-multimodal-embeddings"}, Most: 1, Sizes: []int64{256, 384, 1024, 3072}, Takes: []string{"embedding_purpose", "truncate"},
	path: invoke, write: writeNova, read: readNova,
}, {
	Models: []string{"cohere.embed-v4"}, Most: cohereMost, Sizes: []int64{256, 512, 1024, 1536}, Takes: []string{"input_type", "max_tokens", "truncate"},
	path: invoke, write: writeCohere, read: readCohere,
}, {
	Models: []string{"cohere.embed-english-v3", "cohere.embed-multilingual-v3"}, Most: cohereMost, Takes: []string{"input_type", "truncate"},
	path: invoke, write: writeCohere, read: readCohere,
}}}

func invoke(o *chat.Options) string {
	return o.Prefix + "/model/" + chat.Segment(o.Model) + "/invoke"
}

func writeTitan1(dst []byte, r *request) []byte {
	return append(raw.AppendText(append(dst, `{"inputText":`...), r.texts[0]), '}')
}

func writeTitan2(dst []byte, r *request) []byte {
	dst = raw.AppendText(append(dst, `{"inputText":`...), r.texts[0])
	dst = r.appendDimensions(dst, `,"dimensions":`)
	dst = r.appendExtra(dst, `,"normalize":`, "normalize", "")
	return append(dst, '}')
}

func writeTitanImage(dst []byte, r *request) []byte {
	dst = raw.AppendText(append(dst, `{"inputText":`...), r.texts[0])
	if r.dimensions > 0 {
		dst = append(r.appendDimensions(dst, `,"embeddingConfig":{"outputEmbeddingLength":`), '}')
	}
	return append(dst, '}')
}

// readTitan reads a vector, or a failure that comes with a status of 200.
func readTitan(r *reply, body raw.Value) {
	for m := body.Members(); m.Next(); {
		switch string(m.Name()) {
		case "embedding":
			r.vectors = append(r.vectors, m.Value())
		case "inputTextTokenCount":
			r.tokens = m.Value().Int()
		case "message":
			r.fault = m.Value().String()
		}
	}
}

func writeNova(dst []byte, r *request) []byte {
	dst = append(dst, `{"schemaVersion":"nova-multimodal-embed-v1","taskType":"SINGLE_EMBEDDING","singleEmbeddingParams":{`...)
	dst = r.appendExtra(dst, `"embeddingPurpose":`, "embedding_purpose", `"GENERIC_INDEX"`)
	dst = r.appendDimensions(dst, `,"embeddingDimension":`)
	dst = r.appendExtra(dst, `,"text":{"truncationMode":`, "truncate", `"NONE"`)
	return append(raw.AppendText(append(dst, `,"value":`...), r.texts[0]), "}}}"...)
}

func readNova(r *reply, body raw.Value) {
	for m := body.Members(); m.Next(); {
		switch string(m.Name()) {
		case "embeddings":
			r.each(m.Value(), "embedding")
		case "inputTokenCount":
			r.tokens = m.Value().Int()
		}
	}
	if r.tokens == 0 {
		r.tokens = countOf(r.header)
	}
}

// countOf returns what Bedrock has counted.
func countOf(h chat.Headers) int64 { return raw.Value(h.Get(countHeader)).Int() }

// appendDimensions appends the client's dimensions behind key, if there are any.
func (r *request) appendDimensions(dst []byte, key string) []byte {
	if r.dimensions == 0 {
		return dst
	}
	return strconv.AppendInt(append(dst, key...), r.dimensions, 10)
}

// appendExtra appends a field of the vendor's own behind key: as the client sent
// it, or otherwise, which may be nothing at all.
func (r *request) appendExtra(dst []byte, key, name, otherwise string) []byte {
	v := r.get(name, otherwise)
	if len(v) == 0 {
		return dst
	}
	return append(append(dst, key...), v...)
}

// appendTexts appends all texts, each between before and after.
func (r *request) appendTexts(dst []byte, before, after string) []byte {
	for i, text := range r.texts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(raw.AppendText(append(dst, before...), text), after...)
	}
	return dst
}
