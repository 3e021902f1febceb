package translator

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/translator/frame"
)

func ExampleNew() {
	body := []byte(`{"model":"small","messages":[],"stream":true}`)
	var fields Fields
	if err := Scan(ChatCompletions, "application/json", body, &fields); err != nil {
		panic(err)
	}
	x, err := New(OpenAI, ChatCompletions, &Backend{Schema: OpenAI, Prefix: "/v1"})
	if err != nil {
		panic(err)
	}
	defer Release(x)

	var edit Edit
	if err := x.Request(&edit, &Call{Path: "/v1/chat/completions", Model: "vendor/small-2", Fields: &fields, Body: body}); err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", edit.Body)

	if err := x.Head(&edit, 200, headers{"content-type": "text/event-stream"}); err != nil {
		panic(err)
	}
	chunk := []byte("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n")
	out, _, err := x.Body(nil, chunk, true)
	fmt.Printf("%q %v %v\n", out, x.Tally().Usage.Total, err)
	// Output:
	// {"model":"vendor/small-2","messages":[],"stream":true,"stream_options":{"include_usage":true}}
	// "data: [DONE]\n\n" 7 <nil>
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	const elsewhere = "POST /v1%s is not served by the chosen backend, which speaks %s. Choose a model whose backend speaks %s."
	tests := []struct {
		client  Schema
		op      Operation
		backend Schema
		want    string
	}{
		{OpenAI, ChatCompletions, OpenAI, ""},
		{OpenAI, ImagesEdits, AzureOpenAI, ""},
		{OpenAI, Moderations, AzureOpenAI, fmt.Sprintf(elsewhere, "/moderations", "AzureOpenAI", "OpenAI")},
		{OpenAI, AudioSpeech, AWSBedrock, fmt.Sprintf(elsewhere, "/audio/speech", "AWSBedrock", "OpenAI or AzureOpenAI")},
		{Anthropic, ChatCompletions, OpenAI, `client schema "Anthropic": not translated from`},
		{OpenAI, None, Cohere, ""},
	}
	for _, tt := range tests {
		got := ""
		if _, err := New(tt.client, tt.op, &Backend{Schema: tt.backend}); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s %s to %s: error %q, want %q", tt.client, tt.op, tt.backend, got, tt.want)
		}
	}
}

// Whatever a schema has not is refused with the names of those that have it.
func TestEveryOperationIsServedOrRefused(t *testing.T) {
	for op := ChatCompletions; int(op) < len(operations); op++ {
		for _, schema := range Schemas {
			_, err := New(OpenAI, op, &Backend{Schema: schema})
			if serves(OpenAI, op, schema) {
				if err != nil {
					t.Errorf("%s to %s: %v", op, schema, err)
				}
				continue
			}
			r, ok := errors.AsType[*Refusal](err)
			if !ok || r.Status != 422 || r.Code != "unsupported_operation" || !strings.Contains(r.Message, "OpenAI") {
				t.Errorf("%s to %s: %v", op, schema, err)
			}
		}
	}
}

// An Edit is appended to, is the same for the same Call, and leaves the body
// alone: a retry needs it.
func TestRequestTwice(t *testing.T) {
	for _, c := range goldenCases(t) {
		body := string(c.call.Body)
		_, first, _ := c.exchange(t)
		x, err := New(OpenAI, c.op, &c.backend)
		if err != nil {
			t.Fatal(err)
		}
		again := Edit{Body: append(make([]byte, 0, 10), "kept "...)}
		if err := x.Request(&again, &c.call); err != nil {
			t.Fatal(err)
		}
		kept, rest := again.Body[:5], again.Body[5:]
		if string(kept) != "kept " || string(rest) != string(first.Body) || again.Path != first.Path {
			t.Errorf("%s: %q, then %q", c.file, first.Body, again.Body)
		}
		if string(c.call.Body) != body {
			t.Errorf("%s: the body was changed", c.file)
		}
	}
}

// What Release took back behaves as new, whatever it was used for.
func TestReleaseForgets(t *testing.T) {
	cases := goldenCases(t)
	for _, before := range cases {
		for i := 0; i < len(cases); i += step {
			c := cases[i]
			x, _, _ := before.exchange(t)
			if _, _, err := x.Body(nil, []byte("data: {\"unfinished"), false); err != nil {
				t.Fatal(err)
			}
			Release(x)
			var held int
			switch x := x.(type) {
			case *passthrough:
				held = x.sse.Held()
			case *translation:
				held = x.sse.Held() + x.aws.Held()
			}
			if held != 0 || !cmp.Equal(x.Tally(), Tally{}) {
				t.Fatalf("%s left %d bytes and %+v behind", before.file, held, x.Tally())
			}
			fresh, _, head := c.exchange(t)
			if head.Mode != Keep {
				play(t, fresh, c.body)
			}
			if got := tallyText(fresh.Tally()); got != strings.TrimPrefix(string(c.section("tally")), "\n") {
				t.Fatalf("%s after %s:\n%s", c.file, before.file, got)
			}
			Release(fresh)
		}
	}
}

func TestHead(t *testing.T) {
	const sse, js = "text/event-stream", "application/json"
	tests := []struct {
		name   string
		op     Operation
		asked  bool
		status int
		reply  headers
		want   Edit
	}{
		{"stream", ChatCompletions, true, 200, headers{"content-type": sse}, Edit{Mode: Stream}},
		{"stream that nobody asked for", ChatCompletions, false, 200, headers{"content-type": sse + ";charset=utf-8"}, Edit{Mode: Stream}},
		{"stream with a length", ChatCompletions, true, 200, headers{"content-type": sse, "content-length": "9"}, Edit{Mode: Stream, Remove: []string{"content-length"}}},
		{"stream without a type", ChatCompletions, true, 200, headers{}, Edit{Mode: Stream}},
		{"JSON", ChatCompletions, false, 200, headers{"content-type": js}, Edit{Mode: Whole}},
		{"JSON instead of a stream", ChatCompletions, true, 200, headers{"content-type": "Application/JSON; charset=utf-8"}, Edit{Mode: Whole}},
		{"JSON called text", Rerank, false, 200, headers{"content-type": "text/plain"}, Edit{Mode: Whole}},
		{"no type", Embeddings, false, 200, headers{}, Edit{Mode: Whole}},
		{"problem", ImagesGenerations, false, 200, headers{"content-type": "application/problem+json"}, Edit{Mode: Whole}},
		{"image", ImagesGenerations, false, 200, headers{"content-type": "image/png"}, Edit{Mode: Keep}},
		{"audio", AudioSpeech, false, 200, headers{"content-type": "audio/mpeg"}, Edit{Mode: Keep}},
		{"subtitles", AudioTranscriptions, false, 200, headers{"content-type": "text/plain"}, Edit{Mode: Keep}},
		{"transcript", AudioTranscriptions, false, 200, headers{"content-type": js}, Edit{Mode: Whole}},
		{"no content", ChatCompletions, false, 204, headers{"content-type": js}, Edit{Mode: Keep}},
		{"not modified", ChatCompletions, false, 304, headers{}, Edit{Mode: Keep}},
		{"compressed", ChatCompletions, true, 200, headers{"content-type": sse, "content-encoding": "gzip"}, Edit{Mode: Stream, Remove: []string{"content-encoding"}}},
		{"compressed in an unknown way", ChatCompletions, true, 200, headers{"content-type": sse, "content-encoding": "br"}, Edit{Mode: Keep}},
		{"called identity", ChatCompletions, true, 200, headers{"content-type": sse, "content-encoding": "identity"}, Edit{Mode: Stream}},
		{"error", AudioSpeech, false, 400, headers{"content-type": js}, Edit{Mode: Whole}},
		{"error as a stream", ChatCompletions, true, 500, headers{"content-type": sse}, Edit{Mode: Whole}},
		{"compressed error", ChatCompletions, false, 500, headers{"content-type": js, "content-encoding": "br"}, Edit{Mode: Keep}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &passthrough{backend: &Backend{}, asked: tt.asked, watch: watch{op: tt.op}}
			var got Edit
			if err := p.Head(&got, tt.status, tt.reply); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A backend that never ends an event is an error, not a leak.
func TestBodyOfEndlessEvent(t *testing.T) {
	for _, hide := range []bool{false, true} {
		p := &passthrough{mode: Stream, hide: hide, watch: watch{op: ChatCompletions}}
		p.sse.Max = 1 << 10
		var err error
		for range 100 {
			if _, _, err = p.Body(nil, []byte(strings.Repeat("x", 100)), false); err != nil {
				break
			}
		}
		if !errors.Is(err, frame.ErrTooLong) {
			t.Errorf("hide %v: error %v", hide, err)
		}
	}
}

// Hiding holds back no more than the event that is cut.
func TestBodyHoldsOnlyWhatIsCut(t *testing.T) {
	const one = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n"
	p := &passthrough{mode: Stream, hide: true, watch: watch{op: ChatCompletions}}
	out, same, err := p.Body(nil, []byte(one+one+one[:10]), false)
	if err != nil || same || string(out) != one+one {
		t.Errorf("%q, same %v, error %v", out, same, err)
	}
	out, same, err = p.Body(nil, []byte(one[10:]), false)
	if err != nil || same || string(out) != one {
		t.Errorf("%q, same %v, error %v", out, same, err)
	}
	out, same, err = p.Body(nil, []byte(one), false)
	if err != nil || !same || len(out) != 0 {
		t.Errorf("%q, same %v, error %v", out, same, err)
	}
}

func TestStreamAllocates(t *testing.T) {
	chunk := []byte("data: {\"id\":\"chatcmpl-1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\\n\"},\"finish_reason\":null}],\"usage\":null}\n\n")
	for _, hide := range []bool{false, true} {
		p := &passthrough{mode: Stream, hide: hide, watch: watch{op: ChatCompletions}}
		dst := make([]byte, 0, 2*len(chunk))
		n := testing.AllocsPerRun(100, func() {
			for _, piece := range [][]byte{chunk, chunk[:50], chunk[50:]} {
				if _, _, err := p.Body(dst, piece, false); err != nil {
					t.Fatal(err)
				}
			}
		})
		if n != 0 {
			t.Errorf("hide %v: %v allocations", hide, n)
		}
	}
}
