// Package aws is what the services of AWS say alike, whichever dialect they serve:
// what an error is called, and which errors are about the credential. It knows
// nothing of any dialect.
package aws

import (
	"strings"

	"llmroute/translator/chat"
	"llmroute/translator/raw"
)

// Exception returns what an error reply is called, as [Named] does, or "" where
// nothing says it. body may be anything, no JSON included.
func Exception(h chat.Headers, body raw.Value) string {
	if name := h.Get("x-amzn-errortype"); name != "" {
		return Named(name)
	}
	for _, member := range [...]string{"__type", "code"} {
		if name := body.Get(member).String(); name != "" {
			return Named(name)
		}
	}
	return ""
}

// Named returns an exception's name without what surrounds it: "throttling" for
// "com.amazon.bedrock#ThrottlingException:http://internal.amazon.com/…". Its case
// counts for nothing: within streams the first letter is a small one.
func Named(name string) string {
	name, _, _ = strings.Cut(name, ":")
	name = name[strings.LastIndexByte(name, '#')+1:]
	return strings.TrimSuffix(strings.ToLower(name), "exception")
}

// RefusesCredential reports whether the exception of that name says that keys or
// signature were not taken. AWS says it with a status of 403, as for what the keys'
// owner may not do, or with a 400.
func RefusesCredential(name string) bool {
	switch name {
	case "unrecognizedclient", "invalidsignature", "signaturedoesnotmatch", "expiredtoken", "missingauthenticationtoken", "incompletesignature":
		return true
	}
	return false
}

// OriginalStatus returns the status with which a model's own server has failed, of
// an error that says no more than that it did, and 502 where that tells nothing.
// What such a server says of a credential is not about ours.
func OriginalStatus(body raw.Value) int {
	const least, most, unauthorized, dependency, badGateway = 400, 599, 401, 424, 502
	n := int(body.Get("originalStatusCode").Int())
	if n < least || n > most || n == unauthorized || n == dependency {
		return badGateway
	}
	return n
}
