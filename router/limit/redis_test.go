package limit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// remaining is what is left, asked by a request that is refused.
func remaining(t testing.TB, s Store, limits Limits) (requests, tokens int64) {
	t.Helper()
	v := mustReserve(t, s, heldKey, limits, 1<<50)
	return v.Requests.Remaining, v.Tokens.Remaining
}

// synchronous is a Redis whose settlements are waited for.
type synchronous struct {
	*Redis
	t testing.TB
}

func (s synchronous) Reserve(ctx context.Context, key Key, limits Limits, tokens int64) (Verdict, error) {
	s.settled(s.t)
	return s.Redis.Reserve(ctx, key, limits, tokens)
}

// The script is window.go once more: the same ledger holds both.
func TestRedisIsTheLedger(t *testing.T) {
	r := startServer(t).sidecar(t, RedisOptions{})
	r.scripts = newScripts("local now = tonumber(redis.call('GET', 'clock'))\n")
	rapid.Check(t, func(rt *rapid.T) {
		r.do(t, "FLUSHDB")
		h := &held{store: synchronous{r, t}, clock: func(d time.Duration) {
			r.settled(t)
			r.do(t, "SET", "clock", fmt.Sprint(d.Milliseconds()))
		}}
		h.pass(time.Hour)
		if rapid.Bool().Draw(rt, "exactly") {
			h.exactly(rt)
		} else {
			h.nearly(rt)
		}
		for _, o := range h.open {
			o.ticket.Settle(0)
		}
		r.settled(t)
	})
}

func TestTwoSidecarsShareALimit(t *testing.T) {
	s := startServer(t)
	a, b := s.sidecar(t, RedisOptions{}), s.sidecar(t, RedisOptions{})
	hammerOne(t, a, b)
	a.do(t, "FLUSHDB")
	used := hammerAborted(t, a, b)
	a.settled(t)
	b.settled(t)
	limits := Limits{2000, 1 << 40}
	for _, store := range []Store{a, b} {
		requests, tokens := remaining(t, store, limits)
		if got := (charges{2000 - requests, 1<<40 - tokens}); got != used {
			t.Errorf("%+v used, the ledger says %+v", got, used)
		}
	}
}

func TestRedisThirdOfTwoWaits(t *testing.T) {
	r := startServer(t).sidecar(t, RedisOptions{})
	r.width = 2 * time.Second // a minute is long
	limits := Limits{Requests: 2, Tokens: 1000}
	for range 2 {
		if !mustReserve(t, r, heldKey, limits, 100).Allowed {
			t.Fatal("refused within the limit")
		}
	}
	v := mustReserve(t, r, heldKey, limits, 100)
	if v.Allowed || v.Unit != Requests || v.Ticket.Open() || v.RetryAfter < time.Second || v.RetryAfter > r.width {
		t.Errorf("the third: %+v", v)
	}
	headers := maps.Collect(v.Headers())
	if headers["x-ratelimit-remaining-requests"] != "0" || headers["x-ratelimit-remaining-tokens"] != "800" {
		t.Errorf("headers %v", headers)
	}
	time.Sleep(v.RetryAfter)
	if !mustReserve(t, r, heldKey, limits, 100).Allowed {
		t.Error("refused after the time it was told to wait")
	}
	if v := mustReserve(t, r, heldKey, limits, 1001); v.Allowed || !v.Oversized || v.Unit != Tokens {
		t.Errorf("1001 of 1000: %+v", v)
	}
}

// A process that ends settles first; one that dies is forgotten.
func TestTicketsOfProcessesThatEnd(t *testing.T) {
	s := startServer(t)
	stays, goes := s.sidecar(t, RedisOptions{}), s.sidecar(t, RedisOptions{})
	stays.width = 3 * time.Second
	goes.width = stays.width
	limits := Limits{Requests: 100, Tokens: 10_000}
	for range 50 {
		v := mustReserve(t, goes, heldKey, limits, 100)
		v.Ticket.Settle(1)
	}
	dead := mustReserve(t, goes, heldKey, limits, 1000)
	if err := goes.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if requests, tokens := remaining(t, stays, limits); requests != 49 || tokens != 8950 {
		t.Errorf("%d requests and %d tokens remain, want 49 and 8950", requests, tokens)
	}
	dead.Ticket.Settle(5) // in vain, and it does not hang
	time.Sleep(stays.width + time.Second)
	if requests, tokens := remaining(t, stays, limits); requests != 100 || tokens != 10_000 {
		t.Errorf("%d requests and %d tokens remain, want all", requests, tokens)
	}
	// Everything that is left on the server expires.
	forever, err := stays.do(t, "EVAL", "local n = 0 for _, k in ipairs(redis.call('KEYS', '*')) do if redis.call('PTTL', k) < 0 then n = n + 1 end end return n", "0").AsInt64()
	if err != nil || forever != 0 {
		t.Errorf("%d keys stay for ever, %v", forever, err)
	}
}

// gone tells of a breaker.
type gone chan error

func (g gone) changed(err error) { g <- err }

func (g gone) next(t testing.TB) error {
	t.Helper()
	select {
	case err := <-g:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("the breaker says nothing")
		return nil
	}
}

func TestServerDies(t *testing.T) {
	limits := Limits{Requests: 1}
	for _, mode := range []WhenDown{Refuse, Allow, CountLocal} {
		t.Run(mode.String(), func(t *testing.T) {
			s := startServer(t)
			events := make(gone, 10)
			r := s.sidecar(t, RedisOptions{WhenDown: mode, Changed: events.changed})
			if !mustReserve(t, r, heldKey, limits, 0).Allowed {
				t.Fatal("refused within the limit")
			}
			s.stop(t)
			var allowed, failed int
			for range 10 {
				v, err := r.Reserve(t.Context(), heldKey, limits, 0)
				switch {
				case errors.Is(err, ErrUnavailable):
					failed++
				case err != nil:
					t.Error(err)
				case v.Allowed:
					allowed++
					v.Ticket.Settle(0)
				}
			}
			want := map[WhenDown][2]int{Refuse: {0, 10}, Allow: {10, 0}, CountLocal: {1, 0}}[mode]
			if got := [2]int{allowed, failed}; got != want {
				t.Errorf("%d allowed, %d failed; want %v", allowed, failed, want)
			}
			if events.next(t) == nil || r.Down() == nil {
				t.Error("the server is gone and nobody says so")
			}
			s.start(t)
			if err := events.next(t); err != nil || r.Down() != nil {
				t.Fatalf("the server is back: %v, %v", err, r.Down())
			}
			if !mustReserve(t, r, heldKey, limits, 0).Allowed || mustReserve(t, r, heldKey, limits, 0).Allowed {
				t.Error("the server that is back does not count")
			}
		})
	}
}

// A server that hangs costs the first requests the timeout, and the others
// nothing. What it does with their reservations later is given back.
func TestServerHangs(t *testing.T) {
	s := startServer(t)
	events := make(gone, 10)
	r := s.sidecar(t, RedisOptions{Timeout: 300 * time.Millisecond, Changed: events.changed})
	watcher := s.sidecar(t, RedisOptions{})
	limits := Limits{Requests: 100, Tokens: 100_000}
	mustReserve(t, r, heldKey, limits, 10)
	if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for range 50 {
		if _, err := r.Reserve(t.Context(), heldKey, limits, 1000); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("a server that hangs says %v", err)
		}
	}
	if took := time.Since(start); took > 10*r.options.Timeout {
		t.Errorf("50 requests waited %v in all", took)
	}
	if events.next(t) == nil {
		t.Error("nobody says that the server hangs")
	}
	if err := s.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := events.next(t); err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		requests, tokens := remaining(t, watcher, limits)
		if requests == 99 && tokens == 99_990 {
			break
		}
		if i == 200 {
			t.Fatalf("%d requests and %d tokens remain, want 99 and 99990", requests, tokens)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestServerComesLate(t *testing.T) {
	s := startServer(t)
	s.stop(t)
	events := make(gone, 10)
	r := s.sidecar(t, RedisOptions{Changed: events.changed})
	if events.next(t) == nil {
		t.Error("nobody says that there is no server")
	}
	if _, err := r.Reserve(t.Context(), heldKey, Limits{Requests: 1}, 0); !errors.Is(err, ErrUnavailable) {
		t.Errorf("without a server: %v", err)
	}
	if v, err := r.Reserve(t.Context(), heldKey, Limits{}, 0); err != nil || !v.Allowed {
		t.Errorf("without a limit: %+v, %v", v, err)
	}
	s.start(t)
	if err := events.next(t); err != nil {
		t.Fatal(err)
	}
	if !mustReserve(t, r, heldKey, Limits{Requests: 1}, 0).Allowed {
		t.Error("refused within the limit")
	}
}

// A clock that is set back locks nobody out for longer than a minute.
func TestServerClockIsSetBack(t *testing.T) {
	r := startServer(t).sidecar(t, RedisOptions{})
	r.scripts = newScripts("local now = tonumber(redis.call('GET', 'clock'))\n")
	limits := Limits{Requests: 1}
	for _, tt := range []struct {
		clock   time.Duration
		allowed bool
	}{{time.Hour, true}, {time.Minute, false}, {2*time.Minute - 1, false}, {2 * time.Minute, true}} {
		r.do(t, "SET", "clock", fmt.Sprint(tt.clock.Milliseconds()))
		v := mustReserve(t, r, heldKey, limits, 0)
		if v.Allowed != tt.allowed || v.RetryAfter > Window {
			t.Errorf("at %v: %+v", tt.clock, v)
		}
	}
}

// A client that leaves is no failure of the server.
func TestClientLeaves(t *testing.T) {
	r := startServer(t).sidecar(t, RedisOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 * tolerated {
		if _, err := r.Reserve(ctx, heldKey, Limits{Requests: 1}, 0); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if err := r.Down(); err != nil {
		t.Error(err)
	}
	if !mustReserve(t, r, heldKey, Limits{Requests: 1}, 0).Allowed {
		t.Error("requests of clients that had left were charged")
	}
}

func TestAPasswordIsNotTold(t *testing.T) {
	for _, u := range []string{
		"redis://user:geh/eim@h:1/0", "redis://:geheim@h:x/0", "redis://u:geheim%@h", "http://u:geheim@h", "redis://u:p@h/geheim", "redis://h?db=geheim", "geheim",
	} {
		_, err := NewRedis(RedisOptions{URL: u})
		if err == nil || strings.Contains(err.Error(), "geh") {
			t.Errorf("%s: %v", u, err)
		}
	}
	s := startServer(t, "--requirepass", "geheim")
	url := s.url
	s.url = strings.Replace(url, "unix://", "unix://:falsch@", 1)
	wrong := s.sidecar(t, RedisOptions{})
	if err := wrong.Down(); err == nil || strings.Contains(err.Error(), "falsch") {
		t.Errorf("a wrong password: %v", err)
	}
	s.url = strings.Replace(url, "unix://", "unix://:geheim@", 1)
	right := s.sidecar(t, RedisOptions{})
	if !mustReserve(t, right, heldKey, Limits{Requests: 1}, 0).Allowed {
		t.Error("refused within the limit")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, right); strings.Contains(text, "geheim") {
			t.Errorf("%s prints the password", verb)
		}
	}
	s.url = url
}

func TestTLS(t *testing.T) {
	certificate, key, roots := certificate(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	listener.Close()
	s := startServer(t, "--bind", "127.0.0.1", "--tls-port", fmt.Sprint(address.Port),
		"--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate, "--tls-auth-clients", "no")
	socket := s.url
	s.url = "rediss://" + address.String() + "/2"
	if err := s.sidecar(t, RedisOptions{}).Down(); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of nobody's: %v", err)
	}
	if !mustReserve(t, s.sidecar(t, RedisOptions{RootCAs: roots}), heldKey, Limits{Requests: 1}, 0).Allowed {
		t.Error("refused within the limit")
	}
	s.url = socket
}

func TestKeysOfATicketAreOnOneNode(t *testing.T) {
	a, b := Ticket{key: Key{"a", "b/c"}, id: "1"}, Ticket{key: Key{"a/b", "c"}, id: "1"}
	if a.keys()[0] == b.keys()[0] {
		t.Errorf("two keys are one: %v", a.keys())
	}
	odd := Ticket{key: Key{"a}{b", "c}"}, id: "1"}
	for _, keys := range [][]string{a.keys(), odd.keys()} {
		tag := func(s string) string { return s[strings.Index(s, "{"):strings.Index(s, "}")] }
		if tag(keys[0]) != tag(keys[1]) || len(tag(keys[0])) < 2 {
			t.Errorf("%v are on two nodes", keys)
		}
	}
}

func TestParseWhenDown(t *testing.T) {
	for _, mode := range []WhenDown{Refuse, Allow, CountLocal} {
		if got, err := ParseWhenDown(mode.String()); got != mode || err != nil {
			t.Errorf("%v: %v, %v", mode, got, err)
		}
	}
	if _, err := ParseWhenDown("ignore"); err == nil || !strings.Contains(err.Error(), "refuse, allow and local") {
		t.Errorf("ignore: %v", err)
	}
}

func BenchmarkRedis(b *testing.B) {
	r := startServer(b).sidecar(b, RedisOptions{})
	limits := Limits{Requests: 1 << 40, Tokens: 1 << 40}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v := mustReserve(b, r, heldKey, limits, 100)
			v.Ticket.Settle(50)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				v := mustReserve(b, r, heldKey, limits, 100)
				v.Ticket.Settle(50)
			}
		})
	})
}
