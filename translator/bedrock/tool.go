package bedrock

import (
	"llmroute/translator/chat"
	"llmroute/translator/raw"
	"llmroute/translator/schema"
)

// tools writes toolConfig.
func (w *writer) tools() error {
	if !w.tooled {
		return nil
	}
	r := &w.t.Request
	w.key("toolConfig")
	w.dst = append(w.dst, `{"tools":[`...)
	// A model that can be made to call some tool, but none by its name, is made to
	// call any of that one.
	only := r.Choice.Mode == chat.Force && r.Choice.Name != "" && !w.m.forcedOne()
	for i := range r.Tools {
		tool := &r.Tools[i]
		if len(tool.Vendor) > 0 || only && tool.Name != r.Choice.Name {
			continue
		}
		if err := w.tool(tool); err != nil {
			return err
		}
	}
	w.dst = append(w.dst, ']')
	if r.Choice.Mode == chat.Force {
		w.key("toolChoice")
		if r.Choice.Name != "" && w.m.forcedOne() {
			w.dst = raw.AppendString(append(w.dst, `{"tool":{"name":`...), w.t.Name(r.Choice.Name))
			w.dst = append(w.dst, '}', '}')
		} else {
			w.dst = append(w.dst, `{"any":{}}`...)
		}
	}
	w.dst = append(w.dst, '}')
	if r.NoParallel && w.m.isClaude() {
		// Where toolChoice says the type, to say it again is refused; where it does
		// not, to leave it out is.
		value := `{"type":"auto","disable_parallel_tool_use":true}`
		if r.Choice.Mode == chat.Force {
			value = `{"disable_parallel_tool_use":true}`
		}
		w.add = append(w.add, member{"tool_choice", []byte(value)})
	}
	return nil
}

func (w *writer) tool(tool *chat.Tool) error {
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
	w.next()
	w.dst = raw.AppendString(append(w.dst, `{"toolSpec":{"name":`...), w.t.Name(tool.Name))
	if !tool.Description.Blank() {
		w.dst = raw.AppendText(append(w.dst, `,"description":`...), tool.Description)
	}
	w.dst = append(w.dst, `,"inputSchema":{"json":`...)
	if !takes.Get("type").Is() {
		w.dst = append(w.dst, `{"type":"object"`...)
		if !takes.Hollow() {
			w.dst = append(w.dst, ',')
		}
		w.dst = append(w.dst, takes[1:]...)
	} else {
		w.dst = append(w.dst, takes...)
	}
	w.dst = append(w.dst, '}')
	if strict {
		w.dst = append(w.dst, `,"strict":true`...)
	}
	w.dst = append(w.dst, '}', '}')
	w.mark(tool.Cache)
	return nil
}
