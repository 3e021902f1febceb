//go:build linux

// Package cputest lets tests hold code to the time it needs of a processor.
package cputest

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Time returns the processor's time that f takes, however busy the machine is.
// What f does in other goroutines is not counted.
func Time(t testing.TB, f func()) time.Duration {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	clock := func() time.Duration {
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
			t.Fatal(err)
		}
		return time.Duration(now.Nano())
	}
	start := clock()
	f()
	return clock() - start
}
