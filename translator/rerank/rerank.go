// Package rerank asks servers for the order of documents by how well they answer
// a query. Clients speak one schema, that of Cohere's API, which Jina, vLLM and
// others have copied with small differences; each server is a Server value.
//
// The answer has one shape too, which clients of Cohere read as well as those of
// Jina. It is sorted and cut here, and documents are shown as the client sent
// them: there are servers that do neither, and none that all can be asked to.
// Scores are passed on as they are: those of two models cannot be compared, nor
// brought to one scale.
package rerank

import (
	"fmt"
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
	"llmroute/translator/tokens"
)

// Server is an API that reranks: a row of MATRIX.md. Its value is shared and
// read-only.
type Server struct {
	Name string // as in an error's "provider"
	// Most is how many documents one call takes; 0 leaves that to the server.
	Most int
	// Uncounted says that the server does not tell how many tokens a call takes.
	// They are estimated then, with a warning.
	Uncounted bool
	// Takes are the fields beside query and documents that it is sent.
	Takes []string

	path  func(o *chat.Options) (string, error)
	write func(dst []byte, r *request) []byte
	// native reports whether the server takes this document, an object, as it is;
	// nil says that it takes none.
	native func(raw.Value) bool
}

// Task is one request to rerank, and its reply.
type Task struct {
	Server *Server

	top       int         // how many results the client wants
	count     int         // of documents
	estimated int64       // tokens of query and documents, where the server does not count them
	documents []raw.Value // as the client sent them, when it wants to see them again
}

// Request reads body, a well-formed JSON object, and appends the server's call to
// out. A [*chat.Refusal] says what the server cannot do.
func (k *Task) Request(out *chat.Outgoing, t *chat.Trip, body []byte) error {
	r := request{trip: t, server: k.Server}
	if err := r.readBody(body); err != nil {
		return err
	}
	if most := k.Server.Most; most > 0 && len(r.documents) > most {
		return chat.Unable(chat.UnsupportedValue, "documents", fmt.Sprintf("Invalid 'documents': %d documents, and this provider takes at most %d in one request. Send them in several requests.",
			len(r.documents), most))
	}
	var err error
	if out.Path, err = k.Server.path(&t.Options); err != nil {
		return err
	}
	out.Set = append(out.Set, chat.Header{Name: "content-type", Value: "application/json"})
	out.Body = k.Server.write(out.Body, &r)
	if r.err != nil {
		return r.err
	}
	k.top, k.count = r.top, len(r.documents)
	if k.Server.Uncounted {
		k.estimated = int64(tokens.For("", t.Options.Model).Request(body))
		t.Warn("usage", "estimated")
	}
	if r.shown {
		// The body is gone when the reply comes.
		k.documents = make([]raw.Value, len(r.documents))
		kept := append(make([]byte, 0, len(r.list)), r.list...)
		i := 0
		for e := raw.Value(kept).Elements(); e.Next(); i++ {
			k.documents[i] = e.Value()
		}
	}
	return nil
}

// usual is the path that most servers have.
func usual(o *chat.Options) (string, error) { return o.Prefix + "/rerank", nil }

// appendTop appends how many results are wanted, behind key.
func (r *request) appendTop(dst []byte, key string) []byte {
	return strconv.AppendInt(append(dst, key...), int64(r.top), 10)
}
