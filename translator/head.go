package translator

import "llmroute/translator/chat"

// What Exchanges that translate have in common, at the heads of both messages.

const (
	contentType     = "content-type"
	retryAfter      = "retry-after"
	contentEncoding = "content-encoding"
	// How a server asks for a credential; the client has none to give.
	authenticate = "www-authenticate"
)

// options is what a dialect may know of b, and of the request.
func (b *Backend) options(in *Call) chat.Options {
	return chat.Options{
		Model: in.Model, Asked: in.Fields.Model, Version: b.Version, Prefix: b.Prefix,
		Project: b.Project, Location: b.Location, Family: b.ModelFamily,
		Unsupported: b.UnsupportedParameters, LateSystem: b.LateSystem, ReasoningText: b.ReasoningText,
		DefaultMaxTokens: b.DefaultMaxTokens,
	}
}

// add takes into e what a dialect has made of the request t.
func (e *Edit) add(out *chat.Outgoing, t *chat.Trip) {
	e.Path, e.Body = out.Path, out.Body
	for _, h := range out.Set {
		e.Set = append(e.Set, Header(h))
	}
	e.Remove = append(e.Remove, out.Remove...)
	e.conceal(t.Header)
	e.Warn = append(e.Warn, t.Warnings...)
}

// conceal removes the headers that say which account at OpenAI a client has, and
// which of its features: they are none of another provider's business, and some
// providers count the headers they do not know.
func (e *Edit) conceal(h Headers) {
	if h == nil {
		return
	}
	for _, name := range [...]string{"openai-organization", "openai-project", "openai-beta"} {
		if h.Get(name) != "" {
			e.Remove = append(e.Remove, name)
		}
	}
}

// translate adds to e, in OpenAI's names, what a reply's headers say in the
// vendor's own. It reports whether they tell when to come again.
func (e *Edit) translate(home chat.Backend, h Headers) (waits bool) {
	waits = h.Get(retryAfter) != ""
	r, ok := home.(chat.HeaderReader)
	if !ok {
		return waits
	}
	var room [8]chat.Header
	for _, f := range r.ReadHeaders(room[:0], h) {
		if f.Value == "" || h.Get(f.Name) != "" {
			continue
		}
		e.Set = append(e.Set, Header(f))
		waits = waits || f.Name == retryAfter
	}
	return waits
}
