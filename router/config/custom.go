package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"llmroute/translator"
)

// customBackend is a backend.yaml.
type customBackend struct {
	BackendType  string                  `json:"backend_type"`
	APIBaseURL   string                  `json:"api_base_url"`
	APIKeyEnvVar string                  `json:"api_key_env_var"`
	Models       map[string]*customModel `json:"models"`
	DefaultModel *string                 `json:"default_model"`
	StrictModels bool                    `json:"strict_models"`
	Timeout      *float64                `json:"timeout"`     // seconds
	MaxRetries   *int32                  `json:"max_retries"` // after the first try
	RetryDelay   *float64                `json:"retry_delay"` // seconds
	Headers      map[string]string       `json:"headers"`
	AuthType     string                  `json:"auth_type"`
	AuthHeader   string                  `json:"auth_header"`
}

// customModel is what may be said of one model.
type customModel struct {
	Limits     customLimits               `json:"limits"`
	Parameters map[string]json.RawMessage `json:"parameters"`
	Fallback   string                     `json:"context_window_fallback"`
}

type customLimits struct {
	MaxInputTokens    *int64 `json:"max_input_tokens"`
	ContextWindow     *int64 `json:"context_window"`
	MaxOutputTokens   *int64 `json:"max_output_tokens"`
	RequestsPerMinute *int64 `json:"requests_per_minute"`
	TokensPerMinute   *int64 `json:"tokens_per_minute"`
}

// backendTypes are the APIs that a custom backend may speak. The page knows one;
// the others are what people try.
var backendTypes = map[string]translator.Schema{
	"custom":    translator.OpenAI,
	"openai":    translator.OpenAI,
	"azure":     translator.AzureOpenAI,
	"anthropic": translator.Anthropic,
	"bedrock":   translator.AWSBedrock,
	"gemini":    translator.GoogleAIStudio,
	"cohere":    translator.Cohere,
	"mistral":   translator.Mistral,
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// custom reads one backend.yaml into a backend of that name.
func (a *assembly) custom(f input) {
	d := &document{file: f.name, line: 1, label: "backend " + f.custom}
	chunks := split(f.data)
	if len(chunks) > 1 {
		a.fail(Problem{File: f.name, Line: chunks[1].line, Object: d.label, Message: "a backend.yaml holds one document"})
		return
	}
	if len(chunks) == 1 {
		d.line, d.text = chunks[0].line, chunks[0].text
	}
	before := len(a.problems)
	if c := a.decodeCustom(d); c != nil {
		a.addBackend(d, a.customBackend(d, f.custom, c))
	}
	if len(a.problems) > before {
		a.refused[d.label] = true
	}
}

// decodeCustom decodes strictly; nil means that it has been reported why not.
func (a *assembly) decodeCustom(d *document) *customBackend {
	v, problems := d.decode()
	if problems != nil {
		a.fail(problems...)
		return nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		a.fail(d.problem("", "backend_type, api_base_url and api_key_env_var are missing"))
		return nil
	}
	var c customBackend
	if problems := d.decodeStrict(object, &c); problems != nil {
		a.fail(problems...)
		return nil
	}
	return &c
}

func (a *assembly) customBackend(d *document, name string, c *customBackend) *Backend {
	refuse := func(path, format string, args ...any) { a.fail(d.problem(path, fmt.Sprintf(format, args...))) }
	b := &Backend{
		ID:          name,
		Source:      d.source(),
		Addressable: true,
		Timeout:     defaultTimeout,
		IdleTimeout: defaultIdleTimeout,
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r == ':' || r == '/' || unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		refuse("", "the folder's name %q cannot be a backend's: it must not hold colons, slashes or spaces", name)
	}
	a.customSchema(d, c, b)
	b.Auth = a.customAuth(d, c, b.Schema.Schema)
	a.customModels(d, c, b)
	b.Headers = a.customHeaders(d, c, b.Auth.Header)

	if c.Timeout != nil {
		if *c.Timeout <= 0 || *c.Timeout > maxSeconds {
			refuse("timeout", "must be a positive number of seconds")
		} else {
			b.Timeout = seconds(*c.Timeout)
		}
	}
	if c.MaxRetries != nil {
		if *c.MaxRetries < 0 {
			refuse("max_retries", "must be 0 or more")
		}
		b.MaxRetries = int(*c.MaxRetries)
	}
	if b.MaxRetries > 0 {
		b.RetryDelay = defaultRetryDelay
	}
	if c.RetryDelay != nil {
		if *c.RetryDelay < 0 || *c.RetryDelay > maxSeconds {
			refuse("retry_delay", "must be a number of seconds, 0 or more")
		} else {
			b.RetryDelay = seconds(*c.RetryDelay)
		}
	}
	return b
}

// customSchema fills in which API the backend speaks, and where.
func (a *assembly) customSchema(d *document, c *customBackend, b *Backend) {
	schema, known := backendTypes[c.BackendType]
	prefix, translated := defaultPrefixes[schema]
	switch {
	case c.BackendType == "":
		a.fail(d.problem("backend_type", "required: write custom"))
	case !known || !translated:
		a.fail(d.problem("backend_type", fmt.Sprintf("%q is not known: custom is, for every service that speaks OpenAI's API, and so are %s",
			c.BackendType, strings.Join(typeNames(), ", "))))
	}
	if schema == translator.OpenAI {
		prefix = "" // the page's URLs say all of it
	}
	b.Schema = translator.Backend{Schema: schema, Prefix: prefix}
	if c.APIBaseURL == "" {
		a.fail(d.problem("api_base_url", "required: the URL before /chat/completions"))
	} else if e, base, err := parseEndpoint(c.APIBaseURL); err != nil {
		a.fail(d.problem("api_base_url", err.Error()))
	} else {
		b.Endpoint, b.Schema.Prefix = e, cmp.Or(base, prefix)
	}
	b.translation(nil)
}

// typeNames are the backend types besides custom that there is a translator for.
func typeNames() []string {
	var names []string
	for name, schema := range backendTypes {
		if _, ok := defaultPrefixes[schema]; ok && name != "custom" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (a *assembly) customAuth(d *document, c *customBackend, schema translator.Schema) Auth {
	auth := Auth{Type: AuthAPIKey, Header: "authorization", Prefix: "Bearer "}
	switch c.AuthType {
	case "", "bearer":
		if header := keyHeader(schema); c.AuthType == "" && header != auth.Header {
			auth.Header, auth.Prefix = header, ""
		}
		if c.AuthHeader != "" {
			a.warn(d.problem("auth_header", "has no effect unless auth_type is custom"))
		}
	case "custom":
		auth.Prefix = ""
		name, err := checkHeaderName(c.AuthHeader)
		switch {
		case c.AuthHeader == "":
			a.fail(d.problem("auth_header", "required when auth_type is custom"))
		case err != nil:
			a.fail(d.problem("auth_header", err.Error()))
		}
		auth.Header = name
	default:
		a.fail(d.problem("auth_type", fmt.Sprintf("%q is not known: bearer and custom are", c.AuthType)))
	}
	switch {
	case c.APIKeyEnvVar == "":
		a.fail(d.problem("api_key_env_var", "required: the name of an environment variable"))
	case !envName.MatchString(c.APIKeyEnvVar):
		// What stands here may be the key itself, so it is not repeated.
		a.fail(d.problem("api_key_env_var", "must be the name of an environment variable, not a key"))
	default:
		a.keyFromEnv(d, "api_key_env_var", c.APIKeyEnvVar, &auth)
	}
	return auth
}

func (a *assembly) customModels(d *document, c *customBackend, b *Backend) {
	models := make(map[string]*Model, len(c.Models))
	for _, name := range slices.Sorted(maps.Keys(c.Models)) {
		m := &Model{Name: name}
		if s, at := c.Models[name], "models."+printable(name); s != nil {
			m.Fallback = s.Fallback
			m.Limits = a.customLimits(d, at+".limits.", &s.Limits)
			m.Parameters = a.parameters(d, at+".parameters", s.Parameters)
		}
		models[name] = m
	}
	a.models(d, "models", "context_window_fallback", b, models)
	if b.StrictModels = c.StrictModels; b.StrictModels && len(models) == 0 {
		a.fail(d.problem("strict_models", "needs models"))
	}
	if c.DefaultModel == nil {
		return
	}
	b.DefaultModel = *c.DefaultModel
	if err := checkModel(b.DefaultModel); err != nil {
		a.fail(d.problem("default_model", err.Error()))
	} else if len(models) > 0 && models[b.DefaultModel] == nil {
		a.fail(d.problem("default_model", b.DefaultModel+" is not one of the models"))
	}
}

func (a *assembly) customLimits(d *document, at string, l *customLimits) Limits {
	positive := func(field string, n *int64) int64 {
		switch {
		case n == nil:
			return 0
		case *n < 1:
			a.fail(d.problem(at+field, "must be 1 or more; without a limit leave the field out"))
			return 0
		}
		return *n
	}
	return Limits{
		MaxInputTokens:    positive("max_input_tokens", l.MaxInputTokens),
		ContextWindow:     positive("context_window", l.ContextWindow),
		MaxOutputTokens:   positive("max_output_tokens", l.MaxOutputTokens),
		RequestsPerMinute: positive("requests_per_minute", l.RequestsPerMinute),
		TokensPerMinute:   positive("tokens_per_minute", l.TokensPerMinute),
	}
}

func (a *assembly) customHeaders(d *document, c *customBackend, authHeader string) HeaderMutation {
	var set []translator.Header
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		path := "headers." + name
		lower, err := checkHeaderName(name)
		if err == nil {
			err = checkHeaderValue(c.Headers[name])
		}
		switch {
		case err != nil:
			a.fail(d.problem(path, err.Error()))
		case lower == authHeader:
			a.fail(d.problem(path, "carries the backend's key already"))
		case slices.ContainsFunc(set, func(h translator.Header) bool { return h.Name == lower }):
			a.fail(d.problem(path, "stands twice: header names do not tell case"))
		default:
			set = append(set, translator.Header{Name: lower, Value: c.Headers[name]})
		}
	}
	slices.SortFunc(set, func(x, y translator.Header) int { return cmp.Compare(x.Name, y.Name) })
	return HeaderMutation{Set: set}
}

// maxSeconds keeps durations far from overflow.
const maxSeconds = 24 * 60 * 60

func seconds(n float64) time.Duration {
	return time.Duration(math.Round(n * float64(time.Second)))
}
