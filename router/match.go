package router

import (
	"cmp"
	"strings"

	"llmroute/router/config"
)

// The headers that conditions name and no client sends: they stand for what the
// request's body says.
const (
	headerModel  = "x-envoy-ai-gateway-llm-model"
	headerStream = "x-envoy-ai-gateway-llm-stream"
)

// reserved reports whether a header of that name is taken off every request
// before anything is decided, so that nothing a client sends can match it.
func reserved(name string) bool {
	return strings.HasPrefix(name, "x-envoy-ai-gateway-") || strings.HasPrefix(name, "x-llmroute-")
}

// candidate is one alternative of one rule: a config.Match compiled for use. The
// index stands for its path and its host; holds looks at the rest.
type candidate struct {
	rule  *rule
	match int // index in the rule's matches
	rank  int // place in the order of precedence, 0 wins

	path    config.PathMatch // a prefix has no trailing slash here: "" is every path
	method  string           // "" for any
	model   string           // "" for any
	stream  string           // "true", "false", or "" for any
	headers []config.Field   // without those above
	query   []config.Field

	headerCount int // of conditions as written, for precedence
}

// compileMatch returns nil for a match that no request can satisfy.
func compileMatch(r *rule, index int, m *config.Match) *candidate {
	c := &candidate{rule: r, match: index, path: m.Path, method: m.Method, query: m.Query, headerCount: len(m.Headers)}
	if !c.path.Exact {
		c.path.Value = strings.TrimRight(c.path.Value, "/")
	}
	for _, f := range m.Headers {
		switch {
		case f.Name == headerModel && f.Value != "":
			c.model = f.Value
		case f.Name == headerStream && (f.Value == "true" || f.Value == "false"):
			c.stream = f.Value
		case reserved(f.Name):
			return nil
		default:
			c.headers = append(c.headers, f)
		}
	}
	return c
}

// precedence orders matches as the Gateway API does among those that all match:
// an exact path, the longest prefix, a method, the most headers, the most query
// parameters, the older route, namespace/name, the first rule, its first match.
//
// Routes without a creation time, as in files, count as younger than all that
// have one; among themselves the order in which they were read decides.
func precedence(order map[*config.Route]int) func(a, b *candidate) int {
	return func(a, b *candidate) int {
		x, y := a.rule.route, b.rule.route
		return cmp.Or(
			compareTrue(a.path.Exact, b.path.Exact),
			-cmp.Compare(prefixLen(a), prefixLen(b)),
			compareTrue(a.method != "", b.method != ""),
			-cmp.Compare(a.headerCount, b.headerCount),
			-cmp.Compare(len(a.query), len(b.query)),
			compareAge(x, y),
			cmp.Compare(order[x], order[y]),
			cmp.Compare(a.rule.index, b.rule.index),
			cmp.Compare(a.match, b.match),
		)
	}
}

// compareTrue puts the one that is true first.
func compareTrue(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}

func prefixLen(c *candidate) int {
	if c.path.Exact {
		return 0
	}
	return len(c.path.Value)
}

func compareAge(x, y *config.Route) int {
	if c := compareTrue(!x.Created.IsZero(), !y.Created.IsZero()); c != 0 || x.Created.IsZero() {
		return c
	}
	return cmp.Or(x.Created.Compare(y.Created),
		strings.Compare(x.Namespace+"/"+x.Name, y.Namespace+"/"+y.Name))
}

// holds reports whether all conditions but those of path and host are met.
func (c *candidate) holds(a *Ask) bool {
	if c.method != "" && c.method != a.Method {
		return false
	}
	if c.model != "" && c.model != a.Model {
		return false
	}
	if c.stream != "" && (c.stream == "true") != a.Stream {
		return false
	}
	for i := range c.headers {
		if !hasHeader(a, &c.headers[i]) {
			return false
		}
	}
	for i := range c.query {
		if !hasQuery(a.Query, &c.query[i]) {
			return false
		}
	}
	return true
}

func hasHeader(a *Ask, f *config.Field) bool {
	if f.Name == "host" { // HTTP/2 and Envoy call it :authority
		return a.Host == f.Value
	}
	return a.Headers != nil && a.Headers.Has(f.Name, f.Value)
}

// hasQuery reports whether the first parameter of f's name has f's value.
func hasQuery(raw string, f *config.Field) bool {
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		name, value, _ := strings.Cut(pair, "=")
		if decodesTo(name, f.Name) {
			return decodesTo(value, f.Value)
		}
	}
	return false
}

// decodesTo reports whether raw, percent-decoded, is want. What is not a proper
// escape stands for itself, and so does '+': that it means a space is a habit of
// forms, not of URLs.
func decodesTo(raw, want string) bool {
	if !strings.Contains(raw, "%") {
		return raw == want
	}
	for want != "" && raw != "" {
		b, n := raw[0], 1
		if b == '%' && len(raw) > 2 {
			hi, lo := unhex(raw[1]), unhex(raw[2])
			if hi >= 0 && lo >= 0 {
				b, n = byte(hi<<4|lo), 3
			}
		}
		if b != want[0] {
			return false
		}
		raw, want = raw[n:], want[1:]
	}
	return raw == want
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
