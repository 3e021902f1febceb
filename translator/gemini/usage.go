package gemini

import (
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// count tells how much was used so far. Each count replaces the one before it.
func (r *reader) count(evs []chat.Event, v raw.Value) []chat.Event {
	var prompt, tools, said, total int64
	var u chat.Usage
	ev := chat.Event{Kind: chat.Counts, Tier: r.tier}
	for m := v.Members(); m.Next(); {
		n := max(m.Value().Int(), 0)
		switch string(m.Name()) {
		case "promptTokenCount":
			prompt = n
		case "toolUsePromptTokenCount":
			tools = n
		case "candidatesTokenCount":
			said = n
		case "thoughtsTokenCount":
			u.Reasoning = n
		case "cachedContentTokenCount":
			u.Cached = n
		case "totalTokenCount":
			total = n
		case "serviceTier", "trafficType":
			if tier := tierOf(m.Value().String()); tier != "" {
				ev.Tier = tier
			}
		}
	}
	u.Input = prompt + tools
	u.Output = said + u.Reasoning
	if u.Reasoning > 0 && u.Reasoning <= said && prompt+tools+said == total {
		u.Output = said // Vertex has once counted the thoughts in
	}
	u.Total = u.Input + u.Output
	ev.Usage = u
	return append(evs, ev)
}

// tierOf returns a service tier in OpenAI's words.
func tierOf(tier string) string {
	switch strings.ToUpper(tier) {
	case "STANDARD", "ON_DEMAND":
		return "default"
	case "FLEX", "ON_DEMAND_FLEX":
		return "flex"
	case "PRIORITY", "ON_DEMAND_PRIORITY":
		return "priority"
	}
	return ""
}

// chancesOf returns how likely the tokens of an answer were, as OpenAI has it.
func chancesOf(v raw.Value) raw.Value {
	out := raw.Value{'['}
	top := v.Get("topCandidates").Elements()
	for e := v.Get("chosenCandidates").Elements(); e.Next(); {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(appendChance(out, e.Value()), `,"top_logprobs":[`...)
		if top.Next() {
			first := true
			for o := top.Value().Get("candidates").Elements(); o.Next(); first = false {
				if !first {
					out = append(out, ',')
				}
				out = append(appendChance(out, o.Value()), '}')
			}
		}
		out = append(out, ']', '}')
	}
	return append(out, ']')
}

// appendChance appends a token and its chance, but for the end of the object.
func appendChance(dst []byte, v raw.Value) []byte {
	chance := v.Get("logProbability")
	if !chance.IsNumber() {
		chance = raw.Value("0")
	}
	return chat.AppendToken(dst, v.Get("token").Text(), chance)
}
