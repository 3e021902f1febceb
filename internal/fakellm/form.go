package fakellm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"strconv"
	"strings"
)

// form is a multipart/form-data body.
type form struct {
	parts []part
	err   error // why there are no more parts
}

// part is one field of a form, or one file.
type part struct {
	name     string
	filename string
	file     bool
	data     []byte
}

// maxParts bounds a form.
const maxParts = 256

// parseForm reads a form as far as it can be read.
func parseForm(body []byte, boundary string) *form {
	f := new(form)
	if boundary == "" {
		f.err = errors.New("no boundary in the content type")
		return f
	}
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		// Raw, so that a content-transfer-encoding is not undone unseen.
		p, err := r.NextRawPart()
		if err == io.EOF { //nolint:errorlint // wrapped, it is a form that breaks off
			return f
		}
		var data []byte
		if err == nil {
			data, err = io.ReadAll(p)
		}
		if err == nil && len(f.parts) == maxParts {
			err = errors.New("too many parts")
		}
		if err != nil {
			f.err = err
			return f
		}
		f.parts = append(f.parts, part{name: p.FormName(), filename: p.FileName(), file: p.FileName() != "", data: data})
	}
}

// value returns the first field of a name, "" when there is none.
func (f *form) value(name string) string {
	if f == nil {
		return ""
	}
	for _, p := range f.parts {
		if p.name == name && !p.file {
			return string(p.data)
		}
	}
	return ""
}

// number returns a field that check has found to be a number.
func (f *form) number(name string, without int) int {
	n, err := strconv.Atoi(f.value(name))
	if err != nil {
		return without
	}
	return n
}

// files returns the files of a name, also when it is spelled as a list.
func (f *form) files(name string) []part {
	var list []part
	for _, p := range f.parts {
		if p.file && (p.name == name || p.name == name+"[]") {
			list = append(list, p)
		}
	}
	return list
}

// formFields are the fields a form may have. A name that ends in "[]" may come
// several times, one that ends in "[" is that of an object: "name[key]".
type formFields map[string]formField

type formField struct {
	need bool
	file bool
	rule rule
}

// check refuses what OpenAI's form parser refuses.
func (f *form) check(known formFields, lax bool) *refusal {
	if f == nil || f.err != nil {
		return invalid("", "", "Could not parse multipart form.")
	}
	seen := make(map[string]bool)
	for _, p := range f.parts {
		name, repeats := strings.CutSuffix(p.name, "[]")
		field, ok := known[p.name]
		if !ok && repeats {
			field, ok = known[name]
			ok = ok && field.file // a list of files may go by the bare name
		}
		if !ok {
			object, _, found := strings.Cut(p.name, "[")
			field, ok = known[object+"["]
			ok, repeats = ok && found, true
		}
		switch {
		case !ok && lax:
			continue
		case !ok:
			return invalid("unknown_parameter", p.name, fmt.Sprintf("Unknown parameter: '%s'.", p.name))
		case seen[p.name] && !repeats && !field.file:
			return invalid("duplicate_parameter", p.name, fmt.Sprintf("Duplicate parameter: '%s'.", p.name))
		case field.file != p.file:
			return invalid("invalid_type", p.name, fmt.Sprintf("Invalid type for '%s': expected %s.", p.name, map[bool]string{true: "a file", false: "a string"}[field.file]))
		}
		seen[p.name], seen[name] = true, true
		if err := field.rule.checkText(p.name, string(p.data)); err != nil && !field.file {
			return err
		}
	}
	return missing(known, seen)
}

func missing(known formFields, seen map[string]bool) *refusal {
	first := ""
	for name, field := range known {
		if field.need && !seen[name] && (first == "" || name < first) {
			first = name
		}
	}
	if first == "" {
		return nil
	}
	if first == "model" {
		return noModel()
	}
	return invalid("missing_required_parameter", first, fmt.Sprintf("Missing required parameter: '%s'.", first))
}

// checkText checks a value that a form spells as text.
func (r rule) checkText(at, s string) *refusal {
	switch {
	case r.kinds&(isNumber|isInteger) != 0:
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || r.kinds&isNumber == 0 && strings.ContainsAny(s, ".eEnNiIxX") {
			return invalid("invalid_type", at, fmt.Sprintf("Invalid type for '%s': expected %s, but got a string instead.", at, r.expected()))
		}
		if r.ranged && !(n >= r.low && n <= r.high) {
			return invalid("invalid_value", at, fmt.Sprintf("Invalid '%s': expected a value from %v to %v, but got %s instead.", at, r.low, r.high, s))
		}
		return nil
	case r.kinds&isBool != 0:
		return oneOf("true", "false").checkString(at, s)
	}
	return r.checkString(at, s)
}
