package chat

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/translator/raw"
)

// The parts that conversations are made of here. A turn's place is that of its
// first block's message; messages are numbered as turn is called.

func text(s string) Block { return Block{What: Text, Text: raw.Quote(s), Part: -1} }
func call(id, name string) Block {
	return Block{What: Call, ID: id, Name: name, Args: raw.Text("{}"), Part: -1}
}
func result(id string) Block {
	return Block{What: Result, ID: id, Part: -1, Blocks: []Block{text("r")}}
}
func thought(sig, dialect string) Block {
	return Block{What: Thinking, Text: raw.Text("t"), Sig: raw.Text(sig), For: dialect, Part: -1}
}

// turns numbers turns as messages.
func turns(list ...Turn) []Turn {
	for i := range list {
		list[i].At = i
		for j := range list[i].Blocks {
			list[i].Blocks[j].Message = i
		}
	}
	return list
}

func system(b ...Block) Turn    { return Turn{Role: System, Blocks: b} }
func user(b ...Block) Turn      { return Turn{Role: User, Blocks: b} }
func assistant(b ...Block) Turn { return Turn{Role: Assistant, Blocks: b} }

// spelled tells a conversation in one line.
func spelled(list []Turn) string {
	var out []string
	for i := range list {
		words := []string{[...]string{"S", "U", "A"}[list[i].Role]}
		for _, b := range list[i].Blocks {
			switch b.What {
			case Text:
				words = append(words, b.Text.String())
			case Call:
				words = append(words, b.Name+"#"+b.ID)
			case Result:
				words = append(words, "="+b.ID)
			case Thinking, Redacted:
				words = append(words, "~"+string(b.Sig))
			}
		}
		if len(list[i].Replay) > 0 {
			words = append(words, string(list[i].Replay))
		}
		out = append(out, strings.Join(words, " "))
	}
	return strings.Join(out, " | ")
}

func TestSettle(t *testing.T) {
	take := func(*Turn) bool { return true }
	for _, tt := range []struct {
		name     string
		habits   Habits
		options  Options
		turns    []Turn
		want     string
		warnings []string
	}{
		{"nothing to do", Habits{}, Options{}, turns(system(text("s")), user(text("hi"))), "S s | U hi", nil},
		{"results in the order of the calls, and in front", Habits{}, Options{},
			turns(user(text("?")), assistant(call("a", "f"), call("b", "g")), user(text("so"), result("b"), result("a"))),
			"U ? | A f#a g#b | U =a =b so", nil},
		{"neighbours of one role", Habits{}, Options{}, turns(user(text("a")), user(text("b")), assistant(text("c")), assistant(text("d")), user(text("e"))),
			"U a b | A c d | U e", nil},
		{"an answer of nothing", Habits{}, Options{}, turns(user(text("a")), assistant(), user(text("b"))), "U a b", nil},
		{"a user of nothing", Habits{NoEmpty: true}, Options{}, turns(user()), "U .", nil},
		{"instructions alone", Habits{}, Options{}, turns(system(text("a")), system(text("b"))), "S a | U b", []string{"messages;system_as_user"}},

		{"late instructions, behind the user's words", Habits{Late: LateNative}, Options{}, turns(user(text("a")), assistant(text("b")), system(text("s")), user(text("c"))),
			"U a | A b | U c | S s", nil},
		{"late instructions, where no user spoke", Habits{Late: LateNative}, Options{}, turns(user(text("a")), assistant(text("b")), system(text("s")), assistant(text("c")), user(text("d"))),
			"U a | A b | U <system>s</system> | A c | U d", []string{"messages;system_as_user"}},
		{"late instructions, as the user's words", Habits{Late: LateUser}, Options{}, turns(user(text("a")), system(text("s")), user(text("b"))),
			"U a <system>s</system> b", []string{"messages;system_as_user"}},
		{"late instructions, to the front", Habits{Late: LateHoist}, Options{}, turns(system(text("s")), user(text("a")), system(text("t"))),
			"S s | S t | U a", []string{"messages;system_moved"}},
		{"the option wins", Habits{Late: LateHoist}, Options{LateSystem: LateUser}, turns(user(text("a")), system(text("s"))), "U a <system>s</system>", []string{"messages;system_as_user"}},
		{"but not over what cannot be", Habits{Late: LateHoist}, Options{LateSystem: LateNative}, turns(user(text("a")), system(text("s"))), "S s | U a", []string{"messages;system_moved"}},
		{"instructions between a call and its result", Habits{Late: LateNative}, Options{}, turns(user(text("a")), assistant(call("x", "f")), system(text("s")), user(result("x"))),
			"U a | A f#x | U =x | S s", nil},
		{"late instructions, where they are", Habits{Late: LateNative, LateInPlace: true}, Options{},
			turns(user(text("a")), system(text("s")), assistant(text("b")), system(text("t")), user(text("c")), system(text("u"))),
			"U a | S s | A b | U <system>t</system> c <system>u</system>", []string{"messages;system_as_user"}},
		{"the same, behind a tool's words", Habits{Late: LateNative, LateInPlace: true}, Options{}, turns(user(text("a")), assistant(call("x", "f")), user(result("x")), system(text("s")), assistant(text("b")), user(text("c"))),
			"U a | A f#x | U =x <system>s</system> | A b | U c", []string{"messages;system_as_user"}},

		{"ids that do not fit, and repeat", Habits{}, Options{},
			turns(user(text("?")), assistant(call("f:0", "f")), user(result("f:0")), assistant(call("f:0", "f")), user(result("f:0"))),
			"U ? | A f#f_0 | U =f_0 | A f#f_0_2 | U =f_0_2", nil},
		{"ids that are too long", Habits{IDs: 20}, Options{},
			turns(user(text("?")), assistant(call("abcdefghijklmnopqrstuvwxyz", "f")), user(result("abcdefghijklmnopqrstuvwxyz"))),
			"U ? | A f#abc_71c480df93d6ae2f | U =abc_71c480df93d6ae2f", nil},
		{"one id for two calls of an answer", Habits{}, Options{},
			turns(user(text("?")), assistant(call("a", "f"), call("a", "g")), user(result("a"), result("a"))), "U ? | A f#a g#a_2 | U =a =a_2", nil},

		{"reasoning that the backend can read", Habits{Signed: []string{"x"}}, Options{},
			turns(user(text("?")), assistant(thought("sx", "x"), thought("sy", "y"), thought("", ""), text("a")), user(text("b"))), "U ? | A ~sx a | U b", nil},
		{"reasoning in words", Habits{BareReasoning: true}, Options{},
			turns(user(text("?")), assistant(thought("sx", "x"), thought("", ""), text("a")), user(text("b"))), "U ? | A ~sx ~ a | U b", nil},
		{"reasoning that is not the model's", Habits{Signed: []string{"x"}}, Options{}, turns(user(thought("sx", "x"), text("a"))), "U a", nil},
		{"an answer as it was", Habits{Exact: take}, Options{}, turns(user(text("?")), Turn{Role: Assistant, Blocks: []Block{text("a")}, Replay: raw.Value("[1]")}, user(text("b"))), "U ? | A a [1] | U b", nil},
		{"an answer as it was, for another", Habits{}, Options{}, turns(user(text("?")), Turn{Role: Assistant, Blocks: []Block{text("a")}, Replay: raw.Value("[1]")}, user(text("b"))), "U ? | A a | U b", nil},
		{"an answer as it was, but for an id", Habits{Exact: take}, Options{},
			turns(user(text("?")), Turn{Role: Assistant, Blocks: []Block{call("f:0", "f")}, Replay: raw.Value("[1]")}, user(result("f:0"))), "U ? | A f#f_0 | U =f_0", nil},

		{"an answer that was begun", Habits{Prefill: true}, Options{}, turns(user(text("?")), assistant(text("a"))), "U ? | A a", nil},
		{"an answer that was begun, given up", Habits{}, Options{Unsupported: DropUnsupported}, turns(user(text("?")), assistant(text("a"))), "U ?", []string{"messages;answer_begun"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trip := &Trip{Request: Request{Turns: tt.turns}, Options: tt.options}
			if err := trip.Settle(tt.habits); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(spelled(trip.Request.Turns), tt.want); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(trip.Warnings, tt.warnings); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A conversation that grows does not change where it has been: providers keep,
// and some sign, what stands in front.
func TestSettleGrows(t *testing.T) {
	talk := func() []Turn {
		return turns(system(text("s")), user(text("?")), assistant(call("f:0", "f"), call("f:0", "g")), user(result("f:0"), result("f:0"), text("so")),
			system(text("late")), assistant(call("f:0", "f")), user(result("f:0")), assistant(text("a")), user(text("b")))
	}
	for _, late := range []Late{LateNative, LateUser} {
		before := ""
		for n := 2; n <= len(talk()); n++ {
			trip := &Trip{Request: Request{Turns: talk()[:n]}}
			if trip.Settle(Habits{Late: late, Prefill: true}) != nil {
				continue // it ends where none may end
			}
			now := spelled(trip.Request.Turns)
			if !strings.HasPrefix(now, before) {
				t.Errorf("%s: %s became %s", late, before, now)
			}
			before = now
		}
		if strings.Count(before, "#") != 3 {
			t.Errorf("%s: settled to %s", late, before)
		}
	}
}

func TestSettleRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		habits  Habits
		options Options
		request Request
		want    string // status, code and place
	}{
		{"no message", Habits{}, Options{}, Request{}, "400 missing_required_parameter messages"},
		{"a call without a result", Habits{}, Options{}, Request{Turns: turns(user(text("?")), assistant(call("a", "f")), user(text("so")))}, "400 invalid_value messages[1].tool_calls"},
		{"a call at the end", Habits{}, Options{}, Request{Turns: turns(user(text("?")), assistant(call("a", "f")))}, "400 invalid_value messages[1].tool_calls"},
		{"one of two results", Habits{}, Options{}, Request{Turns: turns(user(text("?")), assistant(call("a", "f"), call("b", "f")), user(result("b")))}, "400 invalid_value messages[1].tool_calls"},
		{"a result without a call", Habits{}, Options{}, Request{Turns: turns(user(text("?"), result("a")))}, "400 invalid_value messages[0].tool_call_id"},
		{"a result that comes too late", Habits{}, Options{},
			Request{Turns: turns(user(text("?")), assistant(call("a", "f")), user(result("a")), assistant(text("b")), user(result("a")))}, "400 invalid_value messages[4].tool_call_id"},
		{"late instructions", Habits{}, Options{LateSystem: LateReject}, Request{Turns: turns(user(text("?")), system(text("s")))}, "422 unsupported_value messages[1].role"},
		{"late instructions that would move", Habits{Late: LateHoist}, Options{Unsupported: RejectUnsupported}, Request{Turns: turns(user(text("?")), system(text("s")))}, "422 unsupported_parameter messages[1].role"},
		{"an answer that was begun", Habits{}, Options{}, Request{Turns: turns(user(text("?")), assistant(text("a")))}, "422 unsupported_value messages[1]"},
		{"an answer that was begun, and nothing else", Habits{}, Options{Unsupported: DropUnsupported}, Request{Turns: turns(assistant(text("a")))}, "400 invalid_value messages"},
		{"a choice of no tool", Habits{}, Options{}, Request{Turns: turns(user(text("?"))), Choice: Choice{Mode: Force, Name: "f"}}, "400 invalid_value tool_choice"},
		{"a choice that would break a signature", Habits{KeepTools: true}, Options{},
			Request{Turns: turns(user(text("?")), assistant(call("a", "f")), user(result("a"))), Tools: []Tool{{Name: "f"}, {Name: "g"}}, Choice: Choice{Among: []string{"g"}}}, "422 unsupported_parameter tool_choice"},
		{"a form beside tools", Habits{}, Options{Unsupported: RejectUnsupported},
			Request{Turns: turns(user(text("?"))), Tools: []Tool{{Name: "f"}}, Format: Format{JSON: true, Schema: raw.Value("{}")}}, "422 unsupported_parameter response_format"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trip := &Trip{Request: tt.request, Options: tt.options}
			r, ok := errors.AsType[*Refusal](trip.Settle(tt.habits))
			if !ok {
				t.Fatalf("settled to %s", spelled(trip.Request.Turns))
			}
			if got := fmt.Sprint(r.Status, " ", r.Code, " ", r.Param); got != tt.want || r.Message == "" {
				t.Errorf("got %s, %q, want %s", got, r.Message, tt.want)
			}
		})
	}
}

func TestMissReasoning(t *testing.T) {
	for _, tt := range []struct {
		name       string
		turns      []Turn
		lost, warn bool
	}{
		{"no round of tools", turns(user(text("?")), assistant(text("a")), user(text("b"))), false, false},
		{"a round of tools without", turns(user(text("?")), assistant(call("a", "f")), user(result("a"))), true, true},
		{"and instructions behind it", turns(user(text("?")), assistant(call("a", "f")), user(result("a")), system(text("s"))), true, true},
		{"a round of tools with it", turns(user(text("?")), assistant(thought("s", "x"), call("a", "f")), user(result("a"))), false, false},
		{"a thought that proves nothing", turns(user(text("?")), assistant(thought("", ""), call("a", "f")), user(result("a"))), true, true},
		{"a thought at another place", turns(user(text("?")), assistant(call("a", "f"), thought("s", "x")), user(result("a"))), true, false},
		{"a client that keeps it", turns(user(text("?")), assistant(thought("s", "x"), call("a", "f")), user(result("a")), assistant(call("b", "f")), user(result("b"))), true, false},
		{"an answer as it was", turns(user(text("?")), Turn{Role: Assistant, Replay: raw.Value("[1]")}, user(result("a"))), false, false},
		{"words behind the results", turns(user(text("?")), assistant(call("a", "f")), user(result("a"), text("so"))), true, true},
	} {
		trip := &Trip{Request: Request{Turns: tt.turns}}
		trip.MissReasoning()
		if lost, warn := trip.Request.ReasoningLost(), slices.Equal(trip.Warnings, []string{"reasoning;missing"}); lost != tt.lost || warn != tt.warn {
			t.Errorf("%s: lost %v, want %v; warnings %q, want one %v", tt.name, lost, tt.lost, trip.Warnings, tt.warn)
		}
	}
}
