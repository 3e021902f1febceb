// Package tokens counts the tokens of a text or of a request before anybody has
// read it: to refuse what no context window can hold, to reserve a budget, and
// to charge for a reply that was cut before it told its usage. What a provider
// says of a request is the truth; this is what is known without it.
//
// Texts for OpenAI's models are counted exactly, token for token as OpenAI's own
// tiktoken 0.14 has it, with the vocabularies o200k_base and cl100k_base that
// are embedded here. Of the other vendors a count is an estimate: that of
// o200k_base times a factor of the vendor, see For. What a chat adds to its
// texts, Request tells.
//
// A vocabulary is unpacked when its first text is counted. That takes some tens
// of milliseconds and 5 MB of memory for o200k_base, half of both for
// cl100k_base, 70 KB for what both share. Counting allocates nothing but scratch
// memory, which is kept for the next time.
//
// The time it takes grows with the length of a text, and not with its contents:
// a text without any break costs a little more than prose does.
package tokens

import "unicode/utf8"

// Counter counts for one model. It is a value to be copied, and may be used
// concurrently. The zero Counter knows no vocabulary, and takes four characters
// for a token.
type Counter struct {
	encoding *encoding
	percent  int // of the encoding's count
	exact    bool
}

// Name returns the vocabulary that is counted with, "" of the zero Counter.
func (c Counter) Name() string {
	if c.encoding == nil {
		return ""
	}
	return c.encoding.name
}

// Exact reports whether texts are counted as the model will read them, and not
// estimated.
func (c Counter) Exact() bool { return c.exact }

// Load unpacks the vocabulary now, for those who would rather wait at the start
// than in the first request.
func (c Counter) Load() {
	if c.encoding != nil {
		c.encoding.vocabulary()
	}
}

// Text counts the tokens of a text, as if nothing stood around it. What is not
// UTF-8 counts as the bytes it is. Special tokens, "<|endoftext|>" for example,
// are text like any other.
func (c Counter) Text(text []byte) int {
	return c.scaled(c.text(text))
}

// text counts without the vendor's factor.
func (c Counter) text(text []byte) (n int) {
	if len(text) == 0 {
		return 0
	}
	if c.encoding == nil {
		return guess(text)
	}
	// A mistake here must not cost anybody an answer.
	defer func() {
		if recover() != nil {
			n = guess(text)
		}
	}()
	return c.encoding.count(text)
}

// guess is the count of a text that cannot be counted.
func guess(text []byte) int { return max(1, utf8.RuneCount(text)/4) }

// Bound returns what neither a text nor a request of that many bytes exceeds: a
// token is a byte at least, and what Request counts besides was written in as
// many. It costs nothing, so ask it first: whoever stays below every limit with
// it need not count.
func (c Counter) Bound(length int) int { return c.scaled(length + perTools) }

// scaled applies the vendor's factor, rounding up.
func (c Counter) scaled(n int) int {
	if c.percent <= exactly {
		return n
	}
	return n/100*c.percent + (n%100*c.percent+99)/100
}
