package router

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"llmroute/router/config"
)

func TestPassage(t *testing.T) {
	all, deep, odd := backend("all"), backend("deep"), backend("odd")
	all.Paths = []string{"/v1/files", "/v1/chat", "/v1/files2"}
	deep.Paths = []string{"/v1/files/deep"}
	odd.Paths = []string{"/v2/Ünder score"}
	s := Compile(&config.Config{Backends: []*config.Backend{all, deep, odd}})
	for _, tt := range []struct{ method, path, want string }{
		{"GET", "/v1/files", "all"},
		{"GET", "/v1/files/", "all"},
		{"DELETE", "/v1/files/file-1/content", "all"},
		{"PUT", "/v1/files/deep", "deep"},
		{"PUT", "/v1/files/deeper", "all"},
		{"GET", "/v1/f%69les/a", "all"},
		{"GET", "/v1/files/a%20b", "all"},
		{"GET", "/v2/%C3%9Cnder%20score/x", "odd"},
		{"GET", "/v1/chat/completions", "all"},
		{"GET", "/v1/chat/completions/chatcmpl-1", "all"},

		{"GET", "/v1", ""},
		{"GET", "/v1/file", ""},
		{"GET", "/v1/filesystem", ""},
		{"GET", "/V1/files", ""},
		{"GET", "/v1/files/../chat", ""},
		{"GET", "/v1/files/./x", ""},
		{"GET", "/v1/files/%2e%2e/chat", ""},
		{"GET", "/v1/files/%2E./chat", ""},
		{"GET", "/v1/files/..%2fchat", ""},
		{"GET", "/v1/files%2f..%2fchat", ""},
		{"GET", "/v1/files/..;/chat", ""},
		{"GET", "/v1/files/..%3b/chat", ""},
		{"GET", "/v1/files/...", ""},
		{"GET", "/v1/files/%252e%252e/chat", ""},
		{"GET", "/v1/files/a%252fb", ""},
		{"GET", "/v1/files/..%5cchat", ""},
		{"GET", `/v1/files/..\chat`, ""},
		{"GET", "/v1/files//x", ""},
		{"GET", "//v1/files", ""},
		{"GET", "/v1/files/%00", ""},
		{"GET", "/v1/files/%zz", ""},
		{"GET", "http://x/v1/files", ""},
		{"GET", "*", ""},
		{"GET", "", ""},

		{"POST", "/v1/chat/completions", ""},
		{"POST", "/v1/chat/completions/", ""},
		{"POST", "/v1/chat/Completions", ""},
		{"POST", "/v1/chat/%63ompletions", ""},
		{"POST", "/v1/chat/completions/chatcmpl-1", "all"},
	} {
		var p Plan
		ok, err := s.Passage(&p, tt.method, tt.path)
		got := ""
		if ok {
			got = p.Backend.ID
		}
		if got != tt.want || err != nil {
			t.Errorf("%s %s: %q, %v, want %q", tt.method, tt.path, got, err, tt.want)
		}
	}
}

// Whatever is written, a path that is taken means one below its prefix.
func FuzzPassage(f *testing.F) {
	b := backend("b")
	b.Paths = []string{"/v1/files"}
	s := Compile(&config.Config{Backends: []*config.Backend{b}})
	for _, path := range []string{"/v1/files/a", "/v1/files/../x", "/v1/files/%2e%2e", "/v1/%66iles", "/v1/files/..%2f"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, written string) {
		var p Plan
		if ok, _ := s.Passage(&p, "GET", written); !ok {
			return
		}
		at := written
		for range 4 { // however often a server undoes escapes
			if clean := path.Clean(strings.ReplaceAll(at, `\`, "/")); clean != "/v1/files" && !strings.HasPrefix(clean, "/v1/files/") {
				if undone, err := url.PathUnescape(clean); err != nil || undone != "/v1/files" && !strings.HasPrefix(undone, "/v1/files/") {
					t.Fatalf("%q leads to %q", written, clean)
				}
			}
			undone, err := url.PathUnescape(at)
			if err != nil {
				return
			}
			at = undone
		}
	})
}
