package translator

import (
	"bytes"
	"compress/gzip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// gzipOf packs a body, flushing after each line as a server does that streams.
func gzipOf(t testing.TB, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	for line := range bytes.Lines(body) {
		if _, err := z.Write(line); err != nil {
			t.Fatal(err)
		}
		if err := z.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What comes packed although nobody asked for that is told, and counted, as if it
// had not, wherever it is cut. A whole answer that need not be changed stays packed.
func TestPackedReply(t *testing.T) {
	for _, c := range goldenCases(t) {
		if c.status == 0 || c.reply["content-encoding"] != "" {
			continue
		}
		t.Run(c.file, func(t *testing.T) {
			bare, _, head := c.exchange(t)
			if head.Mode == Keep {
				return
			}
			want := play(t, bare, c.body)
			tally := bare.Tally()
			packed := gzipOf(t, c.body)
			c.reply["content-encoding"] = "gzip"
			_, _, head = c.exchange(t)
			unpacks := slices.Contains(head.Remove, "content-encoding")
			if !unpacks {
				// That an answer is an error instead shows when its head has been seen.
				if want != string(c.body) && tally.Status == 0 {
					t.Fatalf("what should have been %s stays packed", want)
				}
				want = string(packed)
			}
			check := func(t rapid.TB, pieces ...[]byte) {
				t.Helper()
				x, _, _ := c.exchange(t)
				defer Release(x)
				if diff := cmp.Diff(play(t, x, pieces...), want); diff != "" {
					t.Fatalf("in %d pieces of which the first is %d long:\n%s", len(pieces), len(pieces[0]), diff)
				}
				if diff := cmp.Diff(x.Tally(), tally); diff != "" {
					t.Fatalf("in %d pieces, tally:\n%s", len(pieces), diff)
				}
			}
			check(t, packed)
			if head.Mode != Stream {
				return
			}
			for i := 0; i < len(packed); i += step {
				check(t, packed[:i], packed[i:])
			}
			check(t, append(bytes.SplitAfter(packed, nil), nil)...)
		})
	}
}

// A packed reply that cannot be read to its end, or not at all, is an error.
func TestPackedReplyFails(t *testing.T) {
	for _, c := range goldenCases(t) {
		if c.status == 0 || c.backend.Schema == OpenAI || c.backend.Schema == AzureOpenAI {
			continue
		}
		packed := gzipOf(t, c.body)
		damaged := bytes.Clone(packed)
		damaged[len(damaged)/2] ^= 0x55
		for name, body := range map[string][]byte{"cut": packed[:len(packed)/2], "damaged": damaged} {
			if name == "damaged" && strings.Contains(c.reply["content-type"], "stream") {
				continue // of a stream only its end tells, and then it has been told
			}
			c.reply["content-encoding"] = "gzip"
			x, _, _ := c.exchange(t)
			if out := play(t, x, body); !strings.Contains(out, `"error":`) {
				t.Errorf("%s: %s, and whole all the same: %s", c.file, name, out)
			}
			Release(x)
		}
		c.reply["content-encoding"] = "br"
		x, _, head := c.exchange(t)
		if out := play(t, x, packed); !strings.Contains(out, `"error":`) || head.Mode != Whole || x.Tally().Status < 400 {
			t.Errorf("%s: %d %s", c.file, x.Tally().Status, out)
		}
		Release(x)
	}
}
