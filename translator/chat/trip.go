package chat

import "llmroute/translator/raw"

// Trip is one request on its way to a backend, and what the reply needs of it.
// Once the request is written it is read-only, but for Warnings.
type Trip struct {
	Request Request
	Options Options
	Header  Headers // the client's

	Warnings []string // "field;reason", once each

	// Lasting says that the reply is read in one piece: what its events refer to is
	// there until all of them are written. A stream's events last one call each.
	Lasting bool

	JSONTool string // the tool that stands for a form of the answer; "" for none
	renames  renames
	custom   []string // the tools that take text, as the backend knows them
}

// Headers is a read-only view of a message's headers.
type Headers interface {
	// Get returns the first value of a lower-case name, or "".
	Get(name string) string
}

// Options is what a dialect may know of the backend.
type Options struct {
	Model    string // the model, as the backend calls it
	Asked    string // the model, as the client calls it: answers name it
	Version  string // the vendor's API version; "" for the dialect's default
	Prefix   string // the path before the dialect's own, without a trailing slash
	Project  string // at Google
	Location string // at Google
	Family   string // the kind of model, where its name does not tell

	Unsupported      Unsupported
	LateSystem       Late
	ReasoningText    ReasoningText
	DefaultMaxTokens int64 // for clients that name no limit; 0 for the dialect's default
}

// Late says what becomes of system messages behind the first turn.
type Late string

// The ways. "" is what the dialect does best.
const (
	LateNative Late = "native" // they stay in their places
	LateUser   Late = "user"   // they become the user's words, in their places
	LateHoist  Late = "hoist"  // they move to the front
	LateReject Late = "reject" // they are refused
)

// ReasoningText says whether a provider that tells its reasoning only when asked
// is asked. The zero value asks when the client sent a reasoning_effort.
type ReasoningText string

// The other two choices.
const (
	ReasoningAlways ReasoningText = "always"
	ReasoningNever  ReasoningText = "never"
)

// WantsReasoning reports whether the text of the reasoning is to be asked for.
func (t *Trip) WantsReasoning() bool {
	switch t.Options.ReasoningText {
	case ReasoningAlways:
		return true
	case ReasoningNever:
		return false
	}
	return t.Request.Effort != "" && t.Request.Effort != "none"
}

// Reset makes t ready for another request. It keeps its memory.
func (t *Trip) Reset() {
	*t = Trip{
		Request:  Request{Turns: clearCap(t.Request.Turns), Tools: clearCap(t.Request.Tools), Uses: clearCap(t.Request.Uses)},
		Warnings: clearCap(t.Warnings),
	}
}

// Forget lets go of the request but for what its answer needs, so that a long
// answer does not hold the request's memory.
func (t *Trip) Forget() {
	r := &t.Request
	t.Request = Request{Turns: clearCap(r.Turns), Tools: clearCap(r.Tools), Uses: clearCap(r.Uses),
		Stream: r.Stream, Counts: r.Counts, Legacy: r.Legacy}
	t.Header = nil
}

// clearCap empties s and lets go of what its elements held.
func clearCap[T any](s []T) []T {
	clear(s[:cap(s)])
	return s[:0]
}

// Use notes that the request says something with a field.
func (r *Request) Use(f Field, param string) { r.Uses = append(r.Uses, Use{f, param}) }

// drop takes a field out of the request. What a field without a case here says
// reaches no dialect anyway.
func (r *Request) drop(f Field) {
	switch f {
	case ImageURL:
		r.dropMedia(func(b *Block) bool { return b.What == Image })
	case RemoteImage:
		r.dropMedia(func(b *Block) bool { return b.What == Image && len(b.Media.URL) > 0 })
	case InputAudio:
		r.dropMedia(func(b *Block) bool { return b.What == Audio })
	case FilePart:
		r.dropMedia(func(b *Block) bool { return b.What == File })
	case ImageDetail:
		r.eachMedia(func(m *Media) { m.Detail = "" })
	case CacheKey:
		r.CacheKey = nil
	case CacheMarks:
		r.dropMarks()
	case StrictTools:
		for i := range r.Tools {
			r.Tools[i].Strict = false
		}
	case CustomTools, GrammarTools:
		// The tool itself goes: what it would be given is no text as wanted.
		r.Tools = without(r.Tools, func(t *Tool) bool { return t.Custom })
	case ChoiceForced:
		r.Choice = Choice{Among: r.Choice.Among}
	case ChoiceAmong:
		r.Choice.Among = nil
	case ParallelCalls:
		r.NoParallel = false
	case FormatObject, FormatSchema:
		r.Format = Format{}
	case ReasoningEffort:
		r.Effort = ""
	case WebSearch:
		r.WebSearch = nil
	case Metadata:
		r.Metadata = nil
	case Prediction:
		r.Prediction = nil
	case EndUser:
		r.User = ""
	case ServiceTier:
		r.Tier = ""
	default:
		r.dropSampling(f)
	}
}

func (r *Request) dropSampling(f Field) {
	switch f {
	case StopWords:
		r.Stop = nil
	case Choices:
		r.N = nil
	case Seed:
		r.Seed = nil
	case Temperature:
		r.Temperature = nil
	case TopP:
		r.TopP = nil
	case Penalties:
		r.FrequencyPenalty, r.PresencePenalty = nil, nil
	case LogitBias:
		r.LogitBias = nil
	case Logprobs:
		r.Logprobs, r.TopLogprobs = false, nil
	case TopLogprobs:
		r.TopLogprobs = nil
	}
}

func without[T any](s []T, gone func(*T) bool) []T {
	kept := s[:0]
	for i := range s {
		if !gone(&s[i]) {
			kept = append(kept, s[i])
		}
	}
	return kept
}

func (r *Request) dropMedia(gone func(*Block) bool) {
	for i := range r.Turns {
		blocks := without(r.Turns[i].Blocks, gone)
		for j := range blocks {
			blocks[j].Blocks = without(blocks[j].Blocks, gone)
		}
		r.Turns[i].Blocks = blocks
	}
}

func (r *Request) eachMedia(do func(*Media)) {
	for i := range r.Turns {
		for _, b := range r.Turns[i].Blocks {
			if b.Media != nil {
				do(b.Media)
			}
		}
	}
}

func (r *Request) dropMarks() {
	r.CacheTTL = ""
	for i := range r.Turns {
		for j := range r.Turns[i].Blocks {
			r.Turns[i].Blocks[j].Cache = ""
		}
	}
	for i := range r.Tools {
		r.Tools[i].Cache = ""
	}
}

// renames maps the tools' names: by what the client calls them, and back.
type renames struct{ there, back map[string]string }

// Name returns what the backend calls the client's tool.
func (t *Trip) Name(client string) string {
	if name, ok := t.renames.there[client]; ok {
		return name
	}
	return client
}

// Object returns a call's arguments as the JSON object that they must be for a
// dialect that takes no text. What the model once wrote wrongly the client
// cannot mend, so it is wrapped; a warning says so.
func (t *Trip) Object(b *Block) raw.Value {
	if b.What == Custom {
		return append(raw.AppendText([]byte(`{"`+customInput+`":`), b.Text), '}')
	}
	if b.Args.Blank() {
		return raw.Value("{}")
	}
	args := raw.Trim(b.Args.Append(nil))
	if !wellFormedObject(args) {
		t.Warn(fieldNames[BrokenArguments].name, "invalid_json")
		return append(raw.AppendText([]byte(`{"rawInvalidInput":`), b.Args), '}')
	}
	return args
}
