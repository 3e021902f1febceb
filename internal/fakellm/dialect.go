package fakellm

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// dialect is one vendor's API, at one of the homes it has.
type dialect struct {
	// find returns who answers a call. It refuses what the dialect refuses of
	// every call: the path, the method, the body and its fields.
	find func(*call) (answerer, *refusal)
	// spell words a refusal as the vendor does. Those that faults ask for come in
	// OpenAI's words, told apart by their code, else by their status.
	spell func(*call, *refusal) *reply
	// header is what every reply of the vendor carries.
	header func(*call) http.Header
	// parts says that answers are made of parts, so that there are faults in how.
	parts bool
	// unsealed says that thoughts are words like others: they stand in front, and
	// are never hidden.
	unsealed bool
	// filters says that texts are looked at before they go out.
	filters bool
	// service is the name that signatures of AWS's are made for; "" for a vendor
	// that takes none. mustSign says that a request without is refused unless it
	// has a key.
	service  string
	mustSign bool
}

// OpenAI's API is the one that every path belongs to which no other claims.
var openAI = dialect{find: findOpenAI, spell: spellOpenAI, header: headerOpenAI}

// claims are the paths that belong to the other dialects, the first that fits.
// A claim returns the model that the path names, "" when it names none.
var claims = []struct {
	dialect *dialect
	claim   func(path string) (model string, ok bool)
}{
	{&anthropicDirect, exactly("/v1/messages", "/v1/messages/count_tokens")},
	{&anthropicMantle, exactly("/anthropic/v1/messages", "/anthropic/v1/messages/count_tokens")},
	{&googleBatches, geminiEmbedder},
	{&googlePredictions, vertexPredictor},
	{&googleContents, vertexEmbedder},
	{&geminiStudio, studioModel},
	{&geminiVertex, googleCloudModel},
	{&anthropicVertex, vertexModel},
	{&bedrock, bedrockModel},
	{&cohere, exactly("/v2/chat")},
	{&cohereVectors, exactly("/v2/embed")},
	{&cohereRanks, exactly("/v2/rerank")},
	{&mistral, exactly(mistralChat)},
	{&mistralVectors, exactly(mistralEmbeddings)},
	{&bareRerank, exactly("/rerank")},
	{&azure, azureDeployment},
}

// dialectOf returns whose path it is, and the model that the path names.
func dialectOf(path string) (d *dialect, model string) {
	for _, c := range claims {
		if model, ok := c.claim(path); ok {
			return c.dialect, model
		}
	}
	return &openAI, ""
}

func exactly(paths ...string) func(string) (string, bool) {
	return func(path string) (string, bool) { return "", slices.Contains(paths, path) }
}

// segment decodes one segment of a path, which may hold escaped slashes.
func segment(s string) (string, bool) {
	if s == "" || strings.Contains(s, "/") {
		return "", false
	}
	decoded, err := url.PathUnescape(s)
	return decoded, err == nil
}
