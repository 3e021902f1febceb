package admin

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// guard lets through what may be asked of the admin port.
type guard struct {
	next  http.Handler
	host  string // of the address listened on, lower case; "" when unspecified
	anyIP bool
}

func newGuard(listen string, next http.Handler) *guard {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		host = listen
	}
	g := &guard{next: next, host: strings.ToLower(host)}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		g.host, g.anyIP = "", listen != ""
	}
	return g
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	switch {
	case !g.admits(r.Host):
		http.Error(w, "the Host header names neither a loopback address nor the address this port listens on", http.StatusForbidden)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "this port is read-only", http.StatusMethodNotAllowed)
	default:
		g.next.ServeHTTP(w, r)
	}
}

// admits reports whether a Host header may reach us. A web site can make its
// own name resolve to 127.0.0.1 and so be of one origin with us (DNS
// rebinding), but the browser still sends that name. An address or "localhost"
// cannot be had that way. The port does not matter: tunnels change it.
func (g *guard) admits(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
	}
	host = strings.ToLower(host)
	if host == "localhost" || (g.host != "" && host == g.host) {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && (g.anyIP || ip.Unmap().IsLoopback())
}
