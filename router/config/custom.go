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
	DefaultModel json.RawMessage         `json:"default_model"`
	Timeout      *float64                `json:"timeout"`     // seconds
	MaxRetries   *int32                  `json:"max_retries"` // after the first try
	RetryDelay   *float64                `json:"retry_delay"` // seconds
	Headers      map[string]string       `json:"headers"`
	AuthType     string                  `json:"auth_type"`
	AuthHeader   string                  `json:"auth_header"`
}

// customModel is what may be said of one model.
type customModel struct {
	Limits     json.RawMessage `json:"limits"`
	Parameters json.RawMessage `json:"parameters"`
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
		Schema:      translator.Backend{Schema: translator.OpenAI},
		Addressable: true,
		Timeout:     defaultTimeout,
		IdleTimeout: defaultIdleTimeout,
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r == ':' || r == '/' || unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		refuse("", "the folder's name %q cannot be a backend's: it must not hold colons, slashes or spaces", name)
	}
	switch c.BackendType {
	case "custom":
	case "":
		refuse("backend_type", "required: write custom")
	default:
		refuse("backend_type", "%q is not known: only custom is", c.BackendType)
	}
	if c.APIBaseURL == "" {
		refuse("api_base_url", "required: the URL before /chat/completions")
	} else if e, base, err := parseEndpoint(c.APIBaseURL); err != nil {
		refuse("api_base_url", "%v", err)
	} else {
		b.Endpoint, b.Schema.Prefix = e, base
	}
	b.Auth = a.customAuth(d, c)
	b.Models = a.customModels(d, c)
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

func (a *assembly) customAuth(d *document, c *customBackend) Auth {
	auth := Auth{Type: AuthAPIKey, Header: "authorization", Prefix: "Bearer "}
	switch c.AuthType {
	case "", "bearer":
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

// customModels returns the models' names. What may be said of a model beyond
// its name is refused for as long as nothing acts on it.
func (a *assembly) customModels(d *document, c *customBackend) []string {
	const notYet = "not supported by this version"
	if c.DefaultModel != nil {
		a.fail(d.problem("default_model", notYet))
	}
	names := slices.Sorted(maps.Keys(c.Models))
	for _, name := range names {
		path := "models." + name
		if err := checkModel(name); err != nil {
			a.fail(d.problem(path, err.Error()))
		}
		if m := c.Models[name]; m != nil {
			if m.Limits != nil {
				a.fail(d.problem(path+".limits", notYet))
			}
			if m.Parameters != nil {
				a.fail(d.problem(path+".parameters", notYet))
			}
		}
	}
	return names
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
