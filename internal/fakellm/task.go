package fakellm

import (
	"net/http"
	"strings"

	"github.com/tidwall/gjson"
)

// task is a request of some vendor's that is answered in one piece: for
// embeddings, or to rerank.
type task struct {
	fields fields
	answer answerer
}

// find checks what all tasks check alike.
func (t *task) find(c *call) (answerer, *refusal) {
	if err := posted(c); err != nil {
		return nil, err
	}
	if c.model == "" {
		c.model = c.json.Get("model").Str
	}
	v := validation{lax: c.faults.lax}
	if err := v.members("", c.json, t.fields); err != nil {
		return nil, err
	}
	if strings.HasPrefix(c.model, "missing-") {
		return nil, missingModel(c.Model)
	}
	return t.answer, nil
}

// dialect returns the task as a dialect of its own.
func (t task) dialect(spell func(*call, *refusal) *reply) dialect {
	return dialect{find: t.find, spell: spell, header: noHeader}
}

// The tasks that have paths of their own. The others stand with what else is
// served there.
var (
	cohereVectors     = cohereEmbed.dialect(spellCohere)
	cohereRanks       = cohereRerank.dialect(spellCohere)
	mistralVectors    = mistralEmbed.dialect(spellMessage)
	googleBatches     = geminiEmbed.dialect(spellGoogle)
	googlePredictions = vertexPredict.dialect(spellGoogle)
	googleContents    = vertexContent.dialect(spellGoogle)
)

// spellGoogle spells a refusal as Google's platform does, whichever it is.
func spellGoogle(c *call, r *refusal) *reply {
	platform := *r
	platform.kind = googleError
	return spellVertex(c, &platform)
}

func noHeader(*call) http.Header { return nil }

// spellMessage spells a refusal as vendors do who say no more than what is wrong.
func spellMessage(c *call, r *refusal) *reply {
	out := whole(map[string]string{"id": c.id("", 32), "message": r.message})
	out.status = r.status
	return out
}

// sizes is a rule for the dimensions a vector may have.
func sizes(of ...int64) rule {
	return rule{kinds: isInteger, also: func(_ *validation, at string, v gjson.Result) *refusal {
		for _, n := range of {
			if v.Int() == n {
				return nil
			}
		}
		return invalid("invalid_value", at, v.Raw+" is not a valid enum value")
	}}
}

// textsOf returns the strings of a list.
func textsOf(list gjson.Result) []string {
	all := list.Array()
	texts := make([]string, 0, len(all))
	for _, v := range all {
		texts = append(texts, v.String())
	}
	return texts
}

// countAll counts the tokens of texts.
func countAll(texts []string) (n int) {
	for _, t := range texts {
		n += CountTokens(t)
	}
	return n
}

// vectorsOf returns a vector for each text.
func vectorsOf(texts []string, dimensions int64) [][]float32 {
	if dimensions == 0 {
		dimensions = defaultDimensions
	}
	out := make([][]float32, len(texts))
	for i, t := range texts {
		out[i] = vector(t, int(dimensions))
	}
	return out
}
