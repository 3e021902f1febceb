package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/tidwall/gjson"

	"llmroute/internal/fakellm"
)

// TestConversations holds every conversation with every home, plainly and as a
// stream, by OpenAI's clients for Go and for Python, and looks at both ends.
func TestConversations(t *testing.T) {
	t.Parallel()
	p := openParlour(t)
	t.Run("Go", func(t *testing.T) {
		for i := range homes {
			h := &homes[i]
			t.Run(h.name, func(t *testing.T) {
				t.Parallel() // each home has a provider of its own
				for _, talk := range allConversations() {
					for _, stream := range talk.ways(h) {
						t.Run(fmt.Sprintf("%s/stream=%v", talk.name, stream), func(t *testing.T) {
							p.holdAndLook(t, &talk, h, stream)
						})
					}
				}
			})
		}
	})
	t.Run("Python", p.forPython)
}

// holdAndLook has one conversation and looks at what came of it.
func (p *parlour) holdAndLook(t *testing.T, talk *conversation, h *home, stream bool) {
	t.Helper()
	provider := p.providers[h.name]
	provider.Reset()
	s := talk.hold(t.Context(), &p.client, h, stream)
	want := talk.expected(h, stream)
	if want == "failed" && strings.HasPrefix(s.spelled, "502 ") {
		s.spelled = want // it failed before the headers had gone
	}
	if s.spelled != want {
		t.Errorf("the client saw\n%s, want\n%s", s.spelled, want)
	}
	talk.checkSeen(t, s, h, stream)
	p.checkBooked(t, talk, s)
	if strings.HasPrefix(want, "422 ") || h.foreign && strings.HasSuffix(want, " invalid_value") {
		if n := provider.Counts().Total; n != 0 {
			t.Errorf("the provider received %d requests of what it cannot do", n)
		}
		return
	}
	q := provider.Last()
	if q == nil {
		t.Fatal("the provider received nothing")
	}
	talk.checkArrived(t, q, h, stream)
	if talk.recorded() {
		talk.checkRecorded(t, s, q, stream)
	}
	if talk.also != nil {
		talk.also(t, s, q)
	}
}

// view is what a client saw of an answer.
type view struct {
	spelled string
	header  http.Header
	id      string
	usage   openai.CompletionUsage
	counted bool   // there was a usage
	raw     []byte // the answer, or all its chunks, each on a line; or the error
	wire    []byte // the answer's body, if it is to be a recording's
}

// ways are how a conversation is held with a home: plainly and as a stream.
func (c *conversation) ways(h *home) []bool {
	if len(c.only) > 0 && !h.among(c.only) || h.only && !slices.Contains(c.only, h.name) {
		return nil
	}
	switch r := c.record(); {
	case r == nil:
	case c.only[0] != h.name:
		return nil // it is of one home, and of none of its kin
	case c.recorded() && gjson.GetBytes(r.request, "stream").Bool():
		return []bool{true}
	case r.answer != nil:
		return []bool{strings.HasPrefix(path.Base(c.recording), "stream")}
	}
	if c.saw == "" {
		return []bool{true}
	}
	return []bool{false, true}
}

// hold has one conversation.
func (c *conversation) hold(ctx context.Context, client *openai.Client, h *home, stream bool) *view {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	s := &view{}
	var head *http.Response
	options := []option.RequestOption{option.WithHeader("x-home", h.name), option.WithResponseInto(&head),
		option.WithRequestBody("application/json", []byte(c.request(stream)))}
	if c.recording != "" {
		options = append(options, option.WithMiddleware(s.overhear))
	}
	for name, value := range c.sent() {
		options = append(options, option.WithHeader(name, value))
	}
	err := error(nil)
	if stream {
		err = s.stream(client.Chat.Completions.NewStreaming(ctx, openai.ChatCompletionNewParams{}, append(options, option.WithJSONSet("stream", true))...))
	} else {
		err = s.whole(client.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{}, options...))
	}
	if head != nil {
		s.header = head.Header
	}
	if err != nil {
		s.spelled = errorSeen(err)
		if e, ok := errors.AsType[*openai.Error](err); ok {
			s.raw = []byte(e.RawJSON())
		}
	}
	return s
}

func (s *view) whole(got *openai.ChatCompletion, err error) error {
	if err != nil {
		return err
	}
	s.id, s.usage, s.counted, s.raw = got.ID, got.Usage, got.JSON.Usage.Valid(), []byte(got.RawJSON())
	s.spelled = answered(got.Choices)
	return nil
}

// stream gathers the chunks of an answer as clients do.
func (s *view) stream(chunks interface {
	Next() bool
	Current() openai.ChatCompletionChunk
	Err() error
	Close() error
}) error {
	defer chunks.Close()
	acc := openai.ChatCompletionAccumulator{}
	for chunks.Next() {
		chunk := chunks.Current()
		s.raw = append(append(s.raw, chunk.RawJSON()...), '\n')
		if chunk.JSON.Usage.Valid() {
			s.usage, s.counted = chunk.Usage, true
		}
		if len(chunk.Choices) > 0 && !bytes.Contains([]byte(chunk.Choices[0].RawJSON()), []byte(`"delta"`)) {
			continue // a verdict of Azure's
		}
		if chunk.ID != "" && !acc.AddChunk(chunk) {
			return errors.New("a chunk that does not fit: " + chunk.RawJSON())
		}
		addCustom(&acc, chunk.RawJSON())
	}
	s.id, s.spelled = acc.ID, answered(acc.Choices)
	return chunks.Err()
}

// addCustom adds the pieces of custom calls, which the client leaves to others.
func addCustom(acc *openai.ChatCompletionAccumulator, chunk string) {
	for _, piece := range gjson.Get(chunk, "choices.0.delta.tool_calls").Array() {
		if custom := piece.Get("custom"); custom.Exists() {
			call := &acc.Choices[0].Message.ToolCalls[piece.Get("index").Int()]
			call.Custom.Name += custom.Get("name").Str
			call.Custom.Input += custom.Get("input").Str
		}
	}
}

// answered spells the choices of an answer.
func answered(choices []openai.ChatCompletionChoice) string {
	list := make([]string, 0, len(choices))
	for _, choice := range choices {
		m := choice.Message
		parts := []string{m.Content}
		if m.Refusal != "" {
			parts = append(parts, "refused: "+m.Refusal)
		}
		for _, call := range m.ToolCalls {
			parts = append(parts, call.Function.Name+call.Custom.Name+"("+call.Function.Arguments+call.Custom.Input+")")
		}
		list = append(list, strings.Join(append(parts, choice.FinishReason), "|"))
	}
	return strings.Join(list, "\n")
}

// errorSeen is a refusal's status and code, or that a stream has failed.
func errorSeen(err error) string {
	if e, ok := errors.AsType[*openai.Error](err); ok && e.StatusCode >= 400 {
		return strings.TrimSpace(fmt.Sprint(e.StatusCode, " ", e.Code))
	}
	return "failed"
}

// modelName is the model that the client asks for.
func (c *conversation) modelName() string {
	if c.recorded() {
		return gjson.Get(c.request(false), "model").Str
	}
	if c.model == "" || c.model[0] == '+' {
		return fakellm.Small + c.model
	}
	name, _, _ := strings.Cut(c.model, "+")
	return name
}

// sent are the headers that the client sends: its own, and the faults of a model
// whose name tells what it can do, and must not be changed.
func (c *conversation) sent() map[string]string {
	headers := maps.Clone(c.headers)
	if c.recording != "" {
		headers = map[string]string{recordingHeader: c.recording}
		maps.Copy(headers, c.headers)
	}
	if name, faults, ok := strings.Cut(c.model, "+"); ok && name != "" {
		if headers == nil {
			headers = make(map[string]string)
		}
		headers["x-fake-fault"] = faults
	}
	return headers
}

// counting reports whether a stream is to report its usage: every other one.
func (c *conversation) counting() bool {
	if c.recorded() {
		return gjson.Get(c.request(true), "stream_options.include_usage").Bool()
	}
	return len(c.counts) > 0 || len(c.name)%2 == 0
}

// request is the body that the client sends.
func (c *conversation) request(stream bool) string {
	if c.recorded() {
		body := string(c.record().request)
		if stream && !gjson.Get(body, "stream").Bool() {
			return `{"stream":true,` + body[1:]
		}
		return body
	}
	more := ""
	if stream {
		more = `"stream":true,`
		if c.counting() {
			more += `"stream_options":{"include_usage":true},`
		}
	}
	return `{"model":"` + c.modelName() + `",` + more + c.body + `}`
}

// expected is what the client is to see of a home's answer.
func (c *conversation) expected(h *home, stream bool) string {
	except, own := h.except[c.name]
	switch {
	case own && except.saw != "":
		return except.saw
	case own && stream && c.streamed != "":
		return c.streamed
	case own:
		return c.saw
	case stream:
		if want, ok := of(h, c.streamedInstead); ok {
			return want
		}
	}
	if want, ok := of(h, c.instead); ok {
		return want
	}
	if stream && c.streamed != "" {
		return c.streamed
	}
	return c.saw
}

// checkSeen looks at what of an answer is not its words.
func (c *conversation) checkSeen(t *testing.T, s *view, h *home, stream bool) {
	t.Helper()
	want, _ := of(h, c.warns)
	if except, own := h.except[c.name]; own {
		want = except.warns
	}
	if want == "" && !stream {
		want = c.lost
	}
	if c.recorded() {
		want = c.record().warns
	}
	if got := s.header.Get("x-llmroute-warnings"); got != want {
		t.Errorf("warnings %q, want %q", got, want)
	}
	if !strings.Contains(s.spelled, "|") {
		return
	}
	if h.foreign && !strings.HasPrefix(s.id, "chatcmpl-") {
		t.Errorf("the answer's id is %q", s.id)
	}
	if asked := !stream || c.counting(); s.counted && !asked {
		t.Error("the client saw a usage that it did not ask for")
	}
	if want, ok := of(h, c.counts); ok {
		u := s.usage
		got := fmt.Sprintf("%d (%d cached, %d written) + %d = %d", u.PromptTokens, u.PromptTokensDetails.CachedTokens,
			gjson.Get(u.PromptTokensDetails.RawJSON(), "cache_write_tokens").Int(), u.CompletionTokens, u.TotalTokens)
		if got != want {
			t.Errorf("usage %s, want %s", got, want)
		}
	}
}

// checkArrived compares what the provider received with what was to arrive.
func (c *conversation) checkArrived(t *testing.T, q *fakellm.Request, h *home, stream bool) {
	t.Helper()
	at := h.path
	if stream && h.streamed != "" {
		at = h.streamed
	}
	at = strings.Replace(at, "MODEL", c.modelName(), 1)
	// Which letters are escaped differs; it is for the conversations that say so.
	got, err := url.PathUnescape(q.Path)
	if want, ok := of(h, c.path); ok {
		got, at = q.Path, want
	}
	if err != nil || got != at {
		t.Errorf("the provider received %s, %v, want %s", q.Path, err, at)
	}
	if q.Key != "sk-backend" || q.Header.Get("Authorization") != "" && q.Header.Get("Api-Key") != "" {
		t.Errorf("the provider received the key %q in %v", q.Key, q.Header)
	}
	if !h.foreign {
		c.checkSame(t, q.Body, h, stream)
	}
	c.checkChanged(t, q, h, stream)
}

// checkSame compares member by member what a home of OpenAI's own dialect
// received: all is as it was said, but for what the tables know.
func (c *conversation) checkSame(t *testing.T, body []byte, h *home, stream bool) {
	t.Helper()
	gone, _ := of(h, c.gone)
	changed, _ := of(h, c.arrives)
	gjson.Parse(c.request(stream)).ForEach(func(name, value gjson.Result) bool {
		got := gjson.GetBytes(body, gjson.Escape(name.Str))
		switch {
		case name.Str == "model" || name.Str == "stream_options":
		case slices.Contains(gone, name.Str):
			if got.Exists() {
				t.Errorf("%s arrived, which the schema does not know", name.Str)
			}
		case slices.ContainsFunc(changed, func(line string) bool { return strings.HasPrefix(line, name.Str) }):
		case got.Raw != value.Raw:
			t.Errorf("%s arrived as %s, want %s", name.Str, got.Raw, value.Raw)
		}
		return true
	})
	if stream && h.name != azureOld && !gjson.GetBytes(body, "stream_options.include_usage").Bool() {
		t.Errorf("the provider was not asked for the usage: %s", body)
	}
}

// checkChanged looks for what the tables say of a home: a path and its value, or
// "@" and a header and its value. Without a value there is no such thing.
func (c *conversation) checkChanged(t *testing.T, q *fakellm.Request, h *home, stream bool) {
	t.Helper()
	lines, _ := of(h, c.arrives)
	if except, own := h.except[c.name]; own {
		lines = except.arrives
	}
	if stream {
		more, _ := of(h, c.arrivesStreamed)
		lines = slices.Concat(lines, more)
	}
	for _, line := range lines {
		at, want, _ := strings.Cut(line, " ")
		got := gjson.GetBytes(q.Body, at).Raw
		if name, ok := strings.CutPrefix(at, "@"); ok {
			got = q.Header.Get(name)
		}
		if got != want {
			t.Errorf("%s arrived as %s, want %s\nin %s", at, got, want, q.Body)
		}
	}
}
