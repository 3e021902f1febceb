package chat

import "llmroute/translator/raw"

// A Client is a dialect that clients speak. Its value is shared and read-only.
type Client interface {
	// ReadRequest reads body, which is a well-formed JSON object, into t. It
	// returns a [*Refusal] for what cannot be read.
	ReadRequest(t *Trip, body []byte) error
	// Writer returns a Writer for the answer to t. created is when the reply came,
	// in seconds since 1970; whole says that the answer goes out in one piece.
	Writer(t *Trip, created int64, whole bool) Writer
	// WriteError appends the body of an answer that is an error.
	WriteError(dst []byte, err *Error) []byte
}

// A Backend is a dialect that backends speak, at one of its homes. Its value is
// shared and read-only.
type Backend interface {
	// Rules are the verdicts of this home.
	Rules() Rules
	// Habits says how this home wants a conversation to be.
	Habits(t *Trip) Habits
	// WriteRequest fills out with the request t, which was judged and settled. It
	// returns a [*Refusal] for what this backend cannot do.
	WriteRequest(out *Outgoing, t *Trip) error
	// Framing says how the stream of a reply is framed.
	Framing() Framing
	// Reader returns a Reader for the reply to t.
	Reader(t *Trip, h Headers) Reader
	// ReadError reads a reply whose status is 400 or higher. It is also called when
	// the headers have come but no body has, and must ask for the same headers then.
	ReadError(t *Trip, status int, h Headers, body []byte) *Error
}

// A HeaderReader is a Backend whose replies say in headers of the vendor's own
// what OpenAI says in others.
type HeaderReader interface {
	// ReadHeaders appends to set what a reply's headers mean in OpenAI's names.
	// Where the reply has such a header already, that is left alone.
	ReadHeaders(set []Header, h Headers) []Header
}

// Framing says how frames follow each other in a stream.
type Framing uint8

// The framings.
const (
	SSE         Framing = iota // server-sent events
	EventStream                // AWS's binary event stream
)

// Outgoing is a request as a backend wants it. The caller owns its memory.
type Outgoing struct {
	Path   string // path and query
	Set    []Header
	Remove []string // lower-case names of headers
	Body   []byte   // WriteRequest appends to it
}

// Header is one header field; Name is lower case.
type Header struct{ Name, Value string }

// Habits is what [Trip.Judge] and [Trip.Settle] must know of a dialect.
type Habits struct {
	// Extensions are the top-level fields of the vendor's own that are taken.
	Extensions []string
	// Signed lists the dialects whose signed reasoning is taken back; BareReasoning
	// says that text alone is taken as well. What is not taken is left out in
	// silence: most clients send all that they were given.
	Signed        []string
	BareReasoning bool
	// Exact reports whether a turn's Replay is of this dialect and still says what
	// its Blocks do; nil takes no Replay.
	Exact func(*Turn) bool
	// Late is what becomes of late system messages unless the option says.
	Late Late
	// LateInPlace says that a late system message stays where it is if the user has
	// said something right before it and somebody says something after it. What
	// tools have answered does not count. Elsewhere it becomes the user's words.
	LateInPlace bool
	// Prefill says that an answer may be begun by the client.
	Prefill bool
	// IDs is how long a tool's id may be in bytes; 0 means 64.
	IDs int
	// LetterFirst says that the name of a tool begins with a letter or a '_'.
	LetterFirst bool
	// NoForce says that the model cannot be made to call a tool.
	NoForce bool
	// NoEmpty says that a user's turn must not be empty.
	NoEmpty bool
	// KeepTools says that a tool which the history uses must stay in the list.
	KeepTools bool
	// NamesAmong says that the tools which may be called are named apart, so that
	// all stay in the list.
	NamesAmong bool
	// VendorTools says that tools in the words of some vendor are taken.
	VendorTools bool
	// NativeObject says that answers can be held to be JSON; NativeSchema, to a
	// schema, without a tool that stands for it; SchemaWithTools, also beside tools.
	NativeObject, NativeSchema, SchemaWithTools bool
}

// customInput is the one argument of the function that stands for a custom tool.
const customInput = "input"

// jsonTool is the function that stands for the form of an answer.
const jsonTool = "json_output"

// CustomSchema is what the function that stands for a custom tool takes.
var CustomSchema = raw.Value(`{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}`)

// EmptySchema is what a function without parameters takes.
var EmptySchema = raw.Value(`{"type":"object","properties":{}}`)
