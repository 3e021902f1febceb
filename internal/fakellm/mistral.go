package fakellm

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// mistral is the chat of Mistral's own API. Its path would be OpenAI's: here it
// stands below its name.
var mistral = dialect{find: findMistral, spell: spellMistral, header: headerMistral, parts: true, unsealed: true}

const mistralChat = "/mistral/v1/chat/completions"

// What its requests are made of.

var (
	mistralID   = rule{kinds: isString, need: true, also: matching(regexp.MustCompile(`^[a-zA-Z0-9]{9}$`))}
	mistralName = rule{kinds: isString, also: matching(regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`))}

	mistralText  = fields{"type": text, "text": text.needed()}
	mistralParts = map[string]fields{
		"text": mistralText,
		"image_url": {"type": text, "image_url": rule{kinds: isString | isObject, need: true,
			only: fields{"url": text.needed(), "detail": oneOf("auto", "low", "high")}}},
		"document_url": {"type": text, "document_url": pattern(`^(https://|data:)`).needed(), "document_name": text},
		"file":         {"type": text, "file_id": text.needed()},
		"input_audio":  {"type": text, "input_audio": text.needed()},
		"reference":    {"type": text, "reference_ids": aList.needed()},
		"thinking": {"type": text, "thinking": aList.needed().of(rule{kinds: isObject, also: tagged("type", map[string]fields{"text": mistralText})}),
			"signature": text, "closed": boolean},
	}
)

func mistralContent(kinds ...string) rule {
	known := make(map[string]fields)
	for _, kind := range kinds {
		known[kind] = mistralParts[kind]
	}
	return text.or(isArray).of(rule{kinds: isObject, also: tagged("type", known)})
}

var mistralMessage = rule{kinds: isObject, also: tagged("role", map[string]fields{
	"system":    {"role": text, "content": mistralContent("text").needed()},
	"user":      {"role": text, "content": mistralContent(slices.Collect(maps.Keys(mistralParts))...).needed()},
	"tool":      {"role": text, "content": mistralContent(slices.Collect(maps.Keys(mistralParts))...).needed(), "tool_call_id": mistralID, "name": mistralName},
	"assistant": {"role": text, "content": mistralContent("text", "thinking", "reference"), "prefix": boolean, "tool_calls": aList.of(mistralCall)},
})}

var mistralCall = object(fields{"id": mistralID, "type": oneOf("function"), "index": count64, "function": object(fields{
	"name": mistralName.needed(), "arguments": text.or(isObject).needed()}).needed()})

var mistralFields = fields{
	"model": text.needed(), "messages": aList.needed().notEmpty().of(mistralMessage),
	"temperature": decimal(0, 1.5), "top_p": decimal(0, 1), "max_tokens": positive, "min_tokens": positive, "stream": boolean,
	"stop": rule{kinds: isString | isArray, each: &text}, "random_seed": integer(0, 1<<63), "metadata": anObject,
	"presence_penalty": decimal(-2, 2), "frequency_penalty": decimal(-2, 2), "repetition_penalty": decimal(0, 2), "n": integer(1, 128),
	"top_k": positive, "logprobs": boolean, "top_logprobs": integer(0, 20), "prompt_logprobs": boolean, "top_prompt_logprobs": integer(0, 20),
	"response_format": rule{kinds: isObject, also: tagged("type", map[string]fields{
		"text": {"type": text}, "json_object": {"type": text}, "json_schema": {"type": text, "json_schema": object(fields{
			"name": text.needed(), "description": text, "schema": anObject.needed(), "strict": boolean}).needed()},
	})},
	"tools": aList.notEmpty().atMost(128).of(object(fields{"type": oneOf("function"), "function": object(fields{
		"name": mistralName.needed(), "description": text, "parameters": anObject.needed(), "strict": boolean}).needed()})),
	"tool_choice": rule{kinds: isString | isObject, among: []string{"auto", "none", "any", "required"},
		only: fields{"type": oneOf("function"), "function": object(fields{"name": text.needed()}).needed()}},
	"parallel_tool_calls": boolean, "prediction": object(fields{"type": oneOf("content").needed(), "content": text}),
	"prompt_mode": oneOf("reasoning"), "reasoning_effort": effort, "guardrails": aList, "prompt_cache_key": text,
	"service_tier": oneOf("auto", "standard_only"), "safe_prompt": boolean,
}

func findMistral(c *call) (answerer, *refusal) {
	if err := posted(c); err != nil {
		return nil, err
	}
	v := validation{lax: c.faults.lax}
	if err := v.members("", c.json, mistralFields); err != nil {
		return nil, err
	}
	if strings.HasPrefix(c.model, "missing-") {
		return nil, missingModel(c.model)
	}
	if err := mistralOrder(c.json.Get("messages").Array()); err != nil {
		return nil, err
	}
	return answerMistral, nil
}

// follows has the roles that may follow each role.
var follows = map[string][]string{
	"":          {"system", "user", "assistant"},
	"system":    {"system", "user", "assistant"},
	"user":      {"system", "user", "assistant"},
	"assistant": {"assistant", "user", "tool"},
	"tool":      {"assistant", "tool", "user"},
}

// mistralOrder refuses messages in an order that Mistral does not take, and calls
// that are not answered exactly once.
func mistralOrder(messages []gjson.Result) *refusal {
	before := ""
	var open []string
	for i, m := range messages {
		role, last := m.Get("role").Str, i == len(messages)-1
		if !slices.Contains(follows[before], role) {
			return misplaced("Unexpected role '%s' after role '%s'", role, before)
		}
		before = role
		switch calls := m.Get("tool_calls").Array(); {
		case role == "tool":
			id := m.Get("tool_call_id").Str
			if !slices.Contains(open, id) {
				return misplaced("Unexpected tool call id %s in tool results", id)
			}
			open = slices.DeleteFunc(open, func(s string) bool { return s == id })
		case len(open) > 0:
			return misplaced("Not the same number of function calls and responses: %s", strings.Join(open, ", "))
		case role != "assistant":
		case len(calls) == 0 && m.Get("content").Str == "" && len(m.Get("content.0").Raw) == 0:
			return misplaced("Assistant message must have either content or tool_calls, but not none")
		case m.Get("prefix").Bool() != (last && len(calls) == 0):
			return misplaced("Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant")
		default:
			for _, call := range calls {
				open = append(open, call.Get("id").Str)
			}
		}
	}
	if len(open) > 0 || before == "system" {
		return misplaced("Expected last role User or Tool (or Assistant with prefix True) for serving but got %s", before)
	}
	return nil
}

// misplaced refuses an order of messages.
func misplaced(format string, args ...any) *refusal {
	return &refusal{status: http.StatusBadRequest, kind: "invalid_request_message_order", code: "3230", message: fmt.Sprintf(format, args...)}
}

// mistralError is the flat error of Mistral's.
type mistralError struct {
	Object  string  `json:"object"`
	Message any     `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
	Status  int     `json:"raw_status_code"`
}

// mistralDetail is what is wrong with one field.
type mistralDetail struct {
	Type    string   `json:"type"`
	At      []string `json:"loc"`
	Message string   `json:"msg"`
}

func mistralErrorOf(r *refusal) any {
	e := mistralError{Object: "error", Message: r.message, Type: r.kind, Code: orNull(r.code), Status: r.status}
	switch {
	case r.status == http.StatusUnauthorized:
		return map[string]string{"detail": "Unauthorized"}
	case r.code == "content_filter":
		return map[string]any{"error": map[string]any{"message": "Content blocked by guardrail", "status": http.StatusForbidden}, "guardrails": []any{}}
	case r.code == "context_length_exceeded":
		e.Type, e.Code = "invalid_request_prompt", orNull("3051")
		e.Message = "Prompt contains 9001 tokens and 0 draft tokens, too large for model with 8192 maximum context length"
	case r.status == http.StatusTooManyRequests:
		e.Message, e.Type, e.Code = "Rate limit exceeded", "rate_limited", orNull("1300")
	case r.status == http.StatusServiceUnavailable:
		e.Message, e.Code = "Service tier capacity exceeded for this model.", orNull("3505")
	case r.param != "" && r.status == http.StatusBadRequest && !strings.HasPrefix(r.message, "Unknown fault"):
		d := mistralDetail{Type: r.code, Message: r.message, At: append([]string{"body"}, strings.Split(dotted(r.param), ".")...)}
		if r.code == "unknown_parameter" {
			d.Type, d.Message = "extra_forbidden", "Extra inputs are not permitted"
		}
		return map[string]any{"detail": []mistralDetail{d}}
	}
	return e
}

func spellMistral(_ *call, r *refusal) *reply {
	body := mistralErrorOf(r)
	out := whole(body)
	out.status = r.status
	if m, ok := body.(map[string]any); ok {
		if out.status = http.StatusUnprocessableEntity; m["detail"] == nil {
			out.status = http.StatusForbidden
		}
	}
	if r.retryAfter > 0 {
		out.header = http.Header{"Retry-After": {strconv.Itoa(int(r.retryAfter.Seconds()))}}
	}
	return out
}

func headerMistral(c *call) http.Header {
	return http.Header{"Mistral-Correlation-Id": {c.id("", 32)}, "X-Ratelimit-Limit-Req-Minute": {"60"}}
}
