package gemini

import (
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// finish tells how one answer ended.
func (r *reader) finish(evs []chat.Event, index int) []chat.Event {
	evs = r.close(evs, index, nil)
	c := &r.choices[index]
	reason, known := reasons[string(c.reason)]
	if !known && !c.produced {
		return r.fail(evs, c.failure())
	}
	if !known {
		r.trip.WarnEnd(chat.UnknownEnd)
	}
	if reason == "" {
		if reason = chat.Stop; c.calls > 0 {
			reason = chat.ToolCalls
		}
	}
	if len(c.images) > 0 {
		list := append(append(raw.Value{'['}, c.images...), ']')
		evs = append(evs, chat.Event{Kind: chat.Extra, Choice: index, Name: raw.Text("images"), JSON: list})
	}
	return append(evs, chat.Event{Kind: chat.Finish, Choice: index, Reason: reason})
}

// reasons are why answers end. One that is not here is told as what it looks like.
var reasons = map[string]chat.Reason{
	"STOP": "", "MAX_TOKENS": chat.Length,
	"CONTINUATION": chat.Length, // to go on is another request
	"SAFETY":       chat.Filtered, "RECITATION": chat.Filtered, "LANGUAGE": chat.Filtered, "BLOCKLIST": chat.Filtered,
	"PROHIBITED_CONTENT": chat.Filtered, "SPII": chat.Filtered, "MODEL_ARMOR": chat.Filtered, "IMAGE_SAFETY": chat.Filtered,
	"IMAGE_PROHIBITED_CONTENT": chat.Filtered, "IMAGE_RECITATION": chat.Filtered,
}

// broken are the reasons of answers that are none, whatever there is of them. Told
// as an empty answer, they make agents believe that they are done.
var broken = map[string]bool{
	"MALFORMED_FUNCTION_CALL": true, "UNEXPECTED_TOOL_CALL": true, "TOO_MANY_TOOL_CALLS": true, "MALFORMED_RESPONSE": true,
	"MISSING_THOUGHT_SIGNATURE": true,
}

// failure is the error of an answer that ended in a way that is none.
func (c *candidate) failure() *chat.Error {
	reason := raw.Text(c.reason).String()
	err := noAnswer("The model has stopped without an answer: " + reason + ".")
	if broken[reason] {
		err.Code = strings.ToLower(reason)
	}
	if words := raw.Text(c.words).String(); words != "" {
		err.Message = words
	}
	return err
}

func noAnswer(message string) *chat.Error {
	return &chat.Error{Status: 502, Type: "server_error", Code: "upstream_no_answer", Message: message, Provider: provider}
}

func (r *reader) fail(evs []chat.Event, err *chat.Error) []chat.Event {
	r.done = true
	err.Provider = provider
	return append(evs, chat.Event{Kind: chat.Fail, Err: err})
}
