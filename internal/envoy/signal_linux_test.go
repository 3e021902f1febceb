package envoy_test

import (
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"llmroute/internal/envoy"
)

// Ctrl-C in a terminal reaches every process of the group; the one who drains
// decides when Envoy ends.
func TestInterruptDoesNotReachEnvoy(t *testing.T) {
	p, url := runEnvoy(t, echo)
	pid := listenerPID(t, p)
	if err := syscall.Kill(pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	resp, _ := post(t, url, strings.NewReader("{}"))
	if resp.StatusCode != http.StatusOK {
		t.Errorf("got %s after SIGINT", resp.Status)
	}
	p.Kill()
	if err := p.Err(); err != nil {
		t.Errorf("killed by us, and ended with %v", err)
	}
}

// listenerPID finds our Envoy among this process's children.
func listenerPID(t *testing.T, p *envoy.Process) int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		// pid (comm) state ppid ...
		_, rest, _ := strings.Cut(string(stat), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(os.Getpid()) {
			return pid
		}
	}
	t.Fatalf("no child process behind %s", p.Admin())
	return 0
}
