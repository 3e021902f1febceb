package translator

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

// way is one way of a request: who asks, for what, and whom.
type way struct {
	client  Schema
	op      Operation
	backend Schema
}

// ways are all that the tables know, but for those that take forms: a new dialect
// is fuzzed from its first line there.
func ways() (all []way) {
	for client := range clients {
		for op := ChatCompletions; int(op) < len(operations); op++ {
			for _, backend := range Schemas {
				if serves(client, op, backend) && !op.Multipart() {
					all = append(all, way{client, op, backend})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b way) int { return cmp.Compare(a.client, b.client) })
	return all
}

// translates reports whether what goes this way is written anew.
func (w way) translates() bool { return !passes(w.client, w.op, w.backend) }

// home is a backend that a way may lead to.
func (w way) home() Backend { return Backend{Schema: w.backend, Project: "p", Location: "global"} }

func (w way) open(t testing.TB, u Unsupported) Exchange {
	t.Helper()
	b := w.home()
	b.UnsupportedParameters = u
	x, err := New(w.client, w.op, &b)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// FuzzTranslatedRequest shows that whatever a client sends becomes a request in
// JSON, the same each time, or a refusal.
func FuzzTranslatedRequest(f *testing.F) {
	all := ways()
	for _, c := range append(requests(f), goldenCases(f)...) {
		for i, w := range all {
			if w.op == c.op && (w.backend == c.backend.Schema || w.backend == AWSBedrock) {
				f.Add(c.call.Body, uint8(i))
			}
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, which uint8) {
		w := all[int(which)%len(all)]
		var fields Fields
		if Scan(w.op, "", body, &fields) != nil {
			return
		}
		for _, u := range []Unsupported{"", DropUnsupported} {
			call := Call{Path: "/v1" + w.op.Path(), Model: fields.Model, Fields: &fields, Body: body, Header: headers{}}
			first, ok := w.sent(t, u, &call)
			if again, _ := w.sent(t, u, &call); again != first {
				t.Fatalf("%v: %s, then %s", w, first, again)
			}
			if ok && !json.Valid([]byte(first)) {
				t.Fatalf("%v: %s", w, first)
			}
		}
	})
}

// sent returns the request that goes to the backend, or the words of its refusal.
func (w way) sent(t *testing.T, u Unsupported, call *Call) (text string, ok bool) {
	t.Helper()
	x := w.open(t, u)
	defer Release(x)
	var out Edit
	if err := x.Request(&out, call); err != nil {
		if _, ok := errors.AsType[*Refusal](err); !ok {
			t.Fatal(err)
		}
		return err.Error(), false
	}
	if out.Body == nil {
		return string(call.Body), true
	}
	return string(out.Body), true
}

// conversations are requests for whose replies some backend has words of its own:
// those of the cases, and one of each dialect of chat.
func conversations(t testing.TB) (all []*goldenCase) {
	t.Helper()
	for _, c := range goldenCases(t) {
		if c.status != 0 && !passes(OpenAI, c.op, c.backend.Schema) {
			all = append(all, c)
		}
	}
	const ask = `{"model":"claude-sonnet-4-5","stream":true,"messages":[{"role":"user","content":"go"}],"tools":[{"type":"custom","custom":{"name":"sh"}},{"type":"function","function":{"name":"a.b"}}]}`
	for _, w := range ways() {
		if w.op == ChatCompletions && w.translates() {
			c := &goldenCase{op: w.op, backend: w.home(), reply: headers{"content-type": "text/event-stream"}}
			c.call = Call{Model: "claude-sonnet-4-5", Body: []byte(ask), Fields: &c.fields, Header: headers{}}
			if err := Scan(w.op, "", c.call.Body, &c.fields); err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		}
	}
	return all
}

// FuzzTranslatedReply shows that whatever a backend answers is told whole: as an
// answer that ends, or as an error, and the same however it was cut.
func FuzzTranslatedReply(f *testing.F) {
	all := conversations(f)
	for i, c := range all {
		f.Add(c.body, uint16(i), strings.Contains(c.reply["content-type"], "stream"), 7)
		f.Add(c.body, uint16(len(all)-1-i%len(backends)), true, 70)
	}
	f.Fuzz(func(t *testing.T, body []byte, which uint16, stream bool, cut int) {
		c := *all[int(which)%len(all)]
		cut = min(max(cut, 0), len(body))
		c.status, c.reply = 200, headers{"content-type": "application/json"}
		if stream = stream && c.op == ChatCompletions; stream {
			c.reply["content-type"] = "text/event-stream"
		}
		tell := func(pieces ...[]byte) string {
			x, _, _ := c.exchange(t)
			defer Release(x)
			return play(t, x, pieces...)
		}
		whole := tell(body)
		done := strings.HasSuffix(whole, "data: [DONE]\n\n")
		if !c.fields.Stream {
			done = json.Valid([]byte(whole)) || !json.Valid(body) // what is broken stays so
		}
		if !done && !strings.Contains(whole, `"error":{`) {
			t.Fatalf("%s %s: neither an end nor an error: %s", c.backend.Schema, c.file, whole)
		}
		if stream && c.fields.Stream { // who wants one piece is told when all of it has come
			if again := tell(body[:cut], body[cut:]); again != whole {
				t.Fatalf("%s %s: cut at %d: %s\nwhole: %s", c.backend.Schema, c.file, cut, again, whole)
			}
		}
	})
}
