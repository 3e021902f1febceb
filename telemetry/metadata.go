package telemetry

// Label is one value of the dynamic metadata namespace io.envoy.ai_gateway: a
// text, or a number when Text is empty.
type Label struct {
	Key    string
	Text   string
	Number float64
}

// Metadata yields what Envoy's access log and other filters may use of the
// exchange, in a fixed order: what Decided yields, then what Ended does. What is
// unknown is left out. All three are an iter.Seq[Label] and allocate nothing.
func (r *Record) Metadata(yield func(Label) bool) {
	more := true
	r.Decided(func(l Label) bool { more = yield(l); return more })
	if more {
		r.Ended(yield)
	}
}

// Decided yields what is known once the request was routed. Sent with the
// request, it is in the access log however the exchange ends.
func (r *Record) Decided(yield func(Label) bool) {
	labels := [...]Label{
		{Key: "route", Text: r.Route},
		{Key: "rule", Text: r.Rule},
		{Key: "backend", Text: r.Backend},
		{Key: "model_requested", Text: r.ModelRequested},
		{Key: "model_upstream", Text: r.ModelUpstream},
	}
	known(labels[:], yield)
}

// Ended yields what is known once the reply is over.
func (r *Record) Ended(yield func(Label) bool) {
	labels := [...]Label{
		{Key: "model_response", Text: r.ModelResponse},
		{Key: "input_tokens", Number: float64(r.InputTokens)},
		{Key: "cached_tokens", Number: float64(r.CachedTokens)},
		{Key: "output_tokens", Number: float64(r.OutputTokens)},
		{Key: "reasoning_tokens", Number: float64(r.ReasoningTokens)},
		{Key: "total_tokens", Number: float64(r.TotalTokens)},
		{Key: "attempts", Number: float64(r.Attempts)},
		{Key: "finish_reason", Text: r.FinishReason},
		{Key: "error_type", Text: r.ErrorType},
	}
	known(labels[:], yield)
}

func known(labels []Label, yield func(Label) bool) {
	for _, l := range labels {
		if (l.Text != "" || l.Number != 0) && !yield(l) {
			return
		}
	}
}
