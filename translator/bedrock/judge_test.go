package bedrock

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"llmroute/internal/fakellm"
	"llmroute/translator/chat"
)

// TestJudged sends what is written to a provider that is as strict as Bedrock,
// and reads what it answers.
func TestJudged(t *testing.T) {
	s := httptest.NewServer(fakellm.New(fakellm.Options{Delay: -1}))
	defer s.Close()
	for _, c := range requests {
		t.Run(c.name, func(t *testing.T) {
			for _, stream := range []bool{false, true} {
				in := c.in
				if stream {
					in = strings.Replace(in, `{`, `{"stream":true,`, 1)
				}
				out, trip, err := send(chat.Options{Model: c.model}, in)
				if err != nil {
					t.Fatal(err)
				}
				q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+out.Path, bytes.NewReader(out.Body))
				if err != nil {
					t.Fatal(err)
				}
				q.Header.Set("content-type", "application/json")
				q.Header.Set("authorization", "Bearer key")
				reply, err := s.Client().Do(q)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(reply.Body)
				reply.Body.Close()
				if err != nil || reply.StatusCode != http.StatusOK {
					t.Fatalf("%d %s, error %v, for %s", reply.StatusCode, body, err, out.Body)
				}
				r := Dialect{}.Reader(trip, reply.Header)
				var told []string
				if reply.Header.Get("content-type") == "application/json" {
					for _, ev := range r.Whole(nil, body) {
						told = append(told, spell(&ev))
					}
				} else {
					told = read(r, body)
				}
				if len(told) < 4 || told[len(told)-1] != "done" {
					t.Errorf("stream %v: %q", stream, told)
				}
			}
		})
	}
}
