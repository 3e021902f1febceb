package telemetry

import "go.opentelemetry.io/otel/attribute"

// The names of OpenTelemetry's semantic conventions for generative AI, as of
// version 1.41.0. They stand here because later versions of the conventions
// moved them to a place that has no Go package.
//
//nolint:gosec // tokens of language, not of access
const (
	metricTokens     = "gen_ai.client.token.usage"
	metricDuration   = "gen_ai.server.request.duration"
	metricFirstToken = "gen_ai.server.time_to_first_token"
	metricPerToken   = "gen_ai.server.time_per_output_token"

	keyOperation = attribute.Key("gen_ai.operation.name")
	keyProvider  = attribute.Key("gen_ai.provider.name")
	keyModel     = attribute.Key("gen_ai.request.model")
	keyTokenType = attribute.Key("gen_ai.token.type")
	keyErrorType = attribute.Key("error.type")
	keyStatus    = attribute.Key("http.response.status_code")

	// errorOther is the conventions' error.type for what has no name of its own.
	errorOther = "_OTHER"
)

// Names of our own.
const (
	scope = "llmroute" // of the instruments

	metricRequests  = "llmroute.requests"
	metricActive    = "llmroute.active_requests"
	metricOverhead  = "llmroute.overhead"
	metricRefusals  = "llmroute.refusals"
	metricPanics    = "llmroute.panics"
	metricReloads   = "llmroute.config.reloads"
	metricConfig    = "llmroute.config.info"
	metricApplied   = "llmroute.config.applied_time"
	metricADS       = "llmroute.ads.streams"
	metricLogDrops  = "llmroute.log.dropped"
	metricSeries    = "llmroute.metrics.series"
	metricSeriesMax = "llmroute.metrics.series_limit"

	keyBackend = attribute.Key("llmroute.backend")
	keyRoute   = attribute.Key("llmroute.route")
	keyOutcome = attribute.Key("llmroute.outcome")
	keyResult  = attribute.Key("llmroute.result")
	keyHash    = attribute.Key("llmroute.config.hash")

	// other is the label of what is beyond the limit of series.
	other = "other"
)

// tokenType is an index into the token types of gen_ai.client.token.usage.
type tokenType int

const (
	tokensInput tokenType = iota
	tokensCached
	tokensCacheWrite
	tokensOutput
	tokensReasoning
	tokenTypes
)

// tokenTypeNames names the types. The conventions define input and output; the
// others are parts of these, named as the gateways that came before name them.
var tokenTypeNames = [tokenTypes]string{
	tokensInput:      "input",
	tokensCached:     "cached_input",
	tokensCacheWrite: "cache_creation_input",
	tokensOutput:     "output",
	tokensReasoning:  "reasoning",
}

// The bucket boundaries that the conventions ask for: tokens, then seconds.
var (
	bucketsTokens     = []float64{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864}
	bucketsDuration   = []float64{.01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}
	bucketsFirstToken = []float64{.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}
	bucketsPerToken   = []float64{.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5}
	// bucketsOverhead has no convention: our share is tens of microseconds on a
	// good day, and a second when something is badly wrong.
	bucketsOverhead = []float64{.00002, .00005, .0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, 1}
)

// providers maps a backend's schema to the conventions' gen_ai.provider.name.
// Hosted models count as their host's, who is the one that answers and bills.
var providers = map[string]string{
	"OpenAI":         "openai",
	"AzureOpenAI":    "azure.ai.openai",
	"Anthropic":      "anthropic",
	"AWSBedrock":     "aws.bedrock",
	"AWSAnthropic":   "aws.bedrock",
	"GCPVertexAI":    "gcp.vertex_ai",
	"GCPAnthropic":   "gcp.vertex_ai",
	"GoogleAIStudio": "gcp.gemini",
	"Cohere":         "cohere",
	"Mistral":        "mistral_ai",
}
