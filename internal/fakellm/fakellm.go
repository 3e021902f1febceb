// Package fakellm is a provider that needs no key, no network and no model: it
// speaks the vendors' APIs as strictly as they do and answers at once. The path of
// a request tells which: Anthropic's Messages, directly, on Mantle, Bedrock and
// Vertex AI; Bedrock's Converse; Google's generateContent at both of its homes;
// Cohere's chat; OpenAI as Azure serves it; and OpenAI
// for all else.
//
// An answer is a function of the request alone. The same request gives the same
// bytes, ids and times included, and its usage is counted from it: a token is a
// word, as [CountTokens] tells. Streams come word by word with a short pause.
// Every model name is answered, except those that begin with "missing-".
//
// It misbehaves on demand. A model name may end in faults, "fake-small+503" or
// "fake-small+slow200ms+cut3", and a request sent to it directly may name them in
// the header x-fake-fault; [Faults] lists them.
//
// It is for trying the gateway, for its tests and its benchmarks. It is not a
// model: what it says is an echo. Names of Anthropic's models have the limits of
// those models; of OpenAI's it refuses what OpenAI refuses in general. A thought
// comes signed, and comes back as it was or is refused.
package fakellm

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// DefaultDelay is the pause before each streamed word but the first.
const DefaultDelay = 20 * time.Millisecond

// The models that GET /v1/models lists.
const (
	Small = "fake-small"
	Large = "fake-large"
)

// Options configure a provider. The zero value is one that accepts everybody.
type Options struct {
	// Delay is the pause before each streamed word but the first. Zero means
	// DefaultDelay, and a negative value no pause at all.
	Delay time.Duration

	// Prefixes stand before the API's paths. Nil means "/v1" and "".
	Prefixes []string

	// Keys are the API keys to accept, from "authorization: Bearer" or "api-key".
	// Without any, every request is accepted, with a key or not.
	Keys []string

	// Secrets are the secret access keys by access key id, to verify AWS's
	// signatures with. Nil looks at the shape of a signature only.
	Secrets map[string]string

	// Gate holds the streams whose model asks for the fault "gate". Without one
	// such a request is refused.
	Gate *Gate

	// Observe is told of every request once its body has been read and before
	// anything is answered, by any number of goroutines at a time. It may keep
	// the Request, and must not change it.
	Observe func(*Request)

	// Replay is asked, by any number of goroutines at a time, about each request
	// that the provider has found right and could answer. It returns what to answer
	// instead, which it must not change afterwards, or nil.
	Replay func(*Request) *Recording
}

// New returns a provider. It may serve any number of requests at a time, and
// owns nothing that must be closed.
func New(o Options) http.Handler {
	switch {
	case o.Delay == 0:
		o.Delay = DefaultDelay
	case o.Delay < 0:
		o.Delay = 0
	}
	if o.Prefixes == nil {
		o.Prefixes = []string{"/v1", ""}
	}
	return &provider{Options: o}
}

// provider is what New returns.
type provider struct {
	Options
	tries tries
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := receive(w, r)
	defer close(q.done)
	if p.Observe != nil {
		p.Observe(q)
	}
	if q.bodyErr != nil && !q.tooLarge() {
		q.err = q.bodyErr
		panic(http.ErrAbortHandler) // half a request has no answer
	}
	c := &call{Request: q, path: p.path(r.URL.EscapedPath())}
	c.dialect, _ = dialectOf(q.Path)
	p.send(w, r, c, p.answer(c))
}

// path takes off the longest prefix that fits, and returns "" when none does.
func (p *provider) path(path string) string {
	best, found := "", false
	for _, prefix := range p.Prefixes {
		rest, ok := strings.CutPrefix(path, prefix)
		if ok && strings.HasPrefix(rest, "/") && (!found || len(rest) < len(best)) {
			best, found = rest, true
		}
	}
	return best
}

// answer decides what to reply. The faults come first, so that a fault is one
// however wrong the rest of the request is; then what the vendor refuses, in its order:
// key, path, body and its fields, model.
func (p *provider) answer(c *call) *reply {
	out, err := p.decide(c)
	if err != nil {
		return c.dialect.spell(c, err)
	}
	return out
}

func (p *provider) decide(c *call) (*reply, *refusal) {
	var err *refusal
	if c.faults, err = p.faultsOf(c); err != nil {
		return nil, err
	}
	if f := p.tries.fault(c); f != nil {
		return nil, f
	}
	if err := p.authenticate(c); err != nil {
		return nil, err
	}
	answer, err := c.dialect.find(c)
	if err != nil {
		return nil, err
	}
	out, err := answer(c)
	if err != nil {
		return nil, err
	}
	return p.replayed(c, out), nil
}

func (p *provider) authenticate(c *call) *refusal {
	authorization := c.Header.Get("Authorization")
	switch {
	case c.dialect.service != "" && strings.HasPrefix(authorization, "AWS4-"):
		return p.verify(c)
	case c.dialect.mustSign && authorization == "":
		return forbidden("MissingAuthenticationTokenException", "Missing Authentication Token")
	case c.dialect.mustSign && len(p.Keys) > 0 && !slices.Contains(p.Keys, c.Key):
		return forbidden("AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.")
	case len(p.Keys) == 0 || slices.Contains(p.Keys, c.Key):
		return nil
	case c.Key == "":
		return &refusal{status: http.StatusUnauthorized, kind: invalidRequest,
			message: "You didn't provide an API key. Send it as 'Authorization: Bearer YOUR_KEY'."}
	}
	return &refusal{status: http.StatusUnauthorized, kind: invalidRequest, code: "invalid_api_key",
		message: "Incorrect API key provided: " + masked(c.Key) + "."}
}

// masked shows enough of a key to recognise it.
func masked(key string) string {
	if len(key) <= 12 {
		return strings.Repeat("*", len(key))
	}
	return key[:4] + strings.Repeat("*", len(key)-8) + key[len(key)-4:]
}
