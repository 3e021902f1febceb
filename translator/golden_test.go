package translator

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"llmroute/translator/chat"
)

var update = flag.Bool("update", false, "rewrite what the cases in testdata expect")

// A goldenCase is one file of testdata: a request, what the backend gets, its
// reply, what the client gets, and the tally. Heads are separated from bodies by
// a blank line. Where a body cannot end in a newline, the file's last is not
// part of it. Forms are written with LF and tested with CRLF.
type goldenCase struct {
	file    string
	archive *txtar.Archive

	op      Operation
	call    Call
	fields  Fields
	backend Backend
	status  int
	reply   headers
	body    []byte
}

type headers map[string]string

func (h headers) Get(name string) string { return h[name] }

// homes are the backends that cases are for, by folder.
var homes = map[string]Backend{
	"openai_openai":       {Schema: OpenAI, Prefix: "/v1"},
	"openai_azure":        {Schema: AzureOpenAI, Prefix: "/openai/v1"},
	"openai_anthropic":    {Schema: Anthropic, Prefix: "/v1"},
	"openai_awsanthropic": {Schema: AWSAnthropic},
	"openai_bedrock":      {Schema: AWSBedrock},
	"openai_cohere":       {Schema: Cohere, Prefix: "/v2"},
	"openai_mistral":      {Schema: Mistral, Prefix: "/mistral/v1"},
	"openai_gcpanthropic": {Schema: GCPAnthropic, Prefix: "/v1", Project: "p-1", Location: "global"},
	"openai_gemini":       {Schema: GoogleAIStudio, Prefix: "/v1beta"},
	"openai_gcpvertexai":  {Schema: GCPVertexAI, Prefix: "/v1", Project: "p-1", Location: "global"},

	// By subject and backend.
	"embed_aistudio": {Schema: GoogleAIStudio, Prefix: "/v1beta"},
	"embed_bedrock":  {Schema: AWSBedrock},
	"embed_cohere":   {Schema: Cohere, Prefix: "/v2"},
	"embed_mistral":  {Schema: Mistral, Prefix: "/mistral/v1"},
	"embed_vertex":   {Schema: GCPVertexAI, Prefix: "/v1", Project: "p-1", Location: "us-central1"},
	"rerank_bedrock": {Schema: AWSBedrock},
	"rerank_cohere":  {Schema: Cohere, Prefix: "/v2"},
	"rerank_servers": {Schema: OpenAI, Prefix: "/v1"},
}

func goldenCases(t testing.TB) []*goldenCase {
	t.Helper()
	var files []string
	for dir, home := range homes {
		if home.Schema == AWSAnthropic {
			continue // its streams are not text: TestClaudeAtBedrock has them
		}
		found, err := filepath.Glob(filepath.Join("testdata", dir, "*.txtar"))
		if err != nil || len(found) == 0 {
			t.Fatalf("cases in %s: %d files, error %v", dir, len(found), err)
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	cases := make([]*goldenCase, len(files))
	for i, file := range files {
		cases[i] = readCase(t, file)
	}
	return cases
}

func readCase(t testing.TB, file string) *goldenCase {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &goldenCase{file: file, archive: a, backend: homes[filepath.Base(filepath.Dir(file))]}
	first, h, body := message(c.section("request.in"))
	path, query, _ := strings.Cut(strings.TrimPrefix(first, "POST "), "?")
	body = bytes.TrimSuffix(body, []byte("\n"))
	if isForm(h["content-type"]) {
		body = bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))
	}
	c.op = OperationOf(path)
	if err := Scan(c.op, h["content-type"], body, &c.fields); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	c.call = Call{Path: path, Query: query, Model: c.fields.Model, Fields: &c.fields, Body: body, Header: h}
	for line := range strings.Lines(string(c.section("backend"))) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), ": "); name {
		case "prefix":
			c.backend.Prefix = value
		case "model":
			c.call.Model = value
		case "version":
			c.backend.Version = value
		case "late system":
			c.backend.LateSystem = chat.Late(value)
		case "reasoning text":
			c.backend.ReasoningText = chat.ReasoningText(value)
		case "unsupported parameters":
			c.backend.UnsupportedParameters = Unsupported(value)
		case "client credential":
			c.backend.ClientCredential = value == "yes"
		case "max tokens field":
			c.backend.MaxTokensField = value
		case "reasoning field":
			c.backend.ReasoningField = value
		case "model family":
			c.backend.ModelFamily = value
		case "rerank":
			c.backend.Rerank = value
		case "history extras":
			c.backend.StripExtras = value == "strip"
		default:
			t.Fatalf("%s: backend has no %q", file, name)
		}
	}
	if c.section("reply.in") == nil {
		return c // it is about the request alone
	}
	status, h, body := message(c.section("reply.in"))
	if c.status, err = strconv.Atoi(status); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if h["content-type"] != "text/event-stream" {
		body = bytes.TrimSuffix(body, []byte("\n"))
	}
	if h["content-type"] == awsEvents {
		body = eventStream(t, string(body)) // written one a line
	}
	c.reply, c.body = h, body
	return c
}

const awsEvents = "application/vnd.amazon.eventstream"

// message splits a message into its first line, its headers and its body.
func message(text []byte) (first string, h headers, body []byte) {
	head, body, _ := bytes.Cut(text, []byte("\n\n"))
	first, rest, _ := strings.Cut(string(head), "\n")
	h = headers{}
	for line := range strings.Lines(rest) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		h[name] = value
	}
	return first, h, body
}

func (c *goldenCase) section(name string) []byte {
	for _, f := range c.archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func (c *goldenCase) expect(t *testing.T, name, got string) {
	t.Helper()
	if !strings.HasSuffix(got, "\n") {
		got += "\n"
	}
	if !*update {
		if diff := cmp.Diff(got, string(c.section(name))); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		return
	}
	for i := range c.archive.Files {
		if c.archive.Files[i].Name == name {
			c.archive.Files[i].Data = []byte(got)
			return
		}
	}
	c.archive.Files = append(c.archive.Files, txtar.File{Name: name, Data: []byte(got)})
}

// exchange returns an Exchange that has seen the request and the reply's head.
func (c *goldenCase) exchange(t rapid.TB) (Exchange, *Edit, *Edit) {
	t.Helper()
	x, err := New(OpenAI, c.op, &c.backend)
	if err != nil {
		t.Fatal(err)
	}
	var request, head Edit
	if err := x.Request(&request, &c.call); err != nil {
		t.Fatal(err)
	}
	if err := x.Head(&head, c.status, c.reply); err != nil {
		t.Fatal(err)
	}
	return x, &request, &head
}

// play gives the reply's body to x in pieces and returns what the client gets.
func play(t rapid.TB, x Exchange, pieces ...[]byte) string {
	t.Helper()
	var client []byte
	for i, piece := range pieces {
		before := []byte("before ")
		out, same, err := x.Body(before, piece, i == len(pieces)-1)
		switch {
		case err != nil:
			t.Fatal(err)
		case !bytes.HasPrefix(out, before), same && len(out) != len(before):
			t.Fatalf("Body did not leave dst alone: %q, same %v", out, same)
		case same:
			client = append(client, piece...)
		default:
			client = append(client, out[len(before):]...)
		}
	}
	return string(client)
}

func TestGolden(t *testing.T) {
	for _, c := range goldenCases(t) {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(c.file), "testdata/"), ".txtar"), func(t *testing.T) {
			x, request, head := c.exchange(t)
			c.expect(t, "request.out", requestText(c, request))
			out := string(c.body)
			if head.Mode != Keep {
				out = play(t, x, c.body)
			}
			c.expect(t, "reply.out", fmt.Sprintf("%s\n\n%s", headText(head), out))
			c.expect(t, "tally", tallyText(x.Tally()))
			if *update {
				if err := os.WriteFile(c.file, txtar.Format(c.archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if head.Mode == Stream {
				testCuts(t, c, c.body, out)
			}
		})
	}
}

func requestText(c *goldenCase, e *Edit) string {
	path, body := e.Path, e.Body
	if path == "" {
		path = "(as it came)"
	}
	if body == nil {
		body = []byte("(as it came)")
	}
	if c.fields.Boundary != "" {
		body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	}
	head := make([]string, 1, 1+len(e.Set)+len(e.Remove)+len(e.Warn))
	head[0] = path
	for _, h := range e.Set {
		head = append(head, h.Name+": "+h.Value)
	}
	for _, name := range e.Remove {
		head = append(head, "remove: "+name)
	}
	for _, w := range e.Warn {
		head = append(head, "warning: "+w)
	}
	return fmt.Sprintf("%s\n\n%s", strings.Join(head, "\n"), body)
}

func headText(e *Edit) string {
	text := make([]string, 1, 1+len(e.Set)+len(e.Remove))
	text[0] = [...]string{Keep: "keep", Whole: "whole", Stream: "stream"}[e.Mode]
	for _, h := range e.Set {
		text = append(text, h.Name+": "+h.Value)
	}
	for _, name := range e.Remove {
		text = append(text, "remove: "+name)
	}
	return strings.Join(text, "\n")
}

func tallyText(t Tally) string {
	var b strings.Builder
	line := func(name string, value any) {
		if value != "" && value != int64(0) && value != 0 && value != false {
			fmt.Fprintf(&b, "%s: %v\n", name, value)
		}
	}
	line("model", t.Model)
	line("finish", t.Finish)
	line("error", t.Error)
	line("status", t.Status)
	line("no retry", t.NoRetry)
	line("retry after", t.RetryAfter)
	line("events", t.Events)
	line("input", t.Usage.Input)
	line("cached", t.Usage.Cached)
	line("cache write", t.Usage.CacheWrite)
	line("output", t.Usage.Output)
	line("reasoning", t.Usage.Reasoning)
	line("total", t.Usage.Total)
	line("done", t.Done)
	for _, warning := range t.Warn {
		line("warning", warning)
	}
	return b.String()
}

// testCuts replays a stream cut in two at each byte, cut into single bytes and
// at random, and in every framing that a server may choose. Nothing of that may
// show, neither to the client nor in the tally.
func testCuts(t *testing.T, c *goldenCase, body []byte, want string) {
	t.Helper()
	x, _, _ := c.exchange(t)
	play(t, x, body)
	tally := x.Tally()
	check := func(t rapid.TB, framing, want string, pieces ...[]byte) {
		t.Helper()
		x, _, _ := c.exchange(t)
		defer Release(x)
		if diff := cmp.Diff(play(t, x, pieces...), want); diff != "" {
			t.Fatalf("%s in %d pieces of which the first is %d long:\n%s", framing, len(pieces), len(pieces[0]), diff)
		}
		if diff := cmp.Diff(x.Tally(), tally); diff != "" {
			t.Fatalf("%s in %d pieces, tally:\n%s", framing, len(pieces), diff)
		}
	}
	for framing, reframe := range framings {
		if c.reply["content-type"] == awsEvents && framing != asItIs {
			continue // it is no text
		}
		body, ok := reframe(string(body))
		if !ok {
			continue
		}
		var wanted string
		if _, ok := clients[c.backend.Schema]; !ok && c.backend.Schema != AzureOpenAI {
			wanted = want // it is our own writing, whatever we read
		} else if broken := strings.Contains(want, "upstream_stream_incomplete"); broken {
			// The closing event is ours, in our own framing.
			x, _, _ := c.exchange(t)
			wanted = play(t, x, []byte(body))
		} else if wanted, _ = reframe(want); framing == tornLast && !strings.HasSuffix(want, lastEvent(string(c.body))) {
			wanted = want // the last event does not reach the client anyway
		}
		for i := 0; i <= len(body); i += step {
			check(t, framing, wanted, []byte(body[:i]), []byte(body[i:]))
		}
		check(t, framing, wanted, append(bytes.SplitAfter([]byte(body), nil), nil)...)
		rapid.Check(t, func(r *rapid.T) {
			check(r, framing, wanted, cut(r, []byte(body))...)
		})
	}
}

func lastEvent(stream string) string {
	return stream[strings.LastIndex(strings.TrimSuffix(stream, "\n\n"), "\n\n")+1:]
}

const (
	asItIs   = "LF"
	tornLast = "no last blank line"
)

// framings are the ways in which servers write the same events. One that does
// not apply to a stream is not ok.
var framings = map[string]func(string) (string, bool){
	asItIs: func(s string) (string, bool) { return s, true },
	"CRLF": func(s string) (string, bool) { return strings.ReplaceAll(s, "\n", "\r\n"), true },
	"CR":   func(s string) (string, bool) { return strings.ReplaceAll(s, "\n", "\r"), true },
	"mark": func(s string) (string, bool) { return "\xEF\xBB\xBF" + s, true },
	tornLast: func(s string) (string, bool) {
		return strings.CutSuffix(s, "\n\n")
	},
}

// cut draws a way to cut body into pieces, empty ones among them.
func cut(r *rapid.T, body []byte) [][]byte {
	var pieces [][]byte
	for len(body) > 0 {
		n := rapid.IntRange(0, min(len(body), 200)).Draw(r, "n")
		pieces = append(pieces, body[:n])
		body = body[n:]
		if len(pieces) > 10_000 {
			break
		}
	}
	return append(pieces, body)
}
