package workload

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strconv"
	"strings"
)

// The media types of answers.
const (
	typeJSON        = "application/json"
	typeSSE         = "text/event-stream"
	typeEventStream = "application/vnd.amazon.eventstream"
)

// The models whose backends speak another dialect than the client; each names
// the dialect as LLMBackend.spec.outputSchema does.
const (
	Claude   = "bench-claude"   // Anthropic
	Converse = "bench-converse" // AWSBedrock
	Invoke   = "bench-invoke"   // AWSAnthropic
)

// Backends are the schemas of the models' backends.
var Backends = map[string]string{Plain: "OpenAI", Renamed: "OpenAI", Claude: "Anthropic", Converse: "AWSBedrock", Invoke: "AWSAnthropic"}

// Overrides are what the backends call the models; "" for the same.
var Overrides = map[string]string{Plain: "", Renamed: Upstream, Claude: "claude-sonnet-4-5", Converse: "amazon.nova-pro-v1:0",
	Invoke: "anthropic.claude-sonnet-4-5-20250929-v1:0"}

// translated returns the cases whose requests and answers are written anew.
func translated() []Case {
	const kb, mb = 1 << 10, 1 << 20
	claude := claudeEvents()
	lines, frames := make([]string, len(claude)), make([]string, len(claude))
	for i, e := range claude {
		lines[i] = "event: " + e.name + "\ndata: " + e.data + "\n\n"
		frames[i] = frame("chunk", `{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(e.data))+`","p":"abcdefgh"}`)
	}
	converse := make([]string, 0, len(claude))
	for _, e := range converseEvents() {
		converse = append(converse, frame(e.name, e.data))
	}
	stream := func(name, model, kind string, events []string, most float64) Case {
		return Case{Name: name, Body: chat(model, kb, wantUsage), CPU: most, Translated: true, Answer: Answer{Name: model, Type: kind, Pieces: pieces(events)}}
	}
	whole := func(name, model string, n int, most float64) Case {
		return Case{Name: name, Body: chat(model, n, ""), CPU: most, Translated: true, Answer: said(model, n)}
	}
	return []Case{
		whole("Anthropic 1KB", Claude, kb, 1.35), whole("Anthropic 32KB", Claude, 32*kb, 0), whole("Anthropic 1MB", Claude, mb, 0),
		stream("Anthropic 100 events", Claude, typeSSE, lines, 1.6),
		whole("Bedrock 1KB", Converse, kb, 1.35), whole("Bedrock 32KB", Converse, 32*kb, 0), whole("Bedrock 1MB", Converse, mb, 0),
		stream("Bedrock 100 events", Converse, typeEventStream, converse, 1.6),
		stream("Bedrock's Claude 100 events", Invoke, typeEventStream, frames, 1.6),
	}
}

// said returns an answer of about n bytes in the words of the model's backend.
func said(model string, n int) Answer {
	head, tail := `{"id":"msg_0123456789","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[{"type":"text","text":"`,
		`"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":192,"cache_creation_input_tokens":0,"cache_read_input_tokens":64,"output_tokens":128,"service_tier":"standard"}}`
	if model == Converse {
		head, tail = `{"metrics":{"latencyMs":1234},"output":{"message":{"content":[{"text":"`,
			`"}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":192,"cacheReadInputTokens":64,"outputTokens":128,"totalTokens":384}}`
	}
	return Answer{Name: model + strconv.Itoa(n), Type: typeJSON, Pieces: [][]byte{[]byte(head + text(n-len(head)-len(tail)) + tail)}}
}

// event is one event of a stream, before it is framed.
type event struct{ name, data string }

// claudeEvents are a hundred words, and what Anthropic says around them.
func claudeEvents() []event {
	all := []event{
		{"message_start", `{"type":"message_start","message":{"id":"msg_0123456789","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":256,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}}`},
		{"content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`},
	}
	for i := range 100 {
		all = append(all, event{"content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" word` + strconv.Itoa(i) + `"}}`})
	}
	return append(all, event{"content_block_stop", `{"type":"content_block_stop","index":0}`},
		event{"message_delta", `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":100}}`},
		event{"message_stop", `{"type":"message_stop"}`})
}

// converseEvents are the same in Bedrock's own words.
func converseEvents() []event {
	all := []event{{"messageStart", `{"p":"abcdefgh","role":"assistant"}`}}
	for i := range 100 {
		all = append(all, event{"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":" word` + strconv.Itoa(i) + `"},"p":"abcdefghijkl"}`})
	}
	return append(all, event{"contentBlockStop", `{"contentBlockIndex":0,"p":"abc"}`}, event{"messageStop", `{"p":"abcd","stopReason":"end_turn"}`},
		event{"metadata", `{"metrics":{"latencyMs":1234},"p":"abcdefgh","usage":{"inputTokens":256,"outputTokens":100,"totalTokens":356}}`})
}

// pieces returns events as they arrive: 25 at a time, as in the other cases.
func pieces(events []string) (out [][]byte) {
	const each = 25
	for len(events) > each {
		out, events = append(out, []byte(strings.Join(events[:each], ""))), events[each:]
	}
	return append(out, []byte(strings.Join(events, "")))
}

// frame returns an event as a message of AWS's event stream.
func frame(name, payload string) string {
	var headers []byte
	for _, h := range [][2]string{{":event-type", name}, {":content-type", typeJSON}, {":message-type", "event"}} {
		const text = 7 // the kind of value
		headers = append(append(headers, byte(len(h[0]))), h[0]...)
		headers = append(binary.BigEndian.AppendUint16(append(headers, text), uint16(len(h[1]))), h[1]...) // #nosec G115 -- a few bytes
	}
	const around = 16                                                                 // the prelude and the last checksum
	b := binary.BigEndian.AppendUint32(nil, uint32(around+len(headers)+len(payload))) // #nosec G115 -- as above
	b = binary.BigEndian.AppendUint32(b, uint32(len(headers)))                        // #nosec G115 -- as above
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	b = append(append(b, headers...), payload...)
	return string(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)))
}
