package anthropic

import (
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
	"llmroute/translator/schema"
)

// fitTools looks at what tools the home can have.
func (w *writer) fitTools() error {
	for i := range w.req.Tools {
		t := &w.req.Tools[i]
		if len(t.Vendor) == 0 {
			continue
		}
		kind := t.Vendor.Get("type").String()
		known := strings.HasPrefix(kind, "bash_") || strings.HasPrefix(kind, "text_editor_") || strings.HasPrefix(kind, "memory_") ||
			strings.HasPrefix(kind, "computer_") || strings.HasPrefix(kind, "tool_search_tool_")
		if !known {
			return chat.Invalid("invalid_value", t.Param+".type", "Invalid value for '"+t.Param+".type': the tool '"+kind+"' is not known.")
		}
	}
	return nil
}

func (w *writer) tools() error {
	r := w.req
	if len(r.Tools) == 0 && len(r.WebSearch) == 0 {
		return nil
	}
	w.out = append(w.out, `,"tools":[`...)
	for i := range r.Tools {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if err := w.tool(&r.Tools[i]); err != nil {
			return err
		}
	}
	if len(r.WebSearch) > 0 {
		if len(r.Tools) > 0 {
			w.out = append(w.out, ',')
		}
		w.webSearch(r.WebSearch)
	}
	w.out = append(w.out, ']')
	return nil
}

// mostStrict is how many tools of a request may be strict.
const mostStrict = 20

func (w *writer) tool(t *chat.Tool) error {
	if len(t.Vendor) > 0 {
		w.out = append(w.out, t.Vendor...)
		return nil
	}
	w.out = raw.AppendString(append(w.out, `{"name":`...), w.trip.Name(t.Name))
	if len(t.Description) > 0 {
		w.out = raw.AppendText(append(w.out, `,"description":`...), t.Description)
	}
	takes := t.Schema
	if len(takes) == 0 {
		takes = chat.EmptySchema
	}
	for _, word := range [...]string{"anyOf", "oneOf", "allOf"} {
		if takes.Get(word).IsArray() {
			at := t.Param
			if t.Name != w.trip.JSONTool {
				at += ".parameters"
			}
			return &chat.Refusal{Status: 422, Type: "invalid_request_error", Code: "unsupported_value", Param: at,
				Message: "Unsupported value: '" + at + "' has '" + word + "' at the top level, which this provider does not take. Move it into a property."}
		}
	}
	w.out = append(w.out, `,"input_schema":`...)
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
		if w.out, changed = schema.AppendClosed(w.out, takes); changed {
			w.trip.Warn("tools.strict", "schema_narrowed")
		}
		w.out = append(w.out, `,"strict":true`...)
	case takes.Get("type").Is():
		w.out = append(w.out, takes...)
	default:
		w.out = appendTyped(w.out, takes)
	}
	w.mark(t.Cache)
	w.out = append(w.out, '}')
	return nil
}

// appendTyped appends a schema that does not say that it is an object's.
func appendTyped(dst []byte, schema raw.Value) []byte {
	dst = append(dst, `{"type":"object"`...)
	for m := schema.Members(); m.Next(); {
		if string(m.Name()) != "type" {
			dst = appendMember(dst, string(m.Name()), m.Value())
		}
	}
	return append(dst, '}')
}

func (w *writer) webSearch(options raw.Value) {
	w.out = append(w.out, `{"type":"web_search_20250305","name":"web_search"`...)
	if at := options.Get("user_location").Get("approximate"); at.IsObject() {
		w.out = append(w.out, `,"user_location":{"type":"approximate"`...)
		for _, name := range [...]string{"city", "region", "country", "timezone"} {
			if v := at.Get(name); v.IsText() {
				w.member(name, v)
			}
		}
		w.out = append(w.out, '}')
	}
	if options.Get("search_context_size").Is() {
		w.trip.Warn("web_search_options.search_context_size", "unsupported")
	}
	w.out = append(w.out, '}')
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
	w.out = append(append(append(w.out, `,"tool_choice":{"type":"`...), kind...), '"')
	if kind == "tool" {
		w.member("name", raw.AppendString(nil, w.trip.Name(c.Name)))
	}
	if single {
		w.member("disable_parallel_tool_use", []byte("true"))
	}
	w.out = append(w.out, '}')
}
