package fakellm

import (
	"cmp"
	"encoding/json"

	"github.com/tidwall/gjson"
)

var responsesFields = fields{
	"model": text.needed(), "input": rule{kinds: isString | isArray, filled: true, each: &responsesItem},
	"instructions": text, "previous_response_id": text, "conversation": text.or(isObject), "prompt": anObject,
	"store": boolean, "background": boolean, "stream": boolean, "stream_options": object(fields{"include_obfuscation": boolean}),
	"max_output_tokens": integer(16, 1<<31), "max_tool_calls": positive,
	"temperature": decimal(0, 2), "top_p": decimal(0, 1), "top_logprobs": integer(0, 20),
	"parallel_tool_calls": boolean, "metadata": anObject, "user": text, "safety_identifier": text.atMost(128),
	"prompt_cache_key": text, "prompt_cache_retention": retention, "prompt_cache_options": anObject,
	"moderation": anObject, "service_tier": oneOf("auto", "default", "flex", "scale", "priority", "fast", "ultrafast"),
	"reasoning": object(fields{
		"effort": effort, "summary": oneOf("auto", "concise", "detailed"), "generate_summary": oneOf("auto", "concise", "detailed"),
		"context": oneOf("auto", "current_turn", "all_turns"), "mode": oneOf("standard", "pro"),
	}),
	"text": object(fields{"format": rule{kinds: isObject, also: tagged("type", map[string]fields{
		"text":        {"type": text},
		"json_object": {"type": text},
		"json_schema": {"type": text, "name": text.needed().atMost(64), "schema": anObject.needed(), "strict": boolean, "description": text},
	})}, "verbosity": verbosity}),
	"tools": aList.atMost(128).of(responsesTool), "tool_choice": rule{kinds: isString | isObject, among: []string{"none", "auto", "required"}},
	"include": aList.of(text), "truncation": oneOf("auto", "disabled"), "context_management": aList, "access_programs": anything,
}

// responsesMessage are the fields of an input message.
var responsesMessage = fields{
	"type": text, "role": oneOf("user", "assistant", "system", "developer").needed(), "id": text, "status": text,
	"phase": text, "content": rule{kinds: isString | isArray, need: true, each: &rule{kinds: isObject, also: tagged("type", map[string]fields{
		"input_text":  {"type": text, "text": text.needed(), "prompt_cache_breakpoint": anObject},
		"input_image": {"type": text, "image_url": text, "file_id": text, "detail": text, "prompt_cache_breakpoint": anObject},
		"input_file": {"type": text, "file_id": text, "filename": text, "file_data": text, "file_url": text,
			"detail": text, "prompt_cache_breakpoint": anObject},
		"output_text": {"type": text, "text": text.needed(), "annotations": aList, "logprobs": aList},
		"refusal":     {"type": text, "refusal": text.needed()},
	})}},
}

var functionCall = fields{
	"type": text, "id": text, "status": text, "namespace": text,
	"call_id": text.needed(), "name": text.needed(), "arguments": text.needed(),
}

var callOutput = fields{
	"type": text, "id": text, "status": text, "call_id": text.needed(), "output": text.or(isArray).needed(),
}

// responsesItem is the rule of one input item. Items of tools that the provider
// would run by itself are not looked into.
var responsesItem = rule{kinds: isObject, also: func(v *validation, at string, item gjson.Result) *refusal {
	switch item.Get("type").Str {
	case "", "message":
		return v.members(at, item, responsesMessage)
	case "function_call":
		return v.members(at, item, functionCall)
	case "function_call_output", "custom_tool_call_output":
		return v.members(at, item, callOutput)
	}
	return nil
}}

// responsesTool is the rule of one tool; functions are flat here.
var responsesTool = rule{kinds: isObject, also: func(v *validation, at string, tool gjson.Result) *refusal {
	switch tool.Get("type").Str {
	case "":
		return v.members(at, tool, fields{"type": text.needed()})
	case "function":
		return v.members(at, tool, fields{"type": text, "name": text.needed().atMost(64), "parameters": anObject, "strict": boolean,
			"description": text, "async": boolean, "defer_loading": boolean, "allowed_callers": aList, "output_schema": anObject})
	case "custom":
		return v.members(at, tool, fields{"type": text, "name": text.needed().atMost(64), "description": text, "format": anObject})
	}
	return nil
}}

// response is an answer of the Responses API.
type response struct {
	ID         string          `json:"id"`
	Object     string          `json:"object"`
	Created    int64           `json:"created_at"`
	Completed  *int64          `json:"completed_at"`
	Status     string          `json:"status"`
	Background bool            `json:"background"`
	Error      *responseError  `json:"error"`
	Incomplete *incomplete     `json:"incomplete_details"`
	Model      string          `json:"model"`
	Output     []outputItem    `json:"output"`
	Usage      json.RawMessage `json:"usage,omitempty"`
	Tier       string          `json:"service_tier"`

	// What the request said, or what holds when it did not.
	Instructions json.RawMessage `json:"instructions"`
	MaxOutput    json.RawMessage `json:"max_output_tokens"`
	Metadata     json.RawMessage `json:"metadata"`
	Parallel     json.RawMessage `json:"parallel_tool_calls"`
	Previous     json.RawMessage `json:"previous_response_id"`
	Reasoning    json.RawMessage `json:"reasoning"`
	Store        json.RawMessage `json:"store"`
	Temperature  json.RawMessage `json:"temperature"`
	Text         json.RawMessage `json:"text"`
	ToolChoice   json.RawMessage `json:"tool_choice"`
	Tools        json.RawMessage `json:"tools"`
	TopP         json.RawMessage `json:"top_p"`
	Truncation   json.RawMessage `json:"truncation"`
}

type responseError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type incomplete struct {
	Reason string `json:"reason"`
}

// outputItem is a message or a call.
type outputItem struct {
	ID        string        `json:"id"`
	Type      string        `json:"type"`
	Status    string        `json:"status"`
	Role      string        `json:"role,omitempty"`
	Content   *[]outputPart `json:"content,omitempty"`
	CallID    string        `json:"call_id,omitempty"`
	Name      string        `json:"name,omitempty"`
	Arguments *string       `json:"arguments,omitempty"`
	Input     *string       `json:"input,omitempty"`
}

type outputPart struct {
	Type        string     `json:"type"`
	Text        string     `json:"text"`
	Annotations []struct{} `json:"annotations"`
	Logprobs    []struct{} `json:"logprobs"`
}

func textPart(text string) outputPart {
	return outputPart{Type: "output_text", Text: text, Annotations: []struct{}{}, Logprobs: []struct{}{}}
}

type responseUsage struct {
	Input        int `json:"input_tokens"`
	InputDetails struct {
		Cached int `json:"cached_tokens"`
	} `json:"input_tokens_details"`
	Output        int `json:"output_tokens"`
	OutputDetails struct {
		Reasoning int `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	Total int `json:"total_tokens"`
}

// speech is a response that is being answered.
type speech struct {
	*call
	said  *said
	usage responseUsage
}

func answerResponses(c *call) (*reply, *refusal) {
	set := func(name string) bool { return c.json.Get(name).Type != gjson.Null }
	switch {
	case !set("input") && !set("prompt"):
		return nil, invalid("missing_required_parameter", "input", "Missing required parameter: 'input'.")
	case set("previous_response_id") && set("conversation"):
		return nil, invalid("mutually_exclusive_parameters", "previous_response_id",
			"Mutually exclusive parameters: 'previous_response_id' and 'conversation'.")
	}
	a, prompt, cached := responsesAsk(c.json)
	s := &speech{call: c, said: a.answer(c, 0)}
	u := a.usage([]*said{s.said}, prompt, cached)
	s.usage.Input, s.usage.InputDetails.Cached = u.Prompt, cached
	s.usage.Output, s.usage.OutputDetails.Reasoning = u.Completion, u.CompletionDetails.Reasoning
	s.usage.Total = u.Total
	if c.json.Get("stream").Bool() {
		r := sse(s.events())
		r.failure = s.failure
		return r, nil
	}
	return whole(s.finished()), nil
}

// responsesAsk reads what is asked for, and counts it as chatTokens counts chats.
func responsesAsk(body gjson.Result) (a ask, prompt, cached int) {
	a = ask{
		format:    body.Get("text.format.type").Str,
		schema:    body.Get("text.format.schema"),
		limit:     int(body.Get("max_output_tokens").Int()),
		reasoning: reasoningTokens(body.Get("reasoning.effort").Str),
	}
	if instructions := body.Get("instructions"); instructions.Type == gjson.String {
		prompt = 1 + CountTokens(instructions.Str)
		if body.Get("prompt_cache_key").Type != gjson.Null {
			cached = prompt
		}
	}
	asking := true
	if input := body.Get("input"); input.Type == gjson.String {
		a.question = input.Str
		prompt += 1 + CountTokens(input.Str)
	} else {
		input.ForEach(func(_, item gjson.Result) bool {
			content := item.Get("content")
			asking = item.Get("role").Str == "user"
			if output := item.Get("output"); output.Exists() {
				content = output
			}
			a.question = textOf(content)
			prompt += 1 + contentTokens(content) + CountTokens(item.Get("name").Str) + CountTokens(item.Get("arguments").Str)
			return true
		})
	}
	body.Get("tools").ForEach(func(_, tool gjson.Result) bool {
		prompt += toolTokens(tool)
		return true
	})
	if asking {
		a.tools = toCall(body.Get("tools"), body.Get("tool_choice"), body.Get("parallel_tool_calls"), a.question)
	}
	return a, prompt, cached
}

// begun is the response before anything was said.
func (s *speech) begun() *response {
	echo := func(name, without string) json.RawMessage {
		return json.RawMessage(cmp.Or(s.json.Get(name).Raw, without))
	}
	return &response{
		ID: s.id("resp_", 48), Object: "response", Created: s.created(), Status: "in_progress",
		Model: s.Model, Output: []outputItem{}, Usage: null, Tier: "default",
		Instructions: echo("instructions", "null"), MaxOutput: echo("max_output_tokens", "null"),
		Metadata: echo("metadata", "{}"), Parallel: echo("parallel_tool_calls", "true"),
		Previous: echo("previous_response_id", "null"), Reasoning: echo("reasoning", `{"effort":null,"summary":null}`),
		Store: echo("store", "true"), Temperature: echo("temperature", "1"),
		Text: echo("text", `{"format":{"type":"text"}}`), ToolChoice: echo("tool_choice", `"auto"`),
		Tools: echo("tools", "[]"), TopP: echo("top_p", "1"), Truncation: echo("truncation", `"disabled"`),
	}
}

// finished is the whole response.
func (s *speech) finished() *response {
	r := s.begun()
	r.Usage = s.raw(s.usage)
	r.Status, r.Output = "completed", s.items()
	if s.said.finish == "length" {
		r.Status, r.Incomplete = "incomplete", &incomplete{"max_output_tokens"}
		return r
	}
	r.Completed = new(s.created() + 1)
	return r
}

func (s *speech) items() []outputItem {
	if len(s.said.calls) == 0 {
		return []outputItem{s.message(cmp.Or(map[string]string{"length": "incomplete"}[s.said.finish], "completed"), s.said.text())}
	}
	var list []outputItem
	for i := range s.said.calls {
		list = append(list, s.callItem(i, "completed", s.said.calls[i].arguments))
	}
	return list
}

func (s *speech) message(status, text string) outputItem {
	content := []outputPart{}
	if status != "in_progress" {
		content = append(content, textPart(text))
	}
	return outputItem{ID: s.id("msg_", 48), Type: "message", Status: status, Role: "assistant", Content: &content}
}

func (s *speech) callItem(i int, status, arguments string) outputItem {
	call := &s.said.calls[i]
	item := outputItem{Status: status, CallID: call.id, Name: call.name}
	if call.custom {
		item.ID, item.Type, item.Input = s.id("ctc_", 48, byte(i)), "custom_tool_call", &arguments
	} else {
		item.ID, item.Type, item.Arguments = s.id("fc_", 48, byte(i)), "function_call", &arguments
	}
	return item
}
