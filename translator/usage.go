package translator

import "llmroute/translator/raw"

// readUsage reads the usage object of OpenAI's APIs and of the servers that
// speak them more or less; ok is false when value counts nothing.
func readUsage(value []byte) (u Usage, ok bool) {
	var hit, reasoning int64
	for m := raw.MembersAt(value, 0); m.Next(); {
		switch string(m.Name()) {
		case "prompt_tokens", "input_tokens":
			u.Input = count(m.Value())
		case "completion_tokens", "output_tokens":
			u.Output = count(m.Value())
		case "total_tokens":
			u.Total = count(m.Value())
		case "prompt_tokens_details", "input_tokens_details":
			for d := raw.MembersAt(m.Value(), 0); d.Next(); {
				switch string(d.Name()) {
				case "cached_tokens":
					u.Cached = count(d.Value())
				case "cache_write_tokens":
					u.CacheWrite = count(d.Value())
				}
			}
		case "completion_tokens_details", "output_tokens_details":
			for d := raw.MembersAt(m.Value(), 0); d.Next(); {
				if string(d.Name()) == "reasoning_tokens" {
					u.Reasoning = count(d.Value())
				}
			}
		case "prompt_cache_hit_tokens": // DeepSeek
			hit = count(m.Value())
		case "reasoning_tokens": // SGLang
			reasoning = count(m.Value())
		}
	}
	if u.Cached == 0 {
		u.Cached = hit
	}
	if u.Reasoning == 0 {
		u.Reasoning = reasoning
	}
	u.settle()
	return u, u != Usage{}
}

// settle makes the sum right where servers count in other ways.
func (u *Usage) settle() {
	switch sum := u.Input + u.Output; {
	case u.Total <= sum:
		u.Total = sum
	case sum == 0:
		u.Input = u.Total // Jina's rerank names the total alone
	case u.Output > 0 && u.Total == sum+u.Reasoning:
		u.Output = u.Total - u.Input // xAI leaves the reasoning out of the output
	default:
		u.Total = sum
	}
}

// count reads a JSON number as a count of tokens. What is none counts nothing;
// a fraction is cut off.
func count(v raw.Value) int64 { return max(v.Int(), 0) }
