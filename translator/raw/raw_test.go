package raw

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestValue(t *testing.T) {
	v := Trim([]byte(` {"a":"x\n\"y\u00e9\ud83d\ude00","b":[1, {"c":-2.5},"]"], "n":null,"e":{ },"t":true} `))
	var names []string
	for m := v.Members(); m.Next(); {
		names = append(names, string(m.Name())+"="+string(m.Value()))
	}
	want := []string{`a="x\n\"y\u00e9\ud83d\ude00"`, `b=[1, {"c":-2.5},"]"]`, `n=null`, `e={ }`, `t=true`}
	if diff := cmp.Diff(names, want); diff != "" {
		t.Error(diff)
	}
	if got := v.Get("a").String(); got != "x\n\"yé😀" {
		t.Errorf("a says %q", got)
	}
	if got := v.Get("a").Text().Runes(); got != 6 {
		t.Errorf("a is %d long", got)
	}
	var elements []string
	for e := v.Get("b").Elements(); e.Next(); {
		elements = append(elements, string(e.Value()))
	}
	if diff := cmp.Diff(elements, []string{"1", `{"c":-2.5}`, `"]"`}); diff != "" {
		t.Error(diff)
	}
	if v.Get("n").Is() || !v.Get("e").Hollow() || !v.Get("t").IsTrue() || v.Get("none").Is() {
		t.Error("a value is not what it is")
	}
}

// A name is what it spells, whichever way a walk goes; it is written as it stood.
func TestNamesMayBeEscaped(t *testing.T) {
	v := Value(`{"\u0061":1,"b\"":2,"c":3}`)
	var names, spelled, back []string
	for m := v.Members(); m.Next(); {
		names, spelled = append(names, string(m.Name())), append(spelled, string(m.Spelled()))
	}
	for m := v.Backwards(); m.Previous(); {
		back = append(back, string(m.Name()))
	}
	want := [][]string{{"a", `b"`, "c"}, {`\u0061`, `b\"`, "c"}, {"c", `b"`, "a"}}
	if diff := cmp.Diff([][]string{names, spelled, back}, want); diff != "" {
		t.Error(diff)
	}
	if v.Get("a").Int() != 1 || v.Get(`b"`).Int() != 2 {
		t.Error("an escape hides a member")
	}
}

func TestInt(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "12": 12, "-3": -3, "2.9": 2, "1e3": 1000, "1.5e3": 1500, "-1.5E+1": -15, "1e-2": 0, "9.1e15": 0, "1e999": 0, "1.x": 0, "-": 0, `"4"`: 0, "": 0, "99999999999999999999": 0} {
		if got := Value(text).Int(); got != want {
			t.Errorf("%s is %d, want %d", text, got, want)
		}
	}
}

func TestBlank(t *testing.T) {
	tests := []struct {
		text, trimmed string
		blank         bool
	}{
		{"", "", true}, {" ", "", true}, {`\n\t `, "", true}, {`\\n`, `\\n`, false}, {`a \n`, "a", false},
		{`a\\n`, `a\\n`, false}, {`a\\\n`, `a\\`, false}, {`\u0020`, `\u0020`, false}, {"n", "n", false},
	}
	for _, tt := range tests {
		if got := Text(tt.text).Blank(); got != tt.blank {
			t.Errorf("%q blank: %v", tt.text, got)
		}
		if got := Text(tt.text).TrimRight(); string(got) != tt.trimmed {
			t.Errorf("%q trimmed: %q", tt.text, got)
		}
	}
}

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		``:                         ``,
		`a/b+c`:                    `a/b+c`,
		`\/`:                       `/`,
		`a\/b\/`:                   `a/b/`,
		`\u002B\u002f=`:            `+/=`,
		`\u00e9\ud83d\ude00`:       `é😀`,
		`\ud83d`:                   `\ud83d`,
		`\"\\\n\u0022\u005C\u0000`: `\"\\\n\u0022\u005C\u0000`,
		`\\/\\\/`:                  `\\/\\/`,
		`\\u002B`:                  `\\u002B`,
		`\u00`:                     `\u00`,
		`a\`:                       `a\`,
	} {
		if got := Text(text).Plain(); string(got) != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// Text says what encoding/json reads, and comes back as it was.
func TestTextSaysWhatJSONSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := strings.ToValidUTF8(rapid.String().Draw(t, "s"), "\uFFFD")
		encoded, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		text := Value(encoded).Text()
		if text.String() != s || text.Runes() != utf8.RuneCountInString(s) {
			t.Fatalf("%s says %q in %d runes", encoded, text.String(), text.Runes())
		}
		if plain := string(AppendText(nil, text.Plain())); Value(plain).Text().String() != s || !json.Valid([]byte(plain)) {
			t.Fatalf("%s is plainly %s", encoded, plain)
		}
		for _, again := range []string{string(AppendString(nil, s)), `"` + string(AppendEscaped(nil, []byte(s))) + `"`} {
			var back string
			if err := json.Unmarshal([]byte(again), &back); err != nil || back != s {
				t.Fatalf("%s: %q, %v", again, back, err)
			}
		}
	})
}

// FuzzValue shows that nothing in a text leads out of it.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"\"",{}]}`, `{"a":`, `[`, `"\`, `{"\u12`, `{"a" 1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(_ *testing.T, b []byte) {
		v := Trim(b)
		for m := v.Members(); m.Next(); {
			_, _, _ = string(m.Name()), m.Value().Int(), m.Value().Text().Runes()
		}
		for e := v.Elements(); e.Next(); {
			_ = e.Value().Get("a").String()
		}
		_, _, _ = v.Text().Blank(), v.Text().TrimRight(), AppendCompact(nil, v)
	})
}

func TestIsInteger(t *testing.T) {
	for text, want := range map[string]bool{
		"0": true, "-7": true, "9223372036854775807": true, "1e3": true, "3.0": true, "2.9": false, "25e-1": false, "1e999": false, `"3"`: false, "": false, "null": false,
	} {
		if got := Value(text).IsInteger(); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
