package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"llmroute/internal/fakellm"
	"llmroute/internal/fakellm/fakellmtest"
)

// home is a backend that conversations are held with. A further schema is a line
// of homes, and what only it does in the tables of conversations.
type home struct {
	name     string
	kin      string   // another home, whose expectations hold where there are none of its own
	spec     []string // lines of the backend's spec: the schema first
	path     string   // where a chat arrives, with MODEL for the model
	streamed string   // the same for a stream; "" where it arrives at path
	foreign  bool     // its schema is no dialect of OpenAI's: requests and answers are translated
	only     bool     // it is for the conversations that name it

	// except has what comes of a conversation here and nowhere else. It takes the
	// place of all that the tables say of the home's kind.
	except map[string]exception
	// sheet are the conversations that are held here alone: those that are known to
	// hurt who speaks its dialect.
	sheet []conversation
}

// exception is what a client sees of a conversation; nothing is as everywhere.
type exception struct {
	saw     string
	warns   string
	arrives []string // as conversation.arrives has it
}

// Names that the tables of conversations use.
const (
	azureV1     = "Azure"
	dated       = "AzureDated"
	azureOld    = "AzureOld"
	claude      = "Anthropic"
	claudeAWS   = "AWSAnthropic"
	claudeCloud = "GCPAnthropic"
	converse    = "AWSBedrock"
	cohere      = "Cohere"
	studio      = "GoogleAIStudio"
	foreign     = "foreign" // every home that is

	// Those that rerank each in words of their own.
	jina   = "Jina"
	voyage = "Voyage"
	vllm   = "VLLM"
	tei    = "TEI"
	agent  = "AWSBedrockAgent"
)

const bearer = "auth: {type: APIKey, key: sk-backend}"

var homes = []home{
	{name: "OpenAI", spec: []string{"outputSchema: OpenAI", bearer}, path: "/v1/chat/completions"},
	{name: azureV1, spec: []string{"outputSchema: AzureOpenAI", bearer}, path: "/openai/v1/chat/completions"},
	{name: dated, spec: []string{`outputSchema: {schema: AzureOpenAI, version: "2024-10-21"}`, bearer},
		path: "/openai/deployments/MODEL/chat/completions"},
	{name: azureOld, kin: dated, spec: []string{`outputSchema: {schema: AzureOpenAI, version: "2024-06-01"}`, bearer},
		path: "/openai/deployments/MODEL/chat/completions", only: true},
	{name: reasoner, spec: []string{"outputSchema: OpenAI", bearer, "translation: {maxTokensField: max_completion_tokens}"}, path: "/v1/chat/completions", only: true},
	{name: claude, spec: []string{"outputSchema: Anthropic", bearer}, path: "/v1/messages", foreign: true},
	{name: claudeAWS, kin: claude, spec: []string{"outputSchema: AWSAnthropic", bearer},
		path: "/model/MODEL/invoke", streamed: "/model/MODEL/invoke-with-response-stream", foreign: true},
	{name: claudeCloud, kin: claude, spec: []string{"outputSchema: GCPAnthropic", "gcp: {project: p-1, location: global}", bearer},
		path:     "/v1/projects/p-1/locations/global/publishers/anthropic/models/MODEL:rawPredict",
		streamed: "/v1/projects/p-1/locations/global/publishers/anthropic/models/MODEL:streamRawPredict", foreign: true},
	{name: converse, spec: []string{"outputSchema: AWSBedrock", bearer}, path: "/model/MODEL/converse", streamed: "/model/MODEL/converse-stream", foreign: true},
	{name: cohere, spec: []string{"outputSchema: Cohere", bearer}, path: "/v2/chat", foreign: true, except: cohereOwn, sheet: cohereSheet},
	{name: mistral, spec: []string{"outputSchema: {schema: Mistral, prefix: /mistral/v1}", bearer}, path: "/mistral/v1/chat/completions", foreign: true, except: mistralOwn, sheet: mistralSheet},
	{name: studio, spec: []string{"outputSchema: GoogleAIStudio", bearer}, path: "/v1beta/models/MODEL:generateContent", streamed: "/v1beta/models/MODEL:streamGenerateContent",
		foreign: true, except: geminiOwn, sheet: geminiSheet},
	{name: vertex, kin: studio, spec: []string{"outputSchema: GCPVertexAI", "gcp: {project: p-1, location: global}", bearer},
		path:     "/v1/projects/p-1/locations/global/publishers/google/models/MODEL:generateContent",
		streamed: "/v1/projects/p-1/locations/global/publishers/google/models/MODEL:streamGenerateContent", foreign: true, except: geminiOwn},
	{name: jina, spec: []string{"outputSchema: OpenAI", bearer, "translation: {rerank: jina}"}, only: true},
	{name: voyage, spec: []string{"outputSchema: OpenAI", bearer, "translation: {rerank: voyage}"}, only: true},
	{name: vllm, spec: []string{"outputSchema: OpenAI", bearer, "translation: {rerank: vllm}"}, only: true},
	{name: tei, spec: []string{"outputSchema: OpenAI", bearer, "translation: {rerank: tei}"}, only: true},
	{name: agent, spec: []string{"outputSchema: AWSBedrock", bearer, "translation: {rerank: agent-runtime}"}, only: true},
	{name: astray, spec: []string{"outputSchema: {schema: AWSBedrock, prefix: /model/x/astray}", bearer},
		path: "/model/x/astray/model/MODEL/converse", streamed: "/model/x/astray/model/MODEL/converse-stream", foreign: true, only: true},
}

// allConversations are those of all tables.
func allConversations() []conversation {
	all := slices.Concat(conversations, anthropicSheet, bedrockSheet, openAISheet)
	for i := range homes {
		for _, c := range homes[i].sheet {
			if len(c.only) == 0 {
				c.only = []string{homes[i].name}
			}
			all = append(all, c)
		}
	}
	return all
}

// as returns the names under which a table may have what is expected of the
// home, the narrowest first.
func (h *home) as() []string {
	names := []string{h.name}
	if h.kin != "" {
		names = append(names, h.kin)
	}
	if h.foreign {
		names = append(names, foreign)
	}
	return names
}

// among reports whether the home, or its kin, is one of those named.
func (h *home) among(names []string) bool {
	return slices.ContainsFunc(h.as(), func(name string) bool { return slices.Contains(names, name) })
}

// of returns what a table has for a home.
func of[T any](h *home, table map[string]T) (v T, ok bool) {
	for _, name := range h.as() {
		if v, ok = table[name]; ok {
			return v, true
		}
	}
	return v, false
}

// parlour is a gateway with a backend for each home, chosen by the header x-home,
// and a strict provider behind each.
type parlour struct {
	*gateway
	providers map[string]*fakellmtest.Provider
	client    openai.Client
}

func openParlour(t *testing.T) *parlour {
	t.Helper()
	p := &parlour{providers: make(map[string]*fakellmtest.Provider)}
	var docs strings.Builder
	rules := make([]string, 0, len(homes))
	for _, h := range homes {
		provider := fakellmtest.Start(t, 2048, fakellm.Options{Delay: -1, Keys: []string{"sk-backend"}, Replay: replay})
		p.providers[h.name] = provider
		name := strings.ToLower(h.name)
		fmt.Fprintf(&docs, "---\napiVersion: aigateway.envoyproxy.io/v1alpha1\nkind: LLMBackend\nmetadata: {name: %s}\nspec:\n  endpoint: %s\n  %s\n",
			name, provider.URL, strings.Join(h.spec, "\n  "))
		rules = append(rules, fmt.Sprintf("{matches: [{headers: [{name: x-home, value: %s}]}], backendRefs: [{name: %s}]}", h.name, name))
	}
	p.gateway = start(t, docs.String()+routeDoc("r", rules...))
	p.client = openai.NewClient(option.WithBaseURL(p.URL+"/v1"), option.WithAPIKey("sk-client"), option.WithMaxRetries(0))
	return p
}
