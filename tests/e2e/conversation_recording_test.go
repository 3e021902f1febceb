package e2e

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3/option"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/tidwall/gjson"

	"llmroute/internal/fakellm"
)

// recordingHeader names the recording that the provider answers with.
const recordingHeader = "x-recording"

// recording is a case of package translator's: what a client asks, what arrives of
// it, what a server once answered, and what the client gets of that. It holds a
// server's words that the provider has none of its own for.
type recording struct {
	request []byte             // the client's body
	arrives []byte             // what arrives of it; nil where that is the same, or nothing
	warns   string             // of what does not
	refused string             // status and code of what nothing arrives of
	answer  *fakellm.Recording // nil where the provider is to answer by itself
	seen    []byte             // what the client gets
}

// recordings is the folder of package translator's cases.
const recordings = "../../translator/testdata"

// replay answers a request that names a recording with it. It is the provider's
// Replay.
func replay(q *fakellm.Request) *fakellm.Recording {
	name := q.Header.Get(recordingHeader)
	if name == "" {
		return nil
	}
	r, err := record(name)
	if err != nil {
		return &fakellm.Recording{Status: http.StatusNotImplemented, Body: []byte(err.Error())}
	}
	return r.answer
}

// mustRecord is record for a name that a table has.
func mustRecord(name string) *recording {
	r, err := record(name)
	if err != nil {
		panic(err)
	}
	return r
}

// record reads a case by its name, such as "openai_gemini/usage".
func record(name string) (*recording, error) {
	archive, err := txtar.ParseFile(filepath.Join(recordings, filepath.FromSlash(name)+".txtar"))
	if err != nil {
		return nil, err
	}
	r := &recording{}
	for _, file := range archive.Files {
		head, body, _ := bytes.Cut(file.Data, []byte("\n\n"))
		// A file ends in a newline, which only of a stream is a part of the body.
		whole := bytes.TrimSuffix(body, []byte("\n"))
		switch file.Name {
		case "request.in":
			r.request = whole
		case "request.out":
			r.readArriving(string(head), whole)
		case "reply.in":
			if r.answer, err = readAnswer(string(head), body); err != nil {
				return nil, err
			}
		case "reply.out":
			if r.seen = body; !bytes.HasSuffix(body, []byte("\n\n")) {
				r.seen = whole
			}
		}
	}
	return r, nil
}

// readArriving reads what becomes of the request: a line for each warning before
// what arrives, or that it is refused.
func (r *recording) readArriving(head string, body []byte) {
	if status, ok := strings.CutPrefix(head, "refused: "); ok {
		status, rest, _ := strings.Cut(status, "\n")
		_, code, _ := strings.Cut(rest, "\ncode: ")
		code, _, _ = strings.Cut(code, "\n")
		r.refused = status + " " + code
		return
	}
	if string(body) != "(as it came)" {
		r.arrives = body
	}
	var list []string
	for line := range strings.Lines(head) {
		if warning, ok := strings.CutPrefix(strings.TrimSpace(line), "warning: "); ok {
			list = append(list, warning)
		}
	}
	r.warns = strings.Join(list, ", ")
}

func readAnswer(head string, body []byte) (*fakellm.Recording, error) {
	status, fields, _ := strings.Cut(head, "\n")
	answer := &fakellm.Recording{Header: http.Header{}, Body: body}
	for line := range strings.Lines(fields) {
		field, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		answer.Header.Set(field, value)
	}
	if answer.Header.Get("Content-Type") != "text/event-stream" {
		answer.Body = bytes.TrimSuffix(body, []byte("\n"))
	}
	var err error
	answer.Status, err = strconv.Atoi(status)
	return answer, err
}

// recorded reports whether the request is a recording's, too.
func (c *conversation) recorded() bool { return c.recording != "" && c.body == "" }

// record returns the conversation's recording, or nil.
func (c *conversation) record() *recording {
	if c.recording == "" {
		return nil
	}
	return mustRecord(c.recording)
}

// written is a conversation whose request is a recording's, and whose answer is
// the provider's own: what it says when nothing is asked of it, or saw.
func written(name, recording, home, saw string) conversation {
	r := mustRecord(recording)
	switch {
	case saw != "":
	case r.refused != "":
		saw = r.refused
	default:
		saw = echoOf(gjson.GetBytes(r.request, "model").Str, "Hello?")
	}
	return conversation{name: name, recording: recording, only: []string{home}, saw: saw}
}

// played is a conversation that is a recording's from its beginning to its end.
func played(name, recording, home, saw string) conversation {
	return conversation{name: name, recording: recording, only: []string{home}, saw: saw}
}

// overhear keeps an answer's body as it comes, all of it: clients stop reading at
// an error, and what stands behind it counts too.
func (s *view) overhear(r *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	resp, err := next(r)
	if err != nil {
		return resp, err
	}
	defer resp.Body.Close()
	s.wire, err = io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(s.wire))
	return resp, err
}

// checkRecorded compares what arrived, and what the client got of the answer, with
// what the recording says, byte for byte.
func (c *conversation) checkRecorded(t *testing.T, s *view, q *fakellm.Request, stream bool) {
	t.Helper()
	r := c.record()
	if asked := gjson.GetBytes(r.request, "stream").Bool(); asked == stream && r.arrives != nil && !bytes.Equal(q.Body, r.arrives) {
		t.Errorf("arrived is\n%s\nwant\n%s", q.Body, r.arrives)
	}
	if r.seen != nil && !bytes.Equal(s.wire, r.seen) {
		t.Errorf("the client got\n%s\nwant\n%s", s.wire, r.seen)
	}
}

// checkBooked looks at what the gateway has counted of an exchange.
func (p *parlour) checkBooked(t *testing.T, c *conversation, s *view) {
	t.Helper()
	if c.booked == "" {
		return
	}
	line := p.logLine(t, s.header.Get("x-llmroute-request-id"))
	number := func(name string) int64 {
		n, _ := line[name].(float64)
		return int64(n)
	}
	got := fmt.Sprintf("%v %v: %d (%d cached) + %d (%d reasoning) = %d", line["outcome"], cmp.Or(line["error_type"], line["finish_reason"]),
		number("input_tokens"), number("cached_tokens"), number("output_tokens"), number("reasoning_tokens"), number("total_tokens"))
	if got != c.booked {
		t.Errorf("booked as %s, want %s", got, c.booked)
	}
}
