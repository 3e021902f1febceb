package anthropic

import (
	"encoding/base64"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/translator/chat"
)

// Bedrock counts by itself, which matters where the model's own counts are missing.
func TestCountsOfBedrock(t *testing.T) {
	const measured = `{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":12,"outputTokenCount":40,"cacheReadInputTokenCount":3000,"cacheWriteInputTokenCount":500}}`
	for _, c := range []struct {
		name, start string
		want        chat.Usage
	}{
		{"none of the model's", `{"type":"message_start","message":{"id":"m"}}`, chat.Usage{Input: 3512, Cached: 3000, CacheWrite: 500, Output: 40, Total: 3552}},
		{"the model's", `{"type":"message_start","message":{"id":"m","usage":{"input_tokens":1,"output_tokens":2}}}`, chat.Usage{Input: 1, Output: 2, Total: 3}},
	} {
		r := Bedrock.Reader(&chat.Trip{}, header{})
		var got chat.Usage
		for _, event := range []string{c.start, `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a"}}`,
			`{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`, measured} {
			for _, ev := range r.Read(nil, []byte("chunk"), []byte(`{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(event))+`"}`)) {
				if ev.Kind == chat.Counts {
					got = ev.Usage
				}
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
	}
}
