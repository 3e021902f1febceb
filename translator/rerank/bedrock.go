package rerank

import (
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// Bedrock invokes the model, at the host that chats and embeddings go to as well,
// and with whichever credential that takes. Amazon's own model knows no version of
// the API, Cohere's want one.
var Bedrock = Server{Name: "bedrock", Most: 1000, Uncounted: true, write: writeInvoke,
	path: func(o *chat.Options) (string, error) {
		return o.Prefix + "/model/" + chat.Segment(o.Model) + "/invoke", nil
	}}

// AgentRuntime is Bedrock's Rerank API, on a host of its own. It takes signatures
// only, and needs to know nothing of the model but its ARN.
var AgentRuntime = Server{Name: "bedrock", Most: 1000, Uncounted: true, path: agentPath, write: writeAgent, native: raw.Value.IsObject}

func writeInvoke(dst []byte, r *request) []byte {
	name := r.trip.Options.Family
	if name == "" {
		name = r.trip.Options.Model
	}
	dst = append(dst, '{')
	if !strings.Contains(name, "amazon.rerank") {
		dst = append(dst, `"api_version":2,`...)
	}
	dst = append(append(dst, `"query":`...), r.query...)
	dst = r.appendDocuments(append(dst, `,"documents":`...))
	return append(r.appendTop(dst, `,"top_n":`), '}')
}

func agentPath(o *chat.Options) (string, error) {
	if !strings.HasPrefix(o.Model, "arn:") {
		return "", chat.Unable(chat.UnsupportedValue, "model", "The model '"+o.Model+"' is not an ARN, and the Rerank API of Bedrock takes nothing else. "+
			"Send the model's ARN, or have the backend's modelNameOverride say it.")
	}
	return o.Prefix + "/rerank", nil
}

func writeAgent(dst []byte, r *request) []byte {
	dst = append(append(dst, `{"queries":[{"type":"TEXT","textQuery":{"text":`...), r.query...)
	dst = append(dst, `}}],"sources":[`...)
	for i, d := range r.documents {
		if i > 0 {
			dst = append(dst, ',')
		}
		if text, alone := onlyText(d); alone {
			d = text
		}
		if d.IsObject() {
			dst = append(append(dst, `{"type":"INLINE","inlineDocumentSource":{"type":"JSON","jsonDocument":`...), d...)
			dst = append(dst, "}}"...)
			continue
		}
		dst = append(append(dst, `{"type":"INLINE","inlineDocumentSource":{"type":"TEXT","textDocument":{"text":`...), d...)
		dst = append(dst, "}}}"...)
	}
	dst = append(dst, `],"rerankingConfiguration":{"type":"BEDROCK_RERANKING_MODEL","bedrockRerankingConfiguration":{"modelConfiguration":{"modelArn":`...)
	dst = raw.AppendString(dst, r.trip.Options.Model)
	return append(r.appendTop(dst, `},"numberOfResults":`), "}}}"...)
}
