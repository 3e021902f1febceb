package translator

// Operation is the API a request's path names.
type Operation uint8

// The operations of OpenAI's API that a request body decides the backend of.
const (
	None Operation = iota // not an operation with a body we route by: a path of some backend's own, if any
	ChatCompletions
	Completions
	Embeddings
	Responses
	ImagesGenerations
	ImagesEdits
	ImagesVariations
	AudioSpeech
	AudioTranscriptions
	AudioTranslations
	Moderations
	Rerank
)

type operation struct {
	path      string // after the client's /v1
	name      string // gen_ai.operation.name
	multipart bool
}

var operations = [...]operation{
	ChatCompletions:     {"/chat/completions", "chat", false},
	Completions:         {"/completions", "text_completion", false},
	Embeddings:          {"/embeddings", "embeddings", false},
	Responses:           {"/responses", "responses", false},
	ImagesGenerations:   {"/images/generations", "image_generation", false},
	ImagesEdits:         {"/images/edits", "image_edit", true},
	ImagesVariations:    {"/images/variations", "image_variation", true},
	AudioSpeech:         {"/audio/speech", "speech", false},
	AudioTranscriptions: {"/audio/transcriptions", "transcription", true},
	AudioTranslations:   {"/audio/translations", "translation", true},
	Moderations:         {"/moderations", "moderation", false},
	Rerank:              {"/rerank", "rerank", false},
}

// OperationOf returns the operation that a POST to path (without its query)
// asks for, or None. Reranking is asked for under three paths: the clients of
// Cohere, Jina and vLLM each have another.
func OperationOf(path string) Operation {
	const prefix = "/v1"
	if path == "/v2/rerank" || path == "/rerank" {
		return Rerank
	}
	if len(path) <= len(prefix) || path[:len(prefix)] != prefix {
		return None
	}
	path = path[len(prefix):]
	for op := ChatCompletions; int(op) < len(operations); op++ {
		if operations[op].path == path {
			return op
		}
	}
	return None
}

// Path returns the operation's path behind a version prefix: "/chat/completions".
func (o Operation) Path() string { return operations[o].path }

// String returns the operation's name in telemetry (OpenTelemetry's
// gen_ai.operation.name where that defines one), or "".
func (o Operation) String() string { return operations[o].name }

// Multipart reports whether clients send the operation as multipart/form-data.
func (o Operation) Multipart() bool { return operations[o].multipart }
