package fakellm

import (
	"encoding/json"
	"iter"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// geminiSpeech is an answer of generateContent.
type geminiSpeech struct {
	*gemini
	ask      ask
	thoughts []string // words
	shown    bool     // the thoughts are told
	choices  []*said
}

func (g *gemini) answer(*call) (*reply, *refusal) {
	s := &geminiSpeech{gemini: g, ask: g.ask()}
	thinking := g.json.Get("generationConfig.thinkingConfig")
	s.shown = thinking.Get("includeThoughts").Bool()
	if s.ask.reasoning > 0 {
		voice := claudeSpeech{call: g.call, ask: s.ask}
		s.thoughts = voice.thought()
		if room := s.ask.limit; room > 0 {
			s.thoughts = s.thoughts[:min(len(s.thoughts), room)]
		}
		s.ask.reasoning = len(s.thoughts)
	}
	for i := range max(s.ask.choices, 1) {
		s.choices = append(s.choices, s.ask.answer(g.call, i))
	}
	if g.faults.empty {
		s.choices[0].words, s.choices[0].calls, s.thoughts = nil, nil, nil
	}
	if g.stream {
		return s.streamed(), nil
	}
	var candidates []member
	for i := range s.choices {
		candidates = append(candidates, s.candidate(i, gathered(s.parts(i)), s.reason(i)))
	}
	return whole(s.chunk(candidates, s.usage(true))), nil
}

// ask reads what is asked for.
func (g *gemini) ask() ask {
	config := g.json.Get("generationConfig")
	contents := g.json.Get("contents").Array()
	last := contents[len(contents)-1]
	thinking := config.Get("thinkingConfig")
	a := ask{question: partsText(last), limit: int(config.Get("maxOutputTokens").Num), stops: stopsOf(config.Get("stopSequences")),
		choices: int(config.Get("candidateCount").Num), callPrefix: "fc_"}
	switch {
	case thinking.Get("thinkingLevel").Exists():
		a.reasoning = reasoningTokens(strings.ToLower(thinking.Get("thinkingLevel").Str))
	case thinking.Get("thinkingBudget").Num > 0:
		a.reasoning = max(int(thinking.Get("thinkingBudget").Num/1024), 1)
	case thinking.Get("includeThoughts").Bool():
		a.reasoning = 8
	}
	if config.Get("responseMimeType").Str == "application/json" {
		a.format = "json_object"
		for _, name := range []string{"responseJsonSchema", "responseSchema"} {
			if schema := config.Get(name); schema.Exists() {
				a.format, a.schema = "json_schema", gjson.Parse(lowered(schema.Raw))
			}
		}
	}
	a.tools = g.toCall(a.question, last)
	return a
}

// toCall returns the functions that the answer calls.
func (g *gemini) toCall(question string, last gjson.Result) []tool {
	calling := g.json.Get("toolConfig.functionCallingConfig")
	allowed := stopsOf(calling.Get("allowedFunctionNames"))
	var list []tool
	for _, f := range g.json.Get("tools.#.functionDeclarations|@flatten").Array() {
		name := f.Get("name").Str
		parameters := f.Get("parametersJsonSchema")
		if own := f.Get("parameters"); own.Exists() {
			parameters = gjson.Parse(lowered(own.Raw))
		}
		if len(allowed) == 0 || slices.Contains(allowed, name) {
			list = append(list, tool{name: name, parameters: parameters})
		}
	}
	switch {
	case calling.Get("mode").Str == "NONE", last.Get("role").Str == "model":
		return nil
	case onlyResults(last) && calling.Get("mode").Str != "ANY":
		return pick(spokenOf(list, question), "", true, question)
	}
	return pick(list, "", true, question)
}

// lowered spells the types of a schema of Google's as JSON Schema does.
func lowered(schema string) string {
	for _, kind := range []string{"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"} {
		schema = strings.ReplaceAll(schema, `"`+kind+`"`, `"`+strings.ToLower(kind)+`"`)
	}
	return schema
}

// partsText returns what a content says, results included.
func partsText(content gjson.Result) string {
	var said []string
	for _, part := range content.Get("parts").Array() {
		if text := part.Get("text"); text.Exists() {
			said = append(said, text.Str)
		}
		response := part.Get("functionResponse.response")
		for _, name := range []string{"output", "error"} {
			if text := response.Get(name); text.Exists() {
				said = append(said, text.String())
			}
		}
	}
	return strings.TrimSpace(strings.Join(said, " "))
}

// parts returns the parts of a choice, as a stream brings them.
func (s *geminiSpeech) parts(choice int) (list []member) {
	said := s.choices[choice]
	if s.shown {
		for _, word := range s.thoughts {
			list = append(list, member{"text": word, "thought": true})
		}
	}
	for _, word := range said.words {
		list = append(list, member{"text": word})
	}
	if s.faults.texts && len(said.calls) > 0 {
		list = append(list, member{"text": "Let me look that up."})
	}
	if s.faults.odd {
		list = append(list, member{"executableCode": member{"language": "PYTHON", "code": "1"}}, member{"thingNobodyKnows": member{"a": 1}})
	}
	for i, call := range said.calls {
		made := member{"name": call.name}
		if s.model.gen >= 30 || !s.home.vertex {
			made["id"] = call.id
		}
		if call.arguments != "{}" {
			made["args"] = json.RawMessage(call.arguments)
		}
		part := member{"functionCall": made}
		if i == 0 && s.model.gen >= 30 {
			part["thoughtSignature"] = s.signature(callPart, shownCall(gjson.ParseBytes(encode(made))))
		}
		list = append(list, part)
	}
	if s.model.gen >= 30 && len(said.words) > 0 {
		list = append(list, member{"text": "", "thoughtSignature": s.signature(saidPart, "")})
	}
	return list
}

// gathered puts together what a stream brings in pieces. The signature of a text,
// which a stream brings behind it, stands on its last part.
func gathered(pieces []member) (parts []member) {
	for _, p := range pieces {
		text, said := p["text"].(string)
		if n := len(parts); n > 0 && said && parts[n-1]["thought"] == p["thought"] {
			if before, ok := parts[n-1]["text"].(string); ok {
				parts[n-1]["text"] = before + text
				if signature, ok := p["thoughtSignature"]; ok {
					parts[n-1]["thoughtSignature"] = signature
				}
				continue
			}
		}
		parts = append(parts, p)
	}
	return parts
}

func (s *geminiSpeech) reason(choice int) string {
	switch {
	case s.faults.finish != "":
		return s.faults.finish
	case s.choices[choice].finish == "length":
		return "MAX_TOKENS"
	}
	return "STOP"
}

// candidate spells a choice, or what is new of it; reason is "" until it ends.
func (s *geminiSpeech) candidate(index int, parts []member, reason string) member {
	out := member{"index": index}
	if len(parts) > 0 {
		out["content"] = member{"parts": parts, "role": "model"}
	}
	if reason != "" {
		out["finishReason"] = reason
	}
	return out
}

func (s *geminiSpeech) chunk(candidates []member, usage json.RawMessage) member {
	out := member{"modelVersion": s.call.model, "responseId": s.id("", 22)}
	if len(candidates) > 0 {
		out["candidates"] = candidates
	}
	if usage != nil {
		out["usageMetadata"] = usage
	}
	return out
}

// usage counts the request, and the answer when it is complete.
func (s *geminiSpeech) usage(complete bool) json.RawMessage {
	prompt := CountTokens(s.json.Get("systemInstruction.parts.#.text").String())
	for _, content := range s.json.Get("contents").Array() {
		prompt += CountTokens(partsText(content)) + mediaTokens*(has(content, "inlineData")+has(content, "fileData"))
	}
	for _, f := range s.json.Get("tools.#.functionDeclarations|@flatten").Array() {
		prompt += CountTokens(f.Get("name").Str) + CountTokens(f.Get("description").Str)
	}
	u := member{"promptTokenCount": prompt, "totalTokenCount": prompt}
	if complete {
		said := 0
		for _, choice := range s.choices {
			said += choice.tokens()
		}
		u["candidatesTokenCount"], u["totalTokenCount"] = said, prompt+said+len(s.thoughts)
		if len(s.thoughts) > 0 {
			u["thoughtsTokenCount"] = len(s.thoughts)
		}
	}
	if s.home.vertex {
		u["trafficType"] = "ON_DEMAND"
	} else {
		u["serviceTier"] = "standard"
	}
	return s.raw(u)
}

// streamed tells the answer in chunks, which are whole replies with new parts.
func (s *geminiSpeech) streamed() *reply {
	s.faults.crlf = true // as Google ends its lines
	out := sse(s.events())
	out.contentType = "text/event-stream"
	out.failure = func(r *refusal, _ int) []event {
		fault := member{"code": r.status, "message": r.message, "status": googleStatus[r.status]}
		return []event{{data: encode(member{"error": fault}), last: true}}
	}
	return out
}

func (s *geminiSpeech) events() iter.Seq[event] {
	return func(yield func(event) bool) {
		for i := range s.choices {
			for _, part := range s.parts(i) {
				_, word := part["text"]
				if !yield(event{data: encode(s.chunk([]member{s.candidate(i, []member{part}, "")}, s.usage(false))), word: word}) {
					return
				}
			}
		}
		// Why it ended comes by itself, behind everything else.
		var ends []member
		for i := range s.choices {
			ends = append(ends, s.candidate(i, nil, s.reason(i)))
		}
		yield(event{data: encode(s.chunk(ends, s.usage(true))), last: true})
	}
}

// blocked answers a prompt that nobody wants to read.
func blocked(c *call, stream bool) *reply {
	out := member{"promptFeedback": member{"blockReason": "PROHIBITED_CONTENT"}, "modelVersion": c.model, "responseId": c.id("", 22),
		"usageMetadata": c.raw(member{"promptTokenCount": 3, "totalTokenCount": 3})}
	if !stream {
		return whole(out)
	}
	return sse(func(yield func(event) bool) { yield(event{data: encode(out), last: true}) })
}
