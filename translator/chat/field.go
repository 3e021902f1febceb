package chat

import (
	"slices"
	"strings"
)

// Field is something that a request may say: a row of MATRIX.md.
type Field uint8

// The fields, in the order of the matrix. Those whose comment names a value mean
// that value alone.
const (
	Model Field = iota + 1
	LeadingSystem
	LateSystem
	ImageURL
	RemoteImage // by its address
	ImageDetail
	InputAudio
	FilePart
	MessageName
	History // reasoning in earlier answers
	FunctionCalls
	CustomCalls
	BrokenArguments // a call in the history whose arguments are no JSON object
	Prefill         // the last message is the assistant's
	FunctionTools
	StrictTools
	CustomTools
	GrammarTools
	ChoiceFree   // auto, none
	ChoiceForced // required, named
	ChoiceAmong  // allowed_tools
	ParallelCalls
	FormatObject
	FormatSchema
	ReasoningEffort
	Verbosity
	MaxTokens
	StopWords
	Choices // n > 1
	Seed
	Temperature
	TopP
	Penalties
	LogitBias
	Logprobs
	TopLogprobs
	Streaming
	StreamOptions
	EndUser
	CacheKey
	CacheRetention
	CacheMarks
	ServiceTier
	Stored
	Metadata
	SpokenAnswer // audio in modalities, audio
	Prediction
	Moderation
	WebSearch
	LegacyFunctions
	Unknown
	fieldCount
)

var fieldNames = [fieldCount]struct{ row, name string }{
	Model:           {"`model`", "model"},
	LeadingSystem:   {"leading system/developer", "messages"},
	LateSystem:      {"later system/developer", "messages"},
	ImageURL:        {"`image_url`", "image_url"},
	RemoteImage:     {"`image_url` by http(s) address", "image_url"},
	ImageDetail:     {"`image_url.detail`", "image_url.detail"},
	InputAudio:      {"`input_audio`", "input_audio"},
	FilePart:        {"`file`", "file"},
	MessageName:     {"`name` on messages", "messages.name"},
	History:         {"assistant reasoning in history", "reasoning"},
	FunctionCalls:   {"`tool_calls` function", "tool_calls"},
	CustomCalls:     {"`tool_calls` custom text", "tool_calls"},
	BrokenArguments: {"`arguments` not a JSON object", "tool_calls.arguments"},
	Prefill:         {"last message is assistant", "messages"},
	FunctionTools:   {"`tools` function", "tools"},
	StrictTools:     {"`tools` function `strict`", "tools.strict"},
	CustomTools:     {"`tools` custom text", "tools"},
	GrammarTools:    {"`tools` custom grammar", "tools.grammar"},
	ChoiceFree:      {"`tool_choice` auto, none", "tool_choice"},
	ChoiceForced:    {"`tool_choice` required, named", "tool_choice"},
	ChoiceAmong:     {"`tool_choice` allowed_tools", "tool_choice"},
	ParallelCalls:   {"`parallel_tool_calls:false`", "parallel_tool_calls"},
	FormatObject:    {"`response_format` json_object", "response_format"},
	FormatSchema:    {"`response_format` json_schema", "response_format"},
	ReasoningEffort: {"`reasoning_effort`", "reasoning_effort"},
	Verbosity:       {"`verbosity`", "verbosity"},
	MaxTokens:       {"`max_completion_tokens`, `max_tokens`", "max_tokens"},
	StopWords:       {"`stop`", "stop"},
	Choices:         {"`n` > 1", "n"},
	Seed:            {"`seed`", "seed"},
	Temperature:     {"`temperature`", "temperature"},
	TopP:            {"`top_p`", "top_p"},
	Penalties:       {"penalties", "penalties"},
	LogitBias:       {"`logit_bias`", "logit_bias"},
	Logprobs:        {"`logprobs`", "logprobs"},
	TopLogprobs:     {"`top_logprobs`", "top_logprobs"},
	Streaming:       {"`stream`", "stream"},
	StreamOptions:   {"`stream_options`", "stream_options"},
	EndUser:         {"`user`, `safety_identifier`", "user"},
	CacheKey:        {"`prompt_cache_key`", "prompt_cache_key"},
	CacheRetention:  {"`prompt_cache_retention`", "prompt_cache_retention"},
	CacheMarks:      {"`prompt_cache_options`, part `prompt_cache_breakpoint`", "prompt_cache_breakpoint"},
	ServiceTier:     {"`service_tier`", "service_tier"},
	Stored:          {"`store:true`", "store"},
	Metadata:        {"`metadata`", "metadata"},
	SpokenAnswer:    {"audio in `modalities`, `audio`", "audio"},
	Prediction:      {"`prediction`", "prediction"},
	Moderation:      {"`moderation`", "moderation"},
	WebSearch:       {"`web_search_options`", "web_search_options"},
	LegacyFunctions: {"`functions`, `function_call`", "functions"},
	Unknown:         {"unknown top-level field", "unknown"},
}

// WarnEnd adds a line about how the answer ended: in a way that OpenAI has no
// word for, or that nobody knows.
func (t *Trip) WarnEnd(how string) { t.Warn("finish_reason", how) }

// UnknownEnd is how an answer ends for a reason that the vendor has come up with
// since.
const UnknownEnd = "unknown"

// WarnPart adds a line about a part of the answer that OpenAI has no word for, by
// the vendor's name for its kind.
func (t *Trip) WarnPart(kind string) {
	if kind != fit(kind, maxName) {
		kind = "unknown"
	}
	t.Warn("content", kind)
}

// HistoryMember is what warnings call reasoning that a client should bring back
// and cannot be given.
const HistoryMember = "reasoning_details"

// Fields returns all fields in the order of the matrix.
func Fields() []Field {
	all := make([]Field, 0, fieldCount-1)
	for f := Field(1); f < fieldCount; f++ {
		all = append(all, f)
	}
	return all
}

// String returns the field's row in the matrix.
func (f Field) String() string { return fieldNames[f].row }

// Name returns what warnings call the field, unless they name what stood there:
// one of the penalties, or the field that nobody knows.
func (f Field) Name() string { return fieldNames[f].name }

// Use is a field that a request says something with, and where.
type Use struct {
	Field
	Param string // the path that a refusal names; it also names the warning of an unknown field
}

// Verdict says what becomes of a field.
type Verdict uint8

// The verdicts. Pass and Translate are for the dialect to carry out; the others
// are carried out before it sees the request.
const (
	Pass      Verdict = iota + 1
	Translate         // said in other words
	Warn              // a hint: dropped, with a warning
	Shift             // dropped, with a warning, although the answer may be another one
	Refuse            // an answer without it would not be what was asked for
)

// String returns the verdict's letter in the matrix.
func (v Verdict) String() string { return [...]string{"", "P", "T", "W", "W!", "R"}[v] }

// under returns the verdict as the backend's option moves it.
func (v Verdict) under(u Unsupported) Verdict {
	switch {
	case v == Shift && u == RejectUnsupported:
		return Refuse
	case v == Refuse && u == DropUnsupported:
		return Shift
	}
	return v
}

// Unsupported says what becomes of a parameter that the backend has no equal of.
// The zero value refuses what changes the answer's meaning beyond repair, and
// drops the rest with a warning.
type Unsupported string

// The other two choices.
const (
	RejectUnsupported Unsupported = "reject" // refuse also what would only be dropped at a loss
	DropUnsupported   Unsupported = "drop"   // drop, with a warning, also what would be refused
)

// Case is a verdict that holds where If does; nil holds always.
type Case struct {
	Verdict Verdict
	When    string // If, in the words of the matrix
	If      func(*Trip) bool
}

// Rules are the verdicts of one dialect at one home. The first Case that holds
// counts; the last of each field has no If.
type Rules map[Field][]Case

// Always returns the cases of a verdict that depends on nothing.
func Always(v Verdict) []Case { return []Case{{Verdict: v}} }

// Of returns the verdict on a field of this request. A field without a verdict
// is refused, so that nothing is lost in silence.
func (r Rules) Of(f Field, t *Trip) Verdict {
	for _, c := range r[f] {
		if c.If == nil || c.If(t) {
			return c.Verdict
		}
	}
	return Refuse
}

// Cell returns what the matrix says of a field.
func (r Rules) Cell(f Field) string {
	cells := make([]string, 0, 2)
	for _, c := range r[f] {
		text := c.Verdict.String()
		if c.When != "" {
			text += " " + c.When
		} else if len(cells) > 0 {
			text = "else " + text
		}
		cells = append(cells, text)
	}
	return strings.Join(cells, "; ")
}

// advice is what to do instead, where the field alone does not tell.
var advice = map[Field]string{
	LateSystem:   "Move the message before the first user message.",
	RemoteImage:  "Send the picture itself, as a data URL.",
	GrammarTools: "Use a function tool, or a custom tool with plain text.",
	ChoiceForced: "Use 'auto'.",
	Choices:      "Send as many requests as you want answers.",
	Prefill:      "End the messages with a user message.",
}

// Judge carries out what rules say of the fields that the request uses: what is
// refused ends it with a [*Refusal], what is dropped leaves the request and a
// warning. A field that OpenAI does not know is for the dialects whose vendor
// does.
func (t *Trip) Judge(rules Rules, h Habits) error {
	t.Request.Extra = without(t.Request.Extra, func(m *Member) bool {
		strange := !slices.Contains(h.Extensions, m.Name)
		if strange {
			t.Request.Use(Unknown, m.Name)
		}
		return strange
	})
	if !h.VendorTools {
		if err := t.loseVendorTools(); err != nil {
			return err
		}
	}
	// A field that stands there often is decided on, and taken out, once.
	var verdicts [fieldCount]Verdict
	for _, u := range t.Request.Uses {
		v := verdicts[u.Field]
		again := v != 0
		if !again {
			v = rules.Of(u.Field, t)
			verdicts[u.Field] = v
		}
		switch {
		case v == Shift && u.Field == FormatSchema:
			// It is not given up: holdForm asks for it in words, and says so.
		case v == Warn, v == Shift, v == Refuse:
			if err := t.Lose(v, u.Field, u.Param, "unsupported"); err != nil {
				return err
			}
			if !again {
				t.Request.drop(u.Field)
			}
		}
	}
	return nil
}

// Lose takes note of something that does not reach the backend as it was meant,
// or refuses the request because of it. Where it returns nil, the caller must
// do without.
func (t *Trip) Lose(v Verdict, f Field, param, reason string) error {
	switch v.under(t.Options.Unsupported) {
	case Refuse:
		if param == "" {
			param = fieldNames[f].name
		}
		how := advice[f]
		if how == "" {
			how = "Leave it out."
		}
		return Unable(UnsupportedParameter, param,
			"Unsupported parameter: '"+param+"' is not supported by the model '"+t.Options.Model+"' at this provider. "+how)
	case Warn, Shift:
		name := fieldNames[f].name
		if f == Unknown || f == Penalties {
			name = param
		}
		t.Warn(name, reason)
	}
	return nil
}

// LoseValue is Lose of one value of a field whose others reach the backend, in
// words that say what it takes: a refusal unless the option drops such values.
func (t *Trip) LoseValue(param, reason, message string) error {
	if t.Options.Unsupported == DropUnsupported {
		t.Warn(param, reason)
		return nil
	}
	return Unable(UnsupportedValue, param, message)
}

// mostWarnings are more lines than x-llmroute-warnings has room for.
const mostWarnings = 128

// Warn adds a line for x-llmroute-warnings, once. A field may be called as the
// client likes; in the line it is called as a header can tell.
func (t *Trip) Warn(field, reason string) {
	line := printable(field) + ";" + reason
	if len(t.Warnings) < mostWarnings && !slices.Contains(t.Warnings, line) {
		t.Warnings = append(t.Warnings, line)
	}
}

func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || r == ',' || r == ';' {
			return '_'
		}
		return r
	}, name[:min(len(name), maxName)])
}
