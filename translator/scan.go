package translator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"llmroute/translator/raw"
)

// maxModel bounds a model name in bytes: it becomes a header.
const maxModel = 256

// Fields is what one scan over a request body finds: all that routing needs,
// and where it stands, so that a later splice need not look again. Its strings
// are copies; its offsets are good for the body that was scanned.
type Fields struct {
	Operation    Operation
	Model        string // unescaped; "" when the body names none
	Stream       bool   // "stream": true
	IncludeUsage bool   // the client asked for "stream_options": {"include_usage": true}
	Boundary     string // of a multipart body, else ""

	model  span // the model's value as it stands, quotes included; empty when absent
	insert int  // where a member, or a part of a form, may be put in front of all others
	lone   bool // a member put in at insert is the only one: no comma follows
	usage  ask  // how to ask for a stream's usage
}

// span is a range of the scanned body. The zero span is empty: nothing stands
// at offset 0 of a request but its opening brace or boundary.
type span = raw.Span

// ask is the one edit that makes a stream report its usage: text goes in place
// of what at covers. Without text there is nothing to ask, or no way to.
type ask struct {
	at   span
	text string
}

// Scan reads body once, as the path's operation says, and fills f. The content
// type matters only where clients send forms.
//
// It refuses, with a *Refusal, what backends would read differently than we do:
// anything that is not exactly one JSON object in UTF-8, and a top-level key
// that stands there twice, however it is spelled. A body without a model is no
// error here. f holds nothing useful after an error.
func Scan(op Operation, contentType string, body []byte, f *Fields) error {
	*f = Fields{Operation: op}
	if isForm(contentType) {
		if !op.Multipart() {
			return Invalid("", "", "This endpoint reads a JSON body, not multipart/form-data.")
		}
		return scanForm(contentType, body, f)
	}
	o := object{scanner: scanner{b: body}, fields: f}
	if err := o.read(); err != nil {
		return err
	}
	if op == ChatCompletions && o.input && !o.messages {
		return Invalid("missing_required_parameter", "messages",
			"Missing required parameter: 'messages'. A body with 'input' belongs to POST /v1/responses.")
	}
	return nil
}

// object reads the top level of a request.
type object struct {
	scanner
	fields   *Fields
	keys     keySet
	stream   span // the value of "stream"
	options  span // the value of "stream_options"
	messages bool
	input    bool
}

func (o *object) read() error {
	i := o.space(0)
	if i == len(o.b) {
		return malformed("the body is empty", i)
	}
	if o.b[i] != '{' {
		return Invalid("", "", fmt.Sprintf("The request body must be a JSON object; %s stands at byte %d.", quoteByte(o.b[i]), i))
	}
	o.fields.insert = i + 1
	end, err := o.members(i + 1)
	if err != nil {
		return err
	}
	if end = o.space(end); end < len(o.b) {
		return malformed("text after the end of the object", end)
	}
	if o.high && !utf8.Valid(o.b) {
		return malformed("invalid UTF-8", invalidUTF8(o.b))
	}
	if o.fields.Stream {
		o.askUsage()
	}
	return nil
}

// members reads the object's members from i, behind its brace, and returns
// where it ends.
func (o *object) members(i int) (int, error) {
	if i = o.space(i); i < len(o.b) && o.b[i] == '}' {
		o.fields.lone = true
		return i + 1, nil
	}
	for {
		colon := o.key(i)
		if colon < 0 {
			return 0, o.refusal()
		}
		key := o.b[i:o.keyEnd]
		start := o.space(colon + 1)
		end := o.value(start)
		if end < 0 {
			return 0, o.refusal()
		}
		if err := o.member(key, span{Start: start, End: end}); err != nil {
			return 0, err
		}
		i = o.space(end)
		switch {
		case i < len(o.b) && o.b[i] == ',':
			i = o.space(i + 1)
		case i < len(o.b) && o.b[i] == '}':
			return i + 1, nil
		default:
			o.fail(i, "',' or '}'")
			return 0, o.refusal()
		}
	}
}

// member takes note of one top-level member; value is its key with its quotes.
func (o *object) member(value []byte, v span) error {
	name, escaped := unquoteKey(value)
	if !o.keys.add(name, escaped) {
		return duplicate(string(name))
	}
	switch string(name) {
	case "model":
		return o.model(v)
	case "stream":
		o.stream = v
		switch string(o.b[v.Start:v.End]) {
		case "true":
			o.fields.Stream = true
		case "false", "null":
		default:
			return Invalid("invalid_type", "stream", "Invalid type for 'stream': expected a boolean.")
		}
	case "stream_options":
		o.options = v
	case "messages":
		o.messages = true
	case "input":
		o.input = true
	default:
		if meant := lookalike(name); meant != "" {
			return Invalid("unknown_parameter", string(name), fmt.Sprintf("Unknown parameter: '%s'. Did you mean '%s'?", name, meant))
		}
	}
	return nil
}

func (o *object) model(v span) error {
	o.fields.model = v
	value := o.b[v.Start:v.End]
	switch {
	case string(value) == "null":
		return nil // as good as absent
	case value[0] != '"':
		return Invalid("invalid_type", "model", "Invalid type for 'model': expected a string.")
	}
	name, err := modelName(value)
	o.fields.Model = name
	return err
}

// modelName returns the name that the JSON string value spells.
func modelName(value []byte) (string, error) {
	// Six bytes are the longest spelling of one.
	if len(value) > 6*maxModel+2 {
		return "", longModel()
	}
	name, _ := unquoteKey(value)
	return checkModel(name)
}

// checkModel returns name as a string if it may become a header.
func checkModel(name []byte) (string, error) {
	if len(name) > maxModel {
		return "", longModel()
	}
	for _, c := range name {
		if c < ' ' || c == 0x7f {
			return "", Invalid("invalid_value", "model", "Invalid value for 'model': it contains control characters.")
		}
	}
	if !utf8.Valid(name) {
		return "", Invalid("invalid_value", "model", "Invalid value for 'model': it is not valid UTF-8.")
	}
	return string(name), nil
}

func longModel() error {
	return Invalid("string_above_max_length", "model",
		fmt.Sprintf("Invalid 'model': string too long. Expected a string with maximum length %d.", maxModel))
}

// askUsage works out how a stream is made to report its usage, unless the
// client asked already or wrote something that only the backend can judge.
func (o *object) askUsage() {
	f := o.fields
	if f.Operation != ChatCompletions && f.Operation != Completions {
		return // the other streams report it by themselves
	}
	value := o.b[o.options.Start:o.options.End]
	switch {
	case len(value) == 0:
		// "stream" is there, so a member may always follow it.
		f.usage = ask{span{Start: o.stream.End, End: o.stream.End}, `,"stream_options":{"include_usage":true}`}
	case string(value) == "null":
		f.usage = ask{o.options, `{"include_usage":true}`}
	case value[0] == '{':
		o.askIn(value)
	}
}

func (o *object) askIn(options []byte) {
	f, base := o.fields, o.options.Start
	found := span{}
	members, empty := raw.MembersAt(options, 0), true
	for members.Next() {
		empty = false
		// The last of several counts: it is the one most backends take.
		if string(members.Name()) == "include_usage" {
			found = members.Place()
		}
	}
	switch text := string(options[found.Start:found.End]); {
	case text == "true":
		f.IncludeUsage = true
	case text == "false", text == "null":
		f.usage = ask{span{Start: base + found.Start, End: base + found.End}, "true"}
	case text != "":
		return // not a boolean: for the backend to refuse
	case empty:
		f.usage = ask{span{Start: base + 1, End: base + 1}, `"include_usage":true`}
	default:
		f.usage = ask{span{Start: base + 1, End: base + 1}, `"include_usage":true,`}
	}
}

// keySet remembers the keys of one object. The first few cost no memory: they
// stay where they are.
type keySet struct {
	plain [48][]byte
	n     int
	rest  map[string]struct{} // escaped keys, and what plain has no room for
}

// add reports whether key was new. The set keeps the slice.
func (s *keySet) add(key []byte, escaped bool) bool {
	for _, k := range s.plain[:s.n] {
		if string(k) == string(key) {
			return false
		}
	}
	if s.rest != nil {
		if _, ok := s.rest[string(key)]; ok {
			return false
		}
	}
	if !escaped && s.n < len(s.plain) {
		s.plain[s.n] = key
		s.n++
		return true
	}
	if s.rest == nil {
		s.rest = make(map[string]struct{})
	}
	s.rest[string(key)] = struct{}{}
	return true
}

// unquoteKey returns what the valid JSON string value spells, and whether that
// took any unescaping. Without, the result is a part of value.
func unquoteKey(value []byte) (name []byte, escaped bool) {
	name = value[1 : len(value)-1]
	if bytes.IndexByte(name, '\\') < 0 {
		return name, false
	}
	var s string
	_ = json.Unmarshal(value, &s) // value is a valid string
	return []byte(s), true
}

// decisive are the keys by whose values routes and limits go.
var decisive = []string{
	"model", "stream", "messages", "input", "prompt", "system", "instructions", "tools", "functions",
	"max_tokens", "max_completion_tokens", "max_output_tokens", "n", "best_of",
}

// lookalike returns the decisive key that name differs from in case alone, or "".
// Servers written in Go match keys without regard to case: to them a "Model"
// behind the model is the model.
func lookalike(name []byte) string {
	if !slices.ContainsFunc(name, func(c byte) bool { return c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf }) {
		return ""
	}
	for _, key := range decisive {
		if strings.EqualFold(string(name), key) {
			return key
		}
	}
	return ""
}

func duplicate(name string) error {
	if len(name) > 64 {
		name = name[:64] + "…"
	}
	return Invalid("duplicate_parameter", name, fmt.Sprintf("Duplicate parameter: '%s' stands more than once in the request.", name))
}

// malformed is OpenAI's refusal of broken JSON, which has no code.
func malformed(what string, at int) *Refusal {
	return Invalid("", "", fmt.Sprintf("We could not parse the JSON body of your request: %s at byte %d.", what, at))
}
