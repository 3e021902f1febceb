package extproc

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"llmroute/router"
	"llmroute/router/limit"
	"llmroute/telemetry"
	"llmroute/translator"
)

// stream is one exchange: one gRPC stream, one HTTP request and its reply.
//
// Each of its phases is a function that looks at in and fills out. A phase that
// returns an error ends the stream with an error status, which Envoy, told to
// fail closed, turns into an error for the client. Returning without an error
// before the end would mean "go on without me", and leak an untranslated
// request; so no phase does.
type stream struct {
	srv *Server
	ctx context.Context // of the RPC

	in  message // what Envoy said last
	out reply   // what it is told

	head  message // the request's headers, kept to the end
	path  string  // without the query
	query string

	op       translator.Operation
	fields   translator.Fields
	plan     router.Plan
	passing  bool                // the path is one of a backend's own: see pass.go
	exchange translator.Exchange // nil until the request was translated
	edit     translator.Edit

	budget limit.Verdict // of the model's limits; zero where there are none
	prompt int64         // tokens of the request, where somebody had to know

	mode     responseMode // of the reply's body
	scratch  []byte       // what Body appends to
	record   telemetry.Record
	received time.Time   // of the message in hand
	idle     *time.Timer // runs while a reply streams
	settled  bool        // the record was complete when its last reply left
	answered bool        // an immediate reply was sent: nothing more will come
	sawEnd   bool        // the reply came to its end
}

func (x *stream) phase() error {
	x.out.reset(x.in.phase)
	if !x.inOrder() {
		return fmt.Errorf("%s where they do not belong", x.in.phase)
	}
	switch x.in.phase {
	case phaseRequestHeaders:
		return x.requestHeaders()
	case phaseRequestBody:
		return x.requestBody()
	case phaseResponseHeaders:
		return x.responseHeaders()
	case phaseResponseBody:
		return x.responseBody()
	default:
		return nil // trailers: whoever turns them on gets them unchanged
	}
}

// inOrder reports whether the message in hand may come now. A reply's headers
// may come at any time after the request's: Envoy can answer by itself.
func (x *stream) inOrder() bool {
	started := x.head.phase != phaseNone
	switch {
	case x.answered:
		return false
	case x.in.phase == phaseRequestHeaders:
		return !started
	case x.in.phase == phaseRequestBody:
		return started && x.exchange == nil
	case x.in.phase == phaseResponseBody:
		return x.exchange != nil && x.record.Status != 0
	default:
		return started
	}
}

// requestHeaders answers what needs no body and refuses what needs none seen.
func (x *stream) requestHeaders() error {
	x.srv.checkModes(x.in.config)
	x.head, x.in = x.in, x.head
	h := &x.head.headers
	x.path, x.query, _ = strings.Cut(h.Get(":path"), "?")
	x.op = translator.OperationOf(x.path)
	x.record.Start = x.received
	x.record.RequestID = h.Get("x-request-id")
	x.record.Operation = x.op.String()

	snap := x.srv.router.Snapshot()
	if snap == nil {
		return x.refuse(notReady)
	}
	if isModels(x.path) {
		return x.models(snap)
	}
	method := h.Get(":method")
	if x.op == translator.None || method != "POST" {
		if ok, err := snap.Passage(&x.plan, method, x.path); ok {
			return x.enter(err)
		}
	}
	switch {
	case x.op == translator.None:
		return x.refuse(noSuchPath(method, x.path))
	case method != "POST":
		x.out.setHeader("allow", "POST")
		return x.refuse(wrongMethod(method, x.path))
	case h.Get("content-encoding") != "" && h.Get("content-encoding") != "identity":
		return x.refuse(encoded(h.Get("content-encoding")))
	case x.head.last:
		return x.refuse(noBody)
	case declaredLength(h) > int64(x.srv.maxBody):
		return x.refuse(tooLarge(x.srv.maxBody))
	}
	return nil
}

// requestBody is the way of a request: read it, decide, translate, sign.
func (x *stream) requestBody() error {
	body := x.in.body
	x.record.RequestBytes = len(body)
	if len(body) > x.srv.maxBody {
		return x.refuse(tooLarge(x.srv.maxBody))
	}
	if x.passing {
		return x.pass(body)
	}
	h := &x.head.headers
	if err := translator.Scan(x.op, h.Get("content-type"), body, &x.fields); err != nil {
		return x.refuse(err)
	}
	x.record.ModelRequested, x.record.Stream = x.fields.Model, x.fields.Stream
	if err := x.decide(); err != nil {
		return x.refuse(err)
	}
	x.edit = translator.Edit{Set: x.edit.Set[:0], Remove: x.edit.Remove[:0], Warn: x.edit.Warn[:0], Body: x.edit.Body[:0]}
	body, err := x.admit(body)
	if err != nil {
		return x.refuse(err)
	}
	ex, err := translator.New(translator.OpenAI, x.op, x.plan.Backend.Dialect())
	if err != nil {
		return x.refuse(err)
	}
	x.lend(len(body))
	err = ex.Request(&x.edit, &translator.Call{
		Path: x.path, Query: x.query, Model: x.plan.Model,
		Fields: &x.fields, Body: body, Header: h,
	})
	if err != nil {
		return x.refuse(err)
	}
	x.takeBack()
	if err := x.send(body); err != nil {
		return err
	}
	x.exchange = ex // from here on the request is the backend's, and costs
	return nil
}

// grown is how long a rewritten request of n bytes is expected to be at most.
func grown(n int) int { return n + n/16 + 1<<10 }

// lend gives a large body that may be rewritten its memory from where it goes
// when gRPC has written it.
func (x *stream) lend(n int) {
	if n >= handOver {
		x.edit.Body = (*bodies.Get(grown(n)))[:0]
	}
}

// takeBack ends a loan that was not needed.
func (x *stream) takeBack() {
	if len(x.edit.Body) == 0 && cap(x.edit.Body) >= handOver {
		room := x.edit.Body
		bodies.Put(&room)
		x.edit.Body = nil
	}
}

// decide asks the router for a plan.
func (x *stream) decide() error {
	h := &x.head.headers
	ask := router.Ask{
		Host: h.Get(":authority"), Method: h.Get(":method"), Path: x.path, Query: x.query,
		Model: x.fields.Model, Stream: x.fields.Stream, Headers: h,
	}
	err := x.srv.router.Snapshot().Plan(&x.plan, &ask, nil)
	x.decided()
	return err
}

// decided notes the plan in the record.
func (x *stream) decided() {
	p, r := &x.plan, &x.record
	r.Route, r.Rule, r.ModelLabel, r.ModelUpstream = p.Route, p.Rule, p.ModelLabel, p.Model
	if b := p.Backend; b != nil {
		r.Backend, r.Schema = b.ID, string(b.Schema.Schema)
	}
}

// send fills the reply that lets the request go: to which cluster, with which
// path, headers and body.
func (x *stream) send(body []byte) error {
	b, h := x.plan.Backend, &x.head.headers
	changed := x.edit.Body
	if len(changed) == 0 {
		changed = body
	}
	mutated := changed
	if !x.passing { // a body of which nothing is known is not for changing
		var err error
		if mutated, err = b.MutateBody(changed); err != nil {
			return fmt.Errorf("bodyMutation of backend %s: %w", b.ID, err)
		}
	}
	if len(x.edit.Body) > 0 || !sameSlice(mutated, x.in.body) {
		x.out.body, x.out.replaced = mutated, true
	}
	// What came in chunks goes on with a length: some providers take nothing else.
	if x.out.replaced || declaredLength(h) < 0 && !x.head.last {
		x.out.setHeader("content-length", itoa(len(mutated)))
	}
	if !x.passing {
		x.out.setHeader(headerModel, cmp.Or(x.plan.Asked, x.plan.Model))
	}
	x.out.setHeader(headerBackend, b.Cluster)
	x.setPath()
	x.hygiene()
	for _, h := range x.edit.Set {
		x.out.setHeader(h.Name, h.Value)
	}
	x.out.remove = append(x.out.remove, x.edit.Remove...)
	if !x.passing {
		x.out.setHeader("accept-encoding", "identity")
		x.setContentType()
	}
	x.timeouts()
	x.removeAll(b.Remove)
	for _, h := range b.Set {
		x.out.setHeader(h.Name, h.Value)
	}
	if b.Signs() {
		if err := x.sign(mutated); err != nil {
			return err
		}
	}
	x.out.clearRoute = true
	x.out.metadata = x.record.Decided
	return nil
}

// setContentType calls a JSON body what it is. The path decides how a body is
// read, so "curl -d" without the header works; a provider may not be so kind.
func (x *stream) setContentType() {
	const kind = "application/json"
	if x.fields.Boundary == "" && !strings.HasPrefix(x.head.headers.Get("content-type"), kind) {
		x.out.setHeader("content-type", kind)
	}
}

func (x *stream) setPath() {
	if x.edit.Path != "" && x.edit.Path != x.head.headers.Get(":path") {
		x.out.setHeader(":path", x.edit.Path)
	}
}

// timeouts steers Envoy's per request: a stream is bounded until its headers
// come and by its silences after that, and so is what may be a long file;
// everything else as a whole.
func (x *stream) timeouts() {
	b := x.plan.Backend
	name := "x-envoy-upstream-rq-timeout-ms"
	if x.fields.Stream || x.passing {
		name = "x-envoy-upstream-rq-per-try-timeout-ms"
	}
	x.out.setHeader(name, b.TimeoutMS)
	if b.MaxRetries > 0 {
		x.out.setHeader("x-envoy-max-retries", itoa(b.MaxRetries))
		x.out.setHeader("x-envoy-retry-on", "connect-failure,reset,gateway-error,retriable-status-codes")
		x.out.setHeader("x-envoy-retriable-status-codes", "429")
	}
}

// responseHeaders chooses how the reply's body is seen.
func (x *stream) responseHeaders() error {
	h := &x.in.headers
	code := atoi(h.Get(":status"))
	x.record.Status = code
	x.record.Attempts = x.in.attrs.attempts
	if x.exchange == nil || x.in.attrs.isLocal() {
		return x.localReply(code)
	}
	x.edit.Mode, x.edit.Set, x.edit.Remove = translator.Keep, x.edit.Set[:0], x.edit.Remove[:0]
	if err := x.exchange.Head(&x.edit, code, h); err != nil {
		return x.refuse(err)
	}
	x.identify()
	for _, f := range x.edit.Set {
		x.out.setHeader(f.Name, f.Value)
	}
	x.out.remove = append(x.out.remove, x.edit.Remove...)
	switch {
	case x.in.last && x.edit.Mode != translator.Keep:
		return x.wordless()
	case x.in.last:
		return x.end()
	case x.edit.Mode == translator.Keep:
		x.mode, x.out.override = modeNone, modeNone
		return x.end()
	case x.edit.Mode == translator.Stream:
		x.mode, x.out.override = modeStreamed, modeStreamed
	default:
		x.mode = modeBuffered
	}
	return nil
}

// responseBody shows the exchange what came, and passes on what it made of it.
func (x *stream) responseBody() error {
	chunk, last := x.in.body, x.in.last || x.mode == modeBuffered
	x.record.ResponseBytes += len(chunk)
	before := x.exchange.Tally()
	out, same, err := x.exchange.Body(x.scratch[:0], chunk, last)
	if err != nil {
		return x.unreadable(err)
	}
	if !same {
		x.scratch = out
		x.out.body, x.out.replaced = out, true
		if x.mode == modeBuffered {
			x.out.setHeader("content-length", itoa(len(out)))
		}
	}
	if x.mode == modeBuffered {
		x.correct()
	}
	tally := x.exchange.Tally()
	if before.Events == 0 && tally.Events > 0 && x.record.FirstToken == 0 && x.mode == modeStreamed {
		x.record.FirstToken = x.received.Sub(x.record.Start)
	}
	// With HTTP trailers the last message does not say that it is the last, so
	// the protocol's own end counts too.
	if last || (tally.Done && !before.Done) {
		return x.end()
	}
	return nil
}

// end fills in what is known when the reply is over and sends it along, once,
// as dynamic metadata for Envoy's access log; the rest went with the request.
func (x *stream) end() error {
	x.sawEnd = true
	if x.settled {
		return nil
	}
	x.settled = true
	x.tally()
	if x.record.Outcome == "" {
		x.record.Outcome = telemetry.Complete
		if x.mode == modeStreamed && x.record.Status < 400 && !x.exchange.Tally().Done {
			x.record.Outcome = telemetry.Cut
		}
	}
	x.out.metadata = x.record.Ended
	return nil
}

// tally copies what the reply said of itself into the record.
func (x *stream) tally() {
	if x.exchange == nil {
		return
	}
	t := x.exchange.Tally()
	r := &x.record
	r.ModelResponse, r.FinishReason, r.OutputEvents = t.Model, t.Finish, t.Events
	if t.Error != "" {
		r.ErrorType = t.Error
	}
	if t.Error == translator.ErrorCredential {
		x.plan.Backend.Refused()
	}
	if len(x.edit.Warn)+len(t.Warn) > 0 {
		// A line has less room than a header: what only it can tell comes first.
		r.Warnings = warnings(slices.Concat(t.Warn, x.edit.Warn))
	}
	u := t.Usage
	r.InputTokens, r.CachedTokens, r.CacheWriteTokens = u.Input, u.Cached, u.CacheWrite
	r.OutputTokens, r.ReasoningTokens, r.TotalTokens = u.Output, u.Reasoning, u.Total
}

// settle records the exchange. It runs however the stream ended.
func (x *stream) settle() {
	if x.head.phase == phaseNone {
		return // Envoy opened a stream and never used it
	}
	r := &x.record
	if !x.settled {
		x.tally()
		if r.Outcome == "" {
			r.Outcome = telemetry.Aborted
		}
	}
	x.settleBudget()
	r.Duration = x.srv.now().Sub(r.Start)
	x.srv.recorder.Record(r)
}
