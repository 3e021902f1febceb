// Package workload holds the requests and answers that are measured: bodies as
// OpenAI's clients send them and providers answer them, in a few sizes. Both
// the benchmarks without Envoy and the full path use them, so that their
// numbers speak of the same thing.
package workload

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// The models that Cases ask for. Plain's backend takes the name as it is;
// Renamed's calls it Upstream, which changes every request.
const (
	Plain    = "bench-plain"
	Renamed  = "bench-renamed"
	Upstream = "provider/bench-model-2026-01"
)

// Path is where all requests go.
const Path = "/v1/chat/completions"

// Case is one kind of exchange. It is read-only.
type Case struct {
	Name   string
	Body   []byte
	Answer Answer
	Conns  int     // connections at once; 0 means the run's own number
	CPU    float64 // the most CPU it may take, as a multiple of the processor that does nothing; 0 is no target
	RSS    int     // the most MiB the sidecar may hold; 0 is no target
	// Hidden says that what arrives is not what the provider sent: a usage event
	// was asked for on the client's behalf and is taken out.
	Hidden bool
	// Translated says that the provider speaks another dialect than the client.
	Translated bool
}

// Answer is what the provider says: one piece is a JSON body, several are the
// writes of an event stream.
type Answer struct {
	Name   string // by which an upstream is told to give it
	Type   string // its media type
	Pieces [][]byte
	Pause  time.Duration // between two pieces
}

// Stream reports whether the answer is an event stream.
func (a *Answer) Stream() bool { return len(a.Pieces) > 1 }

// Cases returns what is measured, in the order it is shown.
func Cases() []Case {
	const kb, mb = 1 << 10, 1 << 20
	small, middle, large := plain("1k", kb), plain("32k", 32*kb), plain("1m", mb)
	packets, drip := events("packets", 25, 0), events("drip", 1, 2*time.Millisecond)
	own := []Case{
		{Name: "1KB", Body: chat(Plain, kb, ""), Answer: small, CPU: 1.25},
		{Name: "1KB renamed", Body: chat(Renamed, kb, ""), Answer: small, CPU: 1.25},
		{Name: "32KB", Body: chat(Plain, 32*kb, ""), Answer: middle, CPU: 1.25},
		{Name: "32KB renamed", Body: chat(Renamed, 32*kb, ""), Answer: middle, CPU: 1.25},
		{Name: "1MB", Body: chat(Plain, mb, ""), Answer: large},
		{Name: "1MB renamed", Body: chat(Renamed, mb, ""), Answer: large},
		{Name: "100 events", Body: chat(Plain, kb, wantUsage), Answer: packets, CPU: 1.15},
		{Name: "100 events hidden", Body: chat(Renamed, kb, `"stream":true,`), Answer: packets, Hidden: true},
		{Name: "100 events slowly", Body: chat(Plain, kb, wantUsage), Answer: drip},
		{Name: "1MB x 64", Body: chat(Renamed, mb, ""), Answer: large, Conns: 64, RSS: 150},
	}
	return slices.Concat(own, translated())
}

const wantUsage = `"stream":true,"stream_options":{"include_usage":true},`

// chat returns a request body of n bytes: a conversation of several turns, with
// the escapes and the indentation-free spelling of an SDK.
func chat(model string, n int, stream string) []byte {
	var b strings.Builder
	b.WriteString(`{"model":"` + model + `",` + stream + `"temperature":0.7,"max_tokens":512,"messages":[{"role":"system","content":"You are a helpful assistant."}`)
	const end = `],"user":"user-1234"}`
	const turn = 4096 // bytes of text in one message
	for role := 0; b.Len() < n-len(end); role++ {
		head, tail := `,{"role":"`+[]string{"user", "assistant"}[role%2]+`","content":"`, `"}`
		room := n - len(end) - b.Len() - len(head) - len(tail)
		if room < turn+turn/2 {
			b.WriteString(head + text(max(room, 0)) + tail)
			break
		}
		b.WriteString(head + text(turn) + tail)
	}
	b.WriteString(end)
	return []byte(b.String())
}

// text returns n bytes of prose, fit for the inside of a JSON string.
func text(n int) string {
	const prose = `The quick brown fox jumps over the lazy dog; \"again\", it said,\nand once more for good measure. `
	s := strings.Repeat(prose, n/len(prose)+1)[:n]
	// No escape may be cut in two.
	if strings.HasSuffix(strings.ReplaceAll(s, `\\`, ""), `\`) {
		s = s[:n-1] + " "
	}
	return s
}

// plain returns a JSON answer of about n bytes.
func plain(name string, n int) Answer {
	const head = `{"id":"chatcmpl-B1x2y3","object":"chat.completion","created":1767225600,"model":"` + Upstream + `",` +
		`"choices":[{"index":0,"message":{"role":"assistant","content":"`
	const tail = `","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":256,"completion_tokens":128,"total_tokens":384,` +
		`"prompt_tokens_details":{"cached_tokens":64},"completion_tokens_details":{"reasoning_tokens":16}},"system_fingerprint":"fp_1234"}`
	return Answer{Name: name, Type: typeJSON, Pieces: [][]byte{[]byte(head + text(n-len(head)-len(tail)) + tail)}}
}

// events returns a stream of 100 events with a usage event after them, so many
// to a piece.
func events(name string, perPiece int, pause time.Duration) Answer {
	const head = `data: {"id":"chatcmpl-B1x2y3","object":"chat.completion.chunk","created":1767225600,"model":"` + Upstream + `",` +
		`"system_fingerprint":"fp_1234","choices":[`
	a := Answer{Name: name, Type: typeSSE, Pause: pause}
	piece := make([]byte, 0, 32<<10)
	for i := range 100 {
		finish := "null"
		if i == 99 {
			finish = `"stop"`
		}
		piece = append(piece, head+`{"index":0,"delta":{"content":" word`+strconv.Itoa(i)+`"},"logprobs":null,"finish_reason":`+finish+`}],"usage":null}`+"\n\n"...)
		if (i+1)%perPiece == 0 {
			a.Pieces, piece = append(a.Pieces, piece), nil
		}
	}
	a.Pieces = append(a.Pieces, []byte(head+`],"usage":{"prompt_tokens":256,"completion_tokens":100,"total_tokens":356}}`+"\n\ndata: [DONE]\n\n"))
	return a
}
