package fakellm

import (
	"cmp"
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// anthropicHome is a place where Anthropic's Messages API is served.
type anthropicHome struct {
	id       string // of messages, before the digits
	version  string // in the body; "" where a header says it
	betas    map[string]bool
	betaList bool              // betas stand in the body, as a list
	model    bool              // the body names the model
	stream   bool              // the body may ask for a stream
	media    bool              // pictures and documents may be fetched from a URL
	files    bool              // and there is a place to keep them
	caching  bool              // the whole request may be marked for the cache
	forced   func(claude) bool // there is a schema to keep to
	bedrock  bool              // it is Bedrock's runtime
	search   []string          // the tools that search the web
	counts   bool              // it counts tokens, and says nothing
}

var (
	homeDirect = anthropicHome{
		id: "msg_01", model: true, stream: true, media: true, files: true, caching: true, betas: betasDirect,
		forced: anyClaude, search: []string{"web_search_20250305", "web_search_20260209", "web_search_20260318"},
	}
	homeMantle = anthropicHome{
		id: "msg_bdrk_", model: true, stream: true, caching: true, betas: betasDirect,
		forced: func(m claude) bool { return !m.known() },
	}
	homeInvoke = anthropicHome{
		id: "msg_bdrk_", version: "bedrock-2023-05-31", betas: betasInvoke, betaList: true, forced: claude.structured, bedrock: true,
	}
	homeVertex = anthropicHome{
		id: "msg_vrtx_", version: "vertex-2023-10-16", stream: true, caching: true, betas: betasVertex,
		forced: anyClaude, search: []string{"web_search_20250305"},
	}
)

func anyClaude(claude) bool { return true }

var (
	anthropicDirect = dialect{find: findMessages(&homeDirect), spell: spellAnthropic, header: headerAnthropic, parts: true}
	anthropicMantle = dialect{find: findMessages(&homeMantle), spell: spellAnthropic, header: headerAnthropic, parts: true, service: "bedrock-mantle"}
)

// The betas that each home knows. Anything else fails the whole request.
var (
	betasEverywhere = names("interleaved-thinking-2025-05-14", "context-1m-2025-08-07", "context-management-2025-06-27",
		"computer-use-2025-01-24", "computer-use-2025-11-24", "tool-search-tool-2025-10-19", "compact-2026-01-12")
	betasOlder = names("fine-grained-tool-streaming-2025-05-14", "token-efficient-tools-2025-02-19", "output-128k-2025-02-19",
		"dev-full-thinking-2025-05-14", "mcp-client-2025-04-04", "mcp-client-2025-11-20", "pdfs-2024-09-25", "search-results-2025-06-09")
	betasDirect = with(betasEverywhere, betasOlder, names("advanced-tool-use-2025-11-20", "prompt-caching-2024-07-31",
		"extended-cache-ttl-2025-04-11", "files-api-2025-04-14", "code-execution-2025-05-22", "code-execution-2025-08-25",
		"thinking-token-count-2026-05-13", "effort-2025-11-24", "web-search-2025-03-05", "thinking-binding-controls-2026-08-01",
		"mid-conversation-tool-changes-2026-07-01", "inline-tools-2026-09-15", "mid-conversation-output-config-2026-07-01",
		"fast-mode-2026-02-01", "server-side-fallback-2026-07-01", "task-budgets-2026-03-13", "structured-outputs-2025-11-13",
		"claude-code-20250219", "prompt-caching-scope-2026-01-05"))
	betasInvoke = with(betasEverywhere, betasOlder, names("mid-conversation-tool-changes-2026-07-01"))
	betasVertex = with(betasEverywhere, names("mid-conversation-tool-changes-2026-07-01", "web-search-2025-03-05"))
)

func names(list ...string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, name := range list {
		set[name] = true
	}
	return set
}

func with(sets ...map[string]bool) map[string]bool {
	all := make(map[string]bool)
	for _, set := range sets {
		maps.Copy(all, set)
	}
	return all
}

// findMessages returns what finds the answers of Anthropic's own API.
func findMessages(home *anthropicHome) func(*call) (answerer, *refusal) {
	return func(c *call) (answerer, *refusal) {
		if err := posted(c); err != nil {
			return nil, err
		}
		if c.Header.Get("X-Api-Key") != "" && c.Header.Get("Authorization") != "" {
			return nil, &refusal{status: http.StatusUnauthorized, kind: "authentication_error",
				message: "Only one of `x-api-key` and `Authorization` may be sent."}
		}
		if v := c.Header.Get("Anthropic-Version"); v != "2023-06-01" {
			if v == "" {
				return nil, wrong("anthropic-version: header is required")
			}
			return nil, wrong("anthropic-version: \"%s\" is not a valid version", v)
		}
		m, err := readMessages(c, home)
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(c.Path, "/count_tokens") {
			return m.countTokens, nil
		}
		return m.answer, nil
	}
}

// posted refuses what is no JSON object sent by POST.
func posted(c *call) *refusal {
	kind, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type"))
	switch {
	case c.Method != http.MethodPost:
		return &refusal{status: http.StatusMethodNotAllowed, kind: invalidRequest, message: "Method Not Allowed"}
	case c.tooLarge():
		return refusalOf(http.StatusRequestEntityTooLarge)
	case c.Header.Get("Content-Encoding") != "":
		return &refusal{status: http.StatusUnsupportedMediaType, kind: invalidRequest, message: "Content-Encoding is not supported."}
	case kind != "application/json":
		return wrong("Content-Type: must be `application/json`")
	case !json.Valid(c.Body):
		return wrong("The request body is not valid JSON")
	}
	c.json = gjson.ParseBytes(c.Body)
	if !c.json.IsObject() {
		return wrong("Input should be an object")
	}
	return nil
}

// betasOf reads the betas that a request asks for, and refuses unknown ones.
func (home *anthropicHome) betasOf(c *call) (map[string]bool, *refusal) {
	asked := make(map[string]bool)
	for _, line := range c.Header.Values("Anthropic-Beta") {
		for name := range strings.SplitSeq(line, ",") {
			asked[strings.TrimSpace(name)] = true
		}
	}
	if home.betaList {
		clear(asked) // only the body counts
		for _, name := range c.json.Get("anthropic_beta").Array() {
			asked[name.String()] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		switch {
		case home.betas[name] || c.faults.lax:
		case home.betaList:
			return nil, wrong("invalid beta flag")
		default:
			return nil, wrong("Unexpected value(s) `%s` for the `anthropic-beta` header.", name)
		}
	}
	return asked, nil
}

// anthropicTypes are the types of Anthropic's errors.
var anthropicTypes = map[int]string{
	http.StatusUnauthorized: "authentication_error", http.StatusPaymentRequired: "billing_error",
	http.StatusForbidden: "permission_error", http.StatusNotFound: "not_found_error",
	http.StatusConflict: "conflict_error", http.StatusRequestEntityTooLarge: "request_too_large",
	http.StatusTooManyRequests: "rate_limit_error", http.StatusGatewayTimeout: "timeout_error", 529: "overloaded_error",
}

// tooLong is how Claude says that a prompt does not fit.
const tooLong = "prompt is too long: 9001 tokens > 8192 maximum"

// anthropicError is the error of Anthropic's API.
type anthropicError struct {
	Type  string `json:"type"`
	Error struct {
		Type    string `json:"type"`
		Message string `json:"message"`
		Details any    `json:"details,omitempty"`
	} `json:"error"`
	RequestID string `json:"request_id,omitempty"`
}

func anthropicErrorOf(r *refusal) (e anthropicError) {
	e.Type = "error"
	e.Error.Type, e.Error.Message = anthropicTypes[r.status], r.message
	if e.Error.Type == "" {
		e.Error.Type = map[bool]string{true: "api_error", false: "invalid_request_error"}[r.status >= http.StatusInternalServerError]
	}
	switch {
	case r.code == "context_length_exceeded":
		e.Error.Message = tooLong
	case r.code == "insufficient_quota":
		e.Error.Details = map[string]string{"error_code": "enforced_spend_limit_reached"}
		e.Error.Message = "You have reached the spend limit of this workspace."
	case r.status == 529:
		e.Error.Message = "Overloaded"
	case r.status == http.StatusNotFound && r.code == "model_not_found":
		e.Error.Message = "model: not found"
	case r.status == http.StatusTooManyRequests:
		e.Error.Message = "This request would exceed the rate limit of 60 requests per minute."
	case r.status == http.StatusUnauthorized:
		e.Error.Message = cmp.Or(map[bool]string{true: "invalid x-api-key"}[r.code == "invalid_api_key"], r.message)
	default:
		e.Error.Message = anthropicWords(r)
	}
	return e
}

// anthropicWords says what is wrong with a field in Anthropic's words.
func anthropicWords(r *refusal) string {
	at := strings.NewReplacer("[", ".", "]", "").Replace(r.param)
	switch {
	case r.param == "" || at == "model" && strings.HasPrefix(r.message, "Unknown fault"):
		return r.message
	case r.code == "unknown_parameter":
		return at + ": Extra inputs are not permitted"
	case r.code == "missing_required_parameter":
		return at + ": Field required"
	}
	return at + ": " + r.message
}

func spellAnthropic(c *call, r *refusal) *reply {
	e := anthropicErrorOf(r)
	e.RequestID = c.requestID()
	out := whole(e)
	out.status = r.status
	if r.status == http.StatusTooManyRequests {
		reset := "2025-06-15T15:06:41Z"
		out.header = http.Header{
			"Anthropic-Ratelimit-Requests-Limit":     {"60"},
			"Anthropic-Ratelimit-Requests-Remaining": {"0"},
			"Anthropic-Ratelimit-Requests-Reset":     {reset},
			"Anthropic-Ratelimit-Tokens-Limit":       {"150000"},
			"Anthropic-Ratelimit-Tokens-Remaining":   {"149984"},
			"Anthropic-Ratelimit-Tokens-Reset":       {reset},
		}
		if r.retryAfter > 0 {
			out.header.Set("Retry-After", strconv.Itoa(int(r.retryAfter.Seconds())))
		}
	}
	return out
}

func (c *call) requestID() string { return c.id("req_01", 22) }

func headerAnthropic(c *call) http.Header {
	return http.Header{"Request-Id": {c.requestID()}, "Anthropic-Organization-Id": {"org-fakellm"}}
}

// noSuchModel refuses a model in Anthropic's words.
func noSuchModel(name string) *refusal {
	return &refusal{status: http.StatusNotFound, kind: "not_found_error", message: "model: " + name}
}
