package schema

import (
	"encoding/json"
	"testing"

	"llmroute/translator/raw"
)

func TestAppendClosed(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		changed        bool
	}{
		{"closed already", `{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}`,
			`{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}`, false},
		{"open", `{"type": "object"}`, `{"type":"object","additionalProperties":false}`, true},
		{"open on purpose", `{"type":"object","additionalProperties":{"type":"string"}}`, `{"type":"object","additionalProperties":false}`, true},
		{"an object or nothing", `{"type":["object","null"]}`, `{"type":["object","null"],"additionalProperties":false}`, true},
		{"deep within", `{"$defs":{"d":{"properties":{}}},"anyOf":[{"items":{"type":"object"}},true],"$ref":"#/$defs/d"}`,
			`{"$defs":{"d":{"properties":{},"additionalProperties":false}},"anyOf":[{"items":{"type":"object","additionalProperties":false}},true],"$ref":"#/$defs/d"}`, true},
		{"words that no grammar follows", `{"type":"array","items":{"type":"integer","minimum":1},"minItems":2,"maxItems":3}`, `{"type":"array","items":{"type":"integer"}}`, true},
		{"one item at least", `{"type":"array","minItems":1}`, `{"type":"array","minItems":1}`, false},
		{"properties that are called like words", `{"type":"object","properties":{"minimum":{"type":"number"},"additionalProperties":{"type":"string"}},"additionalProperties":false}`,
			`{"type":"object","properties":{"minimum":{"type":"number"},"additionalProperties":{"type":"string"}},"additionalProperties":false}`, false},
		{"an example that looks like a schema", `{"enum":[{"type":"object"}],"default":{"properties":{}}}`, `{"enum":[{"type":"object"}],"default":{"properties":{}}}`, false},
		{"no schema", `true`, `true`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, changed := AppendClosed(nil, raw.Value(c.in))
			if string(got) != c.want || changed != c.changed {
				t.Errorf("%s, changed %v, want %s, %v", got, changed, c.want, c.changed)
			}
			again, changed := AppendClosed(nil, got)
			if string(again) != string(got) || changed {
				t.Errorf("once more: %s, changed %v", again, changed)
			}
		})
	}
}

// FuzzAppendClosed wants JSON out of every JSON, and what is closed to stay so.
func FuzzAppendClosed(f *testing.F) {
	f.Add([]byte(`{"type":"object","properties":{"a":{"minimum":1}},"anyOf":[{}]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		if !json.Valid(in) {
			return
		}
		got, _ := AppendClosed(nil, raw.Trim(in))
		if !json.Valid(got) {
			t.Fatalf("%s became %s", in, got)
		}
	})
}
