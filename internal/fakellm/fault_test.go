package fakellm_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"llmroute/internal/fakellm"
	"llmroute/internal/fakellm/fakellmtest"
)

// dataOf returns the data lines of a stream.
func dataOf(body string) (list []string) {
	for line := range strings.Lines(body) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			list = append(list, strings.TrimRight(data, "\r\n"))
		}
	}
	return list
}

func TestStatusFaults(t *testing.T) {
	p := start(t)
	for status := 400; status < 600; status++ {
		req := request(t, http.MethodPost, p.URL+"/chat/completions", chat("fake-small", false))
		req.Header.Set("X-Fake-Fault", strconv.Itoa(status))
		got := do(t, req)
		if e := errorOf(t, got); e.Status != status || e.Message == "" || e.Type == "" {
			t.Errorf("%d: got %+v", status, e)
		}
		limited := got.Header.Get("Retry-After") == "1" && got.Header.Get("X-Ratelimit-Remaining-Requests") == "0"
		if limited != (status == http.StatusTooManyRequests) {
			t.Errorf("%d: got headers %v", status, got.Header)
		}
	}
}

func TestUnknownFaults(t *testing.T) {
	p := start(t)
	for _, name := range []string{"cut3x", "399", "600", "slowly", "slow-1s", "big", "big0", "big65MB", "flaky", "pause", "gate2", "503s", "nothing"} {
		got := errorOf(t, post(t, p.URL+"/v1/chat/completions", chat("fake-small+"+name, false)))
		if got.Status != http.StatusBadRequest || got.Message != "Unknown fault: '"+name+"'." {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// TestFaultsAreListed asks for every fault by what the list calls it.
func TestFaultsAreListed(t *testing.T) {
	p := start(t)
	names := make([]string, 0, 32)
	for _, f := range fakellm.Faults() {
		names = append(names, f.Name)
		if f.Meaning == "" {
			t.Errorf("%s: no meaning", f.Name)
		}
		example := strings.NewReplacer("[N]", "99", "N", "1", "[DURATION]", "1ms", "DURATION", "1ms", "SIZE", "1KB", "STATUS", "418").Replace(f.Name)
		if f.Name == "gate" || f.Name == "reset[N]" || f.Name == "cut[N]" {
			continue // their tests are below
		}
		got := post(t, p.URL+"/v1/chat/completions", chat("fake-small+"+example, false))
		if strings.Contains(got.body, "Unknown fault") {
			t.Errorf("%s: got %s", example, got.body)
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("not sorted: %v", names)
	}
}

func TestCut(t *testing.T) {
	p := start(t)
	tests := []struct {
		model  string
		stream bool
		events int
	}{
		{"fake-small+cut", true, 0},
		{"fake-small+cut3", true, 3},
		{"fake-small+cut3", false, 0},
		{"fake-small+reset3", true, 3},
	}
	for _, test := range tests {
		got := post(t, p.URL+"/v1/chat/completions", chat(test.model, test.stream))
		if n := len(dataOf(got.body)); n != test.events || got.err == nil || got.StatusCode != http.StatusOK {
			t.Errorf("%s: got status %d, %d events, %v, want %d events and an error", test.model, got.StatusCode, n, got.err, test.events)
		}
		if q := p.Last(); !errors.Is(wait(t, q), fakellm.ErrFault) {
			t.Errorf("%s: the provider ended with %v", test.model, q.Err())
		}
	}
}

// wait returns how the provider ended an exchange.
func wait(t *testing.T, q *fakellm.Request) error {
	t.Helper()
	select {
	case <-q.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("the exchange does not end")
	}
	return q.Err()
}

func TestReset(t *testing.T) {
	p := start(t)
	_, err := client(t).Do(request(t, http.MethodPost, p.URL+"/v1/chat/completions", chat("fake-small+reset", false)))
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want a reset", err)
	}
}

func TestHang(t *testing.T) {
	p := start(t)
	for model, events := range map[string]int{"fake-small+hang": 0, "fake-small+hang2": 2} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		resp, err := client(t).Do(request(t, http.MethodPost, p.URL+"/v1/chat/completions", chat(model, true)).WithContext(ctx))
		n := 0
		if err == nil {
			var body []byte
			body, err = io.ReadAll(resp.Body)
			resp.Body.Close()
			n = len(dataOf(string(body)))
		}
		if !errors.Is(err, context.DeadlineExceeded) || n != events {
			t.Errorf("%s: got %d events, %v, want %d and a timeout", model, n, err, events)
		}
		if err := wait(t, p.Last()); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the provider ended with %v", model, err)
		}
		cancel()
	}
}

func TestErrorEvents(t *testing.T) {
	p := start(t)
	const failure = `{"error":{"message":"The server had an error while processing your request.","type":"server_error","param":null,"code":null}}`
	for model, before := range map[string]int{"fake-small+errevent": 2, "fake-small+errevent0": 0} {
		got := post(t, p.URL+"/v1/chat/completions", chat(model, true))
		list := dataOf(got.body)
		if got.err != nil || len(list) != before+1 || list[before] != failure || !strings.HasSuffix(got.body, "\n\n") {
			t.Errorf("%s: got %v, %q", model, got.err, got.body)
		}
	}
	if got := post(t, p.URL+"/v1/chat/completions", chat("fake-small+errevent", false)); got.StatusCode != http.StatusOK || got.body != failure {
		t.Errorf("got %d, %s", got.StatusCode, got.body)
	}
	got := post(t, p.URL+"/v1/responses", `{"model":"fake-small+errevent","input":"hello","stream":true}`)
	var names []string
	for line := range strings.Lines(got.body) {
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			names = append(names, strings.TrimSpace(name))
		}
	}
	want := []string{"response.created", "response.in_progress", "error", "response.failed"}
	if diff := cmp.Diff(want, names); diff != "" || !strings.Contains(got.body, `"sequence_number":3`) {
		t.Error(diff, got.body)
	}
}

// TestFraming: the faults of a stream's form change nothing of its content, and
// what they promise is to be seen.
func TestFraming(t *testing.T) {
	p := start(t)
	plain := post(t, p.URL+"/v1/chat/completions", chat("fake-small", true))
	tests := []struct {
		fault string
		shows func(a answer) bool
	}{
		{"crlf", func(a answer) bool { return strings.Count(a.body, "\n") == strings.Count(a.body, "\r\n") }},
		{"noblank", func(a answer) bool { return strings.HasSuffix(a.body, "data: [DONE]\n") }},
		{"crlf+noblank", func(a answer) bool { return strings.HasSuffix(a.body, "data: [DONE]\r\n") }},
		{"split", func(a answer) bool { return a.body == plain.body }},
		{"split+crlf", func(a answer) bool { return strings.HasSuffix(a.body, "data: [DONE]\r\n\r\n") }},
		{"trailers", func(a answer) bool { return a.Trailer.Get("X-Fake-Trailer") == "end" }},
		{"gzip", func(a answer) bool { return a.Header.Get("Content-Encoding") == "gzip" }},
		{"slow1ms+pause1ms", func(a answer) bool { return a.body == plain.body }},
	}
	for _, test := range tests {
		// By the header, so that the model in the answer is the same.
		req := request(t, http.MethodPost, p.URL+"/v1/chat/completions", chat("fake-small", true))
		req.Header.Set("X-Fake-Fault", test.fault)
		got := do(t, req)
		if got.Header.Get("Content-Encoding") == "gzip" {
			got.body = unzip(t, got.body)
		}
		if diff := cmp.Diff(dataOf(plain.body), dataOf(got.body)); diff != "" || got.err != nil || !test.shows(got) {
			t.Errorf("%s: %v\n%s\n%s", test.fault, got.err, diff, got.body)
		}
	}
}

func unzip(t *testing.T, s string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestSplit looks at the pieces as they come in.
func TestSplit(t *testing.T) {
	p := start(t)
	resp, err := client(t).Do(request(t, http.MethodPost, p.URL+"/v1/chat/completions", chat("fake-small+split", true)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	inRune, inLine, betweenLines := false, false, false
	for buf := make([]byte, 1<<16); err == nil; {
		var n int
		n, err = resp.Body.Read(buf)
		piece := buf[:n]
		switch {
		case n == 0:
		case !utf8.Valid(piece):
			inRune = true
		case piece[0] == '\n':
			betweenLines = true
		case piece[n-1] != '\n':
			inLine = true
		}
	}
	if !errors.Is(err, io.EOF) || !inRune || !inLine || !betweenLines {
		t.Errorf("got %v, cut in a character %t, in a line %t, between lines %t", err, inRune, inLine, betweenLines)
	}
}

func TestPlainForms(t *testing.T) {
	p := start(t)
	size := post(t, p.URL+"/v1/chat/completions", chat("fake-small+big1MB", false))
	if n := strings.Count(size.body, "one two"); size.ContentLength != int64(len(size.body)) || len(size.body) < 1<<20 || n < 20_000 {
		t.Errorf("got %d bytes, announced %d", len(size.body), size.ContentLength)
	}
	pieces := post(t, p.URL+"/v1/chat/completions", chat("fake-small+chunked", false))
	if pieces.ContentLength != -1 || !slices.Equal(pieces.TransferEncoding, []string{"chunked"}) || !strings.Contains(pieces.body, `"finish_reason":"stop"`) {
		t.Errorf("got length %d, encoding %v, %s", pieces.ContentLength, pieces.TransferEncoding, pieces.body)
	}
	for _, stream := range []bool{false, true} {
		if got := post(t, p.URL+"/v1/chat/completions", chat("fake-small+nousage", stream)); strings.Contains(got.body, "usage\":") {
			t.Errorf("got %s", got.body)
		}
	}
	lax := strings.Replace(chat("fake-small+lax", false), "{", `{"mood":1,`, 1)
	if got := post(t, p.URL+"/v1/chat/completions", lax); got.StatusCode != http.StatusOK {
		t.Errorf("got %s", got.body)
	}
}

func TestFlaky(t *testing.T) {
	p := start(t)
	got := make([]int, 0, 6)
	for range 6 {
		got = append(got, post(t, p.URL+"/v1/chat/completions", chat("fake-small+flaky2", false)).StatusCode)
	}
	if diff := cmp.Diff([]int{503, 503, 200, 503, 503, 200}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSlow(t *testing.T) {
	p := start(t)
	begin := time.Now()
	post(t, p.URL+"/v1/chat/completions", chat("fake-small+slow60ms", false))
	if d := time.Since(begin); d < 60*time.Millisecond {
		t.Errorf("slow: answered after %s", d)
	}
	begin = time.Now()
	// Five events, and so four pauses.
	post(t, p.URL+"/v1/chat/completions", `{"model":"fake-small+pause20ms","stream":true,"max_tokens":2,"messages":[{"role":"user","content":"hi"}]}`)
	if d := time.Since(begin); d < 80*time.Millisecond {
		t.Errorf("pause: answered after %s", d)
	}
}

func TestGate(t *testing.T) {
	p := start(t)
	resp, err := client(t).Do(request(t, http.MethodPost, p.URL+"/v1/chat/completions", chat("fake-small+gate", true)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	<-p.Gate.Reached()
	first := make([]byte, 4096)
	n, err := resp.Body.Read(first)
	if err != nil || !strings.Contains(string(first[:n]), `"role":"assistant"`) || !strings.HasSuffix(string(first[:n]), "\n\n") {
		t.Fatalf("got %q, %v before the gate opened", first[:n], err)
	}
	select {
	case <-p.Last().Done():
		t.Fatal("the stream went on by itself")
	case <-time.After(20 * time.Millisecond):
	}
	p.Gate.Release()
	rest, err := io.ReadAll(resp.Body)
	if err != nil || !strings.HasSuffix(string(rest), "data: [DONE]\n\n") {
		t.Errorf("got %q, %v behind the gate", rest, err)
	}

	// A plain answer waits too, and a release may come first.
	p.Gate.Release()
	if got := post(t, p.URL+"/v1/chat/completions", chat("fake-small+gate", false)); got.StatusCode != http.StatusOK {
		t.Errorf("got %s", got.body)
	}
}

func TestGateWithoutTest(t *testing.T) {
	h := fakellm.New(fakellm.Options{})
	if got := serve(t, h, chat("fake-small+gate", true)); got.Code != http.StatusBadRequest {
		t.Errorf("got %d, want a refusal", got.Code)
	}
}

func TestClientLeaves(t *testing.T) {
	p := fakellmtest.Start(t, 4, fakellm.Options{Delay: 10 * time.Millisecond})
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: leave})
	resp, err := client(t).Do(request(t, http.MethodPost, p.URL+"/v1/chat/completions", chat("fake-small", true)).WithContext(ctx))
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := wait(t, p.Last()); !errors.Is(err, context.Canceled) {
		t.Errorf("the provider ended with %v", err)
	}
}

// A recording takes the place of an answer, not of a refusal, and is sent as the
// faults say.
func TestReplay(t *testing.T) {
	const said = "data: {\"x\":1}\n\ndata: [DONE]\n\n"
	p := fakellmtest.Start(t, 8, fakellm.Options{Delay: -1, Replay: func(q *fakellm.Request) *fakellm.Recording {
		switch q.Header.Get("X-Want") {
		case "error":
			return &fakellm.Recording{Status: http.StatusTeapot, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte("<p>")}
		case "stream":
			return &fakellm.Recording{Header: http.Header{"Content-Type": {"text/event-stream"}, "X-Request-Id": {"r1"}}, Body: []byte(said)}
		}
		return nil
	}})
	for _, tt := range []struct {
		name, want, body, kind, got string
		status                      int
	}{
		{"its own", "", chat("fake-small", false), "application/json", helloText, 200},
		{"an error", "error", chat("fake-small", false), "text/html", "<p>", http.StatusTeapot},
		{"a stream", "stream", chat("fake-small", true), "text/event-stream", said, 200},
		{"a stream that is cut", "stream", chat("fake-small+cut", true), "text/event-stream", said[:len(said)/2], 200},
		{"a request that is wrong", "stream", chat("fake-small", true) + "x", "application/json", "could not parse", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := request(t, http.MethodPost, p.URL+"/v1/chat/completions", tt.body)
			r.Header.Set("X-Want", tt.want)
			got := do(t, r)
			if got.StatusCode != tt.status || got.Header.Get("Content-Type") != tt.kind || !strings.Contains(got.body, tt.got) {
				t.Errorf("got %d %v %q", got.StatusCode, got.Header, got.body)
			}
			if tt.kind == "text/event-stream" && (got.body != tt.got || got.ContentLength != -1 || got.Header.Get("X-Request-Id") != "r1") {
				t.Errorf("got %d bytes announced, %v, %q", got.ContentLength, got.Header, got.body)
			}
		})
	}
}
