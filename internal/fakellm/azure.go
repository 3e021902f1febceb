package fakellm

import (
	"iter"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
)

// azure is OpenAI's API as Azure serves it: under dated versions with the
// deployment in the path, or under v1 with the deployment as the model.
var azure = dialect{find: findAzure, spell: spellAzure, header: headerAzure, filters: true}

// azurePath are the operations behind a deployment, and those without one.
var azurePath = regexp.MustCompile(`^/openai/(?:(v1)|deployments/([^/]+))?(/?[a-z/]+)$`)

// azureDeployment claims the paths of Azure, and returns the deployment in them.
func azureDeployment(path string) (string, bool) {
	if m := azurePath.FindStringSubmatch(path); m != nil && m[2] != "" {
		return segment(m[2])
	}
	return "", strings.HasPrefix(path, "/openai/")
}

var azureVersion = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(-preview)?$`)

// maxCustom is how many headers of one's own Azure takes.
const maxCustom = 10

func findAzure(c *call) (answerer, *refusal) {
	m := azurePath.FindStringSubmatch(c.Path)
	query, err := url.ParseQuery(c.Query)
	if m == nil || err != nil {
		return nil, noResource()
	}
	versions := query["api-version"]
	version := ""
	if len(versions) == 1 {
		version = versions[0]
	}
	operation := "/" + strings.TrimPrefix(m[3], "/")
	switch {
	case m[1] != "" && (len(versions) > 1 || version != "" && version != "v1" && version != "preview"):
		return nil, invalid("", "", "API version not supported")
	case m[1] == "" && !azureVersion.MatchString(version):
		return nil, noResource()
	case m[1] == "" && (m[2] == "") != (operation == "/responses" || operation == "/models"):
		return nil, noResource()
	case customHeaders(c.Header) > maxCustom:
		return nil, &refusal{status: http.StatusRequestHeaderFieldsTooLarge, kind: invalidRequest, message: "Too many custom headers."}
	case c.Header.Get("Api-Key") != "" && c.Header.Get("Authorization") != "":
		return nil, &refusal{status: http.StatusUnauthorized, kind: invalidRequest, message: "Only one of api-key and Authorization may be sent."}
	}
	if operation == "/models" {
		c.path = operation
		return findOpenAI(c)
	}
	e, ok := endpoints[operation]
	if !ok || operation == "/moderations" {
		return nil, noResource()
	}
	if c.Method != http.MethodPost {
		return nil, notAllowed(c)
	}
	e.fields, e.form = azureFields(e.fields, version), azureForm(e.form, m[2])
	if m[2] != "" && e.fields != nil {
		e.fields["model"] = text // the path has decided
	}
	e.newer = e.newer || m[1] == ""
	if err := e.check(c); err != nil {
		return nil, err
	}
	if err := azureRoles(c.json, version); err != nil {
		return nil, err
	}
	if strings.HasPrefix(c.model, "missing-") {
		return nil, missingModel(c.Model)
	}
	return filtered(e.answer), nil
}

func noResource() *refusal {
	return &refusal{status: http.StatusNotFound, kind: invalidRequest, message: "Resource not found"}
}

// customHeaders counts the headers that only this client has.
func customHeaders(h http.Header) (n int) {
	for name := range h {
		if strings.HasPrefix(name, "X-") && !strings.HasPrefix(name, "X-Ms-") {
			n++
		}
	}
	return n
}

// azureSince are the dated versions that brought a field of chats. One without a
// date is in v1 only. The last version that is no preview had what stands in
// azureGeneral, whatever its date.
var azureSince = map[string]string{
	"stream_options": "2024-09-01", "max_completion_tokens": "2024-09-01", "parallel_tool_calls": "2024-09-01",
	"store": "2024-12-01", "metadata": "2024-12-01", "reasoning_effort": "2024-12-01",
	"prediction": "2025-01-01", "modalities": "2025-01-01", "audio": "2025-01-01",
	"prompt_cache_key": "", "prompt_cache_retention": "", "prompt_cache_options": "", "safety_identifier": "", "verbosity": "", "service_tier": "",
}

const azureGA = "2024-10-21"

var azureGeneral = names("stream_options", "max_completion_tokens", "parallel_tool_calls")

// azureFields returns the fields that a version of Azure's knows of OpenAI's.
func azureFields(all fields, version string) fields {
	known := maps.Clone(all)
	for _, name := range []string{"web_search_options", "moderation"} {
		delete(known, name)
	}
	if _, chat := all["messages"]; !chat {
		return known
	}
	known["data_sources"], known["user_security_context"] = aList, anObject
	if !azureVersion.MatchString(version) {
		return known
	}
	for name, since := range azureSince {
		general := version == azureGA && azureGeneral[name]
		if !general && (since == "" || version[:len(since)] < since || version == azureGA) {
			delete(known, name)
		}
	}
	return known
}

// azureForm returns the fields of a form whose model the path may have named.
func azureForm(all formFields, deployment string) formFields {
	known := maps.Clone(all)
	if model, ok := known["model"]; ok && deployment != "" {
		model.need = false
		known["model"] = model
	}
	return known
}

// azureRoles refuses developers in versions before they had a role.
func azureRoles(body gjson.Result, version string) *refusal {
	if !azureVersion.MatchString(version) || version >= "2024-12-01" {
		return nil
	}
	for i, m := range body.Get("messages").Array() {
		if m.Get("role").Str == "developer" {
			return invalid("invalid_value", "messages["+itoa(i)+"].role", "Invalid value: 'developer'. Supported values are: 'system', 'assistant', 'user', 'function', and 'tool'.")
		}
	}
	return nil
}

// safe is what a filter says of a harmless text.
const safe = `{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}`

const promptSafe = `[{"prompt_index":0,"content_filter_results":` + safe + `}]`

// filtered adds to chats and completions what the content filters found.
func filtered(answer answerer) answerer {
	return func(c *call) (*reply, *refusal) {
		out, err := answer(c)
		if err != nil || !strings.HasSuffix(c.Path, "/completions") {
			return out, err
		}
		if out.events == nil {
			out.body = withResults(out.body)
			out.body = setRaw(out.body, "prompt_filter_results", promptSafe)
			return out, nil
		}
		out.events = filteredEvents(out.events, c.faults.late)
		return out, nil
	}
}

// filteredEvents puts the verdict on the prompt before a stream, and one on each
// of its pieces. late takes the text back when all has been said.
func filteredEvents(events iter.Seq[event], late bool) iter.Seq[event] {
	return func(yield func(event) bool) {
		first := event{data: []byte(`{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":` + promptSafe + `}`)}
		if !yield(first) {
			return
		}
		for ev := range events {
			if late && ev.last {
				verdict := `{"id":"","object":"","created":0,"model":"","choices":[{"index":0,"finish_reason":"content_filter","content_filter_results":` +
					strings.Replace(safe, `false,"severity":"safe"`, `true,"severity":"high"`, 1) + `,"content_filter_offsets":{"check_offset":0,"start_offset":0,"end_offset":10}}]}`
				if !yield(event{data: []byte(verdict)}) {
					return
				}
			}
			ev.data = withResults(ev.data)
			if !yield(ev) {
				return
			}
		}
	}
}

// withResults adds the verdicts to the choices of an answer or a chunk: an empty
// one where there is nothing to judge.
func withResults(data []byte) []byte {
	choices := gjson.GetBytes(data, "choices").Array()
	for i, choice := range choices {
		verdict := safe
		if choice.Get("delta").Exists() && !choice.Get("delta.content").Exists() {
			verdict = "{}"
		}
		data = setRaw(data, "choices."+strconv.Itoa(i)+".content_filter_results", verdict)
	}
	return data
}

func setRaw(data []byte, path, value string) []byte {
	out, err := sjson.SetRawBytes(data, path, []byte(value))
	if err != nil {
		panic("fakellm: answer that is no JSON: " + err.Error()) // it is ours
	}
	return out
}

// azureCodes are the errors that have a code and a message, and nothing more.
var azureCodes = map[int]struct{ code, message string }{
	http.StatusUnauthorized:    {"401", "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource."},
	http.StatusForbidden:       {"Forbidden", "Access denied due to Virtual Network/Firewall rules."},
	http.StatusTooManyRequests: {"429", "Requests to the ChatCompletions_Create Operation have exceeded call rate limit of your current pricing tier. Please retry after 1 second."},
}

func spellAzure(c *call, r *refusal) *reply {
	e := azureCodes[r.status]
	switch {
	case r.status == http.StatusNotFound && r.code == "model_not_found":
		e.code, e.message = "DeploymentNotFound", "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again."
	case r.status == http.StatusNotFound:
		e.code, e.message = "404", "Resource not found"
	}
	out := spellOpenAI(c, r)
	switch {
	case e.code != "":
		out.body = encode(map[string]map[string]string{"error": {"code": e.code, "message": e.message}})
	case r.code == "content_filter":
		inner := `{"code":"ResponsibleAIPolicyViolation","content_filter_result":` + strings.Replace(safe, `false,"severity":"safe"`, `true,"severity":"high"`, 1) + `}`
		out.body = setRaw(out.body, "error.innererror", inner)
		out.body = setRaw(out.body, "error.status", "400")
		out.body = setRaw(out.body, "error.type", "null")
	}
	if r.retryAfter > 0 {
		out.header.Set("Retry-After-Ms", strconv.FormatInt(r.retryAfter.Milliseconds(), 10))
		out.header.Set("X-Ratelimit-Reset-Requests", "10") // plain seconds here
	}
	return out
}

func headerAzure(c *call) http.Header {
	id := c.id("", 32)
	return http.Header{"Apim-Request-Id": {id}, "X-Request-Id": {id}, "X-Ms-Region": {"East US"}, "X-Ms-Rai-Invoked": {"true"}}
}
