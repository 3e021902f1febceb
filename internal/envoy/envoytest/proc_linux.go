package envoytest

import "syscall"

// dieWithParent keeps an Envoy from outliving a test binary that was killed or
// ran into its timeout, where no cleanup runs.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
