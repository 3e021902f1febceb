package mistral

import (
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// tools writes the tools and how free the model is to call them.
func (w *writer) tools() {
	r := &w.t.Request
	if len(r.Tools) == 0 {
		return
	}
	w.Open("tools", "[")
	for i := range r.Tools {
		w.tool(&r.Tools[i])
	}
	w.Put("]")
	w.choice(&r.Choice)
	if r.NoParallel {
		w.Bool("parallel_tool_calls", false)
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
	if tool.Strict {
		w.Bool("strict", true)
	}
	w.Put("}}")
}

func (w *writer) choice(c *chat.Choice) {
	switch {
	case c.Mode == chat.Never:
		w.String("tool_choice", "none")
	case c.Mode == chat.Force && c.Name != "":
		w.Open("tool_choice", `{"type":"function","function":{`)
		w.String("name", w.t.Name(c.Name))
		w.Put("}}")
	case c.Mode == chat.Force:
		w.String("tool_choice", "any")
	}
}

// settings writes what is no part of the conversation.
func (w *writer) settings() error {
	r := &w.t.Request
	if n := w.t.MaxTokens(); n > 0 {
		w.Int("max_tokens", n)
	}
	w.temperature()
	w.Member("top_p", r.TopP)
	w.Member("frequency_penalty", r.FrequencyPenalty)
	w.Member("presence_penalty", r.PresencePenalty)
	w.Member("n", r.N)
	seed, err := w.t.UnsignedSeed()
	if err != nil {
		return err
	}
	w.Member(randomSeed, seed)
	w.Texts("stop", r.Stop)
	if r.Logprobs {
		w.Bool("logprobs", true)
		w.Member("top_logprobs", r.TopLogprobs)
	}
	w.form()
	if err := w.effort(); err != nil {
		return err
	}
	if len(r.CacheKey) > 0 {
		w.Text("prompt_cache_key", r.CacheKey)
	}
	if r.Tier != "" {
		w.String("service_tier", "standard_only")
	}
	w.Member("metadata", r.Metadata)
	w.prediction()
	for _, m := range r.Extra {
		if m.Name == thinking || m.Name == randomSeed && len(r.Seed) > 0 {
			continue
		}
		w.Member(m.Name, m.Value)
	}
	return nil
}

// hottest is the highest temperature that Mistral takes.
const hottest = 1.5

func (w *writer) temperature() {
	v := w.t.Request.Temperature
	if n, err := strconv.ParseFloat(string(v), 64); len(v) > 0 && (err != nil || n > hottest) {
		w.t.Warn("temperature", "clamped")
		v = raw.Value("1.5")
	}
	w.Member("temperature", v)
}

// form writes the form that the answer must have.
func (w *writer) form() {
	f := &w.t.Request.Format
	switch {
	case !f.JSON:
		return
	case len(f.Schema) == 0:
		w.Open("response_format", `{"type":"json_object"}`)
		return
	}
	w.Open("response_format", `{"type":"json_schema","json_schema":{`)
	w.String("name", f.Name)
	if !f.Description.Blank() {
		w.Text("description", f.Description)
	}
	w.Member("schema", f.Schema)
	if f.Strict {
		w.Bool("strict", true)
	}
	w.Put("}}")
}

// effort writes how hard to think; the client may have said it in the words of
// others, which know of no grades.
func (w *writer) effort() error {
	effort := w.t.Request.Effort
	if own := w.t.Request.Extension(thinking); len(own) > 0 {
		switch {
		case !own.IsObject():
			return chat.Invalid("invalid_type", thinking, "Invalid type for 'thinking': expected an object.")
		case older(w.t):
			w.t.Warn(thinking, "unsupported")
			return nil
		case own.Get("budget_tokens").Is():
			w.t.Warn("thinking.budget_tokens", "unsupported")
		}
		if effort == "" {
			if effort = "high"; own.Get("type").String() == "disabled" {
				effort = "none"
			}
		}
	}
	if effort != "" {
		w.String("reasoning_effort", effort)
	}
	return nil
}

// prediction writes the text that the answer will be like, in one piece.
func (w *writer) prediction() {
	content := w.t.Request.Prediction.Get("content")
	if len(content) == 0 {
		return
	}
	w.Open("prediction", `{"type":"content","content":"`)
	w.Dst = append(w.Dst, content.Text()...)
	for e := content.Elements(); e.Next(); {
		w.Dst = append(w.Dst, e.Value().Get("text").Text()...)
	}
	w.Put(`"}`)
}
