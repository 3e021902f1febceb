package fakellm

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// kind is a set of JSON types.
type kind uint8

const (
	isString kind = 1 << iota
	isNumber
	isInteger
	isBool
	isObject
	isArray
)

// kindNames are OpenAI's words for the types, in the order it lists them.
var kindNames = []struct {
	kind kind
	name string
}{
	{isString, "a string"}, {isNumber, "a decimal"}, {isInteger, "an integer"},
	{isBool, "a boolean"}, {isObject, "an object"}, {isArray, "an array"},
}

// rule is what a field may hold. A null is as good as an absent field.
type rule struct {
	kinds     kind
	need      bool
	filled    bool // an array must not be empty
	ranged    bool // low and high bound a number
	low, high float64
	size      int      // bounds the length of a string or an array; 0 does not
	among     []string // what a string may be; nil for anything
	only      fields   // what an object may hold; nil for anything
	each      *rule    // the elements of an array
	also      func(v *validation, at string, value gjson.Result) *refusal
}

// fields are the members an object may have.
type fields map[string]rule

func (r rule) needed() rule          { r.need = true; return r }
func (r rule) notEmpty() rule        { r.filled = true; return r }
func (r rule) atMost(n int) rule     { r.size = n; return r }
func (r rule) or(other kind) rule    { r.kinds |= other; return r }
func (r rule) of(elements rule) rule { r.each = &elements; return r }

func oneOf(values ...string) rule { return rule{kinds: isString, among: values} }

func integer(low, high float64) rule {
	return rule{kinds: isInteger, ranged: true, low: low, high: high}
}

func decimal(low, high float64) rule {
	return rule{kinds: isNumber, ranged: true, low: low, high: high}
}

func object(members fields) rule { return rule{kinds: isObject, only: members} }

var (
	text     = rule{kinds: isString}
	boolean  = rule{kinds: isBool}
	anything = rule{kinds: isString | isNumber | isInteger | isBool | isObject | isArray}
	anObject = rule{kinds: isObject}
	aList    = rule{kinds: isArray}
	count64  = integer(math.MinInt64, math.MaxInt64)
	positive = integer(1, math.MaxInt32)
)

// validation checks one request.
type validation struct {
	lax bool // unknown fields are accepted
	// unrecognized chooses the older of OpenAI's two wordings for an unknown field
	// at the top level.
	unrecognized bool
}

// members checks an object's members; at is the object's path, "" for the body.
func (v *validation) members(at string, object gjson.Result, known fields) (err *refusal) {
	seen := make(map[string]bool, len(known))
	object.ForEach(func(name, value gjson.Result) bool {
		r, ok := known[name.Str]
		switch {
		case !ok && !v.lax:
			err = v.unknown(at, name.Str)
		case ok && value.Type != gjson.Null:
			seen[name.Str] = true
			err = v.value(join(at, name.Str), value, r)
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	for name, r := range known {
		if r.need && !seen[name] {
			// Several may be missing; which one is told must not depend on luck.
			if path := join(at, name); err == nil || path < err.param {
				err = invalid("missing_required_parameter", path, fmt.Sprintf("Missing required parameter: '%s'.", path))
			}
		}
	}
	return err
}

func (v *validation) unknown(at, name string) *refusal {
	if at == "" && v.unrecognized {
		return invalid("", "", "Unrecognized request argument supplied: "+name)
	}
	path := join(at, name)
	return invalid("unknown_parameter", path, fmt.Sprintf("Unknown parameter: '%s'.", path))
}

// value checks one value; at is its path.
func (v *validation) value(at string, value gjson.Result, r rule) *refusal {
	got, name := kindOf(value)
	if got == isInteger && r.kinds&isNumber != 0 {
		got = isNumber // 1 is a decimal too
	}
	if got&r.kinds == 0 {
		return invalid("invalid_type", at, fmt.Sprintf("Invalid type for '%s': expected %s, but got %s instead.", at, r.expected(), name))
	}
	var err *refusal
	switch got {
	case isString:
		err = r.checkString(at, value.Str)
	case isNumber, isInteger:
		err = r.checkNumber(at, value)
	case isObject:
		if r.only != nil {
			err = v.members(at, value, r.only)
		}
	case isArray:
		err = v.elements(at, value, r)
	}
	if err == nil && r.also != nil {
		err = r.also(v, at, value)
	}
	return err
}

func (v *validation) elements(at string, array gjson.Result, r rule) (err *refusal) {
	n := 0
	array.ForEach(func(_, value gjson.Result) bool {
		if r.each != nil && (r.size == 0 || n < r.size) {
			err = v.value(at+"["+strconv.Itoa(n)+"]", value, *r.each)
		}
		n++
		return err == nil
	})
	switch {
	case err != nil:
		return err
	case r.size > 0 && n > r.size:
		return invalid("array_above_max_length", at, fmt.Sprintf(
			"Invalid '%s': array too long. Expected an array with maximum length %d, but got an array with length %d instead.", at, r.size, n))
	case n == 0 && r.filled:
		return invalid("empty_array", at, fmt.Sprintf(
			"Invalid '%s': empty array. Expected an array with minimum length 1, but got an empty array instead.", at))
	}
	return nil
}

func (r rule) checkString(at, s string) *refusal {
	if r.among != nil && !slices.Contains(r.among, s) {
		return invalid("invalid_value", at, fmt.Sprintf("Invalid value: '%s'. Supported values are: %s.", s, listed(r.among, "and")))
	}
	if n := length(s); r.size > 0 && n > r.size {
		return invalid("string_above_max_length", at, fmt.Sprintf(
			"Invalid '%s': string too long. Expected a string with maximum length %d, but got a string with length %d instead.", at, r.size, n))
	}
	return nil
}

func (r rule) checkNumber(at string, v gjson.Result) *refusal {
	word := "decimal"
	if r.kinds&isNumber == 0 {
		word = "integer"
	}
	switch {
	case !r.ranged:
	case v.Num < r.low:
		return invalid(word+"_below_min_value", at, fmt.Sprintf(
			"Invalid '%s': %s below minimum value. Expected a value >= %v, but got %s instead.", at, word, r.low, v.Raw))
	case v.Num > r.high:
		return invalid(word+"_above_max_value", at, fmt.Sprintf(
			"Invalid '%s': %s above maximum value. Expected a value <= %v, but got %s instead.", at, word, r.high, v.Raw))
	}
	return nil
}

func (r rule) expected() string {
	var names []string
	for _, k := range kindNames {
		if r.kinds&k.kind != 0 {
			names = append(names, k.name)
		}
	}
	if len(names) == 1 {
		return names[0]
	}
	return "one of " + strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

func kindOf(v gjson.Result) (kind, string) {
	switch v.Type {
	case gjson.String:
		return isString, "a string"
	case gjson.Number:
		if v.Num == math.Trunc(v.Num) && !strings.ContainsAny(v.Raw, ".eE") {
			return isInteger, "an integer"
		}
		return isNumber, "a decimal"
	case gjson.True, gjson.False:
		return isBool, "a boolean"
	case gjson.JSON:
		if v.IsArray() {
			return isArray, "an array"
		}
		return isObject, "an object"
	}
	return 0, "null"
}

// tagged returns a check of objects whose member tag says which members they have.
func tagged(tag string, variants map[string]fields) func(*validation, string, gjson.Result) *refusal {
	names := make([]string, 0, len(variants))
	for name := range variants {
		names = append(names, name)
	}
	slices.Sort(names)
	return func(v *validation, at string, value gjson.Result) *refusal {
		if !value.IsObject() {
			return nil
		}
		kind := value.Get(tag)
		path := join(at, tag)
		switch {
		case kind.Type == gjson.Null:
			return invalid("missing_required_parameter", path, fmt.Sprintf("Missing required parameter: '%s'.", path))
		case kind.Type != gjson.String:
			return v.value(path, kind, text)
		}
		members, ok := variants[kind.Str]
		if !ok {
			return oneOf(names...).checkString(path, kind.Str)
		}
		return v.members(at, value, members)
	}
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

// listed spells a list in words: 'a', 'b', and 'c'.
func listed(values []string, word string) string {
	var b strings.Builder
	for i, v := range values {
		switch {
		case i > 0 && i == len(values)-1:
			b.WriteString(", " + word + " ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString("'" + v + "'")
	}
	return b.String()
}
