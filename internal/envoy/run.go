package envoy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	func_e "github.com/tetratelabs/func-e"
	"github.com/tetratelabs/func-e/api"
)

// Options are how an Envoy is run.
type Options struct {
	Binary    Binary
	Bootstrap string    // the text of its envoy.yaml
	Home      string    // where func-e keeps logs and state of its runs
	Stdout    io.Writer // Envoy's, where the access log goes; nil discards it
	Stderr    io.Writer // Envoy's and func-e's; nil discards it
	Args      []string  // further arguments of Envoy
}

// Process is a running Envoy. Its methods may be called from any goroutine.
type Process struct {
	dir    string // of bootstrap and admin address; removed at the end
	kill   context.CancelFunc
	done   chan struct{}
	err    error       // set before done is closed
	told   atomic.Bool // to end
	client http.Client

	mu    sync.Mutex
	admin string // URL, once it is known
}

// Start runs Envoy by func-e's library. It returns once the process was asked
// for; Ready tells when it serves. When ctx ends Envoy is killed, and requests
// with it: Stop is the polite way.
func Start(ctx context.Context, o Options) (*Process, error) {
	dir, err := os.MkdirTemp("", "llmroute-envoy-")
	if err != nil {
		return nil, fmt.Errorf("start envoy: %w", err)
	}
	file, address := filepath.Join(dir, "envoy.yaml"), filepath.Join(dir, "admin")
	if err := os.WriteFile(file, []byte(o.Bootstrap), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("start envoy: %w", err), os.RemoveAll(dir))
	}
	ctx, kill := context.WithCancel(ctx)
	p := &Process{dir: dir, kill: kill, done: make(chan struct{}), client: http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{DisableKeepAlives: true},
	}}
	args := append([]string{
		"-c", file,
		"--admin-address-path", address,
		"--use-dynamic-base-id", // another Envoy on this machine is no hindrance
		"--log-level", "warning",
		"--file-flush-interval-msec", "1000",
		// A drain closes the listeners soon, and each answer its connection.
		"--drain-time-s", "1", "--drain-strategy", "immediate",
	}, o.Args...)
	go func() {
		defer close(p.done)
		defer os.RemoveAll(dir)
		p.err = p.ended(run(ctx, args, o))
	}()
	return p, nil
}

// ended returns why Envoy ended. func-e asks for readiness by itself, and that
// question fails when Envoy is told to end meanwhile: no reason at all.
func (p *Process) ended(err error) error {
	if _, asked := errors.AsType[*url.Error](err); asked && p.told.Load() {
		return nil
	}
	return err
}

// run blocks until Envoy has ended.
func run(ctx context.Context, args []string, o Options) error {
	// Two things of the child hang on the thread that starts it: its signal mask,
	// and on Linux its life, since func-e asks the kernel to kill Envoy when that
	// thread ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer shieldFromInterrupt()()
	stdout, stderr := o.Stdout, o.Stderr
	if stdout == nil {
		stdout = io.Discard
	}
	if stderr == nil {
		stderr = io.Discard
	}
	return func_e.Run(ctx, args,
		api.EnvoyPath(o.Binary.Path), api.HomeDir(o.Home),
		api.Out(io.Discard), api.EnvoyOut(stdout), api.EnvoyErr(stderr))
}

// Done is closed when Envoy has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err returns why Envoy ended: nil when it was told to, or while it runs.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// Ready waits until Envoy serves. The error is set when it ends or ctx does
// before that.
func (p *Process) Ready(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := p.call(ctx, http.MethodGet, "/ready"); err == nil {
			return nil
		}
		select {
		case <-p.done:
			if p.err != nil {
				return fmt.Errorf("envoy ended at start: %w", p.err)
			}
			return errors.New("envoy ended at start")
		case <-ctx.Done():
			return fmt.Errorf("envoy not ready: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// Stop takes no further connections, lets requests finish until ctx ends, then
// ends Envoy and waits for it. Kill cuts it short.
func (p *Process) Stop(ctx context.Context) {
	if _, err := p.call(ctx, http.MethodPost, "/drain_listeners?graceful"); err == nil {
		p.waitIdle(ctx)
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	p.told.Store(true)
	_, _ = p.call(end, http.MethodPost, "/quitquitquit")
	select {
	case <-p.done:
	case <-end.Done():
		p.Kill()
	}
}

// waitIdle returns when no request is open, Envoy has ended, or ctx has.
func (p *Process) waitIdle(ctx context.Context) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		page, err := p.call(ctx, http.MethodGet, "/stats?filter=^http.llm.downstream_rq_active$")
		if err != nil || strings.HasSuffix(strings.TrimSpace(page), ": 0") {
			return
		}
		select {
		case <-p.done:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Kill ends Envoy at once and waits for it.
func (p *Process) Kill() {
	p.kill()
	<-p.done
}

// call asks the admin port; the error is set unless it answered 200.
func (p *Process) call(ctx context.Context, method, path string) (string, error) {
	base, err := p.adminURL()
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, method, base+path, http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("envoy admin %s: %s", path, resp.Status)
	}
	return string(body), err
}

func (p *Process) adminURL() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.admin != "" {
		return p.admin, nil
	}
	b, err := os.ReadFile(filepath.Join(p.dir, "admin"))
	if err != nil {
		return "", err
	}
	if _, _, err := net.SplitHostPort(string(b)); err != nil {
		return "", fmt.Errorf("admin address: %w", err)
	}
	p.admin = "http://" + string(b)
	return p.admin, nil
}

// Admin returns the URL of Envoy's admin port, or "" before Ready.
func (p *Process) Admin() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.admin
}
