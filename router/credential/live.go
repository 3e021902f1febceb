package credential

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"llmroute/router/config"
	"llmroute/translator"
)

// How a token is kept fresh.
const (
	attemptTimeout = 30 * time.Second
	firstRetry     = time.Second
	lastRetry      = 30 * time.Second // retries double up to here
	shortestRest   = 10 * time.Second // between two tokens, however short-lived or unwanted
)

// Live is one credential whose token is kept fresh. Its methods may be called
// from any goroutine.
type Live struct {
	from   string // fit for a message
	source Source
	log    *slog.Logger
	stop   context.CancelFunc

	token   atomic.Pointer[Token]
	refusal atomic.Pointer[translator.Refusal] // of the last attempt, nil when it went well
	tried   chan struct{}                      // closed after the first attempt, or without one at the end
	wanted  chan struct{}                      // holds one wish for a new token
}

// Token returns the token in use. The same pointer means the same token. Without
// one that is good, the error is a *translator.Refusal.
func (l *Live) Token() (*Token, error) {
	if t := l.token.Load(); t != nil && time.Now().Before(t.Expires) {
		return t, nil
	}
	l.renew() // a machine that was asleep has slept through the renewal
	if r := l.refusal.Load(); r != nil {
		return nil, r
	}
	return nil, notYet
}

// Refused tells that the provider has refused t in a request. If t is still the
// one in use, another is fetched in the background: keys may be replaced, and
// tokens revoked, long before they expire.
func (l *Live) Refused(t *Token) {
	if l.token.Load() == t {
		l.renew()
	}
}

// renew has a new token fetched soon, unless there was an attempt just now.
func (l *Live) renew() {
	select {
	case l.wanted <- struct{}{}:
	default:
	}
}

var notYet = &translator.Refusal{Status: http.StatusServiceUnavailable, Code: "credential_not_ready", RetryAfter: time.Second,
	Message: "The gateway is still waiting for its own credential for this backend."}

// run keeps the token fresh until ctx ends.
func (l *Live) run(ctx context.Context) {
	retry := firstRetry
	rest := time.NewTimer(0)
	defer rest.Stop()
	tried := sync.OnceFunc(func() { close(l.tried) })
	defer tried()
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wanted:
			if time.Since(last) < shortestRest {
				continue // however many requests fail, the provider is not asked by each
			}
		case <-rest.C:
		}
		t, err := l.attempt(ctx)
		last = time.Now()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			l.failed(err)
			rest.Reset(retry)
			retry = min(2*retry, lastRetry)
		default:
			l.token.Store(t)
			if l.refusal.Swap(nil) != nil {
				l.log.Info("credential works again", "credential", l.from)
			}
			rest.Reset(restFor(time.Until(t.Expires)))
			retry = firstRetry
		}
		tried()
	}
}

func (l *Live) attempt(ctx context.Context) (*Token, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	t, err := l.source.Token(ctx)
	switch {
	case err != nil:
		return nil, err
	case t.Value == "":
		return nil, errors.New("the provider gave an empty token")
	case !time.Now().Before(t.Expires):
		return nil, errors.New("the provider gave a token that has expired already: the clocks may differ")
	}
	return t, nil
}

// restFor returns how long a token that is good for left is left alone: about
// three quarters of it. Measured by what is left and not by when it was given
// out, because metadata servers give the same token out until shortly before
// its end. Chance keeps the sidecars of a fleet from asking all at once.
func restFor(left time.Duration) time.Duration {
	return max(left*7/10+rand.N(left/10+1), shortestRest)
}

func (l *Live) failed(err error) {
	message := "no token could be had for its credential"
	if code, refused := refusalCode(err); refused {
		message = "the provider's token endpoint refused its credential"
		if code != "" {
			message += " (" + code + ")"
		}
	}
	l.refusal.Store(&translator.Refusal{
		Status: http.StatusBadGateway, Type: "server_error", Code: translator.ErrorCredential,
		Message: "The gateway could not authenticate to this backend: " + message + ", " + l.from + ".",
	})
	attrs := []any{"credential", l.from, "error", err}
	if t := l.token.Load(); t != nil {
		attrs = append(attrs, "token_good_until", t.Expires)
	}
	l.log.Error("no new token", attrs...)
}

// from names a credential to people.
func from(a config.Auth) string {
	switch {
	case a.From != "":
		return a.From
	case a.TokenFile != "":
		return "federated token file " + a.TokenFile
	case a.Type == config.AuthAzureEntra:
		return "the managed identity"
	case a.Profile != "":
		return "profile " + a.Profile + " of AWS's shared files"
	}
	return "the one of the environment it runs in"
}
