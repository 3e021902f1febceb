package chat

import (
	"strconv"

	"llmroute/translator/raw"
)

// Kind says what an event tells.
type Kind uint8

// The kinds of events. An answer is Start, then blocks (Open, any number of
// Delta and Cite, Close), then Finish and Done; Counts come in between as they
// are known. An answer that fails ends in Fail, and in nothing after it.
const (
	Start  Kind = iota // ID, Name: the reply's id and the model that answers
	Open               // a block begins. Call: ID, Name, and Sig where the call is signed
	Delta              // Text: a piece of it; Call: of its arguments, or JSON: all of them
	Cite               // ID: an address, Name: its title, for the text of this block between From and To
	Close              // the block is over. Thinking, Redacted, Text: Sig; Call: ID and Sig once more
	Replay             // JSON: the exact blocks of the whole answer, for the dialect For
	Extra              // Name: a member that only users of this vendor know, JSON: its value
	Finish             // Reason; Text: more words about it
	Counts             // Usage, so far
	Done               // the reply has ended as its protocol ends
	Fail               // Err: it has not
	Ping               // the backend is still there
)

// Event is one step of an answer. Its slices are good until the Reader is used
// again.
type Event struct {
	Kind
	What
	// Choice is which of several answers it belongs to, from 0. Start, Counts, Done
	// and Fail belong to all of them.
	Choice int
	// Block is the block's number, from 0, which no other block of any choice has.
	// The deltas of open blocks may interleave.
	Block    int
	ID, Name raw.Text
	Text     raw.Text
	Sig      raw.Text
	JSON     raw.Value
	For      string // the dialect that Sig or JSON is for
	// From and To count the code points of the block. To is 0 for all that there
	// is of it; else the block may be over already.
	From, To int
	// Undivided says that Counts do not tell Reasoning from the rest of Output.
	Undivided bool
	// Logprobs tells of a Delta of text how likely its tokens were: an array, as
	// OpenAI has it.
	Logprobs raw.Value
	Reason   Reason
	Usage    Usage
	Tier     string // Counts: the service tier that was used, "" unknown
	Err      *Error
}

// AppendToken appends an entry of [Event.Logprobs] but for its end: a token and
// the logarithm of how likely it was, a number as JSON has it. Behind it may
// stand "top_logprobs", and must stand the '}'.
func AppendToken(dst []byte, token raw.Text, chance []byte) []byte {
	dst = append(raw.AppendText(append(dst, `{"token":`...), token), `,"logprob":`...)
	dst = append(append(dst, chance...), `,"bytes":[`...)
	for i, b := range token.Append(nil) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(b), 10)
	}
	return append(dst, ']')
}

// Reason is why an answer ended, in OpenAI's words.
type Reason string

// The reasons.
const (
	Stop      Reason = "stop"
	Length    Reason = "length"
	ToolCalls Reason = "tool_calls"
	Filtered  Reason = "content_filter"
)

// Usage counts tokens as OpenAI's usage object does: Cached and CacheWrite are
// part of Input, Reasoning is part of Output. The zero value means unknown.
type Usage struct {
	Input, Cached, CacheWrite, Output, Reasoning, Total int64
}

// Told is what a reply that is no conversation has said of itself.
type Told struct {
	Model string // that answered; "" when the vendor does not say
	Usage Usage
}

// A Reader turns one reply into events. It is for one goroutine, and one reply.
type Reader interface {
	// Read appends the events of one frame of a stream: name is the frame's event
	// type, or "", and of an event stream's exception its type behind a '!'. JSON
	// that stands in a stream outside of all frames, as errors of some servers do,
	// comes as a frame without a name. The data is borrowed until the events have
	// been used.
	Read(evs []Event, name, data []byte) []Event
	// Whole appends the events of a reply that came in one piece.
	Whole(evs []Event, body []byte) []Event
	// End appends what a stream that is over still has to tell: nothing, or Fail
	// when it was cut.
	End(evs []Event) []Event
}

// A Writer tells the events of one answer in a client's words. It is for one
// goroutine, and one answer.
type Writer interface {
	// Write appends what ev means to the client. For an answer that goes out in
	// one piece, that is nothing until Done or Fail.
	Write(dst []byte, ev *Event) []byte
}
