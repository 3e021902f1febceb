package anthropic

import (
	"slices"
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
	"llmroute/translator/schema"
)

// ownTools are the tools that Anthropic has words of its own for, by how their
// types begin, and the homes that have them.
var ownTools = []struct {
	begin string
	homes []home
}{
	{"bash_", []home{direct, bedrock, vertex}},
	{"text_editor_", []home{direct, bedrock, vertex}},
	{"memory_", []home{direct, bedrock, vertex}},
	{"computer_", []home{direct, bedrock, vertex}},
	{"tool_search_tool_", []home{direct, bedrock, vertex}},
	{"web_search_", []home{direct, vertex}},
	{"web_fetch_", []home{direct}},
	{"code_execution_", []home{direct}},
	{"browser_toolset_", []home{direct}},
}

// fitTools looks at what tools the home can have.
func (w *writer) fitTools() error {
	tools := w.req.Tools[:0]
	for _, t := range w.req.Tools {
		if len(t.Vendor) > 0 {
			fits, err := w.fitTool(&t)
			if err != nil {
				return err
			}
			if !fits {
				continue
			}
		}
		tools = append(tools, t)
	}
	w.req.Tools = tools
	return nil
}

// fitTool reports whether the home has a tool of the vendor's own.
func (w *writer) fitTool(t *chat.Tool) (bool, error) {
	kind := t.Vendor.Get("type").String()
	for _, own := range ownTools {
		if !strings.HasPrefix(kind, own.begin) {
			continue
		}
		if slices.Contains(own.homes, w.home.home) {
			return true, nil
		}
		return false, w.trip.Lose(chat.Refuse, chat.FunctionTools, t.Param+".type", "unsupported")
	}
	return false, chat.Invalid("invalid_value", t.Param+".type", "Invalid value for '"+t.Param+".type': the tool '"+kind+"' is not known.")
}

func (w *writer) tools() error {
	r := w.req
	if len(r.Tools) == 0 && len(r.WebSearch) == 0 {
		return nil
	}
	w.Open("tools", "[")
	for i := range r.Tools {
		w.Next()
		if err := w.tool(&r.Tools[i]); err != nil {
			return err
		}
	}
	if len(r.WebSearch) > 0 {
		w.Next()
		w.webSearch(r.WebSearch)
	}
	w.Put("]")
	return nil
}

// mostStrict is how many tools of a request may be strict.
const mostStrict = 20

func (w *writer) tool(t *chat.Tool) error {
	if len(t.Vendor) > 0 {
		w.Dst = append(w.Dst, t.Vendor...)
		return nil
	}
	w.Put("{")
	w.String("name", w.trip.Name(t.Name))
	if len(t.Description) > 0 {
		w.Text("description", t.Description)
	}
	takes := t.Schema
	if len(takes) == 0 {
		takes = chat.EmptySchema
	}
	takes, err := w.uncombined(t, takes)
	if err != nil {
		return err
	}
	strict := t.Strict
	if strict {
		if w.strict++; w.strict > mostStrict {
			strict = false
			w.trip.Warn("tools.strict", "too_many")
		}
	}
	switch {
	case strict:
		changed := false
		w.Key("input_schema")
		if w.Dst, changed = schema.AppendClosed(w.Dst, takes); changed {
			w.trip.Warn("tools.strict", "schema_changed")
		}
		w.Bool("strict", true)
	case takes.Get("type").Is():
		w.Member("input_schema", takes)
	default:
		w.typed(takes)
	}
	w.end(t.Cache)
	return nil
}

// uncombined returns a schema without what stands at its top and may not stand
// there, where the backend wants such things dropped.
func (w *writer) uncombined(t *chat.Tool, takes raw.Value) (raw.Value, error) {
	for _, word := range [...]string{"anyOf", "oneOf", "allOf"} {
		if !takes.Get(word).IsArray() {
			continue
		}
		if w.trip.Options.Unsupported == chat.DropUnsupported {
			takes = without(takes, word)
			w.trip.Warn("tools.parameters", "schema_changed")
			continue
		}
		at := t.Param
		if t.Name != w.trip.JSONTool {
			at += ".parameters"
		}
		return nil, unsupported(at, "it has '"+word+"' at the top level, which this provider does not take. Move it into a property.")
	}
	return takes, nil
}

// typed writes a schema that does not say that it is an object's.
func (w *writer) typed(takes raw.Value) {
	w.Open("input_schema", `{"type":"object"`)
	for m := takes.Members(); m.Next(); {
		if string(m.Name()) != "type" {
			w.Member(string(m.Spelled()), m.Value())
		}
	}
	w.Put("}")
}

func (w *writer) webSearch(options raw.Value) {
	w.Put(`{"type":"web_search_20250305","name":"web_search"`)
	if at := options.Get("user_location").Get("approximate"); at.IsObject() {
		w.Open("user_location", `{"type":"approximate"`)
		for _, name := range [...]string{"city", "region", "country", "timezone"} {
			if v := at.Get(name); v.IsText() {
				w.Member(name, v)
			}
		}
		w.Put("}")
	}
	if options.Get("search_context_size").Is() {
		w.trip.Warn("web_search_options.search_context_size", "unsupported")
	}
	w.Put("}")
}

// choice writes how free the model is. Where nothing is asked nothing is sent.
func (w *writer) choice() {
	c, single := &w.req.Choice, w.req.NoParallel
	if len(w.req.Tools) == 0 {
		return
	}
	kind := "auto"
	switch {
	case c.Mode == chat.Never:
		kind, single = "none", false
	case c.Mode == chat.Force && c.Name != "":
		kind = "tool"
	case c.Mode == chat.Force:
		kind = "any"
	case !single:
		return
	}
	w.Open("tool_choice", "{")
	w.String("type", kind)
	if kind == "tool" {
		w.String("name", w.trip.Name(c.Name))
	}
	if single {
		w.Bool("disable_parallel_tool_use", true)
	}
	w.Put("}")
}
