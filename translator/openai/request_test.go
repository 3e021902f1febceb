package openai

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// read reads a request, which is well-formed.
func read(body string) (*chat.Trip, error) {
	t := &chat.Trip{}
	err := Dialect{}.ReadRequest(t, []byte(body))
	return t, err
}

// spelled tells a conversation in one line.
func spelled(list []chat.Turn) string {
	var out []string
	for i := range list {
		words := []string{[...]string{"S", "U", "A"}[list[i].Role]}
		for _, b := range list[i].Blocks {
			words = append(words, spelledBlock(&b))
		}
		if len(list[i].Replay) > 0 {
			words = append(words, list[i].For+string(list[i].Replay))
		}
		out = append(out, strings.Join(words, " "))
	}
	return strings.Join(out, " | ")
}

func spelledBlock(b *chat.Block) string {
	switch b.What {
	case chat.Text:
		return b.Text.String()
	case chat.Call:
		return b.Name + "(" + b.Args.String() + ")#" + b.ID
	case chat.Custom:
		return b.Name + "[" + b.Text.String() + "]#" + b.ID
	case chat.Result:
		words := []string{"=" + b.ID}
		for i := range b.Blocks {
			words = append(words, spelledBlock(&b.Blocks[i]))
		}
		return strings.Join(words, ":")
	case chat.Thinking:
		return "~" + b.Text.String() + "~" + b.For + string(b.Sig)
	case chat.Redacted:
		return "~~" + b.For + string(b.Sig)
	}
	m := b.Media
	return fmt.Sprintf("<%s%s %s %s%s%s %s>", m.Type, m.Format, m.URL, m.Base64, m.FileID, m.Name, m.Detail)
}

func TestReadMessages(t *testing.T) {
	blocks := base64.StdEncoding.EncodeToString([]byte(`[{"type":"text","text":"a"}]`))
	answer := func(members string) string {
		return `{"role":"user","content":"?"},{"role":"assistant","content":"a",` + members + `}`
	}
	for _, tt := range []struct{ name, messages, want string }{
		{"roles", `{"role":"system","content":"s"},{"role":"developer","content":"d"},{"role":"user","content":"u"},{"role":"assistant","content":"a"}`, "S s | S d | U u | A a"},
		{"users in a row", `{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]}`, "U a b"},
		{"letters", `{"role":"user","content":"\u00e9 \"q\" 漢"}`, `U é "q" 漢`},
		{"names that are escaped", `{"r\u006fle":"user","cont\u0065nt":[{"typ\u0065":"text","te\u0078t":"u"}]},{"role":"assistant","tool_c\u0061lls":[{"i\u0064":"c","functi\u006fn":{"nam\u0065":"f","arguments":"{}"}}]}`, "U u | A f({})#c"},
		{"nothing", `{"role":"user","content":""},{"role":"assistant","content":null},{"role":"user","content":[{"type":"text","text":" "}]}`, "U | A | U"},
		{"a refusal", `{"role":"user","content":"?"},{"role":"assistant","content":null,"refusal":"no"}`, "U ? | A no"},
		{"a call and its result", answer(`"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]`) + `,{"role":"tool","tool_call_id":"c","content":"r"}`,
			`U ? | A a f({"a":1})#c | U =c:r`},
		{"a call with an object", answer(`"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":{"a":"é"}}}]`), `U ? | A a f({"a":"é"})#c`},
		{"a call of text", answer(`"tool_calls":[{"id":"c","type":"custom","custom":{"name":"f","input":"ls"}}]`), "U ? | A a f[ls]#c"},
		{"results and a text", answer(`"tool_calls":[]`) + `,{"role":"tool","tool_call_id":"c","content":"r"},{"role":"tool","tool_call_id":"d","content":[{"type":"text","text":"s"}]},{"role":"user","content":"t"}`,
			"U ? | A a | U =c:r =d:s t"},
		{"functions of old", `{"role":"user","content":"?"},{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"r"}`, "U ? | A f({})#call_1 | U =call_1:r"},

		{"pictures", `{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a/b.png","detail":"low"}},{"type":"image_url","image_url":"https://c"},{"type":"image_url","image_url":{"url":"data:image/PNG;base64,QUJD","detail":"auto"}}]}`,
			"U < https://a/b.png  low> < https://c  > <image/png  QUJD >"},
		{"a picture with escapes", `{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image\/png;base64,QU\/D"}}]}`, "U <image/png  QU/D >"},
		{"a sound", `{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"QUJD","format":"wav"}}]}`, "U <wav  QUJD >"},
		{"files", `{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,QUJD"}},{"type":"file","file":{"file_id":"file-1"}},{"type":"file","file":{"file_data":"QUJD"}}]}`,
			"U <application/pdf  QUJDa.pdf > <  file-1 > <  QUJD >"},

		{"reasoning that is signed", answer(`"reasoning_details":[{"type":"reasoning.text","text":"t","signature":"S","format":"anthropic-claude-v1","index":0},{"type":"reasoning.encrypted","data":"D","format":"anthropic-claude-v1","index":1}],"reasoning_content":"t"`),
			"U ? | A ~t~anthropicS ~~anthropicD a"},
		{"reasoning of ours", answer(`"reasoning_details":[{"type":"reasoning.text","text":"t","signature":"S","format":"unknown","id":"llmroute:bedrock:1.0","index":0}]`), "U ? | A ~t~bedrockS a"},
		{"reasoning of a stranger", answer(`"reasoning_details":[{"type":"reasoning.encrypted","data":"D","format":"xai-responses-v1","index":0},{"type":"reasoning.summary","summary":"s"}]`), "U ? | A a"},
		{"a whole answer", answer(`"reasoning_details":[{"type":"reasoning.text","text":"t","signature":"S","format":"anthropic-claude-v1","index":0},{"type":"reasoning.encrypted","id":"llmroute:blocks:anthropic:1","format":"unknown","data":"` + blocks + `","index":1}]`),
			`U ? | A ~t~anthropicS a anthropic[{"type":"text","text":"a"}]`},
		{"a whole answer that is none", answer(`"reasoning_details":[{"type":"reasoning.encrypted","id":"llmroute:blocks:anthropic:1","format":"unknown","data":"e30","index":1}]`), "U ? | A a"},
		{"LiteLLM's blocks", answer(`"thinking_blocks":[{"type":"thinking","thinking":"t","signature":"S"},{"type":"redacted_thinking","data":"D"},{"type":"thinking","thinking":"u"}],"reasoning_content":"t"`), "U ? | A ~t~anthropicS ~~anthropicD a"},
		{"details win over blocks", answer(`"thinking_blocks":[{"type":"thinking","thinking":"t","signature":"S"}],"reasoning_details":[{"type":"reasoning.text","text":"u","signature":"T","format":"anthropic-claude-v1"}]`), "U ? | A ~u~anthropicT a"},
		{"parts of the content", `{"role":"user","content":"?"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"S"},{"type":"redacted_thinking","data":"D"},{"type":"text","text":"a"}],"reasoning_content":"t"}`, "U ? | A ~t~anthropicS ~~anthropicD a"},
		{"blocks win over parts of the content", `{"role":"user","content":"?"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"S"},{"type":"text","text":"a"}],"thinking_blocks":[{"type":"thinking","thinking":"t","signature":"S"}]}`, "U ? | A ~t~anthropicS a"},
		{"another gateway's object", answer(`"reasoning_content":{"reasoningText":{"text":"t","signature":"S"}}`), "U ? | A ~t~anthropicS a"},
		{"reasoning in words", answer(`"reasoning_content":"t","reasoning":"u"`), "U ? | A ~t~ a"},
		{"reasoning in words, under the shorter name", answer(`"reasoning":"u"`), "U ? | A ~u~ a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trip, err := read(`{"model":"m","messages":[` + tt.messages + `]}`)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(spelled(trip.Request.Turns), tt.want); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// uses are the fields that a request says something with; what it says no more
// with than by leaving it out is none.
func TestReadFields(t *testing.T) {
	const f = `"tools":[{"type":"function","function":{"name":"f"}},{"type":"custom","custom":{"name":"c"}}],`
	for _, tt := range []struct {
		fields string
		uses   string // beside the model
		check  func(*chat.Request) bool
	}{
		{`"n":1,"logit_bias":{},"logprobs":false,"frequency_penalty":0.0,"store":false,"modalities":["text"],"tools":[],"tool_choice":"auto","stop":[],"service_tier":"auto","verbosity":"medium","seed":null`, "",
			func(r *chat.Request) bool { return len(r.Tools) == 0 && r.Tier == "" }},
		{`"max_tokens":3.0`, "max_tokens", func(r *chat.Request) bool { return r.MaxTokens.Int() == 3 }},
		{`"seed":9223372036854775807`, "seed", func(r *chat.Request) bool { return string(r.Seed) == "9223372036854775807" }},
		{`"max_tokens":3,"max_completion_tokens":5`, "max_tokens", func(r *chat.Request) bool { return r.MaxTokens.Int() == 5 }},
		{`"user":"u","safety_identifier":"s"`, "user", func(r *chat.Request) bool { return r.User == "s" }},
		{`"stop":"x"`, "stop", func(r *chat.Request) bool { return len(r.Stop) == 1 && r.Stop[0].String() == "x" }},
		{`"stream":true,"stream_options":{"include_usage":true}`, "", func(r *chat.Request) bool { return r.Stream && r.Counts }},
		{`"top_k":3,"thing":null`, "", func(r *chat.Request) bool { return string(r.Extension("top_k")) == "3" && len(r.Extra) == 1 }},
		{`"temperature":1,"presence_penalty":1,"logprobs":true,"top_logprobs":2`, "temperature,presence_penalty,logprobs,top_logprobs", nil},
		{f + `"tool_choice":"none"`, "tools[0],tools[1].custom,tool_choice", func(r *chat.Request) bool { return r.Choice.Mode == chat.Never && r.Tools[1].Custom }},
		{f + `"tool_choice":"required","parallel_tool_calls":false`, "tools[0],tools[1].custom,tool_choice,parallel_tool_calls", func(r *chat.Request) bool { return r.Choice.Mode == chat.Force && r.NoParallel }},
		{f + `"tool_choice":{"type":"custom","custom":{"name":"c"}}`, "tools[0],tools[1].custom,tool_choice", func(r *chat.Request) bool { return r.Choice.Mode == chat.Force && r.Choice.Name == "c" }},
		{f + `"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}}`,
			"tools[0],tools[1].custom,tool_choice.allowed_tools.mode,tool_choice", func(r *chat.Request) bool {
				return r.Choice.Mode == chat.Force && cmp.Equal(r.Choice.Among, []string{"f"})
			}},
		{`"tool_choice":"required","parallel_tool_calls":false`, "", func(r *chat.Request) bool { return r.Choice.Mode == chat.Auto && !r.NoParallel }},
		{`"functions":[{"name":"f"}],"tools":[]`, "functions", func(r *chat.Request) bool { return r.Legacy && len(r.Tools) == 1 }},
		{`"functions":[{"name":"f"}],"function_call":{"name":"f"}`, "functions,function_call", func(r *chat.Request) bool { return r.Legacy && r.NoParallel && r.Choice.Name == "f" }},
		{`"response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":{"type":"object"}}}`, "response_format",
			func(r *chat.Request) bool { return r.Format.JSON && r.Format.Strict && r.Format.Name == "a" }},
		{`"tools":[{"type":"function","function":{"name":"f","strict":true},"cache_control":{"type":"ephemeral","ttl":"1h"}}]`, "tools[0].function.strict,tools[0]",
			func(r *chat.Request) bool { return r.Tools[0].Cache == "1h" && r.Tools[0].Strict }},
	} {
		trip, err := read(`{"model":"m","messages":[{"role":"user","content":"?"}],` + tt.fields + `}`)
		if err != nil {
			t.Errorf("%s: %v", tt.fields, err)
			continue
		}
		var uses []string
		for _, u := range trip.Request.Uses {
			if u.Field != chat.Model {
				uses = append(uses, u.Param)
			}
		}
		if got := strings.Join(uses, ","); got != tt.uses {
			t.Errorf("%s: uses %s, want %s", tt.fields, got, tt.uses)
		}
		if tt.check != nil && !tt.check(&trip.Request) {
			t.Errorf("%s: read as %+v", tt.fields, trip.Request)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for _, tt := range []struct{ body, want string }{
		{`{"model":"m"}`, "missing_required_parameter messages"},
		{`{"messages":[]}`, "missing_required_parameter messages"},
		{`{"messages":"hi"}`, "invalid_type messages"},
		{`{"messages":[{"content":"a"}]}`, "missing_required_parameter messages[0].role"},
		{`{"messages":[{"role":"robot","content":"a"}]}`, "invalid_value messages[0].role"},
		{`{"messages":[{"role":"user","content":3}]}`, "invalid_type messages[0].content"},
		{`{"messages":[{"role":"user","content":[{"type":"smell"}]}]}`, "invalid_value messages[0].content[0].type"},
		{`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}`, "missing_required_parameter messages[0].content[0].image_url.url"},
		{`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png,x"}}]}]}`, "invalid_value messages[0].content[0].image_url"},
		{`{"messages":[{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f"}}]}]}`, "missing_required_parameter messages[0].tool_calls[0]"},
		{`{"messages":[{"role":"tool","content":"r"}]}`, "missing_required_parameter messages[0].tool_call_id"},
		{`{"messages":[{"role":"user","content":[{"type":"text","text":7}]}]}`, "invalid_type messages[0].content[0].text"},
		{`{"messages":[{"role":"assistant","tool_calls":{}}]}`, "invalid_type messages[0].tool_calls"},
		{`{"messages":[{"role":"assistant","function_call":{"arguments":"{}"}}]}`, "missing_required_parameter messages[0].function_call.name"},
		{`{"messages":[{"role":"assistant","function_call":{"name":"f"}},{"role":"function","name":"g","content":"r"}]}`, "invalid_value messages[1].name"},
		{`{"messages":[{"role":"user","content":"a"}],"max_tokens":0}`, "invalid_type max_tokens"},
		{`{"messages":[{"role":"user","content":"a"}],"n":0}`, "invalid_type n"},
		{`{"messages":[{"role":"user","content":"a"}],"max_tokens":2.9}`, "invalid_type max_tokens"},
		{`{"messages":[{"role":"user","content":"a"}],"max_completion_tokens":"3"}`, "invalid_type max_completion_tokens"},
		{`{"messages":[{"role":"user","content":"a"}],"seed":1.5}`, "invalid_type seed"},
		{`{"messages":[{"role":"user","content":"a"}],"n":1.5}`, "invalid_type n"},
		{`{"messages":[{"role":"user","content":"a"}],"top_logprobs":25e-1}`, "invalid_type top_logprobs"},
		{`{"messages":[{"role":"user","content":"a"}],"temperature":"hot"}`, "invalid_type temperature"},
		{`{"messages":[{"role":"user","content":"a"}],"stop":[1]}`, "invalid_type stop"},
		{`{"messages":[{"role":"user","content":"a"}],"tools":{}}`, "invalid_type tools"},
		{`{"messages":[{"role":"user","content":"a"}],"tools":[{"function":{}}]}`, "missing_required_parameter tools[0].type"},
		{`{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{}}]}`, "missing_required_parameter tools[0].function.name"},
		{`{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f","parameters":[]}}]}`, "invalid_type tools[0].function.parameters"},
		{`{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"maybe"}`, "invalid_value tool_choice"},
		{`{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function","name":"f"}}`, "missing_required_parameter tool_choice.function.name"},
		{`{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","name":"f"}]}}}`, "missing_required_parameter tool_choice.allowed_tools.tools[0]"},
		{`{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"f"}]}}`, "missing_required_parameter tool_choice.allowed_tools.tools"},
		{`{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f"}}],"functions":[{"name":"g"}]}`, " functions"},
		{`{"messages":[{"role":"user","content":"a"}],"response_format":{"type":"xml"}}`, "invalid_value response_format.type"},
		{`{"messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema"}}`, "missing_required_parameter response_format.json_schema.schema"},
	} {
		_, err := read(tt.body)
		r, ok := errors.AsType[*chat.Refusal](err)
		if !ok || r.Code+" "+r.Param != tt.want || r.Status != 400 || !strings.Contains(r.Message, r.Param) {
			t.Errorf("%s: %+v, want %s", tt.body, r, tt.want)
		}
	}
}

// What one side writes of reasoning the other reads as it was.
func TestReasoningRoundTrip(t *testing.T) {
	answer := []chat.Event{
		{Kind: chat.Start, ID: raw.Text("1")},
		{Kind: chat.Open, What: chat.Thinking},
		{Kind: chat.Delta, What: chat.Thinking, Text: raw.Text(`so \"é`)},
		{Kind: chat.Delta, What: chat.Thinking, Text: raw.Text(`\n...`)},
		{Kind: chat.Close, What: chat.Thinking, Sig: raw.Text("S+/="), For: "anthropic"},
		{Kind: chat.Open, What: chat.Redacted, Block: 1},
		{Kind: chat.Close, What: chat.Redacted, Block: 1, Sig: raw.Text("D"), For: "bedrock"},
		{Kind: chat.Open, What: chat.Text, Block: 2},
		{Kind: chat.Delta, What: chat.Text, Block: 2, Text: raw.Text("a")},
		{Kind: chat.Close, What: chat.Text, Block: 2},
		{Kind: chat.Finish, Reason: chat.Stop},
		{Kind: chat.Done},
	}
	_, message, _ := strings.Cut(told(Dialect{}.Writer(&chat.Trip{}, 0, true), answer), `"message":`)
	message, _, _ = strings.Cut(message, `,"logprobs"`)
	trip, err := read(`{"messages":[{"role":"user","content":"?"},` + message + `]}`)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := spelled(trip.Request.Turns), "U ? | A ~so \"é\n...~anthropicS+/= ~~bedrockD a"; got != want {
		t.Errorf("%s came back as %q, want %q", message, got, want)
	}
}
