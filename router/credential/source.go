package credential

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"llmroute/router/config"
)

// newSource returns the source of a configured auth.
func newSource(a config.Auth, client *http.Client) (Source, error) {
	switch a.Type {
	case config.AuthAWSSigV4:
		return newAWS(a), nil
	case config.AuthGCP:
		return newGoogle(a, client)
	case config.AuthAzureEntra:
		return newEntra(a, client), nil
	}
	return nil, fmt.Errorf("auth type %s: has no token", a.Type)
}

// refusedError is a provider's no, which waiting does not mend.
type refusedError struct {
	code string // as the provider says it, "" when it does not
	err  error
}

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// refusalCode tells whether err is a provider's refusal, and its code if that is
// fit for a client's eyes.
func refusalCode(err error) (code string, refused bool) {
	if e, ok := errors.AsType[*refusedError](err); ok {
		return plainCode(e.code), true
	}
	return "", false
}

// isRefusal reports whether a status is an answer that waiting does not mend.
func isRefusal(status int) bool {
	return status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout
}

// plainCode returns an error code such as invalid_grant or AccessDenied, and "" for
// anything that is more than a word.
func plainCode(code string) string {
	odd := func(r rune) bool { return r != '_' && (r|0x20 < 'a' || 'z' < r|0x20) && (r < '0' || '9' < r) }
	if len(code) > 64 || strings.ContainsFunc(code, odd) {
		return ""
	}
	return code
}
