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
	Method      string
	Host        string // without a port that the scheme implies
	Path        string // path and query as they go on the wire
	ContentType string
	Body        []byte
}

// signer is safe for concurrent use, and keeps the keys it has derived.
var signer = v4.NewSigner()

// SignAWS appends to set what AWS wants to see of r: a Signature Version 4 made
// with the keys that t is. It signs no header that a proxy on the way may change,
// and no length, which a proxy may frame in another way.
func (t *Token) SignAWS(ctx context.Context, set []translator.Header, r *Signed, region, service string, now time.Time) ([]translator.Header, error) {
	u, err := url.Parse("https://" + r.Host + r.Path)
	if err != nil {
		return set, fmt.Errorf("sign request: %w", err)
	}
	q := &http.Request{Method: r.Method, URL: u, Host: r.Host, Header: http.Header{}}
	if r.ContentType != "" {
		q.Header.Set("Content-Type", r.ContentType)
	}
	keys := aws.Credentials{AccessKeyID: t.ID, SecretAccessKey: string(t.Value), SessionToken: string(t.Session)}
	if err := signer.SignHTTP(ctx, keys, q, hashOf(r.Body), service, region, now); err != nil {
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

// RegionOf returns the region that an endpoint of AWS's is in, "" for another
// host: the label behind "bedrock-runtime" or the like.
func RegionOf(host string) string {
	labels := strings.Split(strings.ToLower(host), ".")
	for i, l := range labels[:len(labels)-1] {
		if !strings.HasPrefix(l, "bedrock") {
			continue
		}
		if rest := strings.Join(labels[i+2:], "."); strings.Contains(rest, "amazonaws.") || strings.HasPrefix(rest, "api.") {
			return labels[i+1]
		}
	}
	return ""
}
