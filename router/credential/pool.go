package credential

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"llmroute/router/config"
)

// firstWait is how long a configuration waits for the credentials that are new
// in it. Longer would hold up a start where no provider is reachable yet.
const firstWait = 5 * time.Second

// Options are what a Pool may be given. The zero value is ready to use.
type Options struct {
	Log *slog.Logger // nil logs nothing

	// Client sends what asks for tokens. Nil means one with a time limit.
	Client *http.Client

	// Source, where it is not nil, makes the sources instead of the providers'
	// own, for tests.
	Source func(config.Auth) (Source, error)
}

// Pool holds the credentials that are in use. It outlives configurations: what
// the next one names again keeps its token. Its methods may be called from any
// goroutine.
type Pool struct {
	options Options

	mu     sync.Mutex
	live   map[config.Auth]*Live
	closed bool
}

// NewPool returns an empty Pool.
func NewPool(o Options) *Pool {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: attemptTimeout}
	}
	if o.Source == nil {
		o.Source = func(a config.Auth) (Source, error) { return newSource(a, o.Client) }
	}
	return &Pool{options: o, live: map[config.Auth]*Live{}}
}

// InUse is the credentials that a configuration uses.
type InUse map[config.Auth]*Live

// Use returns the credentials of backends that have a token, and starts those
// that are new. It waits, a few seconds at most, until each was tried once: what
// is not ready then may be later.
func (p *Pool) Use(ctx context.Context, backends []*config.Backend) (InUse, error) {
	ctx, cancel := context.WithTimeout(ctx, firstWait)
	defer cancel()
	used := make(InUse)
	for _, b := range backends {
		a := b.Auth
		if !a.Type.HasToken() || a.IsMissing() {
			continue
		}
		l, err := p.use(a)
		if err != nil {
			return nil, err
		}
		used[a] = l
	}
	for _, l := range used {
		select {
		case <-l.tried:
		case <-ctx.Done():
		}
	}
	return used, nil
}

func (p *Pool) use(a config.Auth) (*Live, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.live[a]; l != nil {
		return l, nil
	}
	source, err := p.options.Source(a)
	if err != nil {
		return nil, fmt.Errorf("credential %s: %w", from(a), err)
	}
	ctx, stop := context.WithCancel(context.Background())
	l := &Live{from: from(a), source: source, log: p.options.Log, stop: stop,
		tried: make(chan struct{}), wanted: make(chan struct{}, 1)}
	if p.closed {
		stop()
		close(l.tried)
		return l, nil
	}
	p.live[a] = l
	go l.run(ctx)
	return l, nil
}

// Keep ends every credential that is not among used.
func (p *Pool) Keep(used InUse) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for a, l := range p.live {
		if used[a] != l {
			l.stop()
			delete(p.live, a)
		}
	}
}

// Close ends all credentials. Those that are asked for afterwards never start.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, l := range p.live {
		l.stop()
	}
	p.live = nil
}
