package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// parseEndpoint reads a backend's URL. base is its path without a trailing
// slash, "" when it has none.
func parseEndpoint(raw string) (e *Endpoint, base string, err error) {
	u, err := url.Parse(raw)
	if err != nil {
		// The URL may hold a password, and url.Error repeats it.
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err
		}
		return nil, "", fmt.Errorf("not a URL: %w", err)
	}
	e = &Endpoint{Host: strings.ToLower(u.Hostname())}
	switch u.Scheme {
	case "https":
		e.TLS, e.Port = &TLS{}, 443
	case "http":
		e.Port = 80
	default:
		return nil, "", errors.New("the URL must start with http:// or https://")
	}
	switch {
	case u.User != nil:
		return nil, "", errors.New("the URL must not hold a user or password: use auth")
	case u.RawQuery != "" || u.ForceQuery:
		return nil, "", errors.New("the URL must not have a query")
	case u.Fragment != "" || strings.HasSuffix(raw, "#"):
		return nil, "", errors.New("the URL must not have a fragment")
	case !isHost(e.Host):
		return nil, "", errors.New("the URL must name a host")
	}
	if p := u.Port(); p != "" || strings.HasSuffix(u.Host, ":") {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return nil, "", errors.New("the URL's port must be a number from 1 to 65535")
		}
		e.Port = uint32(n)
	}
	base = strings.TrimRight(u.EscapedPath(), "/")
	return e, base, nil
}

// isHost reports whether s can be looked up: an address, or a DNS name. Names
// with underscores resolve in private networks, so they are allowed.
func isHost(s string) bool {
	if addr, err := netip.ParseAddr(s); err == nil {
		return addr.Zone() == ""
	}
	if s == "" || len(s) > 253 || strings.Contains(s, "..") || s[0] == '.' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}

// parsePrefix reads a path prefix: it begins with a slash, and a trailing one
// does not count, so that "/" is the empty prefix.
func parsePrefix(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#") {
		return "", errors.New("must be a path that begins with one slash")
	}
	return strings.TrimRight(u.EscapedPath(), "/"), nil
}
