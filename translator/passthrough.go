package translator

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/frame"
	"llmroute/translator/openai"
	"llmroute/translator/raw"
)

// passthrough is the Exchange between equal dialects. Nothing is decoded: the
// request is spliced where the scan said, and the reply is watched. Azure is a
// home of OpenAI's dialect, with paths and fields of its own.
//
// A stream of chat chunks is made to report its usage. When the client did not
// ask for that, it must not notice: the chunk that was made for the usage is
// taken out, and the usage member of the others, null included. Then, and only
// then, an event that is cut between two chunks is held back until it is whole.
type passthrough struct {
	backend *Backend
	watch   watch
	sse     frame.SSE
	gzip    frame.Gzip
	packed  packing
	mode    Mode
	status  int
	asked   bool // the client wants a stream
	hide    bool // the usage in the stream is ours alone
	locked  bool // the gateway's own credential was refused
	torn    bool // the stream's last event lacks its blank line
}

func (p *passthrough) Request(out *Edit, in *Call) error {
	f := in.Fields
	if p.watch.op = f.Operation; p.watch.op == None {
		out.Path = p.backend.ownPath(in)
		return nil
	}
	p.asked = f.Stream
	p.hide = f.usage.text != ""
	model, err := p.address(out, in)
	if err != nil {
		return err
	}
	var room [2]edit
	edits := f.edits(room[:0], model)
	if p.backend.rewrites(f.Operation) && f.Boundary == "" {
		if edits, err = p.rewrite(out, in, edits); err != nil {
			return err
		}
	}
	if len(edits) > 0 {
		out.Body = splice(out.Body, in.Body, edits)
	}
	return nil
}

// address writes the path, and returns the model that the body must name: ""
// when it may name whatever it does.
func (p *passthrough) address(out *Edit, in *Call) (model string, err error) {
	op := in.Fields.Operation
	if p.backend.Schema == AzureOpenAI {
		var named bool
		if out.Path, named, err = azurePath(p.backend, op, in); err != nil {
			return "", err
		}
		if !named {
			model = in.Model
		}
		out.conceal(in.Header)
		return model, nil
	}
	if path := op.Path(); in.Path != p.backend.Prefix+path {
		out.Path = p.backend.Prefix + path
		if in.Query != "" {
			out.Path += "?" + in.Query
		}
	}
	return in.Model, nil
}

// rewrite adds to edits, those of every request, what this backend needs besides.
func (p *passthrough) rewrite(out *Edit, in *Call, edits []edit) ([]edit, error) {
	r := rewrite{backend: p.backend, op: in.Fields.Operation, model: in.Model, body: in.Body}
	if err := r.run(in.Fields.Stream); err != nil {
		return nil, err
	}
	out.Warn = append(out.Warn, r.warned...)
	if r.mute && p.hide {
		p.hide = false
		at := in.Fields.usage.at
		edits = slices.DeleteFunc(edits, func(e edit) bool { return e.at == at })
	}
	if len(r.edits) == 0 {
		return edits, nil
	}
	// What is put in stands before what is taken out at the same place.
	edits = append(edits, r.edits...)
	slices.SortStableFunc(edits, func(a, b edit) int { return a.at.Start - b.at.Start })
	return edits, nil
}

func (p *passthrough) Head(out *Edit, status int, h Headers) error {
	p.status, p.packed = status, packingOf(h)
	p.mode = p.modeOf(status, h)
	if p.locked = !p.backend.ClientCredential && refusesCredential(status, h); p.locked {
		p.mode = Whole
		out.Remove = append(out.Remove, contentEncoding, authenticate)
	} else if p.mode == Whole && status >= 400 && p.packed != plain {
		out.Remove = append(out.Remove, contentEncoding)
	}
	out.Mode = p.mode
	if p.mode == Stream && p.packed != plain {
		out.Remove = append(out.Remove, contentEncoding)
	}
	if p.mode == Stream && h.Get("content-length") != "" {
		out.Remove = append(out.Remove, "content-length") // it may come out shorter, or longer
	}
	return nil
}

// modeOf decides by the content type, because a server may stream what nobody
// asked to be streamed and the other way round; where there is none, by what
// was asked for. What is packed in an unknown way passes uncounted.
func (p *passthrough) modeOf(status int, h Headers) Mode {
	kind, _, _ := strings.Cut(h.Get("content-type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	switch {
	case status == 204 || status == 304, p.packed == sealed, p.watch.op == None:
		return Keep
	case status >= 400:
		return Whole
	case kind == "text/event-stream", kind == "" && p.asked:
		return Stream
	case kind == "application/json", strings.HasSuffix(kind, "+json"):
		return Whole
	}
	switch p.watch.op {
	case ChatCompletions, Completions, Embeddings, Responses, Moderations, Rerank:
		// They answer in JSON, whatever a server calls it.
		return Whole
	}
	return Keep // audio, images, subtitles
}

func (p *passthrough) Body(dst, chunk []byte, last bool) (out []byte, same bool, err error) {
	switch {
	case p.locked:
		err := p.backend.attributed(&chat.Error{Status: http.StatusUnauthorized})
		p.watch.tally.refuse(err)
		return openai.Dialect{}.WriteError(dst, err), false, nil
	case p.mode == Whole:
		return p.whole(dst, chunk)
	case p.mode == Stream:
		return p.stream(dst, chunk, last)
	}
	return dst, true, nil
}

// whole reads a reply that came in one piece. An answer goes on as it came; and an
// error too, but unpacked, unless it says in words of its own that the request is
// too long.
func (p *passthrough) whole(dst, chunk []byte) (out []byte, same bool, err error) {
	status, body := p.status, p.packed.unpack(chunk)
	if status < 400 {
		if p.watch.whole(body); p.watch.tally.Status == 0 {
			return dst, true, nil
		}
		status = p.watch.tally.Status
	}
	fault := overflow(status, body)
	if fault != nil {
		p.watch.tally.refuse(fault)
	} else {
		p.watch.refused(status, body)
	}
	switch {
	case p.packed != plain && p.status < 400: // an answer is promised as it came
		return dst, true, nil
	case fault != nil:
		return openai.Dialect{}.WriteError(dst, fault), false, nil
	case p.packed != plain:
		return append(dst, body...), false, nil
	}
	return dst, true, nil
}

func (p *passthrough) Tally() Tally { return p.watch.tally }

func (p *passthrough) stream(dst, chunk []byte, last bool) (out []byte, same bool, err error) {
	switch {
	case p.packed != plain:
		out, same, err = p.unpacked(dst, chunk, last)
	default:
		out, same, err = p.piece(dst, chunk, last)
	}
	if err != nil || !last {
		return out, same, err
	}
	p.watch.end()
	text := p.watch.broken()
	if text == "" {
		return out, same, nil
	}
	if same {
		out = append(dst, chunk...)
	}
	if p.torn {
		out = append(out, "\n\n"...)
	}
	return append(out, text...), false, nil
}

func (p *passthrough) piece(dst, chunk []byte, last bool) (out []byte, same bool, err error) {
	if p.hide {
		return p.hidden(dst, chunk, last)
	}
	return dst, true, p.watched(chunk, last)
}

// unpacked reads a stream that comes packed. It goes on unpacked: behind what is
// packed an error could not be put.
func (p *passthrough) unpacked(dst, chunk []byte, last bool) (out []byte, same bool, err error) {
	out = dst
	p.gzip.Push(chunk, last)
	for err == nil {
		piece, more := p.gzip.Next()
		if !more && !last {
			break
		}
		if out, same, err = p.piece(out, piece, !more); same {
			out = append(out, piece...)
		}
		if !more {
			break
		}
	}
	return out, false, err
}

// watched reads the events of a chunk that passes as it is.
func (p *passthrough) watched(chunk []byte, last bool) error {
	var ev frame.Event
	for p.sse.Push(chunk, last); p.sse.Next(&ev); {
		p.watch.event(ev.Data)
		p.torn = ev.Torn
	}
	return p.sse.Err()
}

// hidden appends the events of a chunk without the usage that the client did
// not ask for.
func (p *passthrough) hidden(dst, chunk []byte, last bool) (out []byte, same bool, err error) {
	out = dst
	// So long as nothing was held or changed, the output is a prefix of chunk
	// and need not be written.
	same = p.sse.Held() == 0
	passed := 0
	var ev frame.Event
	for p.sse.Push(chunk, last); p.sse.Next(&ev); {
		c := p.watch.event(ev.Data)
		p.torn = ev.Torn
		drop := c.alone || ev.Torn && unfinished(c, ev.Data)
		if !drop && c.usage == (span{}) {
			if passed += len(ev.Raw); !same {
				out = append(out, ev.Raw...)
			}
			continue
		}
		if same {
			out, same = append(out, chunk[:passed]...), false
		}
		if drop {
			p.torn = false
			continue
		}
		out = without(out, &ev, c.usage)
	}
	if same && p.sse.Held() > 0 {
		out, same = append(out, chunk[:passed]...), false
	}
	return out, same, p.sse.Err()
}

// unfinished reports whether data is the beginning of a chunk whose rest never
// came: it might say anything, so it cannot be passed on.
func unfinished(c chunk, data []byte) bool {
	return len(data) > 0 && data[0] == '{' && !c.whole
}

// without appends ev without the member of its data that stands at usage.
func without(dst []byte, ev *frame.Event, usage span) []byte {
	cut := raw.WithComma(ev.Data, usage)
	if ev.At >= 0 {
		dst = append(dst, ev.Raw[:ev.At+cut.Start]...)
		return append(dst, ev.Raw[ev.At+cut.End:]...)
	}
	// The object was spread over several data lines, which no known server does.
	// Written as one it means the same: between tokens a space is as good as a
	// newline, and within strings there are none.
	eol := lineEnding(ev.Raw)
	if len(ev.Name) > 0 {
		dst = append(append(append(dst, "event: "...), ev.Name...), eol...)
	}
	data := slices.Concat(ev.Data[:cut.Start], ev.Data[cut.End:])
	for i, c := range data {
		if c == '\n' {
			data[i] = ' '
		}
	}
	dst = append(append(append(dst, "data: "...), data...), eol...)
	return append(dst, eol...)
}

// lineEnding returns how the lines of an event with several of them end.
func lineEnding(value []byte) string {
	switch i := bytes.IndexAny(value, "\r\n"); {
	case value[i] == '\n':
		return "\n"
	case value[i+1] == '\n':
		return "\r\n"
	}
	return "\r"
}
