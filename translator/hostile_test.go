package translator

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"llmroute/internal/cputest"
)

// A request may be one thing over and over. What it costs grows with its length,
// and not with the square of that.
func TestRepetitionCostsItsLength(t *testing.T) {
	const size = 1 << 20
	// over repeats an item, %d of which is its number, and joins what comes out.
	over := func(item string) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strings.ReplaceAll(item, "%d", fmt.Sprint(i)))
		}
		return b.String()
	}
	half := func(item string) string { s := over(item); return s[:strings.LastIndex(s[:len(s)/2], ",{")] }
	const (
		user  = `{"role":"user","content":"?"}`
		calls = `{"id":"c%d","type":"function","function":{"name":"f","arguments":"{}"}}`
		same  = `{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}`
	)
	messages := func(list string) string { return `{"model":"m","messages":[` + list + `]}` }
	with := func(members string) string { return `{"model":"m","messages":[` + user + `],` + members + `}` }
	tools := `"tools":[` + half(`{"type":"function","function":{"name":"f%d"}}`) + `]`
	for name, body := range map[string]string{
		"calls":               messages(user + `,{"role":"assistant","tool_calls":[` + half(calls) + `]},` + half(`{"role":"tool","tool_call_id":"c%d","content":"r"}`)),
		"calls of one id":     messages(user + `,{"role":"assistant","tool_calls":[` + half(same) + `]},` + half(`{"role":"tool","tool_call_id":"c","content":"r"}`)),
		"results of nothing":  messages(user + `,` + over(`{"role":"tool","tool_call_id":"c%d","content":"r"}`)),
		"rounds":              messages(user + `,` + over(`{"role":"assistant","tool_calls":[`+same+`]},{"role":"tool","tool_call_id":"c","content":"r"}`)),
		"functions of old":    messages(over(`{"role":"assistant","function_call":{"name":"f%d","arguments":"{}"}},{"role":"function","name":"f%d","content":"r"}`)),
		"answers":             messages(user + `,` + over(`{"role":"assistant","content":"a"}`) + `,` + user),
		"instructions":        messages(over(`{"role":"system","content":"s"}`) + `,` + user),
		"late instructions":   messages(user + `,` + over(`{"role":"system","content":"s"}`) + `,` + user),
		"turns":               messages(over(`{"role":"user","content":"?"},{"role":"assistant","content":"a"}`) + `,` + user),
		"names":               messages(over(`{"role":"user","name":"n","content":"?"}`)),
		"pictures":            messages(`{"role":"user","content":[` + over(`{"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD","detail":"low"}}`) + `]}`),
		"signatures":          messages(user + `,{"role":"assistant","content":"a","reasoning_details":[` + over(`{"type":"reasoning.encrypted","data":"RA==","format":"google-gemini-v1"}`) + `]},` + user),
		"signatures of calls": messages(user + `,{"role":"assistant","reasoning_details":[` + over(`{"type":"reasoning.encrypted","data":"RA==","format":"google-gemini-v1","id":"c%d"}`) + `],"tool_calls":[` + calls + `]},` + user),
		"thoughts":            messages(user + `,{"role":"assistant","content":"a","reasoning_details":[` + over(`{"type":"reasoning.text","text":"t","signature":"U","format":"anthropic-claude-v1"}`) + `]},` + user),
		"tools":               with(`"tools":[` + over(`{"type":"function","function":{"name":"f%d","strict":true,"parameters":{"type":"object","properties":{}}}}`) + `]`),
		"tools to be renamed": with(`"tools":[` + over(`{"type":"function","function":{"name":"f.%d"}}`) + `]`),
		"tools alike":         with(`"tools":[` + over(`{"type":"custom","custom":{"name":"é`+strings.Repeat("x", 70)+`%d"}}`) + `]`),
		"allowed tools":       with(tools + `,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[` + half(`{"type":"function","function":{"name":"f%d"}}`) + `]}}`),
		"stop":                with(`"stop":[` + over(`"x%d"`) + `]`),
		"unknown fields":      with(over(`"x%d":1`)),
		"metadata":            with(`"metadata":{` + over(`"x%d":"y"`) + `}`),
	} {
		for schema := range backends {
			backend := Backend{Schema: schema, Project: "p", Location: "l"}
			call := Call{Path: "/v1/chat/completions", Model: "claude-sonnet-4-5", Fields: &Fields{}, Body: []byte(body), Header: headers{}}
			spent := cputest.Time(t, func() {
				if err := Scan(ChatCompletions, "application/json", call.Body, call.Fields); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				x, err := New(OpenAI, ChatCompletions, &backend)
				if err != nil {
					t.Fatal(err)
				}
				defer Release(x)
				var r *Refusal
				if err := x.Request(&Edit{}, &call); err != nil && !errors.As(err, &r) {
					t.Errorf("%s to %s: %v", name, schema, err)
				}
			})
			if spent > 500*time.Millisecond*slowdown {
				t.Errorf("%s to %s: %v for %d bytes", name, schema, spent, len(body))
			}
		}
	}
}
