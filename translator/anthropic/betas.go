package anthropic

import (
	"slices"
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/claude"
)

// The beta features that fields of their own belong to.
const (
	betaContext = "context-management-2025-06-27"
	betaCompact = "compact-2026-01-12"
	betaBinding = "thinking-binding-controls-2026-08-01"
	betaBudget  = "task-budgets-2026-03-13"
	betaThink   = "interleaved-thinking-2025-05-14"
)

// Searching for tools, as Anthropic calls it and as the clouds do.
const (
	betaSearch      = "advanced-tool-use-2025-11-20"
	betaSearchCloud = "tool-search-tool-2025-10-19"
)

// clouds are the betas that Bedrock and Vertex AI know. One that a home does not
// know fails the whole request there. At Anthropic's own the caller's list goes
// through: betas come faster than releases of ours.
var clouds = map[home][]string{
	bedrock: {betaThink, "context-1m-2025-08-07", betaContext, "computer-use-2025-01-24", "computer-use-2025-11-24", betaSearchCloud, betaCompact,
		"mid-conversation-tool-changes-2026-07-01", "fine-grained-tool-streaming-2025-05-14", "token-efficient-tools-2025-02-19",
		"output-128k-2025-02-19", "dev-full-thinking-2025-05-14", "pdfs-2024-09-25", "search-results-2025-06-09"},
	vertex: {betaThink, "context-1m-2025-08-07", betaContext, "computer-use-2025-01-24", "computer-use-2025-11-24", betaSearchCloud, betaCompact,
		"mid-conversation-tool-changes-2026-07-01"},
}

// knows reports whether the home takes a beta for the model.
func (d *Dialect) knows(beta string, m claude.Model) bool {
	switch {
	case d.home == direct:
		return true
	case d.home == bedrock && m.Has(claude.BedrockPlain):
		return beta == betaThink
	}
	return slices.Contains(clouds[d.home], beta)
}

// asked returns the beta features that the caller asks for.
func asked(t *chat.Trip) (betas []string) {
	add := func(list string) {
		for b := range strings.SplitSeq(list, ",") {
			if b = strings.TrimSpace(b); b != "" && !slices.Contains(betas, b) {
				betas = append(betas, b)
			}
		}
	}
	if t.Header != nil {
		add(t.Header.Get("anthropic-beta"))
	}
	v := t.Request.Extension("anthropic_beta")
	add(v.String())
	for e := v.Elements(); e.Next(); {
		add(e.Value().String())
	}
	return betas
}

// fitBetas leaves out the betas that the home does not know.
func (d *Dialect) fitBetas(t *chat.Trip) (fit []string) {
	m := modelOf(t)
	for _, b := range asked(t) {
		if b == betaSearch && d.home != direct {
			b = betaSearchCloud
		}
		if d.knows(b, m) {
			fit = append(fit, b)
		} else {
			t.Warn("anthropic_beta", "unsupported")
		}
	}
	return fit
}

// has reports whether one of the betas goes with the request.
func (w *writer) has(betas ...string) bool {
	return slices.ContainsFunc(w.betas, func(b string) bool { return slices.Contains(betas, b) })
}
