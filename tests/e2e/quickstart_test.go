package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"llmroute/internal/envoy/envoytest"
)

// terminal is a command as a person starts it: in a folder, in a process group of
// its own, as a shell would have it, so that an interrupt reaches all of it.
type terminal struct {
	t    testing.TB
	cmd  *exec.Cmd
	mark string // in the environment of the command and of all it starts
	log  logBuffer
	done chan struct{}
}

func open(t testing.TB, dir string, env []string, name string, args ...string) *terminal {
	t.Helper()
	w := &terminal{t: t, mark: fmt.Sprintf("E2E_TERMINAL=%d.%d", os.Getpid(), time.Now().UnixNano()), done: make(chan struct{})}
	w.cmd = exec.Command(name, args...)
	w.cmd.Dir = dir
	w.cmd.Env = append(append(cleanEnvironment(), env...), w.mark)
	w.cmd.Stdout, w.cmd.Stderr = &w.log, &w.log
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = w.cmd.Wait() // its exit code is looked at where it matters
		close(w.done)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-w.cmd.Process.Pid, syscall.SIGKILL) // gone already, mostly
		<-w.done
		if t.Failed() {
			t.Logf("%s\n%s", w.cmd, w.log.tail(12000))
		}
	})
	return w
}

// says waits until the command has written a text.
func (w *terminal) says(text string) {
	w.t.Helper()
	waitFor(w.t, fmt.Sprintf("%q", text), func() error {
		if strings.Contains(w.log.String(), text) {
			return nil
		}
		select {
		case <-w.done:
			w.t.Fatalf("%s ended: %s", w.cmd, w.cmd.ProcessState)
		default:
		}
		return fmt.Errorf("not in %s", w.log.tail(2000))
	})
}

// interrupt presses Ctrl-C, waits for the end, and fails the test if anything
// that the command has started is still there.
func (w *terminal) interrupt() {
	w.t.Helper()
	if err := syscall.Kill(-w.cmd.Process.Pid, syscall.SIGINT); err != nil {
		w.t.Fatal(err)
	}
	select {
	case <-w.done:
	case <-time.After(20 * time.Second):
		w.t.Fatalf("%s does not end", w.cmd)
	}
	waitFor(w.t, "all that it started to end", func() error {
		left := marked(w.t, w.mark)
		if len(left) == 0 {
			return nil
		}
		return fmt.Errorf("still there: %q", left)
	})
}

// marked lists the processes whose environment has the mark.
func marked(t testing.TB, mark string) []string {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil || len(names) == 0 {
		t.Fatalf("no processes: %v", err)
	}
	var out []string
	for _, name := range names {
		env, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(env), mark) {
			continue // it has ended meanwhile, or is somebody else's
		}
		if line, err := os.ReadFile(filepath.Join(filepath.Dir(name), "cmdline")); err == nil && len(line) > 0 {
			out = append(out, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return out
}

// lines are the lines of what the command has written that begin so.
func (w *terminal) lines(prefix string) []string {
	var out []string
	for line := range strings.Lines(w.log.String()) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, prefix) {
			out = append(out, line)
		}
	}
	return out
}

// run starts "llmroute run" with free ports in an empty folder, and waits until
// it has printed what to try.
func run(t testing.TB, env []string, args ...string) (*terminal, *gateway) {
	t.Helper()
	listen := freePort(t)
	args = append([]string{"run", "--listen", listen, "--grpc", freePort(t), "--admin", freePort(t), "--fake", freePort(t)}, args...)
	w := open(t, t.TempDir(), append(env, "ENVOY_PATH="+envoytest.Path(t), "XDG_CACHE_HOME="+t.TempDir()), binary, args...)
	w.says("ready: http://" + listen)
	w.says("curl -sN ")
	return w, &gateway{URL: "http://" + listen}
}

// pasted runs the lines that run has printed, as they are.
func (w *terminal) pasted() {
	w.t.Helper()
	lines := w.lines("curl ")
	if len(lines) != 2 {
		w.t.Fatalf("printed %q, want two lines to try", lines)
	}
	for i, want := range []string{`"object":"chat.completion"`, "data: [DONE]"} {
		out, err := exec.CommandContext(w.t.Context(), "bash", "-c", lines[i]).CombinedOutput()
		if err != nil || !strings.Contains(strings.ReplaceAll(string(out), `": "`, `":"`), want) {
			w.t.Errorf("%s\n%v, %s\nhas no %s", lines[i], err, out, want)
		}
	}
}

// With nothing configured one command makes a gateway; the lines it prints work
// as they are, and Ctrl-C ends all of it.
func TestRunWithNothingConfigured(t *testing.T) {
	w, g := run(t, nil)
	w.pasted()
	if got := listModels(t, g, "localhost"); strings.Join(got, " ") != "fake-large fake-small" {
		t.Errorf("got models %q", got)
	}
	// A share of the small model's requests goes to the other backend.
	got := map[string]int{}
	for range 100 {
		got[g.post(t, "/v1/chat/completions", chat("fake-small", "hi")).Header.Get("x-llmroute-backend")]++
	}
	if got["fake-a"] < 70 || got["fake-b"] < 1 || got["fake-a"]+got["fake-b"] != 100 {
		t.Errorf("got %v, want 90 of 100 at fake-a", got)
	}
	if len(marked(t, w.mark)) < 2 {
		t.Error("no Envoy is found beside it, so its end could not be seen either")
	}
	w.interrupt()
	if code := w.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("ended with exit code %d", code)
	}
	if c, err := http.Get(g.URL); err == nil {
		_ = c.Body.Close()
		t.Error("something still listens")
	}
}

// With a key in the environment no file is needed: the provider's models go
// there by their bare names, and everything by openai:MODEL.
func TestRunWithAKeyInTheEnvironment(t *testing.T) {
	p := startProvider(t)
	const key = "sk-from-the-environment"
	w, g := run(t, []string{"OPENAI_API_KEY=" + key, "OPENAI_BASE_URL=" + p.URL + "/v1"})
	w.pasted()
	for model, want := range map[string]string{"gpt-4o-mini": "gpt-4o-mini", "o3-mini": "o3-mini", "openai:my-finetune": "my-finetune", "whatever": "whatever"} {
		a := g.post(t, "/v1/chat/completions", chat(model, "hi"), "authorization", "Bearer sk-of-the-client")
		if a.Status != http.StatusOK || a.Header.Get("x-llmroute-backend") != "openai" {
			t.Errorf("%s: got %d %s", model, a.Status, a.Body)
			continue
		}
		if q := p.Last(); q.Model != want || q.Key != key || q.Path != "/v1/chat/completions" {
			t.Errorf("%s: the provider saw model %q at %s with key %q", model, q.Model, q.Path, q.Key)
		}
	}
	if strings.Contains(w.log.String(), key) {
		t.Error("the key is in the log")
	}
	w.interrupt()
	if code := w.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("ended with exit code %d", code)
	}
}

// What keeps run from starting is one sentence, and nothing is left behind.
func TestRunSaysWhatIsWrong(t *testing.T) {
	taken := startProvider(t).Address
	env := []string{"ENVOY_PATH=" + envoytest.Path(t)}
	ports := []string{"--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--fake", "127.0.0.1:0"}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"listener taken", []string{"--listen", taken}, "llmroute: Envoy's listener (--listen): " + taken + " is taken by another program\n"},
		{"no Envoy there", []string{"--envoy", "nowhere/envoy", "--listen", "127.0.0.1:0"}, "llmroute: --envoy"},
		{"not an Envoy", []string{"--envoy", "/bin/true", "--listen", "127.0.0.1:0"}, "llmroute: --envoy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := command(t, "", env, append(append([]string{"run"}, ports...), tt.args...)...)
			lines := 0
			for line := range strings.Lines(got.Stderr) {
				if strings.HasPrefix(line, "llmroute: ") {
					lines++
				}
			}
			if got.Code != 1 || lines != 1 || !strings.Contains(got.Stderr, tt.want) {
				t.Errorf("got %+v\nwant exit code 1 and %q", got, tt.want)
			}
		})
	}
}
