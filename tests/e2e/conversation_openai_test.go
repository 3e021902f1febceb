package e2e

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/tidwall/gjson"

	"llmroute/internal/fakellm"
)

// The conversations that the facts about OpenAI, Azure and the servers that copy
// OpenAI call for, by their numbers there. What is no conversation through Envoy
// with this provider is shown elsewhere: 11 is of Mistral's own schema; 12 to 14
// and 20, the words of other servers, which the provider does not speak, are
// replies in package translator's testdata (chat_xai, stream_keep_alive,
// chat_leading_blank_lines, stream_error_with_choices, error_…) and in
// TestStatusOfWhatIsNoAnswer; 15, 16 and 18 are no chats: TestEveryPathCarriesTheOverride
// and the testdata of package translator have them; 19's waiting is in
// TestRetriesSendTheWholeBodyAgain.

var openAIHomes = []string{"OpenAI", azureV1, dated}

const teamGPT = "team a/gpt"

var openAISheet = []conversation{
	{name: "openai 1: a stream that is not asked to count", only: openAIHomes, body: hi, streamed: echo("hi"), also: noUsage},
	{name: "openai 2: a stream that is asked to count", only: openAIHomes, body: hi, streamed: echo("hi"), also: oneUsage,
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
	{name: "openai 7: a verdict that comes late", model: "+late", only: []string{azureV1, dated}, body: hi, streamed: echo("hi"), also: lateVerdict},
	{name: "openai 8: a prompt that is blocked", model: "+filtered", only: []string{azureV1, dated}, body: hi, saw: "400 content_filter", also: whyBlocked},
	{name: "openai 9: a stream that is cut inside an event", model: "+tear4", body: hi, streamed: "failed"},
	{name: "openai 10: an error first", model: "+errevent0", body: hi, streamed: "failed"},
	{name: "openai 10: an error third", model: "+errevent2", body: hi, streamed: "failed"},
	{name: "openai 17: two limits, which OpenAI refuses", only: openAIHomes, body: `"max_tokens":3,"max_completion_tokens":3,` + hi, saw: "400 invalid_parameter_combination"},
	{name: "openai 20: too long a prompt", model: "+context", body: hi, saw: "400 context_length_exceeded"},
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

// A conversation that is sent again with one turn more has the same beginning,
// byte for byte: providers keep what they have read. This is Anthropic's 20.
func TestConversationsGrow(t *testing.T) {
	p := openParlour(t)
	rounds := []string{
		`{"role":"system","content":"Be brief."},{"role":"user","content":"clock and weather?"}`,
		clockAs("functions.f:0", "noon"),
		`{"role":"user","content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}`,
		`{"role":"assistant","content":"I see."},{"role":"user","content":"and?"}`,
		clockAs("functions.f:0", "dusk"),
	}
	for i := range homes {
		h := &homes[i]
		if h.only {
			continue
		}
		t.Run(h.name, func(t *testing.T) {
			before := ""
			for n := range rounds {
				body := `{"model":"` + sonnet45 + `",` + toolsTwo + `"messages":[` + strings.Join(rounds[:n+1], ",") + `]}`
				_, err := p.client.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{},
					option.WithHeader("x-home", h.name), option.WithRequestBody("application/json", []byte(body)))
				if err != nil {
					t.Fatalf("round %d: %v", n+1, err)
				}
				list := gjson.GetBytes(p.providers[h.name].Last().Body, "messages").Raw
				if h.among([]string{studio}) {
					list = gjson.GetBytes(p.providers[h.name].Last().Body, "contents").Raw
				}
				now := strings.TrimRight(list, "]}")
				if !strings.HasPrefix(now, before) {
					t.Errorf("round %d begins otherwise:\n%s\nwas\n%s", n+1, now, before)
				}
				before = now
			}
			if want := fmt.Sprint(strings.Count(before, "noon"), strings.Count(before, "dusk")); want != "1 1" {
				t.Errorf("at the end %s", before)
			}
		})
	}
}
