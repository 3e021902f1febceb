//go:build race

package translator

// raceEnabled says that pools forget what they hold, at random.
const raceEnabled = true
