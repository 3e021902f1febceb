package router

import (
	"fmt"
	"slices"
	"strings"

	"llmroute/translator"
)

// fallback decides what no route takes: a model that names its backend, one
// that begins as a backend's models do, then the default backend.
type fallback struct {
	addressable map[string]*Backend // by ID
	prefixes    []modelPrefix       // the longest first
	standard    *Backend            // or nil
}

type modelPrefix struct {
	text    string
	backend *Backend
}

// backends come in the order that decides between equal prefixes.
func compileFallback(backends []*Backend, standard *Backend) fallback {
	f := fallback{addressable: map[string]*Backend{}, standard: standard}
	for _, b := range backends {
		if b.Addressable {
			f.addressable[b.ID] = b
		}
		for _, p := range b.ModelPrefixes {
			f.prefixes = append(f.prefixes, modelPrefix{p, b})
		}
	}
	slices.SortStableFunc(f.prefixes, func(a, b modelPrefix) int { return len(b.text) - len(a.text) })
	return f
}

// Step says how a request came to its backend.
type Step string

// The steps, in the order in which they are tried.
const (
	StepRoute   Step = "route"           // a rule matched
	StepAddress Step = "backend:model"   // the model named the backend
	StepPrefix  Step = "model prefix"    // the model begins as the backend's models do
	StepDefault Step = "default backend" // nothing else took it
	StepNone    Step = "none"            // nothing did
)

// found is what takes a request that no route takes.
type found struct {
	step    Step
	backend *Backend // nil for StepNone
	model   string   // without the backend's name
}

func (f *fallback) find(model string) found {
	if id, name, ok := address(model); ok {
		if b := f.addressable[id]; b != nil {
			return found{StepAddress, b, name}
		}
	}
	for _, p := range f.prefixes {
		if strings.HasPrefix(model, p.text) {
			return found{StepPrefix, p.backend, model}
		}
	}
	if b := f.addressable[model]; b != nil && b.DefaultModel != "" {
		return found{StepAddress, b, ""}
	}
	if f.standard != nil {
		return found{StepDefault, f.standard, model}
	}
	return found{step: StepNone}
}

// address splits "backend:model" at its first colon. A colon behind a slash
// belongs to the model's name, as in "vendor/model:free".
func address(model string) (id, name string, ok bool) {
	i := strings.IndexAny(model, ":/")
	if i < 1 || model[i] == '/' {
		return "", "", false
	}
	return model[:i], model[i+1:], true
}

// unknown is the refusal of a model that nothing takes.
func (s *Snapshot) unknown(model string) *translator.Refusal {
	// Where nobody can be addressed, or the whole is a name that somebody
	// configured, a colon is just a part of a model's name: "llama3:8b".
	id, name, ok := address(model)
	if _, known := s.labels[model]; ok && name != "" && !known && len(s.fallback.addressable) > 0 {
		return &translator.Refusal{Status: 404, Code: "backend_not_found", Param: "model",
			Message: fmt.Sprintf("The model '%s' names a backend '%s', and there is no such backend.", model, id)}
	}
	return &translator.Refusal{Status: 404, Code: "model_not_found", Param: "model",
		Message: fmt.Sprintf("The model '%s' does not exist. GET /v1/models lists those that do.", model)}
}
