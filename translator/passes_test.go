package translator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"llmroute/translator/chat"
)

// Backends that speak OpenAI's dialect have no rules: most of what they are sent
// is never looked at. What becomes of a field there is measured, by sending each
// probe on its way.

// Models of OpenAI's, and of somebody else's at Azure.
const (
	ownModel   = "gpt-5"
	otherModel = "DeepSeek-V3.2"
)

// measured returns the verdict on a probe for a model at a backend.
func measured(t testing.TB, b Backend, model string, p *probe) chat.Verdict {
	t.Helper()
	body := request(t, model, p.Body)
	out, err := told(t, &b, model, body)
	switch {
	case err != nil:
		return chat.Refuse
	case len(out.Warn) > 0:
		for _, line := range out.Warn {
			name, _, _ := strings.Cut(line, ";")
			if _, ok := p.Body[name]; !ok && name != p.Warns {
				t.Errorf("%s: a warning names %s", p.Field, name)
			}
		}
		b.UnsupportedParameters = RejectUnsupported
		if _, err := told(t, &b, model, body); err != nil {
			return chat.Shift
		}
		return chat.Warn
	case p.field == chat.Model && strings.Contains(out.Path, model):
		return chat.Translate
	case len(out.Body) == 0:
		return chat.Pass
	}
	return compared(t, p, body, out.Body)
}

// compared tells what is passed on from what is said otherwise, by the probe's
// own members.
func compared(t testing.TB, p *probe, sent, got []byte) chat.Verdict {
	t.Helper()
	var before, after bodyMembers
	if err := json.Unmarshal(sent, &before); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got, &after); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	v := chat.Pass
	for name := range p.Body {
		if bytes.Equal(before[name], after[name]) {
			continue
		}
		v = chat.Translate
		if len(after[name]) == 0 && !bytes.Contains(got, before[name]) {
			t.Errorf("%s: %s is gone without a word", p.Field, name)
		}
	}
	return v
}

// azureDays are the days on which Azure's dated versions learned something, the
// newest first.
func azureDays() []string {
	days := map[string]bool{azureJSONSchema: true, azureStreamUsage: true, azureDeveloper: true, azureAudioParts: true}
	for _, f := range azureFields {
		if f.since != "" {
			days[f.since] = true
		}
	}
	return slices.SortedFunc(maps.Keys(days), func(a, b string) int { return cmp.Compare(b, a) })
}

// passedCell returns the cell of a field at a backend that speaks OpenAI's
// dialect. A further probe has its say where it fares otherwise than the first.
func passedCell(t testing.TB, s Schema, of []probe) string {
	t.Helper()
	var cells []string
	for i := range of {
		p := &of[i]
		cell := measured(t, Backend{Schema: s, Prefix: "/v1"}, ownModel, p).String()
		if s == AzureOpenAI {
			cell = azureCell(t, p, cell)
		}
		switch {
		case i == 0:
			cells = append(cells, cell)
		case cell != cells[0]:
			letter, _, _ := strings.Cut(cells[0], ";")
			cells = append(cells, p.When+" "+strings.ReplaceAll(strings.TrimPrefix(cell, letter+"; "), ";", ","))
		}
	}
	return strings.Join(slices.Compact(cells), "; ")
}

// azureCell adds to what the v1 API does what it does for others' models, and
// what the dated versions do.
func azureCell(t testing.TB, p *probe, v1 string) string {
	t.Helper()
	cell, last, before := v1, v1, ""
	if others := measured(t, Backend{Schema: AzureOpenAI, Prefix: "/openai/v1"}, otherModel, p).String(); others != v1 {
		cell += "; not OpenAI's " + others
	}
	for _, day := range append(azureDays(), "2023-05-15") {
		now := measured(t, Backend{Schema: AzureOpenAI, Prefix: "/openai", Version: day + "-preview"}, ownModel, p).String()
		switch {
		case now == last:
		case before == "":
			cell += "; dated " + now
		default:
			cell += "; before " + before + " " + now
		}
		last, before = now, day
	}
	return cell
}
