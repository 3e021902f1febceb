package e2e

import "strings"

// conversation is one request, and what is to come of it at both ends.
type conversation struct {
	name     string
	model    string // behind the model's name: the faults of the provider
	body     string // the members of the request beside the model
	saw      string // text, calls and finish, joined by bars, a line for each choice; or status and code, or "failed" however; "" holds it as a stream only
	streamed string // the same in a stream, where that differs

	// By schema, what is not as everywhere.
	instead map[string]string   // what the client sees
	gone    map[string][]string // the members that do not arrive
	arrives map[string][]string // path and value of what arrives otherwise
}

// The schemas that do some things otherwise.
const (
	dated  = "AzureDated"
	claude = "Anthropic"
)

// echo is what the provider answers to a question.
func echo(question string) string {
	return "You said “" + question + "” – I am fake-small, and I can only repeat it.|stop"
}

// without is for members that one schema does not know.
func without(schema string, members ...string) map[string][]string {
	return map[string][]string{schema: members}
}

const (
	hi        = `"messages":[{"role":"user","content":"hi"}]`
	toolsTwo  = `"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}},{"type":"function","function":{"name":"clock"}}],`
	calledTwo = `{"role":"user","content":"clock and weather?"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Oslo\"}"}},{"id":"call_2","type":"function","function":{"name":"clock","arguments":""}}]}`
)

func asking(text string) string { return `"messages":[{"role":"user","content":"` + text + `"}]` }

// conversations are grouped as the fields of a request are.
var conversations = []conversation{
	{name: "a plain question", body: hi, saw: echo("hi")},
	{name: "a system message", body: `"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"hi"}]`, saw: echo("hi"),
		arrives: map[string][]string{claude: {`system.0.text "Be brief."`, `messages.0.role "user"`}}},
	{name: "a developer", body: `"messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":"hi"}]`, saw: echo("hi"),
		arrives: map[string][]string{dated: {`messages.0.role "system"`, `messages.0.content "Be brief."`}}},
	{name: "a system message in the middle", body: `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"system","content":"c"},{"role":"user","content":"hi"}]`, saw: echo("hi")},
	{name: "two users in a row", body: `"messages":[{"role":"user","content":"a"},{"role":"user","content":"hi"}]`, saw: echo("hi"),
		instead: map[string]string{claude: echo("a hi")}},
	{name: "parts of text", body: `"messages":[{"role":"user","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]}]`, saw: echo("one two")},
	{name: "a picture by its address", body: `"messages":[{"role":"user","content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"https://example.com/a.png","detail":"low"}}]}]`, saw: echo("see")},
	{name: "a picture in the request", body: `"messages":[{"role":"user","content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}]`, saw: echo("see")},
	{name: "names", body: `"messages":[{"role":"user","name":"ann","content":"hi"}]`, saw: echo("hi")},
	{name: "letters of every kind", body: asking(`é 漢 🙂 \u00fc`), saw: echo("é 漢 🙂 ü")},
	{name: "a refusal in the past", body: `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"refusal":"no"},{"role":"user","content":"hi"}]`, saw: echo("hi")},
	{name: "a long answer", model: "+big500", body: hi, saw: longText + "|stop"},

	{name: "one call", body: toolsTwo + asking("the weather?"), saw: `|weather({"city":"the weather?"})|tool_calls`},
	{name: "two calls, one of nothing", body: toolsTwo + asking("clock and weather?"), saw: `|weather({"city":"clock and weather?"})|clock({})|tool_calls`},
	{name: "one call at a time", body: toolsTwo + `"parallel_tool_calls":false,` + asking("clock and weather?"), saw: `|weather({"city":"clock and weather?"})|tool_calls`},
	{name: "results in reverse, and a text", body: toolsTwo + `"tool_choice":"none","messages":[` + calledTwo + `,{"role":"tool","tool_call_id":"call_2","content":"noon"},{"role":"tool","tool_call_id":"call_1","content":"rain"},{"role":"user","content":"so?"}]`, saw: echo("so?"),
		arrives: map[string][]string{claude: {`messages.2.content.#.tool_use_id ["call_1","call_2"]`, `messages.2.content.2.text "so?"`}}},
	{name: "an empty text beside calls, an empty result", body: toolsTwo + `"messages":[{"role":"user","content":"clock?"},{"role":"assistant","content":"","tool_calls":[{"id":"call_1","type":"function","function":{"name":"clock","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":""}]`, saw: "You said nothing – and fake-small has nothing to add.|stop"},
	{name: "ids of other makers", body: toolsTwo + `"messages":[{"role":"user","content":"clock?"},{"role":"assistant","content":null,"tool_calls":[{"id":"functions.clock:0","type":"function","function":{"name":"clock","arguments":"{}"}}]},{"role":"tool","tool_call_id":"functions.clock:0","content":"noon"}]`, saw: echo("noon")},
	{name: "no tool", body: toolsTwo + `"tool_choice":"none",` + asking("the weather?"), saw: echo("the weather?")},
	{name: "any tool", body: toolsTwo + `"tool_choice":"required",` + hi, saw: `|weather({"city":"hi"})|tool_calls`},
	{name: "this tool", body: toolsTwo + `"tool_choice":{"type":"function","function":{"name":"clock"}},` + hi, saw: `|clock({})|tool_calls`,
		instead: map[string]string{claude: `|weather({"city":"hi"})|tool_calls`}}, // the newest cannot be forced
	{name: "a call nobody answered", body: toolsTwo + `"messages":[` + calledTwo + `,{"role":"user","content":"so?"}]`, saw: "400", instead: map[string]string{claude: "400 invalid_value"}},
	{name: "a tool of text", body: `"tools":[{"type":"custom","custom":{"name":"shell"}}],` + hi, saw: `|shell(hi)|tool_calls`,
		instead: map[string]string{dated: "422 unsupported_parameter"}},

	{name: "any JSON", body: `"response_format":{"type":"json_object"},` + asking("some json"), saw: `{"echo":"some json","model":"fake-small"}|stop`,
		instead: map[string]string{claude: echo("some json")}},
	{name: "JSON of a schema", body: `"response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}},` + hi, saw: `{"a":"hi"}|stop`},
	{name: "some effort", body: `"reasoning_effort":"high",` + hi, saw: echo("hi"), gone: without(dated, "reasoning_effort")},
	{name: "a temperature", body: `"temperature":0.2,` + hi, saw: echo("hi")},
	{name: "a nucleus", body: `"top_p":0.5,` + hi, saw: echo("hi")},
	{name: "penalties", body: `"frequency_penalty":0.5,"presence_penalty":-0.5,` + hi, saw: echo("hi")},
	{name: "biases", body: `"logit_bias":{"50256":-100},"logprobs":true,"top_logprobs":2,` + hi, saw: echo("hi"), instead: map[string]string{claude: "422 unsupported_parameter"}},
	{name: "a stop", body: `"stop":["–","nothing"],` + hi, saw: "You said “hi” |stop"},
	{name: "a limit", body: `"max_completion_tokens":3,` + hi, saw: "You said “hi”|length"},
	{name: "a limit of old", body: `"max_tokens":3,` + hi, saw: "You said “hi”|length"},
	{name: "two answers", body: `"n":2,` + hi, saw: echo("hi") + "\nChoice 1. " + echo("hi"),
		instead: map[string]string{claude: "422 unsupported_parameter"}},
	{name: "a seed and a user", body: `"seed":7,"user":"ann",` + hi, saw: echo("hi")},
	{name: "hints of the cache", body: `"prompt_cache_key":"k",` + hi, saw: echo("hi"), gone: without(dated, "prompt_cache_key")},
	{name: "notes", body: `"store":true,"metadata":{"a":"b"},` + hi, saw: echo("hi"), gone: without(dated, "store", "metadata")},
	{name: "what nobody knows", model: "+lax", body: `"thing":{"a":[1]},` + hi, saw: echo("hi")},

	{name: "too long a prompt", model: "+context", body: hi, saw: "400 context_length_exceeded"},
	{name: "too many requests", model: "+429", body: hi, saw: "429 rate_limit_exceeded", instead: map[string]string{"Azure": "429 429", dated: "429 429"}},
	{name: "no money", model: "+quota", body: hi, saw: "429 insufficient_quota", instead: map[string]string{"Azure": "429 429", dated: "429 429"}},
	{name: "trouble", model: "+500", body: hi, saw: "500"},
	{name: "too much to do", model: "+503", body: hi, saw: "503 server_is_overloaded", instead: map[string]string{claude: "503"}},
	{name: "a prompt that is filtered", model: "+filtered", body: hi, saw: "400 content_filter", instead: map[string]string{claude: "400"}},
	{name: "trouble in the middle", model: "+errevent4", body: hi, streamed: "failed"},
	{name: "a line that breaks off", model: "+cut4", body: hi, saw: "failed"},
	{name: "a line that breaks off inside an event", model: "+tear4", body: hi, saw: echo("hi"), streamed: "failed"},
	{name: "an end that is none", model: "+short4", body: hi, saw: echo("hi"), streamed: "failed"},
}

// longText is the provider's answer of five hundred bytes.
var longText = strings.Repeat("one two three four five six seven eight nine ten ", 11)[:500]
