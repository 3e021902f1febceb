package credential

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"llmroute/translator"
)

// Signed is a request as the upstream will see it, to the last byte: whatever is
// changed after it was signed breaks the signature.
type Signed struct {
	Method string
	Host   string              // without a port that the scheme implies
	Path   string              // path and query as they go on the wire
	Header []translator.Header // what is signed beside host and date; of equal names the last counts
	Body   []byte
}

// Signer signs requests to one service of AWS's in one region, with one Token. It
// may be used from any goroutine.
//
// Each Token has one of its own: the library's signer keeps what it derives from a
// secret by the id of the access key alone, and would go on with a wrong secret
// after it was put right.
type Signer struct {
	keys            aws.Credentials
	region, service string
	signer          *v4.Signer
}

// NewSigner returns a Signer that uses the keys that t is.
func NewSigner(t *Token, region, service string) *Signer {
	return &Signer{
		keys:   aws.Credentials{AccessKeyID: t.ID, SecretAccessKey: t.Value.Reveal(), SessionToken: t.Session.Reveal()},
		region: region, service: service, signer: v4.NewSigner(),
	}
}

// String hides the keys.
func (*Signer) String() string { return "[redacted]" }

// GoString hides the keys from %#v.
func (*Signer) GoString() string { return "[redacted]" }

// Sign appends to set what AWS wants to see of r: a Signature Version 4. Headers
// that a proxy on the way may change are not for signing, nor is the length, which
// a proxy may frame in another way.
func (s *Signer) Sign(set []translator.Header, r *Signed, now time.Time) ([]translator.Header, error) {
	u, err := url.Parse("https://" + r.Host + r.Path)
	if err != nil {
		return set, fmt.Errorf("sign request: %w", err)
	}
	q := &http.Request{Method: r.Method, URL: u, Host: r.Host, Header: http.Header{}}
	for _, h := range r.Header {
		q.Header.Set(h.Name, h.Value)
	}
	// The signer waits for nothing: the context is for what it may log.
	if err := s.signer.SignHTTP(context.Background(), s.keys, q, hashOf(r.Body), s.service, s.region, now); err != nil {
		return set, fmt.Errorf("sign request: %w", err)
	}
	for _, name := range []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token"} {
		if v := q.Header.Get(name); v != "" {
			set = append(set, translator.Header{Name: strings.ToLower(name), Value: v})
		}
	}
	return set, nil
}

func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
