package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"llmroute/internal/envoy/envoytest"
	"llmroute/router/config"
)

// TestReadmeSnippets runs what the README tells its readers to run, with free
// ports in place of the default ones.
func TestReadmeSnippets(t *testing.T) {
	root := envoytest.Root(t)
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	g := startWith(t, settings{nothing: true})
	ran := 0
	for _, block := range regexp.MustCompile("(?s)```([a-z]*)\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		switch block[1] {
		case "yaml":
			lookup := func(string) (string, bool) { return "sk-test", true }
			_, err := config.Load(config.Options{Sources: []config.Source{{Name: "README.md", Data: []byte(block[2])}}, LookupEnv: lookup})
			if err != nil {
				t.Errorf("%v\n%s", err, block[2])
			}
			ran++
		case "sh":
			for line := range strings.Lines(block[2]) {
				runLine(t, g, root, strings.TrimSpace(line))
				ran++
			}
		default:
			t.Errorf("a snippet in %q, which nothing here can run:\n%s", block[1], block[2])
		}
	}
	if ran < 10 {
		t.Errorf("ran %d snippets: the README's have moved out of this test's sight", ran)
	}
}

// runLine runs one line of shell as the README has it.
func runLine(t *testing.T, g *gateway, root, line string) {
	t.Helper()
	switch {
	case strings.HasPrefix(line, "make "):
		// What these targets do is run elsewhere; here they must exist.
		runShell(t, root, "make --dry-run "+strings.TrimPrefix(line, "make "))
	case strings.HasPrefix(line, "func-e run"):
		if want := "func-e run -c envoy.yaml"; line != want { // TestTwoTerminals runs it
			t.Errorf("got %q, the two-terminals test runs %q", line, want)
		}
	case strings.Contains(line, "bin/llmroute run"), strings.Contains(line, "bin/llmroute serve"):
		startsUp(t, root, line)
	case strings.Contains(line, "bin/llmroute"):
		runShell(t, root, strings.ReplaceAll(line, "bin/llmroute", binary))
	case strings.HasPrefix(line, "curl "):
		out := runShell(t, root, strings.ReplaceAll(line, "http://127.0.0.1:10000", g.URL))
		if out == "" || strings.Contains(out, `"error"`) {
			t.Errorf("%s\nanswered %q", line, out)
		}
	default:
		t.Errorf("do not know how to run %q", line)
	}
}

func runShell(t *testing.T, dir, line string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-eu", "-o", "pipefail", "-c", line)
	cmd.Dir, cmd.Env = dir, cleanEnvironment()
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s\n%v: %s", line, err, out)
	}
	return string(out)
}

// startsUp runs a line that starts a gateway, and waits until it is ready.
func startsUp(t *testing.T, root, line string) {
	t.Helper()
	admin := freePort(t)
	args := " --grpc " + freePort(t) + " --admin " + admin + " --fake " + freePort(t)
	if strings.Contains(line, "llmroute run") {
		args += " --listen " + freePort(t)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", "exec env "+strings.ReplaceAll(line, "bin/llmroute", binary)+args)
	cmd.Dir, cmd.Env = root, cleanEnvironment()
	log := &logBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait() // the signal is its end
		if t.Failed() {
			t.Logf("%s\n%s", line, log.tail(4000))
		}
	}()
	// Without an Envoy a sidecar is alive; with one it is ready.
	page := "/healthz"
	if strings.Contains(line, "llmroute run") {
		page = "/readyz"
	}
	waitFor(t, line, func() error { return getOK("http://" + admin + page) })
}
