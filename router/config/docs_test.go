package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocs loads what the page on custom backends shows.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/custom-backends.md")
	if err != nil {
		t.Fatal(err)
	}
	loaded := 0
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		o := Options{LookupEnv: func(string) (string, bool) { return "k", true }}
		if strings.Contains(block[1], "apiVersion:") {
			o.Sources = []Source{{Name: "page", Data: []byte(block[1])}}
		} else {
			o.BackendsDir, o.DefaultBackend = t.TempDir(), "a"
			if err := os.Mkdir(filepath.Join(o.BackendsDir, "a"), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(o.BackendsDir, "a", "backend.yaml"), block[1])
		}
		c, err := Load(o)
		if err != nil {
			t.Errorf("%v\n%s", err, block[1])
			continue
		}
		if b := c.Backends[0]; b.Model("company-gpt-large") == nil || b.Model("company-gpt-large").Limits.RequestsPerMinute != 100 {
			t.Errorf("no limits in\n%s", block[1])
		}
		loaded++
	}
	if loaded != 2 {
		t.Errorf("%d snippets are loaded", loaded)
	}
}

// TestProviderDocs loads the backends that the page on the providers shows, and
// configures those that it says need no file by the variables it names.
func TestProviderDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	variables := regexp.MustCompile("`([A-Z][A-Z0-9_]+)`")
	chapters := strings.Split(string(text), "\n## ")[2:] // behind the operations
	for _, chapter := range chapters {
		title, _, _ := strings.Cut(chapter, "\n")
		t.Run(title, func(t *testing.T) {
			schema := regexp.MustCompile("`outputSchema: ([A-Za-z]+)`").FindStringSubmatch(chapter)[1]
			block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(chapter)[1]
			keys := func(name string) (string, bool) {
				if !strings.HasSuffix(name, "_KEY") {
					return "", false
				}
				return "k", true
			}
			c, err := Load(Options{Sources: []Source{{Name: "page", Data: []byte(block)}}, LookupEnv: keys})
			if err != nil {
				t.Fatalf("%v\n%s", err, block)
			}
			if got := string(c.Backends[0].Schema.Schema); got != schema {
				t.Errorf("the backend speaks %s, the chapter is about %s", got, schema)
			}
			for line := range strings.Lines(chapter) {
				if !strings.HasPrefix(line, "Without a file: ") {
					continue
				}
				named := make(map[string]bool)
				for _, m := range variables.FindAllStringSubmatch(line, -1) {
					named[m[1]] = true
				}
				c, err := FromEnvironment(Options{LookupEnv: func(name string) (string, bool) {
					value := "k"
					switch {
					case !named[name]:
						return "", false
					case strings.HasSuffix(name, "_URL"), strings.HasSuffix(name, "_ENDPOINT"):
						value = "https://host.example"
					case strings.HasSuffix(name, "_REGION"):
						value = "us-east-1"
					case strings.Contains(name, "_USE_"):
						value = "true"
					case strings.HasSuffix(name, "_LOCATION"):
						value = "global"
					case strings.HasSuffix(name, "_VERSION"):
						value = "2024-10-21"
					}
					return value, true
				}})
				if err != nil || c == nil || len(c.Backends) != 1 || string(c.Backends[0].Schema.Schema) != schema {
					t.Errorf("%s: %v configures no %s: %+v", strings.TrimSpace(line), err, schema, c)
				}
			}
		})
	}
	if len(chapters) < 8 {
		t.Errorf("found %d chapters", len(chapters))
	}
}
