package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"llmroute/bench/workload"
)

// Round is what one contestant did of one case in one go. CPU is in
// microseconds per request, times are in microseconds, memory is the peak of
// the round in KiB.
type Round struct {
	Requests   int     `json:"requests"`
	Errors     int     `json:"errors"`
	Seconds    float64 `json:"seconds"`
	EnvoyCPU   float64 `json:"envoy_cpu_us"`
	SidecarCPU float64 `json:"sidecar_cpu_us"`
	P50        float64 `json:"p50_us"`
	P99        float64 `json:"p99_us"`
	FirstP50   float64 `json:"first_byte_p50_us"`
	FirstP99   float64 `json:"first_byte_p99_us"`
	EnvoyRSS   int     `json:"envoy_rss_kib"`
	SidecarRSS int     `json:"sidecar_rss_kib"`
}

// CPU is what Envoy and its sidecar took together.
func (r *Round) CPU() float64 { return r.EnvoyCPU + r.SidecarCPU }

// check sends one request and looks at all of its reply, so that what is
// measured afterwards is known to be right. It returns the length of the body.
func check(c *contestant, w *workload.Case) (int, error) {
	conn, err := dial(c.address)
	if err != nil {
		return 0, err
	}
	defer conn.conn.Close()
	_ = conn.conn.SetDeadline(time.Now().Add(10 * time.Second))
	var got bytes.Buffer
	if _, err := conn.do(request(w), &got); err != nil {
		return 0, fmt.Errorf("%s, %s: %w", c.name, w.Name, err)
	}
	sent := bytes.Join(w.Answer.Pieces, nil)
	ours := c.name == nameOurs || c.name == nameBefore
	switch {
	case w.Hidden && ours:
		if !bytes.HasSuffix(got.Bytes(), []byte("data: [DONE]\n\n")) || bytes.Contains(got.Bytes(), []byte("prompt_tokens")) ||
			bytes.Count(got.Bytes(), []byte("\n\n")) != bytes.Count(sent, []byte("\n\n"))-1 {
			return 0, fmt.Errorf("%s, %s: the reply is not the provider's without its usage event", c.name, w.Name)
		}
	case w.Translated && ours:
		if err := isChat(got.Bytes(), w.Answer.Stream()); err != nil {
			return 0, fmt.Errorf("%s, %s: %w", c.name, w.Name, err)
		}
	case !bytes.Equal(got.Bytes(), sent):
		return 0, fmt.Errorf("%s, %s: the reply is not what the provider sent", c.name, w.Name)
	}
	return got.Len(), nil
}

// isChat reports what a translated answer lacks of one in OpenAI's words.
func isChat(body []byte, stream bool) error {
	want := map[string]int{`"object":"chat.completion"`: 1, `"prompt_tokens":256`: 1, `"finish_reason":"stop"`: 1}
	if stream {
		want = map[string]int{`"object":"chat.completion.chunk"`: 103, `"content":" word`: 100, `"prompt_tokens":256`: 1, `"finish_reason":"stop"`: 1, "data: [DONE]\n\n": 1}
	}
	for text, n := range want {
		if got := bytes.Count(body, []byte(text)); got != n {
			return fmt.Errorf("the reply has %q %d times, want %d: %.300s", text, got, n, body)
		}
	}
	return nil
}

// load is what all connections of a round do.
type load struct {
	contestant *contestant
	request    []byte
	want       int // bytes of each reply's body
	conns      int
	time       time.Duration
}

// round runs a load and measures it. The upstream's count has to agree with ours:
// an answer that did not come from there, or came twice, would be an error.
func (l *load) round(ctx context.Context, up *upstream) (Round, error) {
	clients := make([]*client, l.conns)
	for i := range clients {
		c, err := dial(l.contestant.address)
		if err != nil {
			return Round{}, err
		}
		defer c.conn.Close()
		clients[i] = c
	}
	// Connections, pools and windows grow before the clock starts.
	if _, errs := l.all(ctx, clients, 0); errs != nil {
		return Round{}, fmt.Errorf("%s: %w", l.contestant.name, errs[0])
	}
	before, err := l.cpu()
	if err != nil {
		return Round{}, err
	}
	for _, p := range l.contestant.processes() {
		if err := p.resetPeak(); err != nil {
			return Round{}, err
		}
	}
	served, start := up.served.Load(), time.Now()
	done, errs := l.all(ctx, clients, l.time)
	seconds := time.Since(start).Seconds()
	after, err := l.cpu()
	if err != nil {
		return Round{}, err
	}
	r := Round{Requests: len(done), Errors: len(errs), Seconds: seconds}
	if missing := int(up.served.Load()-served) - len(done) - len(errs); missing != 0 && len(errs) == 0 {
		return r, fmt.Errorf("%s: the upstream served %d requests more than were answered", l.contestant.name, missing)
	}
	if len(done) == 0 {
		return r, fmt.Errorf("%s: no request was answered: %w", l.contestant.name, errors.Join(errs...))
	}
	n := float64(len(done))
	r.EnvoyCPU = micros(after[0]-before[0]) / n
	r.SidecarCPU = micros(after[1]-before[1]) / n
	r.latencies(done)
	if r.EnvoyRSS, err = l.contestant.envoy.peak(); err == nil && l.contestant.sidecar != nil {
		r.SidecarRSS, err = l.contestant.sidecar.peak()
	}
	return r, err
}

// cpu returns what Envoy and its sidecar have used up to now.
func (l *load) cpu() (used [2]time.Duration, err error) {
	for i, p := range l.contestant.processes() {
		if used[i], err = p.cpu(); err != nil {
			return used, err
		}
	}
	return used, nil
}

// all keeps every connection busy for a time, at least one request each, and
// returns what was done. A connection that met an error ends.
func (l *load) all(ctx context.Context, clients []*client, d time.Duration) (done []exchange, errs []error) {
	var mu sync.Mutex
	var group sync.WaitGroup
	end := time.Now().Add(d)
	for _, c := range clients {
		_ = c.conn.SetDeadline(end.Add(30 * time.Second))
		group.Go(func() {
			var mine []exchange
			var err error
			for first := true; err == nil && ctx.Err() == nil && (first || time.Now().Before(end)); first = false {
				var x exchange
				if x, err = c.do(l.request, nil); err == nil && x.bytes != l.want {
					err = fmt.Errorf("reply of %d bytes, want %d", x.bytes, l.want)
				}
				if err == nil {
					mine = append(mine, x)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			done = append(done, mine...)
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	group.Wait()
	if errs == nil && ctx.Err() != nil {
		errs = []error{ctx.Err()}
	}
	return done, errs
}

func (r *Round) latencies(done []exchange) {
	whole, first := make([]float64, len(done)), make([]float64, len(done))
	for i, x := range done {
		whole[i], first[i] = micros(x.whole), micros(x.first)
	}
	slices.Sort(whole)
	slices.Sort(first)
	r.P50, r.P99 = at(whole, .5), at(whole, .99)
	r.FirstP50, r.FirstP99 = at(first, .5), at(first, .99)
}

// at returns the quantile q of sorted values, of which there is at least one.
func at(sorted []float64, q float64) float64 { return sorted[int(q*float64(len(sorted)-1)+.5)] }

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
