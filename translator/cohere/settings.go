package cohere

import (
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// tools writes the tools and how free the model is to call them.
func (w *writer) tools() {
	r := &w.t.Request
	// A tool cannot be named: the model is made to call some tool, and sees one.
	only := ""
	if r.Choice.Mode == chat.Force {
		only = r.Choice.Name
	}
	n, strict := 0, false
	for i := range r.Tools {
		tool := &r.Tools[i]
		if only != "" && tool.Name != only {
			continue
		}
		if n++; n == 1 {
			w.Open("tools", "[")
		}
		w.tool(tool)
		strict = strict || tool.Strict // then all are
	}
	if n == 0 {
		return
	}
	w.Put("]")
	if strict && len(r.Extension(strictTools)) == 0 {
		w.Bool(strictTools, true)
	}
	switch r.Choice.Mode {
	case chat.Never:
		w.String("tool_choice", "NONE")
	case chat.Force:
		w.String("tool_choice", "REQUIRED")
	}
}

func (w *writer) tool(tool *chat.Tool) {
	w.Next()
	w.Put(`{"type":"function","function":{`)
	w.String("name", w.t.Name(tool.Name))
	if !tool.Description.Blank() {
		w.Text("description", tool.Description)
	}
	takes := tool.Schema
	if len(takes) == 0 {
		takes = chat.EmptySchema
	}
	w.Member("parameters", takes)
	w.Put("}}")
}

// maxStops is how many words may end an answer.
const maxStops = 5

// settings writes what is no part of the conversation.
func (w *writer) settings() error {
	r := &w.t.Request
	if n := w.t.MaxTokens(); n > 0 {
		w.Int("max_tokens", n)
	}
	stop, err := w.t.StopWords(maxStops)
	if err != nil {
		return err
	}
	w.Texts("stop_sequences", stop)
	w.number("temperature", "temperature", r.Temperature, 0, 1)
	w.number("p", "top_p", r.TopP, 0.01, 0.99)
	w.number("frequency_penalty", "frequency_penalty", r.FrequencyPenalty, 0, 1)
	w.number("presence_penalty", "presence_penalty", r.PresencePenalty, 0, 1)
	seed, err := w.t.UnsignedSeed()
	if err != nil {
		return err
	}
	w.Member("seed", seed)
	if r.Logprobs {
		w.Bool("logprobs", true)
	}
	w.form()
	if err := w.thinking(); err != nil {
		return err
	}
	return w.extensions()
}

// number writes a number as near as Cohere takes it.
func (w *writer) number(name, field string, v raw.Value, least, most float64) {
	if len(v) == 0 {
		return
	}
	n, err := strconv.ParseFloat(string(v), 64)
	switch {
	case err == nil && n >= least && n <= most:
		w.Member(name, v)
		return
	case n < least:
		n = least
	default:
		n = most
	}
	w.t.Warn(field, "clamped")
	if n == 0 && field != "temperature" {
		return // a penalty of nothing is none
	}
	w.Key(name)
	w.Dst = strconv.AppendFloat(w.Dst, n, 'g', -1, 64)
}

// form writes the form that the answer must have.
func (w *writer) form() {
	f := &w.t.Request.Format
	if !f.JSON {
		return
	}
	w.Open("response_format", `{"type":"json_object"`)
	w.Member("json_schema", f.Schema)
	w.Put("}")
}

// thinking switches the thoughts of models that have any. There are no grades.
func (w *writer) thinking() error {
	r := &w.t.Request
	if own := r.Extension(thinking); len(own) > 0 {
		return w.own(own)
	}
	switch r.Effort {
	case "":
	case "none":
		w.Open(thinking, `{"type":"disabled"}`)
	case "minimal", "low", "medium":
		w.t.Warn("reasoning_effort", "enabled")
		fallthrough
	default:
		w.Open(thinking, `{"type":"enabled"}`)
	}
	return nil
}

// own writes the switch as it stands in the request, in Anthropic's words or in
// Cohere's.
func (w *writer) own(v raw.Value) error {
	if !v.IsObject() {
		return chat.Invalid("invalid_type", thinking, "Invalid type for 'thinking': expected an object.")
	}
	kind := `{"type":"enabled"`
	if v.Get("type").String() == "disabled" {
		kind = `{"type":"disabled"`
	}
	w.Open(thinking, kind)
	for _, name := range [...]string{"token_budget", "budget_tokens"} {
		if n := v.Get(name).Int(); n > 0 {
			w.Int("token_budget", n)
			break
		}
	}
	w.Put("}")
	return nil
}

// extensions writes the fields that only users of Cohere know.
func (w *writer) extensions() error {
	k := false
	for _, m := range w.t.Request.Extra {
		switch m.Name {
		case thinking:
			continue
		case "k", topK:
			if k {
				return chat.Invalid("invalid_value", m.Name, "Invalid value: 'k' and 'top_k' say the same. Send one of the two.")
			}
			k = true
			w.Member("k", m.Value)
		default:
			w.Member(m.Name, m.Value)
		}
	}
	return nil
}
