package embed

import (
	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// cohereMost is how many texts Cohere takes in one call, at home and at Bedrock.
const cohereMost = 96

// Cohere is Cohere's API, version 2. It wants to know what the vectors are for;
// documents it is unless the client says otherwise. Texts that are too long it
// would cut in silence, where OpenAI refuses them: it is told to refuse them too.
var Cohere = Vendor{Name: "cohere", Kinds: []Kind{{
	Most: cohereMost, AnySize: true, Takes: []string{"input_type", "max_tokens", "priority", "truncate"},
	path:  func(o *chat.Options) string { return o.Prefix + "/embed" },
	write: writeCohereModel, read: readCohere,
}}}

func writeCohereModel(dst []byte, r *request) []byte {
	dst = raw.AppendString(append(dst, `{"model":`...), r.trip.Options.Model)
	return writeCohereRest(append(dst, ','), r)
}

// writeCohere is for where the path names the model.
func writeCohere(dst []byte, r *request) []byte { return writeCohereRest(append(dst, '{'), r) }

func writeCohereRest(dst []byte, r *request) []byte {
	dst = r.appendExtra(dst, `"input_type":`, "input_type", `"search_document"`)
	dst = r.appendExtra(dst, `,"truncate":`, "truncate", `"NONE"`)
	dst = r.appendDimensions(dst, `,"output_dimension":`)
	dst = r.appendExtra(dst, `,"max_tokens":`, "max_tokens", "")
	dst = r.appendExtra(dst, `,"priority":`, "priority", "")
	dst = r.appendTexts(append(dst, `,"embedding_types":["float"],"texts":[`...), "", "")
	return append(dst, "]}"...)
}

// readCohere reads both shapes there are: vectors by their type, and a mere list
// as older models answer at Bedrock.
func readCohere(r *reply, body raw.Value) {
	for m := body.Members(); m.Next(); {
		switch v := m.Value(); string(m.Name()) {
		case "embeddings":
			if v.IsObject() {
				v = v.Get("float")
			}
			r.each(v, "")
		case "meta":
			billed := v.Get("billed_units")
			r.tokens = billed.Get("input_tokens").Int() + billed.Get("image_tokens").Int()
		}
	}
	if r.tokens == 0 {
		r.tokens = countOf(r.header)
	}
}
