package extproc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"

	"llmroute/extproc"
	"llmroute/extproc/extproctest"
	"llmroute/router"
	"llmroute/router/config"
	"llmroute/router/limit"
	"llmroute/telemetry"
	"llmroute/translator/tokens"
)

// budgetWindow is a limit that nobody reaches.
const budgetWindow = 1 << 40

// budgeted is a processor of one limited model, m, whose budget never slides.
type budgeted struct {
	*extproctest.Client
	srv   *extproc.Server
	store limit.Store
}

func newBudgeted(t *testing.T, mutate func(*config.Backend)) *budgeted {
	t.Helper()
	model := &config.Model{Name: "m", Limits: config.Limits{RequestsPerMinute: budgetWindow, TokensPerMinute: budgetWindow, MaxInputTokens: 1000}}
	c := &config.Config{Hash: "h", DefaultBackend: "b", Backends: []*config.Backend{backend("b", func(b *config.Backend) {
		b.Models, b.Settings = []string{"m"}, map[string]*config.Model{"m": model}
		mutate(b)
	})}}
	log := slog.New(slog.NewJSONHandler(io.Discard, nil))
	r := router.New(anyCluster{}, log)
	t.Cleanup(r.Close)
	if err := r.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	rec, err := telemetry.New(telemetry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	store := limit.NewMemory(func() time.Duration { return 0 }) // nothing slides out
	srv := extproc.New(extproc.Options{Router: r, Recorder: rec, Log: log, Limits: store})
	client, err := extproctest.Dial(srv.GRPC())
	if err != nil {
		t.Fatal(err)
	}
	return &budgeted{client, srv, store}
}

// charged ends the processor and returns what is left charged.
func (b *budgeted) charged(t *testing.T) (requests, tokens int64) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := b.srv.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	v, err := b.store.Reserve(t.Context(), limit.Key{Backend: "b", Model: "m"}, limit.Limits{Requests: budgetWindow, Tokens: budgetWindow}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return budgetWindow - v.Requests.Remaining - 1, budgetWindow - v.Tokens.Remaining
}

// A request that breaks before it can be sent costs nothing.
func TestWhatIsNotSentCostsNothing(t *testing.T) {
	b := newBudgeted(t, func(b *config.Backend) {
		b.Body.Set = []config.BodyField{{Path: "", Value: json.RawMessage("1")}} // no configuration says so
	})
	if _, err := b.Do(t.Context(), extproctest.Post("/v1/chat/completions", `{"model":"m","messages":[]}`), nil); err == nil {
		t.Error("the request was sent")
	}
	if requests, tokens := b.charged(t); requests != 0 || tokens != 0 {
		t.Errorf("%d requests and %d tokens are charged", requests, tokens)
	}
}

// TestBudgetsAreExact ends a thousand exchanges in every way there is, eight at a
// time, and holds what is left of the budget against a ledger.
func TestBudgetsAreExact(t *testing.T) {
	const exchanges = 1000
	client := newBudgeted(t, func(*config.Backend) {})
	const question = `{"model":"m","stream":true,"max_tokens":50,"messages":[{"role":"user","content":"one two three"}]}`
	prompt := int64(tokens.For("OpenAI", "m").Request([]byte(question)))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var requests, used atomic.Int64
	var wg sync.WaitGroup
	for g := range uint64(8) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, g))
			for range exchanges / 8 {
				sent, cost, err := endSomehow(t.Context(), client.Client, random, question, prompt)
				if err != nil {
					t.Error(err)
					return
				}
				requests.Add(sent)
				used.Add(cost)
			}
		})
	}
	wg.Wait()
	gotRequests, gotTokens := client.charged(t)
	if gotRequests != requests.Load() {
		t.Errorf("%d requests are charged, %d were sent", gotRequests, requests.Load())
	}
	if gotTokens != used.Load() {
		t.Errorf("%d tokens are charged, %d were used", gotTokens, used.Load())
	}
}

// endSomehow carries one request to an end that is drawn, and returns what it is
// to cost.
func endSomehow(ctx context.Context, c *extproctest.Client, random *rand.Rand, question string, prompt int64) (requests, used int64, err error) {
	events := random.IntN(20)
	var pieces []string
	for i := range events {
		pieces = append(pieces, fmt.Sprintf(`data: {"id":"x","choices":[{"index":0,"delta":{"content":"w%d "}}]}`+"\n\n", i))
	}
	const usage = `data: {"id":"x","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":7,"total_tokens":27}}` + "\n\n"
	const done = "data: [DONE]\n\n"
	stream := func(more ...string) error {
		_, err := c.Do(ctx, extproctest.Post("/v1/chat/completions", question), extproctest.Reply(200, "text/event-stream", append(pieces, more...)...))
		return err
	}
	switch random.IntN(8) {
	case 0: // whole, with its usage
		return 1, 27, stream(usage, done)
	case 1: // whole, without
		return 1, prompt + 50, stream(done)
	case 2: // cut by the backend
		pieces = append(pieces, "data: {")
		return 1, prompt + int64(events), stream()
	case 3: // refused by the backend
		_, err := c.Do(ctx, extproctest.Post("/v1/chat/completions", question), extproctest.Reply(400, "application/json", `{"error":{"message":"m","type":"t"}}`))
		return 1, 0, err
	case 4: // refused by us
		long := strings.Replace(question, "one", strings.Repeat("word ", 2000), 1)
		_, err := c.Do(ctx, extproctest.Post("/v1/chat/completions", long), nil)
		return 0, 0, err
	case 5: // left by the client before an answer came
		_, err := leave(ctx, c, question, nil)
		return 1, prompt, err
	case 6: // left in its middle, by which time it has told its prompt and one token
		for i := range pieces {
			pieces[i] = strings.Replace(pieces[i], `}]}`, `}],"usage":{"prompt_tokens":20,"completion_tokens":1,"total_tokens":21}}`, 1)
		}
		seen, err := leave(ctx, c, question, pieces)
		if seen == 0 {
			return 1, prompt, err
		}
		return 1, 20 + int64(seen), err
	default: // left by the client in its middle
		seen, err := leave(ctx, c, question, pieces)
		return 1, prompt + int64(seen), err
	}
}

// leave is a client that goes away when it has seen some pieces of a stream, or
// before there is one. It returns how many it has seen.
func leave(ctx context.Context, c *extproctest.Client, question string, pieces []string) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rpc, err := c.Open(ctx)
	if err != nil {
		return 0, err
	}
	say := func(m *extprocv3.ProcessingRequest) error {
		if err := rpc.Send(m); err != nil {
			return err
		}
		_, err := rpc.Recv()
		return err
	}
	post := extproctest.Post("/v1/chat/completions", question)
	if err := say(&extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestHeaders{RequestHeaders: extproctest.HTTPHeaders(post, false)}}); err != nil {
		return 0, err
	}
	if err := say(&extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_RequestBody{RequestBody: &extprocv3.HttpBody{Body: post.Bytes(), EndOfStream: true}}}); err != nil {
		return 0, err
	}
	if pieces == nil {
		return 0, nil
	}
	reply, _ := extproctest.Reply(200, "text/event-stream", "x")(nil)
	if err := say(&extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseHeaders{ResponseHeaders: extproctest.HTTPHeaders(reply, false)}}); err != nil {
		return 0, err
	}
	for i, p := range pieces {
		if err := say(&extprocv3.ProcessingRequest{Request: &extprocv3.ProcessingRequest_ResponseBody{ResponseBody: &extprocv3.HttpBody{Body: []byte(p)}}}); err != nil {
			return i, err
		}
	}
	return len(pieces), nil
}
