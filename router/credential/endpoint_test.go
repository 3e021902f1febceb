package credential

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"llmroute/router/config"
)

// endpoint plays every host that is asked for a token.
type endpoint struct {
	*httptest.Server
	mu    sync.Mutex
	asked []url.Values // what was posted, or the query
	hosts []string
	reply func(w http.ResponseWriter, r *http.Request)
}

func newEndpoint(t *testing.T, reply func(w http.ResponseWriter, r *http.Request)) *endpoint {
	t.Helper()
	e := &endpoint{reply: reply}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		e.mu.Lock()
		e.asked = append(e.asked, r.Form)
		e.hosts = append(e.hosts, r.Host+r.URL.Path)
		e.mu.Unlock()
		w.Header().Set("content-type", "application/json")
		e.reply(w, r)
	}))
	t.Cleanup(e.Close)
	return e
}

// client sends everything to the endpoint, whatever its host.
func (e *endpoint) client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: toOne{e.URL, transport}}
}

type toOne struct {
	base string
	next http.RoundTripper
}

func (o toOne) RoundTrip(r *http.Request) (*http.Response, error) {
	to, err := url.Parse(o.base)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Host = r.URL.Host
	r.URL.Scheme, r.URL.Host = to.Scheme, to.Host
	return o.next.RoundTrip(r)
}

func (e *endpoint) last(t *testing.T) (host string, form url.Values) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.asked) == 0 {
		t.Fatal("nobody asked for a token")
	}
	return e.hosts[len(e.hosts)-1], e.asked[len(e.asked)-1]
}

func gives(token string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 3600,
			"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"})
	}
}

func refuses(status int, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func fetch(t *testing.T, a config.Auth, client *http.Client) (*Token, error) {
	t.Helper()
	s, err := newSource(a, client)
	if err != nil {
		t.Fatal(err)
	}
	return s.Token(t.Context())
}

// wantToken checks a token that is good for an hour.
func wantToken(t *testing.T, got *Token, err error, want string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if got.Value.Reveal() != want {
		t.Errorf("token: got %s, want %s", got.Value.Reveal(), want)
	}
	if left := time.Until(got.Expires); left < 55*time.Minute || left > time.Hour {
		t.Errorf("token is good for %v, want about an hour", left)
	}
}
