package gemini

import (
	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// tools writes tools and toolConfig.
func (w *writer) tools() error {
	r := w.req
	if len(r.Tools) > 0 {
		w.Open("tools", `[{"functionDeclarations":[`)
		for i := range r.Tools {
			if err := w.tool(&r.Tools[i]); err != nil {
				return err
			}
		}
		w.Put("]}]")
		w.choice()
		return nil
	}
	if len(r.WebSearch) > 0 {
		w.Open("tools", `[{"googleSearch":{}}]`)
		for _, name := range [...]string{"search_context_size", "user_location"} {
			if r.WebSearch.Get(name).Is() {
				w.t.Warn("web_search_options."+name, "unsupported")
			}
		}
	}
	return nil
}

func (w *writer) tool(t *chat.Tool) error {
	w.Next()
	w.Put("{")
	w.String("name", w.t.Name(t.Name))
	w.Text("description", t.Description) // it is required
	if err := w.parameters(t); err != nil {
		return err
	}
	w.Put("}")
	return nil
}

// parameters writes what a function takes; nothing for one that takes nothing.
func (w *writer) parameters(t *chat.Tool) error {
	takes := t.Schema
	empty := takes.Get("properties").Hollow() && !takes.Get("additionalProperties").IsObject()
	for _, word := range [...]string{"$ref", "allOf", "anyOf", "oneOf"} {
		empty = empty && len(takes.Get(word)) == 0
	}
	if empty {
		return nil
	}
	if len(takes.Get("type")) == 0 && len(takes.Get("$ref")) == 0 && len(takes.Get("allOf")) == 0 {
		takes = append(append(raw.Value(`{"type":"object",`), takes[1:]...), ' ')
	}
	return w.schema(raw.Trim(takes), "parametersJsonSchema", "parameters", "tools.parameters", t.Param+".parameters")
}

// choice writes how free the model is to call functions. Where nothing is asked
// nothing is sent.
func (w *writer) choice() {
	c := &w.req.Choice
	var mode string
	switch {
	case c.Mode == chat.Never:
		mode = "NONE"
	case c.Mode == chat.Force:
		mode = "ANY"
	case c.Among != nil && w.m.gen >= 30, w.strict():
		mode = "VALIDATED" // free to call none, but held to names and schemas
	default:
		return
	}
	w.Open("toolConfig", `{"functionCallingConfig":{`)
	w.String("mode", mode)
	var names []string
	if mode == "ANY" || mode == "VALIDATED" {
		if names = c.Among; c.Name != "" {
			names = []string{c.Name}
		}
	}
	for i, name := range names {
		if i == 0 {
			w.Open("allowedFunctionNames", "[")
		}
		w.Next()
		w.Dst = raw.AppendString(w.Dst, w.t.Name(name))
	}
	if len(names) > 0 {
		w.Put("]")
	}
	w.Put("}}")
}

// strict reports whether a function wants its arguments held to its schema.
func (w *writer) strict() bool {
	for i := range w.req.Tools {
		if w.req.Tools[i].Strict {
			return true
		}
	}
	return false
}
