package envoy

import "golang.org/x/sys/unix"

// shieldFromInterrupt keeps Ctrl-C from a child that this thread starts, and
// returns how to undo that. A terminal sends SIGINT to the whole process group;
// Envoy would end at once and cut the streams that a drain is to let finish. A
// child inherits its thread's signal mask, and Envoy leaves SIGINT in it alone.
//
// The goroutine must be locked to its thread.
func shieldFromInterrupt() (undo func()) {
	var block, old unix.Sigset_t
	block.Val[0] = 1 << (unix.SIGINT - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &block, &old); err != nil {
		return func() {} // the drain is lost, nothing else
	}
	return func() { _ = unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil) }
}
