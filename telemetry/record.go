// Package telemetry records what happened to a finished exchange: metrics in
// OpenTelemetry's GenAI names, one structured log line, and the values Envoy's
// access log may show. It is the only package that imports OpenTelemetry. It
// never sees content, and no secret passes through it.
package telemetry

import "time"

// Outcome says how an exchange ended.
type Outcome string

// The outcomes of an exchange.
const (
	Complete Outcome = "complete" // the reply came to its proper end
	Refused  Outcome = "refused"  // we answered, nothing was sent upstream
	Aborted  Outcome = "aborted"  // the client left before the end
	Cut      Outcome = "cut"      // the backend's stream stopped before its proper end
	Local    Outcome = "local"    // Envoy answered on its own: a timeout, no connection
	Failed   Outcome = "failed"   // something of ours went wrong
)

// Record is a finished exchange. The caller owns it and may reuse it; what it
// holds is read during the call only. Empty strings and zeros mean unknown.
type Record struct {
	RequestID string
	Operation string // gen_ai.operation.name: "chat"

	Route   string // LLMRoute
	Rule    string
	Backend string // ID
	Schema  string // the backend's schema

	ModelRequested string // as the client wrote it; never a metric label
	ModelLabel     string // a configured name or "other": the metric label
	ModelUpstream  string
	ModelResponse  string

	Outcome      Outcome
	Status       int // what the client got
	Stream       bool
	Attempts     int
	FinishReason string
	Warnings     string // as the client may read them in x-llmroute-warnings; of a stream's answer only here
	ErrorType    string // error.code or .type, ours or the backend's

	InputTokens, CachedTokens, CacheWriteTokens, OutputTokens, ReasoningTokens, TotalTokens int64

	Start         time.Time
	Duration      time.Duration // from request headers to the end
	Overhead      time.Duration // ours: time spent between a message from Envoy and its reply, summed
	FirstToken    time.Duration // from request headers to the first content-bearing event; 0 when there was none
	OutputEvents  int           // content-bearing events of a stream
	RequestBytes  int
	ResponseBytes int
}
