package translator

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestScan(t *testing.T) {
	long := strings.Repeat("m", 256)
	tests := []struct {
		name, body string
		op         Operation
		want       Fields // the exported ones
	}{
		{"empty object", `{}`, ChatCompletions, Fields{}},
		{"model only", `{"model":"a"}`, ChatCompletions, Fields{Model: "a"}},
		{"white space everywhere", " \t\r\n{ \"model\" : \"a\" , \"stream\" : true } \n", ChatCompletions, Fields{Model: "a", Stream: true}},
		{"model last", `{"messages":[{"role":"user","content":"model"}],"model":"a"}`, ChatCompletions, Fields{Model: "a"}},
		{"nested model is none", `{"metadata":{"model":"b"}}`, ChatCompletions, Fields{}},
		{"escaped key", `{"mod\u0065l":"a"}`, ChatCompletions, Fields{Model: "a"}},
		{"escaped value", `{"model":"a\/\u00e9\"\\"}`, ChatCompletions, Fields{Model: `a/é"\`}},
		{"null model is absent", `{"model":null}`, ChatCompletions, Fields{}},
		{"longest model", `{"model":"` + long + `"}`, ChatCompletions, Fields{Model: long}},
		{"null stream", `{"model":"a","stream":null}`, ChatCompletions, Fields{Model: "a"}},
		{"usage asked for", `{"stream":true,"stream_options":{"include_usage":true}}`, ChatCompletions, Fields{Stream: true, IncludeUsage: true}},
		{"the last include_usage counts", `{"stream":true,"stream_options":{"include_usage":false,"include_usage":true}}`, ChatCompletions, Fields{Stream: true, IncludeUsage: true}},
		{"escaped include_usage", `{"stream":true,"stream_options":{"include\u005fusage":true}}`, ChatCompletions, Fields{Stream: true, IncludeUsage: true}},
		{"options without stream", `{"stream_options":{"include_usage":true}}`, ChatCompletions, Fields{}},
		{"numbers and literals", `{"a":[-0,0.5,1e9,1E+2,-1.25e-3,true,false,null,[],{}],"b":{"c":[[],[{}]]}}`, ChatCompletions, Fields{}},
		{"input is for responses", `{"model":"a","input":"hi"}`, Responses, Fields{Model: "a"}},
		{"form endpoint with JSON", `{"model":"a"}`, ImagesEdits, Fields{Model: "a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got Fields
			if err := Scan(tt.op, "application/json", []byte(tt.body), &got); err != nil {
				t.Fatal(err)
			}
			tt.want.Operation = tt.op
			if diff := cmp.Diff(got, tt.want, cmpopts.IgnoreUnexported(Fields{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestScanRefuses(t *testing.T) {
	const broken = "We could not parse the JSON body of your request: "
	deep := strings.Repeat("[", 10_000)
	tests := []struct {
		name, body  string
		code, param string
		message     string
	}{
		{"empty", "", "", "", broken + "the body is empty at byte 0."},
		{"blank", " \n", "", "", broken + "the body is empty at byte 2."},
		{"array", `[]`, "", "", "The request body must be a JSON object; '[' stands at byte 0."},
		{"byte order mark", "\xEF\xBB\xBF{}", "", "", "The request body must be a JSON object; byte 0xEF stands at byte 0."},
		{"torn", `{"model":"a"`, "", "", broken + "the body ends where ',' or '}' must follow, at byte 12."},
		{"torn string", `{"model":"a`, "", "", broken + "the body ends where a closing quote must follow, at byte 11."},
		{"trailing garbage", `{} {}`, "", "", broken + "text after the end of the object at byte 3."},
		{"trailing comma", `{"a":1,}`, "", "", broken + "'}' stands where a key in double quotes must, at byte 7."},
		{"trailing comma within", `{"a":[1,]}`, "", "", broken + "']' stands where a value must, at byte 8."},
		{"missing colon", `{"a" 1}`, "", "", broken + "'1' stands where ':' must, at byte 5."},
		{"wrong bracket", `{"a":[1}`, "", "", broken + "'}' stands where ',' or ']' must, at byte 7."},
		{"literal", `{"a":nul1}`, "", "", broken + "'1' stands where null must, at byte 8."},
		{"leading zero", `{"a":01}`, "", "", broken + "'1' stands where ',' or '}' must, at byte 6."},
		{"no fraction", `{"a":1.}`, "", "", broken + "'}' stands where a digit must, at byte 7."},
		{"control character", "{\"a\":\"0123456789\n\"}", "", "", broken + "'\\n' stands where an escaped control character must, at byte 16."},
		{"escape", `{"a":"\x"}`, "", "", broken + "'x' stands where an escape that JSON knows must, at byte 7."},
		{"short escape", `{"a":"\u12g4"}`, "", "", broken + "'g' stands where a hexadecimal digit must, at byte 10."},
		{"UTF-8", "{\"a\":\"0123456789\xff\"}", "", "", broken + "invalid UTF-8 at byte 16."},
		{"too deep", `{"a":` + deep, "", "", "The request nests deeper than 10000 levels at byte 10004."},
		{"duplicate", `{"model":"a","model":"b"}`, "duplicate_parameter", "model", "Duplicate parameter: 'model' stands more than once in the request."},
		{"duplicate, escaped", `{"model":"a","mod\u0065l":"b"}`, "duplicate_parameter", "model", "Duplicate parameter: 'model' stands more than once in the request."},
		{"duplicate, escaped first", `{"\u006dodel":"a","model":"b"}`, "duplicate_parameter", "model", "Duplicate parameter: 'model' stands more than once in the request."},
		{"duplicate of no importance", `{"seed":1,"a":2,"seed":1}`, "duplicate_parameter", "seed", "Duplicate parameter: 'seed' stands more than once in the request."},
		{"another case", `{"model":"a","Model":"b"}`, "unknown_parameter", "Model", "Unknown parameter: 'Model'. Did you mean 'model'?"},
		{"another case of a bound", `{"max_tokens":5,"Max_toKens":50000}`, "unknown_parameter", "Max_toKens", "Unknown parameter: 'Max_toKens'. Did you mean 'max_tokens'?"},
		{"another case, escaped", `{"messages":[],"\u004dessages":[]}`, "unknown_parameter", "Messages", "Unknown parameter: 'Messages'. Did you mean 'messages'?"},
		{"model is a number", `{"model":1}`, "invalid_type", "model", "Invalid type for 'model': expected a string."},
		{"model is an object", `{"model":{}}`, "invalid_type", "model", "Invalid type for 'model': expected a string."},
		{"long model", `{"model":"` + strings.Repeat("m", 257) + `"}`, "string_above_max_length", "model", "Invalid 'model': string too long. Expected a string with maximum length 256."},
		{"newline in the model", `{"model":"a\nb"}`, "invalid_value", "model", "Invalid value for 'model': it contains control characters."},
		{"escaped NUL in the model", `{"model":"a\u0000"}`, "invalid_value", "model", "Invalid value for 'model': it contains control characters."},
		{"stream is text", `{"stream":"true"}`, "invalid_type", "stream", "Invalid type for 'stream': expected a boolean."},
		{"a Responses body", `{"model":"a","input":"hi"}`, "missing_required_parameter", "messages", "Missing required parameter: 'messages'. A body with 'input' belongs to POST /v1/responses."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var f Fields
			err := Scan(ChatCompletions, "application/json", []byte(tt.body), &f)
			if diff := cmp.Diff(err, error(Invalid(tt.code, tt.param, tt.message))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A body may have more keys than the scan keeps room for.
func TestScanManyKeys(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		key, _ := json.Marshal("k" + strings.Repeat("x", i))
		b.WriteString(string(key) + ":0,")
	}
	var f Fields
	if err := Scan(ChatCompletions, "", []byte("{"+b.String()+`"model":"a"}`), &f); err != nil || f.Model != "a" {
		t.Errorf("model %q, error %v", f.Model, err)
	}
	for _, again := range []string{"k", "kx", "k" + strings.Repeat("x", 999)} {
		err := Scan(ChatCompletions, "", []byte("{"+b.String()+`"`+again+`":1}`), &f)
		if err == nil {
			t.Errorf("a second key of %d bytes was taken", len(again))
		}
	}
}

func TestScanAllocates(t *testing.T) {
	body := []byte(`{"messages":[{"role":"user","content":"h\u00e9llo \"you\" ✓"}],"model":"a-model","stream":true,"stream_options":{"x":1}}`)
	var f Fields
	n := testing.AllocsPerRun(100, func() {
		if err := Scan(ChatCompletions, "application/json", body, &f); err != nil {
			t.Fatal(err)
		}
	})
	if n != 1 { // the model's name
		t.Errorf("%v allocations", n)
	}
}
