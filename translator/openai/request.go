// Package openai is the dialect of OpenAI's Chat Completions as clients speak
// it: it reads their requests, and writes answers, whole or streamed, and
// errors as OpenAI's own clients expect them.
//
// Backends that speak it are not translated to: package translator passes equal
// dialects through.
package openai

import (
	"fmt"
	"slices"
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// Dialect is OpenAI's dialect as clients speak it. The zero value is ready.
type Dialect struct{}

// ReadRequest reads a chat completions request into t.
func (Dialect) ReadRequest(t *chat.Trip, body []byte) error {
	r := reader{req: &t.Request}
	r.req.Use(chat.Model, "model")
	for m := raw.Trim(body).Members(); m.Next(); {
		if !m.Value().Is() {
			continue
		}
		if err := r.field(string(m.Name()), m.Value()); err != nil {
			return err
		}
	}
	return r.finish()
}

// reader reads one request.
type reader struct {
	req       *chat.Request
	limit     raw.Value // max_tokens, which max_completion_tokens wins over
	user      string
	safety    string
	toolRaw   raw.Value
	choice    raw.Value
	functions raw.Value
	call      raw.Value // function_call
	message   int       // the index of the message being read
	// The ids of legacy calls that wait for their result, by function.
	waiting map[string][]string
}

// finish reads what depends on more than one field.
func (r *reader) finish() error {
	if len(r.req.Turns) == 0 {
		return chat.Invalid("missing_required_parameter", "messages", "Missing required parameter: 'messages' must hold at least one message.")
	}
	if len(r.req.MaxTokens) == 0 {
		r.req.MaxTokens = r.limit
	}
	if len(r.req.MaxTokens) > 0 {
		r.req.Use(chat.MaxTokens, "max_tokens")
	}
	if r.req.User = r.safety; r.safety == "" {
		r.req.User = r.user
	}
	if r.req.User != "" {
		r.req.Use(chat.EndUser, "user")
	}
	if err := r.tools(r.toolRaw); err != nil {
		return err
	}
	if err := r.legacy(); err != nil {
		return err
	}
	if err := r.toolChoice(r.choice); err != nil {
		return err
	}
	if len(r.req.Tools) == 0 {
		r.req.Choice, r.req.NoParallel = chat.Choice{}, false
	}
	if r.req.NoParallel && !r.req.Legacy { // functions of old say nothing of it
		r.req.Use(chat.ParallelCalls, "parallel_tool_calls")
	}
	return nil
}

// field reads one top-level field that is not null.
func (r *reader) field(name string, v raw.Value) error {
	if ok, err := r.known(name, v); ok || err != nil {
		return err
	}
	if ok, err := r.sampling(name, v); ok || err != nil {
		return err
	}
	if r.hint(name, v) {
		return nil
	}
	r.req.Extra = append(r.req.Extra, chat.Member{Name: name, Value: v})
	return nil
}

// known reads the fields that an answer is made by.
func (r *reader) known(name string, v raw.Value) (ok bool, err error) {
	q := r.req
	switch name {
	case "model":
	case "messages":
		return true, r.messages(v)
	case "stream":
		q.Stream = v.IsTrue()
	case "stream_options":
		q.Counts = v.Get("include_usage").IsTrue()
	case "tools":
		r.toolRaw = v
	case "tool_choice":
		r.choice = v
	case "parallel_tool_calls":
		q.NoParallel = string(v) == "false"
	case "functions":
		r.functions = v
	case "function_call":
		r.call = v
	case "response_format":
		return true, r.format(v)
	case "reasoning_effort":
		return true, r.effort(v)
	case "max_completion_tokens", "max_tokens":
		if !v.IsInteger() || v.Int() < 1 {
			return true, invalidType(name, "a positive integer")
		}
		if name == "max_tokens" {
			r.limit = v
		} else {
			q.MaxTokens = v
		}
	case "web_search_options":
		q.WebSearch = v
		q.Use(chat.WebSearch, name)
	default:
		return false, nil
	}
	return true, nil
}

var efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

func (r *reader) effort(v raw.Value) error {
	r.req.Effort = v.String()
	if !slices.Contains(efforts, r.req.Effort) {
		return chat.Invalid("invalid_value", "reasoning_effort",
			fmt.Sprintf("Invalid value for 'reasoning_effort': expected one of %v.", efforts))
	}
	r.req.Use(chat.ReasoningEffort, "reasoning_effort")
	return nil
}

// sampling reads the fields that steer how tokens are drawn.
func (r *reader) sampling(name string, v raw.Value) (ok bool, err error) {
	q := r.req
	switch name {
	case "temperature":
		return true, r.number(&q.Temperature, chat.Temperature, name, v, "")
	case "top_p":
		return true, r.number(&q.TopP, chat.TopP, name, v, "")
	case "frequency_penalty":
		return true, r.number(&q.FrequencyPenalty, chat.Penalties, name, v, "0")
	case "presence_penalty":
		return true, r.number(&q.PresencePenalty, chat.Penalties, name, v, "0")
	case "seed":
		return true, r.integer(&q.Seed, chat.Seed, name, v, "")
	case "n":
		if v.IsNumber() && v.Int() < 1 {
			return true, invalidType(name, "a positive integer")
		}
		return true, r.integer(&q.N, chat.Choices, name, v, "1")
	case "top_logprobs":
		return true, r.integer(&q.TopLogprobs, chat.TopLogprobs, name, v, "0")
	case "stop":
		return true, r.stop(v)
	case "logit_bias":
		if !v.Hollow() {
			q.LogitBias = v
			q.Use(chat.LogitBias, name)
		}
	case "logprobs":
		if q.Logprobs = v.IsTrue(); q.Logprobs {
			q.Use(chat.Logprobs, name)
		}
	default:
		return false, nil
	}
	return true, nil
}

func (r *reader) integer(to *raw.Value, f chat.Field, name string, v raw.Value, plain string) error {
	if v.IsNumber() && !v.IsInteger() {
		return invalidType(name, "an integer")
	}
	return r.number(to, f, name, v, plain)
}

// number reads a number; one that is plain, spelled as it may be, says nothing.
func (r *reader) number(to *raw.Value, f chat.Field, name string, v raw.Value, plain string) error {
	if !v.IsNumber() {
		return invalidType(name, "a number")
	}
	if n, err := strconv.ParseFloat(string(v), 64); err == nil && plain != "" {
		if p, _ := strconv.ParseFloat(plain, 64); n == p {
			return nil
		}
	}
	*to = v
	r.req.Use(f, name)
	return nil
}

func (r *reader) stop(v raw.Value) error {
	if v.IsText() {
		r.req.Stop = append(r.req.Stop, v.Text())
	} else if !v.IsArray() {
		return invalidType("stop", "a string or an array of strings")
	}
	for e := v.Elements(); e.Next(); {
		if !e.Value().IsText() {
			return invalidType("stop", "a string or an array of strings")
		}
		r.req.Stop = append(r.req.Stop, e.Value().Text())
	}
	if len(r.req.Stop) > 0 {
		r.req.Use(chat.StopWords, "stop")
	}
	return nil
}

// hint reads the fields that an answer could do without.
func (r *reader) hint(name string, v raw.Value) (ok bool) {
	q := r.req
	use := func(f chat.Field) {
		if !v.Hollow() {
			q.Use(f, name)
		}
	}
	switch name {
	case "user":
		r.user = v.String()
	case "safety_identifier":
		r.safety = v.String()
	case "verbosity":
		if v.String() != "medium" {
			use(chat.Verbosity)
		}
	case "prompt_cache_key":
		q.CacheKey = v.Text()
		use(chat.CacheKey)
	case "prompt_cache_retention":
		use(chat.CacheRetention)
	case "prompt_cache_options":
		q.CacheTTL = v.Get("ttl").String()
	case "service_tier":
		if q.Tier = v.String(); q.Tier == "auto" {
			q.Tier = ""
		}
		if q.Tier != "" {
			q.Use(chat.ServiceTier, name)
		}
	case "store":
		use(chat.Stored)
	case "metadata":
		q.Metadata = v
		use(chat.Metadata)
	case "modalities":
		for e := v.Elements(); e.Next(); {
			if e.Value().String() == "audio" {
				q.Use(chat.SpokenAnswer, name)
			}
		}
	case "audio":
		use(chat.SpokenAnswer)
	case "prediction":
		q.Prediction = v
		use(chat.Prediction)
	case "moderation":
		use(chat.Moderation)
	default:
		return false
	}
	return true
}

func (r *reader) format(v raw.Value) error {
	f := &r.req.Format
	switch v.Get("type").String() {
	case "text", "":
	case "json_object":
		f.JSON = true
		r.req.Use(chat.FormatObject, "response_format")
	case "json_schema":
		s := v.Get("json_schema")
		f.JSON = true
		f.Schema = s.Get("schema")
		f.Name, f.Description, f.Strict = s.Get("name").String(), s.Get("description").Text(), s.Get("strict").IsTrue()
		if !f.Schema.IsObject() {
			return chat.Invalid("missing_required_parameter", "response_format.json_schema.schema",
				"Missing required parameter: 'response_format.json_schema.schema'.")
		}
		r.req.Use(chat.FormatSchema, "response_format")
	default:
		return chat.Invalid("invalid_value", "response_format.type",
			"Invalid value for 'response_format.type': expected 'text', 'json_object' or 'json_schema'.")
	}
	return nil
}

func invalidType(param, want string) error {
	return chat.Invalid("invalid_type", param, fmt.Sprintf("Invalid type for '%s': expected %s.", param, want))
}
