package fakellm

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// Google's generateContent: at the Gemini API, and on Vertex AI with the project
// in its path.

var (
	geminiStudio = dialect{find: findGemini(&homeStudio), spell: spellGemini(&homeStudio), header: noHeader, parts: true}
	geminiVertex = dialect{find: findGemini(&homeGoogleCloud), spell: spellGemini(&homeGoogleCloud), header: headerVertex, parts: true}
)

// geminiHome is what tells the two homes apart.
type geminiHome struct {
	vertex bool
	fields fields
}

var (
	homeStudio      = geminiHome{fields: geminiFields(false)}
	homeGoogleCloud = geminiHome{vertex: true, fields: geminiFields(true)}
)

var (
	studioPath      = regexp.MustCompile(`^/v1(?:beta|alpha)?/(?:models|tunedModels)/([^/:]+):(generateContent|streamGenerateContent)$`)
	googleCloudPath = regexp.MustCompile(`^/v1(?:beta1)?/projects/[^/]+/locations/[^/]+/(?:publishers/google/models|endpoints)/([^/:]+):(generateContent|streamGenerateContent)$`)
)

func studioModel(path string) (string, bool)      { return pathModel(studioPath, path) }
func googleCloudModel(path string) (string, bool) { return pathModel(googleCloudPath, path) }

func findGemini(home *geminiHome) func(*call) (answerer, *refusal) {
	return func(c *call) (answerer, *refusal) {
		if err := posted(c); err != nil {
			return nil, err
		}
		if err := home.credential(c); err != nil {
			return nil, err
		}
		v := validation{lax: c.faults.lax}
		if err := v.members("", c.json, home.fields); err != nil {
			return nil, err
		}
		if strings.HasPrefix(c.model, "missing-") {
			return nil, &refusal{status: http.StatusNotFound, kind: googleError, code: "model_not_found",
				message: "models/" + c.model + " is not found for API version v1beta, or is not supported for generateContent."}
		}
		g := &gemini{call: c, home: home, model: geminiOf(c.model), stream: strings.HasSuffix(c.Path, ":streamGenerateContent")}
		if err := g.check(); err != nil {
			return nil, err
		}
		return g.answer, nil
	}
}

// credential refuses what belongs to the other home.
func (home *geminiHome) credential(c *call) *refusal {
	switch {
	case !home.vertex && c.Header.Get("Authorization") != "":
		return &refusal{status: http.StatusUnauthorized, kind: googleError,
			message: "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential."}
	case home.vertex && c.Header.Get("X-Goog-Api-Key") != "":
		return &refusal{status: http.StatusUnauthorized, kind: googleError, message: "API keys are not supported by this API. Expected OAuth2 access token."}
	case strings.Contains(c.Query, "key="):
		return invalid("", "", "A key in the query is seen by everybody on the way.")
	}
	return nil
}

// geminiModel is what a model's name tells about it. One that is none of Google's
// has the rules of the newest.
type geminiModel struct {
	gen  int // ten times the generation's number
	kind string
	open bool // Gemma
}

var geminiName = regexp.MustCompile(`^gemini-(\d+)(?:\.(\d))?-(flash-lite|flash|pro|[a-z]+)`)

const newestGemini = 990

func geminiOf(name string) geminiModel {
	if strings.HasPrefix(name, "gemma") {
		return geminiModel{gen: 20, open: true}
	}
	m := geminiName.FindStringSubmatch(name)
	if m == nil {
		return geminiModel{gen: newestGemini}
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return geminiModel{gen: 10*major + minor, kind: m[3]}
}

// renewed reports whether the model has the rules that came with 3.6.
func (m geminiModel) renewed() bool { return m.gen >= 36 || m.gen == 35 && m.kind == "flash-lite" }

// levels are those of thinking that the model has.
func (m geminiModel) levels() []string {
	switch {
	case m.gen < 30:
		return nil
	case m.kind == "hydrogen":
		return []string{"LOW", "MEDIUM", "HIGH", "XHIGH"}
	case m.gen >= 37, m.kind == "pro":
		return []string{"LOW", "MEDIUM", "HIGH"}
	}
	return []string{"MINIMAL", "LOW", "MEDIUM", "HIGH"}
}

// budget are the least and the most tokens of thinking, and whether it can be off.
func (m geminiModel) budget() (least, most float64, off bool) {
	switch {
	case m.gen != 25:
		return 0, -1, false
	case m.kind == "pro":
		return 128, 32768, false
	case m.kind == "flash-lite":
		return 512, 24576, true
	}
	return 1, 24576, true
}

// spellGemini words a refusal as Google does. The Gemini API answers a wrong key
// with a 400, streams put a list around errors, and a prompt that is refused for
// what it says is an answer like any other.
func spellGemini(home *geminiHome) func(*call, *refusal) *reply {
	return func(c *call, r *refusal) *reply {
		stream := strings.HasSuffix(c.Path, ":streamGenerateContent")
		if r.code == "content_filter" {
			return blocked(c, stream)
		}
		status, name, message := r.status, googleStatus[r.status], r.message
		details := []member{}
		switch {
		case r.code == "invalid_api_key" && !home.vertex:
			status, name, message = http.StatusBadRequest, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."
			details = append(details, member{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"})
		case r.code == "context_length_exceeded":
			message = "The input token count (9001) exceeds the maximum number of tokens allowed (8192)."
		case r.code == "unknown_parameter":
			at, field := splitPath(r.param)
			message = "Invalid JSON payload received. Unknown name \"" + field + "\" at '" + at + "': Cannot find field."
			details = append(details, member{"@type": "type.googleapis.com/google.rpc.BadRequest",
				"fieldViolations": []member{{"field": at, "description": message}}})
		case status == http.StatusTooManyRequests:
			message = "You exceeded your current quota, please check your plan and billing details."
			id := "GenerateRequestsPerMinutePerProjectPerModel"
			if r.code == "insufficient_quota" {
				id = "GenerateRequestsPerDayPerProjectPerModel"
			}
			details = append(details, member{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []member{{"quotaId": id}}})
			if !home.vertex {
				details = append(details, member{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.6s"})
			}
		}
		return googleReply(status, name, message, details, stream)
	}
}

func googleReply(status int, name, message string, details []member, listed bool) *reply {
	fault := member{"code": status, "message": message, "status": name}
	if len(details) > 0 {
		fault["details"] = details
	}
	var body any = member{"error": fault}
	if listed {
		body = []any{body}
	}
	out := whole(body)
	out.status, out.contentType = status, "application/json; charset=UTF-8"
	return out
}

// splitPath parts a field from where it stands.
func splitPath(path string) (at, field string) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}
