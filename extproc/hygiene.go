package extproc

import (
	"slices"
	"strconv"
	"strings"
)

// The headers by which we speak to Envoy and to the upstream.
const (
	headerModel   = "x-envoy-ai-gateway-llm-model"
	headerBackend = "x-envoy-ai-gateway-selected-backend"

	headerWarnings = "x-llmroute-warnings"

	prefixGateway = "x-envoy-ai-gateway-"
	prefixOurs    = "x-llmroute-"
	prefixEnvoy   = "x-envoy-"
	prefixAWS     = "x-amz-"
)

// hygiene takes off the client's request what is not for a provider: what only
// we may say, what betrays the client's network, what its SDK says of itself,
// and, unless the backend wants them, its credentials. Envoy's configuration
// does some of the same earlier; nobody should have to rely on that.
func (x *stream) hygiene() {
	passthrough := x.plan.Backend.Passthrough
	list := x.head.headers.list
	for i := range list {
		name := list[i].name
		if internal(name) || (!passthrough && isCredential(name)) {
			x.removeOnce(name)
		}
	}
}

// removeOnce asks for the removal of a header unless the reply sets it.
func (x *stream) removeOnce(name string) {
	for i := range x.out.set {
		if x.out.set[i].name == name {
			return
		}
	}
	if !slices.Contains(x.out.remove, name) {
		x.out.remove = append(x.out.remove, name)
	}
}

// removeAll asks for the removal of headers, also of those the reply sets so
// far: Envoy removes first and sets then, so a set would win.
func (x *stream) removeAll(names []string) {
	for _, name := range names {
		x.out.set = slices.DeleteFunc(x.out.set, func(h setHeader) bool { return h.name == name })
		x.removeOnce(name)
	}
}

// internal leaves x-forwarded-proto to the route's request_headers_to_remove:
// without it Envoy matches no route any more and answers 404.
func internal(name string) bool {
	if len(name) < 2 || name[0] != 'x' || name == "x-forwarded-proto" {
		return false
	}
	return strings.HasPrefix(name, prefixGateway) || strings.HasPrefix(name, prefixOurs) ||
		strings.HasPrefix(name, "x-forwarded-") || strings.HasPrefix(name, "x-stainless-")
}

func isCredential(name string) bool {
	switch name {
	case "authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie":
		return true
	}
	return strings.HasPrefix(name, prefixAWS) // of a signature that no longer fits
}

// identify says on the response who answered, and keeps a backend from saying
// it in our name.
func (x *stream) identify() {
	list := x.in.headers.list
	for i := range list {
		name := list[i].name
		if strings.HasPrefix(name, prefixOurs) || strings.HasPrefix(name, prefixEnvoy) {
			x.removeOnce(name)
		}
	}
	x.out.setHeader("x-llmroute-backend", x.plan.Backend.ID)
	if x.plan.Model != "" {
		x.out.setHeader("x-llmroute-model", x.plan.Model)
	}
	if x.record.Attempts > 0 {
		x.out.setHeader("x-llmroute-attempts", itoa(x.record.Attempts))
	}
	if x.record.RequestID != "" {
		x.out.setHeader("x-llmroute-request-id", x.record.RequestID)
	}
	for name, value := range x.budget.Headers() {
		x.out.setHeader(name, value)
	}
	if len(x.edit.Warn) > 0 {
		x.out.setHeader(headerWarnings, warnings(x.edit.Warn))
	}
}

// maxWarnings bounds headerWarnings.
const maxWarnings = 1 << 10

// warnings joins "field;reason" entries; what does not fit is counted.
func warnings(list []string) string {
	var b strings.Builder
	for i, w := range list {
		if b.Len()+len(w)+2 > maxWarnings-16 {
			b.WriteString(", more;" + strconv.Itoa(len(list)-i))
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(w)
	}
	return b.String()
}

// declaredLength is the request's content-length, or -1.
func declaredLength(h *headers) int64 {
	n, err := strconv.ParseInt(h.Get("content-length"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func itoa(n int) string { return strconv.Itoa(n) }

// atoi reads a status; what is none reads as 0.
func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// sameSlice reports whether a and b are the same bytes in the same place.
func sameSlice(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
