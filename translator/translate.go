package translator

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/frame"
)

// translation is the Exchange between two dialects of chat. The request is read
// into neutral terms, judged, brought into order and written again; the reply is
// read as events, which are written as they come.
type translation struct {
	client  chat.Client
	home    chat.Backend
	backend *Backend

	trip     chat.Trip
	out      chat.Outgoing
	status   int
	mode     Mode
	waits    bool // the reply says how long to wait
	packed   packing
	framed   bool // the reply is a stream, whatever the client wants
	head     kept // of a reply that is an error
	fault    *chat.Error
	reader   chat.Reader
	writer   chat.Writer
	restorer chat.Restorer
	gzip     frame.Gzip
	sse      frame.SSE
	aws      frame.EventStream
	evs      []chat.Event
	tally    Tally
	warned   int // how many of the trip's warnings are about the request
}

func (x *translation) Request(out *Edit, in *Call) error {
	t := &x.trip
	t.Header, t.Options = in.Header, x.backend.options(in)
	if err := x.client.ReadRequest(t, in.Body); err != nil {
		return err
	}
	h := x.home.Habits(t)
	if err := t.Judge(x.home.Rules(), h); err != nil {
		return err
	}
	if len(t.Warnings) > 0 {
		h = x.home.Habits(t) // what was dropped may have stood in the way of something
	}
	if err := t.Settle(h); err != nil {
		return err
	}
	// A request hardly grows; memory that is too small is copied on the way.
	x.out = chat.Outgoing{Body: slices.Grow(out.Body, len(in.Body)+len(in.Body)/16+1<<10)}
	if err := x.home.WriteRequest(&x.out, t); err != nil {
		return err
	}
	out.add(&x.out, t)
	x.warned = len(t.Warnings)
	x.forget()
	return nil
}

// forget lets go of what the request was made of. What the reply still needs is
// small, and a stream may go on for long.
func (x *translation) forget() {
	x.out = chat.Outgoing{}
	x.trip.Forget()
}

// Head looks at how the reply begins. A stream may come although none was asked
// for, and the other way round; either is told to the client as it asked.
func (x *translation) Head(out *Edit, status int, h Headers) error {
	x.status = status
	x.reader = x.home.Reader(&x.trip, h)
	created := int64(0)
	if date := h.Get("date"); date != "" {
		if at, err := http.ParseTime(date); err == nil {
			created = at.Unix()
		}
	}
	x.writer = x.client.Writer(&x.trip, created, !x.trip.Request.Stream)
	x.restorer = chat.Restorer{Trip: &x.trip}
	x.packed = packingOf(h)
	x.mode = x.modeOf(status, h)
	out.Mode = x.mode
	if x.mode == Keep {
		return nil
	}
	if x.packed != plain {
		out.Remove = append(out.Remove, contentEncoding)
	}
	kind := "application/json"
	x.waits = out.translate(x.home, h)
	if status >= 400 {
		x.head = kept{from: h, values: make(map[string]string)}
		x.home.ReadError(&x.trip, status, &x.head, nil)
		x.head.from = nil
		if !x.backend.ClientCredential && h.Get(authenticate) != "" {
			out.Remove = append(out.Remove, authenticate)
		}
	} else if x.trip.Request.Stream {
		kind = "text/event-stream"
	}
	out.Set = append(out.Set, Header{contentType, kind})
	if x.mode == Stream {
		out.Remove = append(out.Remove, "content-length")
	}
	return nil
}

// modeOf decides by the content type, and where that tells nothing by what was
// asked for. For a client that waits for the whole answer a stream waits too: its
// status can still become that of an error.
func (x *translation) modeOf(status int, h Headers) Mode {
	kind, _, _ := strings.Cut(h.Get(contentType), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if status == http.StatusNoContent || status == http.StatusNotModified {
		return Keep
	}
	// A page is no stream, whatever was asked for: something before the provider
	// has answered in its place.
	x.framed = status < 400 && kind != "application/json" && kind != "text/html" && x.packed != sealed &&
		(kind == "text/event-stream" || kind == "application/vnd.amazon.eventstream" || x.trip.Request.Stream)
	if x.framed && x.trip.Request.Stream {
		return Stream
	}
	return Whole
}

// Body reads what has come, and writes what it means.
func (x *translation) Body(dst, chunk []byte, last bool) (out []byte, same bool, err error) {
	switch {
	case x.mode == Keep:
		return dst, true, nil
	case x.framed:
		out = x.frames(dst, chunk, last)
	case x.status >= 400:
		x.fault = x.backend.attributed(x.home.ReadError(&x.trip, x.status, &x.head, x.packed.unpack(chunk)))
	default:
		x.trip.Lasting = true
		x.evs = x.reader.Whole(x.evs[:0], x.packed.unpack(chunk))
		out = x.write(dst)
	}
	if x.mode == Whole && x.fault != nil {
		out = x.refuse(dst, x.fault)
	}
	return out, false, nil
}

// frames reads what has come of a stream, and how it ends.
func (x *translation) frames(dst, chunk []byte, last bool) []byte {
	if x.packed == plain {
		dst = x.read(dst, chunk, last)
	} else {
		dst = x.unpacked(dst, chunk, last)
	}
	if last && !x.tally.Done {
		x.evs = x.reader.End(x.evs[:0])
		dst = x.write(dst)
	}
	return dst
}

// unpacked is read for a stream that came packed.
func (x *translation) unpacked(dst, chunk []byte, last bool) []byte {
	x.gzip.Push(chunk, last)
	for piece, ok := x.gzip.Next(); ok; piece, ok = x.gzip.Next() {
		dst = x.read(dst, piece, false)
	}
	dst = x.broken(dst, x.gzip.Err())
	if last {
		dst = x.read(dst, nil, true)
	}
	return dst
}

func (x *translation) read(dst, chunk []byte, last bool) []byte {
	if x.home.Framing() == chat.EventStream {
		return x.messages(dst, chunk, last)
	}
	return x.events(dst, chunk, last)
}

func (x *translation) events(dst, chunk []byte, last bool) []byte {
	var ev frame.Event
	for x.sse.Push(chunk, last); x.sse.Next(&ev); {
		if len(ev.Data) == 0 {
			if ev.Data = bare(ev.Raw); ev.Data == nil {
				continue
			}
		}
		x.evs = x.reader.Read(x.evs[:0], ev.Name, ev.Data)
		dst = x.write(dst)
	}
	return x.broken(dst, x.sse.Err())
}

// bare returns JSON that stands in a stream without being an event, as Google's
// front end writes an error into it, and nil for what is none.
func bare(text []byte) []byte {
	text = bytes.TrimLeft(bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF")), " \r\n\t")
	if len(text) == 0 || text[0] != '{' && text[0] != '[' {
		return nil
	}
	return text
}

func (x *translation) messages(dst, chunk []byte, last bool) []byte {
	var m frame.Message
	for x.aws.Push(chunk, last); x.aws.Next(&m); {
		x.evs = x.reader.Read(x.evs[:0], m.Name, m.Data)
		dst = x.write(dst)
	}
	return x.broken(dst, x.aws.Err())
}

// broken ends an answer whose frames cannot be told apart any more. That it was
// cut the reader says itself.
func (x *translation) broken(dst []byte, err error) []byte {
	if err == nil || errors.Is(err, frame.ErrCut) || x.tally.Done {
		return dst
	}
	x.evs = append(x.evs[:0], chat.Event{Kind: chat.Fail, Err: chat.Malformed(string(x.backend.Schema))})
	return x.write(dst)
}

// write appends what x.evs mean to the client. After the end nothing counts.
func (x *translation) write(dst []byte) []byte {
	evs := x.restorer.Restore(x.evs)
	for i := range evs {
		if x.tally.Done {
			break
		}
		x.note(&evs[i])
		dst = x.writer.Write(dst, &evs[i])
	}
	return dst
}

// note takes into the tally what an event tells.
func (x *translation) note(ev *chat.Event) {
	t := &x.tally
	switch ev.Kind {
	case chat.Start:
		if t.Model == "" {
			t.Model = ev.Name.String()
		}
	case chat.Delta:
		if x.mode == Stream {
			t.Events++
		}
	case chat.Finish:
		if ev.Choice == 0 {
			t.Finish = string(ev.Reason)
		}
	case chat.Counts:
		t.Usage = Usage(ev.Usage)
	case chat.Done:
		t.Done = true
	case chat.Fail:
		ev.Err = x.backend.attributed(ev.Err)
		x.fault = ev.Err
		t.fail(ev.Err)
	}
}

// refuse appends the error that a whole reply is, or turned out to be: its head
// has not left yet, so the client gets a status that says so.
func (x *translation) refuse(dst []byte, err *chat.Error) []byte {
	x.tally.refuse(err)
	if x.waits {
		x.tally.RetryAfter = 0
	}
	return x.client.WriteError(dst, err)
}

// Tally reports what the reply has said of itself so far.
func (x *translation) Tally() Tally {
	t := x.tally
	if all := x.trip.Warnings; len(all) > x.warned {
		t.Warn = all[x.warned:]
	}
	return t
}

// reset makes x ready for another exchange. It keeps its memory.
func (x *translation) reset() {
	x.gzip.Close()
	x.sse.Reset()
	x.aws.Reset()
	x.trip.Reset()
	clear(x.evs[:cap(x.evs)])
	*x = translation{trip: x.trip, sse: x.sse, aws: x.aws, evs: x.evs[:0]}
}
