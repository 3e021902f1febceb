package chat

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	"llmroute/translator/raw"
)

// maxName bounds the names and ids of tools wherever they have a pattern.
const maxName = 64

// fit returns s as providers want names and ids: letters, digits, _ and -, at
// most most of them.
func fit(s string, most int) string {
	plain := len(s) > 0 && len(s) <= most
	for i := 0; plain && i < len(s); i++ {
		plain = fits(s[i])
	}
	if plain {
		return s
	}
	out := make([]byte, 0, len(s))
	for _, r := range s {
		if r < 0x80 && fits(byte(r)) {
			out = append(out, byte(r))
		} else {
			out = append(out, '_')
		}
	}
	if len(out) == 0 {
		return "_"
	}
	if len(out) > most {
		sum := sha256.Sum256([]byte(s))
		tail := "_" + hex.EncodeToString(sum[:8])
		out = append(out[:most-len(tail)], tail...)
	}
	return string(out)
}

func fits(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// unique returns name, or name with a number behind it, such that taken does
// not know it; at most most bytes long.
func unique(name string, most int, taken func(string) bool) string {
	base := name
	for n := 2; taken(name); n++ {
		tail := "_" + strconv.Itoa(n)
		name = base[:min(len(base), most-len(tail))] + tail
	}
	return name
}

// nameTools finds names that providers take, and remembers the way back.
func (t *Trip) nameTools(letterFirst bool) {
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
		}
		to = unique(to, maxName, func(s string) bool {
			return t.renames.back[s] != "" || s != name && t.Request.hasTool(s)
		})
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

func (r *Request) hasTool(name string) bool {
	return slices.ContainsFunc(r.Tools, func(t Tool) bool { return t.Name == name })
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
	for _, name := range append([]string{r.Choice.Name}, r.Choice.Among...) {
		if name != "" && !r.hasTool(name) {
			return Invalid(invalidValue, "tool_choice", fmt.Sprintf("Invalid value: 'tool_choice' names '%s', which is not in 'tools'.", name))
		}
	}
	if r.Choice.Among == nil || h.NamesAmong {
		return nil
	}
	used := func(tool *Tool) bool { return slices.Contains(r.Choice.Among, tool.Name) }
	if h.KeepTools {
		for i := range r.Turns {
			for _, b := range r.Turns[i].Blocks {
				if b.Name != "" && !slices.Contains(r.Choice.Among, b.Name) && r.hasTool(b.Name) {
					if err := t.Lose(Refuse, ChoiceAmong, "tool_choice", "all_tools_allowed"); err != nil {
						return err
					}
					return nil
				}
			}
		}
	}
	r.Tools = without(r.Tools, func(tool *Tool) bool { return !used(tool) })
	return nil
}

// identify makes the ids of calls fit and unique. It is a function of the
// history so far: an id means the same call, and gets the same name, in every
// later request.
func (t *Trip) identify(most int) {
	if most == 0 {
		most = maxName
	}
	var taken map[string]bool
	turns := t.Request.Turns
	for i := range turns {
		if len(callsOf(&turns[i])) == 0 {
			continue
		}
		if taken == nil {
			taken = make(map[string]bool)
		}
		k := 0
		for j := range turns[i].Blocks {
			b := &turns[i].Blocks[j]
			if b.What != Call && b.What != Custom {
				continue
			}
			id := unique(fit(b.ID, most), most, func(s string) bool { return taken[s] })
			if id != b.ID {
				turns[i].Replay = nil // it names the call as it was
			}
			b.ID, taken[id] = id, true
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
