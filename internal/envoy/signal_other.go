//go:build !linux

package envoy

// shieldFromInterrupt does nothing here: a Ctrl-C reaches Envoy too and ends it
// without a drain.
func shieldFromInterrupt() (undo func()) { return func() {} }
