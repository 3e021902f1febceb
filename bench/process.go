package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a program under measurement, read through Linux's /proc.
type process struct {
	cmd    *exec.Cmd
	dir    string // /proc/PID
	said   beginning
	exited chan struct{}
}

// start runs a program. What it writes to its standard output goes nowhere; its
// standard error is read through a pipe, as a container's would be.
func start(name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), exited: make(chan struct{})} // #nosec G204 -- what is measured
	p.cmd.Stderr = &p.said
	p.cmd.SysProcAttr = dieWithParent()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.dir = filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid))
	go func() { _ = p.cmd.Wait(); close(p.exited) }()
	return p, nil
}

// stop asks the process to end, and makes it after five seconds.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

// wait polls ready until it returns nil, the process ends or half a minute is over.
func (p *process) wait(ctx context.Context, ready func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended at start: %s\n%s", p.cmd.Path, p.cmd.ProcessState, p.said.bytes())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", p.cmd.Path, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// tick is the unit of the times in /proc/PID/stat: USER_HZ, 100 on every
// architecture that Go runs on.
const tick = 10 * time.Millisecond

// cpu returns the time that the process has run, in the kernel or not.
func (p *process) cpu() (time.Duration, error) {
	b, err := os.ReadFile(filepath.Join(p.dir, "stat"))
	if err != nil {
		return 0, err
	}
	// The name, in parentheses, may hold anything; state is the first field after it.
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	const utime, stime = 11, 12
	if len(fields) <= stime {
		return 0, fmt.Errorf("%s/stat: %d fields", p.dir, len(fields))
	}
	var sum time.Duration
	for _, f := range []string{fields[utime], fields[stime]} {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s/stat: %w", p.dir, err)
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}

// resetPeak starts a new peak of resident memory.
func (p *process) resetPeak() error {
	return os.WriteFile(filepath.Join(p.dir, "clear_refs"), []byte("5"), 0o200)
}

// peak returns the most KiB that were resident since resetPeak.
func (p *process) peak() (int, error) {
	b, err := os.ReadFile(filepath.Join(p.dir, "status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
		}
	}
	return 0, fmt.Errorf("%s/status: no VmHWM", p.dir)
}

// beginning keeps the first of what is written to it, where the reason of a
// failed start is, and lets the rest go.
type beginning struct {
	mu  sync.Mutex
	buf []byte
}

func (b *beginning) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	const keep = 16 << 10
	b.buf = append(b.buf, p[:min(len(p), keep-len(b.buf))]...)
	return len(p), nil
}

func (b *beginning) bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.buf)
}
