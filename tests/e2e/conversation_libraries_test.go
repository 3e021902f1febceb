package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"llmroute/internal/fakellm"
)

// library is a client that makes its own history of a conversation. A script of
// a few lines has it do what its users do.
type library struct {
	name    string
	command []string
	clients []string // those that the script can be
	tasks   []string // what they do besides calling tools
}

var libraries = []library{
	{"openai", []string{"python3", "clients/echo.py"}, []string{"openai"}, nil},
	{"langchain", []string{"python3", "clients/langchain_client.py"}, []string{"langchain"}, []string{"form", "called", "picture"}},
	{"vercel", []string{"node", "clients/vercel.js"}, []string{"llmroute", "google", "openaiCompatible", "openrouter"}, []string{"form", "picture"}},
}

// visit is what a client is to do at a home.
type visit struct {
	Name    string            `json:"name"`
	Headers map[string]string `json:"headers"`
	Model   string            `json:"model"`
	Stream  bool              `json:"stream"`
	Task    string            `json:"task"`
	Client  string            `json:"client"`

	home  *home
	fault string
}

// round is what came of one request, as the client tells it.
type round struct {
	Message   json.RawMessage `json:"message"` // with reasoning_details as they came, where they are to be had
	Warnings  string          `json:"warnings"`
	Error     string          `json:"error"`
	Text      string          `json:"text"`
	Reasoning string          `json:"reasoning"`
	Calls     []string        `json:"calls"`
	Finish    string          `json:"finish"`
	Usage     []int           `json:"usage"` // of the prompt and of the answer
	Object    json.RawMessage `json:"object"`
}

// spelled is an answer as the conversations' tables spell it.
func (r *round) spelled() string {
	if r.Error != "" {
		return r.Error
	}
	return strings.Join(append(append([]string{r.Text}, r.Calls...), strings.ReplaceAll(r.Finish, "-", "_")), "|")
}

// visits are what a library does at every home of another dialect than OpenAI's.
func (l *library) visits() (list []visit) {
	for i := range homes {
		h := &homes[i]
		if h.only || !h.foreign {
			continue
		}
		for _, client := range l.clients {
			for _, m := range thinkers(h) {
				tasks := []string{"tools"}
				if m.fault == "" {
					tasks = append(tasks, l.tasks...)
				}
				for _, task := range tasks {
					for _, stream := range []bool{false, true} {
						name := fmt.Sprintf("%s/%s/%s/%s+%s/stream=%v", client, task, h.name, m.model, m.fault, stream)
						headers := map[string]string{"x-home": h.name, "x-talk": name, "x-fake-fault": m.fault}
						list = append(list, visit{name, headers, m.model, stream, task, client, h, m.fault})
					}
				}
			}
		}
	}
	return list
}

// TestLibraries holds conversations by the clients that people use, unmodified,
// and looks at both ends.
//
// Clients that echo what they got keep the thread of a model's thoughts: what was
// signed comes back byte for byte, where it stood. With those that keep less it
// goes on without, and a warning says what is missing.
func TestLibraries(t *testing.T) {
	t.Parallel()
	p := openParlour(t)
	for _, l := range libraries {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			visits := l.visits()
			var rounds map[string][]round
			runClient(t, append(l.command, p.URL+"/v1"), visits, &rounds)
			for i := range visits {
				v := &visits[i]
				t.Run(v.Name, func(t *testing.T) {
					checks[v.Task](v, t, rounds[v.Name], p.received(v))
					if v.Stream {
						sameUsage(t, rounds[visits[i-1].Name], rounds[v.Name]) // each follows its plain twin
					}
				})
			}
		})
	}
}

// checks are for the tasks.
var checks = map[string]func(*visit, *testing.T, []round, []*fakellm.Request){
	"tools": (*visit).checkTools, "form": (*visit).checkForm, "called": (*visit).checkForm, "picture": (*visit).checkPicture,
}

// sameUsage compares what a stream has told of its usage with what a plain answer
// has. Behind the first answer without calls a client may keep other things of one
// than of the other.
func sameUsage(t *testing.T, plain, streamed []round) {
	t.Helper()
	for i := range min(len(plain), len(streamed), 3) {
		if diff := cmp.Diff(plain[i].Usage, streamed[i].Usage); diff != "" {
			t.Errorf("round %d: the usage of the plain answer is another: %s", i+1, diff)
		}
	}
}

// received returns what a visit's provider received of it.
func (p *parlour) received(v *visit) (list []*fakellm.Request) {
	for _, q := range p.providers[v.home.name].Requests() {
		if q.Header.Get("X-Talk") == v.Name {
			list = append(list, q)
		}
	}
	return list
}

// checkForm looks at an answer in a form, which the client has found to be one: a
// schema kept to, or the arguments of a tool that has to be called.
func (v *visit) checkForm(t *testing.T, rounds []round, received []*fakellm.Request) {
	t.Helper()
	if len(rounds) != 1 {
		t.Fatalf("%d answers", len(rounds))
	}
	r := &rounds[0]
	if v.Task == "form" && v.Model == opus55 && (v.home.name == claudeAWS || v.home.name == converse) {
		if !strings.Contains(r.Error, "'response_format' is not supported by the model") || len(received) > 0 {
			t.Errorf("%s, and %d requests, of what the model cannot do there", r.Error, len(received))
		}
		return
	}
	want := map[string]any{"city": "Fill it in.", "kind": "rain", "degrees": 1.5, "hours": []any{map[string]any{"hour": 1.0, "note": "Fill it in."}}}
	var got map[string]any
	if err := json.Unmarshal(r.Object, &got); err != nil || r.Error != "" {
		t.Fatalf("%v, %s, in %s", err, r.Error, r.Object)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if want := v.warnsOfForm(); r.Warnings != want {
		t.Errorf("warnings %q, want %q", r.Warnings, want)
	}
}

// warnsOfForm is what a provider cannot do of a form. LangChain wants one call at
// a time, and Zod bounds its integers, which a grammar of Claude's cannot.
func (v *visit) warnsOfForm() string {
	switch {
	case v.Task == "called" && v.Model == opus55:
		return "tool_choice;unsupported"
	case v.Task == "called" && (v.gemini() || v.home.name == cohere):
		return "parallel_tool_calls;unsupported"
	case v.Task == "called" || v.Client == "langchain" || !v.home.among(claudes):
		return ""
	}
	return "response_format;schema_changed"
}

// checkPicture looks at whether a picture has arrived.
func (v *visit) checkPicture(t *testing.T, rounds []round, received []*fakellm.Request) {
	t.Helper()
	if len(rounds) != 1 || len(received) != 1 {
		t.Fatalf("%d answers to %d requests: %+v", len(rounds), len(received), rounds)
	}
	r, body := &rounds[0], string(received[0].Body)
	if want := echoOf(v.Model, "What is it?"); r.spelled() != want || r.Warnings != "" {
		t.Errorf("the client saw %s, warned of %q, want %s", r.spelled(), r.Warnings, want)
	}
	if !strings.Contains(body, `iVBORw0KGgo=`) {
		t.Errorf("no picture in %s", body)
	}
}
