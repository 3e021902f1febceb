// Package embed asks vendors for embeddings in their own words, for clients that
// speak OpenAI's. The subject is small, so that all vendors stand side by side: a
// Vendor is a table of the kinds of models it has, and a Kind says what one call
// takes, how it is written and how its reply is read.
//
// One request stays one call. What would take several is refused with the limit,
// and so is what a vendor has no equal of: tokens in place of texts above all.
// Vectors are asked for as numbers and passed on as they are written; where the
// client wants base64, they are packed here as OpenAI packs them, in little-endian
// numbers of 32 bits.
package embed

import (
	"slices"
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
	"llmroute/translator/tokens"
)

// Vendor is an API that embeds. Its value is shared and read-only.
type Vendor struct {
	Name  string // as in an error's "provider"
	Kinds []Kind // the first that fits a model counts
}

// Kind is how the models of one kind are asked: a row of MATRIX.md.
type Kind struct {
	// Models are parts of the names that models of this kind have; without any it
	// is every model.
	Models []string
	// Most is how many inputs one call takes; 0 leaves that to the vendor.
	Most int
	// Sizes are the dimensions that a vector may be asked for, AnySize says that
	// the vendor judges them. Without either there is no choice.
	Sizes   []int64
	AnySize bool
	// Uncounted says that the vendor does not tell what a call costs. It is
	// estimated then, with a warning.
	Uncounted bool
	// Takes are the fields of the vendor's own that clients may send.
	Takes []string

	path  func(o *chat.Options) string
	write func(dst []byte, r *request) []byte
	read  func(r *reply, body raw.Value)
}

// kind returns the kind of model that is asked for, or nil.
func (v *Vendor) kind(o *chat.Options) *Kind {
	name := o.Family
	if name == "" {
		name = o.Model
	}
	for i := range v.Kinds {
		k := &v.Kinds[i]
		if len(k.Models) == 0 || slices.ContainsFunc(k.Models, func(part string) bool { return strings.Contains(name, part) }) {
			return k
		}
	}
	return nil
}

// Task is one request for embeddings and its reply.
type Task struct {
	Vendor *Vendor

	kind      *Kind
	inputs    int
	base64    bool
	estimated int64 // tokens of all inputs, where the vendor does not count them
}

// Request reads body, a well-formed JSON object in OpenAI's words, and appends
// the vendor's call to out. A [*chat.Refusal] says what the vendor cannot do.
func (k *Task) Request(out *chat.Outgoing, t *chat.Trip, body []byte) error {
	o := &t.Options
	if k.kind = k.Vendor.kind(o); k.kind == nil {
		return k.unknown(o.Model)
	}
	r := request{trip: t, kind: k.kind}
	if err := r.readBody(body); err != nil {
		return err
	}
	if most := k.kind.Most; most > 0 && len(r.texts) > most {
		return k.tooMany(&r)
	}
	k.inputs, k.base64 = len(r.texts), r.base64
	if k.kind.Uncounted {
		k.estimated = int64(tokens.For("", o.Model).Request(body))
		t.Warn("usage", "estimated")
	}
	out.Path = k.kind.path(o)
	out.Set = append(out.Set, chat.Header{Name: "content-type", Value: "application/json"})
	out.Body = k.kind.write(out.Body, &r)
	return nil
}
