package raw

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWriter(t *testing.T) {
	tests := []struct {
		name  string
		write func(*Writer)
		want  string
	}{
		{"nothing", func(w *Writer) { w.Put("{}") }, `{}`},
		{"members", func(w *Writer) {
			w.Put("{")
			w.Bool("stream", true)
			w.Int("n", -3)
			w.String("name", "a \"b\"\n")
			w.Text("text", Text(`\u00e9 \"c\"`))
			w.Member("none", nil)
			w.Texts("none", nil)
			w.Texts("list", []Text{Text("a"), Text(`\"`), nil})
			w.Member("null", Value("null"))
			w.Bool("last", false)
			w.Put("}")
		}, `{"stream":true,"n":-3,"name":"a \"b\"\n","text":"\u00e9 \"c\"","list":["a","\"",""],"null":null,"last":false}`},
		{"no value comes first", func(w *Writer) {
			w.Put("{")
			w.Member("none", nil)
			w.Int("n", 1)
			w.Put("}")
		}, `{"n":1}`},
		{"a string that ends in an open bracket", func(w *Writer) {
			w.Put("{")
			w.String("a", "[")
			w.Text("b", Text("{"))
			w.Int("n", 1)
			w.Put("}")
		}, `{"a":"[","b":"{","n":1}`},
		{"arrays within objects within arrays", func(w *Writer) {
			w.Put("[")
			for range 2 {
				w.Next()
				w.Put("{")
				w.Open("list", "[")
				for _, v := range []string{"1", "[]", `"x"`} {
					w.Next()
					w.Put(v)
				}
				w.Put("]")
				w.Open("open", `{"type":"object"`)
				w.Open("empty", "{")
				w.Put("}}}")
			}
			w.Put("]")
		}, `[{"list":[1,[],"x"],"open":{"type":"object","empty":{}}},{"list":[1,[],"x"],"open":{"type":"object","empty":{}}}]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var w Writer
			tt.write(&w)
			if diff := cmp.Diff(string(w.Dst), tt.want); diff != "" {
				t.Error(diff)
			}
			if !json.Valid(w.Dst) {
				t.Errorf("%s is no JSON", w.Dst)
			}
		})
	}
}

// What is written goes into the memory that is there.
func TestWriterAllocates(t *testing.T) {
	w := Writer{Dst: make([]byte, 0, 256)}
	n := testing.AllocsPerRun(10, func() {
		w.Dst = w.Dst[:0]
		w.Put("{")
		w.Open("list", "[")
		w.Next()
		w.Put("]")
		w.String("name", "plain")
		w.Text("text", Text(`\n`))
		w.Member("value", Value("{}"))
		w.Int("n", 1)
		w.Bool("b", true)
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}
