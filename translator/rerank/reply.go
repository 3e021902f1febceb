package rerank

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

const (
	computeTokens = "x-compute-tokens" // where TEI counts
	requestID     = "x-request-id"
	awsRequestID  = "x-amzn-requestid"
)

// Headers are the names of the reply's headers that Reply reads.
func (k *Task) Headers() []string { return []string{computeTokens, requestID, awsRequestID} }

// result is one document's place in the answer.
type result struct {
	index int
	score float64
	text  raw.Value // the score as it was written
	spans raw.Value // where in the document it was found, as Cohere says
}

// reply is what a server has answered.
type reply struct {
	id, model string
	results   []result
	broken    bool
	tokens    int64
	units     raw.Value // what Cohere bills
}

// Reply appends to dst, in the one shape there is, what the server has answered. A
// reply that names a document twice, or one there is not, is an error.
func (k *Task) Reply(dst []byte, t *chat.Trip, h chat.Headers, body []byte) ([]byte, chat.Told, *chat.Error) {
	r := reply{results: make([]result, 0, k.count), id: cmp.Or(h.Get(requestID), h.Get(awsRequestID))}
	r.read(raw.Trim(body))
	if r.tokens == 0 {
		r.tokens = raw.Value(h.Get(computeTokens)).Int()
	}
	if r.tokens == 0 {
		r.tokens = k.estimated
	}
	told := chat.Told{Model: r.model, Usage: chat.Usage{Input: r.tokens, Total: r.tokens}}
	if !k.sort(&r) {
		return dst, told, chat.Malformed(k.Server.Name)
	}
	dst = append(dst, '{')
	if r.id != "" {
		dst = append(raw.AppendString(append(dst, `"id":`...), r.id), ',')
	}
	dst = raw.AppendString(append(dst, `"model":`...), t.Options.Asked)
	dst = append(dst, `,"results":[`...)
	for i := range r.results {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = k.appendResult(dst, &r.results[i])
	}
	dst = strconv.AppendInt(append(dst, `],"usage":{"prompt_tokens":`...), r.tokens, 10)
	dst = strconv.AppendInt(append(dst, `,"total_tokens":`...), r.tokens, 10)
	dst = append(dst, `},"meta":{"api_version":{"version":"2"}`...)
	if r.units.IsObject() {
		dst = append(append(dst, `,"billed_units":`...), r.units...)
	}
	if r.tokens > 0 && !k.Server.Uncounted {
		dst = append(strconv.AppendInt(append(dst, `,"tokens":{"input_tokens":`...), r.tokens, 10), '}')
	}
	return append(dst, "}}"...), told, nil
}

func (k *Task) appendResult(dst []byte, r *result) []byte {
	dst = strconv.AppendInt(append(dst, `{"index":`...), int64(r.index), 10)
	dst = append(append(dst, `,"relevance_score":`...), r.text...)
	if r.spans.IsArray() {
		dst = append(append(dst, `,"relevant_spans":`...), r.spans...)
	}
	if k.documents != nil {
		d := k.documents[r.index]
		if d.IsText() {
			dst = append(append(append(dst, `,"document":{"text":`...), d...), '}')
		} else {
			dst = append(append(dst, `,"document":`...), d...)
		}
	}
	return append(dst, '}')
}

// sort puts the results into order, the best first, and leaves as many as were
// asked for. It reports whether they are results of this request.
func (k *Task) sort(r *reply) bool {
	if r.broken {
		return false
	}
	seen := make([]bool, k.count)
	for _, one := range r.results {
		if one.index < 0 || one.index >= k.count || seen[one.index] {
			return false
		}
		seen[one.index] = true
	}
	slices.SortFunc(r.results, func(a, b result) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.index, b.index))
	})
	r.results = r.results[:min(k.top, len(r.results))]
	return true
}

// read takes in a reply of any server: the lists have several names, or stand
// alone, and so do the scores.
func (r *reply) read(v raw.Value) {
	if v.IsArray() { // TEI, SGLang
		r.readResults(v)
		return
	}
	listed := false
	for m := v.Members(); m.Next(); {
		switch v := m.Value(); string(m.Name()) {
		case "results", "data": // data is Voyage's
			listed = true
			r.readResults(v)
		case "id":
			r.id = cmp.Or(v.String(), r.id)
		case "model":
			r.model = v.String()
		case "usage":
			r.tokens = max(v.Get("total_tokens").Int(), v.Get("prompt_tokens").Int())
		case "meta":
			r.units = v.Get("billed_units")
			if n := v.Get("tokens").Get("input_tokens").Int(); r.tokens == 0 {
				r.tokens = n
			}
		case "nextToken":
			r.broken = r.broken || v.Is() // the rest would take another call
		}
	}
	r.broken = r.broken || !listed
}

func (r *reply) readResults(list raw.Value) {
	for e := list.Elements(); e.Next(); {
		one := result{index: -1, score: math.NaN()}
		for m := e.Value().Members(); m.Next(); {
			switch v := m.Value(); string(m.Name()) {
			case "index":
				if n := v.Int(); strconv.FormatInt(n, 10) == string(v) {
					one.index = int(n)
				}
			case "relevance_score", "relevanceScore", "score":
				one.text = v
				if score, err := strconv.ParseFloat(string(v), 64); err == nil && v.IsNumber() {
					one.score = score
				}
			case "relevant_spans":
				one.spans = v
			}
		}
		r.broken = r.broken || math.IsNaN(one.score)
		r.results = append(r.results, one)
	}
}
