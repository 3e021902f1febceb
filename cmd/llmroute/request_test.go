package main

import (
	"net/textproto"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRequest(t *testing.T) {
	json := textproto.MIMEHeader{"Content-Type": {"application/json"}}
	tests := []struct {
		name, in string
		want     *request
		err      string
	}{
		{
			name: "a body", in: " {\"model\":\"m\"}\n",
			want: &request{method: "POST", host: "localhost", path: "/v1/chat/completions", header: json, body: []byte(`{"model":"m"}`)},
		},
		{
			name: "a request",
			in:   "POST /v1/embeddings?a=b HTTP/1.1\r\nHost: llm.example:8080\r\nX-Tenant: a\r\nX-Tenant: b\r\n\r\n{}\r\n",
			want: &request{method: "POST", host: "llm.example:8080", path: "/v1/embeddings", query: "a=b",
				header: textproto.MIMEHeader{"X-Tenant": {"a", "b"}}, body: []byte("{}\r\n")},
		},
		{
			name: "by hand, without version",
			in:   "POST /v1/chat/completions\ncontent-type: application/json\n\n{}",
			want: &request{method: "POST", host: "localhost", path: "/v1/chat/completions", header: json, body: []byte("{}")},
		},
		{
			name: "a URL", in: "GET http://llm.example/v1/models HTTP/1.1\n\n",
			want: &request{method: "GET", host: "llm.example", path: "/v1/models", header: textproto.MIMEHeader{}, body: []byte{}},
		},
		{
			name: "a line and nothing else", in: "GET /v1/models",
			want: &request{method: "GET", host: "localhost", path: "/v1/models", header: textproto.MIMEHeader{}, body: []byte{}},
		},
		{name: "nothing", in: " \n", err: "the request is empty"},
		{name: "something else", in: "hello " + strings.Repeat("x", 100), err: "neither a JSON object nor an HTTP request"},
		{name: "broken headers", in: "POST / HTTP/1.1\nno colon\n\n", err: "read headers: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseRequest([]byte(tt.in))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want %q in it", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(request{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte("POST /v1/chat/completions HTTP/1.1\nHost: a\n\n{}"))
	f.Add([]byte(`{"model":"m"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRequest(data)
		if err == nil && (r.method == "" || r.header == nil) {
			t.Errorf("%q reads as %+v", data, r)
		}
	})
}
