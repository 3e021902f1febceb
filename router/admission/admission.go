// Package admission brings a request within what is configured of its model:
// it fills in default parameters, lowers the answer that is allowed, refuses what
// does not fit the context window, and says how many tokens to reserve.
//
// It is pure: bytes in, bytes out. Whoever keeps budgets is asked afterwards.
package admission

import (
	"fmt"
	"strconv"

	"github.com/tidwall/gjson"

	"llmroute/router/config"
	"llmroute/translator"
	"llmroute/translator/raw"
	"llmroute/translator/tokens"
)

// Request is what is asked of a model. The zero value of what is optional asks
// for nothing.
type Request struct {
	Operation translator.Operation
	Model     *config.Model // what is configured of it
	Asked     string        // the model as the client wrote it, for messages
	Body      []byte        // checked by translator.Scan; borrowed and never written to
	Form      bool          // Body is a form with files, and not one JSON object
	Counter   tokens.Counter
}

// Admitted is a request within its limits.
type Admitted struct {
	// Body is the request to send: the one that was given, or a copy with changes.
	Body []byte
	// Warnings name what was changed against the client's word, "field;reason" each.
	Warnings []string
	// Prompt is how many tokens the request holds, 0 when nobody needed to know.
	Prompt int64
	// Reserve is how many tokens to reserve of the budget: the prompt and the answer
	// that is allowed. It is 0 without a budget of tokens.
	Reserve int64
}

// Admit reads r once, where anything in it matters, and returns what to send. A
// form is not read: what is in a file, nobody can tell before the model has read
// it. An error is a *translator.Refusal.
func Admit(r *Request) (Admitted, error) {
	a := Admitted{Body: r.Body}
	l := &r.Model.Limits
	switch {
	case r.Form:
		if l.TokensPerMinute > 0 {
			a.Reserve = unread.allowed(r, 0)
		}
		return a, nil
	case len(r.Model.Parameters) == 0 && !limitsText(l):
		return a, nil
	}
	w, err := walk(r)
	if err != nil {
		return a, err
	}
	if w.changes() {
		a.Body = w.rewritten(r.Body)
		a.Warnings = w.warnings
	}
	if err := r.fit(&a, w.output); err != nil {
		return a, err
	}
	if l.TokensPerMinute > 0 {
		if a.Prompt == 0 {
			a.Prompt = int64(r.Counter.Request(a.Body))
		}
		a.Reserve = a.Prompt + w.allowed(r, a.Prompt)
	}
	return a, nil
}

// fit refuses what the model has no room for. output is what the client allows
// the answer to be, 0 when it does not say. Most requests are so much smaller
// than any limit that their length alone says they fit.
func (r *Request) fit(a *Admitted, output int64) error {
	l := &r.Model.Limits
	input, window := l.Input(), l.ContextWindow
	if output == 0 {
		window = 0
	}
	if input == 0 && window == 0 {
		return nil
	}
	if n := int64(r.Counter.Bound(len(a.Body))); (input == 0 || n <= input) && (window == 0 || n+output <= window) {
		return nil
	}
	a.Prompt = int64(r.Counter.Request(a.Body))
	switch {
	case input > 0 && a.Prompt > input:
		return tooLong(r.Asked, input, a.Prompt)
	case window > 0 && a.Prompt+output > window:
		return tooMuch(r.Asked, window, a.Prompt, output)
	}
	return nil
}

// limitsText reports whether l bounds more than the number of requests.
func limitsText(l *config.Limits) bool {
	return l.Input() > 0 || l.MaxOutputTokens > 0 || l.TokensPerMinute > 0
}

// assumedOutput is what an answer is taken to need, in tokens, when neither the
// client nor the model's settings bound it.
const assumedOutput = 4096

// allowed is the answer to reserve for. What the client allows itself counts in
// full. What it leaves to the model is bounded by the budget, lest a model with
// long answers could never be asked.
func (w *walked) allowed(r *Request, prompt int64) int64 {
	l := &r.Model.Limits
	answers := times(w.choices, w.prompts)
	switch r.Operation {
	case translator.Embeddings, translator.Moderations, translator.Rerank:
		return 0 // they answer in numbers
	}
	if w.output > 0 {
		return times(w.output, answers)
	}
	output := int64(assumedOutput)
	if l.MaxOutputTokens > 0 {
		output = l.MaxOutputTokens
	}
	return max(min(times(output, answers), l.TokensPerMinute-prompt), 0)
}

// times multiplies what clients made up, and stops far beyond any budget.
func times(a, b int64) int64 {
	const most = 1 << 50
	if a > most/b {
		return most
	}
	return a * b
}

// walked is what one look at a request's members finds.
type walked struct {
	missing  []config.Parameter
	empty    bool // the object has no members
	lower    []lowered
	warnings []string
	output   int64 // what the client allows an answer to be; 0 when it does not say
	choices  int64 // how many answers it asks for, at least 1
	prompts  int64 // to how many prompts, at least 1
}

// unread is of a request that nobody reads.
var unread = walked{choices: 1, prompts: 1}

// lowered is a number that stands at a place of the body and is to be another.
type lowered struct {
	start, end int
	to         int64
}

// outputField reports whether a field bounds an answer.
func outputField(op translator.Operation, name string) bool {
	switch op {
	case translator.ChatCompletions:
		return name == "max_tokens" || name == "max_completion_tokens"
	case translator.Completions:
		return name == "max_tokens"
	case translator.Responses:
		return name == "max_output_tokens"
	}
	return false
}

// choicesField reports whether a field says how many answers are made. The best
// of several costs as much as all of them.
func choicesField(op translator.Operation, name string) bool {
	return name == "n" || name == "best_of" && op == translator.Completions
}

func walk(r *Request) (*walked, error) {
	w := &walked{choices: 1, prompts: 1, empty: true}
	l, params := &r.Model.Limits, r.Model.Parameters
	present := make([]bool, len(params))
	bounded := false
	for m := raw.Value(r.Body).Members(); m.Next(); {
		w.empty = false
		name := string(m.Name())
		for i := range params {
			present[i] = present[i] || params[i].Name == name
		}
		v := m.Value()
		switch output := outputField(r.Operation, name); {
		case !output && !choicesField(r.Operation, name):
			if name == "prompt" && r.Operation == translator.Completions {
				w.prompts = prompts(v)
			}
		case v.Is() && !v.IsNumber() && limitsText(l):
			// Some servers take "100" for 100. Here it would be no bound at all.
			return nil, translator.Invalid("invalid_type", name, "Invalid type for '"+name+"': expected a number.")
		case output:
			bounded = true
			w.bound(name, v, m.Place().Start, l.MaxOutputTokens)
		default:
			w.choices = max(w.choices, number(v))
		}
	}
	for i, p := range params {
		if !present[i] && (!bounded || !outputField(r.Operation, p.Name)) {
			w.add(r, p)
		}
	}
	return w, nil
}

// add takes note of a parameter that the request does not have.
func (w *walked) add(r *Request, p config.Parameter) {
	n := number(raw.Value(p.Value))
	switch {
	case outputField(r.Operation, p.Name):
		if most := r.Model.Limits.MaxOutputTokens; most > 0 && n > most {
			n, p.Value = most, strconv.AppendInt(nil, most, 10)
		}
		w.output = max(w.output, n)
	case choicesField(r.Operation, p.Name):
		w.choices = max(w.choices, n)
	}
	w.missing = append(w.missing, p)
}

// prompts returns how many prompts a completion has: text, tokens, or an array of
// either.
func prompts(v raw.Value) int64 {
	n := int64(0)
	for e := v.Elements(); e.Next() && !e.Value().IsNumber(); {
		n++
	}
	return max(n, 1)
}

// bound takes note of what the client allows an answer to be, and lowers what is
// beyond most.
func (w *walked) bound(name string, v raw.Value, at int, most int64) {
	n := number(v)
	if most > 0 && n > most {
		w.lower = append(w.lower, lowered{at, at + len(v), most})
		w.warnings = append(w.warnings, name+";lowered to "+strconv.FormatInt(most, 10))
		n = most
	}
	w.output = max(w.output, n)
}

// number returns a JSON number's whole part, however it is written.
func number(v raw.Value) int64 {
	if n := v.Int(); n != 0 || !v.IsNumber() {
		return n
	}
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil && f == 0 {
		return 0
	}
	const most = 1 << 53
	return int64(min(max(f, -most), most))
}

func (w *walked) changes() bool { return len(w.missing)+len(w.lower) > 0 }

// rewritten returns a copy of body with what is missing put in front and what is
// too high lowered. All else keeps its bytes.
func (w *walked) rewritten(body []byte) []byte {
	size := len(body) + 24*len(w.lower)
	for _, p := range w.missing {
		size += len(p.Name) + len(p.Value) + 8
	}
	open := 0
	for body[open] != '{' {
		open++
	}
	out := append(make([]byte, 0, size), body[:open+1]...)
	for i, p := range w.missing {
		out = append(gjson.AppendJSONString(out, p.Name), ':')
		out = append(out, p.Value...)
		if i < len(w.missing)-1 || !w.empty {
			out = append(out, ',')
		}
	}
	at := open + 1
	for _, f := range w.lower {
		out = strconv.AppendInt(append(out, body[at:f.start]...), f.to, 10)
		at = f.end
	}
	return append(out, body[at:]...)
}

func tooLong(model string, limit, measured int64) error {
	return &translator.Refusal{
		Status: 400, Type: "invalid_request_error", Code: contextExceeded, Param: "messages",
		Message: fmt.Sprintf("The request holds %d tokens, and the model '%s' takes at most %d. Shorten the messages.", measured, model, limit),
		Detail: &translator.Detail{
			Code: "input_limit_exceeded", Message: "Input token limit exceeded",
			Details: inputDetails{model, limit, measured},
		},
	}
}

func tooMuch(model string, window, input, output int64) error {
	suggestion := "Shorten the messages: they alone fill the context window"
	if room := window - input; room > 0 {
		suggestion = fmt.Sprintf("Reduce max_tokens to %d or less", room)
	}
	return &translator.Refusal{
		Status: 400, Type: "invalid_request_error", Code: contextExceeded, Param: "max_tokens",
		Message: fmt.Sprintf("The request holds %d tokens and allows an answer of %d, and the context window of the model '%s' is %d. %s.",
			input, output, model, window, suggestion),
		Detail: &translator.Detail{
			Code: "total_limit_exceeded", Message: "Total token limit exceeded (input + max_tokens exceeds context window)",
			Details: totalDetails{model, window, input, output, input + output, suggestion},
		},
	}
}

const contextExceeded = "context_length_exceeded"

type inputDetails struct {
	Model    string `json:"model"`
	Limit    int64  `json:"limit"`
	Measured int64  `json:"measured"`
}

type totalDetails struct {
	Model          string `json:"model"`
	ContextWindow  int64  `json:"context_window"`
	InputTokens    int64  `json:"input_tokens"`
	MaxTokens      int64  `json:"max_tokens"`
	TotalRequested int64  `json:"total_requested"`
	Suggestion     string `json:"suggestion"`
}
