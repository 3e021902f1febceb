package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// One line per request has the tokens that the provider has counted, whole or
// streamed, asked for or not; the access log has them too; and neither content
// nor keys are in anything that is written or shown.
func TestTokensAreCountedAndSecretsAreNot(t *testing.T) {
	t.Parallel()
	const key, content = "sk-very-secret-key", "very-private-words"
	p := startProvider(t)
	g := startWith(t, settings{
		files: map[string]string{"config.yaml": backendDoc("a", p.URL, "auth: {type: APIKey, env: THE_KEY}") +
			routeDoc("r", modelRule("fake-small", "a"))},
		env: []string{"THE_KEY=" + key},
	})
	for name, body := range map[string]string{
		"whole": chat("fake-small", content), "asked": streamBody("fake-small", content, true), "hidden": streamBody("fake-small", content, false),
	} {
		a := g.post(t, "/v1/chat/completions", body, "x-request-id", name, "authorization", "Bearer sk-of-the-client")
		if a.Status != http.StatusOK || p.Last().Key != key {
			t.Fatalf("%s: got %d with key %q: %s", name, a.Status, p.Last().Key, a.Body)
		}
		line := g.logLine(t, name)
		for field, want := range map[string]any{"route": "r", "backend": "a", "model_requested": "fake-small", "outcome": "complete", "status": 200.0, "finish_reason": "stop"} {
			if line[field] != want {
				t.Errorf("%s: logged %s %v, want %v", name, field, line[field], want)
			}
		}
		in, _ := line["input_tokens"].(float64)
		out, _ := line["output_tokens"].(float64)
		if in == 0 || out == 0 || line["total_tokens"] != in+out {
			t.Errorf("%s: logged %v", name, line)
		}
		if name != "hidden" && !strings.Contains(a.Body, fmt.Sprintf(`"total_tokens":%v`, in+out)) {
			t.Errorf("%s: logged %v of %s", name, line, a.Body)
		}
		waitFor(t, "the access log", func() error {
			log := g.Envoy.Stdout()
			if !strings.Contains(log, fmt.Sprintf(`"total_tokens":%v`, in+out)) || !strings.Contains(log, `"request_id":"`+name+`"`) {
				return fmt.Errorf("not in %s", log)
			}
			return nil
		})
	}
	if n := strings.Count(g.Sidecar.log.String(), `"msg":"request"`); n != 3 {
		t.Errorf("%d lines for 3 requests", n)
	}
	shown := map[string]string{"log": g.Sidecar.log.String(), "metrics": g.metrics(t), "Envoy's log": g.Envoy.Stdout() + g.Envoy.Logs()}
	resp, err := http.Get(g.Admin + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	shown["status page"] = string(page)
	if shown["Envoy's configuration"], err = g.Envoy.Get("/config_dump"); err != nil {
		t.Fatal(err)
	}
	for where, text := range shown {
		for _, secret := range []string{key, content, "sk-of-the-client"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in the %s", secret, where)
			}
		}
	}
}
