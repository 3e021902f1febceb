package tokens

import "llmroute/translator/raw"

// What tools cost besides their text, from the cookbook as well. It knows flat
// objects; here each level of a schema counts as it has the first one.
const (
	perTools      = 12 // once
	perProperties = 3  // once per object that has any
	perProperty   = 3
	perChoices    = -3 // once per enum
	perChoice     = 3
)

// tools counts what a model is told of the tools it may call. Those that the
// provider runs itself have no name of ours, and count nothing.
func (w *walker) tools(v raw.Value) {
	declared := false
	for e := v.Elements(); e.Next(); {
		tool := e.Value()
		for m := e.Value().Members(); m.Next(); { // of several the last, as servers take it
			if name := string(folded(m.Name())); (name == "function" || name == "custom") && m.Value().IsObject() {
				tool = m.Value()
			}
		}
		declared = w.tool(tool) || declared
	}
	if declared {
		w.n += perTools
	}
}

func (w *walker) tool(v raw.Value) bool {
	var name, description raw.Text
	for m := v.Members(); m.Next(); {
		switch string(folded(m.Name())) {
		case "name":
			name = m.Value().Text()
		case "description":
			description = m.Value().Text()
		}
	}
	if name == nil {
		return false
	}
	if w.encoding != nil {
		w.n += w.encoding.perTool
	}
	w.line(name, description)
	for m := v.Members(); m.Next(); {
		switch v := m.Value(); string(folded(m.Name())) {
		case "parameters", "input_schema":
			w.schema(nil, v, 1)
		case "format": // the grammar of a custom tool
			w.n += w.text(v)
		}
	}
	return true
}

// schema counts what a schema says: of its words those that the cookbook counts
// as that has it, and of the others, which models are shown or not, their text.
// name is that of the property it describes, nil for another schema.
func (w *walker) schema(name raw.Text, v raw.Value, depth int) {
	if depth > deepest || !v.IsObject() {
		w.n += w.text(name) + w.text(v)
		return
	}
	var kind, description raw.Text
	for m := v.Members(); m.Next(); {
		switch v := m.Value(); string(m.Name()) {
		case "type":
			kind = v.Text()
		case "description":
			description = v.Text()
		case "required", "additionalProperties", "$schema": // told without words
		case "properties", "$defs", "definitions":
			w.properties(v, depth)
		case "enum":
			w.choices(v)
		case "items", "not":
			w.schema(nil, v, depth+1)
		case "anyOf", "oneOf", "allOf":
			for e := v.Elements(); e.Next(); {
				w.schema(nil, e.Value(), depth+1)
			}
		default:
			w.n += w.text(v)
		}
	}
	if name != nil {
		w.line(name, kind, description)
	} else {
		w.say(description)
	}
}

func (w *walker) properties(v raw.Value, depth int) {
	some := false
	for m := v.Members(); m.Next(); {
		some = true
		w.n += perProperty
		w.schema(m.Spelled(), m.Value(), depth+1)
	}
	if some {
		w.n += perProperties
	}
}

func (w *walker) choices(v raw.Value) {
	some := false
	for e := v.Elements(); e.Next(); {
		some = true
		if v := e.Value(); v.IsText() {
			w.n += perChoice
			w.say(v.Text())
		} else {
			w.n += 1 + w.text(v)
		}
	}
	if some {
		w.n += perChoices
	}
}

// line counts texts in a line, with colons between them and no full stop.
func (w *walker) line(texts ...raw.Text) {
	w.scratch = w.scratch[:0]
	for i, t := range texts {
		if i > 0 {
			w.scratch = append(w.scratch, ':')
		}
		w.scratch = t.Append(w.scratch)
	}
	if n := len(w.scratch); n > 0 && w.scratch[n-1] == '.' {
		w.scratch = w.scratch[:n-1]
	}
	w.n += w.text(w.scratch)
}
