//go:build !race

package translator

const raceEnabled = false

const step = 1

const slowdown = 1
