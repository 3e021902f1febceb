package e2e

import (
	"bytes"
	"net/url"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"llmroute/internal/fakellm"
)

// The conversations that the facts about OpenAI, Azure and the servers that copy
// OpenAI call for, by their numbers there. What is no chat is in
// TestSheetsBesideChats. The words of other servers are recordings, which pass as
// they are.

var (
	openAI      = []string{"OpenAI"}
	openAIHomes = []string{"OpenAI", azureV1, dated}
)

const (
	teamGPT  = "team a/gpt"
	gpt5     = "gpt-5"
	reasoner = "OpenAIReasons" // its backend is told what reasoning models call a limit
)

var openAISheet = []conversation{
	{name: "openai 1: a stream that is not asked to count", only: openAIHomes, body: hi, streamed: echo("hi"), also: noUsage,
		booked: "complete stop: 2 (0 cached) + 13 (0 reasoning) = 15"},
	{name: "openai 1: a stream whose usage is hidden, and whose padding is not", only: openAI, recording: "openai_openai/stream_usage_hidden", saw: "Grüße \"usage\": ✓|stop",
		booked: "complete stop: 12 (4 cached) + 7 (3 reasoning) = 19"},
	{name: "openai 2: a stream that is asked to count", only: openAIHomes, body: hi, streamed: echo("hi"), also: usageOfNull,
		counts: map[string]string{"OpenAI": "2 (0 cached, 0 written) + 13 = 15", azureV1: "2 (0 cached, 0 written) + 13 = 15", dated: "2 (0 cached, 0 written) + 13 = 15"}},
	{name: "openai 3: two calls at a time", body: toolsTwo + asking("clock and weather?"), saw: `|weather({"city":"clock and weather?"})|clock({})|tool_calls`, also: callsAreCounted},
	{name: "openai 3: and their results", saw: echo("noon"),
		instead: map[string]string{claude: echo("rain noon"), converse: echo("rain noon")}, // where they are one turn
		body:    toolsTwo + `"messages":[` + calledTwo + `,{"role":"tool","tool_call_id":"call_1","content":"rain"},{"role":"tool","tool_call_id":"call_2","content":"noon"}]`},
	{name: "openai 4: a field that nobody knows", model: "+lax", only: openAIHomes, body: `"thing":{"a": [ 1 ]},"messages":[{"role":"user","content":"hi","thing":1}]`, saw: echo("hi")},
	{name: "openai 4: a role that nobody knows", only: openAIHomes, body: `"messages":[{"role":"robot","content":"hi"}]`, saw: "400 invalid_value"},
	{name: "openai 4: a part that nobody knows", only: openAIHomes, body: `"messages":[{"role":"user","content":[{"type":"smell","smell":{"a": 1}}]}]`, saw: "400 invalid_value"},
	{name: "openai 5: an old Azure that cannot count", only: []string{azureOld}, body: hi, streamed: echo("hi"), also: notAsked,
		counts: map[string]string{azureOld: "0 (0 cached, 0 written) + 0 = 0"}, warns: warning(azureOld, "stream_options;unsupported")},
	{name: "openai 6: a deployment with a space and a slash", model: teamGPT, only: []string{azureV1, dated}, body: hi, saw: echoOf(teamGPT, "hi"), also: oneVersion,
		headers: map[string]string{"api-key": "sk-client", "x-api-key": "sk-client"},
		path:    map[string]string{azureV1: "/openai/v1/chat/completions", dated: "/openai/deployments/team%20a%2Fgpt/chat/completions"},
		arrives: map[string][]string{azureV1: {`model "` + teamGPT + `"`, "@Authorization", "@Api-Key sk-backend", "@X-Api-Key"}, dated: {"@Authorization", "@Api-Key sk-backend", "@X-Api-Key"}}},
	{name: "openai 7: a verdict that comes late", model: "+late", only: []string{azureV1, dated}, body: hi, streamed: echo("hi"), also: lateVerdict,
		booked: "complete content_filter: 2 (0 cached) + 13 (0 reasoning) = 15"},
	{name: "openai 8: a prompt that is blocked", model: "+filtered", only: []string{azureV1, dated}, body: hi, saw: "400 content_filter", also: whyBlocked},
	{name: "openai 9: a stream that is cut inside an event", model: "+tear4", body: hi, streamed: "failed"},
	{name: "openai 10: an error first", model: "+errevent0", body: hi, streamed: "failed"},
	{name: "openai 10: an error third", model: "+errevent2", body: hi, streamed: "failed"},
	{name: "openai 10: an error, and a [DONE] behind it", only: openAI, recording: "openai_openai/stream_error_done", body: hi, streamed: "failed", also: asRecorded,
		booked: "complete InternalServerError: 0 (0 cached) + 0 (0 reasoning) = 0"},
	{name: "openai 12: Groq", only: openAI, recording: "openai_openai/stream_groq", saw: "Hello.|stop",
		booked: "complete stop: 18 (6 cached) + 4 (0 reasoning) = 22"},
	{name: "openai 12: DeepSeek", only: openAI, recording: "openai_openai/stream_deepseek", saw: "Hello.|stop",
		booked: "complete stop: 10 (8 cached) + 4 (0 reasoning) = 14"},
	{name: "openai 12: xAI, streamed", only: openAI, recording: "openai_openai/stream_xai", saw: "Hello.|stop",
		booked: "complete stop: 12 (0 cached) + 291 (290 reasoning) = 303"},
	{name: "openai 12: xAI", only: openAI, recording: "openai_openai/chat_xai", body: hi, saw: "ok|stop", also: asRecorded,
		booked: "complete stop: 12 (0 cached) + 291 (290 reasoning) = 303"},
	{name: "openai 13: empty lines before the answer", only: openAI, recording: "openai_openai/chat_leading_blank_lines", body: hi, saw: "ok|insufficient_system_resource", also: asRecorded,
		booked: "complete insufficient_system_resource: 10 (8 cached) + 2 (0 reasoning) = 12"},
	{name: "openai 13: comments between the events", only: openAI, recording: "openai_openai/stream_openrouter", saw: "Hello.|stop",
		booked: "complete stop: 9 (0 cached) + 4 (0 reasoning) = 13"},
	{name: "openai 14: a success that is an error", only: openAI, recording: "openai_openai/chat_error_in_200", body: hi, saw: "429 429", also: asRecorded,
		booked: "complete 429: 0 (0 cached) + 0 (0 reasoning) = 0"},
	{name: "openai 14: an error that is an end, too", only: openAI, recording: "openai_openai/stream_error_with_choices", body: hi, streamed: "failed", also: asRecorded,
		booked: "complete 502: 0 (0 cached) + 0 (0 reasoning) = 0"},
	{name: "openai 17: two limits, which OpenAI refuses", only: openAIHomes, body: `"max_tokens":3,"max_completion_tokens":3,` + hi, saw: "400 invalid_parameter_combination"},
	{name: "openai 17: a limit that a reasoning model does not know", model: gpt5, only: openAIHomes, body: `"max_tokens":3,` + hi, saw: "400 unsupported_parameter"},
	{name: "openai 17: a temperature that a reasoning model does not know", model: gpt5, only: openAIHomes, body: `"temperature":0.2,` + hi, saw: "400 unsupported_value"},
	{name: "openai 17: a limit by the name that the backend is told", model: gpt5, only: []string{reasoner}, body: `"max_tokens":3,` + hi, saw: "You said “hi”|length",
		arrives: map[string][]string{reasoner: {"max_tokens", "max_completion_tokens 3"}}},
	{name: "openai 19: too many requests, and when to come back", model: "+429", body: hi, saw: "429 rate_limit_exceeded", only: openAIHomes, also: whenToComeBack,
		instead: map[string]string{azureV1: "429 429", dated: "429 429"}},
	{name: "openai 19: no money, which waiting does not mend", model: "+quota", body: hi, saw: "429 insufficient_quota", only: openAI},
	{name: "openai 20: too long a prompt", model: "+context", body: hi, saw: "400 context_length_exceeded"},
	overflow("openai", "maximum context length is"), overflow("vllm", "maximum context length is"), overflow("llama", "exceeds the available context size"),
	overflow("sglang", "longer than the model's context length"), overflow("together", "exceeds the maximum context length"),
	overflow("openrouter", "too large for model with 32768 maximum context length"),
	{name: "openai 20: too much at once at Groq, which is no overflow", only: openAI, recording: "openai_openai/overflow_groq", body: hi, saw: "413 rate_limit_exceeded", also: asRecorded},
}

// overflow is a prompt that is too long for a server, which says so in its words.
func overflow(server, words string) conversation {
	return conversation{name: "openai 20: too long a prompt for " + server, only: openAI, recording: "openai_openai/overflow_" + server, body: hi, saw: "400 context_length_exceeded",
		also: func(t *testing.T, s *view, _ *fakellm.Request) {
			t.Helper()
			if said := gjson.GetBytes(s.raw, "message").Str; !strings.Contains(said, words) {
				t.Errorf("the client is told %q", said)
			}
		}}
}

// asRecorded looks at whether the client got the recording's answer, byte for byte.
func asRecorded(t *testing.T, s *view, q *fakellm.Request) {
	t.Helper()
	if want := mustRecord(q.Header.Get(recordingHeader)).answer.Body; !bytes.Equal(s.wire, want) {
		t.Errorf("the client got\n%s\nof\n%s", s.wire, want)
	}
}

// whenToComeBack looks at whether the client learns how long to wait, as exactly as
// the provider says it.
func whenToComeBack(t *testing.T, s *view, q *fakellm.Request) {
	t.Helper()
	if s.header.Get("retry-after") != "1" || strings.HasPrefix(q.Path, "/openai/") && s.header.Get("retry-after-ms") != "1000" {
		t.Errorf("the client may come back after %q, %q ms", s.header.Get("retry-after"), s.header.Get("retry-after-ms"))
	}
}

// noUsage looks at whether a client sees no usage at all, not even that there is
// none.
func noUsage(t *testing.T, s *view, _ *fakellm.Request) {
	t.Helper()
	if bytes.Contains(s.raw, []byte(`"usage"`)) {
		t.Errorf("a usage in %s", s.raw)
	}
}

// oneUsage looks at whether the last chunk, and no other, has a usage, and
// nothing else.
func oneUsage(t *testing.T, s *view, _ *fakellm.Request) {
	t.Helper()
	chunks := strings.Split(strings.TrimSpace(string(s.raw)), "\n")
	for i, chunk := range chunks {
		last := i == len(chunks)-1
		if gjson.Get(chunk, "usage").IsObject() != last || last && gjson.Get(chunk, "choices").Raw != "[]" {
			t.Errorf("chunk %d of %d: %s", i+1, len(chunks), chunk)
		}
	}
}

// usageOfNull is oneUsage, and looks at whether the chunks before say that they
// have none. Azure's first, which is none of the answer, does not.
func usageOfNull(t *testing.T, s *view, q *fakellm.Request) {
	t.Helper()
	oneUsage(t, s, q)
	chunks := strings.Count(string(s.raw), "\n")
	if n := strings.Count(string(s.raw), `"usage":null`); n != chunks-1 && n != chunks-2 {
		t.Errorf("%d of %d chunks have a usage of null: %s", n, chunks, s.raw)
	}
}

// notAsked looks at whether the provider was not asked for what it does not know.
func notAsked(t *testing.T, _ *view, q *fakellm.Request) {
	t.Helper()
	if gjson.GetBytes(q.Body, "stream_options").Exists() {
		t.Errorf("the provider was asked %s", q.Body)
	}
}

// oneVersion looks at whether the API's version is said once where it must be.
func oneVersion(t *testing.T, _ *view, q *fakellm.Request) {
	t.Helper()
	values, err := url.ParseQuery(q.Query)
	if versions := values["api-version"]; err != nil || strings.Contains(q.Path, "/deployments/") && len(versions) != 1 {
		t.Errorf("%s?%s says the versions %q, %v", q.Path, q.Query, versions, err)
	}
	own := 0
	for name := range q.Header {
		if strings.HasPrefix(name, "X-") {
			own++
		}
	}
	if own > 10 {
		t.Errorf("%d headers of our own: %v", own, q.Header)
	}
}

// lateVerdict looks at whether Azure's last word arrives as it was, and that the
// chunk before all others, which has no id, names nobody.
func lateVerdict(t *testing.T, s *view, _ *fakellm.Request) {
	t.Helper()
	if !bytes.Contains(s.raw, []byte(`"content_filter_offsets"`)) || !bytes.Contains(s.raw, []byte(`"finish_reason":"content_filter"`)) || s.id == "" {
		t.Errorf("the answer %q is %s", s.id, s.raw)
	}
}

// whyBlocked looks at whether Azure's reasons are kept, and nothing tries again.
func whyBlocked(t *testing.T, s *view, _ *fakellm.Request) {
	t.Helper()
	if gjson.GetBytes(s.raw, "innererror.code").Str != "ResponsibleAIPolicyViolation" || s.header.Get("x-llmroute-attempts") != "1" {
		t.Errorf("after %s attempts, %s", s.header.Get("x-llmroute-attempts"), s.raw)
	}
}
