package openai

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// twoChoices is an answer with two choices that are told in turn, and with what
// few backends tell: sources of parts of a text that is over, how likely tokens
// were, and a member of the vendor's own.
var twoChoices = []chat.Event{
	{Kind: chat.Start, ID: raw.Text("1")},
	{Kind: chat.Open, What: chat.Text},
	{Kind: chat.Open, What: chat.Call, Choice: 1, Block: 1, ID: raw.Text("c1"), Name: raw.Text("f")},
	{Kind: chat.Delta, What: chat.Text, Text: raw.Text("Né"), Logprobs: raw.Value(`[ {"token":"Né"} ]`)},
	{Kind: chat.Delta, What: chat.Call, Choice: 1, Block: 1, Text: raw.Text(`{\"a\":1}`)},
	{Kind: chat.Close, What: chat.Text},
	{Kind: chat.Close, What: chat.Call, Choice: 1, Block: 1},
	{Kind: chat.Open, What: chat.Text, Block: 2},
	{Kind: chat.Delta, What: chat.Text, Block: 2, Text: raw.Text("o!")},
	{Kind: chat.Close, What: chat.Text, Block: 2},
	{Kind: chat.Cite, Block: 2, From: 0, To: 1, ID: raw.Text("https://a"), Name: raw.Text("A")},
	{Kind: chat.Extra, Name: raw.Text("citations"), JSON: raw.Value("[\n1]")},
	{Kind: chat.Finish, Choice: 1, Reason: chat.ToolCalls},
	{Kind: chat.Finish, Reason: chat.Stop},
	{Kind: chat.Done},
}

func told(w chat.Writer, evs []chat.Event) string {
	var dst []byte
	for i := range evs {
		dst = w.Write(dst, &evs[i])
	}
	return string(dst)
}

func TestObjectOfTwoChoices(t *testing.T) {
	w := Dialect{}.Writer(&chat.Trip{}, 0, true)
	want := `{"id":"chatcmpl-1","object":"chat.completion","created":0,"model":"","choices":[` +
		`{"index":0,"message":{"role":"assistant","content":"Néo!","refusal":null,"annotations":[{"type":"url_citation","url_citation":{"start_index":2,"end_index":3,"url":"https://a","title":"A"}}],` +
		"\"citations\":[\n1]}," + `"logprobs":{"content":[ {"token":"Né"} ],"refusal":null},"finish_reason":"stop"},` +
		`{"index":1,"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},"logprobs":null,"finish_reason":"tool_calls"}]}`
	if diff := cmp.Diff(told(w, twoChoices), want); diff != "" {
		t.Error(diff)
	}
}

// Calls whose pieces come in turn are told one after the other.
func TestObjectOfMixedCalls(t *testing.T) {
	w := Dialect{}.Writer(&chat.Trip{}, 0, true)
	got := told(w, []chat.Event{
		{Kind: chat.Open, What: chat.Call, ID: raw.Text("a"), Name: raw.Text("f")},
		{Kind: chat.Open, What: chat.Call, Block: 1, ID: raw.Text("b"), Name: raw.Text("g")},
		{Kind: chat.Delta, What: chat.Call, Text: raw.Text("[1,")},
		{Kind: chat.Delta, What: chat.Call, Block: 1, Text: raw.Text("2")},
		{Kind: chat.Delta, What: chat.Call, Text: raw.Text("3]")},
		{Kind: chat.Close, What: chat.Call, Block: 1},
		{Kind: chat.Close, What: chat.Call},
		{Kind: chat.Finish, Reason: chat.ToolCalls},
		{Kind: chat.Done},
	})
	want := `"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"[1,3]"}},{"id":"b","type":"function","function":{"name":"g","arguments":"2"}}]`
	if !strings.Contains(got, want) {
		t.Error(got)
	}
}

func TestStreamOfTwoChoices(t *testing.T) {
	w := Dialect{}.Writer(&chat.Trip{}, 0, false)
	const head = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":0,"model":"","choices":[`
	const unsure = `,"logprobs":null,"finish_reason":null}`
	want := []string{
		`{"index":0,"delta":{"role":"assistant","content":"","refusal":null}` + unsure,
		`{"index":1,"delta":{"role":"assistant","content":"","refusal":null}` + unsure,
		`{"index":1,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]}` + unsure,
		`{"index":0,"delta":{"content":"Né"},"logprobs":{"content":[{"token":"Né"}],"refusal":null},"finish_reason":null}`,
		`{"index":1,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":1}"}}]}` + unsure,
		`{"index":0,"delta":{"content":"o!"}` + unsure,
		`{"index":0,"delta":{"citations":[1]}` + unsure,
		`{"index":1,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}`,
		`{"index":0,"delta":{"annotations":[{"type":"url_citation","url_citation":{"start_index":2,"end_index":3,"url":"https://a","title":"A"}}]}` + unsure,
		`{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}`,
	}
	got := strings.Split(strings.TrimSuffix(told(w, twoChoices), "\n\n"), "\n\n")
	for i := range got {
		got[i] = strings.TrimSuffix(strings.TrimPrefix(got[i], head), "]}")
	}
	if diff := cmp.Diff(got, append(want, "data: [DONE]")); diff != "" {
		t.Error(diff)
	}
}
