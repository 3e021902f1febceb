package router

import (
	"fmt"

	"llmroute/router/config"
	"llmroute/translator"
)

// Plan is a decision: where a request goes and what must be set on the way. It
// is plain data; everything it points at is immutable. After a refusal it holds
// what was decided before it.
type Plan struct {
	Route   string // the LLMRoute that matched, "" when none was needed
	Rule    string // its rule's name, else its index: "0"
	Backend *Backend
	// Asked is the model that routing went by: the client's, its alias, or the
	// default of the backend for a request that names none.
	Asked string
	Model string // what the backend is to call the model
	// Settings is what is configured of the model at the backend, or nil.
	Settings *config.Model
	// ModelLabel is the model as metrics may name it: a configured name, else "other".
	ModelLabel string
}

// otherModel labels the models that nobody configured: what clients make up
// must not become a metric's label.
const otherModel = "other"

// take sends the request to b, under the name by which clients know a model of
// it, or under b's own default.
func (p *Plan) take(b *Backend, name string) (err error) {
	p.Backend = b
	if name == "" {
		name = b.DefaultModel
		p.Asked = name
	}
	if name == "" && b.ModelNameOverride == "" {
		return errNoModel
	}
	if !b.Serves(name) {
		return &translator.Refusal{Status: 404, Code: "model_not_found", Param: "model",
			Message: fmt.Sprintf("The backend %s does not serve the model '%s': strict_models is set, and it is not one of its models.", b.ID, name)}
	}
	p.Model, p.Settings = b.model(name), b.Model(name)
	p.Backend, err = b.ready()
	return err
}
