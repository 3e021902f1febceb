package tokens

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"llmroute/internal/cputest"
)

// TestVocabulariesAreOpenAIs writes each as OpenAI's file, and holds it to the
// hash that tiktoken has of that.
func TestVocabulariesAreOpenAIs(t *testing.T) {
	for name, tt := range map[string]struct {
		packed []byte
		sum    string
	}{
		"o200k_base":  {o200kPacked, "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"},
		"cl100k_base": {cl100kPacked, "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"},
	} {
		sum := sha256.New()
		rank := 0
		for list := inflate(tt.packed); len(list) > 0; rank++ {
			n := int(list[0])
			fmt.Fprintf(sum, "%s %d\n", base64.StdEncoding.EncodeToString(list[1:1+n]), rank)
			list = list[1+n:]
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != tt.sum {
			t.Errorf("%s: %d tokens with the hash %s, OpenAI's is %s", name, rank, got, tt.sum)
		}
	}
}

func TestVocabularyFindsItsTokens(t *testing.T) {
	for e, packed := range map[*encoding][]byte{o200k: o200kPacked, cl100k: cl100kPacked} {
		v := e.vocabulary()
		rank := uint32(0)
		for list := inflate(packed); len(list) > 0; rank++ {
			n := int(list[0])
			token := list[1 : 1+n : 1+n]
			if got := v.rank(token); got != rank {
				t.Fatalf("%s: %q has rank %d, want %d", e.name, token, got, rank)
			}
			if got := v.rank(list[1 : 1+n]); got != rank { // with room behind it
				t.Fatalf("%s: %q in a text has rank %d, want %d", e.name, token, got, rank)
			}
			list = list[1+n:]
		}
		if v.size != int(rank) {
			t.Errorf("%s has %d tokens, want %d", e.name, v.size, rank)
		}
		for _, text := range []string{"\x00\x00\x00", "qqqqqqq", strings.Repeat("q", 9), strings.Repeat("q", 500)} {
			if got := v.rank([]byte(text)); got != none {
				t.Errorf("%s: %q is no token and has rank %d", e.name, text, got)
			}
		}
	}
}

func TestFor(t *testing.T) {
	tests := []struct {
		schema, model string
		name          string
		exact         bool
		hundred       int // what a hundred tokens of it count
	}{
		{"OpenAI", "gpt-4o-mini", "o200k_base", true, 100},
		{"OpenAI", "openai/gpt-4.1", "o200k_base", true, 100},
		{"OpenAI", "gpt-5.2-codex", "o200k_base", true, 100},
		{"OpenAI", "openai/gpt-oss-120b", "o200k_base", true, 100},
		{"OpenAI", "o3-mini", "o200k_base", true, 100},
		{"OpenAI", "gpt-4", "cl100k_base", true, 100},
		{"OpenAI", "gpt-4-turbo-2024-04-09", "cl100k_base", true, 100},
		{"AzureOpenAI", "gpt-35-turbo", "cl100k_base", true, 100},
		{"OpenAI", "ft:gpt-3.5-turbo:acme::8x", "cl100k_base", true, 100},
		{"OpenAI", "ft:gpt-4o:acme::8x", "o200k_base", true, 100},
		{"OpenAI", "text-embedding-3-small", "cl100k_base", true, 100},
		{"GoogleAIStudio", "text-embedding-004", "o200k_base", false, 120},
		{"OpenAI", "anthropic/claude-sonnet-4", "o200k_base", false, 125},
		{"AWSBedrock", "us.anthropic.claude-opus-4-v1:0", "o200k_base", false, 125},
		{"AWSBedrock", "meta.llama3-70b-instruct-v1:0", "o200k_base", false, 100},
		{"AWSBedrock", "amazon.nova-pro-v1:0", "o200k_base", false, 100},
		{"Anthropic", "a-name-of-ours", "o200k_base", false, 125},
		{"GCPVertexAI", "gemini-2.5-pro", "o200k_base", false, 120},
		{"Mistral", "", "o200k_base", false, 110},
		{"OpenAI", "Qwen/Qwen3-32B", "o200k_base", false, 105},
		{"", "fast-model", "o200k_base", false, 100},
	}
	for _, tt := range tests {
		c := For(tt.schema, tt.model)
		if c.Name() != tt.name || c.Exact() != tt.exact || c.scaled(100) != tt.hundred {
			t.Errorf("%s at %s: %s, exact %v, %d%%; want %s, %v, %d%%",
				tt.model, tt.schema, c.Name(), c.Exact(), c.scaled(100), tt.name, tt.exact, tt.hundred)
		}
	}
}

func TestText(t *testing.T) {
	tests := []struct {
		name string
		c    Counter
		text string
		want int
	}{
		{"nothing", For("OpenAI", "gpt-4o"), "", 0},
		{"a word", For("OpenAI", "gpt-4o"), "tokens", 1},
		{"two", For("OpenAI", "gpt-4o"), "hello world", 2},
		{"an estimate rounds up", For("Anthropic", "claude"), "hello world", 3},
		{"not UTF-8", For("OpenAI", "gpt-4o"), "a\xff\xfe", 3},
		{"a cut character", For("OpenAI", "gpt-4o"), "日"[:2], 1},
		{"no vocabulary, nothing", Counter{}, "", 0},
		{"no vocabulary, little", Counter{}, "a", 1},
		{"no vocabulary", Counter{}, "user: hello", 2},
		{"no vocabulary, more", Counter{}, "user: This should exceed one token.", 8},
		{"no vocabulary, characters", Counter{}, "ありがとうございます", 2},
	}
	for _, tt := range tests {
		if got := tt.c.Text([]byte(tt.text)); got != tt.want {
			t.Errorf("%s: %d tokens, want %d", tt.name, got, tt.want)
		}
	}
}

// A vocabulary that does not load, or code that is wrong, costs the exactness.
func TestAFailureIsAGuess(t *testing.T) {
	broken := &encoding{
		name:       "broken",
		vocabulary: sync.OnceValue(func() *vocabulary { return unpack([]byte("no flate")) }),
		next:       nextO200k,
	}
	c := Counter{encoding: broken, percent: exactly, exact: true}
	for range 2 {
		if got := c.Text([]byte("user: hello")); got != 2 {
			t.Errorf("%d tokens, want the guess of 2", got)
		}
		if got := c.Request([]byte(`{"messages":[{"role":"user","content":"user: hello"}]}`)); got != perMessage+1+2+perReply {
			t.Errorf("%d tokens in the request", got)
		}
	}
}

func TestAnUnbrokenPieceIsCountedInParts(t *testing.T) {
	text := bytes.Repeat([]byte("a"), 3*unbroken/2)
	got, want := o200k.count(text), len(text)/8 // o200k_base has a token of eight
	if got < want || got > want+2 {
		t.Errorf("%d tokens, want about %d", got, want)
	}
	if parts := cap(o200k.vocabulary().joiners.Get().(*joiner).starts); parts > unbroken+1 {
		t.Errorf("room for %d parts", parts)
	}
}

func TestCountingDoesNotAllocate(t *testing.T) {
	prose := prose(t, 100<<10)
	body := fmt.Appendf(nil, `{"model":"m","messages":[{"role":"user","content":%q}]}`, prose)
	c := For("OpenAI", "gpt-4o")
	for name, count := range map[string]func(){
		"Text":    func() { c.Text(prose) },
		"Request": func() { c.Request(body) },
		"Bound":   func() { c.Bound(len(body)) },
		"For":     func() { For("OpenAI", "gpt-4o") },
	} {
		count()
		if n := testing.AllocsPerRun(20, count); n >= allocations {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// took returns the time that f needs of a processor, the least of some runs:
// other programs may be busy, this one may not.
func took(t *testing.T, f func()) time.Duration {
	t.Helper()
	least := time.Hour
	for range 7 {
		least = min(least, cputest.Time(t, f))
	}
	return least
}

// TestNoTextStalls compares texts without a break with prose of the same size.
func TestNoTextStalls(t *testing.T) {
	const size = 100 << 10 / slowdown
	c := For("OpenAI", "gpt-4o")
	text := prose(t, size)
	ordinary := took(t, func() { c.Text(text) })
	for name, text := range hostile(size) {
		most := 3 * ordinary
		switch {
		case name == "letters" || name == "han" || name == "syllables": // noise, which no cache helps with
			most = 30 * ordinary
		case slowdown > 1: // the race detector slows loops over memory most
			most = 12 * ordinary
		}
		if took := took(t, func() { c.Text(text) }); took > most {
			t.Errorf("%s: %v, and %v for prose", name, took, ordinary)
		}
	}
}
