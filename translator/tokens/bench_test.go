package tokens

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

// prose returns that much of what people write: our own documents.
func prose(t testing.TB, size int) []byte {
	t.Helper()
	var text []byte
	for len(text) < size {
		for _, file := range []string{"../../README.md", "../../RATIONALE.md"} {
			part, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, part...)
		}
	}
	return text[:size]
}

// hostile are texts of that size without a break.
func hostile(size int) map[string][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	letters, han, syllables := make([]byte, size), []byte{}, []byte{}
	for i := range letters {
		letters[i] = 'a' + byte(random.IntN(26))
	}
	for len(han) < size {
		han = append(han, string(rune(0x4E00+random.IntN(0x5000)))...)
	}
	for len(syllables) < size {
		syllables = append(syllables, []string{"the", "ing", "con", "er", "qu", "zz", "a"}[random.IntN(7)]...)
	}
	return map[string][]byte{
		"a": bytes.Repeat([]byte("a"), size), "spaces": bytes.Repeat([]byte(" "), size), "=": bytes.Repeat([]byte("="), size),
		"letters": letters, "han": han, "syllables": syllables,
	}
}

func BenchmarkText(b *testing.B) {
	for _, model := range []string{"gpt-4o", "gpt-4"} {
		c := For("OpenAI", model)
		b.Run(c.Name(), func(b *testing.B) { benchmark(b, c.Text, prose(b, 1<<20)) })
	}
	b.Run("languages", func(b *testing.B) {
		benchmark(b, For("OpenAI", "gpt-4o").Text, bytes.Repeat([]byte(articles), 64))
	})
}

func BenchmarkRequest(b *testing.B) {
	body := fmt.Appendf(nil, `{"model":"m","messages":[{"role":"user","content":%q}]}`, prose(b, 1<<20))
	benchmark(b, For("OpenAI", "gpt-4o").Request, body)
}

func benchmark(b *testing.B, count func([]byte) int, text []byte) {
	b.Helper()
	count(text)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		count(text)
	}
}

func BenchmarkHostile(b *testing.B) {
	for name, text := range hostile(100 << 10) {
		b.Run(name, func(b *testing.B) { benchmark(b, For("OpenAI", "gpt-4o").Text, text) })
	}
}
