package router

// Plan is a decision: where a request goes and what must be set on the way. It
// is plain data; everything it points at is immutable. After a refusal it holds
// what was decided before it.
type Plan struct {
	Route   string // the LLMRoute that matched, "" when none was needed
	Rule    string // its rule's name, else its index: "0"
	Backend *Backend
	Model   string // what the backend is to call the model
	// ModelLabel is the model as metrics may name it: a configured name, else "other".
	ModelLabel string
}

// otherModel labels the models that nobody configured: what clients make up
// must not become a metric's label.
const otherModel = "other"
