package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestPatience is section 5.7 of the checklist of custom backends.
func TestPatience(t *testing.T) {
	t.Parallel() // most of it is waiting
	p := startProvider(t)
	g := customs{
		"brief":   customDoc(p, "timeout: 1"),
		"tries":   customDoc(p, "max_retries: 3", "retry_delay: 0.2"),
		"bounded": customDoc(p, "timeout: 1", "max_retries: 20", "retry_delay: 0.5"),
		"closed":  strings.Replace(customDoc(p, "max_retries: 3", "retry_delay: 0.01"), p.URL, "http://"+freePort(t), 1),
	}.start(t, "")
	t.Run("53 the timeout", func(t *testing.T) {
		begin := time.Now()
		a := g.ask(t, 504, chat("brief:fake-small+slow3s", "hi"))
		if d := time.Since(begin); a.errorCode(t) != "upstream_timeout" || d < 900*time.Millisecond || d > 2500*time.Millisecond {
			t.Errorf("after %v: %s", d, a.Body)
		}
	})
	t.Run("54 tries until one answers, and no more", func(t *testing.T) {
		p.Reset()
		a := g.ask(t, 200, chat("tries:fake-small+flaky2", "hi"))
		if n := p.Counts().Total; n != 3 || a.Header.Get("x-llmroute-attempts") != "3" {
			t.Errorf("%d tries", n)
		}
		for _, q := range p.Requests() {
			if string(q.Body) != string(p.Last().Body) || q.Key != "sk-custom" {
				t.Errorf("a try had %s with key %q", q.Body, q.Key)
			}
		}
		p.Reset()
		a = g.ask(t, 503, chat("tries:fake-small+503", "hi"))
		if n := p.Counts().Total; n != 4 {
			t.Errorf("%d tries: %s", n, a.Body)
		}
	})
	// Envoy waits for a part of the delay, of twice and of four times as much that
	// it draws: 0.7 s on average, 1.4 s at most. Of twelve the sum is told apart
	// from what other delays would make of it.
	t.Run("55 the delay between tries", func(t *testing.T) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		var sum time.Duration
		for range 12 {
			wg.Go(func() {
				begin := time.Now()
				a, err := g.try(t.Context(), "POST", completions, chat("tries:fake-small+503", "hi"))
				d := time.Since(begin)
				if err != nil || a.Status != 503 || d > 1400*time.Millisecond+3*time.Second {
					t.Errorf("after %v: %+v, %v", d, a, err)
				}
				mu.Lock()
				defer mu.Unlock()
				sum += d
			})
		}
		if wg.Wait(); sum < 4*time.Second {
			t.Errorf("twelve requests waited %v in all", sum)
		}
	})
	for _, status := range []int{400, 401, 403, 404, 422} {
		t.Run(fmt.Sprintf("56 no other try after %d", status), func(t *testing.T) {
			p.Reset()
			a := g.post(t, completions, chat(fmt.Sprintf("tries:fake-small+%d", status), "hi"))
			if n := p.Counts().Total; n != 1 || a.Status != status && status != 401 {
				t.Errorf("%d tries: %d %s", n, a.Status, a.Body)
			}
		})
	}
	t.Run("56 another try after a reset and some statuses", func(t *testing.T) {
		for _, fault := range []string{"reset", "429", "502", "503", "504"} {
			p.Reset()
			g.post(t, completions, chat("tries:fake-small+"+fault, "hi"))
			if n := p.Counts().Total; n != 4 {
				t.Errorf("%s: %d tries", fault, n)
			}
		}
	})
	t.Run("56 another try where nobody listens", func(t *testing.T) {
		const id = "nobody-listens"
		if a := g.ask(t, 503, chat("closed:m", "hi"), "x-request-id", id); a.errorCode(t) != "upstream_unreachable" {
			t.Errorf("got %s", a.Body)
		}
		if line := g.logLine(t, id); line["attempts"] != 4.0 {
			t.Errorf("logged %v", line)
		}
	})
	t.Run("56 all tries within the timeout", func(t *testing.T) {
		begin := time.Now()
		a := g.ask(t, 504, chat("bounded:fake-small+503", "hi"))
		if d := time.Since(begin); d < 900*time.Millisecond || d > 2500*time.Millisecond {
			t.Errorf("after %v: %s", d, a.Body)
		}
	})
	t.Run("57 no other try once the answer has begun", func(t *testing.T) {
		p.Reset()
		resp := g.open(t.Context(), t, completions, streamBody("tries:fake-small+reset2", "one two three four", true))
		got, err := io.ReadAll(resp.Body) // a reset, or what the gateway makes of it
		if n := p.Counts().Total; n != 1 || strings.Contains(string(got), "[DONE]") || err == nil && !strings.Contains(string(got), `"error"`) {
			t.Errorf("%d tries: %s, %v", n, got, err)
		}
	})
	t.Run("58 a stream that flows is not cut", func(t *testing.T) {
		begin := time.Now()
		_, got := g.whole(t, completions, streamBody("brief:fake-small+pause400ms", "one two three four", true))
		if d := time.Since(begin); d < 1200*time.Millisecond || !strings.Contains(got, "[DONE]") {
			t.Errorf("after %v: %s", d, got)
		}
	})
}

// TestCustomBackendsAnswer is section 5.8.
func TestCustomBackendsAnswer(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	plain := startBackend(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "no coffee")
	})
	g := customs{
		"a":     customDoc(p, "models: {m: {}}"),
		"plain": strings.Replace(customDoc(p), p.URL, plain.URL, 1),
	}.start(t, "")
	direct := &gateway{URL: p.URL}

	t.Run("59 events come as they are sent", func(t *testing.T) {
		resp := g.open(t.Context(), t, completions, streamBody("a:fake-small+gate", "one two", true))
		<-p.Gate.Reached()
		r := bufio.NewReader(resp.Body)
		first, err := r.ReadString('\n') // hangs if it is held back
		if err != nil || !strings.HasPrefix(first, "data: {") {
			t.Fatalf("got %q, %v", first, err)
		}
		p.Gate.Release()
		if rest, err := io.ReadAll(r); err != nil || !strings.HasSuffix(string(rest), "data: [DONE]\n\n") {
			t.Errorf("got %q, %v", rest, err)
		}
	})
	t.Run("59 byte for byte", func(t *testing.T) {
		_, want := direct.whole(t, completions, streamBody("fake-small+split", "Grüße, 世界 one two", true))
		_, got := g.whole(t, completions, streamBody("a:fake-small+split", "Grüße, 世界 one two", true))
		if got != want || !strings.Contains(want, "data: [DONE]") {
			t.Errorf("got\n%q\nwant\n%q", got, want)
		}
	})
	t.Run("60 errors keep status and body", func(t *testing.T) {
		for _, fault := range []string{"400", "403", "404", "422", "429", "500", "503", "context", "quota"} {
			want := direct.post(t, completions, chat("fake-small+"+fault, "hi"), "authorization", "Bearer sk-custom")
			got := g.post(t, completions, chat("a:fake-small+"+fault, "hi"))
			if got.Status != want.Status || got.Body != want.Body || got.Status < 400 {
				t.Errorf("%s: got %d %s, want %d %s", fault, got.Status, got.Body, want.Status, want.Body)
			}
		}
		// A key that the provider does not take is the gateway's, not the client's.
		if a := g.ask(t, 502, chat("a:fake-small+401", "hi")); a.errorCode(t) != "provider_auth_error" {
			t.Errorf("got %s", a.Body)
		}
		if a := g.ask(t, http.StatusTeapot, chat("plain:m", "hi")); a.Body != "no coffee" || a.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("got %v %q", a.Header, a.Body)
		}
	})
	t.Run("62 usage in the metadata, once and whole", func(t *testing.T) {
		for i, body := range []string{
			chat("a:m", "hi"), streamBody("a:m", "one two three", true), streamBody("a:m", "one two three", false),
			chat("a:fake-small+gzip", "hi"), streamBody("a:fake-small+gzip", "one two three", true),
		} {
			id := "metadata-" + strconv.Itoa(i)
			g.ask(t, 200, body, "x-request-id", id)
			total, _ := g.logLine(t, id)["total_tokens"].(float64)
			if total == 0 {
				t.Errorf("%s: no tokens are counted", body)
			}
			waitFor(t, "the access log, which is written from the metadata", func() error {
				var lines []string
				for line := range strings.Lines(g.Envoy.Stdout()) {
					if strings.Contains(line, `"`+id+`"`) {
						lines = append(lines, line)
					}
				}
				if len(lines) != 1 || !strings.Contains(lines[0], fmt.Sprintf(`"total_tokens":%v`, total)) {
					return fmt.Errorf("%d tokens in %q", int(total), lines)
				}
				return nil
			})
		}
	})
	t.Run("63 a client that leaves ends it", func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		resp := g.open(ctx, t, completions, streamBody("a:fake-small+hang2", "one two three", true))
		leave()
		_ = resp.Body.Close()
		select {
		case <-p.Last().Done():
		case <-time.After(5 * time.Second):
			t.Fatal("the provider still sends")
		}
		waitFor(t, "the metric", func() error {
			if !strings.Contains(g.metrics(t), `outcome="aborted"`) {
				return errors.New("not in the metrics")
			}
			return nil
		})
	})
}

// TestUsagePerModel is the rest of section 5.8: what the gateway counts is what
// the provider said, for whole answers and for streams.
func TestUsagePerModel(t *testing.T) {
	t.Parallel() // most of it is waiting
	p := startProvider(t)
	g := customs{"a": customDoc(p, "models: {m: {}, second: {}, fake-small+503: {}}"), "b": customDoc(p, "models: {m: {}}")}.start(t, "")
	want := map[string][4]int64{}
	add := func(key string, body string) {
		t.Helper()
		a := g.ask(t, 200, body)
		w := want[key]
		w[0]++
		for i, field := range []string{`"prompt_tokens":`, `"completion_tokens":`, `"total_tokens":`} {
			at := strings.LastIndex(a.Body, field)
			var n int64
			if _, err := fmt.Sscanf(a.Body[at+len(field):], "%d", &n); err != nil {
				t.Fatal(err)
			}
			w[i+1] += n
		}
		want[key] = w
	}
	for range 3 {
		add("a m 200", chat("a:m", "hi"))
		add("a m 200", streamBody("a:m", "one two three", true))
		add("a second 200", chat("a:second", "hello you"))
		add("b m 200", streamBody("b:m", "one two three", true))
	}
	g.ask(t, 503, chat("a:fake-small+503", "hi"))
	want["a fake-small+503 503"] = [4]int64{1}
	leave, cancel := context.WithCancel(t.Context())
	resp := g.open(leave, t, completions, streamBody("b:fake-small+hang2", "one two three", true))
	cancel()
	_ = resp.Body.Close()

	t.Run("61 usage by backend, model and status", func(t *testing.T) { waitForUsage(t, g, want) })
	t.Run("61 the same in the metrics", func(t *testing.T) {
		m := g.metrics(t)
		for i, kind := range []string{"input", "output"} {
			line := regexp.MustCompile(`gen_ai_client_token_usage_sum\{[^}]*gen_ai_request_model="second"[^}]*gen_ai_token_type="` + kind + `"[^}]*\} (\d+)`).FindStringSubmatch(m)
			if line == nil || line[1] != strconv.FormatInt(want["a second 200"][i+1], 10) || !strings.Contains(line[0], `llmroute_backend="a"`) {
				t.Errorf("%s tokens of a's second model are %v, want %d", kind, line, want["a second 200"][i+1])
			}
		}
	})
}

// waitForUsage waits until /usage says what is wanted, requests and three kinds of
// tokens of each "backend model status", and that one client has left backend b.
func waitForUsage(t *testing.T, g *gateway, want map[string][4]int64) {
	t.Helper()
	waitFor(t, "the usage", func() error {
		var page struct {
			Usage []struct {
				Backend, Model                  string
				Status                          int
				Requests, Failed                int64
				Prompt_tokens                   int64
				Completion_tokens, Total_tokens int64
				Mean_latency_seconds            float64
				First                           float64 `json:"mean_time_to_first_token_seconds"`
			}
		}
		if err := json.Unmarshal([]byte(g.page(t, "/usage")), &page); err != nil {
			return err
		}
		got := map[string][4]int64{}
		aborted := false
		for _, u := range page.Usage {
			if u.Model == "other" {
				aborted = u.Backend == "b" && u.Requests == 1
				continue
			}
			got[fmt.Sprintf("%s %s %d", u.Backend, u.Model, u.Status)] = [4]int64{u.Requests, u.Prompt_tokens, u.Completion_tokens, u.Total_tokens}
			if u.Mean_latency_seconds <= 0 || u.Backend == "b" && u.First <= 0 {
				return fmt.Errorf("%+v", u)
			}
		}
		if len(got) != len(want) || !aborted {
			return fmt.Errorf("%v, aborted: %t, want %v", got, aborted, want)
		}
		for key, w := range want {
			if got[key] != w {
				return fmt.Errorf("%s: %v, want %v", key, got[key], w)
			}
		}
		return nil
	})
}
