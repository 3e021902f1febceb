package translator

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"llmroute/translator/raw"
)

func TestAzureRefuses(t *testing.T) {
	const dated = "2024-10-21"
	chat := func(members string) string { return `{"model":"m","messages":[],` + members + `}` }
	part := func(part string) string {
		return `{"model":"m","messages":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"},` + part + `]}]}`
	}
	tests := []struct {
		name, version, path, body string
		option                    Unsupported
		code, param               string // no code: taken
	}{
		{"web search on v1", "", "/v1/chat/completions", chat(`"web_search_options":{"search_context_size":"low"}`), "", "unsupported_parameter", "web_search_options"},
		{"moderation on a dated version", dated, "/v1/chat/completions", chat(`"moderation":{"model":"x"}`), "", "unsupported_parameter", "moderation"},
		{"audio before its day", dated, "/v1/chat/completions", chat(`"modalities":["text","audio"]`), "", "unsupported_parameter", "modalities"},
		{"audio on its day", "2025-01-01-preview", "/v1/chat/completions", chat(`"modalities":["text","audio"],"audio":{"voice":"sage"}`), "", "", ""},
		{"audio part", dated, "/v1/chat/completions", part(`{"type":"input_audio"}`), "", "unsupported_parameter", "messages[1].content[1].input_audio"},
		{"file part", "2025-04-01-preview", "/v1/chat/completions", part(`{"file":{},"type":"file"}`), "", "unsupported_parameter", "messages[1].content[1].file"},
		{"file part on v1", "preview", "/v1/chat/completions", part(`{"type":"file"}`), "", "", ""},
		{"custom tool", "2025-04-01-preview", "/v1/chat/completions", chat(`"tools":[{"type":"function"},{"type":"custom"}]`), "", "unsupported_parameter", "tools[1]"},
		{"allowed tools", dated, "/v1/chat/completions", chat(`"tool_choice":{"type":"allowed_tools"}`), "", "unsupported_parameter", "tool_choice"},
		{"named tool", dated, "/v1/chat/completions", chat(`"tool_choice":{"type":"function","function":{"name":"f"}}`), "", "", ""},
		{"schema before its day", "2024-06-01", "/v1/chat/completions", chat(`"response_format":{"type":"json_schema"}`), "", "unsupported_parameter", "response_format"},
		{"schema", dated, "/v1/chat/completions", chat(`"response_format":{"type":"json_schema"}`), "", "", ""},
		{"lost meaning", "2024-06-01", "/v1/chat/completions", chat(`"parallel_tool_calls":false`), "", "", ""},
		{"lost meaning where that is refused", "2024-06-01", "/v1/chat/completions", chat(`"parallel_tool_calls":false`), RejectUnsupported, "unsupported_parameter", "parallel_tool_calls"},
		{"nothing lost", "2024-06-01", "/v1/chat/completions", chat(`"parallel_tool_calls":true`), RejectUnsupported, "", ""},
		{"hint", dated, "/v1/chat/completions", chat(`"verbosity":"low"`), RejectUnsupported, "", ""},
		{"moderations", "", "/v1/moderations", `{"model":"m","input":"a"}`, DropUnsupported, "unsupported_operation", ""},
		{"rerank", "", "/v1/rerank", `{"model":"m"}`, "", "unsupported_operation", ""},
		{"responses before their day", dated, "/v1/responses", `{"model":"m"}`, "", "unsupported_operation", ""},
		{"deployment that leads elsewhere", dated, "/v1/chat/completions", `{"model":"..","messages":[]}`, "", "invalid_value", "model"},
		{"model that looks like it, in the body", "", "/v1/chat/completions", `{"model":"..","messages":[]}`, "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := rewritten(t, Backend{Schema: AzureOpenAI, Version: tt.version, UnsupportedParameters: tt.option}, tt.path, []byte(tt.body))
			var got [2]string
			if r, ok := errors.AsType[*Refusal](err); ok {
				got = [2]string{r.Code, r.Param}
				if strings.HasPrefix(r.Code, "unsupported") != (r.Status == 422) {
					t.Errorf("%s is a %d", r.Code, r.Status)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, [2]string{tt.code, tt.param}); diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// rewritten returns the body that b is sent.
func rewritten(t rapid.TB, b Backend, path string, body []byte) ([]byte, error) {
	t.Helper()
	call := Call{Path: path, Fields: new(Fields), Body: body, Header: headers{}}
	if err := Scan(OperationOf(path), "application/json", body, call.Fields); err != nil {
		return nil, err
	}
	call.Model = call.Fields.Model
	x, err := New(OpenAI, call.Fields.Operation, &b)
	if err != nil {
		return nil, err
	}
	defer Release(x)
	var e Edit
	if err := x.Request(&e, &call); err != nil || e.Body == nil {
		return body, err
	}
	return e.Body, nil
}

func TestAzureQuery(t *testing.T) {
	tests := []struct{ version, query, want string }{
		{"", "", ""},
		{"", "a=1&&b", "a=1&b"},
		{"2024-10-21", "", "api-version=2024-10-21"},
		{"2024-10-21", "a=b%26c", "a=b%26c&api-version=2024-10-21"},
		{"preview", "api-version=v1&Api%2DVersion=v1&api-version", "api-version=preview"},
		{"", "api-version=2020-01-01", ""},
		{"v1", "%zz=1", "%zz=1&api-version=v1"},
	}
	for _, tt := range tests {
		if got := azureQuery(tt.version, tt.query); got != tt.want {
			t.Errorf("%q in %q: got %q, want %q", tt.version, tt.query, got, tt.want)
		}
	}
}

// Whatever members go, the others stay as they are and the commas fit.
func TestCuts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := make([]string, rapid.IntRange(0, 6).Draw(t, "elements"))
		for i := range all {
			all[i] = value(t, 2)
		}
		space := rapid.SampledFrom([]string{"", " ", "\n\t"}).Draw(t, "space")
		body := []byte("[" + space + strings.Join(all, space+","+space) + space + "]")
		var edits []edit
		want := []string{}
		c := cuts{edits: &edits}
		for e, i := raw.ElementsAt(body, 0), 0; e.Next(); i++ {
			if rapid.Bool().Draw(t, "goes") {
				c.drop(e.Place())
			} else {
				c.keep(e.Place())
				want = append(want, all[i])
			}
		}
		c.close()
		after := splice(nil, body, edits)
		if !json.Valid(after) {
			t.Fatalf("%s became %s", body, after)
		}
		got := []string{}
		for e := raw.ElementsAt(after, 0); e.Next(); {
			got = append(got, string(after[e.Place().Start:e.Place().End]))
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Fatalf("%s became %s:\n%s", body, after, diff)
		}
	})
}

// FuzzRewrite sends any request to a backend that knows little: what it gets is
// still a request, and what is sent there again stays as it is.
func FuzzRewrite(f *testing.F) {
	for _, c := range goldenCases(f) {
		if c.fields.Boundary == "" {
			f.Add(c.call.Body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, version := range []string{"2024-06-01", "2024-10-21", ""} {
			b := Backend{
				Schema: AzureOpenAI, Version: version, UnsupportedParameters: DropUnsupported,
				ReasoningField: "reasoning", StripExtras: true,
			}
			const path = "/v1/chat/completions"
			once, err := rewritten(t, b, path, body)
			if err != nil {
				if _, ok := errors.AsType[*Refusal](err); !ok {
					t.Fatal(err)
				}
				continue
			}
			twice, err := rewritten(t, b, path, once)
			if err != nil {
				t.Fatalf("%q became %q: %v", body, once, err)
			}
			if string(once) != string(twice) {
				t.Fatalf("%q became %q and then %q", body, once, twice)
			}
		}
	})
}

func BenchmarkAzure(b *testing.B) {
	for _, bb := range benchBodies {
		b.Run(bb.name, func(b *testing.B) {
			var f Fields
			if err := Scan(ChatCompletions, "application/json", bb.body, &f); err != nil {
				b.Fatal(err)
			}
			backend := Backend{Schema: AzureOpenAI, Version: "2024-10-21", Prefix: "/openai"}
			call := Call{Path: "/v1/chat/completions", Model: f.Model, Fields: &f, Body: bb.body, Header: headers{}}
			var e Edit
			b.SetBytes(int64(len(bb.body)))
			b.ReportAllocs()
			for b.Loop() {
				x, err := New(OpenAI, ChatCompletions, &backend)
				if err != nil {
					b.Fatal(err)
				}
				e.Body = e.Body[:0]
				if err := x.Request(&e, &call); err != nil {
					b.Fatal(err)
				}
				Release(x)
			}
		})
	}
}
