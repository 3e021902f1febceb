package embed

import (
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// AIStudio is the Gemini API. A batch of one is as good as one, so there is one
// way to ask. A second part in one content would not give a second vector but one
// of both.
var AIStudio = Vendor{Name: "gemini", Kinds: []Kind{{
	// These are told in the text what it is for.
	Models: []string{"gemini-embedding-2"}, Most: geminiMost, AnySize: true, Takes: []string{"title"},
	path: batchPath, write: writeBatch, read: readBatch,
}, {
	Most: geminiMost, AnySize: true, Uncounted: true, Takes: []string{"task_type", "title"},
	path: batchPath, write: writeBatch, read: readBatch,
}}}

// geminiMost is how many requests the Gemini API takes in one batch.
const geminiMost = 100

// Vertex is Vertex AI, where it depends on the model by which verb it is asked,
// and for how much. Texts that are too long would be cut in silence, as with
// Cohere.
var Vertex = Vendor{Name: "vertex", Kinds: []Kind{{
	Models: []string{"gemini-embedding-001"}, Most: 1, AnySize: true, Takes: []string{"task_type", "title", "auto_truncate"},
	path: vertexPath("predict"), write: writePredict, read: readPredict,
}, {
	Models: []string{"text-embedding-", "text-multilingual-embedding-", "textembedding-gecko"}, Most: 250, AnySize: true, Takes: []string{"task_type", "title", "auto_truncate"},
	path: vertexPath("predict"), write: writePredict, read: readPredict,
}, {
	Models: []string{"gemini-embedding-"}, Most: 1, AnySize: true, Takes: []string{"title", "auto_truncate"},
	path: vertexPath("embedContent"), write: writeContent, read: readContent,
}}}

func batchPath(o *chat.Options) string {
	return o.Prefix + "/models/" + chat.Segment(strings.TrimPrefix(o.Model, "models/")) + ":batchEmbedContents"
}

func writeBatch(dst []byte, r *request) []byte {
	before := raw.AppendString([]byte(`{"model":`), "models/"+strings.TrimPrefix(r.trip.Options.Model, "models/"))
	before = append(before, `,"content":{"parts":[{"text":`...)
	after := r.appendDimensions([]byte("}]}"), `,"outputDimensionality":`)
	after = r.appendExtra(after, `,"taskType":`, "task_type", "")
	after = r.appendExtra(after, `,"title":`, "title", "")
	dst = r.appendTexts(append(dst, `{"requests":[`...), string(before), string(append(after, '}')))
	return append(dst, "]}"...)
}

func readBatch(r *reply, body raw.Value) {
	for m := body.Members(); m.Next(); {
		switch string(m.Name()) {
		case "embeddings":
			r.each(m.Value(), "values")
		case "usageMetadata":
			r.tokens = m.Value().Get("promptTokenCount").Int()
		}
	}
}

func vertexPath(verb string) func(*chat.Options) string {
	return func(o *chat.Options) string {
		return o.Prefix + "/projects/" + chat.Segment(o.Project) + "/locations/" + chat.Segment(o.Location) +
			"/publishers/google/models/" + chat.Segment(o.Model) + ":" + verb
	}
}

func writePredict(dst []byte, r *request) []byte {
	after := r.appendExtra(nil, `,"task_type":`, "task_type", "")
	after = r.appendExtra(after, `,"title":`, "title", "")
	dst = r.appendTexts(append(dst, `{"instances":[`...), `{"content":`, string(append(after, '}')))
	dst = r.appendExtra(append(dst, ']'), `,"parameters":{"autoTruncate":`, "auto_truncate", "false")
	return append(r.appendDimensions(dst, `,"outputDimensionality":`), "}}"...)
}

func readPredict(r *reply, body raw.Value) {
	for m := body.Members(); m.Next(); {
		if string(m.Name()) != "predictions" {
			continue
		}
		for e := m.Value().Elements(); e.Next(); {
			found := e.Value().Get("embeddings")
			r.vectors = append(r.vectors, found.Get("values"))
			r.tokens += found.Get("statistics").Get("token_count").Int()
		}
	}
}

func writeContent(dst []byte, r *request) []byte {
	dst = raw.AppendText(append(dst, `{"content":{"parts":[{"text":`...), r.texts[0])
	dst = r.appendExtra(dst, `}]},"embedContentConfig":{"autoTruncate":`, "auto_truncate", "false")
	dst = r.appendExtra(dst, `,"title":`, "title", "")
	return append(r.appendDimensions(dst, `,"outputDimensionality":`), "}}"...)
}

func readContent(r *reply, body raw.Value) {
	for m := body.Members(); m.Next(); {
		switch string(m.Name()) {
		case "embedding":
			r.vectors = append(r.vectors, m.Value().Get("values"))
		case "usageMetadata":
			r.tokens = m.Value().Get("promptTokenCount").Int()
		}
	}
}
