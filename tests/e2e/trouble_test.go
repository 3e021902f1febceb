package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"llmroute/internal/fakellm"
	"llmroute/internal/fakellm/fakellmtest"
)

// troubled is a gateway with three backends for each home, chosen by the headers
// x-home and x-trouble: a strict provider, one that nobody listens for, and one
// whose answers are none.
type troubled struct {
	*gateway
	providers map[string]*fakellmtest.Provider
	docs      func(more string) string // the configuration, with a further line for the strict providers
}

func startTroubled(t *testing.T) *troubled {
	t.Helper()
	g := &troubled{providers: make(map[string]*fakellmtest.Provider)}
	broken := startBackend(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		w.Header().Set("Content-Type", r.Header.Get("X-Kind"))
		_, _ = io.WriteString(w, r.Header.Get("X-Answer"))
	})
	closed := "http://" + freePort(t)
	for i := range homes {
		if !homes[i].only {
			g.providers[homes[i].name] = fakellmtest.Start(t, 64, fakellm.Options{Delay: -1})
		}
	}
	g.docs = func(more string) string {
		var docs strings.Builder
		var rules []string
		for i := range homes {
			h := &homes[i]
			if h.only {
				continue
			}
			for trouble, endpoint := range map[string]string{"": g.providers[h.name].URL, "closed": closed, "broken": broken.URL} {
				name := strings.ToLower(h.name + trouble)
				spec := append([]string{"endpoint: " + endpoint}, h.spec...)
				if trouble == "" {
					spec = append(spec, more)
				}
				fmt.Fprintf(&docs, "---\napiVersion: aigateway.envoyproxy.io/v1alpha1\nkind: LLMBackend\nmetadata: {name: %s}\nspec:\n  %s\n", name, strings.Join(spec, "\n  "))
				headers := "{name: x-home, value: " + h.name + "}"
				if trouble != "" {
					headers += ", {name: x-trouble, value: " + trouble + "}"
				}
				rules = append(rules, fmt.Sprintf("{matches: [{headers: [%s]}], backendRefs: [{name: %s}]}", headers, name))
			}
		}
		return docs.String() + routeDoc("r", rules...)
	}
	g.gateway = start(t, g.docs(""))
	return g
}

// Whatever happens between the gateway and a provider, and whatever schema that
// one speaks, a client of OpenAI's sees what it knows: an error in OpenAI's shape,
// or an answer that is whole.
func TestTroubleAtEveryHome(t *testing.T) {
	t.Parallel()
	g := startTroubled(t)
	t.Run("homes", func(t *testing.T) {
		for i := range homes {
			if h := &homes[i]; !h.only {
				t.Run(h.name, (&troubledHome{g, h}).trouble)
			}
		}
	})
	t.Run("a reload", g.reloadsUnderStreams)
}

// troubledHome is one home of those in trouble.
type troubledHome struct {
	troubled *troubled
	home     *home
}

func (v *troubledHome) trouble(t *testing.T) {
	t.Parallel() // each home has a provider of its own
	t.Run("nobody listens", v.nobodyListens)
	t.Run("it fails", v.providerFails)
	t.Run("it breaks off", v.providerBreaksOff)
	t.Run("it says nothing", v.providerSaysNothing)
	t.Run("the client leaves", v.clientLeaves)
}

// asked are a chat with a model, and the same as a stream.
func asked(model string) []string { return []string{chat(model, "hi"), streamBody(model, "hi", true)} }

func (v *troubledHome) nobodyListens(t *testing.T) {
	g, h := v.troubled, v.home
	for _, body := range asked("fake-small") {
		a := g.post(t, "/v1/chat/completions", body, "x-home", h.name, "x-trouble", "closed")
		if code := a.errorCode(t); a.Status != http.StatusServiceUnavailable || code != "upstream_unreachable" || a.Header.Get("x-llmroute-backend") != strings.ToLower(h.name+"closed") {
			t.Errorf("got %d %v %s", a.Status, a.Header, a.Body)
		}
	}
}

// comesBack is how long providers ask for, in seconds: a second, unless they say
// something else, in other words, or nothing.
var comesBack = map[string]string{studio: "35", vertex: "", converse: "", claudeAWS: "", claudeCloud: ""}

func (v *troubledHome) providerFails(t *testing.T) {
	g, h := v.troubled, v.home
	wait, other := comesBack[h.name]
	if !other {
		wait = "1"
	}
	for fault, want := range map[string]struct {
		status int
		wait   string
	}{"500": {500, ""}, "503": {503, ""}, "429": {429, wait}} {
		for _, body := range asked("fake-small+" + fault) {
			a := g.post(t, "/v1/chat/completions", body, "x-home", h.name)
			if a.Status != want.status || a.Header.Get("retry-after") != want.wait || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
				t.Errorf("%s: got %d %v %s, want %d and to wait %q", fault, a.Status, a.Header, a.Body, want.status, want.wait)
			}
			a.Body = strings.Replace(a.Body, `{"error":{"code":"429","message"`, `{"error":{"type":"azure","code":"429","message"`, 1) // Azure has no type, and passes
			a.errorCode(t)
		}
	}
}

// providerBreaksOff ends a stream too early: in order, which can be told, and
// with its connection, where Envoy may end the answer without the sidecar.
func (v *troubledHome) providerBreaksOff(t *testing.T) {
	g, h := v.troubled, v.home
	for _, fault := range []string{"short4", "cut4+pause10ms"} {
		id := h.name + "-" + fault
		a, err := g.try(t.Context(), "POST", "/v1/chat/completions", streamBody("fake-small+"+fault, "hi", true), "x-home", h.name, "x-request-id", id)
		if a == nil {
			t.Fatal(err)
		}
		events := strings.Split(strings.TrimSpace(a.Body), "\n\n")
		told := strings.HasPrefix(events[len(events)-1], `data: {"error":{`)
		if told == (err != nil) || err != nil && fault == "short4" || strings.Contains(a.Body, "[DONE]") || !strings.Contains(a.Body, `"role":"assistant"`) {
			t.Errorf("%s: the client got %q, %v", fault, a.Body, err)
		}
		if line := g.logLine(t, id); line["outcome"] == "complete" && line["error_type"] == nil {
			t.Errorf("%s: logged %v", fault, line)
		}
	}
}

// providerSaysNothing answers with success, and with nothing or a page. What is
// not translated passes as it is.
func (v *troubledHome) providerSaysNothing(t *testing.T) {
	g, h := v.troubled, v.home
	for _, answer := range []struct{ kind, text string }{{"application/json", ""}, {"application/json", "<html>"}, {"text/html", "<html>"}, {"text/html", ""}} {
		for i, body := range asked("fake-small") {
			a := g.post(t, "/v1/chat/completions", body, "x-home", h.name, "x-trouble", "broken", "x-kind", answer.kind, "x-answer", answer.text)
			if !h.foreign {
				if a.Status != http.StatusOK || a.Body != answer.text {
					t.Errorf("%v, stream %v: got %d %q", answer, i > 0, a.Status, a.Body)
				}
				continue
			}
			if code := a.errorCode(t); a.Status != http.StatusBadGateway || code != "upstream_malformed_reply" {
				t.Errorf("%v, stream %v: got %d %s", answer, i > 0, a.Status, a.Body)
			}
		}
	}
}

// clientLeaves in the middle of a stream. The provider sees it soon, and what came
// is booked.
func (v *troubledHome) clientLeaves(t *testing.T) {
	g, h := v.troubled, v.home
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	id := h.name + "-left"
	resp := g.stall(ctx, t, h, "fake-small+hang6", id)
	if _, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	leave()
	q := g.received(t, h, id)
	select {
	case <-q.Done():
	case <-time.After(3 * time.Second):
		t.Fatal("the provider still sends")
	}
	if q.Err() == nil { // or that it could not write any more
		t.Error("the provider sent all of it")
	}
	if line := g.logLine(t, id); line["outcome"] != "aborted" {
		t.Errorf("logged %v", line)
	}
}

// stall opens a stream that will not go on by itself.
func (g *troubled) stall(ctx context.Context, t *testing.T, h *home, model, id string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "POST", g.URL+"/v1/chat/completions", strings.NewReader(streamBody(model, "hi", true)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("x-home", h.name)
	req.Header.Set("x-request-id", id)
	resp, err := plainClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// received returns a request that the provider of a home has received, by its id.
func (g *troubled) received(t *testing.T, h *home, id string) *fakellm.Request {
	t.Helper()
	for _, q := range g.providers[h.name].Requests() {
		if q.Header.Get("X-Request-Id") == id {
			return q
		}
	}
	t.Fatalf("the provider received no %s", id)
	return nil
}

// reloadsUnderStreams changes the configuration of every backend while each has a
// stream open. The streams go on to their end; the next request knows the change.
func (g *troubled) reloadsUnderStreams(t *testing.T) {
	type open struct {
		home *home
		resp *http.Response
	}
	var streams []open
	for i := range homes {
		if h := &homes[i]; !h.only {
			resp := g.stall(t.Context(), t, h, "fake-small+gate", h.name+"-reload")
			<-g.providers[h.name].Gate.Reached()
			streams = append(streams, open{h, resp})
		}
	}
	hash := g.state(t).Config.Hash
	g.write(t, "config.yaml", g.docs("modelNameOverride: reloaded"))
	g.applied(t, hash)
	for _, s := range streams {
		id := s.home.name + "-after"
		if a := g.post(t, "/v1/chat/completions", chat("fake-small", "hi"), "x-home", s.home.name, "x-request-id", id); a.Status != http.StatusOK {
			t.Errorf("%s: got %d %s", s.home.name, a.Status, a.Body)
		} else if q := g.received(t, s.home, id); q.Model != "reloaded" {
			t.Errorf("%s: after the reload the provider was asked for %s", s.home.name, q.Model)
		}
		g.providers[s.home.name].Gate.Release()
	}
	var wg sync.WaitGroup
	for _, s := range streams {
		wg.Go(func() {
			body, err := io.ReadAll(s.resp.Body)
			if err != nil || strings.Contains(string(body), `"error":{`) || !strings.HasSuffix(string(body), "data: [DONE]\n\n") {
				t.Errorf("%s: the stream ended with %v: %s", s.home.name, err, body)
			}
		})
	}
	wg.Wait()
}
