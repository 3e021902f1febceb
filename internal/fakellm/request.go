package fakellm

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/tidwall/gjson"
)

// maxBody bounds a request's body in bytes: twice what the gateway lets through.
const maxBody = 64 << 20

// Request is one request as the provider received it. It is read-only.
type Request struct {
	Method           string
	Path             string // as sent, escapes included, without the query
	Query            string // raw, without "?"
	Host             string
	Proto            string // "HTTP/1.1" or "HTTP/2.0"
	Header           http.Header
	ContentLength    int64 // as announced; -1 when the body came without a length
	TransferEncoding []string
	Body             []byte // as sent; what came of it when the client broke off or went on too long

	Model string // the model that the path or else the body names, faults included; "" for none
	Key   string // the API key, from authorization, api-key, x-goog-api-key or x-api-key; the access key id of an AWS signature

	bodyErr error
	form    *form
	sum     [sha256.Size]byte
	done    chan struct{}
	err     error
}

// Done returns a channel that is closed when the exchange is over, however it
// ended.
func (q *Request) Done() <-chan struct{} { return q.done }

// Err tells how the exchange ended, once Done is closed: nil when the answer was
// sent whole, [ErrFault] when a fault broke it off, otherwise what kept it from
// the client, context.Canceled above all when the client left.
func (q *Request) Err() error { return q.err }

// ErrFault is the end of an exchange that was broken off on demand.
var ErrFault = errors.New("broken off by a fault")

// receive reads the request whole: what a test wants to see of it is there even
// when the answer breaks off early.
func receive(w http.ResponseWriter, r *http.Request) *Request {
	q := &Request{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery,
		Host: r.Host, Proto: r.Proto, Header: r.Header.Clone(),
		ContentLength: r.ContentLength, TransferEncoding: r.TransferEncoding,
		Key: key(r.Header), done: make(chan struct{}),
	}
	var body bytes.Buffer
	if n := r.ContentLength; n > 0 && n <= maxBody {
		body.Grow(int(n) + bytes.MinRead) // ReadFrom wants room to find the end in
	}
	_, q.bodyErr = body.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody))
	q.Body = body.Bytes()
	if kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		q.form = parseForm(q.Body, params["boundary"])
		q.Model = q.form.value("model")
	} else {
		q.Model = lastModel(q.Body)
	}
	if _, model := dialectOf(q.Path); model != "" {
		q.Model = model
	}
	h := sha256.New()
	_, _ = io.WriteString(h, r.Method+" "+q.Path+"\n")
	_, _ = h.Write(q.Body)
	h.Sum(q.sum[:0])
	return q
}

// lastModel returns the model that a JSON body names. Of two it takes the last, as
// most servers do: a gateway that went by the first has been got around.
func lastModel(body []byte) (model string) {
	gjson.ParseBytes(body).ForEach(func(name, value gjson.Result) bool {
		if name.Str == "model" && value.Type == gjson.String {
			model = value.Str
		}
		return true
	})
	return model
}

func (q *Request) tooLarge() bool {
	_, ok := errors.AsType[*http.MaxBytesError](q.bodyErr)
	return ok
}

func key(h http.Header) string {
	if k, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer "); ok {
		return k
	}
	if s, ok := signatureOf(h); ok {
		return s.key
	}
	for _, name := range []string{"Api-Key", "X-Goog-Api-Key"} {
		if k := h.Get(name); k != "" {
			return k
		}
	}
	return h.Get("X-Api-Key")
}

// call is a request on its way to an answer.
type call struct {
	*Request
	dialect *dialect
	path    string       // behind the prefix; "" when the prefix is none of ours
	model   string       // without faults
	json    gjson.Result // the body, once it has been checked
	faults  faults
}

// id returns an identifier made from the request: prefix, then n hexadecimal
// digits. salt tells the several ids of one answer apart.
func (c *call) id(prefix string, n int, salt ...byte) string {
	sum := c.sum
	if len(salt) > 0 {
		sum = sha256.Sum256(append(sum[:], salt...))
	}
	return prefix + hex.EncodeToString(sum[:])[:n]
}

// created is the time of the answer, in seconds: the request decides it too.
func (c *call) created() int64 {
	return 1_750_000_000 + int64(binary.BigEndian.Uint16(c.sum[:]))
}
