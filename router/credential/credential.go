// Package credential keeps what backends want to see of a caller's identity
// ready for use: tokens that a provider gives out for a while.
//
// A token is fetched in the background, well before the one in use expires, and
// never on the way of a request. What a request needs is one atomic load. A
// provider that gives no token is a refusal in plain words; the tokens that it
// gave before are used until they expire.
//
// API keys are no matter of this package: they are configuration. Keys of AWS's
// are, the lasting ones too: requests are signed with them.
package credential

import (
	"context"
	"time"

	"llmroute/router/config"
)

// Token is what a provider gave out. It is immutable, and no printing shows its
// value.
type Token struct {
	Value   config.Secret
	Expires time.Time // from here on it is not used any more

	// Of AWS's keys, of which the Value is the secret one.
	ID      string        // of the access key
	Session config.Secret // token of the session, "" for keys that last

	// QuotaProject is the Google project that requests are to be counted against,
	// which a user's own credentials name beside themselves; "" for the usual one.
	QuotaProject string
}

// Source gets tokens. Every call asks the provider anew. One goroutine at a
// time calls it.
type Source interface {
	Token(ctx context.Context) (*Token, error)
}
