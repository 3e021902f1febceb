package tokens

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// words counts texts one by one, the slow way.
func words(c Counter, texts ...string) (n int) {
	for _, t := range texts {
		n += c.text([]byte(t))
	}
	return n
}

func TestRequest(t *testing.T) {
	c := For("OpenAI", "gpt-4o")
	picture := base64.StdEncoding.EncodeToString(make([]byte, 3000))
	tests := []struct {
		name string
		body string
		want int
	}{
		{"nothing", ``, 0},
		{"no object", `[1,2,3]`, 0},
		{"no JSON", `{"messages":[{"content":"a`, 0},
		{"a message", `{"model":"m","messages":[{"role":"user","content":"hello world"}]}`, 3 + 1 + 2 + 3},
		{"a name", `{"messages":[{"role":"user","name":"Ann","content":"hello world"}]}`, 3 + 1 + 1 + words(c, "Ann") + 2 + 3},
		{"an escaped text", `{"messages":[{"role":"user","content":"h\u00e9llo\n\"w\ud83d\ude00\""}]}`, 3 + 1 + words(c, "héllo\n\"w😀\"") + 3},
		{"an escaped name hides nothing", `{"m\u0065ssages":[{"role":"user","c\u006fntent":"hello world"}]}`, 3 + 1 + 2 + 3},
		{"nor one in a schema for the answer", `{"response_format":{"type":"json_schema","json_sch\u0065ma":{"sch\u0065ma":{"type":"object"}}}}`, words(c, `{"type":"object"}`)},
		{"nor one of a document", `{"messages":[{"role":"user","content":[{"type":"document","source":{"typ\u0065":"text","d\u0061ta":"hello world"}}]}]}`, 3 + 1 + 2 + 3},
		{"nor does another case", `{"Messages":[{"role":"user","Content":"hello world"}]}`, 3 + 1 + 2 + 3},
		{"a member twice", `{"messages":[{"role":"user","content":"hello","content":"hello world"}]}`, 3 + 1 + 1 + 2 + 3},
		{"a function twice", `{"tools":[{"function":{"name":"f"},"function":{"name":"f","description":"hello world"}}]}`, words(c, "f:hello world") + 7 + 12},
		{"null content", `{"messages":[{"role":"assistant","content":null}]}`, 3 + 1 + 3},
		{"parts", `{"messages":[{"role":"user","content":[{"type":"text","text":"hello world"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + picture + `"}},{"type":"text","text":"hello world"}]}]}`, 3 + 1 + 2 + 2 + 3},
		{"sound", `{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"` + picture + `","format":"wav"}}]}]}`, 3 + 1 + 3},
		{"a tool call and its result", `{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Rome\"}"}}]},
			{"role":"tool","tool_call_id":"call_1","content":"sunny"}]}`, 3 + 1 + 1 + words(c, "get_weather", `{"city":"Rome"}`) + 3 + 1 + words(c, "sunny") + 3},
		{"what was thought", `{"messages":[{"role":"assistant","reasoning_content":"hello world","content":"hello world"}]}`, 3 + 1 + 2 + 2 + 3},
		{"Messages", `{"system":[{"type":"text","text":"hello world"}],"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"hello world","signature":"` + picture + `"},{"type":"tool_use","id":"t","name":"f","input":{"a":1}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"hello world"}]},{"type":"document","source":{"type":"text","media_type":"text/plain","data":"hello world"}},{"type":"image","source":{"type":"base64","data":"` + picture + `"}}]}]}`,
			3 + 2 + 3 + 1 + 2 + 1 + words(c, "f", `{"a":1}`) + 3 + 1 + 2 + 2 + 3},
		{"Responses", `{"instructions":"hello world","input":[{"role":"user","content":[{"type":"input_text","text":"hello world"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"hello world"},{"type":"reasoning","summary":[{"type":"summary_text","text":"hello world"}],"encrypted_content":"` + picture + `"}]}`,
			3 + 2 + 3 + 1 + 2 + 3 + 1 + words(c, "f", "{}") + 3 + 2 + 3 + 2},
		{"Responses, one text", `{"input":"hello world"}`, 2},
		{"Responses, into a prompt kept elsewhere", `{"prompt":{"id":"pmpt_1","version":"2","variables":{"name":"hello world","text":{"type":"input_text","text":"hello world"},"picture":{"type":"input_image","image_url":"data:image/png;base64,` + picture + `"}}}}`, 4},
		{"a completion", `{"prompt":"hello world","suffix":"hello world"}`, 4},
		{"completions", `{"prompt":["hello world","hello world"]}`, 4},
		{"a prompt of tokens", `{"prompt":[15339,1917]}`, 2},
		{"prompts of tokens", `{"prompt":[[15339,1917],[15339]]}`, 3},
		{"embeddings", `{"input":["hello world","hello world"],"dimensions":256}`, 4},
		{"embeddings of tokens", `{"input":[[15339,1917],[15339]]}`, 3},
		{"a rerank", `{"query":"hello world","documents":["hello world",{"text":"hello world"}]}`, 6},
		{"a schema for the answer", `{"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"type":"object"}}}}`, words(c, `{"type":"object"}`)},
		{"in Responses", `{"text":{"format":{"type":"json_schema","schema":{"type":"object"}}}}`, words(c, `{"type":"object"}`)},
		{"hosted tools", `{"tools":[{"type":"web_search"}]}`, 0},
		{"a custom tool", `{"tools":[{"type":"custom","custom":{"name":"x","description":"hello world"}}]}`, 7 + words(c, "x:hello world") + 12},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := c.Request([]byte(tt.body)); got != tt.want {
				t.Errorf("%d tokens, want %d", got, tt.want)
			}
			if got, most := c.Request([]byte(tt.body)), c.Bound(len(tt.body)); got > most {
				t.Errorf("%d tokens, beyond the bound of %d", got, most)
			}
		})
	}
}

// weather is the example of the cookbook's section 7, where OpenAI's API counted
// 101 tokens for gpt-4o and 105 for gpt-4.
const weather = `{
	"messages": [
		{"role": "system", "content": "You are a helpful assistant that can answer to questions about the weather."},
		{"role": "user", "content": "What's the weather like in San Francisco?"}
	],
	"tools": [{"type": "function", "function": {
		"name": "get_current_weather",
		"description": "Get the current weather in a given location",
		"parameters": {
			"type": "object",
			"properties": {
				"location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
				"unit": {"type": "string", "description": "The unit of temperature to return", "enum": ["celsius", "fahrenheit"]}
			},
			"required": ["location"]
		}
	}}]
}`

func TestToolsCountAsOpenAISays(t *testing.T) {
	for model, want := range map[string]int{"gpt-4o": 101, "gpt-4": 105} {
		if got := For("OpenAI", model).Request([]byte(weather)); got != want {
			t.Errorf("%s: %d tokens, the API says %d", model, got, want)
		}
	}
	// The older spelling and those of the other APIs say the same.
	same := strings.NewReplacer(`"tools"`, `"functions"`, `{"type": "function", "function": {`, `{`, "}}]", "}]")
	if got := For("OpenAI", "gpt-4o").Request([]byte(same.Replace(weather))); got != 101 {
		t.Errorf("functions: %d tokens, want 101", got)
	}
	messages := strings.NewReplacer(`{"type": "function", "function": {`, `{`, "}}]", "}]", `"parameters"`, `"input_schema"`)
	if got := For("OpenAI", "gpt-4o").Request([]byte(messages.Replace(weather))); got != 101 {
		t.Errorf("Messages: %d tokens, want 101", got)
	}
}

// No word of a schema is a place to hide a text in.
func TestSchemasAreCountedWhole(t *testing.T) {
	c := For("OpenAI", "gpt-4o")
	secret := strings.Repeat("hello world ", 500)
	for _, schema := range []string{
		`{"type":"object","description":%q}`, `{"properties":{"a":{"type":"string","description":%q}}}`,
		`{"properties":{"a":{"properties":{"b":{"description":%q}}}}}`, `{"properties":{"a":{"items":{"description":%q}}}}`,
		`{"anyOf":[{"description":%q}]}`, `{"enum":[%q]}`, `{"default":%q}`, `{"x-anything":{"deep":[%q]}}`, `{"$defs":{"a":{"title":%q}}}`, `{"enum":[{"a":%q}]}`,
	} {
		body := fmt.Sprintf(`{"tools":[{"type":"function","function":{"name":"f","parameters":`+schema+`}}]}`, secret)
		if got := c.Request([]byte(body)); got < 1000 {
			t.Errorf("%s: %d tokens of 1000 were seen", schema, got)
		}
	}
}

// Splitting a text does not make it cheaper.
func TestPartsCountLikeTheWhole(t *testing.T) {
	c := For("OpenAI", "gpt-4o")
	text := string(prose(t, 20<<10))
	whole := c.Text([]byte(text))
	for _, size := range []int{10, 100, 5000} {
		var parts []map[string]string
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			parts = append(parts, map[string]string{"type": "text", "text": strings.ToValidUTF8(rest[:n], "?")})
			rest = rest[n:]
		}
		body, err := json.Marshal(map[string]any{"messages": []any{map[string]any{"role": "user", "content": parts}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Request(body); got < whole {
			t.Errorf("in parts of %d bytes: %d tokens, in one %d", size, got, whole)
		}
	}
}

// A megabyte, nested or not, is counted while nobody notices.
func TestAMegabyteIsCountedInTime(t *testing.T) {
	c := For("OpenAI", "gpt-4o")
	const size = 1 << 20 / slowdown
	for name, body := range map[string][]byte{
		"prose":    fmt.Appendf(nil, `{"messages":[{"role":"user","content":%q}]}`, prose(t, size)),
		"letters":  fmt.Appendf(nil, `{"messages":[{"role":"user","content":%q}]}`, bytes.Repeat([]byte("a"), size)),
		"arrays":   []byte(`{"messages":` + strings.Repeat("[", size/2) + strings.Repeat("]", size/2) + `}`),
		"contents": []byte(`{"messages":[` + strings.Repeat(`{"content":[`, size/14) + strings.Repeat("]}", size/14) + `]}`),
		"schemas":  []byte(`{"tools":[{"name":"f","parameters":` + strings.Repeat(`{"properties":{"a":`, size/21) + "{}" + strings.Repeat("}}", size/21) + `}]}`),
		"open":     []byte(`{"messages":` + strings.Repeat(`[{"content":`, size/12)),
		"messages": []byte(`{"messages":[` + strings.Repeat(`{},`, size/3) + `{}]}`),
		"quotes":   []byte(`{"messages":[{"content":"` + strings.Repeat(`\"`, size/2) + `"}]}`),
	} {
		if took := took(t, func() { c.Request(body) }); took > 200*time.Millisecond {
			t.Errorf("%s: %v", name, took)
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(weather))
	f.Add([]byte(`{"input":[[1,2],{"role":"user","content":[{"text":"a"}]}],"text":{"format":{"schema":{}}},"prompt":[1.5e3]}`))
	f.Add([]byte(`{"tools":[{"name":"","parameters":{"properties":{"":{}}}},{"name":""}],"messages":[{},{"name":""}]}`))
	f.Add([]byte(`{"tools":[{"name":""}]`)) // not quite closed
	f.Add([]byte(`{"tools":[{"name":"","parameters":{"enum":[1,2,"",{}]}}],"system":"","instructions":""}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, c := range []Counter{For("OpenAI", "gpt-4"), For("OpenAI", "gpt-4o"), For("Anthropic", ""), {}} {
			if got, most := c.Request(body), c.Bound(len(body)); got < 0 || got > most {
				t.Fatalf("%d tokens in %q, beyond the bound of %d", got, body, most)
			}
		}
	})
}
