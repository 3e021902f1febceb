//go:build race

package translator

// raceEnabled says that pools forget what they hold, at random.
const raceEnabled = true

// step is how far it is from one place to cut a stream at to the next. Nothing
// here runs side by side, so the race detector only slows what is tried at each
// byte without it.
const step = 17

// slowdown is how much longer things may take under the race detector.
const slowdown = 10
