package translator

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"llmroute/translator/raw"
)

// verdict is what becomes of something that the backend does not know.
type verdict uint8

const (
	passed  verdict = iota
	silent          // gone: it says no more than leaving it out
	dropped         // a hint: gone, with a warning
	shifted         // gone, with a warning, although the answer may be another one
	refused         // an answer without it would not be what was asked for
)

// under returns the verdict as the backend's option moves it.
func (v verdict) under(u Unsupported) verdict {
	switch {
	case v == shifted && u == RejectUnsupported:
		return refused
	case v == refused && u == DropUnsupported:
		return shifted
	}
	return v
}

// rewrites reports whether a request may have to be looked through again, for
// what the scan that routing needs does not note.
func (b *Backend) rewrites(op Operation) bool {
	switch op {
	case ChatCompletions:
		return b.Schema == AzureOpenAI || b.MaxTokensField != "" || b.ReasoningField != "" || b.StripExtras
	case Completions:
		return b.isDated() && !b.since(azureStreamUsage)
	}
	return false
}

// rewrite gathers the edits that a request needs for a backend that speaks
// OpenAI's dialect with a difference: another name here, an unknown field there.
// The body was scanned before, so it is well formed.
type rewrite struct {
	backend *Backend
	op      Operation
	model   string
	body    []byte
	edits   []edit // in no order
	warned  []string

	mute   bool    // the backend cannot report this stream's usage
	limits [2]span // the keys of maxTokens and maxCompleted
}

const (
	maxTokens    = "max_tokens"
	maxCompleted = "max_completion_tokens"
)

// run reads the top level; stream says whether a stream is asked for.
func (r *rewrite) run(stream bool) error {
	r.mute = r.backend.isDated() && !r.backend.since(azureStreamUsage) ||
		stream && r.backend.Schema == AzureOpenAI && r.has("data_sources")
	c := cuts{edits: &r.edits}
	for m := raw.MembersAt(r.body, 0); m.Next(); {
		name, at := m.Name(), m.Whole()
		if v := r.field(name, m.Value()); v != passed {
			if err := r.lose(v, string(name), string(name)); err != nil {
				return err
			}
			c.drop(at)
			continue
		}
		c.keep(at)
		if err := r.nested(name, m.Key(), m.Place()); err != nil {
			return err
		}
	}
	c.close()
	r.renameLimit()
	return nil
}

// has reports whether the top level has a member of that name.
func (r *rewrite) has(name string) bool {
	if !bytes.Contains(r.body, []byte(name)) {
		return false
	}
	for m := raw.MembersAt(r.body, 0); m.Next(); {
		if string(m.Name()) == name {
			return true
		}
	}
	return false
}

// lose takes note of something that does not reach the backend, or refuses the
// request because of it.
func (r *rewrite) lose(v verdict, field, param string) error {
	switch v = v.under(r.backend.UnsupportedParameters); v {
	case refused:
		return r.unknown(param, "Leave it out.")
	case dropped, shifted:
		if w := field + ";unsupported"; !slices.Contains(r.warned, w) {
			r.warned = append(r.warned, w)
		}
	}
	return nil
}

// unknown refuses what the backend does not know.
func (r *rewrite) unknown(param, instead string) error {
	return &Refusal{Status: 422, Type: "invalid_request_error", Code: "unsupported_parameter", Param: param,
		Message: fmt.Sprintf("Unsupported parameter: '%s' is not known to %s. %s", param, r.backend.where(), instead)}
}

// field judges a top-level member.
func (r *rewrite) field(name, value []byte) verdict {
	b := r.backend
	if b.Schema != AzureOpenAI {
		return passed
	}
	if r.mute && string(name) == "stream_options" {
		return harmlessOr(dropped, value)
	}
	if r.op != ChatCompletions {
		return passed
	}
	if f, ok := azureFields[string(name)]; ok {
		switch {
		case f.known(b, string(name), r.model, value):
			return passed
		case f.plain != "" && f.plain == string(withoutSpace(value)):
			return silent
		}
		return harmlessOr(f.verdict, value)
	}
	if !b.isDated() {
		return passed
	}
	switch string(name) {
	case "response_format":
		if !b.since(azureJSONSchema) && typeOf(value) == "json_schema" {
			return refused
		}
	case "tool_choice":
		if t := typeOf(value); t == "custom" || t == "allowed_tools" {
			return refused
		}
	}
	return passed
}

// harmlessOr returns v unless value says nothing at all.
func harmlessOr(v verdict, value []byte) verdict {
	if raw.Value(value).Empty() {
		return silent
	}
	return v
}

// withoutSpace returns a short value without the space between its tokens, and
// anything else as it is.
func withoutSpace(value []byte) []byte {
	if len(value) > 32 || value[0] != '[' {
		return value
	}
	return bytes.Join(bytes.Fields(value), nil)
}

// typeOf returns the "type" of the object value, escapes and all, or "".
func typeOf(value []byte) string {
	for m := raw.MembersAt(value, 0); m.Next(); {
		if v := m.Value(); string(m.Name()) == "type" && v[0] == '"' {
			return string(v[1 : len(v)-1])
		}
	}
	return ""
}

// nested looks into a top-level member that stays.
func (r *rewrite) nested(name []byte, key, value span) error {
	if r.op != ChatCompletions {
		return nil
	}
	switch string(name) {
	case maxTokens:
		r.limits[0] = key
	case maxCompleted:
		r.limits[1] = key
	case "messages":
		return r.messages(value)
	case "tools":
		if r.backend.isDated() {
			return r.tools(value)
		}
	}
	return nil
}

// renameLimit writes the token limit under the name that the backend knows.
// Where both names stand already the backend must judge.
func (r *rewrite) renameLimit() {
	want := r.backend.MaxTokensField
	if b := r.backend; want == "" && b.isDated() && !b.since(azureMaxCompleted) {
		want = maxTokens
	}
	have, other := r.limits[0], r.limits[1]
	if want == maxCompleted {
		have, other = other, have
	}
	if want != "" && have == (span{}) && other != (span{}) {
		r.edits = append(r.edits, edit{other, []byte(`"` + want + `"`)})
	}
}

// tools takes out what is no function: dated versions know nothing else.
func (r *rewrite) tools(at span) error {
	c := cuts{edits: &r.edits}
	e := raw.ElementsAt(r.body, at.Start)
	for i := 0; e.Next(); i++ {
		if typeOf(r.body[e.Place().Start:e.Place().End]) != "custom" {
			c.keep(e.Place())
			continue
		}
		if err := r.lose(refused, "tools", "tools["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
		c.drop(e.Place())
	}
	c.close()
	return nil
}
