package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"llmroute/internal/envoy/envoytest"
)

// running is a command that runs in this process.
type running struct {
	said  *bufio.Scanner // its standard output
	stop  context.CancelFunc
	code  <-chan int
	ports map[string]string
}

// begin runs a command with free ports for the flags named.
func begin(t *testing.T, command string, ports []string, args ...string) *running {
	t.Helper()
	r := &running{ports: make(map[string]string)}
	args = append([]string{command}, args...)
	for _, flag := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // after all of them were chosen
		r.ports[flag] = l.Addr().String()
		args = append(args, "--"+flag, r.ports[flag])
	}
	ctx, stop := context.WithCancel(context.Background())
	out, in := io.Pipe()
	log, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	code := make(chan int, 1)
	r.said, r.stop, r.code = bufio.NewScanner(out), stop, code
	start := make(chan struct{})
	go func() {
		<-start
		code <- execute(args, &world{ctx: ctx, stdin: strings.NewReader(""), stdout: in, stderr: log,
			lookupEnv: func(string) (string, bool) { return "", false }})
		_ = in.Close()
	}()
	t.Cleanup(func() {
		stop()
		_, _ = io.Copy(io.Discard, out)
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("stderr:\n%s", text)
		}
		_ = log.Close()
	})
	defer close(start) // when the ports are free again
	return r
}

// until returns the lines up to the first that begins so.
func (r *running) until(t *testing.T, prefix string) []string {
	t.Helper()
	var lines []string
	for r.said.Scan() {
		lines = append(lines, r.said.Text())
		if strings.HasPrefix(r.said.Text(), prefix) {
			return lines
		}
	}
	t.Fatalf("no line begins %q in\n%s", prefix, strings.Join(lines, "\n"))
	return nil
}

// end does what Ctrl-C does, and waits for an orderly end.
func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	r.until(t, "stopping; ")
	select {
	case code := <-r.code:
		if code != 0 {
			t.Errorf("ended with exit code %d", code)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("does not end")
	}
}

// curl does what a printed curl line would.
func curl(t *testing.T, line string) (int, string) {
	t.Helper()
	_, url, _ := strings.Cut(line, "http://")
	url, _, _ = strings.Cut(url, " ")
	_, body, found := strings.Cut(line, " -d '")
	if !found {
		t.Fatalf("not a curl line: %q", line)
	}
	resp, err := http.Post("http://"+url, "application/json", strings.NewReader(strings.TrimSuffix(body, "'")))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// One command, and the printed lines work when they are pasted.
func TestRun(t *testing.T) {
	t.Setenv("ENVOY_PATH", envoytest.Path(t))
	t.Chdir(t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	r := begin(t, "run", []string{"listen", "grpc", "admin", "fake"})
	ready := r.until(t, "ready: ")
	if want := "ready: http://" + r.ports["listen"] + ", with the built-in quick start; status at http://" + r.ports["admin"] + "/"; ready[len(ready)-1] != want {
		t.Errorf("got %q, want %q", ready[len(ready)-1], want)
	}
	plain := r.until(t, "  curl -s ")
	if code, body := curl(t, plain[len(plain)-1]); code != http.StatusOK || !strings.Contains(body, `"chat.completion"`) {
		t.Errorf("plain: got %d %s", code, body)
	}
	stream := r.until(t, "  curl -sN ")
	if code, body := curl(t, stream[len(stream)-1]); code != http.StatusOK || !strings.HasPrefix(body, "data: {") || !strings.HasSuffix(strings.TrimSpace(body), "data: [DONE]") {
		t.Errorf("stream: got %d %s", code, body)
	}
	r.end(t)
	for flag, address := range r.ports {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			t.Errorf("--%s: something still listens", flag)
		}
	}
}

// A change of a file is taken while it runs, and a broken one is not.
func TestServeReloads(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name string) {
		t.Helper()
		text := fmt.Sprintf(`
apiVersion: aigateway.envoyproxy.io/v1alpha1
kind: LLMBackend
metadata: {name: %s}
spec: {outputSchema: OpenAI, endpoint: "http://127.0.0.1:1", addressable: true}
`, name)
		if err := os.WriteFile("new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename("new", "config.yaml"); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	r := begin(t, "serve", []string{"grpc", "admin"}, "--config", "config.yaml")
	r.until(t, "llmroute serves config.yaml")
	page := func(want string) {
		t.Helper()
		var text string
		for range 200 {
			resp, err := http.Get("http://" + r.ports["admin"] + "/config")
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			if text = string(b); strings.Contains(text, want) {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatalf("no %s in %s", want, text)
	}
	page(`"id": "first"`)
	write("second")
	page(`"id": "second"`)
	write("[broken")
	page(`"failure": "`)
	page(`"id": "second"`)
	r.end(t)
}
