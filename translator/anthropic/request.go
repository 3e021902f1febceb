package anthropic

import (
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/claude"
	"llmroute/translator/raw"
	"llmroute/translator/schema"
)

// WriteRequest writes t as a request of the Messages API.
func (d *Dialect) WriteRequest(out *chat.Outgoing, t *chat.Trip) error {
	w := writer{Writer: raw.Writer{Dst: out.Body}, home: d, trip: t, req: &t.Request, model: modelOf(t)}
	w.betas = d.fitBetas(t)
	w.limit()
	w.think()
	if w.thinks {
		w.trip.MissReasoning()
	}
	if err := w.fitTools(); err != nil {
		return err
	}
	if own := w.req.Extension("cache_control"); own.IsObject() {
		w.ownMark(own)
	}
	t.FitMarks(true, w.automatic)
	if err := w.write(out); err != nil {
		return err
	}
	out.Body = w.Dst
	return d.address(out, t, w.betas)
}

// writer writes one request.
type writer struct {
	raw.Writer
	home  *Dialect
	trip  *chat.Trip
	req   *chat.Request
	model claude.Model
	betas []string

	maxTokens int64
	thinking  string // the value of the field; "" for none
	thinks    bool   // that value turns it on
	effort    string
	strict    int    // how many tools were strict so far
	automatic string // how long to keep the whole of the request: "" for not at all
}

// Defaults for clients that name no limit. Bedrock takes the limit from the
// account's quota when the request begins, so there it is smaller.
const (
	defaultMaxTokens = 32_000
	bedrockMaxTokens = 8_192
)

func (w *writer) limit() {
	n, most := w.trip.Options.DefaultMaxTokens, w.model.MaxTokens
	if n == 0 {
		if n = defaultMaxTokens; w.home.home == bedrock {
			n = bedrockMaxTokens
		}
		n = min(n, most)
	}
	if asked := w.req.MaxTokens.Int(); asked > 0 {
		if n = asked; n > most {
			n = most
			w.trip.Warn("max_tokens", "clamped")
		}
	}
	w.maxTokens = n
}

// think decides how the model is made to think. In Anthropic's own words, which
// callers may send, it wins over reasoning_effort.
func (w *writer) think() {
	if own := w.req.Extension("thinking"); own.IsObject() {
		w.ownThinking(own)
		return
	}
	switch effort := w.req.Effort; effort {
	case "":
		if w.trip.WantsReasoning() && w.model.Has(claude.Unasked) {
			w.thinking, w.thinks = `{"type":"adaptive","display":"summarized"}`, true
		}
	case "none":
		w.stopThinking()
	default:
		w.level(effort)
	}
}

func (w *writer) stopThinking() {
	switch off := w.model.Off; {
	case off == "":
		w.effort = "low"
		w.trip.Warn("reasoning_effort", "always_on")
	case w.model.Thinking == claude.Adaptive:
		w.thinking = `{"type":"` + off + `"}`
	}
}

// level asks for an effort, or for the nearest that the model knows.
func (w *writer) level(effort string) {
	asked, efforts := effort, w.efforts()
	if effort = efforts.Nearest(asked); effort != asked {
		w.trip.Warn("reasoning_effort", "moved")
	}
	if efforts != claude.NoEfforts {
		w.effort = effort
	}
	if w.model.Thinking == claude.Adaptive {
		w.thinks = true
		w.thinking = `{"type":"adaptive"}`
		if w.trip.WantsReasoning() {
			w.thinking = `{"type":"adaptive","display":"summarized"}`
		}
		return
	}
	w.budget(effort)
}

// efforts is what the model knows of efforts at this home: Bedrock has them for
// those that think adaptively.
func (w *writer) efforts() claude.Efforts {
	if w.home.home == bedrock && w.model.Thinking != claude.Adaptive {
		return claude.NoEfforts
	}
	return w.model.Efforts
}

// budget gives older models a number of tokens to think with.
func (w *writer) budget(effort string) {
	switch {
	case w.maxTokens <= claude.LeastBudget:
		w.trip.Warn("reasoning_effort", "max_tokens_too_small")
	case w.req.Choice.Mode == chat.Force:
		w.trip.Warn("reasoning_effort", "forced_tool")
	case w.req.ReasoningLost():
		// In the middle of a round of tools they may think only if the answer that
		// called them began with a thought.
		w.trip.Warn("reasoning_effort", "reasoning_lost")
	case w.endsInAnswer():
		w.trip.Warn("reasoning_effort", "answer_begun")
	default:
		budget := min(claude.Budget(effort), w.maxTokens-1)
		w.thinking, w.thinks = `{"type":"enabled","budget_tokens":`+strconv.FormatInt(budget, 10)+"}", true
	}
}

func (w *writer) endsInAnswer() bool {
	turns := w.req.Turns
	return turns[len(turns)-1].Role == chat.Assistant
}

// write writes the body, and what it says in a header. What providers keep of a prompt stands in the order of
// tools, system, messages; the order of members does not count.
func (w *writer) write(out *chat.Outgoing) error {
	o := &w.trip.Options
	w.Put("{")
	switch w.home.home {
	case direct:
		w.String("model", o.Model)
	case bedrock:
		w.String("anthropic_version", "bedrock-2023-05-31")
	case vertex:
		w.String("anthropic_version", "vertex-2023-10-16")
	}
	if w.home.home == bedrock && len(w.betas) > 0 {
		w.Open("anthropic_beta", "[")
		for _, b := range w.betas {
			w.Next()
			w.Dst = raw.AppendString(w.Dst, b)
		}
		w.Put("]")
	}
	w.Int("max_tokens", w.maxTokens)
	if w.req.Stream && w.home.home != bedrock {
		w.Bool("stream", true)
	}
	w.sampling()
	w.output()
	if w.req.User != "" {
		w.Open("metadata", "{")
		w.String("user_id", w.req.User)
		w.Put("}")
	}
	if err := w.tools(); err != nil {
		return err
	}
	w.choice()
	if err := w.messages(); err != nil {
		return err
	}
	w.tier(out)
	w.Put("}")
	return nil
}

// sampling writes how tokens are drawn. Older models take one of temperature and
// top_p, and none of them while they think; newer ones take neither.
func (w *writer) sampling() {
	r := w.req
	temperature, topP := r.Temperature, r.TopP
	if w.model.Has(claude.Sampled) {
		if n, err := strconv.ParseFloat(string(temperature), 64); err == nil && n > 1 {
			temperature = raw.Value("1")
			w.trip.Warn("temperature", "clamped")
		}
		if w.thinks && len(temperature) > 0 && !isOne(temperature) {
			temperature = nil
			w.trip.Warn("temperature", "reasoning")
		}
		if len(topP) > 0 && (len(temperature) > 0 && w.model.Has(claude.OneSampled) || w.thinks && !nearOne(topP)) {
			topP = nil
			w.trip.Warn("top_p", "unsupported")
		}
		w.Member("temperature", temperature)
		w.Member("top_p", topP)
	}
	if k := r.Extension("top_k"); k.IsNumber() {
		if w.model.Has(claude.Sampled) && !w.thinks {
			w.Member("top_k", k)
		} else {
			w.trip.Warn("top_k", "unsupported")
		}
	}
	w.stop()
	if v := r.Extension("context_management"); v.IsObject() {
		if w.has(betaContext, betaCompact) {
			w.Member("context_management", v)
		} else {
			w.trip.Warn("context_management", "unsupported")
		}
	}
	if w.automatic != "" {
		w.mark(w.automatic)
	}
}

// nearOne reports whether a top_p is one that thinking goes with.
func nearOne(number raw.Value) bool {
	n, err := strconv.ParseFloat(string(number), 64)
	return err == nil && n >= 0.95 && n <= 1
}

func (w *writer) stop() {
	words := w.req.Stop[:0]
	for _, s := range w.req.Stop {
		if s.Blank() {
			w.trip.Warn("stop", "blank")
			continue
		}
		words = append(words, s)
	}
	w.Texts("stop_sequences", words)
}

// output writes how the answer is made: thinking, effort, form.
func (w *writer) output() {
	if w.thinking != "" {
		w.Open("thinking", w.thinking)
	}
	own := w.req.Extension("output_config")
	rest := w.ownOutput(own)
	f := &w.req.Format
	if w.effort == "" && len(f.Schema) == 0 && len(rest) == 0 {
		return
	}
	w.Open("output_config", "{")
	if w.effort != "" {
		w.String("effort", w.effort)
	}
	if len(f.Schema) > 0 {
		w.Open("format", `{"type":"json_schema","schema":`)
		changed := false
		if w.Dst, changed = schema.AppendClosed(w.Dst, f.Schema); changed {
			w.trip.Warn("response_format", "schema_changed")
		}
		w.Put("}")
	}
	for _, at := range rest {
		w.Next()
		w.Dst = append(w.Dst, own[at.Start:at.End]...)
	}
	w.Put("}")
}

// tier says at what price the request is to be served, where the rules have
// left a tier.
func (w *writer) tier(out *chat.Outgoing) {
	switch tier := w.req.Tier; {
	case tier == "":
	case w.home.home == bedrock:
		set(out, "x-amzn-bedrock-service-tier", tier)
	case tier == "priority":
		w.trip.Warn("service_tier", "auto") // Anthropic's own default takes priority where it was bought
	default:
		w.String("service_tier", "standard_only")
	}
}
