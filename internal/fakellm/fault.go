package fakellm

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is a way to misbehave that a model name or the header x-fake-fault may
// ask for. Several are joined by "+", in any order.
type Fault struct {
	Name    string // with its argument: "cut[N]"
	Meaning string
}

// Faults lists every fault there is, sorted by name.
func Faults() []Fault {
	list := make([]Fault, 0, len(faultTable))
	for _, f := range faultTable {
		list = append(list, Fault{f.name + f.argument, f.meaning})
	}
	slices.SortFunc(list, func(a, b Fault) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// never is the number of events after which a fault that is not wanted comes.
const never = -1

// faults is what one request asks for.
type faults struct {
	refusal *refusal      // instead of an answer
	slow    time.Duration // before the headers
	pause   time.Duration // before each event
	size    int           // bytes of text to answer; 0 for what there is to say
	flaky   int           // tries to refuse

	cut, reset, hang, fail, tear, short, flip int // after so many events, or never

	gate, crlf, noBlank, split, gzip, noUsage, trailers, chunked, lax bool

	// What only answers that are made of parts can do.
	redacted, interleave, texts, odd, empty bool
	finish                                  string // why it ends, "" for what is so

	late bool // texts are taken back by a filter that comes after them
}

// parted reports whether anything is asked for that only such answers can do.
func (f *faults) parted() bool {
	return f.redacted || f.interleave || f.texts || f.odd || f.empty || f.finish != ""
}

// partsOnly is said of the faults that OpenAI's dialects do not know.
const partsOnly = " (not OpenAI and Azure)"

// faultTable is the one place that knows the faults. set gets what follows the
// name, "" when nothing does, and reports whether it makes sense.
var faultTable = []struct {
	name, argument, meaning string
	set                     func(*faults, string) bool
}{
	{"", "STATUS", "refuse with this status, 400 to 599, and the body OpenAI sends with it; 429 says when to come back", setStatus},
	{"big", "SIZE", "answer that much text: 1MB, 64KB, 500 (bytes)", setSize},
	{"chunked", "", "send a plain answer in pieces and without content-length", flag(func(f *faults) *bool { return &f.chunked })},
	{"context", "", "refuse with 400 context_length_exceeded", setContext},
	{"crlf", "", "end the lines of a stream with CR LF", flag(func(f *faults) *bool { return &f.crlf })},
	{"cut", "[N]", "break the connection off after N events (0), a plain answer in its middle", count(func(f *faults) *int { return &f.cut }, 0)},
	{"errevent", "[N]", "put an error in place of what follows N events (2) and end; a plain answer is an error with status 200", count(func(f *faults) *int { return &f.fail }, 2)},
	{"empty", "", "answer nothing at all" + partsOnly, flag(func(f *faults) *bool { return &f.empty })},
	{"filtered", "", "refuse with 400 content_filter", setFiltered},
	{"finish", "REASON", "say that the answer ended for this reason" + partsOnly, func(f *faults, arg string) bool { f.finish = arg; return arg != "" }},
	{"flaky", "N", "refuse the first N tries of the same request with 503", setFlaky},
	{"flip", "[N]", "change a bit of what follows N events of a stream (0)", count(func(f *faults) *int { return &f.flip }, 0)},
	{"gate", "", "hold the second event until a test releases it", flag(func(f *faults) *bool { return &f.gate })},
	{"gzip", "", "compress the answer, whether the client can read that or not", flag(func(f *faults) *bool { return &f.gzip })},
	{"hang", "[N]", "say nothing more after N events; before the headers without N", count(func(f *faults) *int { return &f.hang }, 0)},
	{"interleave", "", "think before each part of an answer, not only before the first" + partsOnly, flag(func(f *faults) *bool { return &f.interleave })},
	{"late", "", "take a streamed text back when all of it has been said (Azure only)", flag(func(f *faults) *bool { return &f.late })},
	{"lax", "", "accept unknown fields", flag(func(f *faults) *bool { return &f.lax })},
	{"noblank", "", "leave out the blank line after the last event", flag(func(f *faults) *bool { return &f.noBlank })},
	{"nousage", "", "leave out the usage", flag(func(f *faults) *bool { return &f.noUsage })},
	{"odd", "", "send blocks, events and members that nobody knows" + partsOnly, flag(func(f *faults) *bool { return &f.odd })},
	{"pause", "DURATION", "wait before each event of a stream but the first: 2s, 150ms", duration(func(f *faults) *time.Duration { return &f.pause }, "")},
	{"quota", "", "refuse with 429 insufficient_quota", setQuota},
	{"redacted", "", "hide the first thought" + partsOnly, flag(func(f *faults) *bool { return &f.redacted })},
	{"reset", "[N]", "reset the connection after N events; before the headers without N", count(func(f *faults) *int { return &f.reset }, 0)},
	{"short", "[N]", "end a stream after N events (0) as if it were over", count(func(f *faults) *int { return &f.short }, 0)},
	{"slow", "[DURATION]", "wait before the headers: 1s, or so long", duration(func(f *faults) *time.Duration { return &f.slow }, "1s")},
	{"split", "", "cut what is sent inside lines, inside characters and between the ends of two lines", flag(func(f *faults) *bool { return &f.split })},
	{"tear", "[N]", "break the connection off inside what follows N events of a stream (0)", count(func(f *faults) *int { return &f.tear }, 0)},
	{"texts", "", "say it in several blocks of text, or something before calling tools" + partsOnly, flag(func(f *faults) *bool { return &f.texts })},
	{"trailers", "", "send a trailer, x-fake-trailer", flag(func(f *faults) *bool { return &f.trailers })},
}

// setFault notes one fault, "cut3", and reports whether there is such a one.
func (f *faults) setFault(text string) bool {
	name := strings.TrimRight(text, "0123456789.") // "cut3" and "503"
	for _, known := range faultTable {
		rest, ok := strings.CutPrefix(text, known.name)
		if !ok || known.name == "" && name != "" {
			continue
		}
		if known.set(f, rest) {
			return true
		}
	}
	return false
}

// faultsOf reads the faults that model and header ask for. A misspelled fault is
// an error: a test must not pass because what it meant to provoke never happened.
func (p *provider) faultsOf(c *call) (faults, *refusal) {
	none := faults{cut: never, reset: never, hang: never, fail: never, tear: never, short: never, flip: never}
	f := none
	name, suffix, _ := strings.Cut(c.Model, "+")
	c.model = name
	for text := range strings.FieldsFuncSeq(suffix+"+"+c.Header.Get("X-Fake-Fault"), faultSeparator) {
		if !f.setFault(text) {
			return none, invalid("invalid_value", "model", fmt.Sprintf("Unknown fault: '%s'.", text))
		}
	}
	if f.gate && p.Gate == nil {
		return none, invalid("invalid_value", "model", "The fault 'gate' needs a test that opens it.")
	}
	if f.parted() && !c.dialect.parts {
		return none, invalid("invalid_value", "model", "One of the faults is not of OpenAI's and Azure's answers.")
	}
	if (f.redacted || f.interleave) && c.dialect.unsealed {
		return none, invalid("invalid_value", "model", "One of the faults is of signed thoughts only.")
	}
	if f.late && !c.dialect.filters {
		return none, invalid("invalid_value", "model", "The fault 'late' is of Azure's answers only.")
	}
	return f, nil
}

func faultSeparator(r rune) bool { return r == '+' || r == ',' || r == ' ' }

func flag(at func(*faults) *bool) func(*faults, string) bool {
	return func(f *faults, arg string) bool {
		*at(f) = true
		return arg == ""
	}
}

func count(at func(*faults) *int, without int) func(*faults, string) bool {
	return func(f *faults, arg string) bool {
		*at(f) = without
		if arg == "" {
			return true
		}
		n, err := strconv.ParseUint(arg, 10, 31)
		*at(f) = int(n)
		return err == nil
	}
}

func duration(at func(*faults) *time.Duration, without string) func(*faults, string) bool {
	return func(f *faults, arg string) bool {
		d, err := time.ParseDuration(cmp.Or(arg, without))
		*at(f) = d
		return err == nil && d >= 0
	}
}

func setStatus(f *faults, arg string) bool {
	status, err := strconv.Atoi(arg)
	if err != nil || status < 400 || status > 599 {
		return false
	}
	f.refusal = refusalOf(status)
	return true
}

func setQuota(f *faults, arg string) bool {
	f.refusal = &refusal{status: http.StatusTooManyRequests, kind: "insufficient_quota", code: "insufficient_quota",
		message: "You exceeded your current quota, please check your plan and billing details."}
	return arg == ""
}

func setContext(f *faults, arg string) bool {
	f.refusal = invalid("context_length_exceeded", "messages",
		"This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens. Please reduce the length of the messages.")
	return arg == ""
}

func setFiltered(f *faults, arg string) bool {
	f.refusal = invalid("content_filter", "prompt",
		"The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.")
	return arg == ""
}

func setFlaky(f *faults, arg string) bool {
	n, err := strconv.ParseUint(arg, 10, 16)
	f.flaky = int(n)
	return err == nil
}

// maxSize bounds the text that a fault may ask for.
const maxSize = 64 << 20

func setSize(f *faults, arg string) bool {
	unit := 1
	for suffix, bytes := range map[string]int{"KB": 1 << 10, "MB": 1 << 20} {
		if digits, ok := strings.CutSuffix(arg, suffix); ok {
			arg, unit = digits, bytes
		}
	}
	n, err := strconv.ParseUint(arg, 10, 31)
	f.size = int(n) * unit
	return err == nil && f.size > 0 && f.size <= maxSize
}

// tries counts how often flaky requests were refused. The zero value is ready.
type tries struct {
	mu     sync.Mutex
	failed map[[32]byte]int
}

// maxTries bounds the requests that are remembered; over it all are forgotten.
const maxTries = 1 << 12

// fault returns the refusal that the faults of c ask for, if any.
func (t *tries) fault(c *call) *refusal {
	if c.faults.refusal != nil || c.faults.flaky == 0 {
		return c.faults.refusal
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed[c.sum] >= c.faults.flaky {
		delete(t.failed, c.sum) // the next such request fails again: same in, same out
		return nil
	}
	if t.failed == nil || len(t.failed) >= maxTries {
		t.failed = make(map[[32]byte]int)
	}
	t.failed[c.sum]++
	return refusalOf(http.StatusServiceUnavailable)
}

// sleep waits for d unless ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
