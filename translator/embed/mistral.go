package embed

import (
	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// Mistral speaks OpenAI's words here but for the dimensions. It refuses fields it
// does not know.
var Mistral = Vendor{Name: "mistral", Kinds: []Kind{{
	AnySize: true, Takes: []string{"metadata", "output_dtype"},
	path:  func(o *chat.Options) string { return o.Prefix + "/embeddings" },
	write: writeMistral, read: readMistral,
}}}

func writeMistral(dst []byte, r *request) []byte {
	dst = raw.AppendString(append(dst, `{"model":`...), r.trip.Options.Model)
	dst = r.appendDimensions(dst, `,"output_dimension":`)
	dst = r.appendExtra(dst, `,"output_dtype":`, "output_dtype", "")
	dst = r.appendExtra(dst, `,"metadata":`, "metadata", "")
	dst = r.appendTexts(append(dst, `,"encoding_format":"float","input":[`...), "", "")
	return append(dst, "]}"...)
}

func readMistral(r *reply, body raw.Value) {
	for m := body.Members(); m.Next(); {
		switch string(m.Name()) {
		case "data":
			r.byIndex(m.Value())
		case "usage":
			r.tokens = m.Value().Get("prompt_tokens").Int()
		case "model":
			r.model = m.Value().String()
		}
	}
}

// byIndex takes vectors that say which input they are of. Where two say the same
// there is one for some input too few, and none stands in its place.
func (r *reply) byIndex(list raw.Value) {
	for e := list.Elements(); e.Next(); {
		r.vectors = append(r.vectors, nil)
	}
	for e := list.Elements(); e.Next(); {
		var vector raw.Value
		at := int64(-1)
		for m := e.Value().Members(); m.Next(); {
			switch string(m.Name()) {
			case "index":
				at = m.Value().Int()
			case "embedding":
				vector = m.Value()
			}
		}
		if at >= 0 && at < int64(len(r.vectors)) {
			r.vectors[at] = vector
		}
	}
}
