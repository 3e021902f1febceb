package mistral

import "testing"

// The ids are those that others compute from the same hash.
func TestIDs(t *testing.T) {
	for id, want := range map[string]string{
		"D681PevKs":         "D681PevKs",
		"call_abcdefghijkl": "WaPgRWTC2",
		"a_b-c_d_e":         "Tv9GdM2LZ",
		"":                  "RZwTDmWjE",
	} {
		if got := idOf(id); got != want {
			t.Errorf("%q: got %q, want %q", id, got, want)
		}
	}
}
