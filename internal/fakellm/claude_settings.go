package fakellm

import (
	"slices"

	"github.com/tidwall/gjson"
)

// claudeSettings are what a request asks of one of Anthropic's models, wherever
// its API puts it.
type claudeSettings struct {
	claude
	bedrock                bool // Bedrock serves it
	temperature, top, topK gjson.Result
	kind                   string // of thinking
	effort                 string
	budget, limit          float64 // tokens to think, tokens in all
	interleaved            bool    // the budget may go beyond the limit
	force                  bool    // a tool has to be called
}

func set(v gjson.Result) bool { return v.Type != gjson.Null }

// thinking returns the type of thinking that comes of it, "" for none.
func (s *claudeSettings) thinking() string {
	switch {
	case s.kind == "disabled":
		return ""
	case s.kind == "" && s.thinks():
		return "adaptive"
	}
	return s.kind
}

// check refuses what the model refuses.
func (s *claudeSettings) check() *refusal {
	if err := s.checkSampling(); err != nil {
		return err
	}
	switch {
	case s.force && !s.forced():
		return wrong(`tool_choice: type "tool" and "any" are not supported for this model.`)
	case s.force && s.kind == "enabled":
		return wrong("Thinking may not be enabled when tool_choice forces tool use.")
	case s.kind != "" && !slices.Contains(s.claude.thinking(), s.kind):
		if s.kind == "adaptive" {
			return wrong("adaptive thinking is not supported on this model")
		}
		return wrong(`"thinking.type.%s" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.`, s.kind)
	case s.kind == "enabled" && s.limit > 0 && s.budget >= s.limit && !s.interleaved:
		return wrong("`max_tokens` must be greater than `thinking.budget_tokens`")
	case s.effort != "" && !slices.Contains(s.efforts(), s.effort), s.effort != "" && s.bedrock && s.effortsAtBedrock() == nil:
		return wrong("output_config.effort: Extra inputs are not permitted")
	case (s.kind == "disabled" || s.kind == "between_tools") && (s.effort == "xhigh" || s.effort == "max") && s.version >= 50:
		return wrong("output_config.effort: '%s' is not supported when thinking is %s", s.effort, s.kind)
	}
	return nil
}

func (s *claudeSettings) checkSampling() *refusal {
	temperature, top := set(s.temperature), set(s.top)
	changed := temperature && s.temperature.Num != 1
	switch {
	case s.one("haiku", 55):
		if set(s.topK) || changed || top && (temperature || s.top.Num != 0.99) {
			return wrong("temperature, top_p and top_k are not supported for this model")
		}
	case !s.sampled():
		if set(s.topK) || changed || top && s.top.Num != 1 {
			return wrong("temperature, top_p and top_k are deprecated for this model.")
		}
	case temperature && top && s.version > 40:
		return wrong("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
	case s.thinking() == "":
	case changed:
		return wrong("`temperature` may only be set to 1 when thinking is enabled")
	case set(s.topK):
		return wrong("`top_k` must be unset when thinking is enabled")
	case top && s.top.Num < 0.95:
		return wrong("`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled")
	}
	return nil
}
