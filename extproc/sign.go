package extproc

import (
	"cmp"
	"slices"
	"strings"

	"llmroute/router/credential"
	"llmroute/translator"
)

// sign puts a signature on the request that the reply lets go. It comes last:
// what is signed are the bytes that arrive, and whatever changed behind it would
// make the signature wrong.
//
// Of the headers those are signed that AWS demands. Envoy adds some and changes
// others on the way, and none of these.
func (x *stream) sign(body []byte) error {
	const contentType = "content-type"
	h := &x.head.headers
	kind := func(s setHeader) bool { return s.name == contentType }
	if own := h.Get(contentType); own != "" && !slices.ContainsFunc(x.out.set, kind) && !slices.Contains(x.out.remove, contentType) {
		x.out.setHeader(contentType, own) // so that one arrives, however many came
	}
	r := credential.Signed{Method: h.Get(":method"), Path: cmp.Or(x.edit.Path, h.Get(":path")), Body: body}
	for _, s := range x.out.set {
		if s.name == contentType || strings.HasPrefix(s.name, prefixAWS) {
			r.Header = append(r.Header, translator.Header{Name: s.name, Value: s.value})
		}
	}
	signature, err := x.plan.Backend.Sign(x.edit.Set[:0], &r, x.srv.now())
	if err != nil {
		return err
	}
	x.edit.Set = signature
	for _, s := range signature {
		x.out.setHeader(s.Name, s.Value)
	}
	return nil
}
