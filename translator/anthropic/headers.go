package anthropic

import (
	"net/http"
	"time"

	"llmroute/translator/chat"
)

// limits are what Anthropic limits, and what OpenAI calls that. Where there is
// no limit of all tokens, the one of those that come in is the nearest.
var limits = [...]struct{ vendor, instead, name string }{
	{"anthropic-ratelimit-requests-", "", "-requests"},
	{"anthropic-ratelimit-tokens-", "anthropic-ratelimit-input-tokens-", "-tokens"},
}

// ReadHeaders appends what a reply's headers mean in OpenAI's names: the id of
// the request, and how much of the limits is left.
func (d *Dialect) ReadHeaders(set []chat.Header, h chat.Headers) []chat.Header {
	const requestID = "x-request-id"
	switch d.home {
	case vertex:
		return set
	case bedrock:
		return append(set, chat.Header{Name: requestID, Value: h.Get("x-amzn-requestid")},
			chat.Header{Name: "retry-after", Value: chat.Seconds(h.Get("x-amz-retry-after"))})
	}
	set = append(set, chat.Header{Name: requestID, Value: h.Get("request-id")})
	for _, l := range limits {
		from := l.vendor
		if l.instead != "" && h.Get(from+"limit") == "" {
			from = l.instead
		}
		set = append(set, chat.Header{Name: "x-ratelimit-limit" + l.name, Value: h.Get(from + "limit")},
			chat.Header{Name: "x-ratelimit-remaining" + l.name, Value: h.Get(from + "remaining")},
			chat.Header{Name: "x-ratelimit-reset" + l.name, Value: until(h.Get("date"), h.Get(from+"reset"))})
	}
	return set
}

// until returns how long it is from the date of a reply to a time, as OpenAI
// writes durations; "" when either is missing.
func until(date, reset string) string {
	from, err := http.ParseTime(date)
	if err != nil {
		return ""
	}
	to, err := time.Parse(time.RFC3339, reset)
	if err != nil {
		return ""
	}
	return max(to.Sub(from), 0).Round(time.Millisecond).String()
}
