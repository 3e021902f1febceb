package gemini

import (
	"errors"
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
	"llmroute/translator/schema"
)

// config writes generationConfig.
func (w *writer) config() error {
	at := len(w.Dst)
	w.Open("generationConfig", "{")
	empty := len(w.Dst)
	w.sampling()
	stop, err := w.t.StopWords(mostStops)
	if err != nil {
		return err
	}
	w.Texts("stopSequences", stop)
	if err := w.form(); err != nil {
		return err
	}
	w.thinking()
	if level, ok := levels[w.look]; ok {
		if w.look == "original" {
			level = levels["high"] // there is none above it for the whole request
		}
		w.String("mediaResolution", level)
	}
	if len(w.Dst) == empty {
		w.Dst = w.Dst[:at]
		return nil
	}
	w.Put("}")
	return nil
}

// sampling writes how much to say, and how tokens are drawn.
func (w *writer) sampling() {
	r := w.req
	if n := w.t.MaxTokens(); n > 0 {
		w.Int("maxOutputTokens", n)
	}
	w.Member("temperature", r.Temperature)
	w.Member("topP", r.TopP)
	if _, err := strconv.ParseInt(string(r.Seed), 10, 32); err == nil {
		w.Member("seed", r.Seed)
	} else if len(r.Seed) > 0 {
		w.t.Warn("seed", "out_of_range")
	}
	w.Member("candidateCount", r.N)
	w.Member("presencePenalty", belowTwo(r.PresencePenalty))
	w.Member("frequencyPenalty", belowTwo(r.FrequencyPenalty))
	if r.Logprobs {
		w.Bool("responseLogprobs", true)
		w.Member("logprobs", r.TopLogprobs)
	}
}

// belowTwo returns a penalty as Google takes it: two itself is too much.
func belowTwo(v raw.Value) raw.Value {
	if n, err := strconv.ParseFloat(string(v), 64); err == nil && n >= 2 {
		return raw.Value("1.99")
	}
	return v
}

// mostStops is how many stop sequences there may be.
const mostStops = 5

// form writes which form the answer must have.
func (w *writer) form() error {
	f := &w.req.Format
	if !f.JSON {
		return nil
	}
	w.String("responseMimeType", "application/json")
	if len(f.Schema) == 0 {
		return nil
	}
	return w.schema(f.Schema, "responseJsonSchema", "responseSchema", "response_format", "response_format.json_schema.schema")
}

// schema writes a schema in the words that the model knows, as a member of either
// name. field and param name it in warnings and refusals.
func (w *writer) schema(v raw.Value, name, older, field, param string) error {
	form := schema.JSONForm
	if !w.m.formed() {
		form, name = schema.OpenAPIForm, older
	}
	at := len(w.Dst)
	w.Key(name)
	dst, changed, err := schema.AppendGoogle(w.Dst, v, form)
	if err != nil {
		var u *schema.Unfit
		if errors.As(err, &u) && u.Path != "" {
			param += "." + u.Path
		}
		w.Dst = w.Dst[:at]
		return chat.Unable(chat.UnsupportedValue, param,
			"Unsupported value: at this provider the schema at '"+param+"' cannot be used: "+why(u, err)+".")
	}
	if w.Dst = dst; changed {
		w.t.Warn(field, "schema_changed")
	}
	return nil
}

func why(u *schema.Unfit, err error) string {
	if u == nil {
		return err.Error()
	}
	return u.Why
}

// budgets are what the efforts are worth to the models that want tokens, by
// Google's own table.
var budgets = map[string]int{"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}

// thinking writes how hard to think, and whether to tell the thoughts.
func (w *writer) thinking() {
	effort := w.req.Effort
	if !w.m.thinks() {
		return
	}
	tell := w.t.WantsReasoning()
	if effort == "" && !tell {
		return
	}
	w.Open("thinkingConfig", "{")
	if tell {
		w.Bool("includeThoughts", true)
	}
	switch {
	case effort == "":
	case w.m.leveled():
		w.String("thinkingLevel", w.level(effort))
	default:
		w.Int("thinkingBudget", int64(w.budget(effort)))
	}
	w.Put("}")
}

// level returns the level nearest to an effort that the model has.
func (w *writer) level(effort string) string {
	lowest := "LOW"
	if w.m.minimal() {
		lowest = "MINIMAL"
	}
	switch effort {
	case "none":
		w.t.Warn("reasoning_effort", lower[lowest])
		return lowest
	case "minimal":
		return lowest
	case "low":
		return "LOW"
	case "medium":
		return "MEDIUM"
	case "high":
		return "HIGH"
	}
	if w.m.kind == "hydrogen" && w.home == studio {
		if effort != "xhigh" {
			w.t.Warn("reasoning_effort", "xhigh")
		}
		return "XHIGH"
	}
	w.t.Warn("reasoning_effort", "high")
	return "HIGH"
}

var lower = map[string]string{"LOW": "low", "MINIMAL": "minimal"}

// budget returns what an effort is worth to a model that wants a number of tokens.
func (w *writer) budget(effort string) int {
	const least, most = 128, 32768 // of 2.5-pro, which cannot but think
	pro := w.m.kind == "pro" || w.m.kind == ""
	switch effort {
	case "none":
		if pro {
			w.t.Warn("reasoning_effort", "minimal")
			return least
		}
		return 0
	case "xhigh", "max":
		w.t.Warn("reasoning_effort", "high")
		if pro {
			return most
		}
	}
	return budgets[effort]
}

// tier says at what price the request is to be served.
func (w *writer) tier(out *chat.Outgoing) {
	tier := w.req.Tier
	if tier == "" || tier == "default" && w.home == vertex {
		return
	}
	if w.home == vertex {
		out.Set = append(out.Set, chat.Header{Name: "x-vertex-ai-llm-shared-request-type", Value: tier})
		return
	}
	if tier == "default" {
		tier = "standard"
	}
	w.String("serviceTier", tier)
}
