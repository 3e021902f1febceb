package translator

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What of an answer the client cannot be told is told with its tally: how it
// ended, and blocks that should come back and are too long to.
func TestLostOfReplies(t *testing.T) {
	// Two thoughts with a word between them: only an exact list keeps their order.
	long := strings.Repeat("think ", 25_000)
	message := func(reason, thought string) string {
		return fmt.Sprintf(`{"id":"m1","content":[{"type":"thinking","thinking":%q,"signature":"c2ln"},{"type":"text","text":"So."},`+
			`{"type":"thinking","thinking":%[1]q,"signature":"c2ln"}],"stop_reason":%q,"usage":{"input_tokens":1,"output_tokens":1}}`, thought, reason)
	}
	events := func(reason, thought string) string {
		var b strings.Builder
		event := func(text string) { fmt.Fprintf(&b, "data: %s\n\n", text) }
		event(`{"type":"message_start","message":{"id":"m1"}}`)
		for i, kind := range []string{"thinking", "text", "thinking"} {
			event(fmt.Sprintf(`{"type":"content_block_start","index":%d,"content_block":{"type":%q,%[2]q:"","signature":""}}`, i, kind))
			event(fmt.Sprintf(`{"type":"content_block_delta","index":%d,"delta":{"type":"%s_delta",%[2]q:%q}}`, i, kind, thought))
			event(fmt.Sprintf(`{"type":"content_block_stop","index":%d}`, i))
		}
		event(fmt.Sprintf(`{"type":"message_delta","delta":{"stop_reason":%q},"usage":{"output_tokens":1}}`, reason))
		event(`{"type":"message_stop"}`)
		return b.String()
	}
	converse := func(reason, thought string) string {
		block := fmt.Sprintf(`{"reasoningContent":{"reasoningText":{"text":%q,"signature":"c2ln"}}}`, thought)
		return fmt.Sprintf(`{"output":{"message":{"content":[%s,{"text":"So."},%[1]s]}},"stopReason":%q,"usage":{"inputTokens":1,"outputTokens":1}}`, block, reason)
	}
	tests := []struct {
		name   string
		schema Schema
		kind   string
		reply  string
		want   []string
	}{
		{"Claude, all told", Anthropic, "application/json", message("end_turn", "think"), nil},
		{"Claude, a pause", Anthropic, "application/json", message("pause_turn", "think"), []string{"finish_reason;pause_turn"}},
		{"Claude, an end that is new", Anthropic, "application/json", message("compaction", "think"), []string{"finish_reason;unknown"}},
		{"Claude, too long", Anthropic, "application/json", message("end_turn", long), []string{"reasoning_details;too_long"}},
		{"Claude, a stream, all told", Anthropic, "text/event-stream", events("end_turn", "think"), nil},
		{"Claude, a stream, a pause", Anthropic, "text/event-stream", events("pause_turn", "think"), []string{"finish_reason;pause_turn"}},
		{"Claude, a stream, too long", Anthropic, "text/event-stream", events("end_turn", long), []string{"reasoning_details;too_long"}},
		{"Converse, all told", AWSBedrock, "application/json", converse("end_turn", "think"), nil},
		{"Converse, an end that is new", AWSBedrock, "application/json", converse("tired", "think"), []string{"finish_reason;unknown"}},
		{"Converse, too long", AWSBedrock, "application/json", converse("end_turn", long), []string{"reasoning_details;too_long"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := request(t, "claude-sonnet-4-5", bodyMembers{"seed": []byte("1"), "stream": []byte(fmt.Sprint(tt.kind != "application/json"))})
			var f Fields
			if err := Scan(ChatCompletions, "", body, &f); err != nil {
				t.Fatal(err)
			}
			x, err := New(OpenAI, ChatCompletions, &Backend{Schema: tt.schema})
			if err != nil {
				t.Fatal(err)
			}
			var sent, head Edit
			if err := x.Request(&sent, &Call{Model: f.Model, Fields: &f, Body: body, Header: headers{}}); err != nil {
				t.Fatal(err)
			}
			if err := x.Head(&head, 200, headers{"content-type": tt.kind}); err != nil {
				t.Fatal(err)
			}
			if out := play(t, x, []byte(tt.reply)); !strings.Contains(out, "So.") && !strings.Contains(out, "think") {
				t.Errorf("the client got %s", out)
			}
			if diff := cmp.Diff(x.Tally().Warn, tt.want); diff != "" {
				t.Error(diff)
			}
		})
	}
}
