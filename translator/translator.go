// Package translator turns an LLM request from the client's dialect into a
// backend's, and the backend's reply, whole or streamed, back.
//
// It is pure: bytes in, bytes out. It knows no Envoy, no route, no clock and no
// network, and it neither logs nor counts; it reports what happened and leaves
// the rest to its caller. Where both sides speak one dialect nothing is decoded:
// the request is scanned and spliced, the reply is watched.
package translator

import "llmroute/translator/chat"

// Exchange carries one request to one backend and that backend's reply to the
// client, each in the other's dialect.
//
// Every slice an Exchange is given is borrowed: it is good until the method
// returns. An Exchange serves one attempt and one goroutine; a retry takes a
// new one, and the same Call always yields the same Edit.
type Exchange interface {
	// Request appends to out what must change for the backend to understand in.
	// An error is a *Refusal when its words are meant for the client.
	Request(out *Edit, in *Call) error

	// Head is told how the reply starts. It chooses out.Mode for the body, and
	// from a status of 400 up it treats that body as the backend's error.
	Head(out *Edit, status int, h Headers) error

	// Body appends to dst what the client should receive for chunk. When that is
	// exactly chunk, it reports same and leaves dst as it was, so that a caller
	// need not copy what has not changed. It appends whole events only and keeps
	// an unfinished tail for the next call, so how the reply was cut into chunks
	// never shows. last is set once, perhaps with an empty chunk.
	Body(dst, chunk []byte, last bool) (out []byte, same bool, err error)

	// Tally reports what the reply has said of itself so far. It may be called
	// after any Body, also after one that failed, and when there was none.
	Tally() Tally
}

// Headers is a read-only view of a message's headers.
type Headers interface {
	// Get returns the first value of a lower-case name, or "".
	Get(name string) string
}

// Mode says what becomes of a reply's body.
type Mode uint8

// The modes; Keep is the zero value.
const (
	Keep   Mode = iota // pass it on, and show it to nobody
	Whole              // show it to Body in one piece
	Stream             // show it to Body as it comes
)

// Header is one header field; Name is lower case.
type Header struct{ Name, Value string }

// Edit is the change an Exchange asks for. The caller owns it and reuses it;
// an Exchange appends, and never reads what was there before.
type Edit struct {
	Path   string // the upstream's path and query; "" keeps the client's
	Set    []Header
	Remove []string // lower-case names
	Body   []byte   // what to send instead; nil keeps the body as it came
	Mode   Mode
	Warn   []string // "field;reason" each, for x-llmroute-warnings
}

// Call is what an Exchange may know of the client's request.
type Call struct {
	Path   string  // the client's path, without the query
	Query  string  // the client's raw query, without "?"
	Model  string  // what the backend calls the model
	Fields *Fields // what Scan found in Body
	Body   []byte
	Header Headers
}

// Usage counts tokens as OpenAI's usage object does: Cached and CacheWrite are
// part of Input, Reasoning is part of Output. The zero value means unknown.
type Usage struct {
	Input, Cached, CacheWrite, Output, Reasoning, Total int64
}

// Tally is what a reply has said of itself.
type Tally struct {
	Model  string // the model that answered, when the backend says
	Finish string // the first choice's finish reason, in OpenAI's words; "" until known
	Error  string // the code or type of an error the backend reported, also inside a stream, or of a stream that stopped short
	Events int    // content-bearing events, for time to first token
	Usage  Usage
	// Warn is what of the reply the client could not be told, as in Edit.Warn. It
	// does not outlive the Exchange.
	Warn []string
	Done bool // the reply ended as its protocol ends, be it with an error: it was not cut

	// Status is what the client must be told instead of the backend's own status:
	// the reply is an error, and its body JSON. 0 keeps the backend's. It comes from
	// the Body of a reply that is shown Whole, so the head of such a reply has to
	// wait; and with it come the next two.
	Status     int
	NoRetry    bool // the same request would fail again, whatever Status suggests
	RetryAfter int  // seconds to wait; 0 when nothing, or a header, tells
}

// Schema names a dialect, spelled as in LLMBackend.spec.outputSchema.
type Schema string

// The schemas an LLMBackend may name.
const (
	OpenAI         Schema = "OpenAI"
	AzureOpenAI    Schema = "AzureOpenAI"
	Anthropic      Schema = "Anthropic"
	AWSBedrock     Schema = "AWSBedrock"
	AWSAnthropic   Schema = "AWSAnthropic"
	GCPVertexAI    Schema = "GCPVertexAI"
	GCPAnthropic   Schema = "GCPAnthropic"
	GoogleAIStudio Schema = "GoogleAIStudio"
	Cohere         Schema = "Cohere"
	Mistral        Schema = "Mistral"
)

// Schemas are all of them, in the order in which they are told.
var Schemas = []Schema{
	OpenAI, AzureOpenAI, Anthropic, AWSBedrock, AWSAnthropic, GCPVertexAI, GCPAnthropic, GoogleAIStudio, Cohere, Mistral,
}

// Backend is what an Exchange may know of the backend it speaks to. It is
// read-only and shared between exchanges.
type Backend struct {
	Schema  Schema
	Version string // the vendor's API version; "" for the schema's default
	// Prefix is the path that stands before the schema's own paths, without a
	// trailing slash: "/v1" for OpenAI unless the endpoint or the schema says
	// otherwise. It may be "".
	Prefix string

	// UnsupportedParameters moves the line between what is refused and what is
	// dropped with a warning.
	UnsupportedParameters Unsupported
	// MaxTokensField is the name by which the backend knows a chat's token limit,
	// "max_tokens" or "max_completion_tokens"; "" leaves the client's.
	MaxTokensField string
	// ReasoningField is the name by which the backend takes the reasoning text of
	// earlier answers, "reasoning_content" or "reasoning"; "" leaves the client's.
	ReasoningField string
	// StripExtras takes out of earlier answers what only other backends understand:
	// reasoning_details, thinking_blocks and extra_content.
	StripExtras bool
	// ClientCredential says that the client's own credential goes on, so that one
	// which is refused is the client's matter and not the gateway's.
	ClientCredential bool

	// LateSystem says what becomes of system messages behind the first turn; ""
	// is what the schema does best.
	LateSystem chat.Late
	// ReasoningText says whether a provider that tells its reasoning only when
	// asked is asked; "" asks for clients that sent a reasoning_effort.
	ReasoningText chat.ReasoningText
	// DefaultMaxTokens is the token limit for clients that send none, where the
	// provider requires one; 0 is the schema's own default.
	DefaultMaxTokens int64
	// ModelFamily is the kind of model, such as "claude-sonnet-4-5", where the
	// name of the model does not tell.
	ModelFamily string
	// Rerank says which server's words a backend takes for reranking: one of
	// rerank.Servers at one of schema OpenAI, where "" passes the client's on, or
	// AgentRuntime at Bedrock, where "" invokes the model.
	Rerank string
	// Project and Location say where a Google backend is.
	Project, Location string
}

// AgentRuntime names Bedrock's Rerank API in Backend.Rerank.
const AgentRuntime = "agent-runtime"

// Unsupported says what becomes of a parameter that the backend has no equal of.
// The zero value refuses what changes the answer's meaning beyond repair, and
// drops the rest with a warning.
type Unsupported = chat.Unsupported

// The other two choices.
const (
	RejectUnsupported = chat.RejectUnsupported // refuse also what would only be dropped at a loss
	DropUnsupported   = chat.DropUnsupported   // drop, with a warning, also what would be refused
)
