package aws

import (
	"testing"

	"llmroute/translator/raw"
)

type header map[string]string

func (h header) Get(name string) string { return h[name] }

func TestException(t *testing.T) {
	for _, c := range []struct {
		header, body, want string
		ours               bool
	}{
		{"ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/", `{"__type":"ValidationException"}`, "throttling", false},
		{"", `{"__type":"com.amazon.coral.service#UnrecognizedClientException"}`, "unrecognizedclient", true},
		{"", `{"code":"IncompleteSignature"}`, "incompletesignature", true},
		{"AccessDeniedException", ``, "accessdenied", false},
		{"", `<html>`, "", false},
		{"", ``, "", false},
	} {
		got := Exception(header{"x-amzn-errortype": c.header}, raw.Value(c.body))
		if got != c.want || RefusesCredential(got) != c.ours {
			t.Errorf("%q %s: %q, about the credential: %v", c.header, c.body, got, RefusesCredential(got))
		}
	}
}

func TestOriginalStatus(t *testing.T) {
	for body, want := range map[string]int{
		`{"originalStatusCode":429}`: 429, `{"originalStatusCode":503}`: 503, `{"originalStatusCode":424}`: 502,
		`{"originalStatusCode":401}`: 502, `{"originalStatusCode":200}`: 502, `{"originalStatusCode":600}`: 502, `{}`: 502, ``: 502,
	} {
		if got := OriginalStatus(raw.Value(body)); got != want {
			t.Errorf("%s: %d, want %d", body, got, want)
		}
	}
}
