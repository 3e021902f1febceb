//go:build race

package tokens

// The race detector makes everything slower, and empties pools at random.
const (
	slowdown    = 15
	allocations = 10
)
