package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// redis is a real Redis or Valkey of the test's own.
type redis struct {
	socket string
	cmd    *exec.Cmd
}

func startRedis(t testing.TB, socket string) *redis {
	t.Helper()
	path, err := exec.LookPath("valkey-server")
	if err != nil {
		path, err = exec.LookPath("redis-server")
	}
	if err != nil {
		t.Fatal("no redis-server: make redis installs it")
	}
	r := &redis{socket: socket, cmd: exec.Command(path, "--port", "0", "--unixsocket", socket, "--dir", filepath.Dir(socket), "--save", "", "--requirepass", "sk-of-redis")}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.kill)
	waitFor(t, "redis", func() error {
		c, err := net.Dial("unix", socket)
		if err == nil {
			err = c.Close()
		}
		return err
	})
	return r
}

// kill ends it as a crash would.
func (r *redis) kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	_ = os.Remove(r.socket)
}

// TestSharedLimits runs two sidecars, each with its Envoy, on one Redis: they
// share a limit exactly, refuse what is limited while Redis is away, and let it
// pass once it is back.
func TestSharedLimits(t *testing.T) {
	t.Parallel() // most of it is waiting
	p := startProvider(t)
	dir, err := os.MkdirTemp("", "llm") //nolint:usetesting // a socket's path has 108 bytes, and t.TempDir spells the test's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "r")
	server := startRedis(t, socket)
	backends := customs{
		"a": customDoc(p, "models: {one: {limits: {requests_per_minute: 1}}, ten: {limits: {requests_per_minute: 10}}, tokens: {limits: {tokens_per_minute: 1000}}, free: {}}"),
	}
	shared := func(down string) *gateway {
		return startWith(t, settings{
			args: []string{"--backends", backends.folder(t), "--limits-when-down", down},
			env:  []string{"CUSTOM_KEY=k", "LLMROUTE_LIMITS_URL=unix://:sk-of-redis@" + socket},
		})
	}
	first, second := shared("refuse"), shared("refuse")
	t.Run("fifty at once, and one passes", func(t *testing.T) {
		if n := passes(t, 50, chat("a:one", "hi"), first, second); n != 1 {
			t.Errorf("%d passed", n)
		}
	})
	t.Run("ten of forty", func(t *testing.T) {
		if n := passes(t, 40, chat("a:ten", "hi"), first, second); n != 10 {
			t.Errorf("%d passed", n)
		}
	})
	t.Run("tokens are settled for both", func(t *testing.T) {
		ask := `{"model":"a:tokens","max_tokens":900,"messages":[{"role":"user","content":"hi"}]}`
		first.ask(t, 200, ask)
		waitFor(t, "the settlement", func() error { // it is on its way when the answer is
			a, err := second.try(t.Context(), "POST", completions, ask)
			if err == nil && a.Status != 200 {
				err = os.ErrDeadlineExceeded
			}
			return err
		})
	})
	t.Run("away, and back", func(t *testing.T) {
		server.kill()
		begin := time.Now()
		a := first.ask(t, 503, chat("a:tokens", "hi"))
		if a.errorCode(t) != "limits_unavailable" || a.Header.Get("Retry-After") == "" || time.Since(begin) > 2*time.Second {
			t.Errorf("after %v got %v %s", time.Since(begin), a.Header, a.Body)
		}
		first.ask(t, 200, chat("a:free", "hi"))
		local, open := shared("local"), shared("allow")
		if n := passes(t, 20, chat("a:one", "hi"), local); n != 1 {
			t.Errorf("%d passed where each sidecar counts for itself", n)
		}
		if n := passes(t, 20, chat("a:one", "hi"), open); n != 20 {
			t.Errorf("%d passed where all may", n)
		}
		startRedis(t, socket)
		waitFor(t, "requests to pass again", func() error {
			a, err := first.try(t.Context(), "POST", completions, chat("a:ten", "hi"))
			if err == nil && a.Status != 200 {
				err = os.ErrDeadlineExceeded
			}
			return err
		})
		for _, g := range []*gateway{first, second, local, open} {
			if strings.Contains(g.Sidecar.log.String(), "sk-of-redis") || strings.Contains(g.page(t, "/")+g.page(t, "/config"), "sk-of-redis") {
				t.Error("the password is shown")
			}
		}
		if !strings.Contains(first.Sidecar.log.String(), "cannot be asked") {
			t.Error("the log does not say that the store is away")
		}
	})
}

// What cannot be a URL of Redis is said at the start, without repeating it.
func TestLimitsURLIsChecked(t *testing.T) {
	got := command(t, "", []string{"LLMROUTE_LIMITS_URL=http://user:sk-of-redis@host"}, "serve", "--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--fake", "127.0.0.1:0")
	if got.Code != 1 || !strings.Contains(got.Stderr, "--limits-url") || strings.Contains(got.Stderr, "sk-of-redis") {
		t.Errorf("exit code %d: %s", got.Code, got.Stderr)
	}
}
