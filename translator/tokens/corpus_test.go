package tokens

import (
	"bufio"
	"bytes"
	_ "embed"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var (
	dump   = flag.String("tokens.dump", "", "write the corpus as files to this `folder`, for testdata/oracle.py, and do nothing else")
	folder = flag.String("tokens.corpus", "", "count the files of this `folder` instead, and hold them to what oracle.py wrote to folder.golden")
)

//go:embed testdata/articles.txt
var articles string

// document is a text of the corpus.
type document struct{ name, text string }

// corpus is the same on every machine: 1,600 documents made of a sentence in 45
// languages and of everything that texts for models are full of. tiktoken's
// counts of them are in testdata/counts.golden.
func corpus() []document {
	var docs []document
	var words []string
	for line := range strings.Lines(articles) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), "\t")
		docs = append(docs, document{"article-" + name, text})
		words = append(words, strings.Fields(text)...)
	}
	for i := len(docs); i < 1600; i++ {
		g := generator{rand.New(rand.NewPCG(7, uint64(i))), words}
		kind := kinds[i%len(kinds)]
		var b strings.Builder
		for n := 1 + g.IntN(400); b.Len() < n*4; {
			kind.write(&b, g)
		}
		docs = append(docs, document{fmt.Sprintf("%s-%04d", kind.name, i), b.String()})
	}
	return docs
}

// generator makes text at random.
type generator struct {
	*rand.Rand
	words []string
}

func (g generator) pick(from ...string) string { return from[g.IntN(len(from))] }
func (g generator) word() string               { return g.words[g.IntN(len(g.words))] }

// char returns any character of Unicode, those of the basic plane more often.
func (g generator) char() string {
	for {
		limit := 0x10000
		if g.IntN(4) == 0 {
			limit = 0x32000
		}
		if r := rune(g.IntN(limit)); utf8.ValidRune(r) {
			return string(r)
		}
	}
}

var blanks = []string{" ", "  ", "\n", "\r\n", "\n\n", "\t", "    ", "\n    ", " \n ", "\u00a0", "\u3000", "\u2028", "\v", "\f", "\u0085", "\r"}

// kinds are what documents consist of.
var kinds = []struct {
	name  string
	write func(*strings.Builder, generator)
}{
	{"mixture", func(b *strings.Builder, g generator) { // sentences of all languages at once
		b.WriteString(g.word() + g.pick(" ", " ", " ", ", ", ". ", "\n", " - ", "; "))
	}},
	{"chopped", func(b *strings.Builder, g generator) { // words without ends
		w := []rune(g.word())
		at := g.IntN(len(w))
		b.WriteString(string(w[at:]) + g.pick("", "", " ", g.pick(blanks...), string(w[:at])))
	}},
	{"cases", func(b *strings.Builder, g generator) {
		w := g.word()
		b.WriteString(g.pick(strings.ToUpper(w), strings.ToTitle(string([]rune(w)[:1]))+w, w+"HTTPServer", "ＡＢｃ", "ǅungla", "İI", "camelCase", "中ABCдеF"))
		b.WriteString(g.pick("", " ", "\u0301", "'s", "'S ", "’s"))
	}},
	{"contractions", func(b *strings.Builder, g generator) {
		b.WriteString(g.pick("don", "I", "WE", "они", "你", "\u0301", "x", "", "'", " ", "3"))
		b.WriteString(g.pick("'s", "'S", "'t", "'re", "'RE", "'rE", "'ve", "'Ve", "'m", "'ll", "'lL", "'d", "'ſ", "'l", "'r", "'", "'x", "''s", "'sa", "'veto"))
	}},
	{"numbers", func(b *strings.Builder, g generator) {
		b.WriteString(g.pick("", "-", "$", " ", "€", "0x", "²", "Ⅷ", "१२३", "٣٤", "½", "千"))
		fmt.Fprintf(b, g.pick("%d", "%.3d", "%x", "%o ", "%d,", "%d.5e7 ", "%d%%"), g.IntN(1<<30))
	}},
	{"signs", func(b *strings.Builder, g generator) {
		b.WriteString(g.pick("!!!", "...", "://", "//\n", "/*\n\n*/\r\n", "{}", "[];", "====", "----", "→", "“", "”", "…", "«»", "؟", "。", "\u0301", "\u200d", "\ufeff", "_", "`", "~", "\\", "\x00", "\x7f", "#", "<|endoftext|>"))
		b.WriteString(g.pick("", "", " ", g.pick(blanks...), "a", "\n", "/"))
	}},
	{"blanks", func(b *strings.Builder, g generator) {
		for range g.IntN(9) {
			b.WriteString(g.pick(blanks...))
		}
		b.WriteString(g.pick("", "x", "Y", "7", ".", g.word(), "\u0301", " "))
	}},
	{"emoji", func(b *strings.Builder, g generator) {
		b.WriteString(g.pick("😀", "👩‍💻", "🇩🇪", "👍🏽", "❤️", "🏴‍☠️", "𝒜𝓫", "🀄", "𓀀", "𒀀", " ok", "!"))
	}},
	{"marks", func(b *strings.Builder, g generator) {
		b.WriteString(g.pick("a", "E", "ك", "क", "中", "ㅎ", "", "1", " "))
		for range g.IntN(4) {
			b.WriteString(g.pick("\u0301", "\u0308", "\u064b", "\u093f", "\u20dd", "\ufe0f", "\u0897"))
		}
		b.WriteString(g.pick("", "b", "B", "ABC", "'s", " "))
	}},
	{"unicode", func(b *strings.Builder, g generator) { b.WriteString(g.char()) }},
	{"sprinkled", func(b *strings.Builder, g generator) {
		b.WriteString(g.pick(g.char(), g.word(), " ", g.pick(blanks...)))
	}},
	{"long", func(b *strings.Builder, g generator) { // beyond what is scanned
		b.WriteString(strings.Repeat(g.pick("a", "A", "ab", "the", " ", "=", "中", "й", "xyz", "\n", "é", "-_", "aAbB"), 1+g.IntN(300)))
	}},
	{"noise", func(b *strings.Builder, g generator) { // one piece of random letters
		for range 1 + g.IntN(300) {
			b.WriteByte('a' + byte(g.IntN(26)))
		}
		b.WriteString(g.pick("", "", " "))
	}},
	{"base64", func(b *strings.Builder, g generator) {
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
		for range 76 {
			b.WriteByte(alphabet[g.IntN(64)])
		}
		b.WriteString(g.pick("\n", ""))
	}},
	{"json", func(b *strings.Builder, g generator) {
		fmt.Fprintf(b, "{\n  %q: [%d, %v, null],\n\t\"text\": %q }\n", g.word(), g.IntN(1e6), g.IntN(2) == 0, g.word()+" "+g.word())
	}},
	{"code", func(b *strings.Builder, g generator) {
		fmt.Fprintf(b, g.pick("func (%s *T) %s() error {\n\tif err != nil {\n\t\treturn fmt.Errorf(\"%%w\", err)\n\t}\n}\n\n",
			"    def __%s__(self, %s=None):\n        return self._x  # noqa\n\n\n", "<div class=\"%s\">%s</div>\r\n", "SELECT %s FROM \"%s\" WHERE id=$1;\n"),
			g.pick("x", "getURL", "snake_case", "HTTPServer2"), g.pick("String", "run", "__init__", "toJSON"))
	}},
	{"markdown", func(b *strings.Builder, g generator) {
		b.WriteString(g.pick("# ", "## ", "- ", "1. ", "> ", "", "| a | b |\n|---|---|\n", "```go\n", "\n\n", "**") + g.word() + " " + g.word() + g.pick("\n", "\n\n", "**", "`", " [x](https://example.com/a?b=c&d=%20)\n"))
	}},
}

// expected reads counts as oracle.py writes them.
func expected(t *testing.T, file string) map[string][3]int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[string][3]int)
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var name string
		var n [3]int
		if _, err := fmt.Sscan(lines.Text(), &name, &n[0], &n[1], &n[2]); err != nil {
			t.Fatalf("%s: %q: %v", file, lines.Text(), err)
		}
		counts[name] = n
	}
	return counts
}

func counted(text string) [3]int {
	return [3]int{len(text), o200k.count([]byte(text)), cl100k.count([]byte(text))}
}

// TestCountsAsTiktokenDoes holds the corpus to OpenAI's own code.
func TestCountsAsTiktokenDoes(t *testing.T) {
	docs, golden := corpus(), "testdata/counts.golden"
	switch {
	case *dump != "":
		for _, d := range docs {
			if err := os.WriteFile(filepath.Join(*dump, d.name), []byte(d.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return
	case *folder != "":
		docs, golden = files(t, *folder), *folder+".golden"
	}
	got := make(map[string][3]int, len(docs))
	for _, d := range docs {
		got[d.name] = counted(d.text)
	}
	if diff := cmp.Diff(got, expected(t, golden)); diff != "" {
		t.Errorf("name: [bytes, o200k_base, cl100k_base] (-got +tiktoken)\n%s", diff)
	}
}

func files(t *testing.T, folder string) (docs []document) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, document{e.Name(), string(text)})
	}
	return docs
}
