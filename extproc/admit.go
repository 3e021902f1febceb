package extproc

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"time"

	"llmroute/router/config"
	"llmroute/router/limit"
	"llmroute/telemetry"
	"llmroute/translator"
)

// admit brings the request within what is configured of its model and reserves
// its share of the model's budget. It returns the body to translate, which is the
// one that was given unless that had to change.
func (x *stream) admit(body []byte) ([]byte, error) {
	if x.plan.Settings == nil {
		return body, nil
	}
	admitted, err := x.plan.Admit(&x.fields, body)
	x.decided()
	if err != nil {
		return nil, err
	}
	x.edit.Warn = append(x.edit.Warn, admitted.Warnings...)
	x.prompt = admitted.Prompt
	if m := x.plan.Settings; m != nil {
		if err := x.reserve(m, admitted.Reserve); err != nil {
			return nil, err
		}
	}
	if !sameSlice(admitted.Body, body) {
		err = translator.Scan(x.op, x.head.headers.Get("content-type"), admitted.Body, &x.fields)
	}
	return admitted.Body, err
}

// reserve takes from the model's budget what the request may need of it.
func (x *stream) reserve(m *config.Model, tokens int64) error {
	limits := limit.Limits{Requests: m.Limits.RequestsPerMinute, Tokens: m.Limits.TokensPerMinute}
	if limits.None() {
		return nil
	}
	var err error
	x.budget, err = x.srv.limits.Reserve(x.ctx, limit.Key{Backend: x.plan.Backend.ID, Model: m.Name}, limits, tokens)
	switch {
	case errors.Is(err, limit.ErrUnavailable):
		return limitsUnavailable
	case err != nil:
		return fmt.Errorf("reserve: %w", err)
	case x.budget.Allowed:
		return nil
	}
	for name, value := range x.budget.Headers() {
		x.out.setHeader(name, value)
	}
	return rateExceeded(x.plan.Called(&x.fields), &x.budget, tokens)
}

var limitsUnavailable = &translator.Refusal{Status: 503, Code: "limits_unavailable", RetryAfter: time.Second,
	Message: "The gateway cannot reach the store of its rate limits, and lets nothing pass without it."}

func rateExceeded(model string, v *limit.Verdict, tokens int64) *translator.Refusal {
	level, unit := v.Limit(), v.Unit.String()
	seconds := int64(v.RetryAfter / time.Second)
	r := &translator.Refusal{Status: 429, Code: "rate_limit_exceeded", Type: unit, Detail: &translator.Detail{
		Code: "rate_limit_exceeded", Message: "Rate limit exceeded",
		Details: rateDetails{model, level.Limit, unit, seconds},
	}}
	if v.Oversized {
		r.Message = fmt.Sprintf("The request needs up to %d tokens, and the model '%s' is limited to %d a minute: "+
			"shorten it, or allow less with max_tokens.", tokens, model, level.Limit)
		r.Final = true
	} else {
		r.Message = fmt.Sprintf("Rate limit reached for the model '%s': %d %s a minute. Try again in %s.", model, level.Limit, unit, strconv.FormatInt(seconds, 10)+"s")
	}
	return r
}

type rateDetails struct {
	Model      string `json:"model"`
	Limit      int64  `json:"limit"`
	Unit       string `json:"unit"`
	RetryAfter int64  `json:"retry_after"` // seconds
}

// settleBudget ends the reservation by what is known of the exchange. A refused
// request costs nothing, and one that the backend refused no tokens. Where an
// answer came and nobody said what it took, the reservation stands. Of an answer
// that was cut short, the prompt and what was seen of it count, at one token for
// each event: what it said of its usage until then, it may have said when it
// began.
func (x *stream) settleBudget() {
	r, ticket := &x.record, &x.budget.Ticket
	if !ticket.Open() {
		return
	}
	used := max(r.TotalTokens, r.InputTokens+r.OutputTokens)
	switch {
	case x.exchange == nil || r.Outcome == telemetry.Refused:
		ticket.Cancel()
	case used > 0 && (r.Outcome == telemetry.Complete || r.FinishReason != ""):
		ticket.Settle(used)
	case used == 0 && r.Status >= 400:
		ticket.Settle(0)
	case r.Outcome == telemetry.Complete:
		ticket.Settle(ticket.Tokens())
	default:
		ticket.Settle(max(used, cmp.Or(r.InputTokens, x.prompt)+int64(r.OutputEvents)))
	}
}
