package mistral

import (
	"net/http"
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// tools writes the tools and how free the model is to call them.
func (w *writer) tools() error {
	r := &w.t.Request
	n := 0
	for i := range r.Tools {
		tool := &r.Tools[i]
		if len(tool.Vendor) > 0 {
			if err := w.t.Lose(chat.Refuse, chat.FunctionTools, tool.Param, "unsupported"); err != nil {
				return err
			}
			continue
		}
		if n++; n == 1 {
			w.value("tools", raw.Value("["))
		}
		w.tool(tool)
	}
	if n == 0 {
		return nil
	}
	w.dst = append(w.dst, ']')
	w.choice(&r.Choice)
	if r.NoParallel {
		w.value("parallel_tool_calls", raw.Value("false"))
	}
	return nil
}

func (w *writer) tool(tool *chat.Tool) {
	w.next('[')
	w.dst = append(w.dst, `{"type":"function","function":{`...)
	w.text("name", raw.Quote(w.t.Name(tool.Name)))
	if !tool.Description.Blank() {
		w.text("description", tool.Description)
	}
	takes := tool.Schema
	if len(takes) == 0 {
		takes = chat.EmptySchema
	}
	w.value("parameters", takes)
	if tool.Strict {
		w.value("strict", raw.Value("true"))
	}
	w.dst = append(w.dst, '}', '}')
}

func (w *writer) choice(c *chat.Choice) {
	switch {
	case c.Mode == chat.Never:
		w.text("tool_choice", raw.Text("none"))
	case c.Mode == chat.Force && c.Name != "":
		w.value("tool_choice", raw.Value(`{"type":"function","function":{`))
		w.text("name", raw.Quote(w.t.Name(c.Name)))
		w.dst = append(w.dst, '}', '}')
	case c.Mode == chat.Force:
		w.text("tool_choice", raw.Text("any"))
	}
}

// settings writes what is no part of the conversation.
func (w *writer) settings() error {
	r := &w.t.Request
	if n := w.limit(); n > 0 {
		w.key("max_tokens")
		w.dst = strconv.AppendInt(w.dst, n, 10)
	}
	w.temperature()
	w.value("top_p", r.TopP)
	w.value("frequency_penalty", r.FrequencyPenalty)
	w.value("presence_penalty", r.PresencePenalty)
	w.value("n", r.N)
	if err := w.seed(); err != nil {
		return err
	}
	w.stop()
	if r.Logprobs {
		w.value("logprobs", raw.Value("true"))
		w.value("top_logprobs", r.TopLogprobs)
	}
	w.form()
	w.effort()
	if len(r.CacheKey) > 0 {
		w.text("prompt_cache_key", r.CacheKey)
	}
	if r.Tier != "" {
		w.text("service_tier", raw.Text("standard_only"))
	}
	w.value("metadata", r.Metadata)
	w.prediction()
	for _, m := range r.Extra {
		if m.Name == thinking || m.Name == randomSeed && len(r.Seed) > 0 {
			continue
		}
		w.value(m.Name, m.Value)
	}
	return nil
}

func (w *writer) limit() int64 {
	if n := w.t.Request.MaxTokens.Int(); n > 0 {
		return n
	}
	return w.t.Options.DefaultMaxTokens
}

// hottest is the highest temperature that Mistral takes.
const hottest = 1.5

func (w *writer) temperature() {
	v := w.t.Request.Temperature
	if n, err := strconv.ParseFloat(string(v), 64); len(v) > 0 && (err != nil || n > hottest) {
		w.t.Warn("temperature", "clamped")
		v = raw.Value("1.5")
	}
	w.value("temperature", v)
}

func (w *writer) seed() error {
	seed := w.t.Request.Seed
	if len(seed) == 0 || seed[0] != '-' {
		w.value(randomSeed, seed)
		return nil
	}
	if w.t.Options.Unsupported == chat.DropUnsupported {
		w.t.Warn("seed", "negative")
		return nil
	}
	return &chat.Refusal{Status: http.StatusUnprocessableEntity, Type: "invalid_request_error", Code: "unsupported_value", Param: "seed",
		Message: "Unsupported value: 'seed' must not be negative at this provider. Send another one."}
}

func (w *writer) stop() {
	stops := w.t.Request.Stop
	if len(stops) == 0 {
		return
	}
	w.value("stop", raw.Value("["))
	for _, s := range stops {
		w.next('[')
		w.dst = raw.AppendText(w.dst, s)
	}
	w.dst = append(w.dst, ']')
}

// form writes the form that the answer must have.
func (w *writer) form() {
	f := &w.t.Request.Format
	switch {
	case !f.JSON:
		return
	case len(f.Schema) == 0:
		w.value("response_format", raw.Value(`{"type":"json_object"}`))
		return
	}
	w.value("response_format", raw.Value(`{"type":"json_schema","json_schema":{`))
	w.text("name", raw.Quote(f.Name))
	if !f.Description.Blank() {
		w.text("description", f.Description)
	}
	w.value("schema", f.Schema)
	if f.Strict {
		w.value("strict", raw.Value("true"))
	}
	w.dst = append(w.dst, '}', '}')
}

// effort writes how hard to think; the client may have said it in the words of
// others.
func (w *writer) effort() {
	effort := w.t.Request.Effort
	if own := w.t.Request.Extension(thinking); own.IsObject() && effort == "" {
		if effort = "high"; own.Get("type").String() == "disabled" {
			effort = "none"
		}
	}
	if effort != "" {
		w.text("reasoning_effort", raw.Text(effort))
	}
}

// prediction writes the text that the answer will be like, in one piece.
func (w *writer) prediction() {
	content := w.t.Request.Prediction.Get("content")
	if len(content) == 0 {
		return
	}
	w.value("prediction", raw.Value(`{"type":"content","content":"`))
	w.dst = append(w.dst, content.Text()...)
	for e := content.Elements(); e.Next(); {
		w.dst = append(w.dst, e.Value().Get("text").Text()...)
	}
	w.dst = append(w.dst, '"', '}')
}
