package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"llmroute/router"
	"llmroute/router/config"
	"llmroute/translator"
)

type explainCommand struct {
	sourceFlags
	File    string `arg:"" help:"An HTTP request, or a JSON body for POST /v1/chat/completions; - reads standard input."`
	Backend string `placeholder:"NAME" help:"Show what this one of the possible backends would get (default: the likeliest)."`
}

// Help says more than one line can.
func (c *explainCommand) Help() string {
	return "Prints the rule that takes the request, the odds of each backend, what the client would be warned of, and what the provider would receive. Keys are not shown."
}

func (c *explainCommand) Run(w *world) error {
	data, err := c.read(w)
	if err != nil {
		return err
	}
	req, err := parseRequest(data)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	found, err := c.load(w, usualFake)
	if err != nil {
		return err
	}
	warn(w.stderr, found.config)
	var out strings.Builder
	err = c.explain(&out, router.Compile(found.config), req)
	if _, writeErr := io.WriteString(w.stdout, out.String()); err == nil {
		err = writeErr
	}
	return err
}

func (c *explainCommand) read(w *world) ([]byte, error) {
	if c.File == "-" {
		return io.ReadAll(w.stdin)
	}
	data, err := os.ReadFile(c.File)
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	return data, nil
}

// explain writes the decision and what it leads to. Its error is what the client
// would be told.
func (c *explainCommand) explain(out io.Writer, snap *router.Snapshot, req *request) error {
	fmt.Fprintf(out, "request   %s %s at %s\n", req.method, req.path, req.host)
	op := translator.OperationOf(req.path)
	if op == translator.None || req.method != "POST" {
		var plan router.Plan
		if ok, err := snap.Passage(&plan, req.method, req.path); ok {
			return writePassage(out, req, &plan, err)
		}
		return fmt.Errorf("%s %s is not routed by its body; POST one of the paths of OpenAI's API, such as %s", req.method, req.path, "/v1/chat/completions")
	}
	var fields translator.Fields
	if err := translator.Scan(op, req.Get("content-type"), req.body, &fields); err != nil {
		return refusal(err)
	}
	fmt.Fprintf(out, "model     %q, stream: %t\n", fields.Model, fields.Stream)
	e := snap.Explain(&router.Ask{
		Host: req.host, Method: req.method, Path: req.path, Query: req.query,
		Model: fields.Model, Stream: fields.Stream, Headers: req,
	})
	writeStep(out, &e)
	if e.Refusal != nil {
		return refusal(e.Refusal)
	}
	writeOdds(out, e.Odds)
	pick, err := c.pick(e.Odds)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "pick      %s\n", pick.ID)
	if pick.Refusal != nil {
		return refusal(pick.Refusal)
	}
	if err := admit(out, req, &fields, &pick.Plan); err != nil {
		return refusal(err)
	}
	sent, err := upstreamOf(req, &fields, &pick.Plan)
	if err != nil {
		return refusal(err)
	}
	sent.write(out)
	return nil
}

// admit does to the request what its model's settings ask for, and says so.
func admit(out io.Writer, req *request, fields *translator.Fields, plan *router.Plan) error {
	admitted, err := plan.Admit(fields, req.body)
	if err != nil {
		return err
	}
	for _, w := range admitted.Warnings {
		fmt.Fprintf(out, "warning   %s\n", w)
	}
	if admitted.Prompt > 0 {
		fmt.Fprintf(out, "tokens    %d in the request\n", admitted.Prompt)
	}
	if m := plan.Settings; m != nil && m.Limits.RequestsPerMinute > 0 {
		fmt.Fprintf(out, "budget    1 of %d requests a minute\n", m.Limits.RequestsPerMinute)
	}
	if admitted.Reserve > 0 {
		fmt.Fprintf(out, "budget    %d of %d tokens a minute\n", admitted.Reserve, plan.Settings.Limits.TokensPerMinute)
	}
	req.body = admitted.Body
	return translator.Scan(fields.Operation, req.Get("content-type"), req.body, fields)
}

// writePassage writes what becomes of a request whose path decides alone.
func writePassage(out io.Writer, req *request, plan *router.Plan, err error) error {
	fmt.Fprintf(out, "path      opened by backend %s: no model is read, and no route asked\n", plan.Backend.ID)
	if err != nil {
		return refusal(err)
	}
	sent, err := upstreamOf(req, new(translator.Fields), plan)
	if err != nil {
		return refusal(err)
	}
	sent.write(out)
	return nil
}

func writeStep(out io.Writer, e *router.Explanation) {
	if len(e.Matches) == 0 {
		if e.Step != router.StepNone {
			fmt.Fprintf(out, "route     none matches; taken by its %s\n", e.Step)
		}
		return
	}
	for i, m := range e.Matches {
		words := ""
		if rule := &m.Route.Rules[m.Rule]; len(rule.Matches) > 0 {
			words = matchWords(&rule.Matches[m.Match])
		}
		title := "route"
		if i > 0 {
			title = "not taken"
		}
		fmt.Fprintf(out, "%-9s %s, rule %s (%s)\n", title, m.Route.LLMRoute, m.Label, cmp.Or(words, "matches everything"))
	}
}

func writeOdds(out io.Writer, odds []router.Odds) {
	for _, o := range odds {
		note := ""
		switch {
		case o.Refusal != nil:
			note = fmt.Sprintf("  refused with %d: %s", o.Refusal.Status, o.Refusal.Message)
		case o.Plan.Model != "":
			note = fmt.Sprintf("  as model %q", o.Plan.Model)
		}
		fmt.Fprintf(out, "odds      %6.2f %%  %s%s\n", 100*o.Share, o.ID, note)
	}
}

// pick chooses the backend to show: the named one, else the likeliest.
func (c *explainCommand) pick(odds []router.Odds) (*router.Odds, error) {
	if len(odds) == 0 {
		return nil, errors.New("no backend can take the request")
	}
	if c.Backend == "" {
		best := slices.IndexFunc(odds, func(o router.Odds) bool {
			return o.Share == slices.MaxFunc(odds, func(a, b router.Odds) int { return cmp.Compare(a.Share, b.Share) }).Share
		})
		return &odds[best], nil
	}
	for i := range odds {
		if odds[i].ID == c.Backend {
			return &odds[i], nil
		}
	}
	return nil, fmt.Errorf("--backend: %s cannot get this request", c.Backend)
}

// refusal is what the client would be told, as an error of the command.
func refusal(err error) error {
	if r, ok := errors.AsType[*translator.Refusal](err); ok {
		return fmt.Errorf("the client gets %d %s: %s", r.Status, cmp.Or(r.Code, r.Type), r.Message)
	}
	return err
}

// upstream is a request as the provider would receive it.
type upstream struct {
	url     string
	headers textproto.MIMEHeader
	body    []byte
	secret  map[string]bool // names of headers whose values are not shown
	warn    []string        // what the client would be told in x-llmroute-warnings
}

// upstreamOf says what package extproc would send. A test holds it against what
// that does.
func upstreamOf(req *request, fields *translator.Fields, plan *router.Plan) (*upstream, error) {
	b := plan.Backend
	ex, err := translator.New(translator.OpenAI, fields.Operation, b.Dialect())
	if err != nil {
		return nil, err
	}
	defer translator.Release(ex)
	var edit translator.Edit
	err = ex.Request(&edit, &translator.Call{
		Path: req.path, Query: req.query, Model: plan.Model, Fields: fields, Body: req.body, Header: req,
	})
	if err != nil {
		return nil, err
	}
	body := req.body
	if len(edit.Body) > 0 {
		body = edit.Body
	}
	if fields.Operation != translator.None {
		if body, err = b.MutateBody(body); err != nil {
			return nil, fmt.Errorf("bodyMutation of backend %s: %w", b.ID, err)
		}
	}
	path := req.path
	if req.query != "" {
		path += "?" + req.query
	}
	u := &upstream{url: addressOf(b.Backend) + cmp.Or(edit.Path, path), headers: make(textproto.MIMEHeader), body: body, secret: make(map[string]bool), warn: edit.Warn}
	for name, values := range req.header {
		if forProvider(name, b.Passthrough) {
			u.headers[name] = values
		}
	}
	u.headers.Set("X-Envoy-Ai-Gateway-Llm-Model", cmp.Or(plan.Asked, plan.Model))
	u.headers.Set("Accept-Encoding", "identity")
	u.headers.Set("Content-Length", strconv.Itoa(len(body)))
	for _, h := range slices.Concat(edit.Set, b.Set) {
		u.headers.Set(h.Name, h.Value)
	}
	for _, name := range slices.Concat(edit.Remove, b.Remove) {
		u.headers.Del(name)
	}
	for name := range u.headers {
		if clientSecret(name) || (b.Auth.Type == config.AuthAPIKey && strings.EqualFold(name, b.Auth.Header)) {
			u.secret[name] = true
		}
	}
	return u, nil
}

func (u *upstream) write(out io.Writer) {
	for _, w := range u.warn {
		fmt.Fprintf(out, "warning   %s\n", w)
	}
	fmt.Fprintf(out, "upstream  POST %s\n\n", u.url)
	names := make([]string, 0, len(u.headers))
	for name := range u.headers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range u.headers[name] {
			if u.secret[name] {
				value = mask(value)
			}
			fmt.Fprintf(out, "%s: %s\n", strings.ToLower(name), value)
		}
	}
	if utf8.Valid(u.body) {
		fmt.Fprintf(out, "\n%s\n", strings.TrimRight(string(u.body), "\r\n"))
	} else {
		fmt.Fprintf(out, "\n(%d bytes that are not text)\n", len(u.body))
	}
}

// mask hides a credential, but for the word that says what kind it is.
func mask(value string) string {
	if kind, _, ok := strings.Cut(value, " "); ok {
		return kind + " [redacted]"
	}
	return "[redacted]"
}

// forProvider reports whether a client's header goes on.
func forProvider(name string, passthrough bool) bool {
	name = strings.ToLower(name)
	for _, prefix := range []string{"x-envoy-", "x-llmroute-", "x-forwarded-", "x-stainless-"} {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	switch name {
	case "cookie", "forwarded", "via", "x-real-ip", "connection", "content-length", "transfer-encoding":
		return false
	}
	return passthrough || !clientSecret(name)
}

// clientSecret reports whether a header holds a credential of the client's.
func clientSecret(name string) bool {
	switch strings.ToLower(name) {
	case "authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie":
		return true
	}
	return strings.HasPrefix(strings.ToLower(name), "x-amz-")
}
