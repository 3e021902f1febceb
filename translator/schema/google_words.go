package schema

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"llmroute/translator/raw"
)

// words returns the words of a schema, those included that a reference or allOf
// brings. Where ring is set, a reference that comes back to itself is returned as
// the one word; elsewhere, and where more is said beside it, what it names is
// written out once.
func (c *google) words(v raw.Value, ring bool, path string, depth int) ([]member, error) {
	if depth > maxDepth {
		return nil, unfit(path, "it is nested more than %d deep", maxDepth)
	}
	if err := c.spend(len(v)+aSchema, path); err != nil {
		return nil, err
	}
	own := make([]member, 0, 8)
	var ref string
	var all raw.Value
	for m := v.Members(); m.Next(); {
		switch word := string(m.Name()); word {
		case "$defs", "definitions":
		case "$ref":
			ref = m.Value().String()
		case "allOf":
			all = m.Value()
		default:
			if !told[word] && !annotations[word] && !constraints[word] && !apart[word] {
				continue // nobody knows what it says
			}
			own = slices.DeleteFunc(own, func(o member) bool { return o.word == word })
			own = append(own, member{word, m.Value()})
		}
	}
	if ref != "" {
		var err error
		if own, err = c.referred(own, ref, ring && all.Hollow() && !tells(own), path, depth); err != nil {
			return nil, err
		}
	}
	i := 0
	for e := all.Elements(); e.Next(); i++ {
		part := e.Value()
		where := fmt.Sprintf("%s[%d]", at(path, "allOf"), i)
		if string(part) == "true" {
			continue
		}
		if !part.IsObject() {
			return nil, unfit(where, "it must be an object")
		}
		more, err := c.words(part, false, where, depth+1)
		if err != nil {
			return nil, err
		}
		if own, err = c.join(own, more, where); err != nil {
			return nil, err
		}
	}
	return own, nil
}

// tells reports whether words say anything of what they admit.
func tells(words []member) bool {
	return slices.ContainsFunc(words, func(m member) bool { return !annotations[m.word] })
}

// referred joins the words beside a reference with those of what it names.
func (c *google) referred(own []member, ref string, ring bool, path string, depth int) ([]member, error) {
	target, err := c.lookUp(ref, path)
	if err != nil {
		return nil, err
	}
	if !target.IsObject() {
		if string(target) == "true" {
			return own, nil
		}
		return nil, unfit(path, "the reference '%s' names no schema in this one; use '#/$defs/NAME'", ref)
	}
	back, err := c.ring(ref, path)
	if err != nil {
		return nil, err
	}
	if back {
		if c.form == OpenAPIForm {
			return nil, unfit(path, "the schema '%s' holds itself, which this model cannot take", ref)
		}
		if ring {
			return []member{{"$ref", raw.AppendString(nil, "#/$defs/"+pointer(c.nameOf(ref)))}}, nil
		}
	}
	more, err := c.words(target, ring, path, depth+1)
	if err != nil {
		return nil, err
	}
	if len(more) == 1 && more[0].word == "$ref" {
		return more, nil // nothing may stand beside it
	}
	return c.join(own, more, path)
}

// pointer escapes a name as a step of a JSON pointer.
func pointer(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

// nameOf returns the name in $defs of what a reference names.
func (c *google) nameOf(ref string) string {
	if name, ok := c.names[ref]; ok {
		return name
	}
	name := ref[strings.LastIndexByte(ref, '/')+1:]
	if name = strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~"); name == "#" || name == "" {
		name = "root"
	}
	base := name
	for n := 2; c.taken(name); n++ {
		name = base + strconv.Itoa(n)
	}
	c.names[ref] = name
	c.defs = append(c.defs, ref)
	return name
}

func (c *google) taken(name string) bool {
	for _, other := range c.names {
		if other == name {
			return true
		}
	}
	return false
}

// lookUp returns what a reference within the schema names, or nothing.
func (c *google) lookUp(ref, path string) (raw.Value, error) {
	v, ok := c.found[ref]
	if !ok {
		if err := c.spend(len(c.root), path); err != nil {
			return nil, err
		}
		v = c.resolve(ref)
		c.found[ref] = v
	}
	return v, nil
}

func (c *google) resolve(ref string) raw.Value {
	rest, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	v := c.root
	if rest == "" {
		return v
	}
	if rest[0] != '/' {
		return nil
	}
	for step := range strings.SplitSeq(rest[1:], "/") {
		if plain, err := url.PathUnescape(step); err == nil {
			step = plain
		}
		step = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
		var found raw.Value
		for m := v.Members(); m.Next(); {
			if string(m.Name()) == step {
				found = m.Value()
			}
		}
		i := 0
		for e := v.Elements(); e.Next(); i++ {
			if strconv.Itoa(i) == step {
				found = e.Value()
			}
		}
		v = found
	}
	return v
}

// ring reports whether a reference comes back to itself, and remembers it.
func (c *google) ring(ref, path string) (bool, error) {
	if known, ok := c.rings[ref]; ok {
		return known, nil
	}
	seen := map[string]bool{}
	open := []string{ref}
	for len(open) > 0 {
		next := open[len(open)-1]
		open = open[:len(open)-1]
		within, err := c.within(next, path)
		if err != nil {
			return false, err
		}
		for _, other := range within {
			if other == ref {
				c.rings[ref] = true
				return true, nil
			}
			if !seen[other] {
				seen[other] = true
				open = append(open, other)
			}
		}
	}
	c.rings[ref] = false
	return false, nil
}

// within returns the references within what a reference names.
func (c *google) within(ref, path string) ([]string, error) {
	if known, ok := c.links[ref]; ok {
		return known, c.spend(len(known), path)
	}
	target, err := c.lookUp(ref, path)
	if err != nil {
		return nil, err
	}
	var refs []string
	var walk func(v raw.Value, depth int) error
	walk = func(v raw.Value, depth int) error {
		if err := c.spend(len(v), path); err != nil || depth > maxDepth {
			return err
		}
		if next := v.Get("$ref").String(); next != "" {
			refs = append(refs, next)
		}
		var failed error
		subschemas(v, func(sub raw.Value) {
			if failed == nil {
				failed = walk(sub, depth+1)
			}
		})
		return failed
	}
	err = walk(target, 0)
	c.links[ref] = refs
	return refs, err
}

// subschemas calls f with each schema that stands directly within v, definitions
// apart.
func subschemas(v raw.Value, f func(raw.Value)) {
	for m := v.Members(); m.Next(); {
		switch string(m.Name()) {
		case "items", "additionalProperties", "additionalItems", "anyOf", "oneOf", "allOf", "prefixItems":
			f(m.Value())
			for e := m.Value().Elements(); e.Next(); {
				f(e.Value())
			}
		case "properties":
			for p := m.Value().Members(); p.Next(); {
				f(p.Value())
			}
		}
	}
}

// join returns the words that say what two lists of them say together.
func (c *google) join(own, more []member, path string) ([]member, error) {
	c.closes(own, more)
	for _, m := range more {
		i := slices.IndexFunc(own, func(o member) bool { return o.word == m.word })
		if i < 0 {
			own = append(own, m)
			continue
		}
		if m.word == "properties" {
			// Each name of the one is looked for in the other.
			if err := c.spend(len(own[i].value)*members(m.value)+len(m.value)*members(own[i].value), path); err != nil {
				return nil, err
			}
		}
		value, ok := both(m.word, own[i].value, m.value)
		if !ok {
			if constraints[m.word] {
				c.changed = true // neither can be said
				continue
			}
			return nil, unfit(path, "'%s' is said twice, and not the same", m.word)
		}
		own[i].value = value
	}
	return own, nil
}

// closes takes note where one part of a schema forbids what another one names:
// further properties, further items. Together they admit what neither did.
func (c *google) closes(a, b []member) {
	has := func(words []member, names ...string) bool {
		return slices.ContainsFunc(words, func(m member) bool { return slices.Contains(names, m.word) && string(m.value) != "true" })
	}
	for range 2 {
		if has(a, additional) && has(b, "properties", additional) || has(a, "items", "additionalItems") && has(b, "prefixItems", "items") {
			c.changed = true
		}
		a, b = b, a
	}
}

// both returns the value of a word that says what two values of it say, and
// whether there is one.
func both(word string, a, b raw.Value) (raw.Value, bool) {
	a, b = raw.AppendCompact(nil, a), raw.AppendCompact(nil, b)
	switch {
	case bytes.Equal(a, b), annotations[word]:
		return a, true
	case word == "properties":
		return bothProperties(a, b), true
	case word == "required":
		var names []raw.Value
		seen := make(map[string]bool)
		for _, list := range [...]raw.Value{a, b} {
			for e := list.Elements(); e.Next(); {
				if v := e.Value(); !seen[string(v)] {
					seen[string(v)] = true
					names = append(names, v)
				}
			}
		}
		return array(names), true
	case word == "type":
		if a.String() == "integer" && b.String() == "number" || a.String() == "number" && b.String() == "integer" {
			return raw.Value(`"integer"`), true
		}
	}
	x, errA := strconv.ParseFloat(string(a), 64)
	y, errB := strconv.ParseFloat(string(b), 64)
	if errA != nil || errB != nil {
		return nil, false
	}
	switch word {
	case "minimum", "exclusiveMinimum", "minItems", "minLength", "minProperties":
		if x < y {
			a = b
		}
		return a, true
	case "maximum", "exclusiveMaximum", "maxItems", "maxLength", "maxProperties":
		if x > y {
			a = b
		}
		return a, true
	}
	return nil, false
}

func members(v raw.Value) (n int) {
	for m := v.Members(); m.Next(); n++ {
	}
	return n
}

// bothProperties joins two maps of properties. One that stands in both must fit
// both schemas.
func bothProperties(a, b raw.Value) raw.Value {
	out := raw.Value{'{'}
	for m := a.Members(); m.Next(); {
		out = raw.AppendKey(out, string(m.Spelled()))
		if other := b.Get(string(m.Name())); len(other) > 0 && !bytes.Equal(other, m.Value()) {
			out = append(append(out, `{"allOf":[`...), m.Value()...)
			out = append(append(append(out, ','), other...), `]}`...)
			continue
		}
		out = append(out, m.Value()...)
	}
	for m := b.Members(); m.Next(); {
		if len(a.Get(string(m.Name()))) == 0 {
			out = append(raw.AppendKey(out, string(m.Spelled())), m.Value()...)
		}
	}
	return append(out, '}')
}
