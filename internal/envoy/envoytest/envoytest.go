// Package envoytest runs a real Envoy for a test.
//
// There is no fake and nothing is skipped: a test that needs Envoy and has none
// fails and says how to get one. Every port is chosen by the kernel.
package envoytest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"llmroute/internal/envoy"
)

const startTimeout = 60 * time.Second // two busy cores, a cold 100 MB binary

// Envoy is a running Envoy. Its methods may be called from any goroutine.
type Envoy struct {
	Admin string // URL of the admin port: "http://127.0.0.1:40123"

	cmd    *exec.Cmd
	exited chan struct{}
	stdout tail
	stderr tail
	stop   sync.Once
}

// Path returns the Envoy to test with: ENVOY_PATH, else the one that was
// fetched for ENVOY_VERSION (by default the pinned version), else envoy on PATH.
// It fails the test when there is none.
func Path(t testing.TB) string {
	t.Helper()
	want := os.Getenv("ENVOY_VERSION")
	s := envoy.Search{
		Path: os.Getenv("ENVOY_PATH"), From: "ENVOY_PATH",
		Dir:     Dir(t),
		Version: cmp.Or(want, envoy.Pinned),
		Exact:   want != "",
	}
	b, err := s.Find(t.Context())
	if err != nil && s.Path == "" {
		s.LookPATH = true
		b, err = s.Find(t.Context())
	}
	if err != nil {
		t.Fatalf("this test needs a real Envoy; run \"make envoy\" first: %v", err)
	}
	return b.Path
}

// Fetched returns the tested versions that were fetched, each with its binary;
// at least the pinned one, or the test fails.
func Fetched(t testing.TB) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, v := range envoy.Tested() {
		path := envoy.Search{Dir: Dir(t), Version: v}.Fetched()
		if _, err := os.Stat(path); err == nil {
			found[v] = path
		}
	}
	if len(found) == 0 {
		found[envoy.Pinned] = Path(t)
	}
	return found
}

// Dir returns where the repository keeps fetched Envoys.
func Dir(t testing.TB) string {
	t.Helper()
	return filepath.Join(Root(t), ".envoy")
}

// Root returns the repository's root folder.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}

// Start runs Envoy with the bootstrap, which may use port 0 anywhere, and waits
// until it is ready. An admin port is added. The test's end stops it; when the
// test failed, what Envoy logged is shown. args are passed to Envoy as they are.
func Start(t testing.TB, bootstrap string, args ...string) *Envoy {
	t.Helper()
	return StartBinary(t, Path(t), bootstrap, args...)
}

// StartBinary is Start with a chosen Envoy.
func StartBinary(t testing.TB, path, bootstrap string, args ...string) *Envoy {
	t.Helper()
	dir := t.TempDir()
	file, address := filepath.Join(dir, "envoy.yaml"), filepath.Join(dir, "admin")
	if err := os.WriteFile(file, []byte(bootstrap), 0o600); err != nil {
		t.Fatal(err)
	}
	e := &Envoy{exited: make(chan struct{})}
	e.cmd = exec.Command(path, append([]string{
		"-c", file,
		// Merged over the file; the kernel chooses the port and Envoy writes it down.
		"--config-yaml", "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}",
		"--admin-address-path", address,
		"--use-dynamic-base-id", // several Envoys at once on one machine
		"--concurrency", "1",
		"--file-flush-interval-msec", "20", // the access log is there soon after the answer
		"--log-level", "warning",
	}, args...)...) // #nosec G204 -- the test's own Envoy
	e.cmd.Stdout, e.cmd.Stderr = &e.stdout, &e.stderr
	e.cmd.SysProcAttr = dieWithParent()
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = e.cmd.Wait(); close(e.exited) }()
	t.Cleanup(func() {
		e.Stop()
		if t.Failed() {
			t.Logf("envoy stderr:\n%s\nenvoy stdout:\n%s", e.Logs(), e.Stdout())
		}
	})
	if err := e.waitReady(address); err != nil {
		t.Fatal(err)
	}
	return e
}

// waitReady learns the admin address and polls it until Envoy says it is live.
func (e *Envoy) waitReady(addressFile string) error {
	last := "it wrote no admin address"
	for end := time.Now().Add(startTimeout); time.Now().Before(end); {
		select {
		case <-e.exited:
			return fmt.Errorf("envoy ended at start: %s", e.cmd.ProcessState)
		case <-time.After(20 * time.Millisecond):
		}
		if e.Admin == "" {
			b, err := os.ReadFile(addressFile) // #nosec G304 -- in the test's own folder
			// Envoy writes the address without a newline and in one call.
			if _, _, splitErr := net.SplitHostPort(string(b)); err != nil || splitErr != nil {
				continue
			}
			e.Admin = "http://" + string(b)
		}
		body, err := e.Get("/ready")
		if err == nil {
			return nil
		}
		last = strings.TrimSpace(body + " " + err.Error())
	}
	return fmt.Errorf("envoy not ready after %v: %s", startTimeout, last)
}

// Get reads a page of the admin port; the error is set unless it answered 200.
func (e *Envoy) Get(path string) (string, error) { return e.admin(http.MethodGet, path) }

// Post calls an action of the admin port, such as "/drain_listeners?graceful".
func (e *Envoy) Post(path string) (string, error) { return e.admin(http.MethodPost, path) }

func (e *Envoy) admin(method, path string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, e.Admin+path, http.NoBody)
	if err != nil {
		return "", err
	}
	// One connection per call leaves no idle goroutines for leak checks to find.
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	return string(body), err
}

// Address returns the host:port that the listener of this name is bound to.
func (e *Envoy) Address(t testing.TB, listener string) string {
	t.Helper()
	page, err := e.Get("/listeners?format=json")
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Listeners []struct {
			Name    string `json:"name"`
			Address struct {
				Socket struct {
					Address string `json:"address"`
					Port    int    `json:"port_value"`
				} `json:"socket_address"`
			} `json:"local_address"`
		} `json:"listener_statuses"`
	}
	if err := json.Unmarshal([]byte(page), &list); err != nil {
		t.Fatalf("read listeners: %v in %s", err, page)
	}
	for _, l := range list.Listeners {
		if l.Name == listener {
			return net.JoinHostPort(l.Address.Socket.Address, strconv.Itoa(l.Address.Socket.Port))
		}
	}
	t.Fatalf("no listener %q in %s", listener, page)
	return ""
}

// Stat returns a counter or gauge by its full name; one that does not exist (yet) is 0.
func (e *Envoy) Stat(t testing.TB, name string) uint64 {
	t.Helper()
	page, err := e.Get("/stats")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(page) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && key == name {
			n, err := strconv.ParseUint(value, 10, 64)
			if err != nil {
				t.Fatalf("stat %s: %v", name, err)
			}
			return n
		}
	}
	return 0
}

// Logs returns the end of what Envoy wrote to its standard error.
func (e *Envoy) Logs() string { return e.stderr.String() }

// Stdout returns the end of what Envoy wrote to its standard output, where the
// bootstrap's access log goes.
func (e *Envoy) Stdout() string { return e.stdout.String() }

// PID returns the process id, for measuring what Envoy uses.
func (e *Envoy) PID() int { return e.cmd.Process.Pid }

// Exited is closed when the process has ended.
func (e *Envoy) Exited() <-chan struct{} { return e.exited }

// Stop ends Envoy and waits for it. Further calls do nothing.
func (e *Envoy) Stop() {
	e.stop.Do(func() {
		_ = e.cmd.Process.Signal(os.Interrupt)
		select {
		case <-e.exited:
		case <-time.After(5 * time.Second):
			_ = e.cmd.Process.Kill()
			<-e.exited
		}
	})
}

// tail keeps the last megabyte of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailBytes = 1 << 20

func (b *tail) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf = append(b.buf, p...)
	if over := len(b.buf) - 2*tailBytes; over > 0 {
		b.buf = append(b.buf[:0], b.buf[len(b.buf)-tailBytes:]...)
	}
	return len(p), nil
}

func (b *tail) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.buf)
}
