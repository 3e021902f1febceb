package translator

import (
	"os"
	"slices"
	"strings"
	"testing"

	"llmroute/translator/chat"
)

// table returns the rows of the Markdown table in a file whose head begins with
// the given words: their cells, the head's first.
func table(t testing.TB, file, head string) [][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n| "+head)
	if !ok {
		t.Fatalf("%s has no table that begins with %q", file, head)
	}
	var rows [][]string
	for line := range strings.Lines("| " + head + rest) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return slices.Delete(rows, 1, 2) // the line under the head
}

// letters returns the verdicts that a cell of the matrix names, in the order of
// their weight.
func letters(cell string) string {
	var found []string
	words := strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(" ;,", r) })
	for _, v := range []chat.Verdict{chat.Pass, chat.Translate, chat.Warn, chat.Shift, chat.Refuse} {
		if slices.Contains(words, v.String()) {
			found = append(found, v.String())
		}
	}
	return strings.Join(found, " ")
}

// TestMatrixIsAsDecided compares what is with what was decided. RATIONALE.md
// has the reason of each difference, and no other.
func TestMatrixIsAsDecided(t *testing.T) {
	type place struct{ field, schema string }
	type difference struct{ decided, is string }
	decided := table(t, "testdata/decided.md", "field |")
	found := make(map[place]difference)
	all := probes(t)
	fields := chat.Fields()
	for _, s := range columns() {
		at := slices.Index(decided[0], string(s))
		if at < 0 {
			t.Fatalf("nothing was decided for %s", s)
		}
		for i, cell := range column(t, s, all) {
			row := decided[slices.IndexFunc(decided, func(r []string) bool { return r[0] == fields[i].String() })]
			if row[at] != letters(cell) {
				found[place{fields[i].String(), string(s)}] = difference{row[at], letters(cell)}
			}
		}
	}
	for _, row := range table(t, "../RATIONALE.md", "field | schemas | decided | is |")[1:] {
		for s := range strings.SplitSeq(row[1], ", ") {
			at := place{row[0], s}
			if got, want := found[at], (difference{row[2], row[3]}); got != want {
				t.Errorf("RATIONALE.md explains why %s at %s is %q and not %q, which it is not: it is %q, decided was %q", at.field, at.schema, want.is, want.decided, got.is, got.decided)
			}
			if len(row[4]) < 20 {
				t.Errorf("RATIONALE.md: %s at %s differs without a reason", at.field, at.schema)
			}
			delete(found, at)
		}
	}
	for at, d := range found {
		t.Errorf("%s at %s is %q, decided was %q: change the code, or say why in RATIONALE.md", at.field, at.schema, d.is, d.decided)
	}
}
