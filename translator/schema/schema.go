// Package schema fits JSON Schemas to the subsets of it that vendors take.
//
// It works on the text as it stands: what a subset has room for is copied, in
// its order, and nothing is decoded.
package schema

import "llmroute/translator/raw"

// shape is how schemas stand within a word of a schema.
type shape uint8

const (
	one  shape = iota + 1 // the value is a schema
	list                  // an array of schemas
	each                  // an object whose members are schemas
)

// within are the words that hold schemas.
var within = map[string]shape{
	"items": one, "not": one, "if": one, "then": one, "else": one, "contains": one,
	"anyOf": list, "oneOf": list, "allOf": list, "prefixItems": list,
	"properties": each, "$defs": each, "definitions": each,
}

// narrowing are the words that no grammar of a vendor can hold an answer to.
var narrowing = map[string]bool{
	"minimum": true, "maximum": true, "exclusiveMinimum": true, "exclusiveMaximum": true, "multipleOf": true,
	"minLength": true, "maxLength": true, "maxItems": true, "uniqueItems": true,
	"minProperties": true, "maxProperties": true, "patternProperties": true,
}

const additional = "additionalProperties"

// AppendClosed appends v as the vendors want it who hold answers to a schema by a
// grammar: no object has further properties, and no word stays that a grammar
// cannot follow. It reports whether the schema says something else than before.
func AppendClosed(dst []byte, v raw.Value) (_ []byte, changed bool) {
	if !v.IsObject() {
		return append(dst, v...), false
	}
	closes := isObject(v)
	if closes && string(v.Get(additional)) != "false" {
		changed = true
	}
	dst = append(dst, '{')
	for m := v.Members(); m.Next(); {
		word, value := string(m.Name()), m.Value()
		switch {
		case narrowing[word], word == "minItems" && value.Int() > 1:
			changed = true
			continue
		case word == additional && closes:
			continue
		}
		var inside bool
		dst, inside = appendWithin(raw.AppendKey(dst, string(m.Spelled())), value, within[word])
		changed = changed || inside
	}
	if closes {
		dst = append(raw.AppendKey(dst, additional), "false"...)
	}
	return append(dst, '}'), changed
}

// appendWithin appends the value of a word that holds schemas in that shape.
func appendWithin(dst []byte, v raw.Value, s shape) (_ []byte, changed bool) {
	var inside bool
	switch {
	case s == one:
		return AppendClosed(dst, v)
	case s == list && v.IsArray():
		dst = append(dst, '[')
		for e := v.Elements(); e.Next(); changed = changed || inside {
			if dst[len(dst)-1] != '[' {
				dst = append(dst, ',')
			}
			dst, inside = AppendClosed(dst, e.Value())
		}
		return append(dst, ']'), changed
	case s == each && v.IsObject():
		dst = append(dst, '{')
		for m := v.Members(); m.Next(); changed = changed || inside {
			dst, inside = AppendClosed(raw.AppendKey(dst, string(m.Spelled())), m.Value())
		}
		return append(dst, '}'), changed
	}
	return append(dst, v...), false
}

// isObject reports whether a schema is one of objects.
func isObject(v raw.Value) bool {
	kind := v.Get("type")
	if kind.String() == "object" || v.Get("properties").IsObject() {
		return true
	}
	for e := kind.Elements(); e.Next(); {
		if e.Value().String() == "object" {
			return true
		}
	}
	return false
}
