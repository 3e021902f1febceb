package tokens

// The rules by which texts are cut into pieces, as functions from where a piece
// starts to where it ends. They stand beside the regular expressions that
// tiktoken has for them, alternative by alternative.

// nextCL100k cuts as cl100k_base does:
//
//	'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s
func nextCL100k(text []byte, start int) int {
	c, size := at(text, start)
	first := start + size
	if text[start] == '\'' {
		if end := contraction(text, start); end > start {
			return end
		}
	}
	switch {
	case c&letters != 0:
		return skip(text, first, letters)
	case c == number:
		return numbers(text, start)
	case c != newline:
		if end := skip(text, first, letters); end > first {
			return end
		}
	}
	if end := signs(text, start); end > start {
		return skip(text, end, newline)
	}
	end := skip(text, first, spaces)
	if end == len(text) {
		return end
	}
	return blank(text, start, end)
}

// nextO200k cuts as o200k_base does:
//
//	[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//	[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//	\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
func nextO200k(text []byte, start int) int {
	c, size := at(text, start)
	first := start + size
	switch {
	case c&letters != 0:
		return contracted(text, anyWord(text, start))
	case c == number:
		return numbers(text, start)
	case c == mark:
		// Before a word it belongs to it. Before mere capitals it does not: the
		// first alternative then makes do with the mark, before the second is asked.
		end, ok := word1(text, first)
		if !ok {
			end = first
		}
		return contracted(text, end)
	case c != newline:
		if end := anyWord(text, first); end > first {
			return contracted(text, end)
		}
	}
	if end := signs(text, start); end > start {
		for end < len(text) && (text[end] == '\r' || text[end] == '\n' || text[end] == '/') {
			end++
		}
		return end
	}
	return blank(text, start, skip(text, first, spaces))
}

// anyWord returns the end of a word at i in either of o200k's alternatives, i
// when there is none.
func anyWord(text []byte, i int) int {
	if end, ok := word1(text, i); ok {
		return end
	}
	return skip(text, i, upper|letter|mark)
}

// word1 is the first of them: capitals, and then at least one that is none.
// Letters without case and marks are both, so where nothing small follows, the
// word ends after the last of those, and the capitals behind it are left.
func word1(text []byte, i int) (end int, ok bool) {
	for {
		c, size := at(text, i)
		switch {
		case c&(letter|mark) != 0:
			end, ok = i+size, true
		case c == lower:
			return skip(text, i+size, lower|letter|mark), true
		case c != upper:
			return end, ok
		}
		i += size
	}
}

// numbers returns the end of up to three numbers.
func numbers(text []byte, i int) int {
	for range 3 {
		c, size := at(text, i)
		if c != number {
			break
		}
		i += size
	}
	return i
}

// signs returns the end of what is neither space nor letter nor number, with the
// space before it; start when there is none.
func signs(text []byte, start int) int {
	i := start
	if text[i] == ' ' {
		i++
	}
	end := i
	for {
		c, size := at(text, end)
		if size == 0 || c&^mark != 0 {
			break
		}
		end += size
	}
	if end == i {
		return start
	}
	return end
}

// blank cuts the white space from start to end: after its last newline, or else
// before its last character, which is the next word's, unless nothing follows.
func blank(text []byte, start, end int) int {
	for i := end; i > start; i-- {
		if text[i-1] == '\n' || text[i-1] == '\r' {
			return i
		}
	}
	if end == len(text) {
		return end
	}
	last := end - 1
	for text[last]&0xC0 == 0x80 {
		last--
	}
	if last > start {
		return last
	}
	return end
}

// contracted returns end, or the end of a contraction that follows.
func contracted(text []byte, end int) int {
	if end < len(text) && text[end] == '\'' {
		return contraction(text, end)
	}
	return end
}

// contraction returns the end of 's, 't, 're, 've, 'm, 'll or 'd at i, in any
// case, and i when there is none.
func contraction(text []byte, i int) int {
	if i+1 >= len(text) {
		return i
	}
	second := byte(0)
	switch text[i+1] | 0x20 {
	case 's', 't', 'm', 'd':
		return i + 2
	case 'r', 'v':
		second = 'e'
	case 'l':
		second = 'l'
	case 0xC5 | 0x20: // U+017F, a long s, is an s in any case
		if i+2 < len(text) && text[i+1] == 0xC5 && text[i+2] == 0xBF {
			return i + 3
		}
		return i
	default:
		return i
	}
	if i+2 < len(text) && text[i+2]|0x20 == second {
		return i + 3
	}
	return i
}
