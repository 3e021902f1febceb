package bedrock

import (
	"llmroute/translator/chat"
	"llmroute/translator/raw"
	"llmroute/translator/schema"
)

// tools writes toolConfig.
func (w *writer) tools() {
	if !w.tooled {
		return
	}
	r := &w.t.Request
	w.Open("toolConfig", `{"tools":[`)
	// A model that can be made to call some tool, but none by its name, is made to
	// call any of that one.
	only := r.Choice.Mode == chat.Force && r.Choice.Name != "" && !w.m.forcedOne()
	for i := range r.Tools {
		tool := &r.Tools[i]
		if only && tool.Name != r.Choice.Name {
			continue
		}
		w.tool(tool)
	}
	w.Put("]")
	switch {
	case r.Choice.Mode != chat.Force:
	case r.Choice.Name != "" && w.m.forcedOne():
		w.Open("toolChoice", `{"tool":{`)
		w.String("name", w.t.Name(r.Choice.Name))
		w.Put("}}")
	default:
		w.Open("toolChoice", `{"any":{}}`)
	}
	w.Put("}")
	if r.NoParallel && w.m.isClaude() {
		// Where toolChoice says the type, to say it again is refused; where it does
		// not, to leave it out is.
		value := `{"type":"auto","disable_parallel_tool_use":true}`
		if r.Choice.Mode == chat.Force {
			value = `{"disable_parallel_tool_use":true}`
		}
		w.add = append(w.add, member{"tool_choice", raw.Value(value)})
	}
}

func (w *writer) tool(tool *chat.Tool) {
	takes := tool.Schema
	if len(takes) == 0 {
		takes = chat.EmptySchema
	}
	strict := tool.Strict && w.m.keepsSchemas()
	if strict {
		closed, changed := schema.AppendClosed(nil, takes)
		if takes = closed; changed {
			w.t.Warn("tools.parameters", "schema_changed")
		}
	}
	w.Next()
	w.Put(`{"toolSpec":{`)
	w.String("name", w.t.Name(tool.Name))
	if !tool.Description.Blank() {
		w.Text("description", tool.Description)
	}
	w.Open("inputSchema", "{")
	if takes.Get("type").Is() {
		w.Member("json", takes)
	} else {
		w.Open("json", `{"type":"object"`)
		for m := takes.Members(); m.Next(); {
			if string(m.Name()) != "type" {
				w.Member(string(m.Spelled()), m.Value())
			}
		}
		w.Put("}")
	}
	w.Put("}")
	if strict {
		w.Bool("strict", true)
	}
	w.Put("}}")
	w.mark(tool.Cache)
}
