package raw

import "bytes"

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// skipText returns the end of the string that opens at i, or -1.
func skipText(b []byte, i int) int {
	// Most strings are names and other short ones: a look at each byte is quicker
	// than a search.
	const short = 24
	for end := min(i+short, len(b)); ; {
		switch i++; {
		case i >= end:
			return skipLong(b, i)
		case b[i] == '"':
			return i + 1
		case b[i] == '\\':
			i++
		}
	}
}

// skipLong is skipText from i on, which is within the string and not within an
// escape.
func skipLong(b []byte, i int) int {
	for open := i; i < len(b); i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		if i += n; !escapedAt(b, open-1, i) {
			return i + 1
		}
	}
	return -1
}

// escapedAt reports whether an odd number of backslashes stands before i, behind
// open.
func escapedAt(b []byte, open, i int) bool {
	n := 0
	for j := i - 1; j > open && b[j] == '\\'; j-- {
		n++
	}
	return n&1 == 1
}

// skipValue returns the end of the value that starts at i, or -1 when it does
// not end within b.
func skipValue(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return skipText(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	start := i
	for ; i < len(b); i++ {
		switch b[i] {
		case ',', '}', ']', ' ', '\n', '\r', '\t':
			if i == start {
				return -1
			}
			return i
		}
	}
	return -1 // within an object or array something must follow
}

func skipNested(b []byte, i int) int {
	for depth := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			end := skipText(b, i)
			if end < 0 {
				return -1
			}
			i = end - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}
