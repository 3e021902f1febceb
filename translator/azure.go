package translator

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Azure serves OpenAI's API under two kinds of path. The dated versions name the
// deployment in the path of most operations and know only the fields of their
// day; the v1 API is OpenAI's own, with the deployment as the model.

// isDated reports whether b is spoken to in a dated version such as
// "2024-10-21" or "2025-04-01-preview".
func (b *Backend) isDated() bool {
	return b.Schema == AzureOpenAI && len(b.Version) >= len("2006-01-02") && b.Version[0] <= '9'
}

// since reports whether b's dated version is of that day or later. Previews and
// stable versions follow each other by date.
func (b *Backend) since(day string) bool {
	return day != "" && b.Version[:len("2006-01-02")] >= day
}

// azureResponses is the first dated version with the Responses API.
const azureResponses = "2025-03-01"

// azurePath returns the path and query of an operation on Azure, and whether the
// path names the deployment, so that the body need not.
func azurePath(b *Backend, op Operation, in *Call) (path string, named bool, err error) {
	switch op {
	case Responses:
		if b.isDated() && !b.since(azureResponses) {
			return "", false, unsupportedOperation(op, "Azure OpenAI offers it from api-version "+azureResponses+"-preview on.")
		}
	default:
		named = b.isDated()
	}
	path = b.Prefix
	if named {
		deployment := url.PathEscape(in.Model)
		if strings.Trim(deployment, ".") == "" {
			// Dots alone would lead to another path on the resource.
			return "", false, Invalid("invalid_value", "model", fmt.Sprintf("The model '%s' cannot be the name of a deployment.", in.Model))
		}
		path += "/deployments/" + deployment
	}
	path += op.Path()
	if query := azureQuery(b.Version, in.Query); query != "" {
		path += "?" + query
	}
	return path, named, nil
}

// azureQuery returns the client's query with the configured version, and no
// other, in it.
func azureQuery(version, query string) string {
	const name = "api-version"
	var out []string
	for part := range strings.SplitSeq(query, "&") {
		key, _, _ := strings.Cut(part, "=")
		// Azure reads names without regard to case.
		if key, err := url.QueryUnescape(key); part != "" && (err != nil || !strings.EqualFold(key, name)) {
			out = append(out, part)
		}
	}
	if version != "" {
		out = append(out, name+"="+url.QueryEscape(version))
	}
	return strings.Join(out, "&")
}

// ownPath returns the path and query of what is no operation. To clients of
// OpenAI's API everything is below /v1; where the backend speaks that, it is below
// whatever prefix it has there. Other paths are the backend's as they stand.
func (b *Backend) ownPath(in *Call) string {
	path, query := in.Path, in.Query
	if rest, ok := strings.CutPrefix(path, "/v1"); ok && (b.Schema == OpenAI || b.Schema == AzureOpenAI) && (rest == "" || rest[0] == '/') {
		path = b.Prefix + rest
	}
	if b.Schema == AzureOpenAI {
		query = azureQuery(b.Version, query)
	}
	if query != "" {
		path += "?" + query
	}
	return path
}

func unsupportedOperation(op Operation, why string) error {
	return &Refusal{Status: 422, Type: "invalid_request_error", Code: "unsupported_operation",
		Message: fmt.Sprintf("The chosen backend cannot serve POST /v1%s: %s", op.Path(), why)}
}

// azureField is a chat field that some version of Azure does not know.
type azureField struct {
	since   string  // the first day of dated versions that know it; "" for none
	never   bool    // the v1 API does not know it either
	own     bool    // the v1 API knows it for OpenAI's own models alone
	verdict verdict // what becomes of it where it is not known
	plain   string  // a value that says no more than leaving it out, besides null and empty ones
}

var azureFields = map[string]azureField{
	"audio":                  {since: "2025-01-01", verdict: refused},
	"metadata":               {since: "2024-12-01", verdict: dropped},
	"modalities":             {since: "2025-01-01", verdict: refused, plain: `["text"]`},
	"moderation":             {never: true, verdict: refused},
	"parallel_tool_calls":    {since: "2024-09-01", verdict: shifted, plain: "true"},
	"prediction":             {since: "2025-01-01", verdict: dropped},
	"prompt_cache_key":       {own: true, verdict: dropped},
	"prompt_cache_options":   {own: true, verdict: dropped},
	"prompt_cache_retention": {own: true, verdict: dropped},
	"reasoning_effort":       {since: "2024-12-01", verdict: dropped},
	"safety_identifier":      {own: true, verdict: dropped},
	"service_tier":           {verdict: dropped, plain: `"auto"`},
	"store":                  {since: "2024-12-01", verdict: dropped, plain: "false"},
	"stream_options":         {since: "2024-09-01", verdict: dropped},
	"verbosity":              {own: true, verdict: dropped},
	"web_search_options":     {never: true, verdict: refused},
}

// The days from which dated versions know what is no top-level field.
const (
	azureJSONSchema   = "2024-08-01"
	azureStreamUsage  = "2024-09-01" // the stable 2024-10-21 takes it, although its schema does not say so
	azureMaxCompleted = "2024-09-01"
	azureDeveloper    = "2024-12-01"
	azureAudioParts   = "2025-01-01"
)

// known reports whether b, an Azure backend, knows the field with this value for
// this model.
func (f *azureField) known(b *Backend, name, model string, value []byte) bool {
	if b.isDated() {
		return b.since(f.since)
	}
	if name == "service_tier" {
		return string(value) != `"scale"` && string(value) != `"fast"`
	}
	return !f.never && (!f.own || !b.isForeign(model))
}

// foreignModels are how the names of models begin that Azure serves and OpenAI
// has not made. They refuse as unknown what OpenAI's own ignore at worst.
var foreignModels = []string{"codestral", "cohere", "command", "deepseek", "grok", "jamba", "kimi", "llama", "mai-", "meta-", "ministral", "mistral", "phi-", "qwen"}

// isForeign reports whether a deployment is of such a model. A deployment is
// called as its owner likes; where that does not tell, the family does.
func (b *Backend) isForeign(model string) bool {
	name := b.ModelFamily
	if name == "" {
		name = model
	}
	name = strings.ToLower(name)
	return b.Schema == AzureOpenAI && slices.ContainsFunc(foreignModels, func(begin string) bool { return strings.HasPrefix(name, begin) })
}

// where names b in a refusal.
func (b *Backend) where() string {
	if b.isDated() {
		return "Azure OpenAI in api-version " + b.Version
	}
	return "Azure OpenAI"
}
