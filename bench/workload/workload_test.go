package workload

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// What is measured is what it is called: valid bodies of the sizes in the names.
func TestCases(t *testing.T) {
	size := func(c *Case) int {
		for word, n := range map[string]int{"1KB": 1 << 10, "32KB": 32 << 10, "1MB": 1 << 20, "events": 1 << 10} {
			if slices.Contains(strings.Fields(c.Name), word) {
				return n
			}
		}
		return 0
	}
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			if want := size(&c); len(c.Body) != want {
				t.Errorf("request of %d bytes, want %d", len(c.Body), want)
			}
			if !json.Valid(c.Body) {
				t.Errorf("request is no JSON: %.200s", c.Body)
			}
			all := bytes.Join(c.Answer.Pieces, nil)
			if !c.Answer.Stream() {
				if want := size(&c); len(all) != want || !json.Valid(all) {
					t.Errorf("answer of %d bytes, want %d of JSON", len(all), want)
				}
				return
			}
			if c.Translated {
				if got := bytes.Count(all, []byte(" word")); c.Answer.Type == typeSSE && got != 100 {
					t.Errorf("%d words, want 100", got)
				}
				return
			}
			events := bytes.Split(bytes.TrimSuffix(all, []byte("\n\n")), []byte("\n\n"))
			if len(events) != 102 { // usage and [DONE] come after the hundred
				t.Errorf("%d events, want 102", len(events))
			}
			for _, e := range events[:len(events)-1] {
				if data, ok := bytes.CutPrefix(e, []byte("data: ")); !ok || !json.Valid(data) {
					t.Errorf("event is no JSON: %s", e)
				}
			}
		})
	}
}
