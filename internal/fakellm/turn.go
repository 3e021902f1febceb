package fakellm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// partKind is what a part of a message is, in Anthropic's API and in Converse.
type partKind uint8

const (
	otherPart partKind = iota
	saidPart
	thoughtPart
	hiddenPart // a thought that nobody may read
	callPart
	resultPart
)

// messagePart is one block of a message.
type messagePart struct {
	kind      partKind
	id        string // of a call, or of the call that a result is of
	text      string // of a text, a thought or a result
	signature string // of a thought; the data of a hidden one
	at        string // its path in the request
}

// turn is a message, or several of one role that follow each other.
type turn struct {
	role  string
	first int // the first message of it
	at    string
	parts []messagePart
}

// thought reports whether a part is one, shown or hidden.
func (p *messagePart) thought() bool { return p.kind == thoughtPart || p.kind == hiddenPart }

// wrong refuses a request for what its parts are together.
func wrong(format string, args ...any) *refusal {
	return invalid("", "", fmt.Sprintf(format, args...))
}

// checkCalls refuses calls that the next turn does not answer, answers that
// nobody asked for, and ids that come twice.
func checkCalls(turns []turn) *refusal {
	seen := make(map[string]bool)
	var open []string // calls of the turn before
	for _, t := range turns {
		answered := 0 // leading results
		for i, p := range t.parts {
			switch p.kind {
			case resultPart:
				if !slices.Contains(open, p.id) {
					return wrong("%s: unexpected `tool_use_id` found in `tool_result` blocks: %s. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", p.at, p.id)
				}
				if i == answered {
					open = slices.DeleteFunc(slices.Clone(open), func(id string) bool { return id == p.id })
					answered++
				}
			case callPart:
				if seen[p.id] {
					return wrong("%s: `tool_use` ids must be unique", p.at)
				}
				seen[p.id] = true
			}
		}
		if len(open) > 0 {
			return withoutResult(t.at, open)
		}
		open = t.calls()
	}
	if len(open) > 0 {
		return withoutResult(turns[len(turns)-1].at, open)
	}
	return nil
}

func withoutResult(at string, ids []string) *refusal {
	return wrong("%s: `tool_use` ids were found without `tool_result` blocks immediately after: %s. Each `tool_use` block must have a corresponding `tool_result` block in the next message.", at, strings.Join(ids, ", "))
}

func (t *turn) calls() (ids []string) {
	for _, p := range t.parts {
		if p.kind == callPart {
			ids = append(ids, p.id)
		}
	}
	return ids
}

// lastAssistant returns the index of the newest turn of the assistant's, or -1.
func lastAssistant(turns []turn) int {
	for i, t := range slices.Backward(turns) {
		if t.role == "assistant" {
			return i
		}
	}
	return -1
}

// checkThoughts refuses thoughts that the provider did not think, and those of the
// newest answer when they do not stand where it put them. bound is nil unless
// thoughts belong to their conversation; it returns that of what comes before a
// message.
func checkThoughts(turns []turn, bound func(message int) [8]byte) *refusal {
	latest := lastAssistant(turns)
	for i, t := range turns {
		place := byte(0)
		for _, p := range t.parts {
			if !p.thought() {
				place++
				continue
			}
			s, ok := opened(p.kind, p.text, p.signature)
			switch {
			case !ok && p.kind == hiddenPart:
				return wrong("%s: Invalid data in `redacted_thinking` block", p.at)
			case !ok:
				return wrong("%s: Invalid `signature` in `thinking` block", p.at)
			case i == latest && s.place != place:
				return wrong("%s: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks must remain as they were in the original response.", p.at)
			case bound != nil && s.prefix != bound(t.first):
				return wrong("%s: Invalid signature in thinking block. The block is bound to a different conversation.", p.at)
			}
		}
	}
	return nil
}

// thoughtful reports whether the newest turn of a tool loop begins with a thought,
// as it must where thinking was switched on by hand.
func thoughtful(turns []turn) *refusal {
	i := lastAssistant(turns)
	if i < 0 || i+1 >= len(turns) || len(turns[i].calls()) == 0 || turns[i].parts[0].thought() {
		return nil
	}
	return wrong("%s: Expected `thinking` or `redacted_thinking`, but found `%s`. When `thinking` is enabled, a final `assistant` message must start with a thinking block.",
		turns[i].parts[0].at, map[bool]string{true: "tool_use", false: "text"}[turns[i].parts[0].kind == callPart])
}

// asked returns what the last turn wants to know: its texts, and whether they are
// nothing but the results of calls.
func asked(parts []messagePart) (question string, onlyResults bool) {
	var said, returned []string
	for _, p := range parts {
		switch p.kind {
		case saidPart:
			said = append(said, p.text)
		case resultPart:
			returned = append(returned, p.text)
		}
	}
	if len(said) == 0 && len(returned) > 0 {
		return strings.Join(returned, " "), true
	}
	return strings.Join(said, " "), false
}

// schemaWords are those that a schema may have where it is kept to by force.
var schemaWords = []string{
	"type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "allOf", "$ref", "$defs", "definitions",
	"description", "title", "default", "format", "pattern", "minItems", "$schema", "$id", "examples",
}

// checkSchema refuses a schema that cannot be kept to by force. names are set
// where the members are names of properties, not words of the schema.
func checkSchema(at string, schema gjson.Result, names bool, depth int) (err *refusal) {
	if depth > maxDepth {
		return wrong("%s: Schema is too complex for compilation.", at)
	}
	object := !names && (schema.Get("type").Str == "object" || schema.Get("properties").Exists())
	if object && schema.Get("additionalProperties").Type != gjson.False {
		return wrong("%s: For 'object' type, 'additionalProperties' must be explicitly set to false", at)
	}
	schema.ForEach(func(name, v gjson.Result) bool {
		switch {
		case schema.IsObject() && !names && !slices.Contains(schemaWords, name.Str):
			err = wrong("%s: For '%s' type, property '%s' is not supported", at, schema.Get("type").String(), name.Str)
		case name.Str == "default" || name.Str == "const" || name.Str == "enum" || name.Str == "examples":
		case v.IsObject() || v.IsArray():
			inner := !names && (name.Str == "properties" || name.Str == "$defs" || name.Str == "definitions")
			err = checkSchema(at, v, inner, depth+1)
		}
		return err == nil
	})
	return err
}
