package fakellm

import (
	"net/http"
	"regexp"
	"strings"
)

// Anthropic's models on Vertex: the model stands in the path, and so does whether
// the answer is a stream.

var anthropicVertex = dialect{find: findVertex, spell: spellVertex, header: headerVertex, parts: true}

var vertexPath = regexp.MustCompile(`^/v1/projects/[^/]+/locations/[^/]+/publishers/anthropic/models/([^/:]+):(rawPredict|streamRawPredict)$`)

// vertexModel claims the paths of Vertex's models of Anthropic's, also those that
// have no such method.
func vertexModel(path string) (string, bool) {
	if m := vertexPath.FindStringSubmatch(path); m != nil {
		return segment(m[1])
	}
	return "", strings.HasPrefix(path, "/v1/projects/")
}

func findVertex(c *call) (answerer, *refusal) {
	m := vertexPath.FindStringSubmatch(c.Path)
	if m == nil {
		return nil, &refusal{status: http.StatusNotFound, kind: googleError, message: "The requested URL was not found on this server."}
	}
	if err := posted(c); err != nil {
		return nil, err
	}
	switch {
	case c.ContentLength < 0:
		return nil, &refusal{status: http.StatusBadRequest, kind: googleError, message: "Chunked request bodies are not supported."}
	case c.Header.Get("X-Api-Key") != "":
		return nil, &refusal{status: http.StatusUnauthorized, kind: googleError, message: "API keys are not supported by this API."}
	case m[1] != "count-tokens" && (m[2] == "streamRawPredict") != c.json.Get("stream").Bool():
		return nil, &refusal{status: http.StatusBadRequest, kind: googleError, message: "The method " + m[2] + " and the field stream contradict each other."}
	}
	if m[1] == "count-tokens" {
		return countVertex(c)
	}
	asked, err := readMessages(c, &homeVertex)
	if err != nil {
		return nil, err
	}
	return asked.answer, nil
}

// countVertex counts the tokens of a request whose body names the model.
func countVertex(c *call) (answerer, *refusal) {
	home := homeVertex
	home.model, home.stream, home.betas = true, false, nil
	c.model = c.json.Get("model").Str
	home.counts = true
	m, err := readMessages(c, &home)
	if err != nil {
		return nil, err
	}
	return m.countTokens, nil
}

// googleError marks the refusals that are the platform's, not the model's.
const googleError = "google"

// googleStatus are Google's names of HTTP statuses.
var googleStatus = map[int]string{
	http.StatusBadRequest: "INVALID_ARGUMENT", http.StatusUnauthorized: "UNAUTHENTICATED", http.StatusForbidden: "PERMISSION_DENIED",
	http.StatusNotFound: "NOT_FOUND", http.StatusConflict: "ABORTED", http.StatusTooManyRequests: "RESOURCE_EXHAUSTED",
	http.StatusInternalServerError: "INTERNAL", http.StatusServiceUnavailable: "UNAVAILABLE", http.StatusGatewayTimeout: "DEADLINE_EXCEEDED",
}

// spellVertex words a refusal as the platform does, or as the model: the model
// says what is wrong with a request, and when it is overloaded.
func spellVertex(c *call, r *refusal) *reply {
	_, platform := googleStatus[r.status]
	if r.kind != googleError && (!platform || r.status == http.StatusBadRequest) {
		out := spellAnthropic(c, r)
		out.header = nil
		return out
	}
	type status struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Status  string `json:"status"`
	}
	out := whole(map[string]status{"error": {r.status, r.message, googleStatus[r.status]}})
	out.contentType, out.status = "application/json; charset=UTF-8", r.status
	return out
}

func headerVertex(c *call) http.Header {
	return http.Header{"Request-Id": {c.requestID()}, "Vary": {"Origin", "X-Origin", "Referer"}}
}
