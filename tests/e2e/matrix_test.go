package e2e

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3/option"

	"llmroute/internal/envoy/envoytest"
	dialect "llmroute/translator/chat"
)

// dropped returns the rows of the matrix that a schema drops whatever the model,
// and for AzureOpenAI those that its dated version does.
func dropped(t *testing.T, schema, version string) (rows []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(envoytest.Root(t), "translator", "MATRIX.md"))
	if err != nil {
		t.Fatal(err)
	}
	column := -1
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| ") {
			if column >= 0 && line == "\n" {
				break // the tables behind it are about other operations
			}
			continue
		}
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if column < 0 {
			if column = slices.Index(cells, schema); column < 0 && strings.HasSuffix(line, " "+schema+" |\n") {
				column = len(cells) - 1
			}
			continue
		}
		switch at(strings.TrimSuffix(cells[column], " |"), version) {
		case "W", "W!":
			rows = append(rows, strings.TrimPrefix(cells[0], "| "))
		}
	}
	return rows
}

// at returns what a cell says of a dated version, and for other schemas the cell.
func at(cell, version string) string {
	if version == "" {
		return cell
	}
	segments := strings.Split(cell, "; ")
	verdict := segments[0]
	for _, s := range segments[1:] {
		switch words := strings.Fields(s); {
		case words[0] == "dated":
			verdict = words[1]
		case words[0] == "before" && version < words[1]:
			verdict = words[2]
		}
	}
	return verdict
}

// atOnce returns a request that says something with each of these fields, and
// what warnings call them. It is made of the probes that the translator is
// tested with.
func atOnce(t *testing.T, rows []string) (body []byte, names []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(envoytest.Root(t), "translator", "testdata", "probes.json"))
	if err != nil {
		t.Fatal(err)
	}
	var probes []struct {
		Field, When, Warns string
		Body               map[string]any
	}
	if err := json.Unmarshal(text, &probes); err != nil {
		t.Fatal(err)
	}
	all := map[string]any{"model": "fake-small", "messages": []any{map[string]any{"role": "user", "content": "Say hello."}}}
	for _, f := range dialect.Fields() {
		if !slices.Contains(rows, f.String()) {
			continue
		}
		for _, p := range probes {
			if p.Field != f.String() || p.When != "" {
				continue
			}
			names = append(names, cmp.Or(p.Warns, f.Name()))
			for name, value := range p.Body {
				if list, ok := value.([]any); ok && all[name] != nil {
					value = append(all[name].([]any), list...)
				}
				all[name] = value
			}
		}
	}
	if body, err = json.Marshal(all); err != nil {
		t.Fatal(err)
	}
	return body, names
}

// TestDroppedAtOnce sends every schema all that it drops, in one request: the
// client reads of each field in a header.
func TestDroppedAtOnce(t *testing.T) {
	t.Parallel()
	p := openParlour(t)
	for _, h := range homes {
		schema, version := strings.TrimPrefix(h.spec[0], "outputSchema: "), ""
		if rest, ok := strings.CutPrefix(schema, `{schema: AzureOpenAI, version: "`); ok {
			schema, version = "AzureOpenAI", strings.TrimSuffix(rest, `"}`)
		} else if h.only {
			continue // another home of its schema has what there is to see
		}
		schema, _, _ = strings.Cut(strings.TrimPrefix(schema, "{schema: "), ",")
		rows := dropped(t, schema, version)
		if len(rows) == 0 {
			if h.foreign || version != "" {
				t.Errorf("%s drops nothing", h.name)
			}
			continue
		}
		t.Run(h.name, func(t *testing.T) {
			body, names := atOnce(t, rows)
			var head *http.Response
			var answer []byte // whole or a stream: to drop stream_options one must ask for that
			err := p.client.Post(t.Context(), "chat/completions", nil, &answer,
				option.WithHeader("x-home", h.name), option.WithRequestBody("application/json", body), option.WithResponseInto(&head))
			if err != nil {
				t.Fatalf("%v for %s", err, body)
			}
			warned := make(map[string]bool)
			for line := range strings.SplitSeq(head.Header.Get("x-llmroute-warnings"), ", ") {
				name, _, _ := strings.Cut(line, ";")
				warned[name] = true
			}
			slices.Sort(names)
			if d := diff.Diff(slices.Sorted(maps.Keys(warned)), slices.Compact(names)); d != "" {
				t.Error(d)
			}
		})
	}
}
