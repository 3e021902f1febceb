package translator

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// FuzzTranslatedRequest shows that whatever a client sends becomes a request in
// JSON, the same each time, or a refusal.
func FuzzTranslatedRequest(f *testing.F) {
	for _, c := range append(requests(f), goldenCases(f)...) {
		if c.op == ChatCompletions {
			f.Add(c.call.Body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var fields Fields
		if Scan(ChatCompletions, "", body, &fields) != nil {
			return
		}
		for schema := range backends {
			for _, u := range []Unsupported{"", DropUnsupported} {
				b := Backend{Schema: schema, UnsupportedParameters: u, Project: "p", Location: "l"}
				call := Call{Model: fields.Model, Fields: &fields, Body: body, Header: headers{}}
				first, ok := translated(t, &b, &call)
				if again, _ := translated(t, &b, &call); again != first {
					t.Fatalf("%s: %s, then %s", schema, first, again)
				}
				if ok && !json.Valid([]byte(first)) {
					t.Fatalf("%s: %s", schema, first)
				}
			}
		}
	})
}

// translated returns the request for b, or the words of its refusal.
func translated(t *testing.T, b *Backend, call *Call) (text string, ok bool) {
	t.Helper()
	x, err := New(OpenAI, call.Fields.Operation, b)
	if err != nil {
		t.Fatal(err)
	}
	defer Release(x)
	var out Edit
	if err := x.Request(&out, call); err != nil {
		if _, ok := errors.AsType[*Refusal](err); !ok {
			t.Fatal(err)
		}
		return err.Error(), false
	}
	return string(out.Body), true
}

// FuzzTranslatedReply shows that whatever a backend answers is told whole: as an
// answer that ends, or as an error, and the same however it was cut.
func FuzzTranslatedReply(f *testing.F) {
	for _, c := range goldenCases(f) {
		if c.backend.Schema != OpenAI && c.backend.Schema != AzureOpenAI {
			f.Add(c.body, 7)
		}
	}
	const ask = `{"model":"claude-sonnet-4-5","stream":true,"messages":[{"role":"user","content":"go"}],"tools":[{"type":"custom","custom":{"name":"sh"}},{"type":"function","function":{"name":"a.b"}}]}`
	var fields Fields
	if err := Scan(ChatCompletions, "", []byte(ask), &fields); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, cut int) {
		cut = min(max(cut, 0), len(body))
		for schema := range backends {
			for _, kind := range []string{"text/event-stream", "application/json"} {
				tell := func(pieces ...[]byte) string {
					b := Backend{Schema: schema}
					x, err := New(OpenAI, ChatCompletions, &b)
					if err != nil {
						t.Fatal(err)
					}
					defer Release(x)
					var out, head Edit
					if err := x.Request(&out, &Call{Model: fields.Model, Fields: &fields, Body: []byte(ask), Header: headers{}}); err != nil {
						t.Fatal(err)
					}
					if err := x.Head(&head, 200, headers{"content-type": kind}); err != nil {
						t.Fatal(err)
					}
					return play(t, x, pieces...)
				}
				whole := tell(body)
				if done, failed := strings.HasSuffix(whole, "data: [DONE]\n\n"), strings.Contains(whole, `"error":{`); !done && !failed {
					t.Fatalf("%s %s: neither an end nor an error: %s", schema, kind, whole)
				}
				if kind == "text/event-stream" {
					if again := tell(body[:cut], body[cut:]); again != whole {
						t.Fatalf("%s: cut at %d: %s\nwhole: %s", schema, cut, again, whole)
					}
				}
			}
		}
	})
}
