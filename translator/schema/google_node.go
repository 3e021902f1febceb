package schema

import (
	"bytes"
	"math"
	"slices"
	"strconv"

	"llmroute/translator/raw"
)

// node is what the words of a schema say together.
type node struct {
	types  []raw.Value // as strings; nil for any
	values []raw.Value // of enum, or const
	listed bool        // there is an enum, or a const
	has    map[string]raw.Value
	done   map[string]bool // words that were written with others
}

func nodeOf(words []member) node {
	n := node{has: make(map[string]raw.Value, len(words)), done: map[string]bool{}}
	for _, m := range words {
		n.has[m.word] = m.value
	}
	kind := n.has["type"]
	if kind.IsText() {
		n.types = []raw.Value{kind}
	}
	for e := kind.Elements(); e.Next(); {
		n.types = append(n.types, e.Value())
	}
	if n.has["nullable"].IsTrue() && len(n.types) > 0 && !n.is("null") {
		n.types = append(n.types, raw.Value(`"null"`))
	}
	if v, ok := n.has["const"]; ok {
		n.listed, n.values = true, []raw.Value{v}
	} else if v := n.has["enum"]; v.IsArray() {
		n.listed = true
		for e := v.Elements(); e.Next(); {
			n.values = append(n.values, e.Value())
		}
	}
	return n
}

// is reports whether the schema admits a type by name.
func (n *node) is(kind string) bool {
	return slices.ContainsFunc(n.types, func(v raw.Value) bool { return v.String() == kind })
}

func isNull(v raw.Value) bool { return string(v) == "null" }

// split reports whether the values are null and others.
func (n *node) split() bool {
	return len(n.values) > 1 && slices.ContainsFunc(n.values, isNull) && slices.ContainsFunc(n.values, func(v raw.Value) bool { return !isNull(v) }) &&
		(len(n.types) == 0 || len(n.types) > 1 && n.is("null")) && !n.has["anyOf"].IsArray() && !n.has["oneOf"].IsArray()
}

// without returns the words of a split node without null.
func (n *node) without(words []member) []member {
	values := slices.DeleteFunc(slices.Clone(n.values), isNull)
	types := slices.DeleteFunc(slices.Clone(n.types), func(v raw.Value) bool { return v.String() == "null" })
	words = slices.Clone(words)
	for i := range words {
		switch words[i].word {
		case "enum":
			words[i].value = array(values)
		case "type":
			if words[i].value = array(types); len(types) == 1 {
				words[i].value = types[0]
			}
		}
	}
	return slices.DeleteFunc(words, func(m member) bool {
		return m.word == "nullable" || m.word == "type" && len(types) == 0
	})
}

func array(values []raw.Value) raw.Value {
	out := raw.Value{'['}
	for i, v := range values {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, v...)
	}
	return append(out, ']')
}

// write writes the words in their order.
func (n *node) write(c *google, words []member, path string, depth int) error {
	for _, m := range words {
		if n.done[m.word] {
			continue
		}
		n.done[m.word] = true
		if err := n.word(c, m, path, depth); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) word(c *google, m member, path string, depth int) error {
	switch m.word {
	case "type", "nullable":
		n.kind(c)
	case "enum", "const":
		n.enum(c)
	case "minimum", "exclusiveMinimum":
		n.bound(c, "minimum", "exclusiveMinimum", 1)
	case "maximum", "exclusiveMaximum":
		n.bound(c, "maximum", "exclusiveMaximum", -1)
	case "properties":
		c.Key(m.word)
		return c.each(m.value, at(path, m.word), depth)
	case "anyOf", "oneOf":
		return n.choice(c, path, depth)
	case "items", "prefixItems", "additionalItems", "maxItems":
		return n.items(c, path, depth)
	case "additionalProperties":
		return n.additional(c, m.value, path, depth)
	case "$ref", "title", "description", "format", "minItems", "required", "propertyOrdering":
		c.Key(m.word)
		c.Dst = raw.AppendCompact(c.Dst, m.value)
	default:
		if c.form == OpenAPIForm && (apart[m.word] || m.word == "default") {
			c.Key(m.word)
			c.Dst = raw.AppendCompact(c.Dst, m.value)
			return nil
		}
		c.drops(m)
	}
	return nil
}

func (n *node) kind(c *google) {
	if n.done["type"] && n.done["nullable"] || len(n.types) == 0 {
		return
	}
	n.done["type"], n.done["nullable"] = true, true
	kind := n.types[0]
	if len(n.types) > 1 {
		kind = array(n.types)
	}
	c.Member("type", kind)
}

// enum writes the values that are admitted. There are words for texts and numbers.
func (n *node) enum(c *google) {
	n.done["enum"], n.done["const"] = true, true
	if v, ok := n.has["const"]; ok && n.has["enum"].IsArray() && !holds(n.has["enum"], v) {
		c.changed = true // nothing fits both
	}
	plain := func(v raw.Value) bool { return v.IsText() || v.IsNumber() }
	switch {
	case len(n.values) > 0 && !slices.ContainsFunc(n.values, func(v raw.Value) bool { return !plain(v) }):
		c.Member("enum", array(n.values))
		return
	case len(n.types) > 0:
		// The type has to do.
		c.changed = c.changed || !n.exhausted()
		return
	}
	kind := ""
	for _, v := range n.values {
		k := kindOf(v)
		if kind != "" && kind != k {
			c.changed = true
			return
		}
		kind = k
	}
	if kind == "" {
		c.changed = c.changed || n.listed
		return
	}
	c.String("type", kind)
	n.done["type"] = true
	c.changed = c.changed || kind != "null" && !n.bools()
}

// holds reports whether a value stands in a list as it is spelled.
func holds(list, v raw.Value) bool {
	for e := list.Elements(); e.Next(); {
		if bytes.Equal(e.Value(), v) {
			return true
		}
	}
	return false
}

// exhausted reports whether the values are all there are of the types.
func (n *node) exhausted() bool {
	if len(n.types) != 1 {
		return false
	}
	return n.is("null") && len(n.values) == 1 && isNull(n.values[0]) || n.is("boolean") && n.bools()
}

// bools reports whether the values are true and false.
func (n *node) bools() bool {
	of := func(s string) bool {
		return slices.ContainsFunc(n.values, func(v raw.Value) bool { return string(v) == s })
	}
	return of("true") && of("false")
}

func kindOf(v raw.Value) string {
	switch {
	case v.IsText():
		return "string"
	case v.IsNumber():
		return "number"
	case v.IsObject():
		return "object"
	case v.IsArray():
		return "array"
	case isNull(v):
		return "null"
	}
	return "boolean"
}

// bound writes a limit; there are only those that are admitted themselves. up is
// 1 for the lower limit, -1 for the upper.
func (n *node) bound(c *google, open, closed string, up float64) {
	n.done[open], n.done[closed] = true, true
	limit, strict := n.has[open], n.has[closed]
	if string(strict) == "true" { // as it was in draft 4
		limit, strict = nil, limit
	}
	if !strict.IsNumber() {
		if limit.IsNumber() {
			c.Member(open, limit)
		}
		return
	}
	x, err := strconv.ParseFloat(string(strict), 64)
	if err != nil {
		c.changed = true
		return
	}
	out := strict
	if n.is("integer") && !n.is("number") {
		if up > 0 {
			x = math.Floor(x) + 1
		} else {
			x = math.Ceil(x) - 1
		}
		out = strconv.AppendFloat(nil, x, 'f', -1, 64)
	} else {
		c.changed = true
	}
	if y, err := strconv.ParseFloat(string(limit), 64); err == nil && up*y > up*x {
		out = limit
	}
	c.Member(open, out)
}

// choice writes alternatives. Exactly one of several cannot be said: it becomes
// any of them.
func (n *node) choice(c *google, path string, depth int) error {
	n.done["anyOf"], n.done["oneOf"] = true, true
	word, list := "anyOf", n.has["anyOf"]
	if one := n.has["oneOf"]; one.IsArray() {
		// Of both at once, only one can stay.
		c.changed = true
		if !list.IsArray() {
			word, list = "oneOf", one
		}
	}
	if !list.IsArray() || list.Hollow() {
		return unfit(at(path, word), "it must be a list of schemas")
	}
	c.Key("anyOf")
	return c.list(list, at(path, word), depth)
}

// items writes what an array holds, and how much at most.
func (n *node) items(c *google, path string, depth int) error {
	for _, word := range [...]string{"items", "prefixItems", "additionalItems", "maxItems"} {
		n.done[word] = true
	}
	first, rest := n.has["prefixItems"], n.has["items"]
	if rest.IsArray() { // as it was up to draft 7
		first, rest = rest, n.has["additionalItems"]
	}
	most := n.has["maxItems"]
	if first.IsArray() && !first.Hollow() {
		c.Key("prefixItems")
		if err := c.list(first, at(path, "prefixItems"), depth); err != nil {
			return err
		}
	}
	if string(rest) == "false" {
		count := int64(0)
		for e := first.Elements(); e.Next(); {
			count++
		}
		if !most.IsNumber() || most.Int() > count {
			most = strconv.AppendInt(nil, count, 10)
		}
		rest = nil
	}
	if len(rest) > 0 && string(rest) != "true" {
		c.Key("items")
		if err := c.schema(rest, at(path, "items"), depth+1); err != nil {
			return err
		}
	}
	if most.IsNumber() {
		c.Member("maxItems", most)
	}
	return nil
}

func (n *node) additional(c *google, v raw.Value, path string, depth int) error {
	c.Key(additional)
	if string(v) == "true" || string(v) == "false" {
		c.Dst = append(c.Dst, v...)
		return nil
	}
	return c.schema(v, at(path, additional), depth+1)
}
