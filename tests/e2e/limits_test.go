package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"llmroute/translator/tokens"
)

// measure counts a request as the gateway does for a model that is not known.
func measure(body string) int { return tokens.For("OpenAI", "m").Request([]byte(body)) }

// TestContextWindow is section 5.4 of the checklist of custom backends.
func TestContextWindow(t *testing.T) {
	p := startProvider(t)
	body := func(model, more string) string {
		return `{"model":"` + model + `","messages":[{"role":"user","content":"one two three four five six seven eight nine ten"}]` + more + `}`
	}
	n := measure(body("exact:m", ""))
	backends := customs{
		"exact":  customDoc(p, fmt.Sprintf("models: {m: {limits: {max_input_tokens: %d}}, less: {limits: {max_input_tokens: %d}}, window: {limits: {context_window: %d}}, free: {}}", n, n-1, n-1)),
		"total":  customDoc(p, limited("m", fmt.Sprintf("context_window: %d", n+5))),
		"lower":  customDoc(p, limited("m", "max_output_tokens: 28000")),
		"multi":  customDoc(p, "models: {fast: {limits: {max_input_tokens: 3000}}, balanced: {limits: {max_input_tokens: 12000}}, accurate: {limits: {max_input_tokens: 24000}}}"),
		"free":   customDoc(p, limited("m", "max_input_tokens: 4000")),
		"paid":   customDoc(p, limited("m", "max_input_tokens: 100000")),
		"falls":  customDoc(p, "models: {small: {limits: {max_input_tokens: 12}, context_window_fallback: large}, large: {limits: {max_input_tokens: 50}}}"),
		"claude": strings.Replace(customDoc(p, limited("claude-sonnet-4-5", fmt.Sprintf("max_input_tokens: %d", n-1))), "type: custom", "type: anthropic", 1),
	}
	g := backends.start(t, "")
	words := func(n int) string { return strings.Repeat("word ", n) }

	refused := func(t *testing.T, body, want string) {
		t.Helper()
		before := p.Counts().Total
		a := g.ask(t, 400, body)
		var got struct {
			Detail json.RawMessage
			Error  struct{ Code, Type, Message string }
		}
		if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
			t.Fatal(err)
		}
		if string(got.Detail) != want || got.Error.Code != "context_length_exceeded" || got.Error.Type != "invalid_request_error" || got.Error.Message == "" {
			t.Errorf("got %s\nwant the detail %s", a.Body, want)
		}
		if kind := a.Header.Get("Content-Type"); kind != "application/json" {
			t.Errorf("content type %q", kind)
		}
		if p.Counts().Total != before {
			t.Error("the provider got it")
		}
	}
	input := func(model string, limit, measured int) string {
		return fmt.Sprintf(`{"code":"input_limit_exceeded","message":"Input token limit exceeded","details":{"model":"%s","limit":%d,"measured":%d}}`, model, limit, measured)
	}
	t.Run("25 26 27 one too many", func(t *testing.T) {
		refused(t, body("exact:less", ""), input("exact:less", n-1, measure(body("exact:less", ""))))
		g.ask(t, 200, body("exact:m", ""))
	})
	t.Run("28 the window alone", func(t *testing.T) {
		refused(t, body("exact:window", ""), input("exact:window", n-1, n))
	})
	t.Run("29 no limit", func(t *testing.T) {
		g.ask(t, 200, body("exact:free", `,"user":"`+words(1000)+`"`))
	})
	t.Run("30 two models", func(t *testing.T) {
		g.ask(t, 400, chat("multi:fast", words(5000)))
		g.ask(t, 200, chat("multi:balanced", words(5000)))
		g.ask(t, 400, chat("multi:balanced", words(20000)))
		g.ask(t, 200, chat("multi:accurate", words(20000)))
	})
	t.Run("31 two backends", func(t *testing.T) {
		g.ask(t, 400, chat("free:m", words(5000)))
		g.ask(t, 200, chat("paid:m", words(5000)))
	})
	t.Run("32 33 all text counts", func(t *testing.T) {
		for name, messages := range map[string]string{
			"system":    `{"role":"system","content":"TEXT"}`,
			"assistant": `{"role":"user","content":"hi"},{"role":"assistant","content":"TEXT"},{"role":"user","content":"hi"}`,
			"tool":      `{"role":"user","content":"hi"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"TEXT"}`,
			"call":      `{"role":"user","content":"hi"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":\"TEXT\"}"}}]},{"role":"tool","tool_call_id":"c","content":"x"}`,
			"part":      `{"role":"user","content":[{"type":"text","text":"hi"},{"type":"text","text":"TEXT"}]}`,
		} {
			one := `{"model":"free:m","messages":[` + strings.Replace(messages, "TEXT", words(4100), 1) + `]}`
			if a := g.ask(t, 400, one); a.detail(t).Code != "input_limit_exceeded" {
				t.Errorf("%s: got %s", name, a.Body)
			}
		}
		many := make([]string, 410)
		for i := range many {
			many[i] = `{"type":"text","text":"` + words(10) + `"}`
		}
		g.ask(t, 400, `{"model":"free:m","messages":[{"role":"user","content":[`+strings.Join(many, ",")+`]}]}`)
		tools := `"tools":[{"type":"function","function":{"name":"f","description":"` + words(4100) + `","parameters":{"type":"object"}}}]`
		g.ask(t, 400, `{"model":"free:m","messages":[{"role":"user","content":"hi"}],`+tools+`}`)
		picture := `{"type":"image_url","image_url":{"url":"data:image/png;base64,` + strings.Repeat("iVBORw0KGgo", 4000) + `"}}`
		g.ask(t, 200, `{"model":"free:m+lax","messages":[{"role":"user","content":[{"type":"text","text":"hi"},`+picture+`]}]}`)
	})
	t.Run("34 of a stream", func(t *testing.T) {
		refused(t, body("exact:less", `,"stream":true`), input("exact:less", n-1, n))
	})
	t.Run("35 with the answer", func(t *testing.T) {
		for _, field := range []string{"max_tokens", "max_completion_tokens"} {
			g.ask(t, 200, body("total:m", `,"`+field+`":5`))
			refused(t, body("total:m", `,"`+field+`":6`), fmt.Sprintf(`{"code":"total_limit_exceeded","message":"Total token limit exceeded (input + max_tokens exceeds context window)",`+
				`"details":{"model":"total:m","context_window":%d,"input_tokens":%d,"max_tokens":6,"total_requested":%d,"suggestion":"Reduce max_tokens to 5 or less"}}`, n+5, n, n+6))
		}
	})
	t.Run("36 a forced window", func(t *testing.T) {
		f := backends.start(t, "", "--force-context-window", strconv.Itoa(n-1))
		for _, model := range []string{"exact:m", "paid:m", "paid:unlisted", "lower:m"} {
			if a := f.ask(t, 400, body(model, "")); a.detail(t).Details["limit"] != float64(n-1) {
				t.Errorf("%s: got %s", model, a.Body)
			}
		}
		f = backends.start(t, "", "--force-context-window", "200000")
		f.ask(t, 200, chat("free:m", words(5000)))
	})
	t.Run("37 a megabyte in less than a second", func(t *testing.T) {
		o := backends.settings(t)
		o.released = true
		g := startWith(t, o)
		for name, text := range map[string]string{
			"words": strings.Repeat("The quick brown fox jumps over the lazy dog. ", 1<<20/45), "one letter": strings.Repeat("a", 1<<20),
			"deep": strings.Repeat("[", 1<<19) + strings.Repeat("]", 1<<19),
		} {
			begin := time.Now()
			a := g.ask(t, 400, chat("free:m", text))
			if d := time.Since(begin); d > time.Second {
				t.Errorf("%s: it took %v: %s", name, d, a.Body)
			}
		}
	})
	t.Run("38 longer answers are lowered", func(t *testing.T) {
		for more, want := range map[string]string{`,"max_tokens":50000`: `,"max_tokens":28000`, `,"max_tokens":10`: `,"max_tokens":10`, "": ""} {
			a := g.ask(t, 200, body("lower:m", more))
			if got := string(p.Last().Body); got != body("m", want) {
				t.Errorf("%s: the provider saw %s", more, got)
			}
			if got := a.Header.Get("x-llmroute-warnings"); (got != "") != (len(more) > 16) {
				t.Errorf("%s: warnings %q", more, got)
			}
		}
	})
	t.Run("27 the model that was meant where none is named", func(t *testing.T) {
		d := customs{"d": customDoc(p, limited("m", fmt.Sprintf("max_input_tokens: %d", n-1)), "default_model: m")}.start(t, "", "--default-backend", "d")
		a := d.ask(t, 400, strings.Replace(body("", ""), `"model":"",`, "", 1))
		if a.detail(t).Details["model"] != "m" {
			t.Errorf("got %s", a.Body)
		}
	})
	t.Run("39 odd text", func(t *testing.T) {
		g.ask(t, 200, `{"model":"free:m","messages":[{"role":"user","content":"\ud800 \u0000 <|endoftext|> �"}]}`)
		g.ask(t, 200, `{"model":"free:m","messages":[{"role":"user","content":""}]}`)
	})
	t.Run("a longer model takes over", func(t *testing.T) {
		a := g.ask(t, 200, body("falls:small", ""))
		if p.Last().Model != "large" || a.Header.Get("x-llmroute-model") != "large" || !strings.Contains(a.Header.Get("x-llmroute-warnings"), "large") {
			t.Errorf("the provider saw model %q; headers %v", p.Last().Model, a.Header)
		}
		g.ask(t, 200, chat("falls:small", "."))
		if p.Last().Model != "small" {
			t.Errorf("the provider saw model %q", p.Last().Model)
		}
		g.ask(t, 400, chat("falls:small", words(100)))
	})
	t.Run("of another dialect", func(t *testing.T) {
		g.ask(t, 400, chat("claude:claude-sonnet-4-5", words(100)))
	})
}

// TestRateLimits is section 5.5.
func TestRateLimits(t *testing.T) {
	t.Parallel() // most of it is waiting
	p := startProvider(t)
	small := `{"model":"tokens:m","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}`
	need := measure(small) + 50
	g := customs{
		"two":     customDoc(p, "models: {fast-model: {limits: {requests_per_minute: 2}}, accurate-model: {limits: {requests_per_minute: 2}}}"),
		"other":   customDoc(p, limited("fast-model", "requests_per_minute: 2")),
		"tokens":  customDoc(p, limited("m", fmt.Sprintf("tokens_per_minute: %d", 2*need-1))),
		"refused": customDoc(p, "models: {m: {limits: {requests_per_minute: 1, tokens_per_minute: 1000, max_input_tokens: 20}}}"),
		"keyless": strings.Replace(customDoc(p, limited("m", "requests_per_minute: 1")), "CUSTOM_KEY", "UNSET_KEY", 1),
		"claude":  strings.Replace(customDoc(p, limited("claude-sonnet-4-5", "requests_per_minute: 1")), "type: custom", "type: anthropic", 1),
		"one":     customDoc(p, limited("m", "requests_per_minute: 1")),
		"streams": customDoc(p, limited("m", "tokens_per_minute: 100000")),
		"nousage": customDoc(p, limited("fake-small+nousage", "tokens_per_minute: 100000")),
		"busy":    customDoc(p, limited("fake-small+429", "requests_per_minute: 10")),
		"forms":   customDoc(p, limited("whisper-1", "requests_per_minute: 1")),
		"named":   customDoc(p, limited("m", "max_output_tokens: 10, tokens_per_minute: 1000, requests_per_minute: 1"), "default_model: m"),
	}.start(t, "")
	left := func(a *answer, unit string) int {
		t.Helper()
		n, err := strconv.Atoi(a.Header.Get("x-ratelimit-remaining-" + unit))
		if err != nil {
			t.Fatalf("remaining %s: %v in %v", unit, err, a.Header)
		}
		return n
	}

	g.ask(t, 200, chat("two:fast-model", "hi"))
	g.ask(t, 200, chat("two:fast-model", "hi"))
	refusedAt := time.Now()
	over := g.ask(t, 429, chat("two:fast-model", "hi"))
	wait, err := strconv.Atoi(over.Header.Get("Retry-After"))
	if err != nil || wait < 1 || wait > 61 {
		t.Fatalf("Retry-After %q", over.Header.Get("Retry-After"))
	}
	t.Run("40 the third of two", func(t *testing.T) {
		d := over.detail(t)
		if over.errorCode(t) != "rate_limit_exceeded" || d.Code != "rate_limit_exceeded" || d.Details["unit"] != "requests" || d.Details["limit"] != 2.0 ||
			d.Details["model"] != "two:fast-model" || d.Details["retry_after"] != float64(wait) {
			t.Errorf("got %s", over.Body)
		}
		if n := p.Counts().Model["fast-model"]; n != 2 {
			t.Errorf("the provider got %d", n)
		}
		for name, want := range map[string]string{"x-ratelimit-limit-requests": "2", "x-ratelimit-remaining-requests": "0"} {
			if got := over.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if _, err := time.ParseDuration(over.Header.Get("x-ratelimit-reset-requests")); err != nil {
			t.Error(err)
		}
	})
	t.Run("41 by backend and model", func(t *testing.T) {
		g.ask(t, 200, chat("two:accurate-model", "hi"))
		if a := g.ask(t, 200, chat("other:fast-model", "hi")); left(a, "requests") != 1 {
			t.Errorf("headers %v", a.Header)
		}
	})
	t.Run("42 tokens are reserved, then corrected", func(t *testing.T) {
		a := g.ask(t, 200, small)
		if got := left(a, "tokens"); got != need-1 {
			t.Errorf("%d tokens are left while the first request runs, want %d", got, need-1)
		}
		var used struct{ Usage struct{ Total_tokens int } }
		if err := json.Unmarshal([]byte(a.Body), &used); err != nil || used.Usage.Total_tokens == 0 || used.Usage.Total_tokens >= need {
			t.Fatalf("%s, %v", a.Body, err)
		}
		b := g.ask(t, 200, small)
		if got := left(b, "tokens"); got != 2*need-1-used.Usage.Total_tokens-need {
			t.Errorf("%d tokens are left while the second request runs, want %d", got, 2*need-1-used.Usage.Total_tokens-need)
		}
		for i := 0; ; i++ {
			a := g.post(t, completions, small)
			if a.Status == 429 {
				if a.detail(t).Details["unit"] != "tokens" {
					t.Errorf("got %s", a.Body)
				}
				break
			}
			if i > 2*need {
				t.Fatal("the tokens are never spent")
			}
		}
	})
	t.Run("43 what is refused costs nothing", func(t *testing.T) {
		for range 3 {
			g.ask(t, 400, chat("refused:m", strings.Repeat("word ", 50)))
			g.ask(t, 401, chat("keyless:m", "hi"))
			g.ask(t, 422, `{"model":"claude:claude-sonnet-4-5","n":2,"messages":[{"role":"user","content":"hi"}]}`)
		}
		a := g.ask(t, 200, chat("refused:m", "hi"))
		if left(a, "requests") != 0 {
			t.Errorf("headers %v", a.Header)
		}
		g.ask(t, 200, chat("claude:claude-sonnet-4-5", "hi"))
		g.ask(t, 429, chat("claude:claude-sonnet-4-5", "hi"))
	})
	t.Run("40 of forms, too", func(t *testing.T) {
		o := operation{form: map[string]string{"language": "en"}, file: "file"}
		body, kind := o.request(t, "forms:whisper-1")
		for i, want := range []int{200, 429} {
			resp, err := http.Post(g.URL+"/v1/audio/transcriptions", kind, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if _ = resp.Body.Close(); resp.StatusCode != want {
				t.Errorf("request %d: got %d, want %d", i, resp.StatusCode, want)
			}
		}
	})
	t.Run("42 no spelling hides what is allowed", func(t *testing.T) {
		for _, more := range []string{`"max_tokens":"5000"`, `"Max_Tokens":5000`, `"max_tokens":5,"n":"100"`} {
			g.ask(t, 400, `{"model":"named:m","messages":[{"role":"user","content":"hi"}],`+more+`}`)
		}
		a := g.ask(t, 200, `{"model":"named:","messages":[{"role":"user","content":"hi"}],"max_t\u006fkens":5.5e3}`)
		if last := string(p.Last().Body); !strings.HasSuffix(last, `"max_t\u006fkens":10}`) || left(a, "requests") != 0 {
			t.Errorf("the provider saw %s", last)
		}
	})
	t.Run("44 one request beyond the limit", func(t *testing.T) {
		huge := strings.Replace(small, `"max_tokens":50`, `"max_tokens":100000`, 1)
		huge = strings.Replace(huge, "tokens:m", "other2:m", 1)
		h := customs{"other2": customDoc(p, limited("m", "tokens_per_minute: 1000"))}.start(t, "")
		for range 3 {
			if a := h.ask(t, 429, huge); a.Header.Get("x-should-retry") != "false" || !strings.Contains(a.Body, "max_tokens") {
				t.Errorf("got %v %s", a.Header, a.Body)
			}
		}
		h.ask(t, 200, strings.Replace(small, "tokens:m", "other2:m", 1))
	})
	t.Run("45 fifty at once, and one passes", func(t *testing.T) {
		if n := passes(t, 50, chat("one:m", "hi"), g); n != 1 {
			t.Errorf("%d passed", n)
		}
	})
	t.Run("46 streams are charged by their usage", func(t *testing.T) {
		a := g.ask(t, 200, streamBody("streams:m", "one two three", true))
		_, rest, _ := strings.Cut(a.Body, `"total_tokens":`)
		var used int
		if _, err := fmt.Sscanf(rest, "%d", &used); err != nil {
			t.Fatalf("%v in %s", err, a.Body)
		}
		ask := streamBody("streams:m", "one two three", true)
		first := left(a, "tokens")
		if again := left(g.ask(t, 200, ask), "tokens"); again != first-used {
			t.Errorf("%d, then %d left: the first took %d", first, again, used)
		}
		ask = `{"model":"nousage:fake-small+nousage","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"hi"}]}`
		first = left(g.ask(t, 200, ask), "tokens")
		if again := left(g.ask(t, 200, ask), "tokens"); again != first-measure(ask)-50 {
			t.Errorf("%d, then %d left: without usage the estimate stays", first, again)
		}
	})
	t.Run("47 the provider's own refusal", func(t *testing.T) {
		if a := g.ask(t, 429, chat("busy:fake-small+429", "hi")); a.Header.Get("Retry-After") == "" || left(a, "requests") != 9 {
			t.Errorf("got %v %s", a.Header, a.Body)
		}
	})
	t.Run("40 and in time it passes again", func(t *testing.T) {
		time.Sleep(time.Until(refusedAt.Add(time.Duration(wait) * time.Second)))
		g.ask(t, 200, chat("two:fast-model", "hi"))
	})
}

// passes sends n requests at once, evenly to the gateways, and returns how many
// were answered; all others must have been refused with 429.
func passes(t *testing.T, n int, body string, to ...*gateway) (passed int) {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failures error
	for i := range n {
		wg.Go(func() {
			a, err := to[i%len(to)].try(t.Context(), "POST", completions, body)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				failures = errors.Join(failures, err)
			case a.Status == http.StatusOK:
				passed++
			case a.Status != http.StatusTooManyRequests:
				failures = errors.Join(failures, fmt.Errorf("got %d %s", a.Status, a.Body))
			}
		})
	}
	wg.Wait()
	if failures != nil {
		t.Error(failures)
	}
	return passed
}
