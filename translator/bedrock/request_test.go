package bedrock

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/translator/chat"
	"llmroute/translator/openai"
)

const (
	sonnet45 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
	sonnet46 = "anthropic.claude-sonnet-4-6"
	opus47   = "anthropic.claude-opus-4-7"
	opus5    = "anthropic.claude-opus-5"
	opus55   = "anthropic.claude-opus-5-5"
	nova1    = "amazon.nova-pro-v1:0"
	nova2    = "us.amazon.nova-2-lite-v1:0"
	llama4   = "meta.llama4-maverick-17b-instruct-v1:0"
	large    = "mistral.mistral-large-2407-v1:0"
	command  = "cohere.command-r-plus-v1:0"
	oss      = "openai.gpt-oss-120b-1:0"
	gpt56    = "us.openai.gpt-5.6-luna"
	qwen3    = "qwen.qwen3-32b-v1:0"
	weather  = `{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}`
	called   = `{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Oslo\"}"}}]}`
	answered = `{"role":"tool","tool_call_id":"call_1","content":"4 C"}`
	hi       = `"messages":[{"role":"user","content":"hi"}]`
)

// send writes an OpenAI request for Bedrock.
func send(o chat.Options, body string) (*chat.Outgoing, *chat.Trip, error) {
	var d Dialect
	t := &chat.Trip{Options: o}
	out := &chat.Outgoing{}
	if err := (openai.Dialect{}).ReadRequest(t, []byte(body)); err != nil {
		return out, t, err
	}
	h := d.Habits(t)
	if err := t.Judge(d.Rules(), h); err != nil {
		return out, t, err
	}
	if err := t.Settle(h); err != nil {
		return out, t, err
	}
	return out, t, d.WriteRequest(out, t)
}

func value(t *testing.T, text []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

const said = `"messages":[{"role":"user","content":[{"text":"hi"}]}]`

// requests are what clients send, and what Bedrock gets.
var requests = []struct {
	name, model, in, want, warn string
}{
	{"the sheet's example", sonnet46,
		`{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Weather?"},` + called + `,` + answered + `],"max_tokens":200,"tools":[` + weather + `]}`,
		`{"messages":[{"role":"user","content":[{"text":"Weather?"}]},
			{"role":"assistant","content":[{"toolUse":{"toolUseId":"call_1","name":"get_weather","input":{"city":"Oslo"}}}]},
			{"role":"user","content":[{"toolResult":{"toolUseId":"call_1","content":[{"text":"4 C"}]}}]}],
			"system":[{"text":"Be brief."}],"inferenceConfig":{"maxTokens":200},
			"toolConfig":{"tools":[{"toolSpec":{"name":"get_weather","inputSchema":{"json":{"type":"object","properties":{"city":{"type":"string"}}}}}}]}}`, ""},
	{"parallel calls, results, and words behind them", sonnet46,
		`{"messages":[{"role":"user","content":"?"},{"role":"assistant","content":"ok","tool_calls":[
			{"id":"a","type":"function","function":{"name":"f","arguments":""}},{"id":"b","type":"function","function":{"name":"f","arguments":"[1]"}}]},
			{"role":"tool","tool_call_id":"b","content":""},{"role":"tool","tool_call_id":"a","content":"A"},{"role":"user","content":"and?"}],
			"tools":[{"type":"function","function":{"name":"f"}}]}`,
		`{"messages":[{"role":"user","content":[{"text":"?"}]},
			{"role":"assistant","content":[{"text":"ok"},{"toolUse":{"toolUseId":"a","name":"f","input":{}}},{"toolUse":{"toolUseId":"b","name":"f","input":{"rawInvalidInput":"[1]"}}}]},
			{"role":"user","content":[{"toolResult":{"toolUseId":"a","content":[{"text":"A"}]}},{"toolResult":{"toolUseId":"b","content":[{"text":"(empty)"}]}},{"text":"and?"}]}],
			"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object","properties":{}}}}}]}}`, "tool_calls.arguments;invalid_json"},
	{"a history of tools without tools", sonnet46,
		`{"messages":[{"role":"user","content":"Weather?"},` + called + `,` + answered + `]}`,
		`{"messages":[{"role":"user","content":[{"text":"Weather?"}]},{"role":"assistant","content":[{"text":"[tool call get_weather {\"city\":\"Oslo\"}]"}]},
			{"role":"user","content":[{"text":"[tool result call_1] 4 C"}]}]}`, "tool_calls;told_in_words"},
	{"tools, but none may be called", nova1,
		`{"messages":[{"role":"user","content":"Weather?"},` + called + `,` + answered + `],"tools":[` + weather + `],"tool_choice":"none"}`,
		`{"messages":[{"role":"user","content":[{"text":"Weather?"}]},{"role":"assistant","content":[{"text":"[tool call get_weather {\"city\":\"Oslo\"}]"}]},
			{"role":"user","content":[{"text":"[tool result call_1] 4 C"}]}]}`, "tool_calls;told_in_words"},
	{"turns that do not alternate", nova1,
		`{"messages":[{"role":"assistant","content":"Hello."},{"role":"user","content":"a"},{"role":"user","content":" "},{"role":"assistant","content":" "},{"role":"user","content":"b"}]}`,
		`{"messages":[{"role":"user","content":[{"text":"."}]},{"role":"assistant","content":[{"text":"Hello."}]},{"role":"user","content":[{"text":"a"},{"text":"b"}]}]}`,
		"messages;user_turn_inserted"},
	{"a system message among the others", sonnet46,
		`{"messages":[{"role":"user","content":"Weather?"},` + called + `,{"role":"system","content":"Be \"brief\"."},` + answered + `],"tools":[` + weather + `]}`,
		`{"messages":[{"role":"user","content":[{"text":"Weather?"}]},
			{"role":"assistant","content":[{"toolUse":{"toolUseId":"call_1","name":"get_weather","input":{"city":"Oslo"}}}]},
			{"role":"user","content":[{"toolResult":{"toolUseId":"call_1","content":[{"text":"4 C"}]}},{"text":"<system>Be \"brief\".</system>"}]}],
			"toolConfig":{"tools":[{"toolSpec":{"name":"get_weather","inputSchema":{"json":{"type":"object","properties":{"city":{"type":"string"}}}}}}]}}`, "messages;system_as_user"},
	{"only a system message", nova1, `{"messages":[{"role":"system","content":"hi"}]}`, `{` + said + `}`, "messages;system_as_user"},
	{"an answer that was begun", sonnet45,
		`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"once \n"}]}`,
		`{"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"text":"once"}]}]}`, ""},
	{"a file and its name, twice", sonnet46,
		`{"messages":[{"role":"user","content":[{"type":"file","file":{"filename":"résumé　v1.2.pdf","file_data":"data:application/pdf;base64,AAAA"}},{"type":"file","file":{"filename":"résumé　v1.2.pdf","file_data":"data:application/pdf;base64,AAAA"}}]}]}`,
		`{"messages":[{"role":"user","content":[{"document":{"format":"pdf","name":"r sum v1 2","source":{"bytes":"AAAA"}}},{"document":{"format":"pdf","name":"r sum v1 2 2","source":{"bytes":"AAAA"}}},{"text":"r sum v1 2, r sum v1 2 2"}]}]}`, ""},
	{"pictures", sonnet46,
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/jpg;base64,AAAA","detail":"high"}},{"type":"image_url","image_url":"s3://bucket/a.png"},{"type":"text","text":"?"}]}]}`,
		`{"messages":[{"role":"user","content":[{"image":{"format":"jpeg","source":{"bytes":"AAAA"}}},{"image":{"format":"png","source":{"s3Location":{"uri":"s3://bucket/a.png"}}}},{"text":"?"}]}]}`, "image_url.detail;unsupported"},
	{"a picture that is no PNG", sonnet46,
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":"data:image/png;base64,\/9j\/4AAQ"},{"type":"text","text":"?"}]}]}`,
		`{"messages":[{"role":"user","content":[{"image":{"format":"jpeg","source":{"bytes":"/9j/4AAQ"}}},{"text":"?"}]}]}`, ""},
	{"base64 with escapes", "mistral.voxtral-small-24b-2507",
		`{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"UklG\/\u002B==","format":"wav"}},{"type":"file","file":{"filename":"a.pdf","file_data":"JVBERi0x\/w=="}},{"type":"image_url","image_url":"data:image\/jpeg;base64,\/9j\/4AAQ"},{"type":"text","text":"?"}]}]}`,
		`{"messages":[{"role":"user","content":[{"audio":{"format":"wav","source":{"bytes":"UklG/+=="}}},{"document":{"format":"pdf","name":"a","source":{"bytes":"JVBERi0x/w=="}}},{"image":{"format":"jpeg","source":{"bytes":"/9j/4AAQ"}}},{"text":"?"}]}]}`, ""},
	{"marks for the cache", sonnet46,
		`{"messages":[{"role":"system","content":[{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"1h"}}]},{"role":"user","content":[{"type":"text","text":"u","prompt_cache_breakpoint":{}},{"type":"text","text":"v","prompt_cache_breakpoint":{"ttl":"30m"}}]}]}`,
		`{"system":[{"text":"s"},{"cachePoint":{"type":"default","ttl":"1h"}}],"messages":[{"role":"user","content":[{"text":"u"},{"cachePoint":{"type":"default","ttl":"1h"}},{"text":"v"},{"cachePoint":{"type":"default","ttl":"1h"}}]}]}`, "prompt_cache_breakpoint;raised_to_1h"},
	{"more marks than there may be", sonnet46,
		`{"messages":[{"role":"system","content":[{"type":"text","text":"s","prompt_cache_breakpoint":{}}]},{"role":"user","content":[{"type":"text","text":"u","prompt_cache_breakpoint":{}},{"type":"text","text":"v","prompt_cache_breakpoint":{}},{"type":"text","text":"w","prompt_cache_breakpoint":{}},{"type":"text","text":"x","prompt_cache_breakpoint":{}}]}]}`,
		`{"system":[{"text":"s"},{"cachePoint":{"type":"default"}}],"messages":[{"role":"user","content":[{"text":"u"},{"text":"v"},{"cachePoint":{"type":"default"}},{"text":"w"},{"cachePoint":{"type":"default"}},{"text":"x"},{"cachePoint":{"type":"default"}}]}]}`, "prompt_cache_breakpoint;too_many"},
	{"marks where there is no hour", nova1,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"u","prompt_cache_breakpoint":{"ttl":"30m"}},{"type":"text","text":"v"}]}]}`,
		`{"messages":[{"role":"user","content":[{"text":"u"},{"cachePoint":{"type":"default"}},{"text":"v"}]}]}`, "prompt_cache_breakpoint;ttl_5m"},
	{"marks on tools that are not sent", sonnet46,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"a","prompt_cache_breakpoint":{}},{"type":"text","text":"b","prompt_cache_breakpoint":{}},{"type":"text","text":"c","prompt_cache_breakpoint":{}},{"type":"text","text":"d","prompt_cache_breakpoint":{}}]}],"tools":[{"type":"function","function":{"name":"g"},"cache_control":{"type":"ephemeral"}}],"tool_choice":"none"}`,
		`{"messages":[{"role":"user","content":[{"text":"a"},{"cachePoint":{"type":"default"}},{"text":"b"},{"cachePoint":{"type":"default"}},{"text":"c"},{"cachePoint":{"type":"default"}},{"text":"d"},{"cachePoint":{"type":"default"}}]}]}`, ""},
	{"marks where there is no cache", llama4,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"hi","prompt_cache_breakpoint":{}}]}]}`, `{` + said + `}`, "prompt_cache_breakpoint;unsupported"},
	{"a forced tool", sonnet46, `{` + hi + `,"tools":[` + weather + `],"tool_choice":{"type":"function","function":{"name":"get_weather"}},"parallel_tool_calls":false}`,
		`{` + said + `,"toolConfig":{"tools":[{"toolSpec":{"name":"get_weather","inputSchema":{"json":{"type":"object","properties":{"city":{"type":"string"}}}}}}],"toolChoice":{"tool":{"name":"get_weather"}}},"additionalModelRequestFields":{"tool_choice":{"disable_parallel_tool_use":true}}}`, ""},
	{"one call at a time", sonnet46, `{` + hi + `,"tools":[` + weather + `],"parallel_tool_calls":false}`,
		`{` + said + `,"toolConfig":{"tools":[{"toolSpec":{"name":"get_weather","inputSchema":{"json":{"type":"object","properties":{"city":{"type":"string"}}}}}}]},"additionalModelRequestFields":{"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}}`, ""},
	{"one of two forced where names cannot be", large, `{` + hi + `,"tools":[` + weather + `,{"type":"function","function":{"name":"g"}}],"tool_choice":{"type":"function","function":{"name":"g"}}}`,
		`{` + said + `,"toolConfig":{"tools":[{"toolSpec":{"name":"g","inputSchema":{"json":{"type":"object","properties":{}}}}}],"toolChoice":{"any":{}}}}`, ""},
	{"a forced tool that cannot be", llama4, `{` + hi + `,"tools":[{"type":"function","function":{"name":"g"}}],"tool_choice":"required"}`,
		`{` + said + `,"toolConfig":{"tools":[{"toolSpec":{"name":"g","inputSchema":{"json":{"type":"object","properties":{}}}}}]}}`, "tool_choice;unsupported"},
	{"ids as Mistral wants them", large, `{"messages":[{"role":"user","content":"Weather?"},` + called + `,` + answered + `],"tools":[` + weather + `]}`,
		`{"messages":[{"role":"user","content":[{"text":"Weather?"}]},
			{"role":"assistant","content":[{"toolUse":{"toolUseId":"8p3fa44jk","name":"get_weather","input":{"city":"Oslo"}}}]},
			{"role":"user","content":[{"toolResult":{"toolUseId":"8p3fa44jk","content":[{"text":"4 C"}]}}]}],
			"toolConfig":{"tools":[{"toolSpec":{"name":"get_weather","inputSchema":{"json":{"type":"object","properties":{"city":{"type":"string"}}}}}}]}}`, ""},
	{"a schema kept to", sonnet46, `{` + hi + `,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type": "object"},"strict":true}}}`,
		`{` + said + `,"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{\"type\":\"object\",\"additionalProperties\":false}","name":"n"}}}}}`, "response_format;schema_changed"},
	{"arguments kept to a schema", sonnet46, `{` + hi + `,"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object","properties":{"n":{"type":"integer","minimum":1}}}}}]}`,
		`{` + said + `,"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object","properties":{"n":{"type":"integer"}},"additionalProperties":false}},"strict":true}}]}}`, "tools.parameters;schema_changed"},
	{"arguments no schema holds", opus47, `{` + hi + `,"tools":[{"type":"function","function":{"name":"f","strict":true}}]}`,
		`{` + said + `,"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object","properties":{}}}}}]}}`, "tools.strict;unsupported"},
	{"a schema by a forced tool", opus5, `{` + hi + `,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}}`,
		`{` + said + `,"toolConfig":{"tools":[{"toolSpec":{"name":"json_output","inputSchema":{"json":{"type":"object"}}}}],"toolChoice":{"tool":{"name":"json_output"}}},"additionalModelRequestFields":{"tool_choice":{"disable_parallel_tool_use":true}}}`, ""},
	{"effort by budget", sonnet45, `{` + hi + `,"reasoning_effort":"high","temperature":0.5}`,
		`{` + said + `,"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":4096}}}`, "temperature;reasoning"},
	{"what models do by themselves", opus47, `{` + hi + `,"temperature":1,"top_p":1.0}`, `{` + said + `}`, ""},
	{"what thinking models do by themselves", sonnet45, `{` + hi + `,"reasoning_effort":"low","temperature":1}`,
		`{` + said + `,"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":1024}}}`, ""},
	{"metadata in more than a line", nova1, `{` + hi + `,"metadata":{"a\tb":"c\nd"}}`, `{` + said + `,"requestMetadata":{"a\tb":"c\nd"}}`, ""},
	{"effort by budget without room", sonnet45, `{` + hi + `,"reasoning_effort":"high","max_tokens":1000}`,
		`{` + said + `,"inferenceConfig":{"maxTokens":1000}}`, "reasoning_effort;max_tokens"},
	{"effort where an answer was begun", sonnet45, `{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"a"}],"reasoning_effort":"low"}`,
		`{"messages":[{"role":"user","content":[{"text":"hi"}]},{"role":"assistant","content":[{"text":"a"}]}]}`, "reasoning_effort;answer_begun"},
	{"effort where thoughts are lost", sonnet45, `{"messages":[{"role":"user","content":"Weather?"},` + called + `,` + answered + `],"tools":[` + weather + `],"reasoning_effort":"low"}`,
		`{"messages":[{"role":"user","content":[{"text":"Weather?"}]},
			{"role":"assistant","content":[{"toolUse":{"toolUseId":"call_1","name":"get_weather","input":{"city":"Oslo"}}}]},
			{"role":"user","content":[{"toolResult":{"toolUseId":"call_1","content":[{"text":"4 C"}]}}]}],
			"toolConfig":{"tools":[{"toolSpec":{"name":"get_weather","inputSchema":{"json":{"type":"object","properties":{"city":{"type":"string"}}}}}}]}}`, "reasoning_effort;reasoning_lost"},
	{"effort by name", opus5, `{` + hi + `,"reasoning_effort":"xhigh"}`,
		`{` + said + `,"additionalModelRequestFields":{"thinking":{"type":"adaptive","display":"summarized"},"output_config":{"effort":"xhigh"}}}`, ""},
	{"an effort that 4.6 has not", sonnet46, `{` + hi + `,"reasoning_effort":"xhigh"}`,
		`{` + said + `,"additionalModelRequestFields":{"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}}}`, "reasoning_effort;high"},
	{"an effort that Mythos Preview has not", "anthropic.claude-mythos-preview", `{` + hi + `,"reasoning_effort":"xhigh"}`,
		`{` + said + `,"additionalModelRequestFields":{"thinking":{"type":"adaptive","display":"summarized"},"output_config":{"effort":"high"}}}`, "reasoning_effort;high"},
	{"no effort of a model that nobody knows yet", "anthropic.claude-haiku-5-6", `{` + hi + `,"reasoning_effort":"none"}`,
		`{` + said + `,"additionalModelRequestFields":{"output_config":{"effort":"low"}}}`, "reasoning_effort;low"},
	{"a tool forced upon a model that nobody knows yet", "anthropic.claude-haiku-5-6", `{` + hi + `,"tools":[{"type":"function","function":{"name":"g"}}],"tool_choice":"required"}`,
		`{` + said + `,"toolConfig":{"tools":[{"toolSpec":{"name":"g","inputSchema":{"json":{"type":"object","properties":{}}}}}]}}`, "tool_choice;unsupported"},
	{"no effort", opus5, `{` + hi + `,"reasoning_effort":"none"}`, `{` + said + `,"additionalModelRequestFields":{"thinking":{"type":"disabled"}}}`, ""},
	{"no effort where there must be one", opus55, `{` + hi + `,"reasoning_effort":"none"}`, `{` + said + `,"additionalModelRequestFields":{"output_config":{"effort":"low"}}}`, "reasoning_effort;low"},
	{"Nova's effort", nova2, `{` + hi + `,"reasoning_effort":"high","temperature":0.1,"max_tokens":9}`,
		`{` + said + `,"additionalModelRequestFields":{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"high"}}}`, "max_tokens;reasoning temperature;reasoning"},
	{"gpt-oss's effort", oss, `{` + hi + `,"reasoning_effort":"max"}`, `{` + said + `,"additionalModelRequestFields":{"reasoning_effort":"high"}}`, "reasoning_effort;high"},
	{"GPT's effort", gpt56, `{` + hi + `,"reasoning_effort":"high","temperature":0.1}`, `{` + said + `,"additionalModelRequestFields":{"reasoning":{"effort":"high"}}}`, "temperature;unsupported"},
	{"an effort nobody makes", llama4, `{` + hi + `,"reasoning_effort":"high"}`, `{` + said + `}`, "reasoning_effort;unsupported"},
	{"sampling that goes too far", sonnet45, `{` + hi + `,"temperature":1.7,"top_p":0.5}`, `{` + said + `,"inferenceConfig":{"temperature":1}}`, "temperature;clamped top_p;with_temperature"},
	{"sampling that is not taken", opus47, `{` + hi + `,"temperature":0.7}`, `{` + said + `}`, "temperature;unsupported"},
	{"sampling of Cohere's", command, `{` + hi + `,"top_p":1,"seed":7,"frequency_penalty":0.5,"top_k":3}`,
		`{` + said + `,"inferenceConfig":{"topP":0.99},"additionalModelRequestFields":{"k":3,"seed":7,"frequency_penalty":0.5}}`, "top_p;clamped"},
	{"words to stop at", sonnet46, `{` + hi + `,"stop":["","a\nb"]}`, `{` + said + `,"inferenceConfig":{"stopSequences":["a\nb"]}}`, ""},
	{"words that do not stop", qwen3, `{` + hi + `,"stop":"x"}`, `{` + said + `}`, "stop;unsupported"},
	{"tags and a tier", nova1, `{` + hi + `,"metadata":{"a b":"c/d","x":"ü"},"service_tier":"fast"}`,
		`{` + said + `,"serviceTier":{"type":"priority"},"requestMetadata":{"a b":"c/d"}}`, "service_tier;priority metadata;does_not_fit"},
	{"words of Bedrock's own", nova1, `{` + hi + `,"top_k":5,"guardrail_config":{"guardrailIdentifier":"g","guardrailVersion":"1"},"performance_config":{"latency":"optimized"},"frobnicate":1}`,
		`{` + said + `,"guardrailConfig":{"guardrailIdentifier":"g","guardrailVersion":"1"},"performanceConfig":{"latency":"optimized"},"additionalModelRequestFields":{"inferenceConfig":{"topK":5}}}`, "frobnicate;unsupported"},
	{"hints", nova1, `{` + hi + `,"user":"u","store":true,"seed":1,"verbosity":"low","prompt_cache_key":"k","n":1,"logit_bias":{}}`, `{` + said + `}`,
		"store;unsupported seed;unsupported verbosity;unsupported prompt_cache_key;unsupported user;unsupported"},
	{"unicode, as it came", nova1, `{"messages":[{"role":"user","content":"h\u00e9 \ud83d\ude00 \"x\" é"}]}`, `{"messages":[{"role":"user","content":[{"text":"hé 😀 \"x\" é"}]}]}`, ""},
}

func TestRequest(t *testing.T) {
	for _, c := range requests {
		t.Run(c.name, func(t *testing.T) {
			out, trip, err := send(chat.Options{Model: c.model}, c.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(value(t, []byte(c.want)), value(t, out.Body)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if got := strings.Join(trip.Warnings, " "); got != c.warn {
				t.Errorf("warnings %q, want %q", got, c.warn)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name, model, in, param string
		status                 int
	}{
		{"a picture elsewhere", sonnet46, `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}]}`, "messages[0].content[0].image_url", 422},
		{"a picture of no kind", sonnet46, `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/tiff;base64,AAAA"}}]}]}`, "messages[0].content[0].image_url", 422},
		{"a picture that is none", sonnet46, `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,A*"}}]}]}`, "messages[0].content[0].image_url", 400},
		{"a file elsewhere", sonnet46, `{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]}`, "messages[0].content[0].file", 422},
		{"sound", sonnet46, `{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}]}`, "messages[0].content[0].input_audio", 422},
		{"an answer that was begun", opus47, `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`, "messages[1]", 422},
		{"a schema nobody keeps to", opus55, `{` + hi + `,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}}`, "response_format", 422},
		{"arguments that are no object", nova1, `{` + hi + `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"array"}}}]}`, "tools[0].function.parameters", 422},
		{"a tool of a vendor", nova1, `{` + hi + `,"tools":[{"type":"web_search"}]}`, "tools[0]", 422},
		{"a stop of white space", sonnet46, `{` + hi + `,"stop":" "}`, "stop", 422},
		{"several answers", nova1, `{` + hi + `,"n":2}`, "n", 422},
		{"chances", nova1, `{` + hi + `,"logprobs":true}`, "logprobs", 422},
		{"a guardrail that is none", nova1, `{` + hi + `,"guardrail_config":"x"}`, "guardrail_config", 400},
		{"a path that leads elsewhere", "..", `{` + hi + `}`, "model", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := send(chat.Options{Model: c.model}, c.in)
			r, ok := errors.AsType[*chat.Refusal](err)
			if !ok {
				t.Fatalf("error %v", err)
			}
			if r.Status != c.status || r.Param != c.param {
				t.Errorf("%d %q (%s), want %d %q", r.Status, r.Param, r.Message, c.status, c.param)
			}
		})
	}
}

func TestPath(t *testing.T) {
	const tools = `,"tools":[` + weather + `]`
	for _, c := range []struct{ model, more, want string }{
		{sonnet45, ``, "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"},
		{sonnet45, `,"stream":true` + tools, "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream"},
		{"arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456", `,"stream":true`,
			"/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123def456/converse-stream"},
		{"a b?c#d%e+é", ``, "/model/a%20b%3Fc%23d%25e%2B%C3%A9/converse"},
		{llama4, `,"stream":true`, "/model/meta.llama4-maverick-17b-instruct-v1%3A0/converse-stream"},
		{llama4, `,"stream":true` + tools, "/model/meta.llama4-maverick-17b-instruct-v1%3A0/converse"},
	} {
		out, _, err := send(chat.Options{Model: c.model}, `{`+hi+c.more+`}`)
		if err != nil {
			t.Fatal(err)
		}
		if out.Path != c.want {
			t.Errorf("%s%s: path %s, want %s", c.model, c.more, out.Path, c.want)
		}
	}
}
