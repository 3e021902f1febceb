package router

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"llmroute/router/config"
	"llmroute/translator"
)

func TestBackendHeaders(t *testing.T) {
	const key = "k1"
	headers := func(m config.HeaderMutation) func(*config.Backend) {
		return func(b *config.Backend) { b.Headers = m }
	}
	h := func(name, value string) translator.Header { return translator.Header{Name: name, Value: value} }
	tests := []struct {
		name        string
		backend     *config.Backend
		set         []translator.Header
		remove      []string
		passthrough bool
	}{
		{name: "no key wanted", backend: backend("b")},
		{name: "key", backend: backend("b", keyed(key)), set: []translator.Header{h("authorization", "Bearer k1")}},
		{name: "key and headers", backend: backend("b", keyed(key), headers(config.HeaderMutation{
			Set: []translator.Header{h("x-org", "o")}, Remove: []string{"x-user"}})),
			set: []translator.Header{h("authorization", "Bearer k1"), h("x-org", "o")}, remove: []string{"x-user"}},
		{name: "configured in the key's place", backend: backend("b", keyed(key), headers(config.HeaderMutation{
			Set: []translator.Header{h("authorization", "Basic x")}})), set: []translator.Header{h("authorization", "Basic x")}},
		{name: "key taken off", backend: backend("b", keyed(key), headers(config.HeaderMutation{
			Remove: []string{"authorization"}})), remove: []string{"authorization"}},
		{name: "passthrough", backend: backend("b", func(b *config.Backend) { b.Auth.Type = config.AuthPassthrough }), passthrough: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := compileBackend(tt.backend)
			got := []any{b.Set, b.Remove, b.Passthrough, b.Cluster}
			if diff := cmp.Diff(got, []any{tt.set, tt.remove, tt.passthrough, "cluster-b"}); diff != "" {
				t.Errorf("set, remove, passthrough, cluster (-got +want):\n%s", diff)
			}
		})
	}
}

func TestTimeoutIsNeverForEver(t *testing.T) {
	for d, want := range map[time.Duration]string{time.Minute: "60000", time.Microsecond: "1", 1500 * time.Microsecond: "2"} {
		if got := compileBackend(backend("b", func(b *config.Backend) { b.Timeout = d })).TimeoutMS; got != want {
			t.Errorf("timeout of %v: got %s ms, want %s", d, got, want)
		}
	}
}

func TestMissingKeySaysWhereItShouldComeFrom(t *testing.T) {
	s := Compile(&config.Config{Backends: []*config.Backend{backend("b", keyed(""))}, DefaultBackend: "b"})
	err := s.Plan(new(Plan), &Ask{Path: "/", Model: "m"}, nil)
	if err == nil || !strings.Contains(err.Error(), "environment variable SOME_KEY") {
		t.Errorf("plan without a key: got %v, want the variable's name", err)
	}
}

func TestBackendsDoNotShowTheirKey(t *testing.T) {
	const key = "sk-do-not-show"
	p := Plan{Backend: compileBackend(backend("b", keyed(key)))}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v %+v %#v %s\n", p.Backend, p.Backend, p.Backend, p.Backend)
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("x", "backend", p.Backend, "plan", &p)
	}
	if err := json.NewEncoder(&out).Encode(p); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), key) {
		t.Errorf("output holds the key:\n%s", out.String())
	}
}

func TestMutateBody(t *testing.T) {
	field := func(path, value string) config.BodyField {
		return config.BodyField{Path: path, Value: json.RawMessage(value)}
	}
	all := config.BodyMutation{Set: []config.BodyField{field("a.b", "[1, 2]"), field("n", "null")}, Remove: []string{"user", "a"}}
	tests := []struct {
		name, body string
		mutation   config.BodyMutation
		want       string
		same       bool
	}{
		{name: "nothing to do", body: `{"a":1}`, want: `{"a":1}`, same: true},
		{name: "set", body: `{"x":1e400}`, mutation: config.BodyMutation{Set: all.Set}, want: `{"x":1e400,"a":{"b":[1, 2]},"n":null}`},
		{name: "replace", body: `{"n": 7,"x":1}`, mutation: config.BodyMutation{Set: all.Set[1:]}, want: `{"n": null,"x":1}`},
		{name: "remove", body: `{"user":"u","x":1}`, mutation: config.BodyMutation{Remove: all.Remove}, want: `{"x":1}`},
		{name: "remove what is not there", body: `{"x":1}`, mutation: config.BodyMutation{Remove: all.Remove}, want: `{"x":1}`},
		{name: "remove an escaped name", body: `{"us\u0065r":"u","x":1}`, mutation: config.BodyMutation{Remove: all.Remove}, want: `{"x":1}`},
		{name: "remove, then set", body: ` {"a":{"c":1}}`, mutation: all, want: `{"a":{"b":[1, 2]},"n":null}`},
		{name: "a form", body: "--x\r\n{\"user\":1}\r\n--x--", mutation: all, want: "--x\r\n{\"user\":1}\r\n--x--", same: true},
		{name: "empty", body: "", mutation: all, want: "", same: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := compileBackend(backend("b", func(b *config.Backend) { b.Body = tt.mutation }))
			in := []byte(tt.body)
			got, err := b.MutateBody(in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimSpace(string(got)), tt.want); diff != "" {
				t.Errorf("body (-got +want):\n%s", diff)
			}
			if string(in) != tt.body {
				t.Errorf("the body given was written to: %s", in)
			}
			if same := len(got) == len(in) && (len(in) == 0 || &got[0] == &in[0]); tt.same && !same {
				t.Error("the body was copied though there is nothing to do")
			}
		})
	}
}
