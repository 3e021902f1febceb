package bedrock

import (
	"bytes"
	"regexp"
	"strconv"

	"llmroute/translator/chat"
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
		w.key("additionalModelRequestFields")
		w.dst = append(w.dst, '{')
		for _, m := range w.add {
			w.key(m.name)
			w.dst = append(w.dst, m.value...)
		}
		w.dst = append(w.dst, '}')
	}
	return nil
}

// inference writes inferenceConfig.
func (w *writer) inference() error {
	r := &w.t.Request
	at := len(w.dst)
	w.key("inferenceConfig")
	w.dst = append(w.dst, '{')
	empty := len(w.dst)
	if limit := w.maxTokens(); limit > 0 {
		w.key("maxTokens")
		w.dst = strconv.AppendInt(w.dst, limit, 10)
	}
	if v := w.sampled(r.Temperature, "temperature", 1); v != nil {
		w.key("temperature")
		w.dst = append(w.dst, v...)
	}
	most := 1.0
	if w.m.isCohere() {
		most = 0.99
	}
	if v := w.sampled(r.TopP, "top_p", most); v != nil {
		if w.m.oneSampled() && len(r.Temperature) > 0 {
			w.t.Warn("top_p", "with_temperature")
		} else {
			w.key("topP")
			w.dst = append(w.dst, v...)
		}
	}
	if err := w.stop(); err != nil {
		return err
	}
	if len(w.dst) == empty {
		w.dst = w.dst[:at]
		return nil
	}
	w.dst = append(w.dst, '}')
	return nil
}

// maxTokens returns the limit of an answer, 0 for the model's own.
func (w *writer) maxTokens() int64 {
	limit := w.limit()
	if limit > 0 && w.unbound() {
		w.t.Warn("max_tokens", "reasoning")
		return 0
	}
	return limit
}

func (w *writer) limit() int64 {
	if n := w.t.Request.MaxTokens.Int(); n > 0 {
		return n
	}
	return w.t.Options.DefaultMaxTokens
}

// sampled returns a number, at most most, or nothing where the model takes none.
func (w *writer) sampled(v raw.Value, field string, most float64) raw.Value {
	if len(v) == 0 {
		return nil
	}
	if w.unbound() || w.thinking() {
		w.t.Warn(field, "reasoning")
		return nil
	}
	if n, err := strconv.ParseFloat(string(v), 64); err != nil || n > most {
		w.t.Warn(field, "clamped")
		return strconv.AppendFloat(nil, most, 'g', -1, 64)
	}
	return v
}

func (w *writer) stop() error {
	n := 0
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
		if n++; n == 1 {
			w.key("stopSequences")
			w.dst = append(w.dst, '[')
		}
		w.next()
		w.dst = raw.AppendText(w.dst, s)
	}
	if n > 0 {
		w.dst = append(w.dst, ']')
	}
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
	w.key("outputConfig")
	w.dst = append(w.dst, `{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"`...)
	closed, changed := schema.AppendClosed(nil, raw.AppendCompact(nil, f.Schema))
	if changed {
		w.t.Warn("response_format", "schema_changed")
	}
	w.dst = append(raw.AppendEscaped(w.dst, closed), '"')
	if f.Name != "" {
		w.dst = raw.AppendString(append(w.dst, `,"name":`...), f.Name)
	}
	if !f.Description.Blank() {
		w.dst = raw.AppendText(append(w.dst, `,"description":`...), f.Description)
	}
	w.dst = append(w.dst, `}}}}`...)
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
	w.key("serviceTier")
	w.dst = append(append(append(w.dst, `{"type":"`...), tier...), `"}`...)
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
		name, value := m.Name().String(), m.Value()
		text := value.String()
		if n == maxMetadata || !value.IsText() || name == "" || len(name) > maxTagBytes || len(text) > maxTagBytes ||
			!tag.MatchString(name) || !tag.MatchString(text) {
			w.t.Warn("metadata", "does_not_fit")
			continue
		}
		if n++; n == 1 {
			w.key("requestMetadata")
			w.dst = append(w.dst, '{')
		}
		w.key(name)
		w.dst = append(w.dst, value...)
	}
	if n > 0 {
		w.dst = append(w.dst, '}')
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
			w.key(camel(m.Name))
			w.dst = append(w.dst, m.Value...)
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
