package config

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// news is one call of Watch's callback.
type news struct {
	config *Config
	err    error
}

// watch starts Watch on o and returns its calls. It ends with the test.
func watch(t *testing.T, o Options) <-chan news {
	t.Helper()
	first, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	calls := make(chan news, 100)
	done := make(chan error)
	go func() {
		done <- Watch(ctx, o, first, func(c *Config, err error) { calls <- news{c, err} })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Watch: %v", err)
		}
		goleak.VerifyNone(t)
	})
	return calls
}

// next waits for the next call.
func next(t *testing.T, calls <-chan news) news {
	t.Helper()
	select {
	case n := <-calls:
		return n
	case <-time.After(20 * time.Second):
		t.Fatal("no change was noticed")
		return news{}
	}
}

// nextBackends waits for a Config with exactly these backends; a state on the
// way to it, seen between two writes, may come first.
func nextBackends(t *testing.T, calls <-chan news, want ...string) *Config {
	t.Helper()
	for range 10 {
		n := next(t, calls)
		if n.err != nil {
			t.Fatal(n.err)
		}
		if strings.Join(ids(n.config), " ") == strings.Join(want, " ") {
			return n.config
		}
	}
	t.Fatalf("backends %v did not come", want)
	return nil
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	// As editors do, so that no half of a file is ever seen.
	if err := os.WriteFile(path+"~", []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		t.Fatal(err)
	}
}

// link makes path a link to target in one step, as Kubernetes does.
func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path+"_tmp"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+"_tmp", path); err != nil {
		t.Fatal(err)
	}
}

func manifest(name string, more ...string) string {
	return "apiVersion: aigateway.envoyproxy.io/v1alpha1\nkind: LLMBackend\nmetadata: {name: " + name +
		"}\nspec:\n  outputSchema: OpenAI\n  endpoint: http://127.0.0.1:1\n  addressable: true\n" + strings.Join(more, "")
}

func TestWatchTellsOfEachStateOnce(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	write(t, file, manifest("a"))
	calls := watch(t, Options{Paths: []string{dir}})

	write(t, file, manifest("b"))
	nextBackends(t, calls, "b")

	const broken = "kind: LLMBackend\n"
	write(t, file, broken)
	if n := next(t, calls); n.config != nil || n.err == nil {
		t.Fatalf("a broken file gave %v, %v", n.config, n.err)
	}
	// The same broken content again, noticed for sure before the next write.
	write(t, file, broken)
	time.Sleep(3 * settleTime)
	write(t, file, broken+"# and another\n")
	if n := next(t, calls); n.err == nil || !strings.Contains(n.err.Error(), "a.yaml:1") {
		t.Fatalf("another broken content gave %v, %v", n.config, n.err)
	}
	if len(calls) > 0 {
		t.Fatalf("told twice: %+v", <-calls)
	}
	write(t, file, manifest("b"))
	nextBackends(t, calls, "b")
}

// TestWatchKubernetesVolume moves the ..data link of a mounted ConfigMap and of
// a mounted Secret.
func TestWatchKubernetesVolume(t *testing.T) {
	mount, keys := t.TempDir(), t.TempDir()
	volume := func(dir, version, name, content string) {
		write(t, filepath.Join(dir, version, name), content)
		link(t, version, filepath.Join(dir, "..data"))
	}
	key := filepath.Join(keys, "apiKey")
	volume(mount, "..1", "a.yaml", manifest("a", "  auth: {type: APIKey, file: "+key+"}\n"))
	link(t, "..data/a.yaml", filepath.Join(mount, "a.yaml"))
	volume(keys, "..1", "apiKey", "sk-1\n")
	link(t, "..data/apiKey", key)
	calls := watch(t, Options{Paths: []string{mount}})

	volume(keys, "..2", "apiKey", "sk-2\n")
	if got := nextBackends(t, calls, "a").Backends[0].Auth.Key.Reveal(); got != "sk-2" {
		t.Errorf("key %q, want sk-2", got)
	}
	volume(mount, "..2", "a.yaml", manifest("b"))
	nextBackends(t, calls, "b")
	volume(mount, "..3", "a.yaml", manifest("c"))
	nextBackends(t, calls, "c")
}

func TestWatchNoticesWhatAppears(t *testing.T) {
	dir := t.TempDir()
	current := filepath.Join(dir, "current")
	write(t, filepath.Join(dir, "one/a.yaml"), manifest("a"))
	write(t, filepath.Join(dir, "two/a.yaml"), manifest("b"))
	link(t, "one", current)
	calls := watch(t, Options{Paths: []string{current}, BackendsDir: filepath.Join(dir, "backends")})

	link(t, "two", current) // the named folder itself is a link
	nextBackends(t, calls, "b")
	write(t, filepath.Join(dir, "two/deep/c.yaml"), manifest("c"))
	nextBackends(t, calls, "b", "c")
	write(t, filepath.Join(dir, "two/deep/c.yaml"), manifest("d"))
	nextBackends(t, calls, "b", "d")
	write(t, filepath.Join(dir, "backends/mine/backend.yaml"),
		"backend_type: custom\napi_base_url: http://127.0.0.1:1/v1\napi_key_env_var: K\n")
	nextBackends(t, calls, "b", "d", "mine")
	if err := os.RemoveAll(filepath.Join(dir, "two/deep")); err != nil {
		t.Fatal(err)
	}
	nextBackends(t, calls, "b", "mine")
}

// TestWatchSeesChangeBeforeStart covers the time between Load and Watch.
func TestWatchSeesChangeBeforeStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.yaml")
	write(t, file, manifest("a"))
	o := Options{Paths: []string{file}}
	first, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, manifest("b"))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var got []string
	if err := Watch(ctx, o, first, func(c *Config, _ error) { got = ids(c); cancel() }); err != nil {
		t.Fatal(err)
	}
	if strings.Join(got, " ") != "b" {
		t.Errorf("backends %v, want b", got)
	}
}

// TestWatchWithoutWatches is a system that gives out none.
func TestWatchWithoutWatches(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.yaml")
	write(t, file, manifest("a"))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var got []string
	w := watcher{options: Options{Paths: []string{file}}, changed: func(c *Config, err error) {
		if err != nil {
			t.Error(err)
			cancel()
			return
		}
		if got = append(got, ids(c)...); len(got) == 1 {
			write(t, file, manifest("b"))
			return
		}
		cancel()
	}}
	w.run(ctx, nil)
	if strings.Join(got, " ") != "a b" {
		t.Errorf("told of %v, want a, then b", got)
	}
}
