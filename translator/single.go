package translator

import (
	"net/http"

	"llmroute/translator/chat"
)

// task is a request of a small subject, and its reply: a call in the words of one
// vendor and what became of it. It is for one goroutine, and one attempt.
type task interface {
	// Request reads body, a well-formed JSON object in OpenAI's words, and appends
	// the vendor's call to out. It returns a *Refusal for what cannot be asked.
	Request(out *chat.Outgoing, t *chat.Trip, body []byte) error
	// Headers are the names of the reply's headers that Reply reads.
	Headers() []string
	// Reply appends to dst, in OpenAI's words, what a vendor has answered with
	// success. A reply that cannot be read leaves dst as it was.
	Reply(dst []byte, t *chat.Trip, h chat.Headers, body []byte) ([]byte, chat.Told, *chat.Error)
}

// single is the Exchange of a task: embeddings or reranking, which are answered
// in one piece.
type single struct {
	client  chat.Client
	backend *Backend
	task    task

	trip   chat.Trip
	status int
	mode   Mode
	packed packing
	head   kept
	waits  bool // a header of the reply tells when to come again
	tally  Tally
}

func (x *single) Request(out *Edit, in *Call) error {
	x.trip.Header, x.trip.Options = in.Header, x.backend.options(in)
	to := chat.Outgoing{Body: out.Body}
	if err := x.task.Request(&to, &x.trip, in.Body); err != nil {
		return err
	}
	out.add(&to, &x.trip)
	return nil
}

// Head keeps of the reply's headers what its body will be read with.
func (x *single) Head(out *Edit, status int, h Headers) error {
	x.status, x.mode = status, Whole
	if status == http.StatusNoContent || status == http.StatusNotModified {
		x.mode = Keep
	}
	if out.Mode = x.mode; x.mode == Keep {
		return nil
	}
	if x.packed = packingOf(h); x.packed != plain {
		out.Remove = append(out.Remove, contentEncoding)
	}
	x.waits = out.translate(backends[x.backend.Schema], h)
	x.head = kept{from: h, values: make(map[string]string)}
	if status >= 400 {
		x.fault(nil)
		if !x.backend.ClientCredential && h.Get(authenticate) != "" {
			out.Remove = append(out.Remove, authenticate)
		}
	} else {
		for _, name := range x.task.Headers() {
			x.head.Get(name)
		}
	}
	x.head.from = nil
	out.Set = append(out.Set, Header{contentType, "application/json"})
	return nil
}

func (x *single) Body(dst, chunk []byte, _ bool) (out []byte, same bool, err error) {
	if x.mode == Keep {
		return dst, true, nil
	}
	chunk = x.packed.unpack(chunk)
	if x.status >= 400 {
		return x.refuse(dst, x.backend.attributed(x.fault(chunk))), false, nil
	}
	out, told, broken := x.task.Reply(dst, &x.trip, &x.head, chunk)
	x.tally.Model, x.tally.Usage, x.tally.Done = told.Model, Usage(told.Usage), true
	if broken != nil {
		return x.refuse(out, broken), false, nil
	}
	return out, false, nil
}

// refuse appends the error that the reply is, or turned out to be.
func (x *single) refuse(dst []byte, err *chat.Error) []byte {
	x.tally.refuse(err)
	if x.waits {
		x.tally.RetryAfter = 0
	}
	return x.client.WriteError(dst, err)
}

// fault reads an error reply, where the vendor has a dialect of chat as that says.
func (x *single) fault(body []byte) *chat.Error {
	if home, ok := backends[x.backend.Schema]; ok {
		return home.ReadError(&x.trip, x.status, &x.head, body)
	}
	return readFault(x.status, &x.head, body)
}

func (x *single) Tally() Tally { return x.tally }
