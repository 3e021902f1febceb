package chat

const upperHex = "0123456789ABCDEF"

// AppendSegment appends s as one segment of a path: all but unreserved
// characters are escaped, a slash among them. So AWS wants it, and signs it.
func AppendSegment(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; unreserved(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

// Segment returns s as one segment of a path.
func Segment(s string) string {
	for i := range len(s) {
		if !unreserved(s[i]) {
			return string(AppendSegment(nil, s))
		}
	}
	return s
}

// unreserved reports whether a byte stands for itself anywhere in a URL.
func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~'
}
