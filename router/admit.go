package router

import (
	"cmp"
	"fmt"

	"llmroute/router/admission"
	"llmroute/translator"
	"llmroute/translator/tokens"
)

// Admit brings a request within what is configured of the model that was chosen
// for it. Where it is too long for that one and another takes longer ones, it
// moves the plan to the other. f is what was found in body, which is borrowed and
// never written to. An error is a *translator.Refusal.
func (p *Plan) Admit(f *translator.Fields, body []byte) (admission.Admitted, error) {
	var moved []string
	for p.Settings != nil {
		a, err := admission.Admit(&admission.Request{
			Operation: f.Operation, Model: p.Settings, Asked: p.Called(f), Body: body, Form: f.Boundary != "",
			Counter: tokens.For(string(p.Backend.Schema.Schema), p.Model),
		})
		from := p.Model
		if err != nil && p.longer() {
			moved = append(moved, fmt.Sprintf("model;%s has no room for the request: %s takes it", from, p.Model))
			continue
		}
		a.Warnings = append(moved, a.Warnings...)
		return a, err
	}
	return admission.Admitted{Body: body, Warnings: moved}, nil
}

// Called is the model in the words of a client, for messages to it.
func (p *Plan) Called(f *translator.Fields) string { return cmp.Or(f.Model, p.Asked, p.Model) }

// longer moves the plan to the model that takes requests which are too long for
// the one that was chosen, and reports whether there is one.
func (p *Plan) longer() bool {
	if p.Settings.Fallback == "" {
		return false
	}
	name := p.Settings.Fallback
	p.Model, p.Settings = p.Backend.model(name), p.Backend.Model(name)
	p.Asked, p.ModelLabel = name, name // a configured name: metrics may carry it
	return true
}
