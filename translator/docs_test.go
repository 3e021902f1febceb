package translator

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/translator/chat"
)

// docsHead begins the page on the providers.
const docsHead = `# Providers

What each provider can, what it cannot, and how to configure it. Made from the code and the notes in [providers](providers) by ` + "`go test ./translator -run TestMatrix -update`" + `; every field of a chat, what each model of embeddings takes in one call, and who reranks how, is in [the matrix](../translator/MATRIX.md).

A backend is an LLMBackend, reached by a route or, when it is ` + "`addressable`, as `NAME:model`" + `. Where keys are enough, they may stand in the environment, and no file is needed.

Fields that are not named below are passed, or said in the provider's words. In the tables **P** is passed, **T** said in the provider's words, **W** dropped with a line in ` + "`x-llmroute-warnings`" + `, **W!** the same and the answer may be another one, **R** refused with a 422; ` + "`translation: {unsupportedParameters: reject}` refuses **W!** too, `drop`" + ` drops **R** where it can be. The headers ` + "`openai-organization`, `openai-project` and `openai-beta`" + ` go to backends of schema OpenAI alone.

## Operations

`

// docs returns docs/providers.md.
func docs(t testing.TB) string {
	t.Helper()
	all := probes(t)
	b := &strings.Builder{}
	b.WriteString(docsHead)
	served := slices.DeleteFunc(slices.Clone(Schemas), func(s Schema) bool { return !anything(s) })
	b.WriteString("| POST |")
	for _, s := range served {
		fmt.Fprintf(b, " %s |", s)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(served)) + "\n")
	for op := ChatCompletions; int(op) < len(operations); op++ {
		fmt.Fprintf(b, "| `/v1%s` |", op.Path())
		for _, s := range served {
			fmt.Fprintf(b, " %s |", service(op, s))
		}
		b.WriteByte('\n')
	}
	for _, s := range served {
		note, err := os.ReadFile("../docs/providers/" + string(s) + ".md")
		if err != nil {
			t.Fatalf("a schema without notes: %v", err)
		}
		title, text, _ := strings.Cut(string(note), "\n")
		fmt.Fprintf(b, "\n## %s\n\n`outputSchema: %s`\n%s", title, s, text)
		if slices.Contains(columns(), s) {
			fields(b, column(t, s, all))
		}
	}
	return b.String()
}

// anything reports whether a schema serves any operation.
func anything(s Schema) bool {
	for op := ChatCompletions; int(op) < len(operations); op++ {
		if serves(OpenAI, op, s) {
			return true
		}
	}
	return false
}

// service says how an operation gets to a backend.
func service(op Operation, s Schema) string {
	switch {
	case passes(OpenAI, op, s):
		return "as it is"
	case serves(OpenAI, op, s):
		return "translated"
	}
	return "no"
}

// fields tells in words what the cells of a column say.
func fields(b *strings.Builder, cells []string) {
	for _, g := range []struct{ cell, words string }{
		{"W", "Dropped, with a warning"}, {"W!", "Dropped, with a warning, and the answer may be another one"}, {"R", "Refused"},
	} {
		var rows []string
		for i, f := range chat.Fields() {
			if cells[i] == g.cell {
				rows = append(rows, f.String())
			}
		}
		if len(rows) > 0 {
			fmt.Fprintf(b, "\n%s: %s.\n", g.words, strings.Join(rows, ", "))
		}
	}
	head := "\n| depends | on |\n|---|---|\n"
	for i, f := range chat.Fields() {
		if cells[i] != letters(cells[i]) {
			fmt.Fprintf(b, "%s| %s | %s |\n", head, f, cells[i])
			head = ""
		}
	}
}

// TestMatrixInDocs compares the page on the providers with the code. Its name
// begins as TestMatrix so that one command writes both anew.
func TestMatrixInDocs(t *testing.T) {
	const file = "../docs/providers.md"
	got := docs(t)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, string(want)); diff != "" {
		t.Error(diff)
	}
}
