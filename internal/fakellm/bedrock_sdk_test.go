package fakellm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	anthropicbedrock "github.com/anthropics/anthropic-sdk-go/bedrock"
	"github.com/anthropics/anthropic-sdk-go/option"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"llmroute/internal/fakellm"
	"llmroute/internal/fakellm/fakellmtest"
)

const (
	accessKey = "AKIDEXAMPLE"
	secretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

// startAWS starts a provider that verifies signatures.
func startAWS(t *testing.T) *fakellmtest.Provider {
	t.Helper()
	return fakellmtest.Start(t, 8, fakellm.Options{Delay: -1, Secrets: map[string]string{accessKey: secretKey}})
}

// bedrockSDK returns AWS's own client.
func bedrockSDK(t *testing.T, p *fakellmtest.Provider, secret string) *bedrockruntime.Client {
	t.Helper()
	return bedrockruntime.New(bedrockruntime.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(p.URL), HTTPClient: plainBodies{client(t)}, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secret, ""),
	})
}

// plainBodies sends requests whose bodies can only be read.
//
// AWS's client closes a body as soon as the answer begins. One that can also write
// itself then fails net/http's last look for more of it, which closes the
// connection under the answer: now and then, where answers begin within
// microseconds, and seen where they go on for longer.
type plainBodies struct{ next *http.Client }

func (p plainBodies) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return p.next.Do(r)
}

func helloConverse(model string) *bedrockruntime.ConverseInput {
	return &bedrockruntime.ConverseInput{ModelId: &model, Messages: []types.Message{userSays("hello there")}}
}

func userSays(text string) types.Message {
	return types.Message{Role: types.ConversationRoleUser, Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: text}}}
}

// conversed is what an answer says, however it came.
type conversed struct {
	Blocks []string
	Reason types.StopReason
	Usage  string
}

func usageText(u *types.TokenUsage) string {
	return fmt.Sprint(*u.InputTokens, *u.OutputTokens, *u.TotalTokens, *u.CacheReadInputTokens, *u.CacheWriteInputTokens)
}

// converseBoth asks plainly and as a stream, and fails when the answers differ.
func converseBoth(t *testing.T, c *bedrockruntime.Client, in *bedrockruntime.ConverseInput) (*bedrockruntime.ConverseOutput, conversed) {
	t.Helper()
	out, err := c.Converse(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	whole := conversed{Reason: out.StopReason, Usage: usageText(out.Usage)}
	for _, block := range out.Output.(*types.ConverseOutputMemberMessage).Value.Content {
		whole.Blocks = append(whole.Blocks, blockText(t, block))
	}
	stream, err := c.ConverseStream(t.Context(), &bedrockruntime.ConverseStreamInput{
		ModelId: in.ModelId, Messages: in.Messages, System: in.System, ToolConfig: in.ToolConfig, InferenceConfig: in.InferenceConfig,
		AdditionalModelRequestFields: in.AdditionalModelRequestFields,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.GetStream().Close()
	streamed := gather(stream.GetStream())
	if err := stream.GetStream().Err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(whole, streamed); diff != "" {
		t.Errorf("streamed differs:\n%s", diff)
	}
	return out, whole
}

func blockText(t *testing.T, block types.ContentBlock) string {
	t.Helper()
	switch b := block.(type) {
	case *types.ContentBlockMemberText:
		return "text " + b.Value
	case *types.ContentBlockMemberToolUse:
		var input any
		if err := b.Value.Input.UnmarshalSmithyDocument(&input); err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(input)
		if err != nil {
			t.Fatal(err)
		}
		return "call " + *b.Value.Name + string(raw)
	case *types.ContentBlockMemberReasoningContent:
		if r, ok := b.Value.(*types.ReasoningContentBlockMemberReasoningText); ok {
			return fmt.Sprint("thought ", *r.Value.Text, *r.Value.Signature != "")
		}
		return "hidden"
	}
	return fmt.Sprintf("%T", block)
}

// gather puts a stream's blocks together again.
func gather(stream *bedrockruntime.ConverseStreamEventStream) (got conversed) {
	var text, kind string
	for ev := range stream.Events() {
		switch e := ev.(type) {
		case *types.ConverseStreamOutputMemberContentBlockStart:
			if s, ok := e.Value.Start.(*types.ContentBlockStartMemberToolUse); ok {
				kind = "call " + *s.Value.Name
			}
		case *types.ConverseStreamOutputMemberContentBlockDelta:
			switch d := e.Value.Delta.(type) {
			case *types.ContentBlockDeltaMemberText:
				kind, text = "text ", text+d.Value
			case *types.ContentBlockDeltaMemberToolUse:
				text += *d.Value.Input
			case *types.ContentBlockDeltaMemberReasoningContent:
				switch r := d.Value.(type) {
				case *types.ReasoningContentBlockDeltaMemberText:
					kind, text = "thought ", text+r.Value
				case *types.ReasoningContentBlockDeltaMemberSignature:
					kind, text = "thought ", text+fmt.Sprint(r.Value != "")
				case *types.ReasoningContentBlockDeltaMemberRedactedContent:
					kind = "hidden"
				}
			}
		case *types.ConverseStreamOutputMemberContentBlockStop:
			if strings.HasPrefix(kind, "call ") && text == "" {
				text = "{}"
			}
			got.Blocks = append(got.Blocks, kind+text)
			kind, text = "", ""
		case *types.ConverseStreamOutputMemberMessageStop:
			got.Reason = e.Value.StopReason
		case *types.ConverseStreamOutputMemberMetadata:
			got.Usage = usageText(e.Value.Usage)
		}
	}
	return got
}

func TestBedrockSDK(t *testing.T) {
	p := startAWS(t)
	c := bedrockSDK(t, p, secretKey)
	for _, model := range []string{
		"fake-small", "fake-small+texts", "fake-small+split", "fake-small+split+texts", "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
		"arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456",
	} {
		_, got := converseBoth(t, c, helloConverse(model))
		name, _, _ := strings.Cut(model, "+")
		text := strings.ReplaceAll(strings.Join(got.Blocks, ""), "text ", "")
		if want := strings.Replace(helloText, "fake-small", name, 1); text != want || got.Reason != "end_turn" || got.Usage != "3 14 17 0 0" {
			t.Errorf("%s: got %v, want %s", model, got, want)
		}
		if q := p.Last(); q.Model != model || q.Key != accessKey {
			t.Errorf("got model %q, key %q", q.Model, q.Key)
		}
	}
}

func TestBedrockSDKErrors(t *testing.T) {
	p := startAWS(t)
	c := bedrockSDK(t, p, secretKey)
	tests := []struct {
		model, code string
		status      int
	}{
		{"m+429", "ThrottlingException", 429}, {"m+503", "ServiceUnavailableException", 503}, {"m+500", "InternalServerException", 500},
		{"m+403", "AccessDeniedException", 403}, {"m+404", "ResourceNotFoundException", 404}, {"m+408", "ModelTimeoutException", 408},
		{"m+424", "ModelErrorException", 424}, {"m+context", "ValidationException", 400}, {"m+quota", "ServiceQuotaExceededException", 400},
		{"missing-m", "ValidationException", 400},
	}
	for _, test := range tests {
		_, err := c.Converse(t.Context(), helloConverse(test.model))
		e, ok := errors.AsType[smithy.APIError](err)
		r, status := errors.AsType[interface {
			error
			HTTPStatusCode() int
		}](err)
		if !ok || !status || e.ErrorCode() != test.code || r.HTTPStatusCode() != test.status || e.ErrorMessage() == "" {
			t.Errorf("%s: got %v, want %s", test.model, err, test.code)
		}
	}
	if _, err := bedrockSDK(t, p, "another").Converse(t.Context(), helloConverse("m")); err == nil || !strings.Contains(err.Error(), "InvalidSignatureException") {
		t.Errorf("got %v for a wrong secret", err)
	}
	for model, want := range map[string]string{"m+errevent3": "InternalServerException", "m+flip3": "checksum"} {
		out, err := c.ConverseStream(t.Context(), &bedrockruntime.ConverseStreamInput{ModelId: &model, Messages: []types.Message{userSays("hi")}})
		if err != nil {
			t.Fatal(err)
		}
		gather(out.GetStream())
		if err := out.GetStream().Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", model, err)
		}
		_ = out.GetStream().Close()
	}
}

func converseTools() *types.ToolConfiguration {
	spec := func(name string, properties map[string]any) types.Tool {
		return &types.ToolMemberToolSpec{Value: types.ToolSpecification{Name: &name, InputSchema: &types.ToolInputSchemaMemberJson{
			Value: document.NewLazyDocument(map[string]any{"type": "object", "properties": properties})}}}
	}
	return &types.ToolConfiguration{Tools: []types.Tool{
		spec("weather", map[string]any{"city": map[string]any{"type": "string"}}), spec("clock", map[string]any{}),
	}}
}

// TestBedrockSDKThinking goes three turns with tools and thoughts.
func TestBedrockSDKThinking(t *testing.T) {
	c := bedrockSDK(t, startAWS(t), secretKey)
	for _, model := range []string{
		"fake-small", "us.anthropic.claude-opus-4-6-v1", "anthropic.claude-opus-5", "anthropic.claude-opus-5-5",
		"anthropic.claude-opus-5-5+interleave+texts", "anthropic.claude-opus-5+redacted",
	} {
		t.Run(model, func(t *testing.T) {
			in := helloConverse(model)
			in.ToolConfig = converseTools()
			in.AdditionalModelRequestFields = document.NewLazyDocument(map[string]any{"thinking": map[string]any{"type": "adaptive"}})
			in.Messages = []types.Message{userSays("clock and weather?")}
			for step, said := range []string{"now the clock alone", "enough", ""} {
				out, got := converseBoth(t, c, in)
				want := map[bool]types.StopReason{true: "tool_use", false: "end_turn"}[step < 2]
				if got.Reason != want || !strings.HasPrefix(got.Blocks[0], "thought") && got.Blocks[0] != "hidden" {
					t.Fatalf("step %d: got %v", step, got)
				}
				message := out.Output.(*types.ConverseOutputMemberMessage).Value
				answer := types.Message{Role: types.ConversationRoleUser}
				for _, block := range message.Content {
					if call, ok := block.(*types.ContentBlockMemberToolUse); ok {
						answer.Content = append(answer.Content, &types.ContentBlockMemberToolResult{Value: types.ToolResultBlock{
							ToolUseId: call.Value.ToolUseId, Content: []types.ToolResultContentBlock{&types.ToolResultContentBlockMemberText{Value: said}}}})
					}
				}
				in.Messages = append(in.Messages, message, answer)
			}
		})
	}
}

// TestBedrockInvoke drives the invocation with Anthropic's client for Bedrock.
func TestBedrockInvoke(t *testing.T) {
	p := startAWS(t)
	c := anthropic.NewClient(anthropicbedrock.WithConfig(aws.Config{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
	}), option.WithBaseURL(p.URL), option.WithHTTPClient(client(t)), option.WithMaxRetries(0))
	for _, model := range []string{"fake-small", "fake-small+split+texts", "us.anthropic.claude-opus-4-6-v1:0"} {
		params := helloClaude(model)
		params.Tools = lookUp
		params.ToolChoice = anthropic.ToolChoiceUnionParam{OfNone: &anthropic.ToolChoiceNoneParam{}}
		if got := both(t, &c, params); got.StopReason != "end_turn" || got.Usage.OutputTokens != 14 {
			t.Errorf("%s: got %s", model, got.RawJSON())
		}
		if q := p.Last(); q.Model != model || !strings.HasSuffix(q.Path, "/invoke-with-response-stream") {
			t.Errorf("got %s of %s", q.Model, q.Path)
		}
	}
	_, err := c.Messages.New(t.Context(), helloClaude("fake-small+429"))
	if e, ok := errors.AsType[*anthropic.Error](err); !ok || e.StatusCode != http.StatusTooManyRequests {
		t.Errorf("got %v", err)
	}
	for _, fault := range []string{"errevent4", "flip4"} {
		stream := c.Messages.NewStreaming(t.Context(), helloClaude("fake-small+"+fault))
		for stream.Next() {
			continue
		}
		if stream.Err() == nil {
			t.Errorf("%s: no error", fault)
		}
		_ = stream.Close()
	}
}

// TestSignatures computes the signatures that AWS's own signer made for a request
// with a model in its path.
func TestSignatures(t *testing.T) {
	p := startAWS(t)
	tests := []struct{ path, signature string }{
		{"/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse", "e4d9d969a8f1a7bb402af27f9a4aa38b45da45ee685bc84dd07f59151e033004"},
		{"/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/converse", "5c4633848f9b869ccb3dcb394a8a5d1eca23675fa38af9cd28a02ae884bc7403"},
		{"/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123def456/converse-stream", "8e21b67fba526b6491224a4633c315953bc3fab18570170ccf156e530787d31f"},
	}
	for _, test := range tests {
		for _, change := range []string{"", "body", "path"} {
			body, path := `{"messages":[{"role":"user","content":[{"text":"hi"}]}]}`, test.path
			switch change {
			case "body":
				body += " "
			case "path":
				path = strings.Replace(path, "claude", "clayde", 1)
				path = strings.Replace(path, "abc123", "abc124", 1)
			}
			req := request(t, http.MethodPost, p.URL+path, body)
			req.Host = "bedrock-runtime.us-east-1.amazonaws.com"
			req.Header.Set("X-Amz-Date", "20261120T120000Z")
			req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+accessKey+"/20261120/us-east-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature="+test.signature)
			if got := do(t, req); (got.StatusCode == http.StatusOK) != (change == "") {
				t.Errorf("%s, changed %q: got %d %s", test.path, change, got.StatusCode, got.body)
			}
		}
	}
}

// TestUnsigned sends what no signature stands on, or not enough of one.
func TestUnsigned(t *testing.T) {
	p := fakellmtest.Start(t, 1, fakellm.Options{Delay: -1, Keys: []string{"ABSK-key"}})
	const good = "AWS4-HMAC-SHA256 Credential=AKID/20261120/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature="
	digits := strings.Repeat("0", 64)
	tests := []struct {
		name, authorization, date, want string
		status                          int
	}{
		{"nothing", "", "", "MissingAuthenticationTokenException", 403},
		{"a key", "Bearer ABSK-key", "", "", 200},
		{"another key", "Bearer ABSK-other", "", "AccessDeniedException", 403},
		{"the right shape", good + digits, "20261120T120000Z", "", 200},
		{"no digits", good, "20261120T120000Z", "IncompleteSignatureException", 400},
		{"another day", good + digits, "20261121T120000Z", "InvalidSignatureException", 403},
		{"another service", strings.Replace(good, "bedrock", "s3", 1) + digits, "20261120T120000Z", "InvalidSignatureException", 403},
		{"an unsigned date", strings.Replace(good, "host;x-amz-date", "host", 1) + digits, "20261120T120000Z", "InvalidSignatureException", 403},
		{"unsorted", strings.Replace(good, "host;x-amz-date", "x-amz-date;host", 1) + digits, "20261120T120000Z", "InvalidSignatureException", 403},
	}
	for _, test := range tests {
		req := request(t, http.MethodPost, p.URL+"/model/m/converse", `{"messages":[{"role":"user","content":[{"text":"hi"}]}]}`)
		if test.authorization != "" {
			req.Header.Set("Authorization", test.authorization)
		}
		if test.date != "" {
			req.Header.Set("X-Amz-Date", test.date)
		}
		got := do(t, req)
		name, _, _ := strings.Cut(got.Header.Get("X-Amzn-Errortype"), ":")
		if got.StatusCode != test.status || name != test.want {
			t.Errorf("%s: got %d %s %s", test.name, got.StatusCode, name, got.body)
		}
	}
}
