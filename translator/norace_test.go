//go:build !race

package translator

const raceEnabled = false

var step = 1

const slowdown = 1
