package fakellm

import (
	"encoding/json"
	"iter"

	"github.com/tidwall/gjson"
)

// converseReply is a request of Converse that is being answered.
type converseReply struct {
	*converse
	speech claudeSpeech
	reason string
}

type converseUsage struct {
	Input      int `json:"inputTokens"`
	Output     int `json:"outputTokens"`
	Total      int `json:"totalTokens"`
	CacheRead  int `json:"cacheReadInputTokens"`
	CacheWrite int `json:"cacheWriteInputTokens"`
}

// member is an object of one member or a few.
type member map[string]any

func (m *converse) answer(*call) (*reply, *refusal) {
	r := &converseReply{converse: m}
	more := m.json.Get("additionalModelRequestFields")
	display := more.Get("thinking.display").Str
	if display == "" {
		display = m.claude.display()
	}
	r.speech = claudeSpeech{call: m.call, thinking: m.settings().thinking() != "" || m.reasons(), hidden: display == "omitted", ask: m.ask()}
	if bound := m.bound(); bound != nil {
		r.speech.seal.prefix = bound(len(m.turns))
	}
	r.speech.compose()
	r.reason = anthropicReason(&r.speech)
	if m.stream {
		return awsStreamed(sse(r.events()), awsEvent), nil
	}
	blocks := []member{}
	for _, p := range r.speech.parts {
		blocks = append(blocks, p.converse())
	}
	if r.faults.odd {
		blocks = append(blocks, member{"thingNobodyKnows": member{"a": 1}})
	}
	out := member{
		"output": member{"message": member{"role": "assistant", "content": blocks}}, "stopReason": r.reason, "metrics": member{"latencyMs": 42},
	}
	r.finish(out)
	return whole(out), nil
}

// reasons reports whether a model of another family is asked to think.
func (m *converse) reasons() bool {
	more := m.json.Get("additionalModelRequestFields")
	return more.Get("reasoningConfig.type").Str == "enabled" || more.Get("reasoning_effort").Exists() || more.Get("reasoning.effort").Exists()
}

// finish adds what stands at the end of an answer: usage and tier.
func (r *converseReply) finish(out member) {
	if usage := r.raw(r.count()); usage != nil {
		out["usage"] = usage
	}
	if tier := r.json.Get("serviceTier"); tier.Exists() {
		out["serviceTier"] = json.RawMessage(tier.Raw)
	}
}

func (r *converseReply) count() converseUsage {
	total, first, last := converseTokens(r.json)
	u := converseUsage{Input: total - last, CacheRead: first, CacheWrite: last - first, Output: r.speech.tokens()}
	u.Total = total + u.Output
	return u
}

// converseTokens counts the words of a request, and those up to its first and its
// last mark for the cache.
func converseTokens(body gjson.Result) (total, first, last int) {
	blocks := func(list gjson.Result) {
		list.ForEach(func(_, block gjson.Result) bool {
			if block.Get("cachePoint").Exists() {
				last = total
				if first == 0 {
					first = total
				}
				return true
			}
			total += converseBlockTokens(block)
			return true
		})
	}
	blocks(body.Get("toolConfig.tools"))
	blocks(body.Get("system"))
	body.Get("messages").ForEach(func(_, message gjson.Result) bool {
		total++
		blocks(message.Get("content"))
		return true
	})
	return total, first, last
}

func converseBlockTokens(block gjson.Result) int {
	if spec := block.Get("toolSpec"); spec.Exists() {
		return CountTokens(spec.Get("name").Str) + CountTokens(spec.Get("description").Str)
	}
	switch p := conversePart(block, ""); p.kind {
	case saidPart, thoughtPart, resultPart:
		return CountTokens(p.text)
	case callPart:
		return CountTokens(block.Get("toolUse.name").Str) + CountTokens(block.Get("toolUse.input").Raw)
	case hiddenPart:
		return 0
	}
	return mediaTokens
}

// ask reads what is asked for.
func (m *converse) ask() ask {
	last := m.turns[len(m.turns)-1]
	question, results := asked(last.parts)
	s := m.settings()
	more := m.json.Get("additionalModelRequestFields")
	effort := s.effort
	for _, at := range []string{"reasoningConfig.maxReasoningEffort", "reasoning_effort", "reasoning.effort"} {
		if v := more.Get(at); v.Exists() {
			effort = v.Str
		}
	}
	a := ask{
		question: question, callPrefix: "tooluse_", limit: int(s.limit), stops: stopsOf(m.json.Get("inferenceConfig.stopSequences")),
		reasoning: max(reasoningTokens(effort), int(s.budget/256)),
	}
	if schema := m.json.Get("outputConfig.textFormat.structure.jsonSchema.schema"); schema.Exists() {
		a.format, a.schema = "json_schema", gjson.Parse(schema.Str)
	}
	var tools []tool
	m.json.Get("toolConfig.tools").ForEach(func(_, v gjson.Result) bool {
		if spec := v.Get("toolSpec"); spec.Exists() {
			tools = append(tools, tool{name: spec.Get("name").Str, parameters: spec.Get("inputSchema.json")})
		}
		return true
	})
	several := !more.Get("tool_choice.disable_parallel_tool_use").Bool()
	switch {
	case last.role == "assistant":
	case results && !s.force:
		a.tools = pick(spokenOf(tools, question), "", several, question)
	default:
		a.tools = pick(tools, m.json.Get("toolConfig.toolChoice.tool.name").Str, several, question)
	}
	a.shortIDs = m.family == "mistral"
	return a
}

// converse spells a part of the answer.
func (p *speechPart) converse() member {
	switch p.kind {
	case thoughtPart:
		return member{"reasoningContent": member{"reasoningText": member{"text": p.text, "signature": p.signature}}}
	case hiddenPart:
		return member{"reasoningContent": member{"redactedContent": p.signature}}
	case callPart:
		return member{"toolUse": member{"toolUseId": p.call.id, "name": p.call.name, "input": json.RawMessage(p.call.arguments)}}
	}
	return member{"text": p.text}
}

// events streams the answer. Only calls have a start.
func (r *converseReply) events() iter.Seq[event] {
	return func(yield func(event) bool) {
		done := false
		tell := func(name string, payload member, word bool) {
			if !done {
				payload["p"] = padding(len(name) * (1 + len(payload)))
				done = !yield(event{name: name, data: encode(payload), word: word, last: name == "metadata"})
			}
		}
		tell("messageStart", member{"role": "assistant"}, false)
		for i := range r.speech.parts {
			p := &r.speech.parts[i]
			if p.kind == callPart {
				tell("contentBlockStart", member{"contentBlockIndex": i, "start": member{"toolUse": member{"toolUseId": p.call.id, "name": p.call.name}}}, false)
			}
			for _, d := range p.deltas() {
				tell("contentBlockDelta", member{"contentBlockIndex": i, "delta": d}, true)
			}
			if r.faults.odd {
				tell("contentBlockDelta", member{"contentBlockIndex": i, "delta": member{"thing": member{}}}, false)
			}
			tell("contentBlockStop", member{"contentBlockIndex": i}, false)
		}
		if r.faults.odd {
			tell("thingHappened", member{"a": 1}, false)
		}
		tell("messageStop", member{"stopReason": r.reason}, false)
		metadata := member{"metrics": member{"latencyMs": 42}}
		r.finish(metadata)
		tell("metadata", metadata, false)
	}
}

// deltas cuts a part into what a stream brings of it.
func (p *speechPart) deltas() (list []member) {
	switch p.kind {
	case thoughtPart:
		for _, word := range words(p.text) {
			list = append(list, member{"reasoningContent": member{"text": word}})
		}
		return append(list, member{"reasoningContent": member{"signature": p.signature}})
	case hiddenPart:
		return []member{{"reasoningContent": member{"redactedContent": p.signature}}}
	case callPart:
		if p.call.arguments == "{}" {
			return []member{{"toolUse": member{"input": ""}}}
		}
		for _, text := range chunked(p.call.arguments) {
			list = append(list, member{"toolUse": member{"input": text}})
		}
		return list
	}
	for _, word := range p.words {
		list = append(list, member{"text": word})
	}
	return append(list, member{"text": ""}) // an empty one comes at times
}
