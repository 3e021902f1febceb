package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
)

// request is an HTTP request as a person wrote it down.
type request struct {
	method string
	host   string
	path   string // without the query
	query  string // without "?"
	header textproto.MIMEHeader
	body   []byte
}

var requestLine = regexp.MustCompile(`^([A-Z]+) (\S+)(?: HTTP/[0-9.]+)?$`)

// parseRequest reads an HTTP request, or a bare JSON body, which is taken for a
// chat. Forgiving where a person writes by hand: the HTTP version may be
// missing, lines may end either way, and the body is all that follows the blank
// line, whatever content-length says.
func parseRequest(data []byte) (*request, error) {
	if trimmed := bytes.TrimSpace(data); len(trimmed) == 0 {
		return nil, errors.New("the request is empty")
	} else if trimmed[0] == '{' {
		return &request{
			method: "POST", host: "localhost", path: "/v1/chat/completions",
			header: textproto.MIMEHeader{"Content-Type": {"application/json"}}, body: trimmed,
		}, nil
	}
	in := bufio.NewReader(bytes.NewReader(data))
	lines := textproto.NewReader(in)
	first, err := lines.ReadLine()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read request: %w", err)
	}
	m := requestLine.FindStringSubmatch(strings.TrimSpace(first))
	if m == nil {
		return nil, fmt.Errorf("neither a JSON object nor an HTTP request: it begins %q; want { or a line like POST /v1/chat/completions HTTP/1.1", clip(first))
	}
	r := &request{method: m[1], host: "localhost"}
	target := m[2]
	if _, rest, ok := strings.Cut(target, "://"); ok { // as sent to a proxy
		host, path, _ := strings.Cut(rest, "/")
		r.host, target = host, "/"+path
	}
	r.path, r.query, _ = strings.Cut(target, "?")
	r.header, err = lines.ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read headers: %w", err)
	}
	if host := r.header.Get("Host"); host != "" {
		r.host = host
	}
	r.header.Del("Host")
	if r.body, err = io.ReadAll(in); err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	return r, nil
}

func clip(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// Has reports whether a field of the lower-case name has exactly this value.
func (r *request) Has(name, value string) bool {
	return slices.Contains(r.header.Values(name), value)
}

// Get returns the first value of a lower-case name, or "".
func (r *request) Get(name string) string { return r.header.Get(name) }
