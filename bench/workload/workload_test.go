package workload

import (
	"bytes"
	"encoding/json"
	"testing"
)

// What is measured is what it is called: valid bodies of the sizes in the names.
func TestCases(t *testing.T) {
	sizes := map[string]int{
		"1KB": 1 << 10, "1KB renamed": 1 << 10, "32KB": 32 << 10, "32KB renamed": 32 << 10,
		"1MB": 1 << 20, "1MB renamed": 1 << 20, "1MB x 64": 1 << 20,
		"100 events": 1 << 10, "100 events hidden": 1 << 10, "100 events slowly": 1 << 10,
	}
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			if want := sizes[c.Name]; len(c.Body) != want {
				t.Errorf("request of %d bytes, want %d", len(c.Body), want)
			}
			if !json.Valid(c.Body) {
				t.Errorf("request is no JSON: %.200s", c.Body)
			}
			all := bytes.Join(c.Answer.Pieces, nil)
			if !c.Answer.Stream() {
				if want := sizes[c.Name]; len(all) != want || !json.Valid(all) {
					t.Errorf("answer of %d bytes, want %d of JSON", len(all), want)
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
