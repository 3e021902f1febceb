package router

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"llmroute/router/config"
	"llmroute/translator"
)

// fields are a request's headers, repeats included.
type fields []config.Field

func (f fields) Has(name, value string) bool {
	return slices.Contains(f, config.Field{Name: name, Value: value})
}

// backend returns one that somebody else's cluster reaches, and that wants no key.
func backend(id string, edit ...func(*config.Backend)) *config.Backend {
	b := &config.Backend{
		ID: id, Cluster: "cluster-" + id, Schema: translator.Backend{Schema: translator.OpenAI, Prefix: "/v1"},
		Auth: config.Auth{Type: config.AuthNone}, Timeout: time.Minute, IdleTimeout: time.Minute,
	}
	for _, e := range edit {
		e(b)
	}
	return b
}

func addressable(b *config.Backend) { b.Addressable = true }

func serving(models ...string) func(*config.Backend) {
	return func(b *config.Backend) { b.Models = models }
}

func override(model string) func(*config.Backend) {
	return func(b *config.Backend) { b.ModelNameOverride = model }
}

func keyed(key config.Secret) func(*config.Backend) {
	return func(b *config.Backend) {
		b.Auth = config.Auth{Type: config.AuthAPIKey, Header: "authorization", Prefix: "Bearer ", Key: key, From: "environment variable SOME_KEY"}
	}
}

// to makes backend refs of "id" and "id=weight".
func to(refs ...string) []config.BackendRef {
	out := make([]config.BackendRef, 0, len(refs))
	for _, r := range refs {
		id, weight, ok := strings.Cut(r, "=")
		n := 1
		if ok {
			n, _ = strconv.Atoi(weight)
		}
		out = append(out, config.BackendRef{Backend: id, Weight: int32(n)})
	}
	return out
}

// missing marks the refs to a backend that is not configured.
func missing(refs []config.BackendRef, id string) []config.BackendRef {
	for i := range refs {
		refs[i].Missing = refs[i].Missing || refs[i].Backend == id
	}
	return refs
}

// match reads conditions written as "=/exact", "/prefix", "POST", "name:value",
// "?name=value"; a name without "-" before the colon is the model's.
func match(conditions string) config.Match {
	var m config.Match
	for c := range strings.FieldsSeq(conditions) {
		switch {
		case strings.HasPrefix(c, "=/"):
			m.Path = config.PathMatch{Exact: true, Value: c[1:]}
		case strings.HasPrefix(c, "/"):
			m.Path = config.PathMatch{Value: c}
		case strings.HasPrefix(c, "?"):
			name, value, _ := strings.Cut(c[1:], "=")
			m.Query = append(m.Query, config.Field{Name: name, Value: value})
		case strings.Contains(c, ":"):
			name, value, _ := strings.Cut(c, ":")
			switch name {
			case "model":
				name = headerModel
			case "stream":
				name = headerStream
			}
			m.Headers = append(m.Headers, config.Field{Name: name, Value: value})
		default:
			m.Method = c
		}
	}
	return m
}

// rules makes one rule of each text; alternatives stand apart by "|". Every
// rule leads to the backend "b".
func rules(texts ...string) []config.Rule {
	out := make([]config.Rule, 0, len(texts))
	for _, text := range texts {
		r := config.Rule{Backends: to("b")}
		for alternative := range strings.SplitSeq(text, "|") {
			if text != "" {
				r.Matches = append(r.Matches, match(alternative))
			}
		}
		out = append(out, r)
	}
	return out
}

func route(name string, rs ...config.Rule) *config.Route {
	return &config.Route{Namespace: "default", Name: name, LLMRoute: name, Rules: rs}
}

func rule1(matches string, refs []config.BackendRef) config.Rule {
	r := rules(matches)[0]
	r.Backends = refs
	return r
}

// compile compiles routes beside the backend "b".
func compile(routes ...*config.Route) *Snapshot {
	return Compile(&config.Config{Backends: []*config.Backend{backend("b")}, Routes: routes})
}

// ask reads a request written as "METHOD host path?query", then any of "model:m",
// "stream" and "name:value".
func ask(text string) *Ask {
	words := strings.Fields(text)
	a := &Ask{Method: words[0], Host: words[1], Headers: fields(nil)}
	a.Path, a.Query, _ = strings.Cut(words[2], "?")
	var headers fields
	for _, w := range words[3:] {
		name, value, _ := strings.Cut(w, ":")
		switch name {
		case "model":
			a.Model = value
		case "stream":
			a.Stream = true
		default:
			headers = append(headers, config.Field{Name: name, Value: value})
		}
	}
	a.Headers = headers
	return a
}

// taken names the rule that takes a request: "route/0", or "" for none.
func taken(s *Snapshot, a *Ask) string {
	r, i, ok := s.Match(a)
	if !ok {
		return ""
	}
	return r.Name + "/" + strconv.Itoa(i)
}
