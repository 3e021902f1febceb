package fakellm

import (
	"net/http"
	"strings"
)

// Recording is an answer that another server has once given, byte for byte. It
// is for words that the provider has none of its own for: those of the many
// servers that copy OpenAI, above all.
type Recording struct {
	Status int // 0 is 200
	Header http.Header
	Body   []byte
}

// replayed returns the recording to answer with in place of the provider's own
// answer, or that one. Faults that are about how an answer is sent hold for both.
func (p *provider) replayed(c *call, own *reply) *reply {
	if p.Replay == nil {
		return own
	}
	r := p.Replay(c.Request)
	if r == nil {
		return own
	}
	kind := r.Header.Get("Content-Type")
	if strings.HasPrefix(kind, "text/event-stream") {
		c.faults.chunked = true // nobody knows a stream's length when it begins
	}
	return &reply{status: r.Status, header: r.Header, contentType: kind, body: r.Body}
}
