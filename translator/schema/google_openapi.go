package schema

import (
	"bytes"
	"slices"
	"strings"

	"llmroute/translator/raw"
)

// openapi writes a schema of [JSONForm], with the words that the older form has
// besides, as Google's own Schema object.
type openapi struct {
	raw.Writer
	changed bool
	labour
}

// formats are those that old models take, of texts and of numbers.
var formats = []string{"enum", "date-time", "int32", "int64", "float", "double"}

func (o *openapi) schema(v raw.Value, path string) error {
	if err := o.spend(len(v), path); err != nil {
		return err
	}
	if v.Get("$ref").IsText() {
		return unfit(path, "it refers to a schema that holds itself, which this model cannot take")
	}
	kinds, null := typesOf(v)
	alternatives, none := alternativesOf(v)
	null = null || none
	switch {
	case len(alternatives) == 1 && len(kinds) == 0:
		return o.merged(v, alternatives[0], null, path)
	case len(alternatives) > 0:
		return o.anyOf(v, alternatives, null, path)
	case len(kinds) > 1:
		return o.anyKind(v, kinds, null, path)
	}
	kind := kindFrom(kinds, v, null)
	o.Put("{")
	if kind == "object" && path != "" && v.Get("properties").Hollow() {
		// An object without properties is refused; at the top it is for the caller to
		// leave out.
		o.changed = true
		o.Put(`"type":"STRING","description":"JSON object"}`)
		return nil
	}
	if kind != "" {
		o.String("type", strings.ToUpper(kind))
	}
	if null && kind != "null" {
		o.Bool("nullable", true)
	}
	if err := o.words(v, kind, path); err != nil {
		return err
	}
	o.Put("}")
	return nil
}

// typesOf returns the types that a schema admits, null apart.
func typesOf(v raw.Value) (kinds []string, null bool) {
	kind := v.Get("type")
	add := func(name string) {
		if name == "null" {
			null = true
		} else if name != "" {
			kinds = append(kinds, name)
		}
	}
	add(kind.String())
	for e := kind.Elements(); e.Next(); {
		add(e.Value().String())
	}
	return kinds, null
}

// alternativesOf returns the alternatives of anyOf, null apart.
func alternativesOf(v raw.Value) (list []raw.Value, null bool) {
	for e := v.Get("anyOf").Elements(); e.Next(); {
		kinds, none := typesOf(e.Value())
		if none && len(kinds) == 0 {
			null = true
			continue
		}
		list = append(list, e.Value())
	}
	return list, null
}

// kindFrom returns the one type of a schema, "" when it does not tell.
func kindFrom(kinds []string, v raw.Value, null bool) string {
	switch {
	case len(kinds) == 1:
		return kinds[0]
	case v.Get("properties").IsObject():
		return "object"
	case v.Get("items").IsObject(), v.Get("prefixItems").IsArray():
		return "array"
	case null:
		return "null"
	}
	switch e := v.Get("enum").Elements(); {
	case !e.Next():
		return ""
	case e.Value().IsText():
		return "string"
	}
	return "number"
}

// merged writes a schema whose only alternative to null is another one.
func (o *openapi) merged(v, only raw.Value, null bool, path string) error {
	out := raw.Value{'{'}
	for m := v.Members(); m.Next(); {
		if word := string(m.Name()); word != "anyOf" && word != "nullable" && len(only.Get(word)) == 0 {
			out = append(raw.AppendKey(out, string(m.Spelled())), m.Value()...)
		} else if word != "anyOf" && !annotations[word] {
			o.changed = true
		}
	}
	for m := only.Members(); m.Next(); {
		out = append(raw.AppendKey(out, string(m.Spelled())), m.Value()...)
	}
	out = append(out, '}')
	if null {
		kinds, _ := typesOf(out)
		if len(kinds) == 0 {
			o.changed = true // any type, and null is one
		} else {
			out = append(out[:len(out)-1], `,"type":["null"`...)
			for _, k := range kinds {
				out = raw.AppendString(append(out, ','), k)
			}
			out = append(out, ']', '}')
		}
	}
	return o.schema(out, path)
}

// anyOf writes alternatives. Nothing else may stand beside them.
func (o *openapi) anyOf(v raw.Value, list []raw.Value, null bool, path string) error {
	o.Put("{")
	for m := v.Members(); m.Next(); {
		switch word := string(m.Name()); {
		case word == "description":
			o.Member(word, m.Value())
		case word != "anyOf" && !annotations[word]:
			o.changed = true
		}
	}
	if null {
		o.Bool("nullable", true)
	}
	o.Open("anyOf", "[")
	for _, a := range list {
		o.Next()
		if err := o.schema(a, at(path, "anyOf")); err != nil {
			return err
		}
	}
	o.Put("]}")
	return nil
}

// anyKind writes a schema of several types as alternatives of one each.
func (o *openapi) anyKind(v raw.Value, kinds []string, null bool, path string) error {
	list := make([]raw.Value, 0, len(kinds))
	for _, kind := range kinds {
		var one raw.Writer
		one.Put("{")
		one.String("type", kind)
		for m := v.Members(); m.Next(); {
			if word := string(m.Name()); word != "type" && word != "description" && fitsKind(word, kind) {
				one.Member(string(m.Spelled()), m.Value())
			}
		}
		one.Put("}")
		list = append(list, one.Dst)
	}
	rest := raw.Value(`{}`)
	if d := v.Get("description"); d.IsText() {
		rest = append(append(raw.Value(`{"description":`), d...), '}')
	}
	return o.anyOf(rest, list, null, path)
}

// fitsKind reports whether a word says something of values of a type.
func fitsKind(word, kind string) bool {
	switch word {
	case "properties", "required", additional, "minProperties", "maxProperties":
		return kind == "object"
	case "items", "prefixItems", "minItems", "maxItems":
		return kind == "array"
	case "minimum", "maximum":
		return kind == "number" || kind == "integer"
	case "pattern", "minLength", "maxLength":
		return kind == "string"
	}
	return true
}

// words writes what is left but for the type.
func (o *openapi) words(v raw.Value, kind, path string) error {
	properties := v.Get("properties")
	for m := v.Members(); m.Next(); {
		word, value := string(m.Name()), m.Value()
		switch word {
		case "type", "nullable", "anyOf", "items", "prefixItems", "propertyOrdering":
		case "properties":
			if kind != "object" || value.Hollow() {
				continue // an object without any is refused
			}
			if err := o.properties(value, path); err != nil {
				return err
			}
		case "required":
			if err := o.required(value, properties, path); err != nil {
				return err
			}
		case "enum":
			o.enum(value)
		case "format":
			if slices.Contains(formats, value.String()) {
				o.Member(word, value)
			}
		case additional:
			o.changed = o.changed || string(value) != "true"
		case "default":
		default:
			o.Member(string(m.Spelled()), value)
		}
	}
	if kind == "array" {
		return o.items(v, path)
	}
	return nil
}

// properties writes the properties and, as only that holds them there, their order.
func (o *openapi) properties(v raw.Value, path string) error {
	o.Open("properties", "{")
	order := []byte{'['}
	for m := v.Members(); m.Next(); {
		o.Key(string(m.Spelled()))
		if len(order) > 1 {
			order = append(order, ',')
		}
		order = raw.AppendText(order, m.Spelled())
		if err := o.schema(m.Value(), at(path, string(m.Name()))); err != nil {
			return err
		}
	}
	o.Put("}")
	o.Key("propertyOrdering")
	o.Dst = append(append(o.Dst, order...), ']')
	return nil
}

// required writes those names of required that are properties.
func (o *openapi) required(names, properties raw.Value, path string) error {
	var list []raw.Value
	for e := names.Elements(); e.Next(); {
		if err := o.spend(len(properties), path); err != nil {
			return err
		}
		if len(properties.Get(string(e.Value().Text()))) > 0 {
			list = append(list, e.Value())
		} else {
			o.changed = true
		}
	}
	if len(list) > 0 {
		o.Member("required", array(list))
	}
	return nil
}

// enum writes the texts that are admitted. Numbers and empty texts have no words.
func (o *openapi) enum(v raw.Value) {
	var list []raw.Value
	for e := v.Elements(); e.Next(); {
		if len(e.Value().Text()) == 0 {
			o.changed = true
			return
		}
		list = append(list, e.Value())
	}
	o.Member("enum", array(list))
}

// items writes what an array holds; there it must be said.
func (o *openapi) items(v raw.Value, path string) error {
	o.Key("items")
	items, first := v.Get("items"), v.Get("prefixItems")
	path = at(path, "items")
	switch {
	case first.IsArray() && !first.Hollow():
		o.changed = true // which comes where cannot be said
		list := append(raw.Value(`{"anyOf":`), first...)
		if items.IsObject() && !items.Hollow() {
			list = append(append(append(list[:len(list)-1], ','), items...), ']')
		}
		return o.schema(append(list, '}'), path)
	case items.IsObject() && !bytes.Equal(items, []byte("{}")):
		return o.schema(items, path)
	}
	o.changed = true
	o.Put(`{"type":"STRING"}`)
	return nil
}
