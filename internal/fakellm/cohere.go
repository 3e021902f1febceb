package fakellm

import (
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// cohere is Cohere's second chat API.
var cohere = dialect{find: findCohere, spell: spellCohere, header: headerCohere, parts: true, unsealed: true}

// What its requests are made of.

var (
	cohereText     = fields{"type": text, "text": filledText.needed()}
	cohereThinking = fields{"type": text, "thinking": text.needed()}
	cohereDocument = object(fields{"id": text, "data": text.or(isObject).needed()})
	cohereName     = rule{kinds: isString, need: true, also: matching(regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`))}
)

func cohereContent(kinds map[string]fields) rule {
	return text.or(isArray).of(rule{kinds: isObject, also: tagged("type", kinds)})
}

var cohereMessage = rule{kinds: isObject, also: tagged("role", map[string]fields{
	"system": {"role": text, "content": cohereContent(map[string]fields{"text": cohereText}).needed()},
	"user": {"role": text, "content": cohereContent(map[string]fields{"text": cohereText, "image_url": {
		"type": text, "image_url": object(fields{"url": pattern(`^(https?://|data:image/(png|jpeg|webp|gif);base64,)`).needed(), "detail": oneOf("auto", "low", "high")}).needed(),
	}}).needed()},
	"assistant": {
		"role": text, "content": cohereContent(map[string]fields{"text": cohereText, "thinking": cohereThinking}),
		"tool_plan": text, "citations": aList, "tool_calls": aList.notEmpty().of(object(fields{
			"id": text.needed(), "type": oneOf("function").needed(),
			"function": object(fields{"name": cohereName, "arguments": text.needed()}).needed(),
		})),
	},
	"tool": {"role": text, "tool_call_id": text.needed(), "content": cohereContent(map[string]fields{"text": cohereText,
		"document": {"type": text, "document": cohereDocument.needed()}}).needed()},
})}

var cohereFields = fields{
	"model": text.needed(), "messages": aList.needed().notEmpty().of(cohereMessage), "stream": boolean,
	"tools": aList.of(object(fields{"type": oneOf("function").needed(), "function": object(fields{
		"name": cohereName, "description": text, "parameters": anObject.needed()}).needed()})),
	"strict_tools": boolean, "tool_choice": oneOf("REQUIRED", "NONE"),
	"documents":        aList.of(rule{kinds: isString | isObject, only: cohereDocument.only}),
	"citation_options": object(fields{"mode": oneOf("ENABLED", "DISABLED", "FAST", "ACCURATE", "OFF")}),
	"response_format": rule{kinds: isObject, also: tagged("type", map[string]fields{
		"text": {"type": text}, "json_object": {"type": text, "json_schema": anObject, "schema": anObject},
	})},
	"safety_mode": oneOf("CONTEXTUAL", "STRICT", "OFF"), "max_tokens": positive, "stop_sequences": aList.atMost(5).of(text),
	"temperature": decimal(0, 1), "p": decimal(0.01, 0.99), "k": integer(0, 500), "seed": integer(0, math.MaxUint64),
	"frequency_penalty": decimal(0, 1), "presence_penalty": decimal(0, 1), "logprobs": boolean,
	"thinking": object(fields{"type": oneOf("enabled", "disabled").needed(), "token_budget": positive}),
	"priority": integer(0, 999),
}

func findCohere(c *call) (answerer, *refusal) {
	if err := posted(c); err != nil {
		return nil, err
	}
	v := validation{lax: c.faults.lax}
	if err := v.members("", c.json, cohereFields); err != nil {
		return nil, err
	}
	if strings.HasPrefix(c.model, "missing-") {
		return nil, missingModel(c.model)
	}
	for _, check := range []func(gjson.Result) *refusal{cohereOrder, cohereTools, cohereForm} {
		if err := check(c.json); err != nil {
			return nil, err
		}
	}
	return answerCohere, nil
}

// cohereOrder refuses messages in an order, or with a content, that Cohere does
// not take.
func cohereOrder(body gjson.Result) *refusal {
	var called, open []string
	images := 0
	for i, m := range body.Get("messages").Array() {
		role := m.Get("role").Str
		if role != "tool" && len(open) > 0 {
			return wrong("tool call ids without a tool message: %s", strings.Join(open, ", "))
		}
		switch role {
		case "system":
			if i > 0 {
				return wrong("invalid request: system turn must be the first in the list")
			}
		case "tool":
			id := m.Get("tool_call_id").Str
			if !slices.Contains(open, id) {
				return wrong("invalid request: tool call id not found in previous tool calls: %s", id)
			}
			open = slices.DeleteFunc(open, func(s string) bool { return s == id })
		case "user":
			images += len(m.Get(`content.#(type=="image_url")#`).Array())
		case "assistant":
			for _, call := range m.Get("tool_calls").Array() {
				id := call.Get("id").Str
				if slices.Contains(called, id) {
					return wrong("invalid request: cannot have duplicate tool ids: %s", id)
				}
				called, open = append(called, id), append(open, id)
			}
		}
		if err := cohereSaid(m); err != nil {
			return err
		}
	}
	switch {
	case images > 20:
		return wrong("invalid request: too many images: at most 20 are allowed")
	case len(open) > 0:
		return wrong("tool call ids without a tool message: %s", strings.Join(open, ", "))
	}
	return nil
}

// cohereSaid refuses a message that says nothing, or its words in two places.
func cohereSaid(m gjson.Result) *refusal {
	content, calling := m.Get("content"), m.Get("tool_calls").Exists()
	texts := content.Str != "" || len(m.Get(`content.#(type=="text")#`).Array()) > 0
	switch {
	case calling && texts:
		return wrong("invalid request: content is not allowed together with tool_calls, use tool_plan")
	case !calling && content.Str == "" && (!content.IsArray() || len(content.Array()) == 0):
		return wrong("invalid request: all messages must have a content")
	case !calling && m.Get("tool_plan").Exists():
		return wrong("invalid request: tool_plan is only allowed together with tool_calls")
	}
	return nil
}

func cohereTools(body gjson.Result) *refusal {
	tools := body.Get("tools").Array()
	if len(tools) == 0 {
		if body.Get("tool_choice").Exists() || body.Get("strict_tools").Bool() {
			return wrong("invalid request: tool_choice and strict_tools require tools")
		}
		return nil
	}
	if !body.Get("strict_tools").Bool() {
		return nil
	}
	for _, tool := range tools {
		if len(tool.Get("function.parameters.required").Array()) == 0 {
			return wrong("invalid request: with strict_tools, tool '%s' must have at least one required parameter", tool.Get("function.name").Str)
		}
	}
	return nil
}

func cohereForm(body gjson.Result) *refusal {
	form := body.Get("response_format")
	schema := form.Get("json_schema")
	switch {
	case form.Get("type").Str != "json_object":
		return nil
	case len(body.Get("tools").Array())+len(body.Get("documents").Array()) > 0:
		return wrong("invalid request: response_format cannot be used with tools or documents")
	case !schema.Exists():
		return nil
	case schema.Get("type").Str != "object" || len(schema.Get("required").Array()) == 0:
		return wrong("response_format validation: invalid 'json_schema' provided: the top level must be an object with at least one required field")
	}
	return nil
}

// cohereError is an error of Cohere's.
type cohereError struct {
	ID      string `json:"id"`
	Message string `json:"message"`
}

// cohereStatus is what Cohere answers where others say 400.
var cohereStatus = map[string]int{"content_filter": 498, "unknown_parameter": http.StatusUnprocessableEntity}

func cohereWords(r *refusal) string {
	switch {
	case r.code == "context_length_exceeded":
		return "too many tokens: size limit exceeded by 809 tokens. Try using shorter or fewer inputs."
	case r.code == "content_filter":
		return "the prompt or the answer holds a blocked token"
	case r.code == "unknown_parameter":
		return "unknown field: parameter '" + r.param + "' is not a valid field"
	case r.code == "model_not_found":
		return "model not found, make sure the correct model ID was used and that you have access to the model."
	case r.status == http.StatusUnauthorized && r.code == "":
		return "no api key supplied"
	case r.status == http.StatusUnauthorized:
		return "invalid api token"
	case r.code == "insufficient_quota":
		return "You are using a Trial key, which is limited to 1000 API calls / month."
	case r.status == http.StatusTooManyRequests:
		return "You are past the per minute request limit, please wait and try again later."
	case r.param != "" && !strings.Contains(r.message, r.param):
		return r.param + ": " + r.message
	}
	return r.message
}

func spellCohere(c *call, r *refusal) *reply {
	out := whole(cohereError{c.cohereID(), cohereWords(r)})
	if out.status = r.status; cohereStatus[r.code] != 0 {
		out.status = cohereStatus[r.code]
	}
	if r.retryAfter > 0 {
		out.header = http.Header{"Retry-After": {strconv.Itoa(int(r.retryAfter.Seconds()))}}
	}
	return out
}

// cohereID is the id of an answer, a UUID.
func (c *call) cohereID() string {
	s := c.id("", 32)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func headerCohere(c *call) http.Header {
	return http.Header{"X-Debug-Trace-Id": {c.id("", 32, 'x')}, "X-Endpoint-Monthly-Call-Limit": {"1000"}}
}
