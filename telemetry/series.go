package telemetry

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// key is the combination of labels that tells one series from another.
type key struct {
	operation, schema, route, backend, model, errorType string
	outcome                                             Outcome
	status                                              int
}

// series is where an exchange of one combination is counted, looked up once:
// building and hashing sets of attributes costs more than all the counting.
type series struct {
	tokens                                   [tokenTypes]*point
	firstToken, perToken, duration, overhead *point
	requests, refusals                       *point
	total                                    *total
}

// record counts one exchange.
func (s *series) record(r *Record) {
	s.requests.add(1)
	s.duration.addTime(r.Duration)
	s.overhead.addTime(r.Overhead)
	if r.Outcome == Refused {
		s.refusals.add(1)
	}
	for t, n := range [tokenTypes]int64{
		tokensInput: r.InputTokens, tokensCached: r.CachedTokens, tokensCacheWrite: r.CacheWriteTokens,
		tokensOutput: r.OutputTokens, tokensReasoning: r.ReasoningTokens,
	} {
		if n > 0 {
			s.tokens[t].add(n)
		}
	}
	if r.FirstToken > 0 {
		s.firstToken.addTime(r.FirstToken)
		if n := outputSteps(r); n > 0 && r.Outcome == Complete {
			s.perToken.addTime((r.Duration - r.FirstToken) / time.Duration(n))
		}
	}
	s.total.add(r)
}

// outputSteps returns how many tokens came after the first. Events stand in for
// them where the backend did not say: most send one token in each.
func outputSteps(r *Record) int64 {
	if r.OutputTokens > 0 {
		return r.OutputTokens - 1
	}
	return int64(r.OutputEvents) - 1
}

// seriesCache finds the series of a record. It never forgets one, because
// Prometheus expects a counter that it has seen to stay; so it is bounded.
type seriesCache struct {
	max int

	families *families

	mu       sync.RWMutex
	series   map[key]*series
	errors   map[string]bool
	variants map[variant]*total
}

// maxErrorTypes bounds the values of error.type. They come from backends too,
// and some put ids or sentences where a code belongs.
const (
	maxErrorTypes   = 100
	maxErrorTypeLen = 64
)

func (c *seriesCache) init(limit int) {
	c.max = limit
	c.families = newFamilies()
	c.series = make(map[key]*series)
	c.errors = make(map[string]bool)
	c.variants = make(map[variant]*total)
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
	v := variant{k.backend, k.model, k.status}
	t := c.variants[v]
	if t == nil {
		t = new(total)
		c.variants[v] = t
	}
	s := newSeries(c.families, &k)
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

func newSeries(f *families, k *key) *series {
	// What is unknown gets no attribute at all, as the conventions ask.
	var kvs []attribute.KeyValue
	text := func(name attribute.Key, value string) {
		if value != "" {
			kvs = append(kvs, name.String(value))
		}
	}
	text(keyOperation, k.operation)
	text(keyProvider, cmp.Or(providers[k.schema], k.schema))
	s := &series{overhead: f.overhead.point(attribute.NewSet(kvs...))}

	text(keyModel, k.model)
	text(keyBackend, k.backend)
	text(keyRoute, k.route)
	base := attribute.NewSet(kvs...)
	s.firstToken, s.perToken = f.firstToken.point(base), f.perToken.point(base)
	with := func(more ...attribute.KeyValue) attribute.Set {
		return attribute.NewSet(slices.Concat(kvs, more)...)
	}
	for t, name := range tokenTypeNames {
		s.tokens[t] = f.tokens.point(with(keyTokenType.String(name)))
	}
	if k.status != 0 {
		kvs = append(kvs, keyStatus.Int(k.status))
	}
	s.requests = f.requests.point(with(keyOutcome.String(string(k.outcome))))
	text(keyErrorType, k.errorType)
	s.duration = f.duration.point(with())

	kvs = slices.DeleteFunc(kvs, func(kv attribute.KeyValue) bool { return kv.Key != keyStatus && kv.Key != keyErrorType })
	s.refusals = f.refusals.point(with())
	return s
}
