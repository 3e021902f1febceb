package tokens

import (
	"slices"
	"strings"
)

// exactly is the percentage of a count that is not an estimate.
const exactly = 100

// vendor is what is known of how a family of models counts. The percentages are
// of o200k_base, measured with the vendors' tokenizers where they are public, on
// Go and Python code, JSON and Markdown in English; each is near the highest of
// the four, because a limit that holds is better than one that is nearly right.
// In other scripts the vendors differ more, in both directions.
type vendor struct {
	names   []string // parts of a model's name that nobody else uses
	schemas []string // where models are this vendor's unless their names say otherwise
	percent int
}

// vendors are asked in this order.
var vendors = []vendor{
	// Anthropic publishes none; the old Claude 2's is 103 to 113, and Anthropic
	// says that later ones make more of the same text.
	{[]string{"claude"}, []string{"Anthropic", "AWSAnthropic", "GCPAnthropic"}, 125},
	{[]string{"gemini", "gemma"}, []string{"GCPVertexAI", "GoogleAIStudio"}, 120}, // 113 to 123
	// Tekken, 104 to 114.
	{[]string{"mistral", "mixtral", "ministral", "magistral", "codestral", "devstral", "pixtral", "voxtral"}, []string{"Mistral"}, 110},
	{[]string{"command", "cohere", "aya-"}, []string{"Cohere"}, 110}, // not measured
	{[]string{"deepseek"}, nil, 105},    // 103 to 105
	{[]string{"qwen", "qwq"}, nil, 105}, // 100 to 110
	{[]string{"llama"}, nil, 100},       // 99 to 100
}

// openAI are the models whose vocabulary is known, by how their names begin, as
// tiktoken lists them; the first that fits counts.
var openAI = []struct {
	prefix   string
	encoding *encoding
}{
	{"gpt-3.5", cl100k}, {"gpt-35", cl100k},
	{"gpt-4o", o200k}, {"gpt-4.", o200k}, {"gpt-4", cl100k},
	{"gpt-5", o200k}, {"gpt-oss", o200k}, {"chatgpt-4o", o200k}, {"codex-", o200k}, {"computer-use", o200k},
	{"o1", o200k}, {"o3", o200k}, {"o4-mini", o200k},
	{"text-embedding-3", cl100k}, {"text-embedding-ada", cl100k},
	{"davinci-002", cl100k}, {"babbage-002", cl100k},
}

// For returns the Counter for a model behind a backend of that schema, both as
// the configuration names them. The model's name decides where it tells whose it
// is, also after "openai/", "us.anthropic." and the like or "ft:"; where it does
// not, the schema does; and where that neither, as for a model of one's own, the
// count is that of o200k_base, as an estimate.
//
// The estimates, in percent of o200k_base: Claude 125, Gemini and Gemma 120,
// Mistral 110, Command 110, DeepSeek and Qwen 105, Llama and all others 100.
func For(schema, model string) Counter {
	name := strings.ToLower(model)
	base := name[strings.LastIndexAny(name, "/:")+1:]
	if tuned, ok := strings.CutPrefix(name, "ft:"); ok {
		base = tuned
	}
	for _, m := range openAI {
		if strings.HasPrefix(base, m.prefix) {
			return Counter{encoding: m.encoding, percent: exactly, exact: true}
		}
	}
	for _, v := range vendors {
		if slices.ContainsFunc(v.names, func(part string) bool { return strings.Contains(name, part) }) {
			return Counter{encoding: o200k, percent: v.percent}
		}
	}
	for _, v := range vendors {
		if slices.Contains(v.schemas, schema) {
			return Counter{encoding: o200k, percent: v.percent}
		}
	}
	return Counter{encoding: o200k, percent: exactly}
}
