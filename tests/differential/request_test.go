package differential

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"llmroute/router"
	"llmroute/router/config"
)

// request is what both sides are asked about.
//
// Left out, because nobody says what is right and the two sides differ: query
// parameters whose name is percent-encoded (Envoy never decodes names) and ports
// that are no numbers (Envoy takes them off all the same).
type request struct {
	host    string
	method  string
	path    string
	query   string // raw, without "?"
	model   string // "" for none
	stream  bool
	headers []config.Field // names in any case, some more than once
}

var (
	askedHosts   = []string{"a.test", "b.a.test", "c.b.a.test", "d.c.b.a.test", "x.a.test", "bb.test", "x.bb.test", "xa.test", "test", "a.test.", ".a.test", "elsewhere.example", "127.0.0.1", "[::1]"}
	askedPaths   = []string{"/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/a/bc", "/a//b", "//a", "/a//", "/a/./b", "/a;x", "/a%2fb", "/ab", "/ab/", "/A", "/a/%62", "/%61", "/v1", "/v1/chat/completions", "/v1/chat/completions/x", "/v10"}
	askedMethods = []string{"GET", "POST", "POST", "PUT", "DELETE", "HEAD"}
	askedModels  = append([]string{""}, models...)
	askedQueries = []string{"q=1", "q=2", "Q=1", "debug=1", "debug=a%20b", "debug=a+b", "debug", "q=", "=1", "", "q=%31", "q=%311", "x=%26q=1", "Q=1%25", "q=1%"}
	askedHeaders = []string{"x-team", "X-TEAM", "x-tier", "x-many", "X-Other"}
	askedValues  = []string{"red", "Red", "RED", "blue", "two words", "red,blue", ""}
	ports        = []string{":80", ":8080", ":"}
)

// request makes one up, half of the time in the image of a match, so that
// matches with many conditions are met too.
func (c chance) request(routes []*gatewayv1.HTTPRoute) *request {
	r := &request{
		host:   one(c, askedHosts),
		method: one(c, askedMethods),
		path:   one(c, askedPaths),
		model:  one(c, askedModels),
		stream: c.in(2),
	}
	parameters := make([]string, c.upTo(3))
	for i := range parameters {
		parameters[i] = one(c, askedQueries)
	}
	for range c.upTo(5) {
		r.add(one(c, askedHeaders), one(c, askedValues))
	}
	if c.in(2) {
		parameters = append(r.imitate(c, one(c, routes)), parameters...)
	}
	r.query = strings.Join(parameters, "&")
	if c.in(2) {
		r.host += one(c, ports)
	}
	if c.in(3) {
		r.host = strings.ToUpper(r.host)
	}
	c.Shuffle(len(r.headers), func(i, j int) { r.headers[i], r.headers[j] = r.headers[j], r.headers[i] })
	return r
}

// imitate gives r what a match of the route asks for, and returns the query
// parameters that it asks for.
func (r *request) imitate(c chance, route *gatewayv1.HTTPRoute) (parameters []string) {
	if len(route.Spec.Hostnames) > 0 {
		r.host = strings.Replace(string(one(c, route.Spec.Hostnames)), "*", one(c, []string{"x", "b", "x.b"}), 1)
	}
	matches := one(c, route.Spec.Rules).Matches
	if len(matches) == 0 {
		return nil
	}
	m := one(c, matches)
	if m.Path != nil {
		r.path = *m.Path.Value
		if c.in(4) {
			r.path += one(c, []string{"/", "/b", "x"})
		}
	}
	if m.Method != nil {
		r.method = string(*m.Method)
	}
	for _, h := range m.Headers {
		switch name := lower(string(h.Name)); name {
		case modelHeader:
			r.model = h.Value
		case streamHeader:
			r.stream = h.Value == "true"
		case "host":
			r.host = h.Value
		default:
			r.add(name, h.Value)
		}
	}
	for _, q := range m.QueryParams {
		parameters = append(parameters, string(q.Name)+"="+url.PathEscape(q.Value))
	}
	return parameters
}

// add appends a header, beside those that have the name already.
func (r *request) add(name, value string) {
	r.headers = append(r.headers, config.Field{Name: name, Value: value})
}

func lower(s string) string { return strings.ToLower(s) }

// Has is router.Headers.
func (r *request) Has(name, value string) bool {
	return slices.ContainsFunc(r.headers, func(f config.Field) bool {
		return f.Value == value && strings.EqualFold(f.Name, name)
	})
}

// ask is the request as the emulation sees it.
func (r *request) ask() *router.Ask {
	return &router.Ask{
		Host: r.host, Method: r.method, Path: r.path, Query: r.query,
		Model: r.model, Stream: r.stream, Headers: r,
	}
}

// wire is the request as Envoy sees it, at the end of the filter chain: with
// what was read from the body in headers.
func (r *request) wire() []byte {
	b := fmt.Appendf(nil, "%s %s", r.method, r.path)
	if r.query != "" {
		b = append(append(b, '?'), r.query...)
	}
	b = fmt.Appendf(b, " HTTP/1.1\r\nhost: %s\r\n%s: %t\r\n", r.host, streamHeader, r.stream)
	if r.model != "" {
		b = fmt.Appendf(b, "%s: %s\r\n", modelHeader, r.model)
	}
	for _, h := range r.headers {
		b = fmt.Appendf(b, "%s: %s\r\n", h.Name, h.Value)
	}
	return append(b, "content-length: 0\r\n\r\n"...)
}

// client asks Envoy over one connection.
type client struct {
	net.Conn
	answers *bufio.Reader
}

func dial(address string) (*client, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{Conn: conn, answers: bufio.NewReader(conn)}, nil
}

// answeredBy returns the rule that Envoy takes, or "" for none.
func (c *client) answeredBy(r *request) (string, error) {
	if _, err := c.Write(r.wire()); err != nil {
		return "", err
	}
	answer, err := http.ReadResponse(c.answers, &http.Request{Method: r.method})
	if err != nil {
		return "", err
	}
	_ = answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		return answer.Header.Get(answeredBy), nil
	case http.StatusNotFound:
		return "", nil
	}
	return "", fmt.Errorf("status %s", answer.Status)
}
