package main

import "syscall"

// dieWithParent keeps what is measured from outliving a benchmark that was killed.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
