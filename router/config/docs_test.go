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
