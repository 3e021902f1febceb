package chat

import (
	"fmt"
	"slices"

	"llmroute/translator/raw"
)

// nameTools finds names that providers take, and remembers the way back.
func (t *Trip) nameTools(letterFirst bool) {
	given := labels{most: maxName}
	give := func(name string) {
		if _, ok := t.renames.there[name]; ok || name == "" {
			return
		}
		to := fit(name, maxName)
		if c := to[0]; letterFirst && (c == '-' || c >= '0' && c <= '9') {
			to = fit("_"+to, maxName)
		}
		if to == name && t.renames.back[to] == "" {
			return
		}
		if t.renames.there == nil {
			t.renames = renames{map[string]string{}, map[string]string{}}
			for own := range t.Request.toolNames() {
				given.take(own)
			}
		}
		to = given.give(to)
		t.renames.there[name], t.renames.back[to] = to, name
	}
	for i := range t.Request.Tools {
		tool := &t.Request.Tools[i]
		give(tool.Name)
		if tool.Custom {
			t.custom = append(t.custom, t.Name(tool.Name))
		}
	}
	for i := range t.Request.Turns {
		for _, b := range t.Request.Turns[i].Blocks {
			give(b.Name)
		}
	}
}

func (r *Request) toolNames() map[string]bool {
	names := make(map[string]bool, len(r.Tools))
	for i := range r.Tools {
		names[r.Tools[i].Name] = true
	}
	return names
}

// loseVendorTools refuses tools in the words of some vendor, or drops them.
func (t *Trip) loseVendorTools() error {
	r := &t.Request
	for i := range r.Tools {
		if len(r.Tools[i].Vendor) == 0 {
			continue
		}
		if err := t.Lose(Refuse, FunctionTools, r.Tools[i].Param, "unsupported"); err != nil {
			return err
		}
	}
	r.Tools = without(r.Tools, func(tool *Tool) bool { return len(tool.Vendor) > 0 })
	if len(r.Tools) == 0 {
		r.Choice, r.NoParallel = Choice{}, false
	}
	return nil
}

// chooseAmong leaves only the tools that may be called.
func (t *Trip) chooseAmong(h *Habits) error {
	r := &t.Request
	if r.Choice.Name == "" && r.Choice.Among == nil {
		return nil
	}
	tools, among := r.toolNames(), make(map[string]bool, len(r.Choice.Among))
	for _, name := range r.Choice.Among {
		among[name] = true
	}
	for _, name := range append([]string{r.Choice.Name}, r.Choice.Among...) {
		if name != "" && !tools[name] {
			return Invalid(invalidValue, "tool_choice", fmt.Sprintf("Invalid value: 'tool_choice' names '%s', which is not in 'tools'.", name))
		}
	}
	if r.Choice.Among == nil || h.NamesAmong {
		return nil
	}
	if h.KeepTools {
		for i := range r.Turns {
			for _, b := range r.Turns[i].Blocks {
				if b.Name != "" && !among[b.Name] && tools[b.Name] {
					return t.Lose(Refuse, ChoiceAmong, "tool_choice", "all_tools_allowed")
				}
			}
		}
	}
	r.Tools = without(r.Tools, func(tool *Tool) bool { return !among[tool.Name] })
	return nil
}

// identify makes the ids of calls fit and unique. It is a function of the
// history so far: an id means the same call, and gets the same name, in every
// later request.
func (t *Trip) identify(most int) {
	if most == 0 {
		most = maxName
	}
	given := labels{most: most}
	turns := t.Request.Turns
	for i := range turns {
		if turns[i].Role != Assistant {
			continue
		}
		k := 0
		for j := range turns[i].Blocks {
			b := &turns[i].Blocks[j]
			if b.What != Call && b.What != Custom {
				continue
			}
			id := given.give(fit(b.ID, most))
			if id != b.ID {
				turns[i].Replay = nil // it names the call as it was
			}
			b.ID = id
			// The results stand in the order of the calls, at the front.
			if i+1 < len(turns) && k < len(turns[i+1].Blocks) && turns[i+1].Blocks[k].What == Result {
				turns[i+1].Blocks[k].ID = b.ID
			}
			k++
		}
	}
}

// holdForm sees to the form that the answer must have where the backend cannot
// be held to it: by a tool that it must call, else by asking for it.
func (t *Trip) holdForm(h *Habits) error {
	r := &t.Request
	f := &r.Format
	schema := len(f.Schema) > 0
	switch {
	case !f.JSON, !schema && h.NativeObject, schema && h.NativeSchema && (h.SchemaWithTools || len(r.Tools) == 0):
		return nil
	case !schema:
		t.instruct("Answer with one JSON object and nothing else: no words around it, no code fence.", nil)
		t.Warn(fieldNames[FormatObject].name, "instructed")
	case len(r.Tools) > 0 || h.NoForce || t.Options.Unsupported == DropUnsupported && !describesObject(f.Schema):
		if err := t.Lose(Shift, FormatSchema, "response_format", "instructed"); err != nil {
			return err
		}
		t.instruct("Give your final answer as one JSON object and nothing else, no words around it, no code fence. It must be valid against this JSON schema: ", f.Schema)
	default:
		t.JSONTool = jsonTool
		r.Tools = append(r.Tools, Tool{Name: jsonTool, Schema: f.Schema, Description: f.Description, Param: "response_format.json_schema.schema"})
		r.Choice = Choice{Mode: Force, Name: jsonTool}
		r.NoParallel = true
	}
	*f = Format{}
	return nil
}

// checkArguments refuses tools whose arguments would be no object. No vendor
// takes them, and some say so in words that name what the client never sent.
func (t *Trip) checkArguments() error {
	for i := range t.Request.Tools {
		tool := &t.Request.Tools[i]
		if describesObject(tool.Schema) {
			continue
		}
		if tool.Name == t.JSONTool {
			return Unable(UnsupportedValue, tool.Param, "Unsupported value: the model '"+t.Options.Model+
				"' is held to a schema by a tool that it must call, so '"+tool.Param+"' must be of type 'object'. Make what it describes a property of an object.")
		}
		at := tool.Param + ".parameters"
		return Unable(UnsupportedValue, at, "Unsupported value: '"+at+"' must be of type 'object', as the arguments of a call are one. Make what it describes a property of an object.")
	}
	return nil
}

// describesObject reports whether a schema does not ask for anything but an
// object.
func describesObject(schema raw.Value) bool {
	kind := schema.Get("type")
	return !kind.Is() || kind.String() == "object"
}

// instruct adds a sentence to the instructions in front.
func (t *Trip) instruct(sentence string, schema raw.Value) {
	text := raw.AppendEscaped(raw.Quote(sentence), raw.AppendCompact(nil, schema))
	b := Block{What: Text, Text: text, Part: -1}
	turns := t.Request.Turns
	if len(turns) == 0 || turns[0].Role != System {
		t.Request.Turns = append([]Turn{{Role: System, Blocks: []Block{b}}}, turns...)
		return
	}
	last := 0
	for last+1 < len(turns) && turns[last+1].Role == System {
		last++
	}
	turns[last].Blocks = append(slices.Clip(turns[last].Blocks), b)
}
