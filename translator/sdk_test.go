package translator

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"

	"llmroute/translator/chat"
)

// TestSDKFields compares what OpenAI's own client can say with what the matrix
// knows: a field that is new there has no row here, and must not be lost.
func TestSDKFields(t *testing.T) {
	known := make(map[string]bool)
	for _, p := range probes(t) {
		if p.field == chat.Unknown {
			continue
		}
		for path := range paths(p.Body) {
			known[path] = true
		}
	}
	known["model"] = true
	said := make(map[string]bool)
	sayable(reflect.TypeFor[openai.ChatCompletionNewParams](), "", said)
	if len(said) < 100 {
		t.Fatalf("found only %d fields in the client's types", len(said))
	}
	for path := range said {
		if !known[path] {
			t.Errorf("OpenAI's client can send %s, which no row of the matrix knows: add a probe to testdata/probes.json", path)
		}
	}
}

// paths are the members that a request has at any depth, as in
// "messages[].content[].type".
func paths(body bodyMembers) map[string]bool {
	found := make(map[string]bool)
	var walk func(v any, at string)
	walk = func(v any, at string) {
		switch v := v.(type) {
		case map[string]any:
			for name, value := range v {
				path := strings.TrimPrefix(at+"."+name, ".")
				found[path] = true
				walk(value, path)
			}
		case []any:
			found[at+"[]"] = true
			for _, e := range v {
				walk(e, at+"[]")
			}
		}
	}
	for name, value := range body {
		var v any
		if json.Unmarshal(value, &v) == nil {
			walk(map[string]any{name: v}, "")
		}
	}
	return found
}

// sayable adds the members that values of a type have in JSON. What stands in a
// map is for nobody to know.
func sayable(of reflect.Type, at string, found map[string]bool) {
	switch of.Kind() {
	case reflect.Pointer:
		sayable(of.Elem(), at, found)
	case reflect.Slice:
		sayable(of.Elem(), at+"[]", found)
	case reflect.Struct:
		for f := range of.Fields() {
			tag, ok := f.Tag.Lookup("json")
			if !ok || !f.IsExported() {
				continue
			}
			path := at
			name, flags, _ := strings.Cut(tag, ",")
			switch {
			case name == "-", name == "" && !strings.Contains(flags, "inline"):
				continue
			case name != "":
				path = strings.TrimPrefix(at+"."+name, ".")
				found[path] = true
			}
			sayable(f.Type, path, found)
		}
	}
}
