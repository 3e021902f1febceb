package e2e

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"llmroute/internal/fakellm"
)

// The conversations that the facts about Anthropic's API call for, by their
// numbers there. 7 to 9, which take several rounds, are in TestLibraries, and 20
// is TestConversationsGrow.

// echoOf is what a model of that name answers to a question.
func echoOf(model, question string) string {
	return strings.Replace(echo(question), "fake-small", model, 1)
}

const (
	sonnet45, sonnet46, sonnet5, sonnet55 = "claude-sonnet-4-5", "claude-sonnet-4-6", "claude-sonnet-5", "claude-sonnet-5-5"
	opus5, opus55                         = "claude-opus-5", "claude-opus-5-5"

	toolsThree  = `"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}},{"type":"function","function":{"name":"clock"}},{"type":"function","function":{"name":"stock"}}],`
	calledThree = `{"role":"user","content":"all?"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{}"}},{"id":"call_2","type":"function","function":{"name":"clock","arguments":"{}"}},{"id":"call_3","type":"function","function":{"name":"stock","arguments":"{}"}}]}`
	lateSystem  = `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"hi"},{"role":"system","content":"Be brief."}]`
	earlySystem = `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"system","content":"Be brief."},{"role":"user","content":"hi"}]`
	cachedTalk  = `"messages":[{"role":"system","content":[{"type":"text","text":"one two three","prompt_cache_breakpoint":{"mode":"explicit"}}]},{"role":"user","content":[{"type":"text","text":"four five","prompt_cache_breakpoint":{"mode":"explicit"}},{"type":"text","text":"six"}]}]`
)

var claudes = []string{claude, converse} // all of Claude's homes

var anthropicSheet = []conversation{
	{name: "anthropic 1: no limit", model: sonnet45, only: []string{claude}, saw: echoOf(sonnet45, "hi"),
		body: `"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"hi"}]`,
		arrives: map[string][]string{
			claude:      {`model "` + sonnet45 + `"`, "anthropic_version", "@Anthropic-Version 2023-06-01", "max_tokens 32000", `system.#.text ["Be brief."]`},
			claudeAWS:   {"model", `anthropic_version "bedrock-2023-05-31"`, "stream", "max_tokens 8192", `system.#.text ["Be brief."]`},
			claudeCloud: {"model", `anthropic_version "vertex-2023-10-16"`, "max_tokens 32000", `system.#.text ["Be brief."]`},
		},
		arrivesStreamed: map[string][]string{claude: {"stream true"}, claudeAWS: {"stream"}}},
	{name: "anthropic 2: a beta that is known, and one that is not", model: sonnet45, only: []string{claudeAWS, claudeCloud}, saw: echoOf(sonnet45, "hi"), body: hi,
		headers: map[string]string{"anthropic-beta": "interleaved-thinking-2025-05-14, thing-2020-01-01"}, warns: warning(claude, "anthropic_beta;unsupported"),
		arrives: map[string][]string{
			claudeAWS:   {`anthropic_beta ["interleaved-thinking-2025-05-14"]`, "@Anthropic-Beta"},
			claudeCloud: {"anthropic_beta", "@Anthropic-Beta interleaved-thinking-2025-05-14"},
		}},
	{name: "anthropic 3: a picture by its address", model: sonnet45, only: []string{claude}, saw: echoOf(sonnet45, "see"),
		body:    `"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}},{"type":"text","text":"see"}]}]`,
		instead: map[string]string{claudeAWS: "422 unsupported_parameter", claudeCloud: "422 unsupported_parameter"},
		arrives: map[string][]string{claude: {`messages.0.content.0.source {"type":"url","url":"https://example.com/a.png"}`}}},
	{name: "anthropic 3: three results in reverse, and a text", model: sonnet45, only: []string{claude}, saw: `|weather({"city":"so?"})|tool_calls`,
		body:    toolsThree + `"messages":[` + calledThree + `,{"role":"tool","tool_call_id":"call_3","content":"up"},{"role":"tool","tool_call_id":"call_2","content":"noon"},{"role":"tool","tool_call_id":"call_1","content":"rain"},{"role":"user","content":"so?"}]`,
		arrives: map[string][]string{claude: {"messages.#.role " + `["user","assistant","user"]`, `messages.2.content.#.type ["tool_result","tool_result","tool_result","text"]`, `messages.2.content.#.tool_use_id ["call_1","call_2","call_3"]`}}},
	{name: "anthropic 4: an empty text beside a call, and an empty result", model: sonnet45, only: []string{claude}, saw: "You said nothing – and " + sonnet45 + " has nothing to add.|stop",
		body:    toolsTwo + `"messages":[{"role":"user","content":"clock?"},{"role":"assistant","content":"","tool_calls":[{"id":"call_1","type":"function","function":{"name":"clock","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":""}]`,
		arrives: map[string][]string{claude: {`messages.1.content.#.type ["tool_use"]`, `messages.2.content [{"type":"tool_result","tool_use_id":"call_1"}]`}}},
	{name: "anthropic 5: an id of another maker, twice", model: sonnet45, only: []string{claude}, saw: echoOf(sonnet45, "dusk"),
		body:    toolsTwo + `"messages":[{"role":"user","content":"?"},` + clockAs("functions.f:0", "noon") + "," + clockAs("functions.f:0", "dusk") + `]`,
		arrives: map[string][]string{claude: {`messages.#.content.0.id ["functions_f_0","functions_f_0_2"]`, `messages.#.content.0.tool_use_id ["functions_f_0","functions_f_0_2"]`}}},
	{name: "anthropic 6: a text, then two calls", model: sonnet45 + "+texts+split", only: claudes, also: callsAreCounted,
		body: toolsTwo + asking("clock and weather?"), saw: `Let me look that up.|weather({"city":"clock and weather?"})|clock({})|tool_calls`},

	{name: "anthropic 10: a late system message, in place", model: opus55, only: []string{claude}, saw: echoOf(opus55, "hi"), body: lateSystem,
		arrives: map[string][]string{claude: {`messages.#.role ["user","assistant","user","system"]`, "system"}}},
	{name: "anthropic 10: a late system message, moved to where it may stand", model: opus55, only: []string{claude}, saw: echoOf(opus55, "hi"), body: earlySystem,
		arrives: map[string][]string{claude: {`messages.#.role ["user","assistant","user","system"]`, "system"}}},
	{name: "anthropic 10: a late system message, to the top", model: sonnet46, only: []string{claude}, saw: echoOf(sonnet46, "hi"), body: lateSystem,
		warns:   warning(claude, "messages;system_moved"),
		arrives: map[string][]string{claude: {`messages.#.role ["user","assistant","user"]`, `system.#.text ["Be brief."]`}}},
	noEffort(opus55, `thinking`, `output_config.effort "low"`, "always_on"),
	noEffort(sonnet55, `thinking {"type":"between_tools"}`, "output_config", ""),
	noEffort(opus5, `thinking {"type":"disabled"}`, "output_config", ""),
	noEffort(sonnet45, "thinking", "output_config", ""),
	{name: "anthropic 12: any tool, of a model that cannot be forced", model: sonnet55, only: []string{claude}, body: toolsTwo + `"tool_choice":"required",` + hi,
		saw: `|weather({"city":"hi"})|tool_calls`, warns: warning(claude, "tool_choice;unsupported"), arrives: map[string][]string{claude: {"tool_choice"}}},
	{name: "anthropic 12: any tool, of a model that can be forced", model: sonnet5, only: []string{claude}, body: toolsTwo + `"tool_choice":"required",` + hi,
		saw: `|weather({"city":"hi"})|tool_calls`, arrives: map[string][]string{claude: {`tool_choice.type "any"`}}},
	{name: "anthropic 13: a temperature that is fixed", model: sonnet5, only: claudes, body: `"temperature":0.2,` + hi, saw: echoOf(sonnet5, "hi"),
		warns: warning(foreign, "temperature;unsupported"), arrives: map[string][]string{claude: {"temperature"}, converse: {"inferenceConfig.temperature"}}},
	{name: "anthropic 13: a temperature that may be chosen", model: sonnet45, only: claudes, body: `"temperature":0.2,` + hi, saw: echoOf(sonnet45, "hi"),
		arrives: map[string][]string{claude: {"temperature 0.2"}, converse: {"inferenceConfig.temperature 0.2"}}},
	{name: "anthropic 14: a prompt that is cached", model: sonnet45, only: claudes, body: cachedTalk, saw: echoOf(sonnet45, "four five six"),
		counts: map[string]string{claude: "7 (3 cached, 3 written) + 15 = 22", converse: "7 (3 cached, 3 written) + 15 = 22"}},
	played("anthropic 14: the sum of what is read, written and new", "openai_anthropic/chat", claude, "hé!|stop"),
	{name: "anthropic 14: the same of a stream", recording: "openai_anthropic/stream_no_usage_asked", only: []string{claude}, model: sonnet45, body: hi, saw: "ok|stop",
		booked: "complete stop: 3512 (3000 cached) + 40 (0 reasoning) = 3552"},
	{name: "anthropic 15: a search, cited in several texts", model: sonnet45 + "+texts", only: []string{claude}, body: `"web_search_options":{},` + hi, also: citationsSpan,
		saw: echoOf(sonnet45, "hi"), instead: map[string]string{claudeAWS: "422 unsupported_parameter"}},
	{name: "anthropic 16: a refusal without words", model: sonnet45 + "+finishrefusal+empty", only: []string{claude}, body: hi, saw: "|refused: I would rather not say.|content_filter"},
	{name: "anthropic 16: a refusal in the middle", model: sonnet45 + "+finishrefusal", only: []string{claude}, body: hi,
		saw: strings.Replace(echoOf(sonnet45, "hi"), "|stop", "|refused: I would rather not say.|content_filter", 1)},
	{name: "anthropic 17: an error after two pieces", model: sonnet45 + "+errevent5", only: claudes, body: hi, streamed: "failed"},
	{name: "anthropic 17: an error first", model: sonnet45 + "+errevent0", only: claudes, body: hi, streamed: "failed"},
	{name: "anthropic 17: a stream that is cut before its end", model: sonnet45 + "+short17", only: []string{claude}, body: hi, streamed: "failed"},
	{name: "anthropic 18: too long a prompt", model: sonnet45 + "+context", only: claudes, body: hi, saw: "400 context_length_exceeded"},
	{name: "anthropic 19: what nobody knows", model: sonnet45 + "+odd", only: []string{claude}, body: hi, saw: echoOf(sonnet45, "hi")},
	{name: "anthropic 19: what nobody knows of Converse", model: sonnet45 + "+odd", lost: "content;thingNobodyKnows", only: []string{converse}, body: hi, saw: echoOf(sonnet45, "hi")},
	{name: "anthropic 19: an end that nobody knows", model: sonnet45 + "+finishbrand_new_reason", lost: "finish_reason;unknown", only: claudes, body: hi, saw: echoOf(sonnet45, "hi")},
	{name: "anthropic 19: an end that nobody knows, behind a call", model: sonnet45 + "+finishbrand_new_reason", lost: "finish_reason;unknown", only: claudes, body: toolsTwo + asking("clock?"), saw: "|clock({})|tool_calls"},
}

// noEffort is a request for no reasoning, which each model is told in another way.
func noEffort(model, thinking, effort, warns string) conversation {
	c := conversation{name: "anthropic 11: no effort of " + model, model: model, only: []string{claude}, body: `"reasoning_effort":"none",` + hi, saw: echoOf(model, "hi"),
		arrives: map[string][]string{claude: {thinking, effort}}}
	if warns != "" {
		c.warns = warning(claude, "reasoning_effort;"+warns)
	}
	return c
}

// clockAs are a call of the clock with an id, and its result.
func clockAs(id, result string) string {
	return `{"role":"assistant","content":null,"tool_calls":[{"id":"` + id + `","type":"function","function":{"name":"clock","arguments":"{}"}}]},{"role":"tool","tool_call_id":"` + id + `","content":"` + result + `"}`
}

// callsAreCounted looks at the indexes of streamed calls: texts do not count.
func callsAreCounted(t *testing.T, s *view, _ *fakellm.Request) {
	t.Helper()
	for line := range strings.Lines(string(s.raw)) {
		for _, call := range gjson.Get(line, "choices.0.delta.tool_calls").Array() {
			if i := call.Get("index"); call.Get("id").Exists() && i.Int() != map[string]int64{"weather": 0, "clock": 1}[call.Get("function.name").Str] {
				t.Errorf("%s has the index %s", call.Get("function.name").Str, i.Raw)
			}
		}
	}
}

// citationsSpan looks at where in the text sources are cited: from its beginning
// to its end, in code points, without a gap, and nothing is seen of the search.
func citationsSpan(t *testing.T, s *view, _ *fakellm.Request) {
	t.Helper()
	end := int64(0)
	for line := range strings.Lines(string(s.raw)) {
		for _, path := range []string{"choices.0.message.annotations", "choices.0.delta.annotations"} {
			for _, a := range gjson.Get(line, path).Array() {
				if a.Get("type").Str != "url_citation" || a.Get("url_citation.start_index").Int() != end || a.Get("url_citation.url").Str == "" {
					t.Errorf("%s does not go on at %d", a.Raw, end)
				}
				end = a.Get("url_citation.end_index").Int()
			}
		}
		if strings.Contains(line, "tool_calls") || strings.Contains(line, "web_search") {
			t.Errorf("the client saw the search: %s", line)
		}
	}
	if text, _, _ := strings.Cut(s.spelled, "|"); int(end) != utf8.RuneCountInString(text) {
		t.Errorf("cited up to %d of %q", end, text)
	}
}
