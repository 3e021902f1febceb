package fakellm

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// CountTokens counts the tokens of a text: one for each word, a word being what
// stands between white space.
func CountTokens(text string) int {
	n, inWord := 0, false
	for _, r := range text {
		space := unicode.IsSpace(r)
		if !space && !inWord {
			n++
		}
		inWord = !space
	}
	return n
}

// mediaTokens is what an image, a file or a piece of audio counts.
const mediaTokens = 16

// words cuts text into its tokens, each with the white space before it, so that
// joined they are the text again. White space at its end belongs to the last.
func words(text string) []string {
	list := make([]string, 0, 16)
	start, inWord := 0, false
	for i, r := range text {
		space := unicode.IsSpace(r)
		if space && inWord {
			list = append(list, text[start:i])
			start = i
		}
		inWord = !space
	}
	switch {
	case inWord || len(list) == 0 && start < len(text):
		list = append(list, text[start:])
	case start < len(text):
		list[len(list)-1] += text[start:]
	}
	return list
}

// quoted bounds the words of a question that an answer repeats.
const quoted = 40

// excerpt returns the beginning of a text, white space made plain.
func excerpt(text string) string {
	if len(text) > quoted*64 {
		text = strings.ToValidUTF8(text[:quoted*64], "")
	}
	list := strings.Fields(text)
	if len(list) > quoted {
		list = append(list[:quoted:quoted], "…")
	}
	return strings.Join(list, " ")
}

// say returns what the provider has to say to a question. There are characters
// of several bytes in it on purpose: streams get cut inside them.
func (c *call) say(question string) string {
	if c.faults.size > 0 {
		return filler(c.faults.size)
	}
	if question = excerpt(question); question == "" {
		return "You said nothing – and " + c.model + " has nothing to add."
	}
	return "You said “" + question + "” – I am " + c.model + ", and I can only repeat it."
}

// filler returns exactly size bytes of words.
func filler(size int) string {
	const text = "one two three four five six seven eight nine ten "
	return strings.Repeat(text, size/len(text)+1)[:size]
}

// cutAtStop returns text up to the first of the stop sequences in it, and which
// one that is: "" for none.
func cutAtStop(text string, stops []string) (before, at string) {
	for _, stop := range stops {
		if shorter, _, found := strings.Cut(text, stop); found && stop != "" {
			text, at = shorter, stop
		}
	}
	return text, at
}

// maxDepth bounds how deep an instance of a schema goes: one may refer to itself.
const maxDepth = 16

// instance returns a value, as JSON, that fits a JSON Schema; text stands for
// every string in it.
func instance(schema, root gjson.Result, text string, depth int) string {
	if depth > maxDepth {
		return "null"
	}
	if ref, ok := strings.CutPrefix(schema.Get("$ref").Str, "#/"); ok {
		at := root
		for name := range strings.SplitSeq(ref, "/") {
			at = at.Get(gjson.Escape(name))
		}
		return instance(at, root, text, depth+1)
	}
	if v := schema.Get("const"); v.Exists() {
		return v.Raw
	}
	if v := schema.Get("enum.0"); v.Exists() {
		return v.Raw
	}
	for _, of := range []string{"anyOf.0", "oneOf.0", "allOf.0"} {
		if v := schema.Get(of); v.Exists() {
			return instance(v, root, text, depth+1)
		}
	}
	kind := schema.Get("type")
	if kind.IsArray() {
		kind = kind.Get("0")
	}
	return instanceOf(kind.String(), schema, root, text, depth)
}

func instanceOf(kind string, schema, root gjson.Result, text string, depth int) string {
	switch kind {
	case "string":
		return string(encode(text))
	case "integer":
		return "1"
	case "number":
		return "1.5"
	case "boolean":
		return "true"
	case "array":
		return "[" + instance(schema.Get("items"), root, text, depth+1) + "]"
	case "null":
		return "null"
	case "object":
	default:
		if !schema.Get("properties").Exists() {
			return "null"
		}
	}
	var b strings.Builder
	b.WriteByte('{')
	schema.Get("properties").ForEach(func(name, v gjson.Result) bool {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.Write(encode(name.Str))
		b.WriteByte(':')
		b.WriteString(instance(v, root, text, depth+1))
		return true
	})
	b.WriteByte('}')
	return b.String()
}

// length counts the characters of a text.
func length(text string) int { return utf8.RuneCountInString(text) }
