package telemetry

import (
	"cmp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// key is the combination of labels that tells one series from another.
type key struct {
	operation, schema, route, backend, model, errorType string
	outcome                                             Outcome
	status                                              int
}

// series is what counting an exchange of one combination needs, worked out
// once: building and hashing attribute sets costs more than the counting.
type series struct {
	tokens   [tokenTypes][]metric.RecordOption
	stream   []metric.RecordOption // of time to first token and per token
	duration []metric.RecordOption
	overhead []metric.RecordOption
	requests []metric.AddOption
	refusals []metric.AddOption
	total    *total
}

// total is what one backend has done.
type total struct {
	requests, failed, input, output atomic.Int64
}

// BackendTotal is what one backend has done since the start. Backend is "" for
// requests that none was chosen for.
type BackendTotal struct {
	Backend                   string
	Requests                  int64
	Failed                    int64 // those that ended in any way but well
	InputTokens, OutputTokens int64
}

// seriesCache finds the series of a record. It never forgets one, because
// Prometheus expects a counter that it has seen to stay; so it is bounded.
type seriesCache struct {
	max int

	mu       sync.RWMutex
	series   map[key]*series
	errors   map[string]bool
	backends map[string]*total
}

// maxErrorTypes bounds the values of error.type. They come from backends too,
// and some put ids or sentences where a code belongs.
const (
	maxErrorTypes   = 100
	maxErrorTypeLen = 64
)

func (c *seriesCache) init(limit int) {
	c.max = limit
	c.series = make(map[key]*series)
	c.errors = make(map[string]bool)
	c.backends = make(map[string]*total)
}

// of returns the record's series. Once there are too many it returns a coarser
// one: first without model and route, then of the outcome alone.
func (c *seriesCache) of(r *Record) *series {
	k := key{
		operation: r.Operation, schema: r.Schema, route: r.Route, backend: r.Backend, model: r.ModelLabel,
		errorType: errorType(r), outcome: r.Outcome, status: r.Status,
	}
	c.mu.RLock()
	s := c.series[k]
	c.mu.RUnlock()
	if s != nil {
		return s
	}
	return c.add(k)
}

func (c *seriesCache) add(k key) *series {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.errorType != "" && !c.knownError(k.errorType) {
		k.errorType = errorOther
	}
	if k.status < 100 || k.status > 599 {
		k.status = 0
	}
	limit := c.max
	for range 2 {
		if s := c.series[k]; s != nil {
			return s
		}
		if len(c.series) < limit {
			return c.insert(k)
		}
		k.model, k.route = other, other
		limit += c.max / 4
	}
	k = key{operation: other, route: other, backend: other, model: other, outcome: k.outcome}
	switch k.outcome {
	case Complete, Refused, Aborted, Cut, Local, Failed:
	default:
		k.outcome = other
	}
	if s := c.series[k]; s != nil {
		return s
	}
	return c.insert(k)
}

// insert keeps copies: what a record's strings point into may be reused.
func (c *seriesCache) insert(k key) *series {
	k.operation, k.schema = strings.Clone(k.operation), strings.Clone(k.schema)
	k.route, k.backend, k.model = strings.Clone(k.route), strings.Clone(k.backend), strings.Clone(k.model)
	k.errorType, k.outcome = strings.Clone(k.errorType), Outcome(strings.Clone(string(k.outcome)))
	t := c.backends[k.backend]
	if t == nil {
		t = new(total)
		c.backends[k.backend] = t
	}
	s := newSeries(&k)
	s.total = t
	c.series[k] = s
	return s
}

// knownError reports whether a value of error.type may be a label, and lets
// new ones in while there is room.
func (c *seriesCache) knownError(name string) bool {
	if c.errors[name] {
		return true
	}
	if len(c.errors) >= maxErrorTypes || len(name) > maxErrorTypeLen || strings.ContainsFunc(name, notInName) {
		return false
	}
	c.errors[strings.Clone(name)] = true
	return true
}

func notInName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
}

// size reports how many combinations are told apart.
func (c *seriesCache) size() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.series)
}

func (c *seriesCache) totals() []BackendTotal {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make([]BackendTotal, 0, len(c.backends))
	for id, t := range c.backends {
		out = append(out, BackendTotal{
			Backend:  id,
			Requests: t.requests.Load(), Failed: t.failed.Load(),
			InputTokens: t.input.Load(), OutputTokens: t.output.Load(),
		})
	}
	return out
}

// errorType returns the record's error.type: "" when all went well.
func errorType(r *Record) string {
	switch {
	case r.ErrorType != "":
		return r.ErrorType
	case r.Outcome != Complete:
		return string(r.Outcome)
	case r.Status >= 400:
		return statusName(r.Status)
	}
	return ""
}

// statusName spells a status without allocating for those that exist.
func statusName(status int) string {
	if status < 600 {
		return statusNames[status-400]
	}
	return errorOther
}

var statusNames = func() (names [200]string) {
	for i := range names {
		names[i] = strconv.Itoa(400 + i)
	}
	return names
}()

func newSeries(k *key) *series {
	// What is unknown gets no attribute at all, as the conventions ask.
	var kvs []attribute.KeyValue
	text := func(name attribute.Key, value string) {
		if value != "" {
			kvs = append(kvs, name.String(value))
		}
	}
	text(keyOperation, k.operation)
	text(keyProvider, cmp.Or(providers[k.schema], k.schema))
	overhead := attribute.NewSet(kvs...)
	text(keyModel, k.model)
	text(keyBackend, k.backend)
	text(keyRoute, k.route)
	base := attribute.NewSet(kvs...)

	s := &series{stream: recordOption(base), overhead: recordOption(overhead)}
	shared := len(kvs)
	for i := range s.tokens {
		s.tokens[i] = recordOption(attribute.NewSet(append(kvs[:shared:shared], keyTokenType.String(tokenTypeNames[i]))...))
	}
	if k.status != 0 {
		kvs = append(kvs, keyStatus.Int(k.status))
	}
	withStatus := len(kvs)
	text(keyErrorType, k.errorType)
	s.duration = recordOption(attribute.NewSet(kvs...))
	kvs = append(kvs[:withStatus:withStatus], keyOutcome.String(string(k.outcome)))
	s.requests = addOption(attribute.NewSet(kvs...))

	refusal := []attribute.KeyValue{keyErrorType.String(k.errorType)}
	if k.status != 0 {
		refusal = append(refusal, keyStatus.Int(k.status))
	}
	s.refusals = addOption(attribute.NewSet(refusal...))
	return s
}

func recordOption(s attribute.Set) []metric.RecordOption {
	return []metric.RecordOption{metric.WithAttributeSet(s)}
}

func addOption(s attribute.Set) []metric.AddOption {
	return []metric.AddOption{metric.WithAttributeSet(s)}
}
