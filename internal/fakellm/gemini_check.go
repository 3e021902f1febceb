package fakellm

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// gemini is a request of generateContent that is being looked at.
type gemini struct {
	*call
	home   *geminiHome
	model  geminiModel
	stream bool
}

// check refuses what only the fields together show.
func (g *gemini) check() *refusal {
	for _, check := range []func() *refusal{g.checkTurns, g.checkIDs, g.checkSignatures, g.checkEnd, g.checkConfig, g.checkThinking, g.checkTools, g.checkForm} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func has(content gjson.Result, member string) int {
	n := 0
	for _, part := range content.Get("parts").Array() {
		if part.Get(member).Exists() {
			n++
		}
	}
	return n
}

// onlyResults reports whether a content is nothing but results of functions.
func onlyResults(content gjson.Result) bool {
	n := has(content, "functionResponse")
	return n > 0 && n == len(content.Get("parts").Array())
}

// checkTurns refuses calls that the next turn does not answer one by one, and
// answers that nobody asked for.
func (g *gemini) checkTurns() *refusal {
	contents := g.json.Get("contents").Array()
	for i, content := range contents {
		calls, results := has(content, "functionCall"), has(content, "functionResponse")
		role := content.Get("role").Str
		switch {
		case calls > 0 && role != "model", results > 0 && role != "user":
			return wrong("contents[%d]: functionCall and functionResponse stand in turns of another role", i)
		case calls > 0 && (i == 0 || contents[i-1].Get("role").Str != "user"):
			return wrong("Please ensure that function call turn comes immediately after a user turn or after a function response turn.")
		case results > 0 && (i == 0 || has(contents[i-1], "functionCall") == 0):
			return wrong("Please ensure that function response turn comes immediately after a function call turn.")
		case results > 0 && !onlyResults(content):
			return wrong("contents[%d]: other parts stand beside function responses", i)
		}
		if calls == 0 {
			continue
		}
		if i+1 == len(contents) || has(contents[i+1], "functionResponse") != calls {
			return wrong("Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.")
		}
		answers := contents[i+1].Get("parts.#.functionResponse.name").Array()
		for n, call := range content.Get("parts.#.functionCall.name").Array() {
			if answers[n].Str != call.Str {
				return wrong("contents[%d]: the function response %d is of %s, the call was of %s", i+1, n, answers[n].Str, call.Str)
			}
		}
	}
	return nil
}

// checkIDs refuses ids where there are none, and ids on one side alone.
func (g *gemini) checkIDs() *refusal {
	contents := g.json.Get("contents").Array()
	seen := map[string]bool{}
	for i, content := range contents {
		for n, part := range content.Get("parts").Array() {
			id := part.Get("functionCall.id")
			if !id.Exists() {
				id = part.Get("functionResponse.id")
			}
			if id.Exists() && g.home.vertex && g.model.gen < 30 {
				return invalid("unknown_parameter", "contents["+itoa(i)+"].parts["+itoa(n)+"].function_call.id", "id")
			}
		}
		if has(content, "functionCall") == 0 {
			continue
		}
		var calls, results []string
		for _, part := range content.Get("parts").Array() {
			if call := part.Get("functionCall"); call.Exists() {
				calls = append(calls, call.Get("id").Str)
			}
		}
		for _, part := range contents[i+1].Get("parts").Array() {
			results = append(results, part.Get("functionResponse.id").Str)
		}
		if !slices.Equal(calls, results) {
			return wrong("contents[%d]: the ids of the function responses are not those of the calls", i+1)
		}
		for _, id := range calls {
			if id != "" && seen[id] {
				return wrong("contents[%d]: the id %s is not unique", i, id)
			}
			seen[id] = true
		}
	}
	return nil
}

// placeholder skips the look at a signature. It is the plain word, or its base64.
const placeholder = "skip_thought_signature_validator"

func (g *gemini) signature(kind partKind, shown string) string {
	return seal{}.sign(g.call, kind, g.call.model+shown, 0)
}

// shownCall is what of a call its signature is of. No arguments are an empty object.
func shownCall(call gjson.Result) string {
	args := call.Get("args")
	if len(args.Map()) == 0 {
		args = gjson.Result{}
	}
	sum := fingerprint(args)
	return call.Get("name").Str + string(sum[:])
}

// checkSignatures refuses a signature that is not the provider's own for this
// very part, and a call of the current turn whose step has none.
func (g *gemini) checkSignatures() *refusal {
	contents := g.json.Get("contents").Array()
	current := 0
	for i, content := range contents {
		if content.Get("role").Str == "user" && !onlyResults(content) {
			current = i
		}
	}
	for i, content := range contents {
		first := true
		for n, part := range content.Get("parts").Array() {
			signature := part.Get("thoughtSignature").Str
			call := part.Get("functionCall")
			if signature != "" {
				if err := g.checkSignature(part, signature); err != nil {
					return err
				}
			}
			if call.Exists() && first && signature == "" && g.model.gen >= 30 && i > current {
				return wrong("Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly. Additional data, function call `default_api:%s`, position %d.", call.Get("name").Str, n+1)
			}
			first = first && !call.Exists()
		}
	}
	return nil
}

func (g *gemini) checkSignature(part gjson.Result, signature string) *refusal {
	if plain, err := base64.StdEncoding.DecodeString(signature); signature == placeholder || err == nil && string(plain) == placeholder {
		return nil
	}
	kind, shown := saidPart, ""
	switch {
	case part.Get("functionCall").Exists():
		kind, shown = callPart, shownCall(part.Get("functionCall"))
	case part.Get("thought").Bool():
		kind, shown = thoughtPart, part.Get("text").Str
	}
	if _, ok := opened(kind, g.call.model+shown, signature); !ok {
		return wrong("Corrupted thought signature.")
	}
	return nil
}

// checkEnd refuses a conversation that ends as the model or the home cannot have it.
func (g *gemini) checkEnd() *refusal {
	contents := g.json.Get("contents").Array()
	last := contents[len(contents)-1]
	switch {
	case last.Get("role").Str == "model" && g.model.renewed():
		return wrong("Requests ending with a model turn are not supported.")
	case g.model.renewed() && !onlyResults(last) && strings.TrimSpace(last.Get("parts.#.text").String()) == "[]":
		return wrong("The last turn must have some text.")
	case g.model.open && g.json.Get("systemInstruction").Exists():
		return wrong("Developer instruction is not enabled for models/%s", g.call.model)
	}
	for _, content := range contents {
		if g.home.vertex && content.Get("role").Str == "user" && !onlyResults(content) && has(content, "text") == 0 {
			return wrong("Unable to submit request because it must have a text parameter.")
		}
	}
	return nil
}

func (g *gemini) checkConfig() *refusal {
	config := g.json.Get("generationConfig")
	penalties := config.Get("presencePenalty").Exists() || config.Get("frequencyPenalty").Exists()
	switch {
	case config.Get("candidateCount").Int() > 1 && g.model.gen >= 30:
		return wrong("Multiple candidates is not enabled for this model")
	case penalties && (!g.home.vertex || g.model.gen >= 30):
		return wrong("Penalty is not enabled for this model")
	case g.model.renewed() && (config.Get("temperature").Exists() || config.Get("topP").Exists() || config.Get("topK").Exists()):
		return wrong("Sampling parameters are not supported by this model.")
	case config.Get("logprobs").Exists() && !config.Get("responseLogprobs").Bool():
		return wrong("logprobs: response_logprobs must be true")
	}
	for _, part := range g.json.Get("contents.#.parts.#.mediaResolution|@flatten").Array() {
		if g.model.gen < 30 && part.Exists() {
			return wrong("Media resolution of parts is not enabled for this model")
		}
	}
	return nil
}

func (g *gemini) checkThinking() *refusal {
	thinking := g.json.Get("generationConfig.thinkingConfig")
	if !thinking.Exists() {
		return nil
	}
	level, budget := thinking.Get("thinkingLevel"), thinking.Get("thinkingBudget")
	least, most, off := g.model.budget()
	switch {
	case g.model.gen < 25 || g.model.open:
		return wrong("Thinking is not enabled for models/%s", g.call.model)
	case level.Exists() && budget.Exists():
		return wrong("You can only set only one of thinking budget and thinking level.")
	case level.Exists() && !slices.Contains(g.model.levels(), level.Str):
		return wrong("Thinking level %s is not supported for this model.", level.Str)
	case !budget.Exists() || budget.Num == -1 && most > 0 || budget.Num == 0 && off:
		return nil
	case budget.Num < least || budget.Num > most:
		return wrong("The thinking budget %s is invalid. Please choose a value between %v and %v.", budget.Raw, least, most)
	}
	return nil
}

func (g *gemini) checkTools() *refusal {
	names := map[string]bool{}
	built := false
	for i, tool := range g.json.Get("tools").Array() {
		for n, f := range tool.Get("functionDeclarations").Array() {
			at := "tools[" + itoa(i) + "].function_declarations[" + itoa(n) + "]"
			if names[f.Get("name").Str] {
				return wrong("Duplicate function declaration found: %s", f.Get("name").Str)
			}
			names[f.Get("name").Str] = true
			if err := g.checkSchemas(at, f.Get("parameters"), f.Get("parametersJsonSchema")); err != nil {
				return err
			}
		}
		for _, kind := range []string{"googleSearch", "urlContext", "codeExecution", "googleMaps"} {
			built = built || tool.Get(kind).Exists()
		}
	}
	calling := g.json.Get("toolConfig.functionCallingConfig")
	mode := calling.Get("mode").Str
	switch {
	case built && len(names) > 0 && (g.model.gen < 30 || !g.home.vertex && !g.json.Get("toolConfig.includeServerSideToolInvocations").Bool()):
		return wrong("Built-in tools and Function Calling cannot be combined in the same request.")
	case calling.Exists() && len(names) == 0:
		return wrong("Function calling config is set without function_declarations.")
	case mode == "VALIDATED" && g.model.gen < 30:
		return wrong("Function calling mode VALIDATED is not enabled for this model")
	case calling.Get("allowedFunctionNames").Exists() && mode != "ANY" && mode != "VALIDATED":
		return wrong("Function calling config: allowed_function_names should only be set when mode is ANY or VALIDATED.")
	}
	for _, name := range calling.Get("allowedFunctionNames").Array() {
		if !names[name.Str] {
			return wrong("Function calling config: allowed function %s is not declared.", name.Str)
		}
	}
	return nil
}

// checkSchemas looks at a schema in either form.
func (g *gemini) checkSchemas(at string, own, plain gjson.Result) *refusal {
	switch {
	case own.Exists() && plain.Exists():
		return wrong("%s: only one of the two kinds of schema may be set", at)
	case own.Exists():
		return checkOwnSchema(at+".parameters", own, 0)
	case plain.Exists() && (g.model.gen < 25 || g.model.open):
		return wrong("%s: JSON Schema is not enabled for this model", at)
	case plain.Exists():
		return checkJSONSchema(at+".parameters_json_schema", plain, 0)
	}
	return nil
}

func (g *gemini) checkForm() *refusal {
	config := g.json.Get("generationConfig")
	form := config.Get("responseMimeType").Str == "application/json"
	schema := config.Get("responseSchema").Exists() || config.Get("responseJsonSchema").Exists()
	functions := g.json.Get("tools.#.functionDeclarations").Raw != "[]" && g.json.Get("tools").Exists()
	switch {
	case schema && !form:
		return wrong("generation_config.response_schema: only allowed with response_mime_type application/json")
	case form && functions && g.model.gen < 30:
		return wrong("Function calling with a response mime type: 'application/json' is unsupported")
	case form && functions && g.json.Get("toolConfig.functionCallingConfig.mode").Str == "ANY":
		return wrong("Forced function calling (mode = ANY) with a response mime type: 'application/json' is unsupported")
	}
	return g.checkSchemas("generation_config", config.Get("responseSchema"), config.Get("responseJsonSchema"))
}
