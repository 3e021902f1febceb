package fakellm

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// message is the rule of one chat message, whose role says what it may hold.
var message = rule{kinds: isObject, also: tagged("role", map[string]fields{
	"system":    {"role": text, "content": content("text").needed(), "name": text},
	"developer": {"role": text, "content": content("text").needed(), "name": text},
	"user":      {"role": text, "content": content("text", "image_url", "input_audio", "file").needed(), "name": text},
	"assistant": {
		"role": text, "content": content("text", "refusal"), "name": text, "refusal": text,
		"audio": object(fields{"id": text.needed()}), "annotations": aList,
		"tool_calls": aList.notEmpty().atMost(128).of(chatCall), "function_call": anObject,
	},
	"tool":     {"role": text, "content": content("text").needed(), "tool_call_id": text.needed()},
	"function": {"role": text, "content": text, "name": text.needed()},
})}

var breakpoint = anObject

// parts are the kinds of content a message may be made of.
var parts = map[string]fields{
	"text": {"type": text, "text": text.needed(), "prompt_cache_breakpoint": breakpoint},
	"image_url": {"type": text, "prompt_cache_breakpoint": breakpoint, "image_url": object(fields{
		"url": text.needed(), "detail": oneOf("auto", "low", "high", "original")}).needed()},
	"input_audio": {"type": text, "prompt_cache_breakpoint": breakpoint, "input_audio": object(fields{
		"data": text.needed(), "format": oneOf("wav", "mp3").needed()}).needed()},
	"file": {"type": text, "prompt_cache_breakpoint": breakpoint, "file": object(fields{
		"file_id": text, "filename": text, "file_data": text}).needed()},
	"refusal": {"type": text, "refusal": text.needed()},
}

func content(kinds ...string) rule {
	allowed := make(map[string]fields, len(kinds))
	for _, kind := range kinds {
		allowed[kind] = parts[kind]
	}
	return rule{kinds: isString | isArray, each: &rule{kinds: isObject, also: tagged("type", allowed)}}
}

var (
	function = object(fields{"name": text.needed().atMost(64), "description": text, "parameters": anObject, "strict": boolean})
	custom   = object(fields{"name": text.needed().atMost(64), "description": text, "format": anObject})
	chatTool = rule{kinds: isObject, also: tagged("type", map[string]fields{
		"function": {"type": text, "function": function.needed()},
		"custom":   {"type": text, "custom": custom.needed()},
	})}
	chatCall = rule{kinds: isObject, also: tagged("type", map[string]fields{
		"function": {"type": text, "id": text.needed(), "function": object(fields{"name": text.needed(), "arguments": text.needed()}).needed()},
		"custom":   {"type": text, "id": text.needed(), "custom": object(fields{"name": text.needed(), "input": text.needed()}).needed()},
	})}
	named      = object(fields{"name": text.needed()}).needed()
	chatChoice = rule{kinds: isString | isObject, among: []string{"none", "auto", "required"}, also: tagged("type", map[string]fields{
		"function":      {"type": text, "function": named},
		"custom":        {"type": text, "custom": named},
		"allowed_tools": {"type": text, "allowed_tools": object(fields{"mode": oneOf("auto", "required").needed(), "tools": aList.needed()}).needed()},
	})}
	responseFormat = rule{kinds: isObject, also: tagged("type", map[string]fields{
		"text":        {"type": text},
		"json_object": {"type": text},
		"json_schema": {"type": text, "json_schema": object(fields{
			"name": text.needed().atMost(64), "description": text, "schema": anObject, "strict": boolean}).needed()},
	})}
)

// checkChat refuses what only the fields together show.
func checkChat(body gjson.Result) *refusal {
	set := func(name string) bool { return body.Get(name).Type != gjson.Null }
	switch {
	case set("stream_options") && !body.Get("stream").Bool():
		return invalid("", "stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
	case set("top_logprobs") && !body.Get("logprobs").Bool():
		return invalid("", "top_logprobs", "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.")
	case set("max_tokens") && set("max_completion_tokens"):
		return invalid("invalid_parameter_combination", "max_tokens",
			"Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
	case set("tool_choice") && !set("tools"):
		return invalid("", "tool_choice", "'tool_choice' is only allowed when 'tools' are specified.")
	case set("parallel_tool_calls") && !set("tools"):
		return invalid("", "parallel_tool_calls", "'parallel_tool_calls' is only allowed when 'tools' are specified.")
	}
	messages := body.Get("messages").Array()
	if body.Get("response_format.type").Str == "json_object" && !speaksOfJSON(messages) {
		return invalid("", "messages", "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.")
	}
	if choice := chosen(body.Get("tool_choice")); choice != "" && !hasTool(body.Get("tools"), choice) {
		return invalid("", "tool_choice", fmt.Sprintf("Tool choice '%s' not found in 'tools' parameter.", choice))
	}
	return checkOrder(messages)
}

// reasoning are the names of OpenAI's models that reason, and take no fields that
// choose among words.
var reasoning = regexp.MustCompile(`^(?:o\d|gpt-5)(?:[.-]\d+)*(?:-(?:mini|nano|pro))?(?:-\d|$)`)

// checkReasoning refuses what models that reason do not take.
func checkReasoning(model string, body gjson.Result) *refusal {
	if !reasoning.MatchString(model) {
		return nil
	}
	if body.Get("max_tokens").Type != gjson.Null {
		return invalid("unsupported_parameter", "max_tokens",
			"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")
	}
	for _, name := range []string{"temperature", "top_p"} {
		if v := body.Get(name); v.Type != gjson.Null && v.Num != 1 {
			return invalid("unsupported_value", name,
				"Unsupported value: '"+name+"' does not support "+v.Raw+" with this model. Only the default (1) value is supported.")
		}
	}
	for _, name := range []string{"presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias"} {
		if v := body.Get(name); v.Num != 0 || v.Type == gjson.True || v.IsObject() {
			return invalid("unsupported_parameter", name, "Unsupported parameter: '"+name+"' is not supported with this model.")
		}
	}
	return nil
}

func speaksOfJSON(messages []gjson.Result) bool {
	for _, m := range messages {
		if strings.Contains(strings.ToLower(textOf(m.Get("content"))), "json") {
			return true
		}
	}
	return false
}

// checkOrder refuses calls that nobody answers and answers that nobody asked for.
func checkOrder(messages []gjson.Result) *refusal {
	open := make(map[string]bool) // calls of the last assistant message without an answer
	calling := false              // only tool messages since a message with calls
	for i, m := range messages {
		role := m.Get("role").Str
		at := fmt.Sprintf("messages.[%d].role", i)
		if role == "tool" {
			if !calling {
				return invalid("", at, "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.")
			}
			id := m.Get("tool_call_id").Str
			if !open[id] {
				return invalid("", fmt.Sprintf("messages.[%d].tool_call_id", i), "Invalid parameter: 'tool_call_id' of '"+id+"' not found in 'tool_calls' of previous message.")
			}
			delete(open, id)
			continue
		}
		if len(open) > 0 {
			return unanswered(at, open)
		}
		calls := m.Get("tool_calls").Array()
		for _, call := range calls {
			open[call.Get("id").Str] = true
		}
		calling = len(calls) > 0
		if role == "assistant" && !calling && m.Get("content").Type == gjson.Null &&
			m.Get("refusal").Type == gjson.Null && !m.Get("function_call").Exists() && !m.Get("audio").Exists() {
			return invalid("", fmt.Sprintf("messages.[%d].content", i), "Invalid value for 'content': expected a string, got null.")
		}
	}
	if len(open) > 0 {
		return unanswered("messages", open)
	}
	return nil
}

func unanswered(at string, open map[string]bool) *refusal {
	return invalid("", at, "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "+
		"The following tool_call_ids did not have response messages: "+sortedKeys(open))
}

// textOf returns the text of a content: a string, or the texts among its parts.
func textOf(content gjson.Result) string {
	if content.Type == gjson.String {
		return content.Str
	}
	var list []string
	content.ForEach(func(_, part gjson.Result) bool {
		if t := part.Get("text"); t.Type == gjson.String {
			list = append(list, t.Str)
		}
		return true
	})
	return strings.Join(list, " ")
}

// chatTokens counts a conversation: the words of its texts, its tools and its
// calls, one more for each message, and mediaTokens for each other part.
// cached is the share of the messages before the conversation proper, which
// counts as cached when the request says where to look for it.
func chatTokens(body gjson.Result) (prompt, cached int) {
	leading := true
	body.Get("messages").ForEach(func(_, m gjson.Result) bool {
		n := 1 + contentTokens(m.Get("content"))
		m.Get("tool_calls").ForEach(func(_, call gjson.Result) bool {
			n += CountTokens(call.Get("function.name").Str) + CountTokens(call.Get("function.arguments").Str) +
				CountTokens(call.Get("custom.name").Str) + CountTokens(call.Get("custom.input").Str)
			return true
		})
		prompt += n
		role := m.Get("role").Str
		if leading = leading && (role == "system" || role == "developer"); leading {
			cached = prompt
		}
		return true
	})
	body.Get("tools").ForEach(func(_, tool gjson.Result) bool {
		prompt += toolTokens(tool)
		return true
	})
	if body.Get("prompt_cache_key").Type == gjson.Null {
		cached = 0
	}
	return prompt, cached
}

func contentTokens(content gjson.Result) int {
	if content.Type == gjson.String {
		return CountTokens(content.Str)
	}
	n := 0
	content.ForEach(func(_, part gjson.Result) bool {
		switch t := part.Get("text"); {
		case t.Type == gjson.String:
			n += CountTokens(t.Str)
		case part.Get("refusal").Type == gjson.String:
			n += CountTokens(part.Get("refusal").Str)
		default:
			n += mediaTokens
		}
		return true
	})
	return n
}

// toolTokens counts the words of a tool, wherever the dialect puts them.
func toolTokens(tool gjson.Result) int {
	for _, at := range []string{"function", "custom"} {
		if inner := tool.Get(at); inner.IsObject() {
			tool = inner
		}
	}
	return CountTokens(tool.Get("name").Str) + CountTokens(tool.Get("description").Str)
}

// reasoningTokens is what a reasoning effort counts.
func reasoningTokens(effort string) int {
	return map[string]int{"minimal": 2, "low": 4, "medium": 8, "high": 16, "xhigh": 32, "max": 64}[effort]
}

// variant marks the further choices of an answer, which would be the same text.
func variant(text string, choice int) string {
	if choice == 0 {
		return text
	}
	return "Choice " + strconv.Itoa(choice) + ". " + text
}
