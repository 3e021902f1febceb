package translator

import (
	"encoding/json"
	"maps"
	"os"
	"testing"

	"llmroute/translator/chat"
)

// A probe is a request that says something with one field and as little as can
// be besides. testdata/probes.json holds them all; the end-to-end tests read it
// too.
type probe struct {
	Field   string      `json:"field"`   // the row of the matrix
	When    string      `json:"when"`    // what sets it apart from the field's first probe
	Warns   string      `json:"warns"`   // its name in a warning, where that is not the field's
	Value   bool        `json:"value"`   // its value decides as well: it may be refused where the field is taken
	Body    bodyMembers `json:"body"`    // what is added to the plainest request
	Without bodyMembers `json:"without"` // what is added to the same request without the field

	field chat.Field
}

type bodyMembers map[string]json.RawMessage

// probes returns all of them, of which every field has one.
func probes(t testing.TB) []probe {
	t.Helper()
	text, err := os.ReadFile("testdata/probes.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []probe
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatalf("probes.json: %v", err)
	}
	rows := make(map[string]chat.Field)
	for _, f := range chat.Fields() {
		rows[f.String()] = f
	}
	seen := make(map[chat.Field]bool)
	for i := range all {
		p := &all[i]
		if p.field = rows[p.Field]; p.field == 0 {
			t.Fatalf("probes.json: the matrix has no row %s", p.Field)
		}
		if p.Warns == "" {
			p.Warns = p.field.Name()
		}
		seen[p.field] = true
	}
	for row, f := range rows {
		if !seen[f] {
			t.Fatalf("probes.json has no probe of %s: add a request that uses it", row)
		}
	}
	return all
}

// request returns the plainest request of a model, with more added.
func request(t testing.TB, model string, more bodyMembers) []byte {
	t.Helper()
	name, err := json.Marshal(model)
	if err != nil {
		t.Fatal(err)
	}
	body := bodyMembers{"model": name, "messages": json.RawMessage(`[{"role":"user","content":"Say hello."}]`)}
	maps.Copy(body, more)
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// told returns what becomes of a request on its way to a backend.
func told(t testing.TB, b *Backend, model string, body []byte) (Edit, error) {
	t.Helper()
	var f Fields
	if err := Scan(ChatCompletions, "application/json", body, &f); err != nil {
		t.Fatal(err)
	}
	x, err := New(OpenAI, ChatCompletions, b)
	if err != nil {
		t.Fatal(err)
	}
	defer Release(x)
	var out Edit
	err = x.Request(&out, &Call{Path: "/v1/chat/completions", Model: model, Fields: &f, Body: body, Header: headers{}})
	return out, err
}
