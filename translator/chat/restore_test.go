package chat

import (
	"fmt"
	"strings"
	"testing"

	"llmroute/translator/raw"
)

// told tells events in one line.
func told(evs []Event) string {
	var out []string
	for i := range evs {
		ev := &evs[i]
		what := [...]string{"text", "declined", "thinking", "redacted", "call", "custom"}
		switch ev.Kind {
		case Open:
			out = append(out, strings.TrimSpace("open "+what[ev.What]+" "+ev.Name.String()))
		case Delta:
			out = append(out, what[ev.What]+" "+ev.Text.String()+string(ev.JSON))
		case Close:
			out = append(out, "close "+what[ev.What])
		case Finish:
			out = append(out, "finish "+string(ev.Reason))
		case Fail:
			out = append(out, "fail "+ev.Err.Code)
		}
	}
	return strings.Join(out, ", ")
}

func TestRestore(t *testing.T) {
	called := func(block int, name string, pieces ...string) (evs []Event) {
		evs = append(evs, Event{Kind: Open, What: Call, Block: block, ID: raw.Text("c"), Name: raw.Text(name)})
		for _, p := range pieces {
			evs = append(evs, Event{Kind: Delta, What: Call, Block: block, Text: raw.Quote(p)})
		}
		return append(evs, Event{Kind: Close, What: Call, Block: block})
	}
	finish := func(reason Reason) Event { return Event{Kind: Finish, Reason: reason} }
	for _, tt := range []struct {
		name    string
		request Request
		habits  Habits
		events  []Event
		want    string
	}{
		{"nothing stands for another", Request{Tools: []Tool{{Name: "f"}}}, Habits{}, append(called(0, "f", "{}"), finish(ToolCalls)),
			"open call f, call {}, close call, finish tool_calls"},
		{"a reason that nobody knows", Request{}, Habits{}, []Event{{Kind: Open, What: Text}, finish("")}, "open text, finish stop"},
		{"a reason that nobody knows, behind a call", Request{}, Habits{}, append(called(0, "f"), finish("")), "open call f, close call, finish tool_calls"},
		{"a name", Request{Tools: []Tool{{Name: "a b"}}}, Habits{}, called(0, "a_b", "{}"), "open call a b, call {}, close call"},
		{"a tool of text, in pieces", Request{Tools: []Tool{{Name: "sh", Custom: true}}}, Habits{}, append(called(0, "sh", `{"inp`, `ut":"l`, `s \"`, `x\""}`), finish(ToolCalls)),
			`open custom sh, custom ls "x", close custom, finish tool_calls`},
		{"a tool of text that was given none", Request{Tools: []Tool{{Name: "sh", Custom: true}}}, Habits{}, called(0, "sh", `ls`), "open custom sh, custom ls, close custom"},
		{"a tool of text, whole", Request{Tools: []Tool{{Name: "sh", Custom: true}}}, Habits{},
			[]Event{{Kind: Open, What: Call, Name: raw.Text("sh")}, {Kind: Delta, What: Call, JSON: raw.Value(`{"input":"ls"}`)}, {Kind: Close, What: Call}}, "open custom sh, custom ls, close custom"},
		{"a form", Request{Format: Format{JSON: true, Schema: raw.Value("{}")}}, Habits{}, append(called(0, "json_output", `{"a":`, `1}`), finish(ToolCalls)),
			`open text, text {"a":, text 1}, close text, finish stop`},
		{"a form, whole", Request{Format: Format{JSON: true, Schema: raw.Value("{}")}}, Habits{},
			[]Event{{Kind: Open, What: Call, Name: raw.Text("json_output")}, {Kind: Delta, What: Call, JSON: raw.Value(`{ "a": 1 }`)}, {Kind: Close, What: Call}, finish(ToolCalls)},
			`open text, text {"a":1}, close text, finish stop`},
		{"a form that did not fit", Request{Format: Format{JSON: true, Schema: raw.Value("{}")}}, Habits{}, append(called(0, "json_output", `{"a":`), finish(Length)),
			`open text, text {"a":, close text, finish length`},
		{"a function of old", Request{Tools: []Tool{{Name: "f"}}, Legacy: true}, Habits{}, called(0, "f", "{}"), "open call f, call {}, close call"},
		{"two functions of old", Request{Tools: []Tool{{Name: "f"}}, Legacy: true}, Habits{}, append(called(0, "f", "{}"), called(1, "f", "{}")...),
			"open call f, call {}, close call, fail too_many_function_calls"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.request.Turns = turns(user(text("?")))
			trip := &Trip{Request: tt.request}
			if err := trip.Settle(tt.habits); err != nil {
				t.Fatal(err)
			}
			// All at once, and each by itself: how a reply was cut does not show.
			whole, pieces := Restorer{Trip: trip}, Restorer{Trip: trip}
			if got := told(whole.Restore(tt.events)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			var list []string
			for i := range tt.events {
				if got := told(pieces.Restore(tt.events[i : i+1])); got != "" {
					if list = append(list, got); strings.HasPrefix(got, "fail") {
						break
					}
				}
			}
			if got := strings.Join(list, ", "); got != tt.want {
				t.Errorf("one by one: %s, want %s", got, tt.want)
			}
		})
	}
}

// A Trip that is used again knows nothing of what it was used for.
func TestReset(t *testing.T) {
	trip := &Trip{Request: Request{Turns: turns(user(text("?"))), Tools: []Tool{{Name: "a b", Custom: true}}, Format: Format{JSON: true, Schema: raw.Value("{}")}}}
	if err := trip.Settle(Habits{}); err != nil {
		t.Fatal(err)
	}
	trip.Warn("a", "b")
	trip.Reset()
	if got := fmt.Sprintf("%d %d %d %q %q %d", len(trip.Request.Turns), len(trip.Request.Tools), len(trip.Warnings), trip.JSONTool, trip.Name("a b"), len(trip.custom)); got != `0 0 0 "" "a b" 0` {
		t.Error(got)
	}
}
