// Package e2e runs the product as its users do: the real binary beside a real
// Envoy, the embedded provider behind them, real clients before them. What can
// be shown without Envoy is shown elsewhere, in less time.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"llmroute/internal/envoy"
	"llmroute/internal/envoy/envoytest"
)

// binary is the product, built once for all tests, with the race detector when
// the tests have it.
var binary string

// released is the product as users get it.
var released = sync.OnceValues(func() (string, error) {
	if !raceEnabled {
		return binary, nil
	}
	path := filepath.Join(filepath.Dir(binary), "released")
	return path, compile(path)
})

func TestMain(m *testing.M) {
	code, err := build(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func build(run func() int) (int, error) {
	dir, err := os.MkdirTemp("", "llmroute-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "llmroute")
	if err := compile(binary, "-race="+strconv.FormatBool(raceEnabled)); err != nil {
		return 0, err
	}
	return run(), nil
}

func compile(path string, flags ...string) error {
	args := append([]string{"build", "-o", path}, flags...)
	if out, err := exec.Command("go", append(args, "llmroute/cmd/llmroute")...).CombinedOutput(); err != nil {
		return fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return nil
}

// gateway is a running sidecar and Envoy.
type gateway struct {
	URL     string // of Envoy's listener
	Admin   string // of the sidecar's admin port
	Config  string // the folder of its configuration
	Envoy   *envoytest.Envoy
	Sidecar *sidecar
}

// settings vary a gateway.
type settings struct {
	files     map[string]string   // configuration: file name to content
	args      []string            // further arguments of serve
	env       []string            // further environment
	bootstrap func(string) string // edits Envoy's bootstrap
	nothing   bool                // no configuration at all: the embedded provider
	released  bool                // the product as users get it: time is measured, or tens of megabytes are sent
}

// start runs a gateway with the given documents and waits until it is ready.
// The test's end stops it.
func start(t testing.TB, docs string) *gateway {
	t.Helper()
	return startWith(t, settings{files: map[string]string{"config.yaml": docs}})
}

// startReleased is start with the product as users get it.
func startReleased(t testing.TB, docs string) *gateway {
	t.Helper()
	return startWith(t, settings{files: map[string]string{"config.yaml": docs}, released: true})
}

func startWith(t testing.TB, o settings) *gateway {
	t.Helper()
	g := &gateway{Config: t.TempDir()}
	for name, text := range o.files {
		g.write(t, name, text)
	}
	run, err := os.MkdirTemp("", "llm") //nolint:usetesting // a socket's path has 108 bytes, and t.TempDir spells the test's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(run) })
	socket := "unix:" + filepath.Join(run, "s")
	admin := freePort(t)
	args := append([]string{"serve", "--grpc", socket, "--admin", admin, "--fake", freePort(t), "--log-level", "debug"}, o.args...)
	if !o.nothing {
		args = append(args, "--config", g.Config)
	}
	product := binary
	if o.released {
		if product, err = released(); err != nil {
			t.Fatal(err)
		}
	}
	g.Sidecar = startProduct(t, product, args, o.env)
	g.Admin = "http://" + admin
	bootstrap, err := envoy.Render(envoy.Addresses{Listen: "127.0.0.1:0", GRPC: socket})
	if err != nil {
		t.Fatal(err)
	}
	if o.bootstrap != nil {
		bootstrap = o.bootstrap(bootstrap)
	}
	waitFor(t, "the sidecar's admin port", func() error { return getOK(g.Admin + "/healthz") })
	g.Envoy = envoytest.Start(t, bootstrap)
	g.URL = "http://" + g.Envoy.Address(t, "llm")
	waitFor(t, "the gateway to be ready", func() error { return getOK(g.Admin + "/readyz") })
	return g
}

// write puts a configuration file in place, whole at once.
func (g *gateway) write(t testing.TB, name, text string) {
	t.Helper()
	path := filepath.Join(g.Config, name)
	if err := os.WriteFile(path+".tmp", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		t.Fatal(err)
	}
}

// metrics returns the sidecar's metrics page.
func (g *gateway) metrics(t testing.TB) string {
	t.Helper()
	resp, err := http.Get(g.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// sidecar is a running llmroute process.
type sidecar struct {
	cmd    *exec.Cmd
	binary string
	args   []string
	env    []string
	log    *logBuffer
	exited chan struct{}
}

func startSidecar(t testing.TB, args, env []string) *sidecar {
	t.Helper()
	return startProduct(t, binary, args, env)
}

func startProduct(t testing.TB, binary string, args, env []string) *sidecar {
	t.Helper()
	s := &sidecar{binary: binary, args: args, env: env, log: &logBuffer{}}
	s.launch(t)
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("sidecar's log:\n%s", s.log.tail(12000))
		}
		if strings.Contains(s.log.String(), "DATA RACE") {
			t.Errorf("data race in the sidecar:\n%s", s.log.String())
		}
	})
	return s
}

// launch starts the process, again with the same arguments after a kill.
func (s *sidecar) launch(t testing.TB) {
	t.Helper()
	s.cmd = exec.Command(s.binary, s.args...)
	s.cmd.Env = append(cleanEnvironment(), s.env...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.exited = make(chan struct{})
	go func(cmd *exec.Cmd, exited chan struct{}) {
		_ = cmd.Wait() // its end is all that matters
		close(exited)
	}(s.cmd, s.exited)
}

// kill ends the process without a chance to clean up.
func (s *sidecar) kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// stop ends the process as an operator would.
func (s *sidecar) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(15 * time.Second):
		s.kill()
	}
}

// rss returns the process's resident memory in bytes.
func (s *sidecar) rss(t testing.TB) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	t.Fatal("no VmRSS in the process's status")
	return 0
}

// cleanEnvironment is the environment without what would configure a provider.
func cleanEnvironment() []string {
	var out []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "LLMROUTE_") || strings.HasPrefix(name, "OPENAI_") || strings.HasPrefix(name, "AWS_") || strings.HasSuffix(name, "_API_KEY") {
			continue
		}
		out = append(out, kv)
	}
	return out
}

// logBuffer collects a process's output.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) tail(n int) string {
	s := l.String()
	return s[max(0, len(s)-n):]
}

// nextPort is where freePort looks next. Systems give out ports above this range by
// themselves, so nothing that runs beside a test gets one in between.
var nextPort = func() *atomic.Int32 {
	var n atomic.Int32
	n.Store(20000 + rand.Int32N(10000)) // other processes look, too
	return &n
}()

// freePort returns a loopback address that nobody listens on, and that no other
// test is given.
func freePort(t testing.TB) string {
	t.Helper()
	for range 1000 {
		address := "127.0.0.1:" + strconv.Itoa(int(nextPort.Add(1)))
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// waitFor polls until ready returns nil.
func waitFor(t testing.TB, what string, ready func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := ready()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s: %v", what, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func getOK(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", url, resp.Status, bytes.TrimSpace(b))
	}
	return nil
}

// answer is a response, read whole.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

// json returns the value at a gjson-like chain of keys, or nil.
func (a *answer) errorCode(t testing.TB) string {
	t.Helper()
	var e struct {
		Error struct {
			Message, Type string
			Code          *string
		}
	}
	if err := json.Unmarshal([]byte(a.Body), &e); err != nil {
		t.Fatalf("status %d: not an OpenAI error: %v: %q", a.Status, err, a.Body)
	}
	if e.Error.Message == "" || e.Error.Type == "" {
		t.Fatalf("status %d: an OpenAI error has message and type: %q", a.Status, a.Body)
	}
	if e.Error.Code == nil {
		return ""
	}
	return *e.Error.Code
}

// post sends a JSON body and reads the whole answer.
func (g *gateway) post(t testing.TB, path, body string, header ...string) *answer {
	t.Helper()
	a, err := g.try(t.Context(), "POST", path, body, header...)
	if err != nil {
		t.Fatalf("POST %s: %v", path, err)
	}
	return a
}

// try is post without failing the test; header is name, value, name, value, ...
func (g *gateway) try(ctx context.Context, method, path, body string, header ...string) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, g.URL+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if len(header)%2 != 0 {
		return nil, errors.New("headers come in pairs")
	}
	for i := 0; i < len(header); i += 2 {
		if strings.EqualFold(header[i], "host") {
			req.Host = header[i+1]
			continue
		}
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return &answer{resp.StatusCode, resp.Header, string(b)}, err
}

// chat is a chat completion's body.
func chat(model, text string) string {
	b, err := json.Marshal(map[string]any{"model": model, "messages": []any{map[string]any{"role": "user", "content": text}}})
	if err != nil {
		panic(err)
	}
	return string(b)
}
