package tokens

// scanned is the length of the pieces whose next pair is found by looking at
// all of them.
const scanned = 64

// unbroken is the length up to which a piece without a break is taken as one.
// Nothing that anybody has written comes near; a longer one is counted in parts,
// so that the memory that takes is bounded, and a cut may cost a token.
const unbroken = 256 << 10

// count returns how many tokens the piece is: it joins the two neighbours that
// make the token of the lowest rank, the leftmost of several, until there are
// none that make one.
func (v *vocabulary) count(piece []byte) (n int) {
	switch {
	case len(piece) == 1 || v.rank(piece) != none:
		return 1
	case len(piece) <= scanned:
		return v.scan(piece)
	}
	j := v.joiners.Get().(*joiner)
	for len(piece) > unbroken {
		n += j.count(v, piece[:unbroken])
		piece = piece[unbroken:]
	}
	n += j.count(v, piece)
	v.joiners.Put(j)
	return n
}

// scan counts a short piece, which is no token as a whole.
func (v *vocabulary) scan(piece []byte) int {
	var starts [scanned + 1]uint8
	var ranks [scanned]uint32 // of each part with the next one
	for i := 1; i < len(piece); i++ {
		starts[i] = uint8(i)
		ranks[i-1] = v.pairs[pair(piece, i-1)]
	}
	n := len(piece)
	starts[n] = uint8(n)
	for n > 1 {
		lowest, at := none, 0
		for i, r := range ranks[:n-1] {
			if r < lowest {
				lowest, at = r, i
			}
		}
		if lowest == none {
			break
		}
		copy(starts[at+1:n], starts[at+2:n+1])
		n--
		if at < n-1 {
			copy(ranks[at+1:n-1], ranks[at+2:n])
			ranks[at] = v.rank(piece[starts[at]:starts[at+2]])
		}
		if at > 0 {
			ranks[at-1] = v.rank(piece[starts[at-1]:starts[at+1]])
		}
	}
	return n
}
