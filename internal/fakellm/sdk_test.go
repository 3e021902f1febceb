package fakellm_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"image/png"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"

	"llmroute/internal/fakellm/fakellmtest"
)

// sdk returns OpenAI's own client, the judge of what the provider says.
func sdk(t *testing.T, p *fakellmtest.Provider) openai.Client {
	t.Helper()
	return openai.NewClient(option.WithBaseURL(p.URL+"/v1"), option.WithAPIKey("sk-test"),
		option.WithHTTPClient(client(t)), option.WithMaxRetries(0))
}

func hello(model string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    model,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("hello there")},
	}
}

func TestSDKModels(t *testing.T) {
	c := sdk(t, start(t))
	page, err := c.Models.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, 0, len(page.Data))
	for _, m := range page.Data {
		ids = append(ids, m.ID)
	}
	if diff := cmp.Diff([]string{"fake-large", "fake-small"}, ids); diff != "" {
		t.Error(diff)
	}
	for _, id := range []string{"fake-small", "ft:gpt-4.1:org::abc"} {
		if m, err := c.Models.Get(t.Context(), id); err != nil || m.ID != id {
			t.Errorf("got %v, %v, want %s", m, err, id)
		}
	}
	_, err = c.Models.Get(t.Context(), "missing-one")
	if e, ok := errors.AsType[*openai.Error](err); !ok || e.StatusCode != http.StatusNotFound || e.Code != "model_not_found" {
		t.Errorf("got %v, want model_not_found", err)
	}
}

func TestSDKChat(t *testing.T) {
	p := start(t)
	c := sdk(t, p)
	params := hello("fake-small")
	params.N = param.NewOpt[int64](2)
	params.Logprobs, params.TopLogprobs = param.NewOpt(true), param.NewOpt[int64](2)
	got, err := c.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Choices) != 2 || got.Choices[0].Message.Content != helloText || got.Choices[1].Message.Content != "Choice 1. "+helloText {
		t.Errorf("got choices %v", got.Choices)
	}
	first := got.Choices[0]
	if first.FinishReason != "stop" || len(first.Logprobs.Content) != 14 || len(first.Logprobs.Content[0].TopLogprobs) != 2 {
		t.Errorf("got %s, %d tokens", first.FinishReason, len(first.Logprobs.Content))
	}
	// 2 words and 1 message; 14 words, and 16 in the choice that says which it is.
	if got.Usage.PromptTokens != 3 || got.Usage.CompletionTokens != 30 || got.Usage.TotalTokens != 33 {
		t.Errorf("got usage %v", got.Usage)
	}
	q := p.Last()
	if q.Model != "fake-small" || q.Key != "sk-test" || q.Path != "/v1/chat/completions" || q.ContentLength != int64(len(q.Body)) {
		t.Errorf("got request %+v", q)
	}
}

func TestSDKChatStream(t *testing.T) {
	c := sdk(t, start(t))
	for _, model := range []string{"fake-small", "fake-small+split", "fake-small+crlf", "fake-small+chunked+trailers"} {
		t.Run(model, func(t *testing.T) {
			params := hello(model)
			params.N = param.NewOpt[int64](2)
			params.StreamOptions.IncludeUsage = param.NewOpt(true)
			stream := c.Chat.Completions.NewStreaming(t.Context(), params)
			acc := openai.ChatCompletionAccumulator{}
			chunks := 0
			for stream.Next() {
				if !acc.AddChunk(stream.Current()) {
					t.Fatalf("chunk %d does not fit: %s", chunks, stream.Current().RawJSON())
				}
				chunks++
			}
			if err := stream.Err(); err != nil {
				t.Fatal(err)
			}
			if got := acc.Choices[0].Message.Content; got != helloText {
				t.Errorf("got %q", got)
			}
			// Two roles, 14 and 16 words, two ends, the usage.
			if acc.Usage.CompletionTokens != 30 || acc.Choices[1].FinishReason != "stop" || chunks != 35 {
				t.Errorf("got usage %v, finish %s, %d chunks", acc.Usage, acc.Choices[1].FinishReason, chunks)
			}
		})
	}
}

func TestSDKChatError(t *testing.T) {
	c := sdk(t, start(t))
	tests := []struct {
		model  string
		status int
		code   string
	}{
		{"fake-small+429", http.StatusTooManyRequests, "rate_limit_exceeded"},
		{"fake-small+quota", http.StatusTooManyRequests, "insufficient_quota"},
		{"fake-small+context", http.StatusBadRequest, "context_length_exceeded"},
		{"fake-small+503", http.StatusServiceUnavailable, "server_is_overloaded"},
		{"fake-small+500", http.StatusInternalServerError, ""},
		{"missing-model", http.StatusNotFound, "model_not_found"},
		{"fake-small+nosuch", http.StatusBadRequest, "invalid_value"},
	}
	for _, test := range tests {
		_, err := c.Chat.Completions.New(t.Context(), hello(test.model))
		e, ok := errors.AsType[*openai.Error](err)
		if !ok || e.StatusCode != test.status || e.Code != test.code || e.Message == "" || e.Type == "" {
			t.Errorf("%s: got %v, want status %d, code %q", test.model, err, test.status, test.code)
		}
	}
	stream := c.Chat.Completions.NewStreaming(t.Context(), hello("fake-small+errevent"))
	n := 0
	for stream.Next() {
		n++
	}
	if err := stream.Err(); n != 2 || err == nil || !strings.Contains(err.Error(), "server_error") {
		t.Errorf("got %d events, then %v, want 2 and an error", n, err)
	}
}

var weather = openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
	Name: "weather",
	Parameters: shared.FunctionParameters{
		"type": "object",
		"properties": map[string]any{
			"city": map[string]any{"type": "string"},
			"days": map[string]any{"type": "integer"},
			"unit": map[string]any{"enum": []string{"celsius", "kelvin"}},
		},
	},
})

var clock = openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "clock"})

func TestSDKTools(t *testing.T) {
	c := sdk(t, start(t))
	params := hello("fake-small")
	params.Messages = []openai.ChatCompletionMessageParamUnion{openai.UserMessage("clock and weather in Zürich?")}
	params.Tools = []openai.ChatCompletionToolUnionParam{weather, clock}
	whole, err := c.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	stream := c.Chat.Completions.NewStreaming(t.Context(), params)
	acc := openai.ChatCompletionAccumulator{}
	for stream.Next() {
		acc.AddChunk(stream.Current())
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	type call struct{ Name, Arguments string }
	want := []call{
		{"weather", `{"city":"clock and weather in Zürich?","days":1,"unit":"celsius"}`},
		{"clock", "{}"},
	}
	for _, message := range []openai.ChatCompletionMessage{whole.Choices[0].Message, acc.Choices[0].Message} {
		var got []call
		for _, tc := range message.ToolCalls {
			got = append(got, call{tc.Function.Name, tc.Function.Arguments})
			if !strings.HasPrefix(tc.ID, "call_") {
				t.Errorf("got id %q", tc.ID)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	if whole.Choices[0].FinishReason != "tool_calls" || acc.Choices[0].FinishReason != "tool_calls" {
		t.Errorf("got %s, %s", whole.Choices[0].FinishReason, acc.Choices[0].FinishReason)
	}

	// What the tools said goes back, and is answered with words.
	params.Messages = append(params.Messages, whole.Choices[0].Message.ToParam(),
		openai.ToolMessage("sunny", whole.Choices[0].Message.ToolCalls[0].ID),
		openai.ToolMessage("noon", whole.Choices[0].Message.ToolCalls[1].ID))
	next, err := c.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if got := next.Choices[0].Message; len(got.ToolCalls) != 0 || !strings.Contains(got.Content, "“noon”") {
		t.Errorf("got %s", got.RawJSON())
	}
}

func TestSDKCompletions(t *testing.T) {
	c := sdk(t, start(t))
	params := openai.CompletionNewParams{
		Model:     "fake-small",
		Prompt:    openai.CompletionNewParamsPromptUnion{OfArrayOfStrings: []string{"one", "two"}},
		MaxTokens: param.NewOpt[int64](3),
	}
	got, err := c.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Choices) != 2 || got.Choices[1].Text != "You said “two”" || got.Choices[1].FinishReason != "length" ||
		got.Usage.PromptTokens != 2 || got.Usage.CompletionTokens != 6 {
		t.Errorf("got %s", got.RawJSON())
	}
	params.StreamOptions.IncludeUsage = param.NewOpt(true)
	stream := c.Completions.NewStreaming(t.Context(), params)
	var text strings.Builder
	tokens := int64(0)
	for stream.Next() {
		chunk := stream.Current()
		tokens = chunk.Usage.TotalTokens
		for _, choice := range chunk.Choices {
			text.WriteString(choice.Text)
		}
	}
	if err := stream.Err(); err != nil || text.String() != "You said “one”You said “two”" || tokens != 8 {
		t.Errorf("got %q, %d tokens, %v", text.String(), tokens, err)
	}
}

func TestSDKEmbeddings(t *testing.T) {
	c := sdk(t, start(t))
	params := openai.EmbeddingNewParams{
		Model:          "fake-small",
		Input:          openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"red apple", "green apple", "tax law"}},
		Dimensions:     param.NewOpt[int64](64),
		EncodingFormat: openai.EmbeddingNewParamsEncodingFormatFloat,
	}
	floats, err := c.Embeddings.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if len(floats.Data) != 3 || len(floats.Data[2].Embedding) != 64 || floats.Usage.PromptTokens != 6 {
		t.Fatalf("got %d vectors, usage %v", len(floats.Data), floats.Usage)
	}
	dot := func(a, b []float64) (sum float64) {
		for i := range a {
			sum += a[i] * b[i]
		}
		return sum
	}
	v := floats.Data
	if length := dot(v[0].Embedding, v[0].Embedding); math.Abs(length-1) > 1e-5 {
		t.Errorf("got length %v, want 1", length)
	}
	if near, far := dot(v[0].Embedding, v[1].Embedding), dot(v[0].Embedding, v[2].Embedding); near <= far {
		t.Errorf("got %v for texts that share a word, %v for those that share none", near, far)
	}

	params.EncodingFormat = openai.EmbeddingNewParamsEncodingFormatBase64
	encoded, err := c.Embeddings.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Data []struct{ Embedding string } }
	if err := json.Unmarshal([]byte(encoded.RawJSON()), &list); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(list.Data[1].Embedding)
	if err != nil || len(raw) != 4*64 {
		t.Fatalf("got %d bytes, %v", len(raw), err)
	}
	if got := math.Float32frombits(binary.LittleEndian.Uint32(raw)); math.Abs(float64(got)-v[1].Embedding[0]) > 1e-6 {
		t.Errorf("got %v first, want %v", got, v[1].Embedding[0])
	}

	params.Input = openai.EmbeddingNewParamsInputUnion{OfArrayOfTokenArrays: [][]int64{{1, 2}, {3}}}
	tokens, err := c.Embeddings.New(t.Context(), params)
	if err != nil || len(tokens.Data) != 2 || tokens.Usage.PromptTokens != 3 {
		t.Errorf("got %v, %v", tokens, err)
	}
}

func TestSDKModerations(t *testing.T) {
	c := sdk(t, start(t))
	got, err := c.Moderations.New(t.Context(), openai.ModerationNewParams{
		Input: openai.ModerationNewParamsInputUnion{OfStringArray: []string{"good morning", "I will kill you"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Results) != 2 || got.Results[0].Flagged || !got.Results[1].Flagged || !got.Results[1].Categories.Violence ||
		got.Results[1].CategoryScores.Violence != 0.99 {
		t.Errorf("got %s", got.RawJSON())
	}
}

func TestSDKImages(t *testing.T) {
	c := sdk(t, start(t))
	got, err := c.Images.Generate(t.Context(), openai.ImageGenerateParams{
		Model: "fake-small", Prompt: "a red house", N: param.NewOpt[int64](2),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Data) != 2 || got.Data[0].B64JSON == got.Data[1].B64JSON || got.Usage.InputTokens != 3 {
		t.Fatalf("got %s", got.RawJSON())
	}
	checkPNG(t, got.Data[0].B64JSON)

	edited, err := c.Images.Edit(t.Context(), openai.ImageEditParams{
		Model: "fake-small", Prompt: "now a blue one",
		Image: openai.ImageEditParamsImageUnion{OfFileArray: []io.Reader{
			openai.File(strings.NewReader("first"), "a.png", "image/png"), openai.File(strings.NewReader("second"), "b.png", "image/png"),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if edited.Usage.InputTokensDetails.ImageTokens != 32 || edited.Usage.InputTokens != 36 {
		t.Errorf("got usage %v", edited.Usage)
	}
	checkPNG(t, edited.Data[0].B64JSON)

	//nolint:staticcheck // retired by OpenAI, and still an operation of the gateway
	varied, err := c.Images.NewVariation(t.Context(), openai.ImageNewVariationParams{
		Model: "fake-small", Image: openai.File(strings.NewReader("first"), "a.png", "image/png"),
		ResponseFormat: openai.ImageNewVariationParamsResponseFormatURL,
	})
	if err != nil || !strings.HasSuffix(varied.Data[0].URL, ".png") {
		t.Errorf("got %v, %v", varied, err)
	}

	stream := c.Images.GenerateStreaming(t.Context(), openai.ImageGenerateParams{
		Model: "fake-small", Prompt: "a red house", PartialImages: param.NewOpt[int64](2),
	})
	var types []string
	for stream.Next() {
		types = append(types, stream.Current().Type)
		checkPNG(t, stream.Current().B64JSON)
	}
	want := []string{"image_generation.partial_image", "image_generation.partial_image", "image_generation.completed"}
	if diff := cmp.Diff(want, types); diff != "" || stream.Err() != nil {
		t.Error(diff, stream.Err())
	}
}

func checkPNG(t *testing.T, text string) {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(raw)); err != nil {
		t.Error(err)
	}
}

func TestSDKAudio(t *testing.T) {
	c := sdk(t, start(t))
	resp, err := c.Audio.Speech.New(t.Context(), openai.AudioSpeechNewParams{
		Model: "fake-small", Input: "two words", Voice: openai.AudioSpeechNewParamsVoiceUnion{OfString: param.NewOpt("alloy")},
		ResponseFormat: openai.AudioSpeechNewParamsResponseFormatWAV,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	sound, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.HasPrefix(sound, []byte("RIFF")) || resp.Header.Get("Content-Type") != "audio/wav" {
		t.Errorf("got %d bytes of %s, %v", len(sound), resp.Header.Get("Content-Type"), err)
	}

	file := func() io.Reader { return openai.File(bytes.NewReader(sound), "speech.wav", "audio/wav") }
	heard, err := c.Audio.Transcriptions.New(t.Context(), openai.AudioTranscriptionNewParams{
		Model: "fake-small", File: file(), Temperature: param.NewOpt(0.5), Include: []openai.TranscriptionInclude{"logprobs"},
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = "I heard 1964 bytes of “speech.wav”."
	if heard.Text != want || heard.Usage.InputTokens != 16 || heard.Usage.OutputTokens != 6 {
		t.Errorf("got %s", heard.RawJSON())
	}
	//nolint:staticcheck // retired by OpenAI, and still an operation of the gateway
	translated, err := c.Audio.Translations.New(t.Context(), openai.AudioTranslationNewParams{Model: "fake-small", File: file()})
	if err != nil || translated.Text != want {
		t.Errorf("got %v, %v", translated, err)
	}
	stream := c.Audio.Transcriptions.NewStreaming(t.Context(), openai.AudioTranscriptionNewParams{Model: "fake-small", File: file()})
	var text strings.Builder
	for stream.Next() {
		text.WriteString(stream.Current().Delta)
	}
	if stream.Err() != nil || text.String() != want {
		t.Errorf("got %q, %v", text.String(), stream.Err())
	}
}

func TestSDKResponses(t *testing.T) {
	c := sdk(t, start(t))
	params := responses.ResponseNewParams{
		Model: "fake-small", Instructions: param.NewOpt("be brief"),
		Input: responses.ResponseNewParamsInputUnion{OfString: param.NewOpt("hello there")},
	}
	whole, err := c.Responses.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if whole.OutputText() != helloText || whole.Status != "completed" || whole.Usage.InputTokens != 6 || whole.Usage.OutputTokens != 14 {
		t.Errorf("got %s", whole.RawJSON())
	}
	stream := c.Responses.NewStreaming(t.Context(), params)
	var text strings.Builder
	last := responses.ResponseStreamEventUnion{}
	for n := int64(0); stream.Next(); n++ {
		last = stream.Current()
		if last.SequenceNumber != n {
			t.Errorf("got sequence number %d, want %d", last.SequenceNumber, n)
		}
		if last.Type == "response.output_text.delta" {
			text.WriteString(last.Delta)
		}
	}
	if err := stream.Err(); err != nil || text.String() != helloText || last.Type != "response.completed" || last.Response.OutputText() != helloText {
		t.Errorf("got %q, last %s, %v", text.String(), last.Type, err)
	}

	params.Tools = []responses.ToolUnionParam{{OfFunction: &responses.FunctionToolParam{
		Name: "weather", Parameters: map[string]any{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}},
	}}}
	called, err := c.Responses.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if item := called.Output[0]; item.Type != "function_call" || item.Name != "weather" || item.Arguments.OfString != `{"city":"hello there"}` {
		t.Errorf("got %s", called.RawJSON())
	}
	stream = c.Responses.NewStreaming(t.Context(), params)
	arguments, done := "", ""
	for stream.Next() {
		switch ev := stream.Current(); ev.Type {
		case "response.function_call_arguments.delta":
			arguments += ev.Delta
		case "response.function_call_arguments.done":
			done = ev.Arguments
		}
	}
	if stream.Err() != nil || arguments != done || done != `{"city":"hello there"}` {
		t.Errorf("got %q, %q, %v", arguments, done, stream.Err())
	}
}
