package router

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tidwall/sjson"

	"llmroute/router/config"
	"llmroute/router/credential"
	"llmroute/router/xds"
	"llmroute/translator"
)

// Backend is a config.Backend compiled for use: what a request to it always
// needs, worked out once. It is immutable: where the credential is a token, a
// Plan gets a copy with the token of its time. Set holds the credential, so a
// Backend prints and encodes as its ID.
type Backend struct {
	*config.Backend
	Cluster string // the Envoy cluster that reaches it

	// Set and Remove are the last word on the upstream request's headers. Each
	// name stands once: the credential first, then what is configured.
	Set         []translator.Header
	Remove      []string
	Passthrough bool   // the client's own credentials go on
	TimeoutMS   string // config.Backend.Timeout in milliseconds, never "0", which is for ever

	keyless *translator.Refusal // of every request, while the key is not there
	tokened *tokened            // nil when the Backend holds the credential already
	signer  *credential.Signer  // nil when requests are not signed
	live    *credential.Live    // where token comes from; nil when there is none
	token   *credential.Token   // that the Backend holds
}

func compileBackend(c *config.Backend) *Backend {
	b := &Backend{
		Backend:     c,
		Cluster:     xds.ClusterName(c),
		Remove:      c.Headers.Remove,
		Passthrough: c.Auth.Type == config.AuthPassthrough,
		TimeoutMS:   milliseconds(c.Timeout),
	}
	b.Set = c.Headers.Set
	switch {
	case c.Auth.IsMissing():
		b.keyless = &translator.Refusal{Status: 401, Code: "missing_api_key",
			Message: fmt.Sprintf("The gateway has no key for backend %s: %s is empty or not set.", c.ID, c.Auth.From)}
	case c.Auth.Type == config.AuthAPIKey:
		b.Set = b.withCredential(c.Auth.Key)
	}
	return b
}

// withCredential returns the headers to set, the credential among them.
func (b *Backend) withCredential(value config.Secret) []translator.Header {
	if b.givesWay() {
		return b.Headers.Set
	}
	key := translator.Header{Name: b.Auth.Header, Value: b.Auth.Prefix + value.Reveal()}
	return append([]translator.Header{key}, b.Headers.Set...)
}

// givesWay reports whether something is configured for the credential's own
// header: that wins over it.
func (b *Backend) givesWay() bool {
	own := func(h translator.Header) bool { return h.Name == b.Auth.Header }
	return slices.ContainsFunc(b.Headers.Set, own) || slices.Contains(b.Headers.Remove, b.Auth.Header)
}

// Signs reports whether requests to b are to be signed.
func (b *Backend) Signs() bool { return b.signer != nil }

// Sign appends to set the headers that sign r, which goes to b and does not change
// any more. It fills in r's Host.
func (b *Backend) Sign(set []translator.Header, r *credential.Signed, now time.Time) ([]translator.Header, error) {
	r.Host = xds.Authority(b.Endpoint)
	set, err := b.signer.Sign(set, r, now)
	if err != nil {
		return set, fmt.Errorf("backend %s: %w", b.ID, err)
	}
	return set, nil
}

// Refused tells that the provider has refused the credential that b holds. One
// that is given out for a while is renewed in the background, so that it is the
// requests of a moment that fail and not those of an hour.
func (b *Backend) Refused() {
	if b.live != nil {
		b.live.Refused(b.token)
	}
}

// milliseconds rounds up.
func milliseconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Millisecond-1)/time.Millisecond), 10)
}

// Dialect returns what an Exchange may know of the backend.
func (b *Backend) Dialect() *translator.Backend { return &b.Schema }

// MutateBody returns body with the backend's bodyMutation: what is to be removed
// first, then what is to be set. It returns body itself when there is nothing to
// do, which includes bodies that are no JSON object, and never writes to it.
func (b *Backend) MutateBody(body []byte) ([]byte, error) {
	m := &b.Body
	if len(m.Remove)+len(m.Set) == 0 || !isObject(body) {
		return body, nil
	}
	var err error
	for _, path := range m.Remove {
		if body, err = sjson.DeleteBytes(body, path); err != nil {
			return nil, fmt.Errorf("remove %s: %w", path, err)
		}
	}
	for _, f := range m.Set {
		if body, err = sjson.SetRawBytes(body, f.Path, f.Value); err != nil {
			return nil, fmt.Errorf("set %s: %w", f.Path, err)
		}
	}
	return body, nil
}

// isObject tells a JSON object from a form, of a body that is one of the two.
func isObject(body []byte) bool {
	body = bytes.TrimLeft(body, " \t\r\n")
	return len(body) > 0 && body[0] == '{'
}

// model returns what the backend calls the model that the client calls name.
func (b *Backend) model(name string) string {
	if b.ModelNameOverride != "" {
		return b.ModelNameOverride
	}
	return name
}

// String returns the ID.
func (b *Backend) String() string { return b.ID }

// GoString returns the ID, so that %#v does not show the key.
func (b *Backend) GoString() string { return b.ID }

// MarshalText returns the ID, so that encoders and log/slog do not show the key.
func (b *Backend) MarshalText() ([]byte, error) { return []byte(b.ID), nil }
