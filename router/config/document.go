package config

import (
	"bytes"
	gojson "encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// document is one object as it was written.
type document struct {
	file   string
	line   int            // of the document's first line
	text   []byte         // as written, to find the lines of fields
	object map[string]any // integers are int64, as an API server has them

	apiVersion, kind string
	namespace, name  string
	label            string // "LLMRoute default/chat", for messages

	root *yamlv3.Node // parsed when somebody asks for what only the text tells
}

// problem says what is wrong at a field of the document; path may be "".
func (d *document) problem(path, message string) Problem {
	return Problem{File: d.file, Line: d.lineOf(path), Object: d.label, Path: path, Message: message}
}

// chunk is one document's text within a file.
type chunk struct {
	line int // 1-based, of its first line
	text []byte
}

// split cuts a file at its document markers. YAML lets no scalar hold a line
// that begins with one, so lines are all there is to look at.
func split(data []byte) []chunk {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var chunks []chunk
	start, startLine := 0, 1
	end := func(at int) {
		if text := data[start:at]; !blank(text) {
			chunks = append(chunks, chunk{startLine, text})
		}
	}
	for at, line := 0, 1; at < len(data); line++ {
		next := len(data)
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		switch {
		case isMarker(data[at:next], "---"):
			end(at)
			// What follows on the marker's line belongs to the new document.
			start, startLine = at+len("---"), line
		case isMarker(data[at:next], "..."):
			end(at)
			start, startLine = next, line+1
		}
		at = next
	}
	end(len(data))
	return chunks
}

func isMarker(line []byte, marker string) bool {
	rest, ok := bytes.CutPrefix(line, []byte(marker))
	return ok && (len(rest) == 0 || strings.IndexByte(" \t\r\n", rest[0]) >= 0)
}

// blank reports whether text holds nothing but space, comments and directives.
func blank(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && line[0] != '%' {
			return false
		}
	}
	return true
}

// decode turns a document's text into JSON values: YAML 1.1 as Kubernetes
// reads it, refusing keys that stand twice. A document that says null is nil.
func (d *document) decode() (any, []Problem) {
	raw, err := yaml.YAMLToJSONStrict(d.text)
	if err != nil {
		return nil, d.syntax(err)
	}
	var v any
	if err := json.UnmarshalCaseSensitivePreserveInts(raw, &v); err != nil {
		return nil, []Problem{d.problem("", err.Error())}
	}
	return v, nil
}

// yamlLine matches where the YAML parser says that it found something.
var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

// syntax turns the YAML parser's error, which may list several things, into
// problems with the lines of the file.
func (d *document) syntax(err error) []Problem {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	var problems []Problem
	for text := range strings.Lines(err.Error()) {
		if m := yamlLine.FindStringSubmatch(text); m != nil {
			n, _ := strconv.Atoi(m[1])
			problems = append(problems, Problem{File: d.file, Line: d.fileLine(n), Message: "YAML: " + m[2]})
		}
	}
	if problems == nil {
		message := strings.TrimPrefix(err.Error(), "yaml: ")
		problems = append(problems, Problem{File: d.file, Line: d.line, Message: "YAML: " + message})
	}
	return problems
}

// lineOf returns the line of a field, or that of the nearest one around it
// which was written: a field that is missing has no line of its own.
func (d *document) lineOf(path string) int {
	root := d.tree()
	if root == nil {
		return d.line
	}
	_, line := find(root, path)
	return d.fileLine(line)
}

// keys returns the keys of the mapping at path as they were written, which YAML
// may take for something else than text. Those that are merged in are not among
// them.
func (d *document) keys(path string) (all []string) {
	root := d.tree()
	if root == nil {
		return nil
	}
	n, _ := find(root, path)
	for n != nil && n.Kind == yamlv3.AliasNode {
		n = n.Alias
	}
	if n == nil || n.Kind != yamlv3.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; k.Kind == yamlv3.ScalarNode && k.Tag != "!!merge" {
			all = append(all, k.Value)
		}
	}
	return all
}

// tree returns the document as its text has it, or nil.
func (d *document) tree() *yamlv3.Node {
	if d.root == nil {
		d.root = &yamlv3.Node{}
		if yamlv3.Unmarshal(d.text, d.root) != nil {
			d.root = &yamlv3.Node{}
		}
	}
	if d.root.Kind != yamlv3.DocumentNode || len(d.root.Content) == 0 {
		return nil
	}
	return d.root.Content[0]
}

// fileLine turns a line of the document, 1-based, into one of the file. YAML
// also counts lines that end in other ways than editors know; those must not
// lead beyond the end.
func (d *document) fileLine(n int) int {
	last := d.line + bytes.Count(d.text, []byte("\n"))
	return min(d.line+max(n, 1)-1, last)
}

// find follows a path such as spec.rules[0].backendRefs[1].name from a node. It
// returns what is there, or nil, and the line of the last field on the way.
func find(n *yamlv3.Node, path string) (at *yamlv3.Node, line int) {
	line = n.Line
	for path != "" {
		if n.Kind == yamlv3.AliasNode {
			n = n.Alias
			continue
		}
		switch n.Kind {
		case yamlv3.MappingNode:
			key, value, rest := member(n, path)
			if key == nil {
				return nil, line
			}
			n, line, path = value, key.Line, rest
		case yamlv3.SequenceNode:
			index, rest, ok := strings.Cut(strings.TrimPrefix(path, "["), "]")
			i, err := strconv.Atoi(index)
			if !ok || err != nil || i < 0 || i >= len(n.Content) {
				return nil, line
			}
			n, path = n.Content[i], rest
			line = n.Line
		default:
			return nil, line
		}
	}
	return n, line
}

// member finds the mapping's key that path begins with. Keys may hold dots, so
// the longest one that fits is taken.
func member(n *yamlv3.Node, path string) (key, value *yamlv3.Node, rest string) {
	path = strings.TrimPrefix(path, ".")
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Value == "" {
			continue // it would fit everywhere and take nothing off the path
		}
		after, ok := strings.CutPrefix(path, k.Value)
		if !ok {
			after, ok = strings.CutPrefix(path, "["+k.Value+"]")
		}
		if !ok || after != "" && after[0] != '.' && after[0] != '[' {
			continue
		}
		if key == nil || len(k.Value) > len(key.Value) {
			key, value, rest = k, n.Content[i+1], after
		}
	}
	return key, value, rest
}

// decodeStrict decodes object into v and says what is unknown or of a wrong type.
func (d *document) decodeStrict(object map[string]any, v any) []Problem {
	raw, err := gojson.Marshal(object)
	if err != nil {
		return []Problem{d.problem("", err.Error())}
	}
	var problems []Problem
	strict, err := json.UnmarshalStrict(raw, v)
	for _, e := range strict {
		path, message := "", e.Error()
		if fe, ok := errors.AsType[json.FieldError](e); ok {
			path = fe.FieldPath()
			message, _, _ = strings.Cut(message, ` "`)
		}
		problems = append(problems, d.problem(path, message))
	}
	if te, ok := errors.AsType[*gojson.UnmarshalTypeError](err); ok {
		value, _, _ := strings.Cut(te.Value, " ") // "number 7": what stands there may be a key
		problems = append(problems, d.problem(te.Field, "must be "+jsonType(te.Type)+", not "+value))
	} else if err != nil {
		problems = append(problems, d.problem("", err.Error()))
	}
	return problems
}

// redact takes out of a message what it quotes of the document's secrets: a
// literal key, and an endpoint that somebody wrote a password into.
func (d *document) redact(message string) string {
	spec, _ := d.object["spec"].(map[string]any)
	auth, _ := spec["auth"].(map[string]any)
	if key, ok := auth["key"].(string); ok && key != "" {
		message = strings.ReplaceAll(message, strconv.Quote(key), `"[redacted]"`)
	}
	if url, ok := spec["endpoint"].(string); ok && strings.Contains(url, "@") {
		message = strings.ReplaceAll(message, strconv.Quote(url), `"[redacted]"`)
	}
	return message
}

// jsonType is what a person writes for a Go type.
func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint32:
		return "a whole number"
	case reflect.Slice:
		return "a list"
	default:
		return "an object"
	}
}

// source is where the document stands, for messages.
func (d *document) source() string { return fmt.Sprintf("%s:%d", d.file, d.firstLine()) }

// firstLine is the line of the document's first content. Unlike lineOf it
// parses nothing.
func (d *document) firstLine() int {
	line := d.line
	for text := range bytes.Lines(d.text) {
		if !blank(text) {
			return line
		}
		line++
	}
	return d.line
}
