package bedrock

import (
	"bytes"
	"regexp"
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/claude"
	"llmroute/translator/raw"
	"llmroute/translator/schema"
)

// settings writes what is no part of the conversation.
func (w *writer) settings() error {
	w.reasoning()
	if err := w.extensions(); err != nil {
		return err
	}
	if err := w.inference(); err != nil {
		return err
	}
	w.penalties()
	w.form()
	w.tier()
	w.metadata()
	if len(w.add) > 0 {
		w.Open("additionalModelRequestFields", "{")
		for _, m := range w.add {
			w.Member(m.name, m.value)
		}
		w.Put("}")
	}
	return nil
}

// inference writes inferenceConfig.
func (w *writer) inference() error {
	r := &w.t.Request
	at := len(w.Dst)
	w.Open("inferenceConfig", "{")
	empty := len(w.Dst)
	if limit := w.maxTokens(); limit > 0 {
		w.Int("maxTokens", limit)
	}
	w.Member("temperature", w.sampled(r.Temperature, "temperature", 1))
	most := 1.0
	if w.m.isCohere() {
		most = 0.99
	}
	if v := w.sampled(r.TopP, "top_p", most); v != nil {
		if w.m.claude.Has(claude.OneSampled) && len(r.Temperature) > 0 {
			w.t.Warn("top_p", "with_temperature")
		} else {
			w.Member("topP", v)
		}
	}
	if err := w.stop(); err != nil {
		return err
	}
	if len(w.Dst) == empty {
		w.Dst = w.Dst[:at]
		return nil
	}
	w.Put("}")
	return nil
}

// maxTokens returns the limit of an answer, 0 for the model's own.
func (w *writer) maxTokens() int64 {
	limit := w.t.MaxTokens()
	if limit > 0 && w.unbound() {
		w.t.Warn("max_tokens", "reasoning")
		return 0
	}
	return limit
}

// sampled returns a number, at most most, or nothing where the model takes none.
func (w *writer) sampled(v raw.Value, field string, most float64) raw.Value {
	if len(v) == 0 {
		return nil
	}
	if w.unbound() || w.thinking() || !w.m.sampled() {
		if !isOne(v) {
			w.t.Warn(field, "reasoning")
		}
		return nil
	}
	if n, err := strconv.ParseFloat(string(v), 64); err != nil || n > most {
		w.t.Warn(field, "clamped")
		return strconv.AppendFloat(nil, most, 'g', -1, 64)
	}
	return v
}

// isOne reports whether a number says 1, which is what all models do by themselves.
func isOne(v raw.Value) bool {
	n, err := strconv.ParseFloat(string(v), 64)
	return err == nil && n == 1
}

func (w *writer) stop() error {
	words := w.t.Request.Stop[:0]
	for _, s := range w.t.Request.Stop {
		if len(s) == 0 {
			continue
		}
		if w.m.isClaude() && s.Blank() {
			if err := w.t.Lose(chat.Refuse, chat.StopWords, "stop", "white_space"); err != nil {
				return err
			}
			continue
		}
		words = append(words, s)
	}
	w.Texts("stopSequences", words)
	return nil
}

// penalties are Cohere's alone; the rules have taken them from all others.
func (w *writer) penalties() {
	r := &w.t.Request
	for _, m := range []member{{"seed", r.Seed}, {"frequency_penalty", r.FrequencyPenalty}, {"presence_penalty", r.PresencePenalty}} {
		if len(m.value) > 0 && w.m.isCohere() {
			w.add = append(w.add, m)
		}
	}
}

// form writes the form that Bedrock holds the answer to.
func (w *writer) form() {
	f := &w.t.Request.Format
	if !f.JSON || len(f.Schema) == 0 || !w.m.keepsSchemas() {
		return
	}
	w.Open("outputConfig", `{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"`)
	closed, changed := schema.AppendClosed(nil, raw.AppendCompact(nil, f.Schema))
	if changed {
		w.t.Warn("response_format", "schema_changed")
	}
	w.Dst = append(raw.AppendEscaped(w.Dst, closed), '"')
	if f.Name != "" {
		w.String("name", f.Name)
	}
	if !f.Description.Blank() {
		w.Text("description", f.Description)
	}
	w.Put("}}}}")
}

// tierOf returns what Bedrock calls a service tier, "" for one that it has not.
func tierOf(tier string) string {
	switch tier {
	case "default", "flex", "priority":
		return tier
	case "fast":
		return "priority"
	}
	return ""
}

func (w *writer) tier() {
	asked := w.t.Request.Tier
	tier := tierOf(asked)
	if tier == "" {
		return
	}
	if tier != asked {
		w.t.Warn("service_tier", tier)
	}
	w.Open("serviceTier", "{")
	w.String("type", tier)
	w.Put("}")
}

// What requestMetadata takes.
const (
	maxMetadata = 16
	maxTagBytes = 256
)

var tag = regexp.MustCompile(`^[a-zA-Z0-9\s:_@$#=/+,.-]*$`)

func (w *writer) metadata() {
	n := 0
	for m := w.t.Request.Metadata.Members(); m.Next(); {
		name, value := string(m.Name()), m.Value()
		text := value.String()
		if n == maxMetadata || !value.IsText() || name == "" || len(name) > maxTagBytes || len(text) > maxTagBytes ||
			!tag.MatchString(name) || !tag.MatchString(text) {
			w.t.Warn("metadata", "does_not_fit")
			continue
		}
		if n++; n == 1 {
			w.Open("requestMetadata", "{")
		}
		w.Member(string(m.Spelled()), value)
	}
	if n > 0 {
		w.Put("}")
	}
}

// extensions writes the fields that only users of Bedrock and its models know.
func (w *writer) extensions() error {
	for _, m := range w.t.Request.Extra {
		switch m.Name {
		case "top_k":
			w.topK(m.Value)
		case "anthropic_beta":
			w.add = append(w.add, member{m.Name, m.Value})
		case "guardrail_config", "performance_config":
			if !m.Value.IsObject() {
				return chat.Invalid("invalid_type", m.Name, "Invalid type for '"+m.Name+"': expected an object.")
			}
			w.Member(camel(m.Name), m.Value)
		}
	}
	return nil
}

// camel returns guardrailConfig for guardrail_config.
func camel(name string) string {
	before, after, _ := bytes.Cut([]byte(name), []byte{'_'})
	after = bytes.Clone(after)
	after[0] -= 'a' - 'A'
	return string(before) + string(after)
}

// topK asks for the model's own way to draw from the likeliest tokens.
func (w *writer) topK(v raw.Value) {
	switch {
	case w.thinking():
		w.t.Warn("top_k", "reasoning")
	case w.m.vendor == nova:
		w.add = append(w.add, member{"inferenceConfig", append(append([]byte(`{"topK":`), v...), '}')})
	case w.m.isCohere():
		w.add = append(w.add, member{"k", v})
	default:
		w.add = append(w.add, member{"top_k", v})
	}
}
