package fakellm

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// What Anthropic's requests are made of.

var (
	cacheControl = object(fields{"type": oneOf("ephemeral").needed(), "ttl": oneOf("5m", "1h")})
	toolName     = rule{kinds: isString, need: true, also: matching(regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`))}
	toolID       = rule{kinds: isString, need: true, also: matching(regexp.MustCompile(`^[a-zA-Z0-9_-]+$`))}
	spoken       = rule{kinds: isString, need: true, also: notBlank}
	asIs         = rule{kinds: isObject} // blocks that come back as they were
)

// matching returns a check of strings against a pattern.
func matching(pattern *regexp.Regexp) func(*validation, string, gjson.Result) *refusal {
	return func(_ *validation, at string, value gjson.Result) *refusal {
		if pattern.MatchString(value.Str) {
			return nil
		}
		return invalid("invalid_value", at, "String should match pattern '"+pattern.String()+"'")
	}
}

func notBlank(_ *validation, at string, value gjson.Result) *refusal {
	switch {
	case value.Str == "":
		return wrong("%s: text content blocks must be non-empty", dotted(at))
	case strings.TrimSpace(value.Str) == "":
		return wrong("%s: text content blocks must contain non-whitespace text", dotted(at))
	}
	return nil
}

// dotted spells a path as Anthropic does.
func dotted(at string) string { return strings.NewReplacer("[", ".", "]", "").Replace(at) }

var textBlock = fields{"type": text, "text": spoken, "cache_control": cacheControl, "citations": aList}

var imageSource = rule{kinds: isObject, need: true, also: tagged("type", map[string]fields{
	"base64": {"type": text, "media_type": oneOf("image/jpeg", "image/png", "image/gif", "image/webp").needed(), "data": base64Text},
	"url":    {"type": text, "url": text.needed()},
	"file":   {"type": text, "file_id": text.needed()},
})}

var base64Text = rule{kinds: isString, need: true, also: encoded}

func encoded(_ *validation, at string, value gjson.Result) *refusal {
	if _, err := base64.StdEncoding.DecodeString(value.Str); err != nil || value.Str == "" {
		return wrong("%s: Invalid base64 data", dotted(at))
	}
	return nil
}

var imageBlock = fields{
	"type": text, "cache_control": cacheControl, "transformations": anObject,
	"source": rule{kinds: isObject, need: true, also: func(v *validation, at string, value gjson.Result) *refusal {
		if err := v.value(at, value, imageSource); err != nil {
			return err
		}
		return sameMedia(at, value)
	}},
}

// sameMedia refuses a base64Text that is another kind than it is said to be.
func sameMedia(at string, source gjson.Result) *refusal {
	said := source.Get("media_type").Str
	data, err := base64.StdEncoding.DecodeString(source.Get("data").Str)
	if err != nil || said == "" {
		return nil
	}
	if is := http.DetectContentType(data); strings.HasPrefix(is, "image/") && is != said {
		return wrong("%s: Image does not match the provided media type %s: it appears to be %s", dotted(at), said, is)
	}
	return nil
}

var documentBlock = fields{
	"type": text, "cache_control": cacheControl, "title": text, "context": text, "citations": object(fields{"enabled": boolean}),
	"source": rule{kinds: isObject, need: true, also: tagged("type", map[string]fields{
		"base64":  {"type": text, "media_type": oneOf("application/pdf").needed(), "data": base64Text},
		"text":    {"type": text, "media_type": oneOf("text/plain").needed(), "data": text.needed()},
		"content": {"type": text, "content": text.or(isArray).needed()},
		"url":     {"type": text, "url": text.needed()},
		"file":    {"type": text, "file_id": text.needed()},
	})},
}

var foundBlock = fields{
	"type": text, "source": text.needed(), "title": text.needed(), "content": aList.needed(),
	"citations": anObject, "cache_control": cacheControl,
}

var resultBlock = fields{
	"type": text, "tool_use_id": toolID, "is_error": boolean, "cache_control": cacheControl, "toolset_name": text,
	"content": rule{kinds: isString | isArray, each: &rule{kinds: isObject, also: tagged("type", map[string]fields{
		"text": textBlock, "image": imageBlock, "document": documentBlock, "search_result": foundBlock,
		"tool_reference": {"type": text, "tool_name": text.needed()},
	})}},
}

// serverBlocks are the parts that come of tools which the provider runs itself.
var serverBlocks = []string{
	"server_tool_use", "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result",
	"bash_code_execution_tool_result", "text_editor_code_execution_tool_result", "tool_search_tool_result",
	"container_upload", "mcp_tool_use", "mcp_tool_result", "mcp_tool_listing", "compaction", "fallback",
}

// blockRule is the rule of the blocks that a message may be made of.
func blockRule(kinds map[string]fields) rule {
	check := tagged("type", kinds)
	return rule{kinds: isObject, also: func(v *validation, at string, value gjson.Result) *refusal {
		if slices.Contains(serverBlocks, value.Get("type").Str) {
			return v.value(at, value, asIs)
		}
		return check(v, at, value)
	}}
}

var messageRule = rule{kinds: isObject, also: tagged("role", map[string]fields{
	"user": {"role": text, "content": text.or(isArray).needed().of(blockRule(map[string]fields{
		"text": textBlock, "image": imageBlock, "document": documentBlock, "search_result": foundBlock, "tool_result": resultBlock,
	}))},
	"assistant": {"role": text, "content": text.or(isArray).needed().of(blockRule(map[string]fields{
		"text":              textBlock,
		"thinking":          {"type": text, "thinking": text.needed(), "signature": text.needed()},
		"redacted_thinking": {"type": text, "data": text.needed()},
		"tool_use": {"type": text, "id": toolID, "name": toolName, "input": anObject.needed(), "caller": anObject,
			"toolset_name": text, "cache_control": cacheControl},
	}))},
	"system": {"role": text, "content": text.or(isArray).needed().of(blockRule(map[string]fields{"text": textBlock}))},
})}

// objectSchema is the schema of what a tool takes.
var objectSchema = rule{kinds: isObject, need: true, also: func(_ *validation, at string, schema gjson.Result) *refusal {
	if schema.Get("type").Str != "object" {
		return wrong("%s.type: Field required", dotted(at))
	}
	for _, word := range []string{"oneOf", "anyOf", "allOf"} {
		if schema.Get(word).Exists() {
			return wrong("%s: input_schema does not support oneOf, allOf, or anyOf at the top level", dotted(at))
		}
	}
	return nil
}}

var customTool = fields{
	"type": text, "name": toolName, "description": text, "input_schema": objectSchema, "strict": boolean, "cache_control": cacheControl,
	"defer_loading": boolean, "allowed_callers": aList, "eager_input_streaming": boolean, "input_examples": aList,
}

// clientTools are Anthropic's own tools that the client runs.
var clientTools = []string{
	"bash_20250124", "text_editor_20250124", "text_editor_20250429", "text_editor_20250728", "memory_20250818",
	"computer_20250124", "computer_20251124", "computer_toolset_20260801", "browser_toolset_20260801",
	"tool_search_tool_bm25_20251119", "tool_search_tool_regex_20251119",
}

// toolRule returns the rule of one tool, with the further ones that a home has.
func toolRule(search []string) rule {
	return rule{kinds: isObject, also: func(v *validation, at string, tool gjson.Result) *refusal {
		switch kind := tool.Get("type"); {
		case kind.Type == gjson.Null, kind.Str == "custom":
			return v.members(at, tool, customTool)
		case slices.Contains(search, kind.Str):
			return v.members(at, tool, fields{"type": text, "name": oneOf("web_search").needed(), "max_uses": positive,
				"allowed_domains": aList, "blocked_domains": aList, "cache_control": cacheControl, "user_location": object(fields{
					"type": oneOf("approximate").needed(), "city": text, "region": text, "country": text, "timezone": text})})
		case slices.Contains(clientTools, kind.Str):
			return nil
		}
		return invalid("invalid_value", at, fmt.Sprintf("Input tag '%s' found using 'type' does not match any of the expected tags", tool.Get("type").String()))
	}}
}

var choiceRule = rule{kinds: isObject, also: tagged("type", map[string]fields{
	"auto": {"type": text, "disable_parallel_tool_use": boolean}, "any": {"type": text, "disable_parallel_tool_use": boolean},
	"tool": {"type": text, "name": text.needed(), "disable_parallel_tool_use": boolean}, "none": {"type": text},
})}

// messagesFields returns what a request may hold at a home, for a model, with the
// betas it asks for.
func messagesFields(home *anthropicHome, m claude, betas map[string]bool) fields {
	display := oneOf("summarized", "omitted")
	thinking := map[string]fields{
		"adaptive": {"type": text, "display": display}, "disabled": {"type": text}, "between_tools": {"type": text},
		"enabled": {"type": text, "display": display, "budget_tokens": integer(1024, 1<<31).needed()},
	}
	if betas["thinking-binding-controls-2026-08-01"] {
		thinking["adaptive"]["block_binding"], thinking["enabled"]["block_binding"] = anObject, anObject
	}
	output := fields{}
	efforts := m.efforts()
	if home.bedrock {
		efforts = m.effortsAtBedrock()
	}
	if efforts != nil {
		output["effort"] = oneOf(efforts...)
	}
	if home.forced(m) {
		output["format"] = object(fields{"type": oneOf("json_schema").needed(), "schema": anObject.needed()})
	}
	f := fields{
		"messages":    aList.needed().notEmpty().atMost(100_000).of(messageRule),
		"max_tokens":  integer(1, m.longest()).needed(),
		"system":      text.or(isArray).of(blockRule(map[string]fields{"text": textBlock})),
		"temperature": decimal(0, 1), "top_p": decimal(0, 1), "top_k": integer(0, 1<<31), "stop_sequences": aList.of(spoken),
		"tools": aList.of(toolRule(home.search)), "tool_choice": choiceRule,
		"thinking":      rule{kinds: isObject, also: tagged("type", thinking)},
		"output_config": object(output),
		"metadata":      object(fields{"user_id": text.atMost(256)}),
	}
	home.more(f, betas)
	return f
}

// more adds the fields that only some homes know, or only with a beta.
func (home *anthropicHome) more(f fields, betas map[string]bool) {
	set := func(when bool, name string, r rule) {
		if when {
			f[name] = r
		}
	}
	set(home.model, "model", text.needed())
	set(home.stream, "stream", boolean)
	set(home.version != "", "anthropic_version", text.needed())
	set(home.betaList, "anthropic_beta", aList.of(text))
	set(home.caching, "cache_control", cacheControl)
	set(home.files, "container", text.or(isObject))
	set(home.files, "inference_geo", text)
	set(home.files, "diagnostics", anObject)
	set(home.files, "service_tier", oneOf("auto", "standard_only"))
	set(betas["fast-mode-2026-02-01"], "speed", oneOf("standard", "fast"))
	set(betas["context-management-2025-06-27"], "context_management", anObject)
	set(betas["compact-2026-01-12"], "compaction", anObject)
	set(betas["mcp-client-2025-11-20"] || betas["mcp-client-2025-04-04"], "mcp_servers", aList)
	set(betas["server-side-fallback-2026-07-01"], "fallbacks", text.or(isArray))
}
