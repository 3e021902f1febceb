package admin

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"time"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// policy lets the browser apply our own style sheet and nothing else; there is
// no script.
var policy = func() string {
	sum := sha256.Sum256([]byte(pageCSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"css":    func() template.CSS { return template.CSS(pageCSS) }, //nolint:gosec // our own file
	"number": number,
	"rfc":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
}).Parse(pageHTML))

// view is a Status as the page shows it.
type view struct {
	Status
	now    time.Time
	Totals bool
}

// Age says how long ago t was.
func (v view) Age(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return age(v.now.Sub(t))
}

// view joins what the functions of Options say. A backend that has counts and
// is no longer configured is shown all the same, as are requests that came to
// none: counts that vanish are counts one cannot trust.
func (p port) view() view {
	v := view{Status: p.Status(), now: p.Now()}
	if err := p.Ready(); err != nil {
		v.NotReady = err.Error()
	}
	if p.Totals == nil {
		return v
	}
	v.Totals = true
	v.Backends = slices.Clone(v.Backends)
	configured := len(v.Backends)
	for _, t := range p.Totals() {
		i := slices.IndexFunc(v.Backends[:configured], func(b Backend) bool { return b.ID == t.Backend })
		if i < 0 {
			b := Backend{ID: t.Backend, Note: "no longer configured"}
			if t.Backend == "" {
				b.ID, b.Note = "none", "requests that were answered or refused here"
			}
			v.Backends = append(v.Backends, b)
			i = len(v.Backends) - 1
		}
		b := &v.Backends[i]
		b.Requests, b.Failed, b.InputTokens, b.OutputTokens = t.Requests, t.Failed, t.InputTokens, t.OutputTokens
	}
	return v
}

func (p port) page(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p.view()); err != nil {
		http.Error(w, "status page: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}

// age spells a duration with the one or two units that matter.
func age(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min ago", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d d %d h ago", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// number groups the digits of n: 1 234 567, with narrow no-break spaces.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}
