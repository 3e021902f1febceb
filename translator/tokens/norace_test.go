//go:build !race

package tokens

// What tests may take: times and sizes are divided by slowdown, and fewer
// allocations than that are none.
const (
	slowdown    = 1
	allocations = 1
)
