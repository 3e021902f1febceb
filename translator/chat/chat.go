// Package chat is what the dialects of chat meet in: a conversation, an answer
// and the events of a stream, with nothing of any vendor.
//
// A client's dialect reads its requests into a [Request] and writes [Event]s in
// its own words; a backend's dialect writes a Request in its own words and reads
// its replies into Events. So N clients and M backends take N+M rooms, and a
// reply that came in one piece is told by the same events as a stream.
//
// What holds for all of them is done here, once: which field of a request is
// passed, translated, refused or dropped with a warning ([Rules]); the ids and
// names of tools; calls and their results; late system messages; the tools that
// stand for something else ([Trip.Restore]).
//
// Most text is a [raw.Text]: a part of the request or reply it came in, still
// escaped. It is good for as long as that is.
package chat

import (
	"bytes"

	"llmroute/translator/raw"
)

// Request is what a client asks for. Its slices point into the client's body.
// A zero field was not there, or said no more than its absence.
type Request struct {
	Turns []Turn

	Tools      []Tool
	Choice     Choice
	NoParallel bool // at most one call per answer
	Legacy     bool // tools came as functions: the answer must call them so too

	Format Format

	Effort    string // "none" up to "max"; "" for the model's default
	MaxTokens raw.Value
	Stop      []raw.Text

	Temperature, TopP                 raw.Value // numbers
	FrequencyPenalty, PresencePenalty raw.Value
	Seed, N                           raw.Value
	LogitBias                         raw.Value // an object
	Logprobs                          bool
	TopLogprobs                       raw.Value

	Stream bool
	Counts bool // the client wants the stream to report its usage

	User        string   // safety_identifier, else user
	Tier        string   // service_tier
	CacheKey    raw.Text // prompt_cache_key
	CacheTTL    string   // of marks that name none
	Metadata    raw.Value
	WebSearch   raw.Value // web_search_options
	Prediction  raw.Value
	ReasonAsked bool     // the client asked for reasoning in words of the backend's vendor
	Extra       []Member // top-level fields that OpenAI does not know, in their order

	// Uses lists the fields that say something, for Rules to judge. A field may
	// stand there more than once, with another place each.
	Uses []Use
}

// Member is a field of the request and its value.
type Member struct {
	Name  string
	Value raw.Value
}

// Extension returns the value of an unknown top-level field, or no value.
func (r *Request) Extension(name string) raw.Value {
	for _, m := range r.Extra {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// Role says whose turn it is.
type Role uint8

// The roles. Results of tools stand in the user's turns.
const (
	System Role = iota
	User
	Assistant
)

// Turn is what one side says at a time. After [Trip.Settle] neighbours have
// different roles, unless both are System.
type Turn struct {
	Role   Role
	Blocks []Block
	At     int // the index of the client's message it began with
	// Replay is the exact list of blocks in which the dialect For gave this turn
	// as an answer. It wins over Blocks while calls and text are still the same.
	Replay raw.Value
	For    string
}

// What says what a block is.
type What uint8

// The kinds of blocks. A request knows all of them but Opaque and Declined.
const (
	Text     What = iota
	Declined      // the model's words for why it will not
	Thinking      // reasoning in words; Sig proves it to the dialect For
	Redacted      // reasoning that only the dialect For can read: Sig
	Call          // a call of a function
	Custom        // a call of a tool that takes text
	Result        // what a tool answered
	Image
	Audio
	File
	Opaque // a part of an answer that only its vendor understands
)

// Block is one part of a turn, in the order in which it stood.
type Block struct {
	What
	Text raw.Text // Text, Thinking; Custom: the input
	ID   string   // Call, Custom, Result: the call's
	Name string   // Call, Custom: the tool's
	Args raw.Text // Call: the arguments, JSON within a string
	Sig  raw.Text // Thinking, Redacted; of some vendors Text and Call too, and then the Text may be empty
	For  string   // the dialect that understands Sig; "" for none

	Media  *Media  // Image, Audio, File
	Blocks []Block // Result: what it is made of
	Failed bool    // Result: the tool could not do it

	// Cache marks the end of what the provider should keep: "" for no mark, else
	// how long ("5m", "30m", …), or "default".
	Cache string

	Message, Part int // where it stood; Part is -1 for a content that is a string
}

// Media is a picture, sound or document.
type Media struct {
	URL    raw.Text // an address; empty for one that came along
	Type   string   // the media type, lower case, without parameters; "" unknown
	Base64 raw.Text
	Name   string // of the file
	FileID string // of a file the vendor keeps
	Format string // of a sound: "wav", "mp3"
	Detail string // how closely to look: "" for the model's default
	Param  string // the place in the request
}

// pictures are the first characters, in base64, of the pictures that models know.
var pictures = []struct{ begin, kind string }{
	{"iVBORw0KGgo", "image/png"}, {"/9j/", "image/jpeg"}, {"R0lGOD", "image/gif"}, {"UklGR", "image/webp"},
}

// Picture returns the media type that the first bytes of a picture tell, and Type
// where they do not. Clients get it wrong, and providers compare the two.
func (m *Media) Picture() string {
	for _, p := range pictures {
		if bytes.HasPrefix(m.Base64, []byte(p.begin)) {
			return p.kind
		}
	}
	return m.Type
}

// AppendURL appends the address of m, the inside of a JSON string: of what came
// along, a data URL. Its type must be known then.
func (m *Media) AppendURL(dst []byte) []byte {
	if len(m.URL) > 0 {
		return append(dst, m.URL...)
	}
	dst = append(raw.AppendEscaped(append(dst, "data:"...), []byte(m.Type)), ";base64,"...)
	return append(dst, m.Base64...)
}

// Tool is a tool that the model may call.
type Tool struct {
	Name        string
	Description raw.Text
	Schema      raw.Value // of the arguments; none for a tool without
	Strict      bool
	Custom      bool      // it takes text, not arguments
	Vendor      raw.Value // an entry in the words of some vendor; all else is empty
	Cache       string    // as Block.Cache
	Param       string    // the place in the request
}

// Choice says which tools the model may, or must, call.
type Choice struct {
	Mode  Mode
	Name  string   // the tool it must call; Mode is Force then
	Among []string // the only tools it may call; nil for all
}

// Mode is how free the model is to call tools.
type Mode uint8

// The modes. Auto is the default.
const (
	Auto  Mode = iota
	Never      // no call
	Force      // some call
)

// Format is the form an answer must have.
type Format struct {
	JSON        bool      // a JSON object
	Schema      raw.Value // and one of this schema
	Name        string
	Description raw.Text
	Strict      bool
}
