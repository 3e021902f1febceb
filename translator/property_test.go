package translator

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"pgregory.net/rapid"

	"llmroute/translator/raw"
)

// FuzzScan holds one scan against others: encoding/json says what is valid and
// what the model is, gjson what the body holds before and after the splice.
func FuzzScan(f *testing.F) {
	for _, c := range goldenCases(f) {
		if c.fields.Boundary == "" {
			f.Add(c.call.Body)
		}
		f.Add(c.body)
	}
	f.Add([]byte(`{"a":"\ud800\u0000é","mod\u0065l":"x","stream":true,"stream_options":null}`))
	f.Fuzz(func(t *testing.T, body []byte) { checkScan(t, body) })
}

func TestScanProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := []byte(document(t))
		checkScan(t, body)
		checkScan(t, mutate(t, body))
	})
}

func checkScan(t rapid.TB, body []byte) {
	t.Helper()
	var f Fields
	err := Scan(ChatCompletions, "application/json", body, &f)
	if !validJSON(body) {
		if err == nil {
			t.Fatalf("%q was taken", body)
		}
		return
	}
	members, duplicates := topLevel(body)
	if err != nil {
		r, ok := errors.AsType[*Refusal](err)
		if !ok || r.Status != 400 || !duplicates && !refusable(members) {
			t.Fatalf("%q: %v", body, err)
		}
		return
	}
	if duplicates {
		t.Fatalf("%q was taken in spite of its duplicate keys", body)
	}
	// gjson reads a lone surrogate in its own way.
	var model string
	if raw, ok := members["model"]; ok {
		if err := json.Unmarshal([]byte(raw), &model); err != nil {
			t.Fatal(err)
		}
	}
	if f.Model != model {
		t.Fatalf("%q: model %q, want %q", body, f.Model, model)
	}
	checkSplice(t, body, &f, members)
}

// checkSplice puts another model into the body and asks for the usage, and
// compares every top-level member, raw.
func checkSplice(t rapid.TB, body []byte, f *Fields, members map[string]string) {
	t.Helper()
	const other = `a/"b" ✓`
	if f.Model == other {
		return
	}
	edits := f.edits(nil, other)
	after := splice(nil, body, edits)
	if !validJSON(after) {
		t.Fatalf("%q became %q", body, after)
	}
	want := maps.Clone(members)
	got, duplicates := topLevel(after)
	if duplicates {
		t.Fatalf("%q became %q", body, after)
	}
	if model := gjson.Parse(got["model"]).String(); model != other {
		t.Fatalf("%q became %q: model %q", body, after, model)
	}
	delete(got, "model")
	delete(want, "model")
	if f.usage.text != "" {
		if asked := gjson.Get(got["stream_options"], "include_usage"); asked.Type != gjson.True {
			t.Fatalf("%q became %q: stream options %s", body, after, got["stream_options"])
		}
		delete(got, "stream_options")
		delete(want, "stream_options")
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Fatalf("%q became %q:\n%s", body, after, diff)
	}
	var again Fields
	if err := Scan(ChatCompletions, "", after, &again); err != nil || again.Model != other || f.usage.text != "" && !again.IncludeUsage {
		t.Fatalf("%q became %q: %v", body, after, err)
	}
}

func validJSON(b []byte) bool {
	return json.Valid(b) && utf8.Valid(b) && strings.HasPrefix(strings.TrimLeft(string(b), " \t\r\n"), "{")
}

// topLevel returns an object's members, raw, and whether a key stands there
// twice.
func topLevel(b []byte) (members map[string]string, duplicates bool) {
	members = map[string]string{}
	gjson.ParseBytes(b).ForEach(func(key, value gjson.Result) bool {
		_, again := members[key.String()]
		duplicates = duplicates || again
		members[key.String()] = value.Raw
		return true
	})
	return members, duplicates
}

// refusable reports whether valid JSON without duplicates is refused all the
// same: for its model, its stream or what it should have been sent to.
func refusable(members map[string]string) bool {
	for key := range members {
		if key != "model" && strings.EqualFold(key, "model") {
			return true
		}
	}
	model := gjson.Parse(members["model"])
	odd := len(model.String()) > maxModel || strings.ContainsFunc(model.String(), func(r rune) bool { return r < ' ' || r == 0x7f })
	if _, ok := members["model"]; ok && model.Type != gjson.Null && (model.Type != gjson.String || odd || len(members["model"]) > 6*maxModel+2) {
		return true
	}
	if stream, ok := members["stream"]; ok && stream != "true" && stream != "false" && stream != "null" {
		return true
	}
	_, input := members["input"]
	_, messages := members["messages"]
	return input && !messages
}

// document draws a JSON object that looks like a request now and then.
func document(t *rapid.T) string {
	keys := rapid.SampledFrom([]string{`"model"`, `"mod\u0065l"`, `"Model"`, `"stream"`, `"stream_options"`, `"messages"`, `"input"`, `"a"`, `"é"`, `"\n"`, `""`})
	space := rapid.SampledFrom([]string{"", "", " ", "\n\t", "\r\n"})
	var b strings.Builder
	b.WriteString(space.Draw(t, "space") + "{")
	for i := range rapid.IntRange(0, 6).Draw(t, "members") {
		if i > 0 {
			b.WriteString("," + space.Draw(t, "space"))
		}
		key := keys.Draw(t, "key")
		b.WriteString(key + space.Draw(t, "space") + ":" + space.Draw(t, "space"))
		switch {
		case key == `"stream"` && rapid.Bool().Draw(t, "usual"):
			b.WriteString("true")
		case key == `"stream_options"` && rapid.Bool().Draw(t, "usual"):
			b.WriteString(rapid.SampledFrom([]string{`{}`, `{ }`, `null`, `{"include_usage": false}`, `{"x":{"include_usage":true} , "include_usage":null}`, `{"include_usage":true}`, `{"include_usage":1}`, `{"x":[]}`}).Draw(t, "options"))
		case key == `"model"` && rapid.Bool().Draw(t, "usual"):
			b.WriteString(text(t))
		default:
			b.WriteString(value(t, 3))
		}
		b.WriteString(space.Draw(t, "space"))
	}
	b.WriteString("}" + space.Draw(t, "space"))
	return b.String()
}

func value(t *rapid.T, depth int) string {
	switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
	case kind == 0 && depth > 0:
		n := rapid.IntRange(0, 3).Draw(t, "elements")
		all := make([]string, 0, n)
		for range n {
			all = append(all, value(t, depth-1))
		}
		return "[" + strings.Join(all, " ,") + "]"
	case kind == 1 && depth > 0:
		var all []string
		for range rapid.IntRange(0, 3).Draw(t, "members") {
			all = append(all, text(t)+":"+value(t, depth-1))
		}
		return "{" + strings.Join(all, ", ") + "}"
	case kind == 2:
		return strconv.FormatFloat(rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64).Draw(t, "number"), 'g', -1, 64)
	case kind == 3:
		return rapid.SampledFrom([]string{"true", "false", "null", "-0", "1e9", "0.10", "123456789012345678901234567890"}).Draw(t, "literal")
	}
	return text(t)
}

// text draws a JSON string of any length around that of a machine word.
func text(t *rapid.T) string {
	parts := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "word", "é", "✓", "𝄞", `\n`, `\"`, `\\`, `\u00e9`, `\ud834\udd1e`, `\/`, " ", "\x7f"}), 0, 12)
	return `"` + strings.Join(parts.Draw(t, "text"), "") + `"`
}

// mutate breaks a document in one place, or leaves it whole by chance.
func mutate(t *rapid.T, body []byte) []byte {
	i := rapid.IntRange(0, len(body)-1).Draw(t, "at")
	b := rapid.SampledFrom([]byte("{}[]:,\"\\ \n0-9.eEtfnu\x00\x1f\x80\xc3\xff")).Draw(t, "byte")
	switch rapid.IntRange(0, 3).Draw(t, "how") {
	case 0:
		return append(append([]byte{}, body[:i]...), body[i+1:]...)
	case 1:
		return append(append(append([]byte{}, body[:i]...), b), body[i:]...)
	case 2:
		return append([]byte{}, body[:i]...)
	}
	out := append([]byte{}, body...)
	out[i] = b
	return out
}

// The members of an object are the same from behind as from the front, and the
// same that gjson finds.
func TestBackwards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := []byte(document(t))
		var want, front, back [][2]string
		gjson.ParseBytes(body).ForEach(func(key, value gjson.Result) bool {
			want = append(want, [2]string{key.Raw[1 : len(key.Raw)-1], value.Raw})
			return true
		})
		m := raw.MembersAt(body, 0)
		for m.Next() {
			front = append(front, [2]string{string(m.Spelled()), string(m.Value())})
		}
		for b := raw.Value(body).Backwards(); b.Previous(); {
			back = append([][2]string{{string(body[b.Key().Start+1 : b.Key().End-1]), string(b.Value())}}, back...)
		}
		if !m.Closed() {
			t.Fatalf("%q: the end was not seen", body)
		}
		if diff := cmp.Diff(front, want); diff != "" {
			t.Fatalf("%q, forwards:\n%s", body, diff)
		}
		if diff := cmp.Diff(back, want); diff != "" {
			t.Fatalf("%q, backwards:\n%s", body, diff)
		}
	})
}

// FuzzReply shows any bytes as a reply, whole and streamed, however cut.
func FuzzReply(f *testing.F) {
	for _, c := range goldenCases(f) {
		f.Add(c.body, uint8(c.op), c.fields.usage.text != "", uint16(len(c.body)/2))
	}
	f.Fuzz(func(t *testing.T, body []byte, op uint8, hide bool, size uint16) {
		whole := watch{op: Operation(op)}
		whole.whole(body)
		whole.refused(400, body)

		newStream := func() *passthrough {
			return &passthrough{mode: Stream, hide: hide, watch: watch{op: Operation(op)}}
		}
		one, many := newStream(), newStream()
		want := play(t, one, body)
		var pieces [][]byte
		rest := body
		for n := int(size) + 1; len(rest) > n; rest = rest[n:] {
			pieces = append(pieces, rest[:n])
		}
		if diff := cmp.Diff(play(t, many, append(pieces, rest)...), want); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(many.Tally(), one.Tally()); diff != "" {
			t.Fatal(diff)
		}
	})
}
