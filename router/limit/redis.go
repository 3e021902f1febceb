package limit

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/valkey-io/valkey-go"
)

// WhenDown says what becomes of requests while the server cannot be asked.
type WhenDown uint8

// What becomes of them.
const (
	Refuse     WhenDown = iota // no request passes whose limits nobody knows
	Allow                      // all pass, uncounted
	CountLocal                 // each process counts its own, up to the whole limit
)

var whenDown = []string{Refuse: "refuse", Allow: "allow", CountLocal: "local"}

// ParseWhenDown reads "refuse", "allow" or "local".
func ParseWhenDown(s string) (WhenDown, error) {
	if i := slices.Index(whenDown, s); i >= 0 {
		return WhenDown(i), nil
	}
	return 0, fmt.Errorf("%q is not one of refuse, allow and local", s)
}

// String returns what ParseWhenDown reads.
func (w WhenDown) String() string { return whenDown[w] }

// RedisOptions say where a Redis or Valkey server is, and what to do without it.
type RedisOptions struct {
	// URL is redis://, rediss:// (TLS) or unix://, with user, password and the
	// number of the database: rediss://user:password@host:6379/0. Further nodes of
	// a cluster follow as ?addr=host2:6379&addr=…; with master_set=NAME they are
	// sentinels. It is a secret and is not repeated in any error.
	URL string

	WhenDown WhenDown

	// Timeout is how long a request waits for the server's word; 0 is 250 ms. After
	// three failures in a row requests do not wait at all, until the server answers
	// again.
	Timeout time.Duration

	// RootCAs are who may vouch for a server with TLS; nil are the system's.
	RootCAs *x509.CertPool

	// Changed is told when the server is given up, why, and with nil when it is
	// back. It is called from any goroutine and must return soon.
	Changed func(error)
}

// Redis keeps budgets in a Redis or Valkey server, where all processes with the
// same URL share them exactly: each decision is one script and one round trip,
// and the time is the server's. Create it with NewRedis.
//
// A key's budget is one value of some hundred bytes that expires with its last
// charge, a request under way another. The reservation of a process that died is
// never settled; like every charge it is forgotten after a minute. A request is
// to be settled within an hour of its reservation, or it counts as reserved.
//
// A server that forgets, after a restart without persistence, forgets the last
// minute.
type Redis struct {
	options RedisOptions                  // without the URL
	dial    func() (valkey.Client, error) // knows the password, and cannot be printed
	width   time.Duration
	scripts scripts
	live    atomic.Pointer[valkey.Client]
	breaker *breaker
	local   *Memory // while it is down, with CountLocal
	prefix  string  // of the tickets of this process
	tickets atomic.Uint64
	ends    settlements
}

// ticketLife is how long after its reservation a request may be settled.
const ticketLife = time.Hour

// probePause is the time between two questions to a server that is down.
const probePause = 250 * time.Millisecond

//go:embed window.lua
var windowScript string

//go:embed reserve.lua
var reserveScript string

//go:embed settle.lua
var settleScript string

// serverClock is the time of all who share a budget.
const serverClock = "local t = redis.call('TIME')\nlocal now = t[1] * 1000 + math.floor(t[2] / 1000)\n"

// scripts are what the server runs.
type scripts struct{ reserve, settle *valkey.Lua }

func newScripts(clock string) scripts {
	return scripts{
		reserve: valkey.NewLuaScript(windowScript + clock + reserveScript),
		settle:  valkey.NewLuaScript(windowScript + clock + settleScript),
	}
}

// NewRedis returns a Redis that connects by itself, now or when the server is
// there; WhenDown holds until then. Close it at the end.
func NewRedis(options RedisOptions) (*Redis, error) {
	if options.Timeout == 0 {
		options.Timeout = 250 * time.Millisecond
	}
	client, err := parseURL(options)
	if err != nil {
		return nil, err
	}
	options.URL = ""
	r := &Redis{
		options: options, width: Window,
		dial:    func() (valkey.Client, error) { return valkey.NewClient(client) },
		scripts: newScripts(serverClock), local: NewMemory(nil), prefix: rand.Text()[:12] + "-",
	}
	r.breaker = newBreaker(r.connect, probePause, options.Changed)
	r.ends.start(r)
	ctx, cancel := context.WithTimeout(context.Background(), options.Timeout)
	defer cancel()
	if err := r.connect(ctx); err != nil {
		r.breaker.trip(err)
	}
	return r, nil
}

// parseURL says what is wrong without saying what was written: where a password
// is not escaped, any part of the URL may be a part of it.
func parseURL(options RedisOptions) (valkey.ClientOption, error) {
	o, err := valkey.ParseURL(options.URL)
	if err != nil {
		return o, errors.New("limits URL: want redis://user:password@host:6379/0, rediss:// with TLS or unix:///path; " +
			"in a password write / as %2F, @ as %40, : as %3A")
	}
	if o.TLSConfig != nil && options.RootCAs != nil {
		o.TLSConfig.RootCAs = options.RootCAs
	}
	// Of one address the library would ask whether it is a cluster, and take what
	// does not answer for one.
	o.ForceSingleClient = len(o.InitAddress) == 1 && o.Sentinel.MasterSet == ""
	o.DisableCache = true // nothing is only read
	o.DisableRetry = true // a request has no time for it, and a settlement its own
	o.Dialer.Timeout = options.Timeout
	o.ConnWriteTimeout = max(4*options.Timeout, time.Second)
	o.ReadBufferEachConn, o.WriteBufferEachConn = 1<<14, 1<<14
	o.ClientSetInfo = valkey.DisableClientSetInfo
	return o, nil
}

// connect makes sure that there is a client whose server does what it is asked:
// a replica and a full server answer a ping.
func (r *Redis) connect(ctx context.Context) error {
	client := r.live.Load()
	if client == nil {
		made, err := r.dial()
		if err != nil {
			return fmt.Errorf("limits server: %w", err)
		}
		if client = &made; !r.live.CompareAndSwap(nil, client) {
			made.Close()
			client = r.live.Load()
		}
	}
	ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	probe := Ticket{id: r.prefix + "probe"}
	if err := r.scripts.settle.Exec(ctx, *client, probe.keys(), r.settlement(0, 0, true)).Error(); err != nil {
		return fmt.Errorf("limits server: %w", err)
	}
	return nil
}

// Down returns why the server is given up at the moment, nil when it is not.
func (r *Redis) Down() error { return r.breaker.err() }

// Reserve implements Store.
func (r *Redis) Reserve(ctx context.Context, key Key, limits Limits, tokens int64) (Verdict, error) {
	if limits.None() {
		return Verdict{Allowed: true}, nil
	}
	err := r.breaker.err()
	if err == nil {
		var v Verdict
		if v, err = r.reserve(ctx, key, limits, bounded(tokens)); err == nil {
			return v, nil
		}
		if ctx.Err() != nil { // nobody waits for an answer
			return Verdict{}, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
		}
	}
	switch r.options.WhenDown {
	case Allow:
		return Verdict{Allowed: true}, nil
	case CountLocal:
		return r.local.Reserve(ctx, key, limits, tokens)
	default:
		return Verdict{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
}

func (r *Redis) reserve(ctx context.Context, key Key, limits Limits, tokens int64) (Verdict, error) {
	t := Ticket{store: r, key: key, id: r.prefix + strconv.FormatUint(r.tickets.Add(1), 36), tokens: tokens}
	timed, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	reply, err := r.scripts.reserve.Exec(timed, *r.live.Load(), t.keys(), []string{
		milliseconds(r.width), number(max(limits.Requests, 0)), number(max(limits.Tokens, 0)), number(tokens), milliseconds(ticketLife),
	}).AsIntSlice()
	if err == nil && len(reply) != 7 {
		err = fmt.Errorf("limits server: an answer of %d numbers", len(reply))
	}
	if err != nil {
		// It may have been charged nevertheless, or will be.
		r.ends.add(settlement{t, -1, -tokens, true, time.Now()})
		if ctx.Err() == nil {
			r.breaker.failed(err)
		}
		return Verdict{}, err
	}
	r.breaker.succeeded()
	v := Verdict{Allowed: reply[0] == 1}
	v.Requests = levelOf(limits.Requests, reply[1], reply[3])
	v.Tokens = levelOf(limits.Tokens, reply[4], reply[6])
	if v.Allowed {
		v.Ticket = t
		return v, nil
	}
	for unit, wait := range [...]int64{Requests: reply[2], Tokens: reply[5]} {
		if wait := retryAfter(time.Duration(wait) * time.Millisecond); reply[2+3*unit] > 0 && wait > v.RetryAfter {
			v.Unit, v.RetryAfter = Unit(unit), wait
		}
	}
	v.Oversized = limits.Tokens > 0 && tokens > limits.Tokens
	return v, nil
}

func levelOf(limit, used, reset int64) Level {
	if limit <= 0 {
		return Level{}
	}
	return Level{Limit: limit, Remaining: max(limit-used, 0), Reset: time.Duration(reset) * time.Millisecond}
}

// keys are those of the scripts. What stands in braces decides on the node of a
// cluster, so that both are on one.
func (t *Ticket) keys() []string {
	window := "llmroute:limit:{" + url.PathEscape(t.key.Backend) + "/" + t.key.Model + "}"
	return []string{window, window + ":" + t.id}
}

func number(n int64) string               { return strconv.FormatInt(n, 10) }
func milliseconds(d time.Duration) string { return number(d.Milliseconds()) }

// Close implements Store: it settles what is left to settle, as long as ctx
// lasts and the server answers.
func (r *Redis) Close(ctx context.Context) error {
	err := r.ends.close(ctx)
	r.breaker.stop()
	if client := r.live.Load(); client != nil {
		(*client).Close()
	}
	return err
}
