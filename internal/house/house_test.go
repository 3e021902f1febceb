// Package house holds the rules that the whole repository keeps, as tests: who
// may import whom and why, what a package must say of itself, what it may be
// called, and what lies at the root.
package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "llmroute"

const root = "../.."

// source is one package as its files say.
type source struct {
	path     string // from the root: "router/config"
	name     string
	doc      string
	imports  []string // of files that are not tests
	testOnly bool     // it has test files only
}

// sources reads every package of the module, imports and comments only.
func sources(t *testing.T) []source {
	t.Helper()
	found := make(map[string]*source)
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if file != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin" || name == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		dir = filepath.ToSlash(dir)
		if found[dir] == nil {
			found[dir] = &source{path: dir, testOnly: true}
		}
		found[dir].add(f, strings.HasSuffix(name, "_test.go"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all := make([]source, 0, len(found))
	for _, s := range found {
		slices.Sort(s.imports)
		s.imports = slices.Compact(s.imports)
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b source) int { return strings.Compare(a.path, b.path) })
	return all
}

func (s *source) add(f *ast.File, test bool) {
	if s.doc == "" && f.Doc != nil {
		s.doc = f.Doc.Text()
	}
	if !test {
		s.testOnly = false
		s.name = f.Name.Name
		for _, i := range f.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				panic("internal error: an import that parsed is not quoted: " + i.Path.Value)
			}
			s.imports = append(s.imports, path)
		}
	}
	if s.name == "" {
		s.name = strings.TrimSuffix(f.Name.Name, "_test")
	}
}

// isTestRoom reports whether the package exists for other packages' tests.
func (s source) isTestRoom() bool {
	return s.testOnly || strings.HasSuffix(s.path, "test") || within(s.path, "tests") || within(s.path, "bench")
}

// within reports whether path is one of the trees or inside one.
func within(path string, trees ...string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool {
		return path == tree || strings.HasPrefix(path, tree+"/")
	})
}

func TestPackagesSayWhatTheyAreFor(t *testing.T) {
	for _, s := range sources(t) {
		start := "Package " + s.name + " "
		if s.name == "main" {
			start = "Command " + filepath.Base(s.path) + " "
		}
		if !strings.HasPrefix(s.doc, start) {
			t.Errorf("%s: its comment begins %q, want %q and what it is for", s.path, firstWords(s.doc), start)
		}
	}
}

func firstWords(s string) string {
	words := strings.Fields(s)
	return strings.Join(words[:min(4, len(words))], " ")
}

// A name that fits everything gathers everything.
func TestPackagesAreNamedAfterOneThing(t *testing.T) {
	shapeless := []string{"util", "utils", "common", "helper", "helpers", "types", "pkg", "misc", "lib", "shared", "base", "internalapi"}
	for _, s := range sources(t) {
		for part := range strings.SplitSeq(s.path, "/") {
			if slices.Contains(shapeless, part) {
				t.Errorf("%s: %q says nothing of what is inside", s.path, part)
			}
		}
	}
}

func TestRootHoldsWhatItShould(t *testing.T) {
	known := []string{
		"api", "cmd", "extproc", "router", "translator", "telemetry", "admin", "internal", "tests", "bench", "manifests", "docs",
		"envoy.yaml", "README.md", "RATIONALE.md", "LICENSE", "Makefile", "go.mod", "go.sum",
		".ci", ".git", ".gitignore", ".golangci.yml",
		".envoy", "bin", "config", // not kept: fetched, built, a person's own backends
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if !slices.Contains(known, name) && !strings.HasSuffix(name, ".test") && !strings.HasSuffix(name, ".prof") {
			t.Errorf("%s does not belong at the root", name)
		}
	}
	for _, name := range []string{"envoy.yaml", "Makefile", ".ci/run", ".golangci.yml"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Errorf("the root lacks %s: %v", name, err)
		}
	}
}
