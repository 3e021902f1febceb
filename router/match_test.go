package router

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"llmroute/router/config"
)

func TestConditions(t *testing.T) {
	tests := []struct {
		name  string
		match string // "|" between the alternatives of one rule
		ask   string
		want  bool
	}{
		{"no conditions", "", "GET h /x", true},
		{"model", "model:m", "POST h /v1/x model:m", true},
		{"model differs in case", "model:m", "POST h /v1/x model:M", false},
		{"model is missing", "model:m", "POST h /v1/x", false},
		{"model header of the client's", "model:m", "POST h /v1/x x-envoy-ai-gateway-llm-model:m", false},
		{"model header of the client's beside another model", "model:m", "POST h /v1/x model:o x-envoy-ai-gateway-llm-model:m", false},
		{"stream", "stream:true", "POST h /v1/x stream", true},
		{"stream wanted, not asked", "stream:true", "POST h /v1/x", false},
		{"stream not wanted, asked", "stream:false", "POST h /v1/x stream", false},
		{"stream not wanted", "stream:false", "POST h /v1/x", true},
		{"stream in other words", "stream:TRUE", "POST h /v1/x stream", false},
		{"stream header of the client's", "stream:true", "POST h /v1/x x-envoy-ai-gateway-llm-stream:true", false},
		{"reserved header", "x-envoy-ai-gateway-other:1", "POST h /v1/x x-envoy-ai-gateway-other:1", false},
		{"reserved header of ours", "x-llmroute-backend:1", "POST h /v1/x x-llmroute-backend:1", false},

		{"header", "x-a:1", "GET h / x-a:1", true},
		{"header value differs in case", "x-a:v", "GET h / x-a:V", false},
		{"header is missing", "x-a:1", "GET h / x-b:1", false},
		{"two headers, both", "x-a:1 x-b:2", "GET h / x-b:2 x-a:1", true},
		{"two headers, one", "x-a:1 x-b:2", "GET h / x-a:1", false},
		{"model and header", "model:m x-a:1", "GET h / model:m x-a:1", true},
		{"model without the header", "model:m x-a:1", "GET h / model:m", false},
		{"repeated header, second value", "x-a:2", "GET h / x-a:1 x-a:2", true},
		{"alternatives, first", "x-a:1 | x-b:2", "GET h / x-a:1", true},
		{"alternatives, second", "x-a:1 | x-b:2", "GET h / x-b:2", true},
		{"alternatives, neither", "x-a:1 | x-b:2", "GET h / x-a:2 x-b:1", false},
		{"host header", "host:h", "GET h /", true},
		{"another host header", "host:h", "GET o / host:h", false},

		{"method", "GET", "GET h /", true},
		{"another method", "GET", "POST h /", false},

		{"exact path", "=/v1", "GET h /v1", true},
		{"exact path with more behind", "=/v1", "GET h /v1/x", false},
		{"exact path with a slash behind", "=/v1", "GET h /v1/", false},
		{"exact path in another case", "=/v1", "GET h /V1", false},
		{"exact path and a query", "=/v1", "GET h /v1?x=1", true},
		{"prefix itself", "/v1", "GET h /v1", true},
		{"prefix and a slash", "/v1", "GET h /v1/", true},
		{"prefix and a segment", "/v1", "GET h /v1/x/y", true},
		{"prefix within a segment", "/v1", "GET h /v1x", false},
		{"prefix written with a slash", "/v1/", "GET h /v1", true},
		{"longer than the path", "/v1/x", "GET h /v1", false},
		{"prefix of two segments", "/v1/x", "GET h /v1/x/y", true},
		{"root prefix", "/", "GET h /anything", true},
		{"root prefix and no path", "/", "OPTIONS h *", true},

		{"query", "?q=1", "GET h /?q=1", true},
		{"query among others", "?q=1", "GET h /?p=0&q=1&r=2", true},
		{"query value", "?q=1", "GET h /?q=11", false},
		{"query name in another case", "?q=1", "GET h /?Q=1", false},
		{"query is missing", "?q=1", "GET h /", false},
		{"repeated query, first value", "?q=1", "GET h /?q=1&q=2", true},
		{"repeated query, second value", "?q=2", "GET h /?q=1&q=2", false},
		{"query decoded", "?q=a/b", "GET h /?q=a%2Fb", true},
		{"query decoded in lower case", "?q=a/b", "GET h /?q=a%2fb", true},
		{"query name decoded", "?q=1", "GET h /?%71=1", true},
		{"query ends in half an escape", "?q=a%2", "GET h /?q=a%2", true},
		{"query with an escape that is none", "?q=%zz1", "GET h /?q=%zz%31", true},
		{"query longer once decoded", "?q=a", "GET h /?q=a%62", false},
		{"query shorter once decoded", "?q=ab", "GET h /?q=%61", false},
		{"query plus", "?q=a+b", "GET h /?q=a+b", true},
		{"query without a value", "?q=", "GET h /?q", true},
		{"two queries, both", "?q=1 ?r=2", "GET h /?r=2&q=1", true},
		{"two queries, one", "?q=1 ?r=2", "GET h /?q=1", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, got := compile(route("r", rules(tt.match)...)).Match(ask(tt.ask))
			if got != tt.want {
				t.Errorf("%q matches %q: got %v, want %v", tt.match, tt.ask, got, tt.want)
			}
		})
	}
}

func TestNoHeadersAtAll(t *testing.T) {
	if _, _, ok := compile(route("r", rules("x-a:1")...)).Match(&Ask{Path: "/"}); ok {
		t.Error("a header condition matches a request without headers")
	}
}

func TestRulePrecedence(t *testing.T) {
	tests := []struct {
		name  string
		rules []string
		ask   string
		want  string
	}{
		{"first rule on ties", []string{"model:m", "model:m"}, "GET h / model:m", "r/0"},
		{"first rule on ties between conditions", []string{"x-b:1", "model:m", "x-a:1"}, "GET h / model:m x-a:1", "r/1"},
		{"first rule on ties, the model's second", []string{"x-b:1", "model:m"}, "GET h / model:m x-b:1", "r/0"},
		{"more headers, though later", []string{"model:m", "model:m x-a:1"}, "GET h / model:m x-a:1", "r/1"},
		{"more headers of others than the model", []string{"model:m", "x-a:1 x-b:1"}, "GET h / model:m x-a:1 x-b:1", "r/1"},
		{"more headers that are not there", []string{"model:m", "model:m x-a:1"}, "GET h / model:m", "r/0"},
		{"rule without matches is last", []string{"", "model:m"}, "GET h / model:m", "r/1"},
		{"rule without matches catches the rest", []string{"model:m", ""}, "GET h / model:o", "r/1"},
		{"exact path beats a prefix of its length", []string{"/v1/x", "=/v1/x"}, "GET h /v1/x", "r/1"},
		{"exact path beats headers", []string{"/v1/x model:m x-a:1", "=/v1/x"}, "GET h /v1/x model:m x-a:1", "r/1"},
		{"longer prefix beats a shorter", []string{"/v1", "/v1/x"}, "GET h /v1/x/y", "r/1"},
		{"longer prefix beats the model", []string{"model:m", "/v1"}, "GET h /v1/x model:m", "r/1"},
		{"prefixes with and without a slash tie", []string{"/v1", "/v1/"}, "GET h /v1/x", "r/0"},
		{"model within a prefix beats the prefix", []string{"/v1", "/v1 model:m"}, "GET h /v1/x model:m", "r/1"},
		{"model elsewhere falls to the shorter prefix", []string{"model:m", "/v1 model:o"}, "GET h /v1/x model:m", "r/0"},
		{"method beats headers", []string{"model:m x-a:1", "GET"}, "GET h / model:m x-a:1", "r/1"},
		{"prefix beats a method", []string{"GET", "/v1"}, "GET h /v1", "r/1"},
		{"headers beat queries", []string{"?q=1 ?r=1", "x-a:1"}, "GET h /?q=1&r=1 x-a:1", "r/1"},
		{"more queries", []string{"?q=1", "?q=1 ?r=1"}, "GET h /?q=1&r=1", "r/1"},
		{"best alternative of a rule counts", []string{"x-a:1", "x-c:1 | x-a:1 x-b:1"}, "GET h / x-a:1 x-b:1", "r/1"},
		{"none", []string{"model:m", "x-a:1"}, "GET h / model:o", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(taken(compile(route("r", rules(tt.rules...)...)), ask(tt.ask)), tt.want); diff != "" {
				t.Errorf("taken by (-got +want):\n%s", diff)
			}
		})
	}
}

func TestRoutePrecedence(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2025, 1, n, 0, 0, 0, 0, time.UTC) }
	r := func(namespace, name string, created time.Time, text string) *config.Route {
		out := route(name, rules(text)...)
		out.Namespace, out.Created = namespace, created
		return out
	}
	tests := []struct {
		name   string
		routes []*config.Route
		want   string
	}{
		{"the older", []*config.Route{r("default", "a", day(2), "x-a:1"), r("default", "b", day(1), "x-a:1")}, "b/0"},
		{"the better match before the older", []*config.Route{r("default", "a", day(1), "x-a:1"), r("default", "b", day(2), "x-a:1 x-b:1")}, "b/0"},
		{"the name when equally old", []*config.Route{r("default", "b", day(1), "x-a:1"), r("default", "a", day(1), "x-a:1")}, "a/0"},
		{"the namespace before the name", []*config.Route{r("z", "a", day(1), "x-a:1"), r("y", "b", day(1), "x-a:1")}, "b/0"},
		{"the order of files without dates", []*config.Route{r("default", "b", time.Time{}, "x-a:1"), r("default", "a", time.Time{}, "x-a:1")}, "b/0"},
		{"dated before undated", []*config.Route{r("default", "a", time.Time{}, "x-a:1"), r("default", "b", day(9), "x-a:1")}, "b/0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(taken(compile(tt.routes...), ask("GET h / x-a:1 x-b:1")), tt.want); diff != "" {
				t.Errorf("taken by (-got +want):\n%s", diff)
			}
		})
	}
}

func TestHostnames(t *testing.T) {
	r := func(name, text string, hostnames ...string) *config.Route {
		out := route(name, rules(text)...)
		out.Hostnames = hostnames
		return out
	}
	s := compile(
		r("any", ""),
		r("star", "", "*.example.com"),
		r("longer-star", "", "*.a.example.com"),
		r("exact", "", "www.example.com", "x.a.example.com"),
		r("picky", "x-a:1", "picky.example.com"),
	)
	tests := []struct{ host, want string }{
		{"other.org", "any/0"},
		{"", "any/0"},
		{"www.example.com", "exact/0"},
		{"WWW.Example.COM", "exact/0"},
		{"www.example.com:8080", "exact/0"},
		{"www.example.com.", "any/0"},
		{"x.a.example.com", "exact/0"},
		{"y.a.example.com", "longer-star/0"},
		{"y.z.a.example.com:1", "longer-star/0"},
		{"a.example.com", "star/0"},
		{"b.example.com", "star/0"},
		{"c.b.example.com", "star/0"},
		{"example.com", "any/0"},
		{".example.com", "any/0"},
		{"notexample.com", "any/0"},
		{"[::1]:8080", "any/0"},
		{"[::1]", "any/0"},
	}
	for _, tt := range tests {
		t.Run(tt.host, func(t *testing.T) {
			got := taken(s, &Ask{Host: tt.host, Path: "/"})
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("taken by (-got +want):\n%s", diff)
			}
		})
	}
	t.Run("hostname before everything else", func(t *testing.T) {
		got := taken(compile(r("any", "=/v1 GET x-a:1 x-b:1"), r("exact", "", "h.org")), ask("GET h.org /v1 x-a:1 x-b:1"))
		if diff := cmp.Diff(got, "exact/0"); diff != "" {
			t.Errorf("taken by (-got +want):\n%s", diff)
		}
	})
	t.Run("a miss falls to the less specific", func(t *testing.T) {
		for request, want := range map[string]string{
			"GET picky.example.com / x-a:1": "picky/0",
			"GET picky.example.com / x-a:2": "star/0",
		} {
			if diff := cmp.Diff(taken(s, ask(request)), want); diff != "" {
				t.Errorf("%s taken by (-got +want):\n%s", request, diff)
			}
		}
	})
}
