package config

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzLoad holds Load to two promises on any bytes, as a manifest and as a
// backend.yaml: it does not panic, and it returns either a Config or problems
// that say something and stand within the file.
func FuzzLoad(f *testing.F) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		f.Fatalf("cases: %d, %v", len(cases), err)
	}
	for _, name := range cases {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range ar.Files {
			if isManifest(file.Name) {
				f.Add(file.Data)
			}
		}
	}
	f.Add([]byte("&a {\"\": *a}"))
	f.Add([]byte("a: &a [*a]\n--- !!binary x\n---\n? {a: b}\n: c\n"))
	f.Add([]byte("a:\r  b:\r c: d\u0085\r\r: :\n"))
	f.Add([]byte("timeout: .inf\nmodels: {? : }\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, custom := range []string{"", "x"} {
			a := assemble(Options{}, &inputs{files: []input{{name: "f", data: data, custom: custom}}})
			if (a.config == nil) == (len(a.problems) == 0) {
				t.Fatalf("config %v with %d problems", a.config != nil, len(a.problems))
			}
			lines := strings.Count(string(data), "\n") + 1
			for _, p := range append(a.problems, a.warnings...) {
				if p.Message == "" || p.Line < 0 || p.Line > lines+1 {
					t.Errorf("problem %+v in %d lines", p, lines)
				}
			}
		}
	})
}
