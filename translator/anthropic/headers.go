package anthropic

import (
	"net/http"
	"time"

	"llmroute/translator/chat"
)

// limited is something that Anthropic limits: its headers, and OpenAI's for it.
type limited struct {
	limit, remaining, reset string
	told                    [3]string
}

var (
	requestTold = [3]string{"x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"}
	tokensTold  = [3]string{"x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"}

	// Where there is no limit of all tokens, the one of those that come in is the
	// nearest: what stands first is told.
	limits = [...]limited{
		{"anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset", requestTold},
		{"anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset", tokensTold},
		{"anthropic-ratelimit-input-tokens-limit", "anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset", tokensTold},
	}
)

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
	told := ""
	for i := range limits {
		l := &limits[i]
		limit := h.Get(l.limit)
		if limit == "" || told == l.told[0] {
			continue
		}
		told = l.told[0]
		set = append(set, chat.Header{Name: told, Value: limit}, chat.Header{Name: l.told[1], Value: h.Get(l.remaining)},
			chat.Header{Name: l.told[2], Value: until(h.Get("date"), h.Get(l.reset))})
	}
	return set
}

// until returns how long it is from the date of a reply to a time, as OpenAI
// writes durations; "" when either is missing.
func until(date, reset string) string {
	if date == "" || reset == "" {
		return ""
	}
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
