package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"llmroute/api/v1alpha1"
)

// Model is what is configured of one model of a backend. It is immutable.
type Model struct {
	Name       string      // as clients ask for it; "" for all that are not configured
	Limits     Limits      // what requests may ask of it
	Parameters []Parameter // fields that requests get which do not have them, by name
	// Fallback is the model of the same backend that takes requests which are too
	// long for this one, or "".
	Fallback string
}

// Limits bound what requests may ask of a model; 0 bounds nothing.
type Limits struct {
	MaxInputTokens    int64 // of one request
	ContextWindow     int64 // of one request and the answer that it allows
	MaxOutputTokens   int64 // of the answer that one request may allow
	RequestsPerMinute int64
	TokensPerMinute   int64 // of requests and answers
}

// Input is the most tokens that one request may hold; 0 bounds nothing.
func (l *Limits) Input() int64 {
	if l.MaxInputTokens > 0 {
		return l.MaxInputTokens
	}
	return l.ContextWindow
}

// Parameter is a field of a request's JSON object.
type Parameter struct {
	Name  string
	Value json.RawMessage
}

// Model returns what is configured of the model that clients call name, or nil.
func (b *Backend) Model(name string) *Model {
	if m, ok := b.Settings[name]; ok {
		return m
	}
	return b.Otherwise
}

// Serves reports whether the backend may be asked for a model: it says no only
// with StrictModels.
func (b *Backend) Serves(name string) bool {
	_, found := slices.BinarySearch(b.Models, name)
	return found || !b.StrictModels
}

// ownFields are for clients alone to say.
var ownFields = []string{"model", "messages", "stream"}

// parameters returns what stands at path, sorted by name.
func (a *assembly) parameters(d *document, path string, values map[string]json.RawMessage) []Parameter {
	if len(values) == 0 {
		return nil
	}
	all := make([]Parameter, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case name == "":
			a.fail(d.problem(path, "the name of a field must not be empty"))
		case slices.Contains(ownFields, name):
			a.fail(d.problem(path+"."+name, strings.Join(ownFields, ", ")+" are the client's to say"))
		}
		value := values[name]
		if len(bytes.TrimSpace(value)) == 0 {
			value = json.RawMessage("null") // the API's type keeps null as nothing
		}
		all = append(all, Parameter{name, value})
	}
	return all
}

// models takes in what is said of a backend's models. at is the path of the map,
// fallback the name of the field that leads to another model.
func (a *assembly) models(d *document, at, fallback string, b *Backend, models map[string]*Model) {
	b.Models = slices.Sorted(maps.Keys(models))
	for _, name := range d.keys(at) {
		if _, ok := models[name]; !ok {
			a.fail(d.problem(at+"."+printable(name), "YAML reads this name as something else than text, as it does with n, yes and 1.10: put it in quotes"))
		}
	}
	for _, name := range b.Models {
		path, m := at+"."+printable(name), models[name]
		a.failOn(d, path, checkModel(name))
		if m == nil {
			continue
		}
		if l := &m.Limits; l.MaxInputTokens > 0 && l.ContextWindow > 0 && l.ContextWindow <= l.MaxInputTokens {
			a.fail(d.problem(path+".limits", fmt.Sprintf("the context window, %d, must be larger than the %d tokens of input", l.ContextWindow, l.MaxInputTokens)))
		}
		if m.Fallback != "" {
			a.failOn(d, path+"."+fallback, checkFallback(m, models[m.Fallback], slices.Contains(b.Models, m.Fallback)))
		}
		if b.Settings == nil {
			b.Settings = map[string]*Model{}
		}
		b.Settings[name] = m
	}
	a.forceWindow(b)
}

// checkFallback requires that a fallback takes more than what falls back to it,
// so that no request is sent round in a circle.
func checkFallback(from, to *Model, known bool) error {
	if !known {
		return fmt.Errorf("%s is not one of the models", from.Fallback)
	}
	var most int64
	if to != nil {
		most = to.Limits.Input()
	}
	switch least := from.Limits.Input(); {
	case least == 0:
		return errors.New("has no effect: the model has neither a limit of input tokens nor a context window")
	case most != 0 && most <= least:
		return fmt.Errorf("%s takes %d tokens, which is not more than the %d of this model", from.Fallback, most, least)
	}
	return nil
}

// forceWindow puts the one window of all models in the place of theirs.
func (a *assembly) forceWindow(b *Backend) {
	n := a.options.ForceContextWindow
	if n <= 0 {
		return
	}
	b.Otherwise = &Model{Limits: Limits{MaxInputTokens: n, ContextWindow: n}}
	for _, m := range b.Settings {
		m.Limits.MaxInputTokens, m.Limits.ContextWindow = n, n
	}
}

// modelSettings reads what an LLMBackend says of its models.
func (a *assembly) modelSettings(d *document, spec *v1alpha1.LLMBackendSpec, b *Backend) {
	const at = "spec.models"
	models := make(map[string]*Model, len(spec.Models))
	for name, s := range spec.Models {
		m := &Model{Name: name, Fallback: s.ContextWindowFallback}
		if l := s.Limits; l != nil {
			m.Limits = Limits{l.MaxInputTokens, l.ContextWindow, l.MaxOutputTokens, l.RequestsPerMinute, l.TokensPerMinute}
		}
		values := make(map[string]json.RawMessage, len(s.Parameters))
		for field, value := range s.Parameters {
			values[field] = value.Raw
		}
		m.Parameters = a.parameters(d, at+"."+printable(name)+".parameters", values)
		models[name] = m
	}
	a.models(d, at, "contextWindowFallback", b, models)
	b.DefaultModel, b.StrictModels = spec.DefaultModel, spec.StrictModels
	if b.DefaultModel != "" {
		a.failOn(d, "spec.defaultModel", checkModel(b.DefaultModel))
	}
}

// printable quotes a name that would break a message in two.
func printable(name string) string {
	if strings.ContainsFunc(name, unicode.IsControl) {
		return strconv.Quote(name)
	}
	return name
}
