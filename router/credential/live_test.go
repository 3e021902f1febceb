package credential

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"llmroute/router/config"
	"llmroute/translator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// provider gives out tokens that are good for an hour, or what fail says.
type provider struct {
	asked atomic.Int64
	fail  atomic.Pointer[error]
	lasts time.Duration // 0 is an hour
	hang  bool
}

func (p *provider) Token(ctx context.Context) (*Token, error) {
	n := p.asked.Add(1)
	if p.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if err := p.fail.Load(); err != nil {
		return nil, *err
	}
	lasts := p.lasts
	if lasts == 0 {
		lasts = time.Hour
	}
	return &Token{Value: config.Secret(fmt.Sprintf("token-%d", n)), Expires: time.Now().Add(lasts)}, nil
}

func (p *provider) says(err error) { p.fail.Store(&err) }

func gcp(key string) config.Auth {
	return config.Auth{Type: config.AuthGCP, Key: config.Secret(key), From: "file " + key}
}

func backends(auths ...config.Auth) []*config.Backend {
	all := make([]*config.Backend, len(auths))
	for i, a := range auths {
		all[i] = &config.Backend{Auth: a}
	}
	return all
}

// pool returns a Pool whose every credential is one of the provider's.
func pool(t *testing.T, p Source, log *slog.Logger) *Pool {
	t.Helper()
	pool := NewPool(Options{Log: log, Source: func(config.Auth) (Source, error) { return p, nil }})
	t.Cleanup(pool.Close)
	return pool
}

func use(t *testing.T, p *Pool, auths ...config.Auth) InUse {
	t.Helper()
	used, err := p.Use(t.Context(), backends(auths...))
	if err != nil {
		t.Fatal(err)
	}
	return used
}

func value(t *testing.T, l *Live) string {
	t.Helper()
	token, err := l.Token()
	if err != nil {
		return err.Error()
	}
	return token.Value.Reveal()
}

func refusal(t *testing.T, l *Live) *translator.Refusal {
	t.Helper()
	_, err := l.Token()
	r, ok := errors.AsType[*translator.Refusal](err)
	if !ok {
		t.Fatalf("got %v, want a refusal", err)
	}
	return r
}

// A token is renewed before it expires, and nobody ever waits for that.
func TestTokenIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		l := use(t, pool(t, p, nil), gcp("a"))[gcp("a")]
		for _, step := range []struct {
			after time.Duration
			want  string
		}{
			{0, "token-1"}, {41 * time.Minute, "token-1"}, {8 * time.Minute, "token-2"}, {48*time.Minute + time.Second, "token-3"},
		} {
			time.Sleep(step.after)
			synctest.Wait()
			if got := value(t, l); got != step.want {
				t.Errorf("%v later: got %s, want %s", step.after, got, step.want)
			}
		}
	})
}

// While there are no new tokens the last one is used for as long as it is good;
// after that requests are told, and a good one mends it.
func TestProviderThatRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := &provider{}
		l := use(t, pool(t, p, slog.New(slog.NewTextHandler(&log, nil))), gcp("a"))[gcp("a")]
		p.says(&refusedError{code: "invalid_grant", err: errors.New("account disabled")})
		time.Sleep(59 * time.Minute)
		if got := value(t, l); got != "token-1" {
			t.Errorf("before its end: got %s, want the last token", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		want := &translator.Refusal{Status: 502, Type: "server_error", Code: "provider_auth_error",
			Message: "The gateway could not authenticate to this backend: the provider's token endpoint refused its credential (invalid_grant), file a."}
		if diff := cmp.Diff(refusal(t, l), want); diff != "" {
			t.Errorf("refusal (-got +want):\n%s", diff)
		}
		if !strings.Contains(log.String(), "account disabled") || strings.Contains(log.String(), "token-1") {
			t.Errorf("log does not say why, or says too much: %s", log.String())
		}
		p.fail.Store(nil)
		time.Sleep(lastRetry)
		synctest.Wait()
		if got := value(t, l); !strings.HasPrefix(got, "token-") {
			t.Errorf("mended: got %s, want a token", got)
		}
		if !strings.Contains(log.String(), "credential works again") {
			t.Errorf("log does not say that it works again: %s", log.String())
		}
	})
}

// A token that is refused is replaced at once, one that was replaced already is
// not, and the provider is not asked by each request that fails.
func TestTokenThatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		l := use(t, pool(t, p, nil), gcp("a"))[gcp("a")]
		old, _ := l.Token()
		time.Sleep(time.Minute)
		for range 100 {
			l.Refused(old)
		}
		synctest.Wait()
		if got := value(t, l); got != "token-2" {
			t.Errorf("refused: got %s, want the next token", got)
		}
		for range 10 {
			time.Sleep(shortestRest)
			l.Refused(old)
			synctest.Wait()
		}
		if got := p.asked.Load(); got != 2 {
			t.Errorf("asked %d times, want 2", got)
		}
		next, _ := l.Token()
		for range 20 {
			l.Refused(next)
			synctest.Wait()
			next, _ = l.Token()
			time.Sleep(time.Second)
		}
		if got := p.asked.Load(); got > 5 {
			t.Errorf("asked %d times in twenty seconds", got)
		}
	})
}

// A machine that was asleep wakes up with a token that has expired and a timer
// that has not.
func TestTokenThatExpiredAsleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		l := use(t, pool(t, p, nil), gcp("a"))[gcp("a")]
		time.Sleep(time.Minute)
		l.token.Store(&Token{Value: "old", Expires: time.Now()})
		if got := refusal(t, l); got.Status != 503 {
			t.Errorf("expired: got %+v, want a 503", got)
		}
		synctest.Wait()
		if got := value(t, l); got != "token-2" {
			t.Errorf("a moment later: got %s, want a new token", got)
		}
	})
}

// Retries slow down and do not stop.
func TestRetriesSlowDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.says(errors.New("connection refused"))
		l := use(t, pool(t, p, nil), gcp("a"))[gcp("a")]
		if got := refusal(t, l).Message; !strings.Contains(got, "no token could be had") {
			t.Errorf("message: got %q", got)
		}
		asked := map[time.Duration]int64{}
		for _, at := range []time.Duration{500 * time.Millisecond, 35 * time.Second, 10 * time.Minute} {
			time.Sleep(at)
			synctest.Wait()
			asked[at] = p.asked.Load()
		}
		want := map[time.Duration]int64{500 * time.Millisecond: 1, 35 * time.Second: 6, 10 * time.Minute: 26}
		if diff := cmp.Diff(asked, want); diff != "" {
			t.Errorf("attempts by pause (-got +want):\n%s", diff)
		}
	})
}

// A provider that does not answer holds a configuration up for a moment only.
func TestProviderThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		p := pool(t, &provider{hang: true}, nil)
		used := use(t, p, gcp("a"), gcp("b"))
		if took := time.Since(start); took != firstWait {
			t.Errorf("waited %v, want %v", took, firstWait)
		}
		if got := refusal(t, used[gcp("a")]); got.Status != 503 || got.RetryAfter == 0 {
			t.Errorf("got %+v, want a 503 with a time to retry after", got)
		}
		time.Sleep(attemptTimeout)
		synctest.Wait()
		if got := refusal(t, used[gcp("a")]); got.Status != 502 {
			t.Errorf("after the attempt: got %+v, want a 502", got)
		}
	})
}

func TestTokensThatAreNone(t *testing.T) {
	for _, token := range []*Token{{Value: "", Expires: time.Now().Add(time.Hour)}, {Value: "old", Expires: time.Now().Add(-time.Second)}} {
		l := use(t, pool(t, fixed{token}, nil), gcp("a"))[gcp("a")]
		if got := refusal(t, l); got.Code != "provider_auth_error" {
			t.Errorf("%+v: got %+v", token, got)
		}
	}
}

type fixed struct{ token *Token }

func (f fixed) Token(context.Context) (*Token, error) { return f.token, nil }

// What the next configuration names again keeps its token; the rest ends.
func TestPoolOutlivesConfigurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := &provider{}
		p := pool(t, provider, nil)
		missing := config.Auth{Type: config.AuthGCP, From: "file that is not there"}
		first := use(t, p, gcp("a"), gcp("b"), gcp("a"), missing, config.Auth{Type: config.AuthAPIKey, Key: "k", From: "x"})
		if len(first) != 2 || provider.asked.Load() != 2 {
			t.Fatalf("%d credentials and %d attempts, want 2 of each", len(first), provider.asked.Load())
		}
		second := use(t, p, gcp("b"), gcp("c"))
		p.Keep(second)
		if second[gcp("b")] != first[gcp("b")] {
			t.Error("what was named again was begun again")
		}
		synctest.Wait()
		before := provider.asked.Load()
		time.Sleep(50 * time.Minute)
		synctest.Wait()
		if got := provider.asked.Load() - before; got != 2 {
			t.Errorf("%d renewals, want those of the two in use", got)
		}
		p.Close()
		if _, err := use(t, p, gcp("d"))[gcp("d")].Token(); err == nil {
			t.Error("a closed pool gave a token")
		}
	})
}

func TestSourceThatCannotBeMade(t *testing.T) {
	p := NewPool(Options{})
	defer p.Close()
	_, err := p.Use(t.Context(), backends(gcp(`{"type":`)))
	if err == nil || strings.Contains(err.Error(), `{"type":`+`"`) {
		t.Errorf("got %v, want an error", err)
	}
}

// hammer: tokens are read while they are renewed and credentials come and go.
func TestHammer(t *testing.T) {
	p := NewPool(Options{Source: func(config.Auth) (Source, error) { return &provider{lasts: time.Minute}, nil }})
	defer p.Close()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 100 {
				auths := []config.Auth{gcp("shared"), gcp(fmt.Sprint(i, j%3))}
				used, err := p.Use(t.Context(), backends(auths...))
				if err != nil {
					t.Error(err)
					return
				}
				for _, l := range used {
					if token, err := l.Token(); err == nil && token.Value == "" {
						t.Error("a token without a value")
					}
				}
				if j%10 == 0 {
					p.Keep(used)
				}
			}
		})
	}
	all.Wait()
}
