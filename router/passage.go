package router

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"llmroute/translator"
)

// passage is a prefix of paths that one backend takes, whatever routes say: its
// requests name no model, so nothing else can tell where they go.
type passage struct {
	prefix  string
	backend *Backend
}

func (s *Snapshot) compilePassages(backends []*Backend) {
	for _, b := range backends {
		for _, p := range b.Paths {
			s.passages = append(s.passages, passage{p, b})
		}
	}
	slices.SortFunc(s.passages, func(a, b passage) int {
		return cmp.Or(len(b.prefix)-len(a.prefix), strings.Compare(a.prefix, b.prefix))
	})
}

// Passage fills p for a request of a path that some backend has opened, and
// reports whether there is one: of the prefixes that the path has, the longest
// counts. An error is a *translator.Refusal.
//
// A path of which two servers might think differently is nobody's. Nor is an
// operation's that is posted to under another spelling: what is served by its
// model must not be had without one.
func (s *Snapshot) Passage(p *Plan, method, path string) (ok bool, err error) {
	if len(s.passages) == 0 {
		return false, nil
	}
	plain, ok := plainPath(path)
	if !ok || method == "POST" && translator.OperationOf(strings.ToLower(strings.TrimRight(plain, "/"))) != translator.None {
		return false, nil
	}
	for i := range s.passages {
		if rest, ok := strings.CutPrefix(plain, s.passages[i].prefix); ok && (rest == "" || rest[0] == '/') {
			*p = Plan{ModelLabel: otherModel}
			p.Backend, err = s.passages[i].backend.ready()
			return true, err
		}
	}
	return false, nil
}

// plainPath returns what a path means, once its escapes are undone. It is not ok
// when that leads elsewhere, or would at a server that reads it in another way:
// when a segment is empty, dots alone, or holds a slash, and when there are
// escapes within escapes.
func plainPath(path string) (plain string, ok bool) {
	if !strings.HasPrefix(path, "/") {
		return "", false
	}
	segments := strings.Split(strings.TrimSuffix(path[1:], "/"), "/")
	for i, segment := range segments {
		decoded, err := url.PathUnescape(segment)
		if err != nil || strings.ContainsAny(decoded, "/\\%") || strings.ContainsFunc(decoded, isControl) {
			return "", false
		}
		name, _, _ := strings.Cut(decoded, ";") // some servers take the rest for parameters
		if strings.Trim(name, ".") == "" {
			return "", false
		}
		segments[i] = decoded
	}
	return "/" + strings.Join(segments, "/"), true
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
