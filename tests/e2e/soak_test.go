package e2e

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var soakTime = flag.Duration("soak", 4*time.Second, "how long TestSoak mixes traffic and reloads")

// TestSoak mixes all that happens in a day, reloads, refusals, faults and
// clients that leave in the middle, and wants nothing left of it: every answer
// the right one, no exchange open at the end, no panic, and no memory that grows.
func TestSoak(t *testing.T) {
	p := startProvider(t)
	docs := func(n int) string {
		return backendDoc("a", p.URL) + backendDoc("b", p.URL, fmt.Sprintf("timeout: %ds", 60+n%5)) +
			routeDoc("r", modelRule("fake-small", "a", "b"), catchAll("a"))
	}
	g := start(t, docs(0))
	ctx, cancel := context.WithTimeout(t.Context(), *soakTime)
	defer cancel()
	var wg sync.WaitGroup
	var done, aborted atomic.Int64
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := soakOnce(g, &aborted); err != nil {
					t.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	var rss []int64
	for n := 1; ctx.Err() == nil; n++ {
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
		g.write(t, "config.yaml", docs(n))
		rss = append(rss, g.Sidecar.rss(t))
	}
	wg.Wait()
	t.Logf("%d requests, %d of them left in the middle, %d reloads, RSS %d to %d MiB",
		done.Load(), aborted.Load(), len(rss), rss[0]>>20, rss[len(rss)-1]>>20)
	waitFor(t, "every exchange to be settled", func() error {
		if n := metricValue(t, g, "llmroute_active_requests"); n != 0 {
			return fmt.Errorf("%g exchanges are open", n)
		}
		return nil
	})
	if n := metricValue(t, g, "llmroute_panics_total"); n != 0 {
		t.Errorf("%g panics", n)
	}
	// The first half warms up; what comes after it may not grow by more than a
	// collector's mood.
	if mid, last := rss[len(rss)/2], rss[len(rss)-1]; last > mid+mid/2+32<<20 {
		t.Errorf("RSS grew from %d to %d MiB", mid>>20, last>>20)
	}
}

// soakOnce sends one request of a random kind and checks its answer.
func soakOnce(g *gateway, aborted *atomic.Int64) error {
	ctx := context.Background()
	want := func(body string, status int, text string) error {
		a, err := g.try(ctx, "POST", "/v1/chat/completions", body)
		if err != nil {
			return err
		}
		if a.Status != status || !strings.Contains(a.Body, text) {
			return fmt.Errorf("%.80s: got %d %.300s, want %d and %q", body, a.Status, a.Body, status, text)
		}
		return nil
	}
	word := strconv.Itoa(rand.IntN(1e9))
	stream := strings.Replace(chat("fake-small", word), "{", `{"stream":true,`, 1)
	switch rand.IntN(8) {
	case 0:
		return want(chat("fake-small+503", word), 503, `"error"`)
	case 1:
		return want(chat("fake-small+429", word), 429, `"error"`)
	case 2:
		return want(`{"model":`, 400, "invalid_request_error")
	case 3:
		aborted.Add(1)
		return leaveStream(g, strings.Replace(stream, "fake-small", "fake-small+pause5ms", 1))
	case 4:
		return want(stream, 200, "[DONE]")
	case 5:
		return want(chat("fake-small", strings.Repeat(word+" ", 2000)), 200, word)
	default:
		return want(chat("fake-small", word), 200, word)
	}
}

// leaveStream reads the beginning of a stream and goes.
func leaveStream(g *gateway, body string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("stream: %s", resp.Status)
	}
	_, err = io.ReadFull(resp.Body, make([]byte, 64))
	return err
}

// metricValue sums the samples of a metric on the admin page.
func metricValue(t testing.TB, g *gateway, name string) float64 {
	t.Helper()
	var sum float64
	for _, m := range regexp.MustCompile(`(?m)^`+name+`(?:\{[^}]*\})? (\S+)$`).FindAllStringSubmatch(g.metrics(t), -1) {
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += v
	}
	return sum
}
