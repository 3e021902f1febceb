package fakellm

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// signature is what an authorization header of AWS's says.
type signature struct {
	key, date, region, service string
	headers                    []string
	value                      string
}

var signaturePattern = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([A-Za-z0-9]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$`)

// signatureOf reads the signature of a request.
func signatureOf(h http.Header) (s signature, ok bool) {
	m := signaturePattern.FindStringSubmatch(h.Get("Authorization"))
	if m == nil {
		return s, false
	}
	return signature{key: m[1], date: m[2], region: m[3], service: m[4], headers: strings.Split(m[5], ";"), value: m[6]}, true
}

// forbidden refuses a request for who sends it, in AWS's words.
func forbidden(exception, format string, args ...any) *refusal {
	return &refusal{status: http.StatusForbidden, kind: exception, message: fmt.Sprintf(format, args...)}
}

// verify refuses a request whose signature has not the shape it must have, or that
// another secret, or for another request, has made.
func (p *provider) verify(c *call) *refusal {
	s, ok := signatureOf(c.Header)
	if !ok {
		return &refusal{status: http.StatusBadRequest, kind: "IncompleteSignatureException", message: "Authorization header is incomplete."}
	}
	date := c.Header.Get("X-Amz-Date")
	switch {
	case !regexp.MustCompile(`^\d{8}T\d{6}Z$`).MatchString(date) || date[:8] != s.date:
		return forbidden("InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s'.", s.date, date)
	case s.service != c.dialect.service:
		return forbidden("InvalidSignatureException", "Credential should be scoped to correct service: '%s'.", c.dialect.service)
	case !slices.IsSorted(s.headers) || len(slices.Compact(slices.Clone(s.headers))) != len(s.headers):
		return forbidden("InvalidSignatureException", "SignedHeaders must be sorted and each stand once.")
	}
	for name := range c.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-") && !slices.Contains(s.headers, name) {
			return forbidden("InvalidSignatureException", "The header %s must be signed.", name)
		}
	}
	for _, name := range []string{"host", "x-amz-date"} {
		if !slices.Contains(s.headers, name) {
			return forbidden("InvalidSignatureException", "The header %s must be signed.", name)
		}
	}
	if p.Secrets == nil {
		return nil
	}
	secret, known := p.Secrets[s.key]
	if !known {
		return forbidden("UnrecognizedClientException", "The security token included in the request is invalid.")
	}
	if !hmac.Equal([]byte(s.value), []byte(s.compute(c, secret, date))) {
		return forbidden("InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return nil
}

// compute signs what has been received.
func (s *signature) compute(c *call, secret, date string) string {
	var canonical strings.Builder
	canonical.WriteString(c.Method + "\n" + escapedAgain(c.Path) + "\n" + canonicalQuery(c.Query) + "\n")
	for _, name := range s.headers {
		canonical.WriteString(name + ":" + signedValue(c, name) + "\n")
	}
	body := sha256.Sum256(c.Body)
	canonical.WriteString("\n" + strings.Join(s.headers, ";") + "\n" + hex.EncodeToString(body[:]))
	request := sha256.Sum256([]byte(canonical.String()))

	scope := s.date + "/" + s.region + "/" + s.service + "/aws4_request"
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.date, s.region, s.service, "aws4_request"} {
		key = keyed(key, part)
	}
	return hex.EncodeToString(keyed(key, "AWS4-HMAC-SHA256\n"+date+"\n"+scope+"\n"+hex.EncodeToString(request[:])))
}

func keyed(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text))
	return h.Sum(nil)
}

// signedValue returns a header as it is signed. Go's server keeps two of them out
// of the header.
func signedValue(c *call, name string) string {
	switch name {
	case "host":
		return c.Host
	case "content-length":
		return strconv.FormatInt(c.ContentLength, 10)
	}
	values := c.Header.Values(name)
	list := make([]string, 0, len(values))
	for _, v := range values {
		list = append(list, strings.Join(strings.Fields(v), " "))
	}
	return strings.Join(list, ",")
}

// escapedAgain escapes a path that was escaped already: AWS signs it so, for every
// service but one.
func escapedAgain(path string) string {
	var b strings.Builder
	for i := range len(path) {
		ch := path[i]
		if ch == '/' || ch == '-' || ch == '_' || ch == '.' || ch == '~' || ch >= '0' && ch <= '9' || ch >= 'A' && ch <= 'Z' || ch >= 'a' && ch <= 'z' {
			b.WriteByte(ch)
		} else {
			fmt.Fprintf(&b, "%%%02X", ch)
		}
	}
	return b.String()
}

func canonicalQuery(raw string) string {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return raw
	}
	return strings.ReplaceAll(values.Encode(), "+", "%20")
}
