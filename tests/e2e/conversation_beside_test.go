package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/tidwall/gjson"
)

// task is a request that is no chat, and what is to come of it at both ends.
type task struct {
	name      string
	homes     []string
	path      string // behind the version
	body      string
	recording string // with which the provider answers, as a conversation's
	saw       string // as tasked spells it
	warns     string
	at        string   // the end of the path where it arrives
	arrives   []string // as conversation.arrives has it
}

const (
	vectors = "embeddings"
	ranks   = "rerank"

	titan2     = `"model":"amazon.titan-embed-text-v2:0"`
	fruit      = `"model":"cohere.rerank-v3-5:0","query":"red apples","documents":["blue sky","red apples","apples"],`
	redFirst   = "1 red apples, 2 apples, 0 blue sky"
	agentModel = "arn:aws:bedrock:us-west-2::foundation-model/amazon.rerank-v1:0"
)

// sheetTasks are what the facts about the vendors call for beside chats, by their
// numbers there. More texts than a vendor takes at once are refused, not sent in
// pieces: that was decided for all vendors together.
var sheetTasks = []task{
	{name: "bedrock 18: Titan, of a size, packed", homes: []string{converse}, path: vectors, body: `{` + titan2 + `,"input":"one two","dimensions":256,"encoding_format":"base64"}`,
		saw: "1 × 256 packed, 2 tokens", at: "/invoke", arrives: []string{`inputText "one two"`, "dimensions 256"}},
	{name: "bedrock 18: Titan, two texts", homes: []string{converse}, path: vectors, body: `{` + titan2 + `,"input":["one","two"]}`, saw: "422 unsupported_value"},
	{name: "bedrock 18: Cohere's list, counted in a header", homes: []string{converse}, path: vectors, body: `{"model":"cohere.embed-english-v3","input":["one two","three"]}`,
		saw: "2 × 16, 3 tokens", arrives: []string{`texts ["one two","three"]`, `input_type "search_document"`}},
	{name: "bedrock 18: Cohere's object, counted in a header", homes: []string{converse}, path: vectors, body: `{"model":"us.cohere.embed-v4:0","input":["one two","three"],"dimensions":256}`,
		saw: "2 × 256, 3 tokens", arrives: []string{"output_dimension 256"}},
	{name: "bedrock 18: a ranking by a model that is invoked", homes: []string{converse}, path: ranks, body: `{` + fruit + `"top_n":1}`, saw: "1", at: "/invoke", warns: "usage;estimated"},
	{name: "bedrock 18: a ranking by the API for it", homes: []string{agent}, path: ranks, body: strings.Replace(`{`+fruit+`"top_n":1}`, "cohere.rerank-v3-5:0", agentModel, 1), saw: "1", at: "/rerank", warns: "usage;estimated"},

	{name: "gemini 20: three texts, in a batch", homes: []string{studio}, path: vectors, body: `{"model":"gemini-embedding-2","input":["one two","three","four"],"dimensions":256}`,
		saw: "3 × 256, 4 tokens", at: ":batchEmbedContents"},
	{name: "gemini 20: three texts, packed", homes: []string{studio}, path: vectors, body: `{"model":"gemini-embedding-2","input":["one two","three","four"],"dimensions":256,"encoding_format":"base64"}`,
		saw: "3 × 256 packed, 4 tokens", at: ":batchEmbedContents"},
	{name: "gemini 20: a text, predicted", homes: []string{vertex}, path: vectors, body: `{"model":"gemini-embedding-001","input":"one two","dimensions":256}`, saw: "1 × 256, 2 tokens", at: ":predict"},
	{name: "gemini 20: three texts, predicted", homes: []string{vertex}, path: vectors, body: `{"model":"text-embedding-005","input":["one two","three","four"],"dimensions":256}`, saw: "3 × 256, 4 tokens", at: ":predict"},
	{name: "gemini 20: three texts where one is taken", homes: []string{vertex}, path: vectors, body: `{"model":"gemini-embedding-001","input":["a","b","c"]}`, saw: "422 unsupported_value"},
	{name: "gemini 20: a text, as a content", homes: []string{vertex}, path: vectors, body: `{"model":"gemini-embedding-2","input":"one two","dimensions":256}`, saw: "1 × 256, 2 tokens", at: ":embedContent"},
	{name: "gemini 20: three texts where one content is one vector", homes: []string{vertex}, path: vectors, body: `{"model":"gemini-embedding-2","input":["a","b","c"]}`, saw: "422 unsupported_value"},

	{name: "cohere 11: texts, of a size, packed", homes: []string{cohere}, path: vectors, body: `{"model":"embed-v4.0","input":["one two","three"],"dimensions":512,"encoding_format":"base64"}`,
		saw: "2 × 512 packed, 3 tokens", arrives: []string{`input_type "search_document"`, "output_dimension 512", `truncate "NONE"`}},
	{name: "cohere 11: one text too many", homes: []string{cohere}, path: vectors, body: `{"model":"embed-v4.0","input":["x"` + strings.Repeat(`,"x"`, 96) + `]}`, saw: "422 unsupported_value"},
	{name: "cohere 12: one request, six providers", homes: []string{cohere, jina, voyage, vllm, tei, converse}, path: ranks, body: `{` + fruit + `"return_documents":true}`, saw: redFirst},
	{name: "cohere 12: the best alone", homes: []string{cohere, jina, voyage, vllm, tei, converse}, path: ranks, body: `{` + fruit + `"top_n":1,"return_documents":true}`, saw: "1 red apples"},
	{name: "cohere 13: documents that are objects", homes: []string{cohere}, path: ranks, body: `{"model":"m","query":"q","documents":[{"text":"q"},{"title":"a","body":"b"}]}`,
		saw: "0, 1", warns: "documents;as_yaml, usage;estimated", arrives: []string{`documents ["q","title: a\nbody: b\n"]`}},
	{name: "cohere 13: a document that is a picture", homes: []string{cohere}, path: ranks, body: `{"model":"m","query":"q","documents":[{"image":"data:image/png;base64,iVBORw0KGgo="}]}`, saw: "422 unsupported_value"},
	{name: "cohere 14: an answer in no order", homes: []string{jina}, path: ranks, recording: "rerank_servers/jina", body: `{"model":"m","query":"q","documents":["one","two","three"]}`, saw: "2, 0"},
	{name: "cohere 14: a document in two places", homes: []string{vllm}, path: ranks, recording: "rerank_servers/twice", body: `{"model":"m","query":"q","documents":["one","two"]}`, saw: "502 upstream_malformed_reply"},
}

// What the sheets call for beside chats, by OpenAI's client.
func TestSheetsBesideChats(t *testing.T) {
	t.Parallel()
	p := openParlour(t)
	for _, one := range sheetTasks {
		for _, home := range one.homes {
			t.Run(one.name+"/"+home, func(t *testing.T) { p.do(t, &one, home) })
		}
	}
	t.Run("openai 15: 2048 texts, packed, by the client for Python", p.manyTexts)
	t.Run("openai 16: a file of 24 MiB, and the model behind it", p.largeFile)
	t.Run("openai 18: a response that fails late", p.failedResponse)
}

// do has one task done and looks at both ends.
func (p *parlour) do(t *testing.T, one *task, home string) {
	t.Helper()
	provider := p.providers[home]
	provider.Reset()
	var answer []byte
	var head *http.Response
	options := []option.RequestOption{option.WithHeader("x-home", home), option.WithResponseInto(&head), option.WithRequestBody("application/json", []byte(one.body))}
	if one.recording != "" {
		options = append(options, option.WithHeader(recordingHeader, one.recording))
	}
	err := p.client.Post(t.Context(), one.path, nil, &answer, options...)
	if got := tasked(answer, err); got != one.saw {
		t.Errorf("the client saw %s, want %s: %s %v", got, one.saw, answer, err)
	}
	if err == nil || one.recording != "" {
		if got := head.Header.Get("x-llmroute-warnings"); one.warns != "" && got != one.warns {
			t.Errorf("warnings %q, want %q", got, one.warns)
		}
	}
	q := provider.Last()
	if strings.HasPrefix(one.saw, "422 ") {
		if q != nil {
			t.Errorf("the provider received %s", q.Body)
		}
		return
	}
	if q == nil {
		t.Fatal("the provider received nothing")
	}
	if !strings.HasSuffix(q.Path, one.at) || q.Key != "sk-backend" {
		t.Errorf("the provider received %s with the key %q, want …%s", q.Path, q.Key, one.at)
	}
	for _, line := range one.arrives {
		at, want, _ := strings.Cut(line, " ")
		if got := gjson.GetBytes(q.Body, at).Raw; got != want {
			t.Errorf("%s arrived as %s, want %s\nin %s", at, got, want, q.Body)
		}
	}
}

// tasked spells an answer: how many vectors of which length, and the tokens; or
// the documents' places in the order of their ranks, with their texts if they came
// along; or status and code.
func tasked(answer []byte, err error) string {
	if err != nil {
		return errorSeen(err)
	}
	if list := gjson.GetBytes(answer, "data").Array(); len(list) > 0 {
		size, packed := len(list[0].Get("embedding").Array()), ""
		if text := list[0].Get("embedding"); text.Type == gjson.String {
			b, _ := base64.StdEncoding.DecodeString(text.Str)
			size, packed = len(b)/4, " packed"
		}
		for i, one := range list {
			if one.Get("index").Int() != int64(i) {
				return "out of order"
			}
		}
		return fmt.Sprintf("%d × %d%s, %d tokens", len(list), size, packed, gjson.GetBytes(answer, "usage.prompt_tokens").Int())
	}
	var order []string
	for _, one := range gjson.GetBytes(answer, "results").Array() {
		if !one.Get("relevance_score").Exists() {
			return "without a score"
		}
		order = append(order, strings.TrimSpace(one.Get("index").Raw+" "+one.Get("document.text").Str))
	}
	if !gjson.GetBytes(answer, "usage.total_tokens").Exists() || !gjson.GetBytes(answer, "model").Exists() {
		return "without usage or model"
	}
	return strings.Join(order, ", ")
}

// manyTexts has the client for Python embed as many texts as OpenAI takes. It asks
// for base64 by itself; the answer it gets is the provider's, byte for byte.
func (p *parlour) manyTexts(t *testing.T) {
	provider := p.providers["OpenAI"]
	provider.Reset()
	var got struct {
		Vectors int       `json:"vectors"`
		Ordered bool      `json:"ordered"`
		Last    []float64 `json:"last"`
		Tokens  int       `json:"tokens"`
		Sum     string    `json:"sum"`
	}
	runClient(t, []string{"python3", "clients/embeddings.py", p.URL + "/v1"}, 2048, &got)
	q := provider.Last()
	if q == nil || gjson.GetBytes(q.Body, "encoding_format").Str != "base64" || gjson.GetBytes(q.Body, "input.#").Int() != 2048 {
		t.Fatalf("the provider received %.200s", q.Body)
	}
	direct := (&gateway{URL: provider.URL}).post(t, "/v1/embeddings", string(q.Body), "authorization", "Bearer sk-backend")
	sum := sha256.Sum256([]byte(direct.Body))
	if got.Vectors != 2048 || !got.Ordered || len(got.Last) == 0 || got.Sum != hex.EncodeToString(sum[:]) {
		t.Errorf("the client saw %d vectors of %d numbers, in order %v, with other bytes than the %d sent", got.Vectors, len(got.Last), got.Ordered, len(direct.Body))
	}
	if want := int(gjson.Get(direct.Body, "usage.prompt_tokens").Int()); got.Tokens != want || want == 0 {
		t.Errorf("the client counts %d tokens, want %d", got.Tokens, want)
	}
}

// largeFile sends a recording to be written down. The client puts the model behind
// the file; all arrives as it was sent.
func (p *parlour) largeFile(t *testing.T) {
	provider := p.providers["OpenAI"]
	provider.Reset()
	var sent []byte
	var kind string
	heard, err := p.client.Audio.Transcriptions.New(t.Context(), openai.AudioTranscriptionNewParams{
		Model: "whisper-1", File: openai.File(bytes.NewReader(bytes.Repeat([]byte{0, '\r', '\n', '-', '-', 0xff, 7, 1}, 3<<20)), "a.wav", "audio/wav"),
	}, option.WithHeader("x-home", "OpenAI"), option.WithMiddleware(func(r *http.Request, next option.MiddlewareNext) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		sent, kind = body, r.Header.Get("Content-Type")
		r.Body = io.NopCloser(bytes.NewReader(body))
		return next(r)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(heard.Text, "I heard 25165824 bytes") {
		t.Errorf("the client saw %q", heard.Text)
	}
	q := provider.Last()
	if q.Model != "whisper-1" || !bytes.Equal(q.Body, sent) || q.Header.Get("Content-Type") != kind {
		t.Errorf("of %d bytes of %s arrived %d of %s", len(sent), kind, len(q.Body), q.Header.Get("Content-Type"))
	}
	if bytes.LastIndex(sent, []byte(`name="model"`)) < 24<<20 {
		t.Error("the client sent the model before the file")
	}
	provider.Reset() // it is large
}

// failedResponse has a response told of that fails at its end. It passes byte for
// byte, and is booked as one failure, with what it has cost.
func (p *parlour) failedResponse(t *testing.T) {
	const name = "openai_openai/responses_stream_failed_late"
	s := &view{}
	var head *http.Response
	stream := p.client.Responses.NewStreaming(t.Context(), responses.ResponseNewParams{}, option.WithRequestBody("application/json", mustRecord(name).request), option.WithResponseInto(&head),
		option.WithHeader("x-home", "OpenAI"), option.WithHeader(recordingHeader, name), option.WithMiddleware(s.overhear))
	events := 0
	for stream.Next() {
		events++
	}
	if err := stream.Err(); err == nil || events != 8 {
		t.Errorf("after %d events %v", events, err)
	}
	if want := mustRecord(name).answer.Body; !bytes.Equal(s.wire, want) {
		t.Errorf("the client got\n%s\nwant\n%s", s.wire, want)
	}
	s.header = head.Header
	p.checkBooked(t, &conversation{booked: "complete server_error: 30 (20 cached) + 12 (9 reasoning) = 42"}, s)
	id := head.Header.Get("x-llmroute-request-id")
	if n := strings.Count(p.Sidecar.log.String(), `"request_id":"`+id+`","operation"`); n != 1 {
		t.Errorf("%d lines of one exchange", n)
	}
}
