package translator

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"llmroute/internal/fakellm"
)

// requests are the cases of testdata/requests, by home.
func requests(t testing.TB) []*goldenCase {
	t.Helper()
	files, err := filepath.Glob("testdata/requests/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("requests: %d files, error %v", len(files), err)
	}
	cases := make([]*goldenCase, len(files))
	for i, file := range files {
		cases[i] = readCase(t, file)
	}
	return cases
}

// TestRequests shows what becomes of requests, and that the provider takes what
// comes of them: the embedded one is as strict as the real one.
func TestRequests(t *testing.T) {
	for _, c := range requests(t) {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(c.file), "testdata/requests/"), ".txtar"), func(t *testing.T) {
			x, err := New(OpenAI, c.op, &c.backend)
			if err != nil {
				t.Fatal(err)
			}
			defer Release(x)
			var out Edit
			var text string
			if err := x.Request(&out, &c.call); err != nil {
				var r *Refusal
				if !errors.As(err, &r) {
					t.Fatal(err)
				}
				text = fmt.Sprintf("refused: %d\ntype: %s\ncode: %s\nparam: %s\n\n%s", r.Status, r.Type, r.Code, r.Param, r.Message)
			} else {
				text = requestText(c, &out)
				// Only the provider can sign: what it says of a made-up signature is in
				// the part "provider".
				status, body := provided(&out)
				if want := strings.TrimSpace(string(c.section("provider"))); status != 200 && (want == "" || !strings.Contains(body, want)) {
					t.Errorf("the provider answers %d: %s", status, body)
				}
			}
			c.expect(t, "request.out", text)
			if *update {
				if err := os.WriteFile(c.file, txtar.Format(c.archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// provided sends a translated request to the embedded provider.
func provided(out *Edit) (status int, body string) {
	r := httptest.NewRequest("POST", out.Path, strings.NewReader(string(out.Body)))
	r.Header.Set("Content-Type", "application/json")
	for _, h := range out.Set {
		r.Header.Set(h.Name, h.Value)
	}
	switch {
	case strings.HasPrefix(out.Path, "/v1/messages"):
		r.Header.Set("X-Api-Key", "key")
	case strings.HasPrefix(out.Path, "/v1beta/"):
		r.Header.Set("X-Goog-Api-Key", "key")
	default:
		r.Header.Set("Authorization", "Bearer key")
	}
	w := httptest.NewRecorder()
	fakellm.New(fakellm.Options{Delay: -1}).ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// TestGoldenRequestsArePlausible does the same for the requests of whole
// exchanges.
func TestGoldenRequestsArePlausible(t *testing.T) {
	for _, c := range goldenCases(t) {
		x, out, _ := c.exchange(t)
		if _, same := x.(*passthrough); same {
			continue
		}
		if status, body := provided(out); status != 200 {
			t.Errorf("%s: the provider answers %d: %s", c.file, status, body)
		}
	}
}
