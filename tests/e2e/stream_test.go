package e2e

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// streamBody asks for a stream, with its usage or without.
func streamBody(model, text string, usage bool) string {
	options := ""
	if usage {
		options = `,"stream_options":{"include_usage":true}`
	}
	return strings.TrimSuffix(chat(model, text), "}") + `,"stream":true` + options + "}"
}

// plainClient changes nothing: it asks for no compression and undoes none, and
// has as many connections as a test wants.
var plainClient = &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}}

// open posts a body and returns when the answer's headers are there.
func (g *gateway) open(ctx context.Context, t testing.TB, path, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "POST", g.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := plainClient.Do(req)
	if err != nil {
		t.Fatalf("POST %s: %v", path, err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// whole is open, read to its end.
func (g *gateway) whole(t testing.TB, path, body string) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	resp := g.open(ctx, t, path, body)
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("reading the answer: %v", err)
	}
	return resp, string(b)
}

// A stream passes byte for byte when its usage was asked for, however it was
// cut, its lines end and it stops.
func TestStreamsPassByteForByte(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	g := start(t, backendDoc("a", p.URL)+backendDoc("b", p.URL, "http2: true")+
		routeDoc("r", catchAll("a"), modelRule("fake-small+split+lax", "b")))
	direct := &gateway{URL: p.URL}
	for _, model := range []string{
		"fake-small", "fake-small+crlf", "fake-small+noblank", "fake-small+split", "fake-small+split+lax",
		"fake-small+split+crlf", "fake-small+trailers", "fake-small+split+crlf+noblank", "fake-small+big100KB",
	} {
		t.Run(model, func(t *testing.T) {
			body := streamBody(model, "Grüße, 世界 😀 one two three", true)
			_, want := direct.whole(t, "/v1/chat/completions", body)
			resp, got := g.whole(t, "/v1/chat/completions", body)
			if resp.StatusCode != 200 || got != want {
				t.Errorf("got %d\n%.2000q\nwant\n%.2000q", resp.StatusCode, got, want)
			}
			if want == "" || !strings.Contains(want, `"usage":{`) {
				t.Errorf("the provider sent no usage: %q", want)
			}
		})
	}
}

// Usage is asked for in the client's place, counted, and not shown to a client
// that has not asked.
func TestUsageIsHiddenFromWhoDidNotAsk(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	g := start(t, backendDoc("a", p.URL)+routeDoc("r", catchAll("a")))
	for _, model := range []string{"fake-small", "fake-small+crlf", "fake-small+noblank", "fake-small+split+crlf", "fake-small+trailers"} {
		t.Run(model, func(t *testing.T) {
			body := streamBody(model, "Grüße one two three", false)
			_, want := (&gateway{URL: p.URL}).whole(t, "/v1/chat/completions", body)
			_, got := g.whole(t, "/v1/chat/completions", body)
			if !strings.Contains(string(p.Last().Body), `"include_usage":true`) {
				t.Errorf("the provider was not asked: %s", p.Last().Body)
			}
			if strings.Contains(got, "usage") || !strings.Contains(got, "data: [DONE]") {
				t.Errorf("got %q", got)
			}
			if said(t, got) != said(t, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// said joins what the chunks of a stream say.
func said(t testing.TB, stream string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(stream) {
		data, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "data: ")
		if !ok || data == "[DONE]" {
			continue
		}
		var c struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			t.Fatalf("%v in %q", err, data)
		}
		for _, choice := range c.Choices {
			b.WriteString(choice.Delta.Content)
		}
	}
	return b.String()
}

// The first event is with the client before the second leaves the provider,
// whether the stream passes or is changed.
func TestFirstEventArrivesBeforeTheSecondIsSent(t *testing.T) {
	p := startProvider(t)
	g := start(t, backendDoc("a", p.URL)+routeDoc("r", catchAll("a")))
	for _, usage := range []bool{true, false} {
		t.Run(fmt.Sprintf("usage %v", usage), func(t *testing.T) {
			resp := g.open(t.Context(), t, "/v1/chat/completions", streamBody("fake-small+gate", "one two", usage))
			<-p.Gate.Reached()
			r := bufio.NewReader(resp.Body)
			first, err := r.ReadString('\n') // hangs if it is held back
			if err != nil || !strings.HasPrefix(first, "data: {") {
				t.Fatalf("got %q, %v", first, err)
			}
			p.Gate.Release()
			rest, err := io.ReadAll(r)
			if err != nil || !strings.Contains(string(rest), "[DONE]") {
				t.Errorf("got %q, %v", rest, err)
			}
		})
	}
}

// More streams may be open than Envoy's circuit breakers allow by default.
func TestManyStreamsAtOnce(t *testing.T) {
	const streams = 1100
	release, arrived := make(chan struct{}), make(chan struct{}, streams)
	b := startBackend(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n")
		_ = http.NewResponseController(w).Flush()
		arrived <- struct{}{}
		<-release
		_, _ = io.WriteString(w, "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	})
	g := start(t, backendDoc("a", b.URL)+routeDoc("r", catchAll("a")))
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	body := streamBody("m", "hi", true)
	var wg sync.WaitGroup
	for range streams {
		wg.Go(func() {
			if err := g.stream(ctx, body); err != nil {
				t.Error(err)
			}
		})
	}
	for range streams {
		select {
		case <-arrived:
		case <-ctx.Done():
			close(release)
			wg.Wait()
			t.Fatal("not all streams are open at once")
		}
	}
	close(release)
	wg.Wait()
}

// stream reads a stream to its end, which must be a proper one.
func (g *gateway) stream(ctx context.Context, body string) error {
	req, err := http.NewRequestWithContext(ctx, "POST", g.URL+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := plainClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(b), "[DONE]") {
		return fmt.Errorf("status %d: %q", resp.StatusCode, b)
	}
	return nil
}

// An answer that is compressed although nobody asked for that is counted all the
// same. A whole one passes as it is where nothing in it must change; a stream goes
// on unpacked, so that an error can follow where it is cut.
func TestCompressedAnswers(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	claude := strings.Replace(backendDoc("claude", p.URL), "outputSchema: OpenAI", "outputSchema: Anthropic", 1)
	g := start(t, backendDoc("a", p.URL)+claude+routeDoc("r", modelRule("claude-sonnet-4-5+gzip", "claude"), catchAll("a")))
	for _, tt := range []struct {
		name, body, encoding string
		usage                bool
	}{
		{"plain", chat("fake-small+gzip", "one two"), "gzip", true},
		{"stream", streamBody("fake-small+gzip", "one two", true), "", true},
		{"stream with something to hide", streamBody("fake-small+gzip", "one two", false), "", false},
		{"translated", chat("claude-sonnet-4-5+gzip", "one two"), "", true},
		{"translated stream", streamBody("claude-sonnet-4-5+gzip", "one two", true), "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, got := g.whole(t, "/v1/chat/completions", tt.body)
			if enc := p.Last().Header.Get("Accept-Encoding"); enc != "identity" {
				t.Errorf("the provider was asked for %q", enc)
			}
			if enc := resp.Header.Get("Content-Encoding"); resp.StatusCode != 200 || enc != tt.encoding {
				t.Fatalf("got %d, encoding %q: %s", resp.StatusCode, enc, got)
			}
			if tt.encoding == "gzip" {
				z, err := gzip.NewReader(strings.NewReader(got))
				if err != nil {
					t.Fatal(err)
				}
				plain, err := io.ReadAll(z)
				if err != nil {
					t.Fatal(err)
				}
				got = string(plain)
			}
			if !strings.Contains(got, `"choices"`) || strings.Contains(got, `"error"`) || strings.Contains(got, "completion_tokens") != tt.usage {
				t.Errorf("got %s", got)
			}
			id := resp.Header.Get("x-llmroute-request-id")
			waitFor(t, "the count of its tokens", func() error {
				for line := range strings.Lines(g.Envoy.Stdout()) {
					if strings.Contains(line, id) && strings.Contains(line, `"output_tokens":`) {
						return nil
					}
				}
				return fmt.Errorf("not in %s", g.Envoy.Stdout())
			})
		})
	}
}

// A client that leaves takes the request to the provider with it, and it is
// booked as left, with what came before.
func TestLeavingResetsTheProvider(t *testing.T) {
	p := startProvider(t)
	g := start(t, backendDoc("a", p.URL)+routeDoc("r", catchAll("a")))
	for _, model := range []string{"fake-small+hang2", "fake-small+hang"} {
		t.Run(model, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			id := "left-" + model
			req, err := http.NewRequestWithContext(ctx, "POST", g.URL+"/v1/chat/completions", strings.NewReader(streamBody(model, "one two", true)))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("x-request-id", id)
			gone := make(chan error, 1)
			go func() {
				resp, err := plainClient.Do(req)
				if err == nil {
					defer resp.Body.Close()
					_, err = io.ReadAll(resp.Body)
				}
				gone <- err
			}()
			waitFor(t, "the provider to have it", func() error {
				if q := p.Last(); q == nil || q.Model != model {
					return errors.New("no request")
				}
				return nil
			})
			time.Sleep(50 * time.Millisecond) // headers and events are on their way
			leave()
			if err := <-gone; !errors.Is(err, context.Canceled) {
				t.Errorf("the client got %v", err)
			}
			select {
			case <-p.Last().Done():
			case <-time.After(3 * time.Second):
				t.Fatal("the provider still sends")
			}
			if err := p.Last().Err(); !errors.Is(err, context.Canceled) {
				t.Errorf("the provider saw %v", err)
			}
			if line := g.logLine(t, id); line["outcome"] != "aborted" {
				t.Errorf("logged %v", line)
			}
		})
	}
	if m := g.metrics(t); !strings.Contains(m, `outcome="aborted"`) {
		t.Errorf("not in the metrics:\n%s", m)
	}
}

// logLine waits for the sidecar's line on a request and returns it.
func (g *gateway) logLine(t testing.TB, id string) map[string]any {
	t.Helper()
	var found map[string]any
	waitFor(t, "the log line of "+id, func() error {
		for line := range strings.Lines(g.Sidecar.log.String()) {
			var l map[string]any
			if json.Unmarshal([]byte(line), &l) == nil && l["msg"] == "request" && l["request_id"] == id {
				found = l
				return nil
			}
		}
		return errors.New("not there")
	})
	return found
}

// A stream that stops short is no complete answer: the client is told.
func TestBrokenStreamsDoNotLookComplete(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	g := start(t, backendDoc("a", p.URL)+routeDoc("r", catchAll("a")))
	for _, model := range []string{"fake-small+cut3", "fake-small+reset3", "fake-small+errevent"} {
		t.Run(model, func(t *testing.T) {
			resp := g.open(t.Context(), t, "/v1/chat/completions", streamBody(model, "one two three", true))
			b, err := io.ReadAll(resp.Body)
			if err == nil && !strings.Contains(string(b), `"error"`) {
				t.Errorf("looks complete: %q", b)
			}
			if strings.Contains(string(b), "[DONE]") && !strings.Contains(string(b), `"error"`) {
				t.Errorf("says it is: %q", b)
			}
		})
	}
}
