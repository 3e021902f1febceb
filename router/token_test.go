package router

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"llmroute/router/config"
	"llmroute/router/credential"
	"llmroute/translator"
)

// mint gives out tokens, or none.
type mint struct {
	given atomic.Int64
	shut  atomic.Bool
}

func (m *mint) Token(context.Context) (*credential.Token, error) {
	if m.shut.Load() {
		return nil, errors.New("shut")
	}
	return &credential.Token{Value: config.Secret(fmt.Sprintf("t%d", m.given.Add(1))), Expires: time.Now().Add(time.Hour)}, nil
}

func withGoogle(b *config.Backend) {
	b.Auth = config.Auth{Type: config.AuthGCP, Header: "authorization", Prefix: "Bearer ", Scope: "s"}
}

// tokenRouter returns a router whose backends take their tokens from m.
func tokenRouter(t *testing.T, m *mint) *Router {
	t.Helper()
	r := New(anywhere{}, nil)
	r.credentials = credential.NewPool(credential.Options{Source: func(config.Auth) (credential.Source, error) { return m, nil }})
	t.Cleanup(r.Close)
	return r
}

func apply(t *testing.T, r *Router, bs ...*config.Backend) {
	t.Helper()
	c := &config.Config{Backends: bs, DefaultBackend: bs[0].ID}
	if err := r.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// sent returns the headers of a request's backend, or why there is none.
func sent(t *testing.T, r *Router) ([]translator.Header, error) {
	t.Helper()
	var p Plan
	err := r.Snapshot().Plan(&p, &Ask{Path: "/", Model: "m"}, nil)
	return p.Backend.Set, err
}

// Each request carries the token of its time, also after a reload.
func TestPlanHoldsTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{}
		r := tokenRouter(t, m)
		apply(t, r, backend("b", withGoogle, func(b *config.Backend) {
			b.Headers.Set = []translator.Header{{Name: "x-org", Value: "o"}}
		}))
		want := func(token string) {
			t.Helper()
			got, err := sent(t, r)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, []translator.Header{{Name: "authorization", Value: "Bearer " + token}, {Name: "x-org", Value: "o"}}); diff != "" {
				t.Errorf("headers (-got +want):\n%s", diff)
			}
		}
		want("t1")
		want("t1")
		time.Sleep(50 * time.Minute)
		synctest.Wait()
		want("t2")
		apply(t, r, backend("b", withGoogle, func(b *config.Backend) {
			b.Headers.Set = []translator.Header{{Name: "x-org", Value: "o"}}
		}), backend("other"))
		want("t2")
		time.Sleep(time.Minute)
		var p Plan
		if err := r.Snapshot().Plan(&p, &Ask{Path: "/", Model: "m"}, nil); err != nil {
			t.Fatal(err)
		}
		p.Backend.Refused()
		synctest.Wait()
		want("t3")
		m.shut.Store(true)
		time.Sleep(time.Hour)
		synctest.Wait()
		_, err := sent(t, r)
		if refusal, ok := errors.AsType[*translator.Refusal](err); !ok || refusal.Status != 502 || refusal.Code != "provider_auth_error" {
			t.Errorf("without a token: got %v, want a 502 provider_auth_error", err)
		}
	})
}

// A user's own credentials name the project that is to pay.
func TestQuotaProject(t *testing.T) {
	r := New(anywhere{}, nil)
	r.credentials = credential.NewPool(credential.Options{Source: func(config.Auth) (credential.Source, error) { return payer("p-9"), nil }})
	t.Cleanup(r.Close)
	apply(t, r, backend("b", withGoogle))
	got, err := sent(t, r)
	if err != nil {
		t.Fatal(err)
	}
	want := []translator.Header{{Name: "x-goog-user-project", Value: "p-9"}, {Name: "authorization", Value: "Bearer t"}}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("headers (-got +want):\n%s", diff)
	}
}

// payer gives out a token of a user whose requests are for that project.
type payer string

func (p payer) Token(context.Context) (*credential.Token, error) {
	return &credential.Token{Value: "t", Expires: time.Now().Add(time.Hour), QuotaProject: string(p)}, nil
}

// A key that was replaced, in its file or its Secret, comes with the next
// configuration, and requests go on with its token.
func TestReplacedSecretGetsItsOwnToken(t *testing.T) {
	r := New(anywhere{}, nil)
	r.credentials = credential.NewPool(credential.Options{Source: func(a config.Auth) (credential.Source, error) {
		if a.Key == "refused" {
			shut := &mint{}
			shut.shut.Store(true)
			return shut, nil
		}
		return named(a.Key), nil
	}})
	t.Cleanup(r.Close)
	for _, tt := range []struct{ key, want string }{{"old", "Bearer token of old"}, {"new", "Bearer token of new"}, {"refused", ""}} {
		apply(t, r, backend("b", withGoogle, func(b *config.Backend) { b.Auth.Key, b.Auth.From = config.Secret(tt.key), "file key" }))
		got, err := sent(t, r)
		if tt.want == "" {
			if err == nil {
				t.Errorf("%s: got %v, want an error", tt.key, got)
			}
			continue
		}
		if err != nil || len(got) != 1 || got[0].Value != tt.want {
			t.Errorf("%s: got %v, %v, want %s", tt.key, got, err, tt.want)
		}
	}
}

// named gives out a token that tells the key.
type named config.Secret

func (n named) Token(context.Context) (*credential.Token, error) {
	return &credential.Token{Value: config.Secret("token of " + config.Secret(n).Reveal()), Expires: time.Now().Add(time.Hour)}, nil
}

// Keys to sign with come like tokens, and set no header before there is a request.
func TestPlanHoldsTheKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signed := func(b *config.Backend) {
			b.Auth = config.Auth{Type: config.AuthAWSSigV4, Header: "authorization", Region: "us-east-1", Service: "bedrock"}
			b.Endpoint = &config.Endpoint{Host: "bedrock-runtime.us-east-1.amazonaws.com", Port: 443, TLS: &config.TLS{}}
		}
		sign := func(r *Router) (host string, got []translator.Header) {
			t.Helper()
			var p Plan
			if err := r.Snapshot().Plan(&p, &Ask{Path: "/", Model: "m"}, nil); err != nil || !p.Backend.Signs() || len(p.Backend.Set) > 0 {
				t.Fatalf("signs %v, sets %v, %v", p.Backend.Signs(), p.Backend.Set, err)
			}
			q := &credential.Signed{Method: "POST", Path: "/model/m%3A0/converse", Body: []byte("{}")}
			got, err := p.Backend.Sign(nil, q, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
			if err != nil {
				t.Fatal(err)
			}
			return q.Host, got
		}
		r := tokenRouter(t, &mint{})
		apply(t, r, backend("b", signed))
		host, first := sign(r)
		if host != "bedrock-runtime.us-east-1.amazonaws.com" || len(first) != 2 || first[0].Name != "authorization" {
			t.Errorf("for %s: %v", host, first)
		}
		time.Sleep(50 * time.Minute)
		synctest.Wait()
		if _, second := sign(r); cmp.Equal(first, second) {
			t.Error("the next keys sign alike")
		}
		own := []translator.Header{{Name: "authorization", Value: "Basic x"}}
		apply(t, r, backend("b", signed, func(b *config.Backend) { b.Headers.Set = own }))
		var p Plan
		if err := r.Snapshot().Plan(&p, &Ask{Path: "/", Model: "m"}, nil); err != nil || p.Backend.Signs() || !cmp.Equal(p.Backend.Set, own) {
			t.Errorf("with a header of its own: signs %v, sets %v, %v", p.Backend.Signs(), p.Backend.Set, err)
		}
	})
}

// What is configured for the token's own header wins, as it does over a key.
func TestTokenGivesWay(t *testing.T) {
	r := tokenRouter(t, &mint{})
	own := []translator.Header{{Name: "authorization", Value: "Basic x"}}
	apply(t, r, backend("b", withGoogle, func(b *config.Backend) { b.Headers.Set = own }))
	got, err := sent(t, r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, own); diff != "" {
		t.Errorf("headers (-got +want):\n%s", diff)
	}
}

// A credential that cannot even be tried leaves the old configuration in force,
// with its own credentials.
func TestApplyKeepsCredentialsOfWhatIsInForce(t *testing.T) {
	m := &mint{}
	r := tokenRouter(t, m)
	apply(t, r, backend("b", withGoogle))
	r.clusters = &envoy{router: r, refuse: errors.New("no")}
	if err := r.Apply(t.Context(), &config.Config{Hash: "2", Backends: []*config.Backend{backend("c", withGoogle, func(b *config.Backend) { b.Auth.Scope = "other" })}}); err == nil {
		t.Fatal("applied")
	}
	if got, err := sent(t, r); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v: want the old backend with its token", got, err)
	}
}

// Compile alone fetches nothing: commands that only explain have no tokens.
func TestCompileHasNoTokens(t *testing.T) {
	s := Compile(&config.Config{Backends: []*config.Backend{backend("b", withGoogle)}, DefaultBackend: "b"})
	var p Plan
	if err := s.Plan(&p, &Ask{Path: "/", Model: "m"}, nil); err != nil || len(p.Backend.Set) != 0 {
		t.Errorf("headers %v, error %v: want neither", p.Backend.Set, err)
	}
}

func TestPlanWithTokenAllocatesNothing(t *testing.T) {
	r := tokenRouter(t, &mint{})
	apply(t, r, backend("b", withGoogle))
	s := r.Snapshot()
	var p Plan
	ask := Ask{Path: "/", Model: "m"}
	if n := testing.AllocsPerRun(100, func() {
		if err := s.Plan(&p, &ask, nil); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
