package router

import (
	"slices"
	"sync/atomic"

	"llmroute/router/config"
	"llmroute/router/credential"
	"llmroute/translator"
)

// tokened is the part of a Backend that changes while it is in force: the token
// that its requests carry, or the keys that they are signed with.
type tokened struct {
	live *credential.Live
	last atomic.Pointer[stamped]
}

// stamped is a Backend that holds its token.
type stamped struct {
	token   *credential.Token
	backend *Backend
}

// ready returns b with everything that a request to it needs, or why there can
// be none. A new token costs one copy of the Backend, and every request until
// the next one two loads.
func (b *Backend) ready() (*Backend, error) {
	if b.keyless != nil {
		return b, b.keyless
	}
	if b.tokened == nil {
		return b, nil
	}
	token, err := b.tokened.live.Token()
	if err != nil {
		return b, err
	}
	last := b.tokened.last.Load()
	if last == nil || last.token != token {
		fresh := *b
		fresh.tokened, fresh.live, fresh.token = nil, b.tokened.live, token
		switch {
		case b.Auth.Type != config.AuthAWSSigV4:
			fresh.Set = b.withCredential(token.Value)
			if token.QuotaProject != "" { // in front: headerMutation has the last word
				fresh.Set = slices.Insert(fresh.Set, 0, translator.Header{Name: "x-goog-user-project", Value: token.QuotaProject})
			}
		case !b.givesWay():
			fresh.signer = credential.NewSigner(token, b.Auth.Region, b.Auth.Service)
		}
		last = &stamped{token, &fresh}
		b.tokened.last.Store(last)
	}
	return last.backend, nil
}
