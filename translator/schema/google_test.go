package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"llmroute/translator/raw"
)

func TestAppendGoogle(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     string // "" is as it came
		changed  bool
		old      string // in the older form; "" is not looked at
	}{
		{name: "plain", in: `{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"integer","minimum":0}},"required":["b"]}`,
			old: `{"type":"OBJECT","properties":{"b":{"type":"STRING"},"a":{"type":"INTEGER","minimum":0}},"propertyOrdering":["b","a"],"required":["b"]}`},
		{name: "properties that are called like words",
			in:  `{"type":"object","properties":{"type":{"type":"string"},"title":{"type":"string"},"$ref":{"type":"string"},"anyOf":{"type":"array","items":{"type":"string"}},"pattern":{"type":"string"},"$id":{"type":"number"},"enum":{"enum":["x"]},"properties":{"type":"boolean"}},"required":["type","$ref"]}`,
			old: `{"type":"OBJECT","properties":{"type":{"type":"STRING"},"title":{"type":"STRING"},"$ref":{"type":"STRING"},"anyOf":{"type":"ARRAY","items":{"type":"STRING"}},"pattern":{"type":"STRING"},"$id":{"type":"NUMBER"},"enum":{"type":"STRING","enum":["x"]},"properties":{"type":"BOOLEAN"}},"propertyOrdering":["type","title","$ref","anyOf","pattern","$id","enum","properties"],"required":["type","$ref"]}`},
		{name: "said of it, not by it", in: `{"$schema":"x","$id":"y","$comment":"z","title":"T","type":"string","examples":["a"],"deprecated":true,"x-order":1}`, want: `{"title":"T","type":"string"}`},
		{name: "a constant", in: `{"const":"a"}`, want: `{"enum":["a"]}`, old: `{"type":"STRING","enum":["a"]}`},
		{name: "a constant truth", in: `{"const":true}`, want: `{"type":"boolean"}`, changed: true},
		{name: "truths", in: `{"type":"boolean","enum":[true,false]}`, want: `{"type":"boolean"}`},
		{name: "a text or null", in: `{"type":["string","null"],"description":"d"}`, old: `{"type":"STRING","nullable":true,"description":"d"}`},
		{name: "nullable", in: `{"type":"string","nullable":true}`, want: `{"type":["string","null"]}`},
		{name: "one of some or null", in: `{"type":["string","null"],"enum":["a",null]}`, want: `{"anyOf":[{"type":"string","enum":["a"]},{"type":"null"}]}`,
			old: `{"type":"STRING","nullable":true,"enum":["a"]}`},
		{name: "several types", in: `{"type":["string","integer"],"minLength":2,"minimum":1}`, want: `{"type":["string","integer"],"minimum":1}`, changed: true,
			old: `{"anyOf":[{"type":"STRING","minLength":2},{"type":"INTEGER","minimum":1}]}`},
		{name: "numbers to choose from", in: `{"type":"integer","enum":[1,2]}`, old: `{"type":"INTEGER"}`},
		{name: "limits that are not in", in: `{"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":10,"maximum":20}`, want: `{"type":"integer","minimum":1,"maximum":9}`},
		{name: "such limits of numbers", in: `{"type":"number","exclusiveMinimum":0}`, want: `{"type":"number","minimum":0}`, changed: true},
		{name: "such limits of old", in: `{"type":"integer","minimum":3,"exclusiveMinimum":true}`, want: `{"type":"integer","minimum":4}`},
		{name: "what cannot be held to", in: `{"type":"string","pattern":"^a","minLength":1}`, want: `{"type":"string"}`, changed: true, old: `{"type":"STRING","pattern":"^a","minLength":1}`},
		{name: "what forbids nothing", in: `{"type":"array","items":{"type":"string","minLength":0},"uniqueItems":false}`, want: `{"type":"array","items":{"type":"string"}}`},
		{name: "one of several", in: `{"oneOf":[{"type":"string"},{"type":"null"}]}`, want: `{"anyOf":[{"type":"string"},{"type":"null"}]}`, changed: true, old: `{"type":"STRING","nullable":true}`},
		{name: "a reference", in: `{"type":"object","properties":{"a":{"$ref":"#/$defs/a","description":"mine"}},"$defs":{"a":{"type":"string","description":"its"}}}`,
			want: `{"type":"object","properties":{"a":{"description":"mine","type":"string"}}}`},
		{name: "all of one", in: `{"allOf":[{"$ref":"#/definitions/a"}],"description":"d","definitions":{"a":{"type":"string","format":"date"}}}`, want: `{"description":"d","type":"string","format":"date"}`},
		{name: "all of two", in: `{"allOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"type":"number"}},"required":["b","a"]}]}`,
			want: `{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"number"}},"required":["a","b"]}`},
		{name: "all of two that are closed", in: `{"type":"object","properties":{"a":{}},"allOf":[{"properties":{"b":{}},"additionalProperties":false}]}`,
			want: `{"type":"object","properties":{"a":{},"b":{}},"additionalProperties":false}`, changed: true},
		{name: "one that holds itself", in: `{"type":"object","properties":{"root":{"$ref":"#/definitions/n"}},"definitions":{"n":{"type":"object","properties":{"next":{"$ref":"#/definitions/n"}}}}}`,
			want: `{"type":"object","properties":{"root":{"$ref":"#/$defs/n"}},"$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"}}}}}`},
		{name: "one that is within itself", in: `{"type":"object","properties":{"next":{"$ref":"#"}}}`,
			want: `{"type":"object","properties":{"next":{"$ref":"#/$defs/root"}},"$defs":{"root":{"type":"object","properties":{"next":{"$ref":"#/$defs/root"}}}}}`},
		{name: "a reference at the top", in: `{"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"n":{"$ref":"#/$defs/n"}}}}}`,
			want: `{"type":"object","properties":{"n":{"$ref":"#/$defs/n"}},"$defs":{"n":{"type":"object","properties":{"n":{"$ref":"#/$defs/n"}}}}}`},
		{name: "a pair", in: `{"type":"array","prefixItems":[{"type":"string"},{"type":"number"}],"items":false}`, want: `{"type":"array","prefixItems":[{"type":"string"},{"type":"number"}],"maxItems":2}`,
			old: `{"type":"ARRAY","maxItems":2,"items":{"anyOf":[{"type":"STRING"},{"type":"NUMBER"}]}}`},
		{name: "a pair of old", in: `{"type":"array","items":[{"type":"string"}],"additionalItems":{"type":"number"}}`, want: `{"type":"array","prefixItems":[{"type":"string"}],"items":{"type":"number"}}`},
		{name: "free objects", in: `{"type":"object","properties":{"a":{"type":"object"}},"additionalProperties":{"type":"string","$comment":"c"}}`,
			want: `{"type":"object","properties":{"a":{"type":"object"}},"additionalProperties":{"type":"string"}}`,
			old:  `{"type":"OBJECT","properties":{"a":{"type":"STRING","description":"JSON object"}},"propertyOrdering":["a"]}`},
		{name: "a type that is none", in: `{"type":["a\"b","c"]}`, old: `{"anyOf":[{"type":"A\"B"},{"type":"C"}]}`},
		{name: "anything", in: `true`, want: `{}`},
		{name: "lists of anything", in: `{"type":"array"}`, old: `{"type":"ARRAY","items":{"type":"STRING"}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.want == "" {
				c.want = c.in
			}
			got, changed, err := AppendGoogle([]byte("x"), raw.Value(c.in), JSONForm)
			if err != nil || string(got) != "x"+c.want || changed != c.changed {
				t.Errorf("got %s, changed %v, %v, want x%s, %v", got, changed, err, c.want, c.changed)
			}
			if c.old == "" {
				return
			}
			if got, _, err := AppendGoogle(nil, raw.Value(c.in), OpenAPIForm); err != nil || string(got) != c.old {
				t.Errorf("older form: got %s, %v, want %s", got, err, c.old)
			}
		})
	}
}

func TestAppendGoogleUnfit(t *testing.T) {
	deep := strings.Repeat(`{"items":`, 80) + `{}` + strings.Repeat(`}`, 80)
	wide := `{"$ref":"#/$defs/a0","$defs":{`
	for i := range 30 {
		wide += fmt.Sprintf(`"a%d":{"anyOf":[{"$ref":"#/$defs/a%d"},{"$ref":"#/$defs/a%d"}]},`, i, i+1, i+1)
	}
	wide += `"a30":{"type":"string","description":"` + strings.Repeat("long ", 100) + `"}}}`
	tall := strings.ReplaceAll(wide, "anyOf", "allOf")
	for _, c := range []struct{ name, in, path, why string }{
		{"no schema", `{"properties":{"a":{"items":7}}}`, "properties.a.items", "must be an object"},
		{"nothing fits", `{"properties":{"a":false}}`, "properties.a", "nothing fits"},
		{"a reference elsewhere", `{"properties":{"a":{"$ref":"https://x/y"}}}`, "properties.a", "names no schema"},
		{"a reference to nothing", `{"$ref":"#/$defs/a"}`, "", "names no schema"},
		{"a reference to itself", `{"$ref":"#"}`, "", "nested more than"},
		{"all of what differs", `{"allOf":[{"type":"string"},{"type":"number"}]}`, "allOf[1]", "'type' is said twice"},
		{"too deep", deep, "", "nested more than"},
		{"too wide", wide, "", "longer than"},
		{"too much to join", tall, "", "too much to read"},
		{"too many references", many(5000), "", "too much to read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := AppendGoogle(nil, raw.Value(c.in), JSONForm)
			var u *Unfit
			if !errors.As(err, &u) || c.path != "" && u.Path != c.path || !strings.Contains(u.Why, c.why) {
				t.Errorf("got %v, want %s: %s", err, c.path, c.why)
			}
		})
	}
	ring := `{"type":"object","properties":{"next":{"$ref":"#"}}}`
	if _, _, err := AppendGoogle(nil, raw.Value(ring), OpenAPIForm); err == nil {
		t.Error("the older form took a schema that holds itself")
	}
}

// many returns a schema of n references, each to another one.
func many(n int) string {
	var b strings.Builder
	b.WriteString(`{"type":"object","properties":{`)
	for i := range n {
		fmt.Fprintf(&b, `"p%d":{"$ref":"#/$defs/d%d"},`, i, i)
	}
	b.WriteString(`"p":{}},"$defs":{`)
	for i := range n {
		fmt.Fprintf(&b, `"d%d":{"type":"string"},`, i)
	}
	return b.String() + `"d":{}}}`
}

// names are those of properties, words of schemas among them.
var names = []string{"a", "b", "type", "$ref", "anyOf", "enum", "properties", "é\"x"}

// drawSchema draws a schema; those of depth 0 hold no others.
func drawSchema(t *rapid.T, depth int) map[string]any {
	s := map[string]any{}
	has := func(what string) bool { return rapid.IntRange(0, 6).Draw(t, what) == 0 }
	sub := func() any { return drawSchema(t, depth-1) }
	if !has("no type") {
		s["type"] = rapid.SampledFrom([]any{"string", "integer", "number", "boolean", "null", "object", "array", []any{"string", "null"}, []any{"integer", "array"}}).Draw(t, "type")
	}
	if has("enum") {
		s["enum"] = rapid.SampledFrom([]any{[]any{"a", "b"}, []any{1, 2}, []any{"a", nil}, []any{true, false}, []any{true}, []any{"a", 1, false}, []any{}}).Draw(t, "enum")
	}
	if has("const") {
		s["const"] = rapid.SampledFrom([]any{"a", 1, true, nil, []any{}}).Draw(t, "const")
	}
	for _, word := range []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems", "minLength", "multipleOf"} {
		if has(word) {
			s[word] = rapid.IntRange(0, 3).Draw(t, word) + len(word)%2
		}
	}
	if s["multipleOf"] == 0 {
		delete(s, "multipleOf")
	}
	if has("description") {
		s["description"], s["$comment"] = "d", "c"
	}
	if has("additional") {
		s["additionalProperties"] = rapid.Bool().Draw(t, "additional")
	}
	if has("unique") {
		s["uniqueItems"] = rapid.Bool().Draw(t, "unique")
	}
	if has("ref") {
		s["$ref"] = rapid.SampledFrom([]string{"#/$defs/one", "#/$defs/ring", "#/definitions/ring", "#"}).Draw(t, "ref")
	}
	if depth == 0 {
		return s
	}
	if has("properties") {
		p := map[string]any{}
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 3, rapid.ID).Draw(t, "names") {
			p[name] = sub()
		}
		s["properties"] = p
		s["required"] = rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 2, rapid.ID).Draw(t, "required")
	}
	for _, word := range []string{"items", "not", "contains"} {
		if has(word) {
			s[word] = sub()
		}
	}
	for _, word := range []string{"anyOf", "oneOf", "allOf", "prefixItems"} {
		if has(word) {
			s[word] = []any{sub(), sub()}
		}
	}
	return s
}

func drawValue(t *rapid.T, depth int) any {
	kind := rapid.IntRange(0, 7).Draw(t, "kind")
	switch {
	case kind == 6 && depth > 0:
		o := map[string]any{}
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 3, rapid.ID).Draw(t, "names") {
			o[name] = drawValue(t, depth-1)
		}
		return o
	case kind == 7 && depth > 0:
		list := make([]any, rapid.IntRange(0, 3).Draw(t, "length"))
		for i := range list {
			list[i] = drawValue(t, depth-1)
		}
		return list
	}
	return []any{"a", "", 1.0, 2.5, true, nil, 0.0, false}[kind]
}

// TestAppendGoogleKeepsItsWord holds that a schema which is said to be as before
// admits what it admitted, that what came out stays as it is, and that what comes
// out is JSON.
func TestAppendGoogleKeepsItsWord(t *testing.T) {
	kept := 0
	rapid.Check(t, func(t *rapid.T) {
		s := drawSchema(t, rapid.IntRange(0, 2).Draw(t, "depth"))
		s["$defs"] = map[string]any{"one": map[string]any{"type": "string"}, "ring": map[string]any{"type": "object", "properties": map[string]any{"a": map[string]any{"$ref": "#/$defs/ring"}}}}
		s["definitions"] = map[string]any{"ring": map[string]any{"type": "array", "items": map[string]any{"$ref": "#/definitions/ring"}}}
		in, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if old, _, err := AppendGoogle(nil, in, OpenAPIForm); err == nil && !json.Valid(old) {
			t.Fatalf("%s became %s", in, old)
		}
		out, changed, err := AppendGoogle(nil, in, JSONForm)
		if err != nil {
			return
		}
		if !json.Valid(out) {
			t.Fatalf("%s became %s", in, out)
		}
		again, more, err := AppendGoogle(nil, out, JSONForm)
		if err != nil || more || string(again) != string(out) {
			t.Fatalf("%s became\n%s and then\n%s, changed %v, %v", in, out, again, more, err)
		}
		if changed {
			return
		}
		kept++
		var before, after any
		if json.Unmarshal(in, &before) != nil || json.Unmarshal(out, &after) != nil {
			t.Fatal("no JSON")
		}
		for range 8 {
			v := drawValue(t, 2)
			if x, y := fitsSchema(before, before, v, 0), fitsSchema(after, after, v, 0); x != y {
				t.Fatalf("%s became %s: %v fits the one %v, the other %v", in, out, v, x, y)
			}
		}
	})
	if kept == 0 {
		t.Error("no schema stayed as it was")
	}
}

// fitsSchema reports whether a value fits a JSON Schema, as far as the words that
// drawSchema knows.
func fitsSchema(root, schema, v any, depth int) bool {
	s, ok := schema.(map[string]any)
	if !ok || depth > 24 {
		return schema != false
	}
	fits := func(sub, v any) bool { return fitsSchema(root, sub, v, depth+1) }
	if ref, ok := s["$ref"].(string); ok && !fits(target(root, ref), v) {
		return false
	}
	if kind, ok := s["type"]; ok && !isKind(kind, v) {
		return false
	}
	if list, ok := s["enum"].([]any); ok && !slices.ContainsFunc(list, func(e any) bool { return cmp.Equal(e, v) }) {
		return false
	}
	if c, ok := s["const"]; ok && !cmp.Equal(c, v) {
		return false
	}
	if not, ok := s["not"]; ok && fits(not, v) {
		return false
	}
	count := func(word string) (n, all int) {
		list, _ := s[word].([]any)
		for _, sub := range list {
			if fits(sub, v) {
				n++
			}
		}
		return n, len(list)
	}
	some, anyOf := count("anyOf")
	one, oneOf := count("oneOf")
	every, allOf := count("allOf")
	if anyOf > 0 && some == 0 || oneOf > 0 && one != 1 || every != allOf {
		return false
	}
	switch v := v.(type) {
	case float64:
		return numberFits(s, v)
	case string:
		least, ok := s["minLength"].(float64)
		return !ok || float64(len(v)) >= least
	case []any:
		return listFits(s, v, fits)
	case map[string]any:
		return objectFits(s, v, fits)
	}
	return true
}

func target(root any, ref string) any {
	v := root
	for step := range strings.SplitSeq(strings.TrimPrefix(strings.TrimPrefix(ref, "#"), "/"), "/") {
		if step != "" {
			v = v.(map[string]any)[step]
		}
	}
	return v
}

func isKind(kind, v any) bool {
	if list, ok := kind.([]any); ok {
		return slices.ContainsFunc(list, func(k any) bool { return isKind(k, v) })
	}
	switch v := v.(type) {
	case nil:
		return kind == "null"
	case bool:
		return kind == "boolean"
	case string:
		return kind == "string"
	case float64:
		return kind == "number" || kind == "integer" && v == float64(int(v))
	case []any:
		return kind == "array"
	}
	return kind == "object"
}

func numberFits(s map[string]any, v float64) bool {
	within := func(word string, ok func(limit float64) bool) bool {
		limit, there := s[word].(float64)
		return !there || ok(limit)
	}
	return within("minimum", func(l float64) bool { return v >= l }) && within("maximum", func(l float64) bool { return v <= l }) &&
		within("exclusiveMinimum", func(l float64) bool { return v > l }) && within("exclusiveMaximum", func(l float64) bool { return v < l }) &&
		within("multipleOf", func(l float64) bool { return v/l == float64(int(v/l)) })
}

func listFits(s map[string]any, v []any, fits func(sub, v any) bool) bool {
	if least, ok := s["minItems"].(float64); ok && float64(len(v)) < least {
		return false
	}
	if most, ok := s["maxItems"].(float64); ok && float64(len(v)) > most {
		return false
	}
	first, _ := s["prefixItems"].([]any)
	found := false
	for i, e := range v {
		if i < len(first) {
			if !fits(first[i], e) {
				return false
			}
		} else if items, ok := s["items"]; ok && !fits(items, e) {
			return false
		}
		if s["uniqueItems"] == true && slices.ContainsFunc(v[:i], func(o any) bool { return cmp.Equal(o, e) }) {
			return false
		}
		found = found || s["contains"] != nil && fits(s["contains"], e)
	}
	return found || s["contains"] == nil
}

func objectFits(s, v map[string]any, fits func(sub, v any) bool) bool {
	properties, _ := s["properties"].(map[string]any)
	for name, value := range v {
		sub, named := properties[name]
		if named && !fits(sub, value) || !named && s["additionalProperties"] == false {
			return false
		}
	}
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, ok := v[name.(string)]; !ok {
			return false
		}
	}
	return true
}

// FuzzAppendGoogle wants JSON, or a reason, out of every JSON.
func FuzzAppendGoogle(f *testing.F) {
	f.Add([]byte(`{"type":"object","properties":{"a":{"$ref":"#/$defs/x"}},"allOf":[{}],"$defs":{"x":{"enum":["a",null]}}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		if !json.Valid(in) {
			return
		}
		for _, form := range []Form{JSONForm, OpenAPIForm} {
			got, _, err := AppendGoogle(nil, raw.Trim(in), form)
			if err == nil && !json.Valid(got) {
				t.Fatalf("%s became %s", in, got)
			}
		}
	})
}
