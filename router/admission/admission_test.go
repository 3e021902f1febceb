package admission

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"llmroute/router/config"
	"llmroute/translator"
	"llmroute/translator/tokens"
)

func params(pairs ...string) (all []config.Parameter) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, config.Parameter{Name: pairs[i], Value: json.RawMessage(pairs[i+1])})
	}
	return all
}

// TestBody shows what is filled in and what is lowered.
func TestBody(t *testing.T) {
	defaults := &config.Model{Parameters: params("seed", "9007199254740993", "temperature", "0.7", "user", "null")}
	lower := &config.Model{Limits: config.Limits{MaxOutputTokens: 28000}}
	chat, completion, responses := translator.ChatCompletions, translator.Completions, translator.Responses
	tests := []struct {
		name  string
		op    translator.Operation
		model *config.Model
		body  string
		want  string
		warn  string
	}{
		{"all are missing", chat, defaults, `{"x":1}`, `{"seed":9007199254740993,"temperature":0.7,"user":null,"x":1}`, ""},
		{"an empty object", chat, defaults, " { } ", ` {"seed":9007199254740993,"temperature":0.7,"user":null } `, ""},
		{"0, false and null are values", chat, defaults, `{"seed":null,"user":false,"temperature":0}`, `{"seed":null,"user":false,"temperature":0}`, ""},
		{"what stands deeper counts for nothing", chat, defaults, `{"a":{"seed":1,"user":2,"temperature":3}}`, `{"seed":9007199254740993,"temperature":0.7,"user":null,"a":{"seed":1,"user":2,"temperature":3}}`, ""},
		{"an escaped name is the same name", chat, defaults, `{"s\u0065ed":1,"user":2,"temperature":3}`, `{"s\u0065ed":1,"user":2,"temperature":3}`, ""},
		{"a bound is a bound by either name", chat, &config.Model{Parameters: params("max_tokens", "5")}, `{"max_completion_tokens":7}`, `{"max_completion_tokens":7}`, ""},

		{"too high", chat, lower, `{"max_tokens": 50000 ,"n":1}`, `{"max_tokens": 28000 ,"n":1}`, "max_tokens;lowered to 28000"},
		{"too high by its new name", chat, lower, `{"max_completion_tokens":28001}`, `{"max_completion_tokens":28000}`, "max_completion_tokens;lowered to 28000"},
		{"too high by both names", chat, lower, `{"max_tokens":9e9,"max_completion_tokens":28001.5}`, `{"max_tokens":28000,"max_completion_tokens":28000}`, "max_tokens;lowered to 28000, max_completion_tokens;lowered to 28000"},
		{"too high, in the dark", chat, lower, `{"max\u005ftokens":123456789012345678901234567890}`, `{"max\u005ftokens":28000}`, "max_tokens;lowered to 28000"},
		{"equal", chat, lower, `{"max_tokens":28000}`, `{"max_tokens":28000}`, ""},
		{"less", chat, lower, `{"max_tokens":10}`, `{"max_tokens":10}`, ""},
		{"absent", chat, lower, `{}`, `{}`, ""},
		{"too high, with an exponent", chat, lower, `{"max_tokens":5.5e4}`, `{"max_tokens":28000}`, "max_tokens;lowered to 28000"},
		{"null is no bound", chat, lower, `{"max_tokens":null}`, `{"max_tokens":null}`, ""},
		{"no number, where nothing is bounded", chat, defaults, `{"seed":1,"temperature":2,"user":3,"max_tokens":"5"}`, `{"seed":1,"temperature":2,"user":3,"max_tokens":"5"}`, ""},
		{"of a completion", completion, lower, `{"max_tokens":50000}`, `{"max_tokens":28000}`, "max_tokens;lowered to 28000"},
		{"of a response", responses, lower, `{"max_output_tokens":50000,"max_tokens":50000}`, `{"max_output_tokens":28000,"max_tokens":50000}`, "max_output_tokens;lowered to 28000"},
		{"of embeddings there is none", translator.Embeddings, lower, `{"max_tokens":50000}`, `{"max_tokens":50000}`, ""},

		{"a default that is too high", chat, &config.Model{Limits: config.Limits{MaxOutputTokens: 5}, Parameters: params("max_tokens", "6")}, `{}`, `{"max_tokens":5}`, ""},
		{"both", chat, &config.Model{Limits: config.Limits{MaxOutputTokens: 5}, Parameters: params("top_p", "1")}, `{"max_tokens":6}`, `{"top_p":1,"max_tokens":5}`, "max_tokens;lowered to 5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			given := strings.Clone(tt.body)
			a, err := Admit(&Request{Operation: tt.op, Model: tt.model, Body: []byte(given)})
			if err != nil {
				t.Fatal(err)
			}
			if string(a.Body) != tt.want || strings.Join(a.Warnings, ", ") != tt.warn {
				t.Errorf("got %s, %q, want %s, %q", a.Body, a.Warnings, tt.want, tt.warn)
			}
		})
	}
}

// TestTypes refuses bounds that some servers would read as numbers, and none would
// here.
func TestTypes(t *testing.T) {
	for _, body := range []string{`{"max_tokens":"50000"}`, `{"max_completion_tokens":[50000]}`, `{"n":"5"}`, `{"max\u005ftokens":true}`} {
		for _, l := range []config.Limits{{MaxOutputTokens: 5}, {ContextWindow: 1000}, {TokensPerMinute: 1000}} {
			a, err := Admit(&Request{Operation: translator.ChatCompletions, Model: &config.Model{Limits: l}, Body: []byte(body)})
			if r, ok := errors.AsType[*translator.Refusal](err); !ok || r.Status != 400 || r.Code != "invalid_type" {
				t.Errorf("%s within %+v: admitted %+v, %v", body, l, a, err)
			}
		}
	}
}

// TestUntouched keeps every request as it is that has all that it needs, and
// reads no more out of the rest than they say.
func TestUntouched(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		object := rapid.MapOf(rapid.String(), rapid.OneOf(rapid.Float64().AsAny(), rapid.String().AsAny(), rapid.Bool().AsAny())).Draw(t, "object")
		body, err := json.Marshal(object)
		if err != nil {
			t.Skip(err)
		}
		value := json.RawMessage(`{"deep":[1,"\u0000"]}`)
		name := rapid.String().Draw(t, "name")
		a, err := Admit(&Request{Operation: translator.ChatCompletions, Body: body,
			Model: &config.Model{Parameters: []config.Parameter{{Name: name, Value: value}}}})
		if err != nil {
			t.Fatal(err)
		}
		var got, want map[string]json.RawMessage
		if err := json.Unmarshal(a.Body, &got); err != nil {
			t.Fatalf("%s: %v", a.Body, err)
		}
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatal(err)
		}
		encoded, err := json.Marshal(map[string]json.RawMessage{name: value})
		if err != nil {
			t.Fatal(err)
		}
		added := map[string]json.RawMessage{}
		if err := json.Unmarshal(encoded, &added); err != nil { // as encoding/json spells what is not UTF-8
			t.Fatal(err)
		}
		for k, v := range added {
			if _, ok := want[k]; !ok {
				want[k] = v
			}
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Fatalf("%s with %q (-got +want):\n%s", body, name, diff)
		}
	})
}

const words = "one two three four five six seven eight nine ten"

// TestWindow shows where the limits are, and what is said beyond them.
func TestWindow(t *testing.T) {
	counter := tokens.For(string(translator.OpenAI), "gpt-4o")
	body := func(more string) []byte {
		return []byte(`{"messages":[{"role":"user","content":"` + words + `"}]` + more + `}`)
	}
	n := int64(counter.Request(body("")))
	if n < 10 || n > 20 {
		t.Fatalf("%d tokens in %s", n, body(""))
	}
	type limits = config.Limits
	tests := []struct {
		name   string
		limits limits
		more   string
		want   string // the detail, as JSON
	}{
		{"no limit", limits{}, `,"max_tokens":1000000`, ""},
		{"fits exactly", limits{MaxInputTokens: n}, "", ""},
		{"one too many", limits{MaxInputTokens: n - 1}, "", `{"code":"input_limit_exceeded","message":"Input token limit exceeded","details":{"model":"be:m","limit":$limit,"measured":$input}}`},
		{"one too many for the window", limits{ContextWindow: n - 1}, "", `{"code":"input_limit_exceeded","message":"Input token limit exceeded","details":{"model":"be:m","limit":$limit,"measured":$input}}`},
		{"the input's own limit counts", limits{MaxInputTokens: n, ContextWindow: n + 5}, "", ""},
		{"fits with its answer", limits{ContextWindow: n + 5}, `,"max_tokens":5`, ""},
		{"the answer is one too long", limits{ContextWindow: n + 5}, `,"max_completion_tokens":6`,
			`{"code":"total_limit_exceeded","message":"Total token limit exceeded (input + max_tokens exceeds context window)","details":{"model":"be:m","context_window":$window,"input_tokens":$input,"max_tokens":6,"total_requested":$total,"suggestion":"Reduce max_tokens to 5 or less"}}`},
		{"the input is judged first", limits{ContextWindow: n - 1}, `,"max_tokens":6`, `{"code":"input_limit_exceeded","message":"Input token limit exceeded","details":{"model":"be:m","limit":$limit,"measured":$input}}`},
		{"a lowered answer fits", limits{ContextWindow: n + 5, MaxOutputTokens: 5}, `,"max_tokens":600`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := Admit(&Request{Operation: translator.ChatCompletions, Model: &config.Model{Limits: tt.limits}, Asked: "be:m", Body: body(tt.more), Counter: counter})
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			r, ok := errors.AsType[*translator.Refusal](err)
			if !ok || r.Status != 400 || r.Code != "context_length_exceeded" {
				t.Fatalf("admitted %+v, %v", a, err)
			}
			got, err := json.Marshal(r.Detail)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.NewReplacer("$limit", fmt.Sprint(tt.limits.Input()), "$window", fmt.Sprint(tt.limits.ContextWindow),
				"$input", fmt.Sprint(n), "$total", fmt.Sprint(n+6)).Replace(tt.want)
			if string(got) != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// TestReserve shows what a request is taken to need.
func TestReserve(t *testing.T) {
	counter := tokens.For(string(translator.OpenAI), "gpt-4o")
	plain := `{"messages":[{"role":"user","content":"` + words + `"}]`
	n := int64(counter.Request([]byte(plain + "}")))
	type limits = config.Limits
	tests := []struct {
		name   string
		limits limits
		more   string
		want   int64
	}{
		{"no budget", limits{}, `,"max_tokens":5`, 0},
		{"what the client allows", limits{TokensPerMinute: 1000}, `,"max_tokens":5`, n + 5},
		{"for every answer", limits{TokensPerMinute: 1000}, `,"max_tokens":5,"n":3`, n + 15},
		{"even beyond the budget", limits{TokensPerMinute: 10}, `,"max_tokens":5`, n + 5},
		{"what the model allows", limits{TokensPerMinute: 1000, MaxOutputTokens: 50}, "", n + 50},
		{"what the model allows, within the budget", limits{TokensPerMinute: 40, MaxOutputTokens: 50}, "", 40},
		{"for many answers", limits{TokensPerMinute: 1 << 30}, `,"max_tokens":5,"n":1000`, n + 5000},
		{"for more answers than can be summed", limits{TokensPerMinute: 1000}, `,"max_tokens":1e300,"n":1e300`, n + 1<<50},
		{"a guess", limits{TokensPerMinute: 1 << 20}, "", n + assumedOutput},
		{"a prompt beyond the budget", limits{TokensPerMinute: 1}, "", n},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := Admit(&Request{Operation: translator.ChatCompletions, Model: &config.Model{Limits: tt.limits}, Body: []byte(plain + tt.more + "}"), Counter: counter})
			if err != nil || a.Reserve != tt.want {
				t.Errorf("reserved %d, %v, want %d", a.Reserve, err, tt.want)
			}
		})
	}
}

// TestReserveByOperation shows what other requests than chats are taken to need.
func TestReserveByOperation(t *testing.T) {
	counter := tokens.For(string(translator.OpenAI), "gpt-4o")
	tests := []struct {
		name string
		op   translator.Operation
		body string
		want int64 // besides the prompt
	}{
		{"a completion", translator.Completions, `{"prompt":"hi","max_tokens":5}`, 5},
		{"the best of some", translator.Completions, `{"prompt":"hi","max_tokens":5,"n":2,"best_of":4}`, 20},
		{"some prompts", translator.Completions, `{"prompt":["a","b","c"],"max_tokens":5,"n":2}`, 30},
		{"some prompts of tokens", translator.Completions, `{"prompt":[[1,2],[3]],"max_tokens":5}`, 10},
		{"a prompt of tokens", translator.Completions, `{"prompt":[1,2,3],"max_tokens":5}`, 5},
		{"a response", translator.Responses, `{"input":"hi","max_output_tokens":5}`, 5},
		{"embeddings", translator.Embeddings, `{"input":["a","b"]}`, 0},
		{"a moderation", translator.Moderations, `{"input":"a"}`, 0},
		{"a rerank", translator.Rerank, `{"query":"a","documents":["b"]}`, 0},
		{"a form", translator.AudioTranscriptions, "", assumedOutput},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := Admit(&Request{Operation: tt.op, Model: &config.Model{Limits: config.Limits{TokensPerMinute: 1 << 20}},
				Body: []byte(tt.body), Counter: counter, Form: tt.body == ""})
			if want := int64(counter.Request([]byte(tt.body))) + tt.want; err != nil || a.Reserve != want {
				t.Errorf("reserved %d, %v, want %d", a.Reserve, err, want)
			}
		})
	}
}
