package schema

import (
	"fmt"

	"llmroute/translator/raw"
)

// Form is one of the two ways in which Google takes a schema.
type Form uint8

// The forms.
const (
	// JSONForm is a subset of JSON Schema: parametersJsonSchema, responseJsonSchema.
	JSONForm Form = iota
	// OpenAPIForm is Google's own Schema object, which looks like OpenAPI's of old:
	// parameters, responseSchema. It can say less.
	OpenAPIForm
)

// Unfit is the error of a schema that cannot be said in a form at all.
type Unfit struct {
	Path string // within the schema: "properties.a.items", "" for its top
	Why  string // for the reader of an error message
}

func (u *Unfit) Error() string {
	if u.Path == "" {
		return u.Why
	}
	return u.Path + ": " + u.Why
}

// What bounds a schema whose references are written out. The work is in bytes that
// are read, again and again: references can name each other so that a small schema
// is a huge one.
const (
	maxDepth = 64
	maxBytes = 1 << 20
	maxWork  = 64 << 20
	// aSchema is what one costs besides, however short it is.
	aSchema = 1 << 10
)

// AppendGoogle appends v as Google's models take it, the members in their order,
// for that is the order of the answer's. It reports whether the schema says
// something else than before. What is no schema, or would have to be left out as a
// whole, is an [*Unfit].
//
// References are written out where they come to an end; in JSONForm those that do
// not stay, and what they name moves to $defs. A property may be called like any
// word of a schema.
func AppendGoogle(dst []byte, v raw.Value, form Form) (_ []byte, changed bool, err error) {
	c := google{root: v, form: form, names: map[string]string{}, links: map[string][]string{}, rings: map[string]bool{}, found: map[string]raw.Value{}}
	if form == JSONForm {
		c.Dst = dst
	}
	if err := c.top(v); err != nil {
		return nil, false, err
	}
	if form == JSONForm {
		return c.Dst, c.changed, nil
	}
	o := openapi{Writer: raw.Writer{Dst: dst}, changed: c.changed, labour: c.labour}
	if err := o.schema(c.Dst, ""); err != nil {
		return nil, false, err
	}
	return o.Dst, o.changed, nil
}

// google writes one schema as JSON Schema that Google understands.
type google struct {
	raw.Writer
	root    raw.Value
	form    Form
	changed bool
	labour

	found map[string]raw.Value // what references name
	links map[string][]string  // the references within that
	rings map[string]bool      // whether they come back to themselves
	names map[string]string    // of those that stay: under which name
	defs  []string             // the same in their order
}

// labour is how much has been read.
type labour struct{ bytes int }

// spend takes note of n bytes to be read, or to be read again.
func (l *labour) spend(n int, path string) error {
	if l.bytes += n + 1; l.bytes > maxWork {
		return unfit(path, "its references make it too much to read")
	}
	return nil
}

// member is a word of a schema and its value.
type member struct {
	word  string
	value raw.Value
}

func unfit(path, format string, args ...any) error {
	return &Unfit{Path: path, Why: fmt.Sprintf(format, args...)}
}

// top writes the whole schema, and behind it the definitions that it needs.
func (c *google) top(v raw.Value) error {
	if !v.IsObject() {
		return c.schema(v, "", 0)
	}
	// A reference at the top is written out even if it comes back: nothing that
	// reads a schema expects one there.
	words, err := c.words(v, false, "", 0)
	if err != nil {
		return err
	}
	if err := c.node(words, "", 0); err != nil {
		return err
	}
	if len(c.defs) == 0 {
		return nil
	}
	c.Dst = c.Dst[:len(c.Dst)-1]
	c.Open("$defs", "{")
	for i := 0; i < len(c.defs); i++ { // the list grows on the way
		c.Key(string(raw.Quote(c.names[c.defs[i]])))
		words, err := c.words(c.resolve(c.defs[i]), true, "$defs", 1)
		if err != nil {
			return err
		}
		if err := c.node(words, "$defs."+c.names[c.defs[i]], 1); err != nil {
			return err
		}
	}
	c.Put("}}")
	return nil
}

// schema writes what stands where a schema stands.
func (c *google) schema(v raw.Value, path string, depth int) error {
	switch {
	case depth > maxDepth:
		return unfit(path, "it is nested more than %d deep", maxDepth)
	case len(c.Dst) > maxBytes:
		return unfit(path, "with its references written out it is longer than %d bytes", maxBytes)
	case string(v) == "true":
		c.Put("{}")
		return nil
	case string(v) == "false":
		return unfit(path, "a schema that nothing fits cannot be said here")
	case !v.IsObject():
		return unfit(path, "it must be an object")
	}
	words, err := c.words(v, true, path, depth)
	if err != nil {
		return err
	}
	return c.node(words, path, depth)
}

// annotations are words that admit nothing and forbid nothing.
var annotations = map[string]bool{
	"$schema": true, "$id": true, "$comment": true, "$anchor": true, "$dynamicAnchor": true, "$vocabulary": true, "id": true,
	"title": true, "description": true, "default": true, "example": true, "examples": true,
	"deprecated": true, "readOnly": true, "writeOnly": true, "format": true, "propertyOrdering": true,
	"contentEncoding": true, "contentMediaType": true, "contentSchema": true, "discriminator": true, "xml": true, "externalDocs": true,
}

// told are the words that are carried over.
var told = map[string]bool{
	"type": true, "nullable": true, "enum": true, "const": true, "minimum": true, "maximum": true, "exclusiveMinimum": true,
	"exclusiveMaximum": true, "properties": true, "required": true, "anyOf": true, "oneOf": true, "items": true, "prefixItems": true,
	"minItems": true, "maxItems": true, additional: true,
}

// constraints are words that no form of Google's has, and that forbid something.
var constraints = map[string]bool{
	"multipleOf": true, "uniqueItems": true, "patternProperties": true, "propertyNames": true, "if": true, "then": true,
	"else": true, "not": true, "dependentRequired": true, "dependentSchemas": true, "dependencies": true, "contains": true,
	"minContains": true, "maxContains": true, "unevaluatedProperties": true, "unevaluatedItems": true, "additionalItems": true,
	"$dynamicRef": true, "$recursiveRef": true,
}

// apart are the words that only the older form has.
var apart = map[string]bool{
	"pattern": true, "minLength": true, "maxLength": true, "minProperties": true, "maxProperties": true,
}

// drops takes note of a word that is left out.
func (c *google) drops(m member) {
	if !annotations[m.word] && (constraints[m.word] || apart[m.word]) && !idle(m) {
		c.changed = true
	}
}

// idle reports whether a constraint forbids nothing.
func idle(m member) bool {
	switch m.word {
	case "if":
		return true // what it leads to stands elsewhere
	case "uniqueItems", "pattern", "patternProperties", "dependentRequired", "dependentSchemas", "dependencies":
		return m.value.Hollow()
	case "minLength", "minProperties", "minContains":
		return m.value.IsNumber() && m.value.Int() == 0
	case "then", "else", "propertyNames", "unevaluatedItems", "unevaluatedProperties":
		return string(m.value) == "true" || m.value.IsObject() && m.value.Hollow()
	}
	return false
}

// node writes a schema of which all words are known.
func (c *google) node(words []member, path string, depth int) error {
	if depth > maxDepth {
		return unfit(path, "it is nested more than %d deep", maxDepth)
	}
	n := nodeOf(words)
	if n.split() {
		// null beside other values: only a type of its own can say that.
		c.Put(`{"anyOf":[`)
		if err := c.node(n.without(words), path, depth+1); err != nil {
			return err
		}
		c.Put(`,{"type":"null"}]}`)
		return nil
	}
	c.Put("{")
	if err := n.write(c, words, path, depth); err != nil {
		return err
	}
	c.Put("}")
	return nil
}

// list writes an array of schemas.
func (c *google) list(v raw.Value, path string, depth int) error {
	c.Put("[")
	i := 0
	for e := v.Elements(); e.Next(); i++ {
		c.Next()
		if err := c.schema(e.Value(), fmt.Sprintf("%s[%d]", path, i), depth+1); err != nil {
			return err
		}
	}
	c.Put("]")
	return nil
}

// each writes an object whose members are schemas. Their names are no words.
func (c *google) each(v raw.Value, path string, depth int) error {
	c.Put("{")
	for m := v.Members(); m.Next(); {
		c.Key(string(m.Spelled()))
		if err := c.schema(m.Value(), at(path, string(m.Name())), depth+1); err != nil {
			return err
		}
	}
	c.Put("}")
	return nil
}

func at(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
