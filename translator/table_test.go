package translator

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/translator/chat"
)

// column returns the cells of a schema, in the order of the fields.
func column(t testing.TB, s Schema, all []probe) []string {
	t.Helper()
	cells := make([]string, 0, len(chat.Fields()))
	for _, f := range chat.Fields() {
		if home, ok := backends[s]; ok {
			cells = append(cells, home.Rules().Cell(f))
			continue
		}
		cells = append(cells, passedCell(t, s, slices.DeleteFunc(slices.Clone(all), func(p probe) bool { return p.field != f })))
	}
	return cells
}

// columns are the schemas that chat completions are sent to.
func columns() []Schema {
	return append([]Schema{OpenAI, AzureOpenAI}, slices.Sorted(maps.Keys(backends))...)
}

// matrix returns MATRIX.md as the code has it.
func matrix(t testing.TB) string {
	t.Helper()
	all := probes(t)
	lines := []string{"| field |", "|---|"}
	for _, f := range chat.Fields() {
		lines = append(lines, "| "+f.String()+" |")
	}
	for _, s := range columns() {
		lines[0] += " " + string(s) + " |"
		lines[1] += "---|"
		for i, cell := range column(t, s, all) {
			lines[i+2] += " " + cell + " |"
		}
	}
	return matrixHead + strings.Join(lines, "\n") + "\n"
}

const matrixHead = `# What becomes of each field

A chat completions request and where it goes. Made from the rules that decide at run time, and for the two that speak OpenAI's dialect by sending them each field: ` + "`go test ./translator -run TestMatrix -update`" + `.

**P** passed, **T** said in the provider's words, **W** dropped with a line in ` + "`x-llmroute-warnings`" + `, **W!** the same, and the answer may be another one, **R** refused with 422. ` + "`unsupportedParameters: reject` makes **W!** an **R**, `drop` makes **R** a **W!**. Values that say nothing (`n: 1`, `null`, `[]`)" + ` go without a word. Of AzureOpenAI's the first letter is for the v1 API, what follows for models there that are not OpenAI's, and for the dated versions.

`

func TestMatrix(t *testing.T) {
	const file = "MATRIX.md"
	got := matrix(t) + tasksMatrix()
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
	for s, b := range backends {
		for _, f := range chat.Fields() {
			cases := b.Rules()[f]
			if len(cases) == 0 || cases[len(cases)-1].If != nil {
				t.Errorf("%s has no verdict on %s for all requests", s, f)
			}
		}
	}
}
