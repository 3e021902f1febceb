package translator

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"llmroute/translator/chat"
)

// models are those that the cases of the rules tell apart, of every vendor.
var models = []string{
	"claude-sonnet-4-5", "claude-3-5-haiku-20241022", "claude-opus-4-6", "claude-sonnet-5", "claude-opus-5-5",
	"anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-opus-5-5-v1", "amazon.nova-pro-v1:0", "amazon.nova-omni-v1:0",
	"meta.llama3-3-70b-instruct-v1:0", "mistral.mistral-large-2407-v1:0", "mistral.voxtral-small-24b-2507", "cohere.command-r-plus-v1:0",
	"gemini-2.0-flash", "gemini-2.5-flash", "gemini-3.1-pro-preview", "gemini-3.8-flash",
	"deepseek.r1-v1:0", "openai.gpt-oss-120b-1:0", "openai.gpt-5-v1", "moonshotai.kimi-k2", "qwen.qwen3-32b-v1:0",
}

// witness is a request for which a certain case of the rules holds.
type witness struct {
	model string
	probe *probe
}

// caseOf returns which case of a field's rules holds for a request, or -1 when
// it cannot be read.
func caseOf(t testing.TB, s Schema, model string, p *probe) int {
	t.Helper()
	body := request(t, model, p.Body)
	trip := chat.Trip{Header: headers{}, Options: chat.Options{Model: model, Asked: model, Project: "p", Location: "l"}}
	if err := clients[OpenAI].ReadRequest(&trip, body); err != nil {
		t.Fatalf("%s: %v", p.Field, err)
	}
	return slices.IndexFunc(backends[s].Rules()[p.field], func(c chat.Case) bool { return c.If == nil || c.If(&trip) })
}

// witnesses returns requests for each case of a field.
func witnesses(t testing.TB, s Schema, f chat.Field, all []probe) [][]witness {
	t.Helper()
	found := make([][]witness, len(backends[s].Rules()[f]))
	for i := range all {
		if all[i].field != f {
			continue
		}
		for _, model := range models {
			n := caseOf(t, s, model, &all[i])
			found[n] = append(found[n], witness{model, &all[i]})
		}
	}
	return found
}

// TestVerdicts holds every cell of the matrix against what really becomes of a
// request: what is dropped shows in a warning, what is refused is a 422 that
// names the field, and unsupportedParameters moves the line between them.
func TestVerdicts(t *testing.T) {
	all := probes(t)
	for s, home := range backends {
		for _, f := range chat.Fields() {
			for i, of := range witnesses(t, s, f, all) {
				c := home.Rules()[f][i]
				if len(of) == 0 {
					t.Errorf("%s, %s: no request leads to %q; add a model, or a probe", s, f, c.Verdict.String()+" "+c.When)
				}
				for _, w := range of {
					t.Run(fmt.Sprintf("%s/%s/%s", s, f, w.model), func(t *testing.T) { w.hold(t, s, c.Verdict) })
				}
			}
		}
	}
}

// hold compares a verdict with what becomes of the request, under each option.
func (w witness) hold(t *testing.T, s Schema, v chat.Verdict) {
	t.Helper()
	for _, option := range []Unsupported{"", RejectUnsupported, DropUnsupported} {
		now := v
		switch {
		case v == chat.Shift && option == RejectUnsupported:
			now = chat.Refuse
		case v == chat.Refuse && option == DropUnsupported:
			now = chat.Shift
		}
		b := Backend{Schema: s, Prefix: "/v1", Project: "p", Location: "l", UnsupportedParameters: option}
		body := request(t, w.model, w.probe.Body)
		out, err := told(t, &b, w.model, body)
		if option != "" {
			t.Logf("unsupportedParameters: %s", option)
		}
		switch {
		case now == chat.Refuse:
			w.refused(t, err)
		case now == chat.Warn, now == chat.Shift:
			if err != nil || !slices.ContainsFunc(out.Warn, func(line string) bool { return strings.HasPrefix(line, w.probe.Warns+";") }) {
				t.Errorf("warnings %q, error %v: want one of %s", out.Warn, err, w.probe.Warns)
			}
		case w.probe.Value && err != nil:
			w.refused(t, err)
		default:
			w.arrived(t, &b, &out, err)
		}
	}
}

// refused looks for the field's name in a refusal.
func (w witness) refused(t *testing.T, err error) {
	t.Helper()
	r, ok := errors.AsType[*Refusal](err)
	switch {
	case !ok:
		t.Errorf("error %v, want a refusal", err)
	case r.Status != 422 || !strings.HasPrefix(r.Code, "unsupported_"):
		t.Errorf("%d %s: %s", r.Status, r.Code, r.Message)
	case !names(w.probe, r.Param):
		t.Errorf("the refusal names %q: %s", r.Param, r.Message)
	}
}

var index = regexp.MustCompile(`\[\d+\]`)

// names reports whether a path leads to something that the probe sent, or to one
// of its messages.
func names(p *probe, path string) bool {
	path = index.ReplaceAllString(path, "[]")
	return path == "messages[]" || paths(p.Body)[path]
}

// quiet are the fields that may make no difference to what is sent, each with
// the reason.
var quiet = map[chat.Field]string{
	chat.StreamOptions: "the answer is written by us: it reports its usage, or not, whatever the provider does",
	chat.Model:         "there is no request without one",
	chat.History:       "clients echo all that they were given; what another provider signed is left out without a word",
}

// unsaid are values that one schema has no words for because they are its own
// default, each with the reason.
var unsaid = map[Schema]map[string]string{
	GCPVertexAI: {`"default"`: "a request that names no tier is of Vertex AI's default one"},
}

// arrived looks for a difference that the field makes, or for a word about what
// it does not.
func (w witness) arrived(t *testing.T, b *Backend, out *Edit, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("refused: %v", err)
		return
	}
	if len(out.Warn) > 0 || quiet[w.probe.field] != "" || unsaid[b.Schema][string(w.probe.Body["service_tier"])] != "" {
		return
	}
	plain, err := told(t, b, w.model, request(t, w.model, w.probe.Without))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(out.Body, plain.Body) && out.Path == plain.Path && slices.Equal(out.Set, plain.Set) {
		t.Errorf("the field makes no difference to %s %s", out.Path, out.Body)
	}
}
