package e2e

import (
	"strings"
	"testing"

	"llmroute/internal/fakellm"
)

// conversation is one request, and what is to come of it at both ends.
type conversation struct {
	name     string
	model    string // the model, and its faults behind a "+"; "" is fake-small
	body     string // the members of the request beside the model
	saw      string // text, calls and finish, joined by bars, a line for each choice; or status and code, or "failed" however; "" holds it as a stream only
	streamed string // the same in a stream, where that differs
	headers  map[string]string
	only     []string // the homes it is held with; none for all
	also     func(t *testing.T, s *view, q *fakellm.Request)

	// recording is a case of package translator's, "openai_gemini/usage", with which
	// the provider answers once it has found the request right. Without a body the
	// request is the case's own too, and the client must get what the case says,
	// byte for byte. Streams are those whose names begin with "stream".
	recording string
	// booked is what the gateway has counted, as view.booked spells it.
	booked string

	// By home, what is not as everywhere.
	instead         map[string]string   // what the client sees
	streamedInstead map[string]string   // the same in a stream
	warns           map[string]string   // x-llmroute-warnings; a home that is not here warns of nothing
	lost            string              // the same of the answer, as long as its head waits: of a stream it does not
	counts          map[string]string   // the usage that the client sees
	path            map[string]string   // where the request arrives
	gone            map[string][]string // the members that do not arrive
	arrives         map[string][]string // path and value of what arrives otherwise
	arrivesStreamed map[string][]string // and of what does so in a stream alone
}

// echo is what the provider answers to a question.
func echo(question string) string {
	return "You said “" + question + "” – I am fake-small, and I can only repeat it.|stop"
}

// warning is for conversations that one home, or one kind, warns of.
func warning(home, text string) map[string]string { return map[string]string{home: text} }

// without is for members that one home does not know.
func without(home string, members ...string) map[string][]string {
	return map[string][]string{home: members}
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
	{name: "a system message in the middle", body: `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"system","content":"c"},{"role":"user","content":"hi"}]`, saw: echo("hi"),
		instead: map[string]string{converse: echo("<system>c</system> hi")}, warns: warning(converse, "messages;system_as_user")},
	{name: "two users in a row", body: `"messages":[{"role":"user","content":"a"},{"role":"user","content":"hi"}]`, saw: echo("hi"),
		instead: map[string]string{foreign: echo("a hi")}},
	{name: "parts of text", body: `"messages":[{"role":"user","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]}]`, saw: echo("one two")},
	{name: "a picture by its address", body: `"messages":[{"role":"user","content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"https://example.com/a.png","detail":"low"}}]}]`, saw: echo("see"),
		instead: map[string]string{claudeAWS: "422 unsupported_parameter", claudeCloud: "422 unsupported_parameter", converse: "422 unsupported_parameter"},
		warns:   map[string]string{claudeAWS: "", claudeCloud: "", converse: "", claude: "image_url.detail;unsupported"}},
	{name: "a picture in the request", body: `"messages":[{"role":"user","content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}]`, saw: echo("see")},
	{name: "names", body: `"messages":[{"role":"user","name":"ann","content":"hi"}]`, saw: echo("hi"), warns: warning(foreign, "messages.name;unsupported")},
	{name: "letters of every kind", body: asking(`é 漢 🙂 \u00fc`), saw: echo("é 漢 🙂 ü")},
	{name: "a refusal in the past", body: `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"refusal":"no"},{"role":"user","content":"hi"}]`, saw: echo("hi")},
	{name: "a long answer", model: "+big500", body: hi, saw: longText + "|stop"},

	{name: "one call", body: toolsTwo + asking("the weather?"), saw: `|weather({"city":"the weather?"})|tool_calls`},
	{name: "two calls, one of nothing", body: toolsTwo + asking("clock and weather?"), saw: `|weather({"city":"clock and weather?"})|clock({})|tool_calls`},
	{name: "one call at a time", body: toolsTwo + `"parallel_tool_calls":false,` + asking("clock and weather?"), saw: `|weather({"city":"clock and weather?"})|tool_calls`,
		instead: map[string]string{converse: `|weather({"city":"clock and weather?"})|clock({})|tool_calls`}, warns: warning(converse, "parallel_tool_calls;unsupported")},
	{name: "results in reverse, and a text", body: toolsTwo + `"tool_choice":"none","messages":[` + calledTwo + `,{"role":"tool","tool_call_id":"call_2","content":"noon"},{"role":"tool","tool_call_id":"call_1","content":"rain"},{"role":"user","content":"so?"}]`, saw: echo("so?"),
		instead: map[string]string{converse: echo("[tool result call_1] rain [tool result call_2] noon so?")}, // it knows no "none"
		warns:   warning(converse, "tool_calls;told_in_words"),
		arrives: map[string][]string{claude: {`messages.2.content.#.tool_use_id ["call_1","call_2"]`, `messages.2.content.2.text "so?"`}}},
	{name: "an empty text beside calls, an empty result", body: toolsTwo + `"messages":[{"role":"user","content":"clock?"},{"role":"assistant","content":"","tool_calls":[{"id":"call_1","type":"function","function":{"name":"clock","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":""}]`, saw: "You said nothing – and fake-small has nothing to add.|stop",
		instead: map[string]string{converse: echo("(empty)")}}, // a result of nothing is refused there
	{name: "ids of other makers", body: toolsTwo + `"messages":[{"role":"user","content":"clock?"},{"role":"assistant","content":null,"tool_calls":[{"id":"functions.clock:0","type":"function","function":{"name":"clock","arguments":"{}"}}]},{"role":"tool","tool_call_id":"functions.clock:0","content":"noon"}]`, saw: echo("noon")},
	{name: "no tool", body: toolsTwo + `"tool_choice":"none",` + asking("the weather?"), saw: echo("the weather?")},
	{name: "any tool", body: toolsTwo + `"tool_choice":"required",` + hi, saw: `|weather({"city":"hi"})|tool_calls`, warns: warning(foreign, "tool_choice;unsupported")},
	{name: "this tool", body: toolsTwo + `"tool_choice":{"type":"function","function":{"name":"clock"}},` + hi, saw: `|clock({})|tool_calls`,
		instead: map[string]string{foreign: `|weather({"city":"hi"})|tool_calls`}, warns: warning(foreign, "tool_choice;unsupported")}, // the newest cannot be forced
	{name: "a call nobody answered", body: toolsTwo + `"messages":[` + calledTwo + `,{"role":"user","content":"so?"}]`, saw: "400", instead: map[string]string{foreign: "400 invalid_value"}},
	{name: "a tool of text", body: `"tools":[{"type":"custom","custom":{"name":"shell"}}],` + hi, saw: `|shell(hi)|tool_calls`,
		instead: map[string]string{dated: "422 unsupported_parameter"}},

	{name: "any JSON", body: `"response_format":{"type":"json_object"},` + asking("some json"), saw: `{"echo":"some json","model":"fake-small"}|stop`,
		instead: map[string]string{foreign: echo("some json")}, warns: warning(foreign, "response_format;instructed")},
	{name: "JSON of a schema", body: `"response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}},` + hi, saw: `{"a":"hi"}|stop`,
		instead: map[string]string{claudeAWS: "422 unsupported_parameter", converse: "422 unsupported_parameter"}}, // at Bedrock few models are held to it
	{name: "some effort", body: `"reasoning_effort":"high",` + hi, saw: echo("hi"), gone: without(dated, "reasoning_effort"),
		warns: map[string]string{dated: "reasoning_effort;unsupported", converse: "reasoning_effort;unsupported"}},
	{name: "a temperature", body: `"temperature":0.2,` + hi, saw: echo("hi"), warns: warning(claude, "temperature;unsupported"),
		arrives: map[string][]string{converse: {"inferenceConfig.temperature 0.2"}}},
	{name: "a nucleus", body: `"top_p":0.5,` + hi, saw: echo("hi"), warns: warning(claude, "top_p;unsupported"),
		arrives: map[string][]string{converse: {"inferenceConfig.topP 0.5"}}},
	{name: "penalties", body: `"frequency_penalty":0.5,"presence_penalty":-0.5,` + hi, saw: echo("hi"),
		warns: warning(foreign, "frequency_penalty;unsupported, presence_penalty;unsupported")},
	{name: "biases", body: `"logit_bias":{"50256":-100},"logprobs":true,"top_logprobs":2,` + hi, saw: echo("hi"), instead: map[string]string{foreign: "422 unsupported_parameter"}},
	{name: "a stop", body: `"stop":["–","nothing"],` + hi, saw: "You said “hi” |stop"},
	{name: "a limit", body: `"max_completion_tokens":3,` + hi, saw: "You said “hi”|length"},
	{name: "a limit of old", body: `"max_tokens":3,` + hi, saw: "You said “hi”|length"},
	{name: "two answers", body: `"n":2,` + hi, saw: echo("hi") + "\nChoice 1. " + echo("hi"),
		instead: map[string]string{foreign: "422 unsupported_parameter"}},
	{name: "a seed and a user", body: `"seed":7,"user":"ann",` + hi, saw: echo("hi"),
		warns:   map[string]string{claude: "seed;unsupported", converse: "seed;unsupported, user;unsupported"},
		arrives: map[string][]string{claude: {`metadata {"user_id":"ann"}`}}},
	{name: "hints of the cache", body: `"prompt_cache_key":"k",` + hi, saw: echo("hi"), gone: without(dated, "prompt_cache_key"),
		warns: map[string]string{dated: "prompt_cache_key;unsupported", foreign: "prompt_cache_key;unsupported"}},
	{name: "notes", body: `"store":true,"metadata":{"a":"b"},` + hi, saw: echo("hi"), gone: without(dated, "store", "metadata"),
		warns:   map[string]string{dated: "store;unsupported, metadata;unsupported", claude: "store;unsupported, metadata;unsupported", converse: "store;unsupported"},
		arrives: map[string][]string{converse: {`requestMetadata {"a":"b"}`}}},
	{name: "what nobody knows", model: "+lax", body: `"thing":{"a":[1]},` + hi, saw: echo("hi"), warns: warning(foreign, "thing;unsupported")},

	{name: "too long a prompt", model: "+context", body: hi, saw: "400 context_length_exceeded"},
	{name: "too many requests", model: "+429", body: hi, saw: "429 rate_limit_exceeded", instead: map[string]string{azureV1: "429 429", dated: "429 429"}},
	{name: "no money", model: "+quota", body: hi, saw: "429 insufficient_quota",
		instead: map[string]string{azureV1: "429 429", dated: "429 429", claudeCloud: "429 rate_limit_exceeded"}}, // Google says no more
	{name: "trouble", model: "+500", body: hi, saw: "500"},
	{name: "too much to do", model: "+503", body: hi, saw: "503 server_is_overloaded", instead: map[string]string{claude: "503", claudeAWS: "503 overloaded", converse: "503 overloaded"}},
	{name: "a prompt that is filtered", model: "+filtered", body: hi, saw: "400 content_filter", instead: map[string]string{foreign: "400"}},
	{name: "trouble in the middle", model: "+errevent4", body: hi, streamed: "failed"},
	{name: "a line that breaks off", model: "+cut4", body: hi, saw: "failed"},
	{name: "a line that breaks off inside an event", model: "+tear4", body: hi, saw: echo("hi"), streamed: "failed"},
	{name: "an end that is none", model: "+short4", body: hi, saw: echo("hi"), streamed: "failed"},
}

// longText is the provider's answer of five hundred bytes.
var longText = strings.Repeat("one two three four five six seven eight nine ten ", 11)[:500]
