package tokens

// joiner counts long pieces in time that grows with their length.
//
// It goes over the piece in rounds, which join all pairs of the lowest rank at
// once: runs of the same few characters are done after some of them. Where that
// does not get ahead, there are many ranks, and each pair waits for its turn in
// a queue.
type joiner struct {
	starts []int32  // where the parts start
	ranks  []uint32 // of each part with the next one
	queue
}

func newJoiner(size int) *joiner { return &joiner{queue: newQueue(size)} }

func (j *joiner) count(v *vocabulary, piece []byte) int {
	n := len(piece)
	if cap(j.starts) < n+1 {
		j.starts, j.ranks = make([]int32, n+1), make([]uint32, n)
	}
	starts, ranks := j.starts[:n+1], j.ranks[:n]
	lowest := none
	for i := range ranks[:n-1] {
		starts[i] = int32(i)
		ranks[i] = v.pairs[pair(piece, i)]
		lowest = min(lowest, ranks[i])
	}
	starts[n-1], starts[n] = int32(n-1), int32(n)
	ranks[n-1] = none
	for lowest != none {
		before := n
		n, lowest = v.round(piece, starts[:n+1], ranks[:n], lowest)
		if before-n < before/8 && lowest != none {
			return j.queue.count(v, piece, starts[:n+1], ranks[:n])
		}
	}
	return n
}

// round joins pairs of the rank from the left, and returns how many parts are
// left and the lowest of their ranks. When a join makes a pair that comes before
// those on the right, it joins no more.
func (v *vocabulary) round(piece []byte, starts []int32, ranks []uint32, rank uint32) (n int, lowest uint32) {
	last := len(ranks) - 1
	i := 0
	for first := none; i <= last && first > rank; {
		if ranks[i] != rank {
			starts[n], ranks[n] = starts[i], ranks[i]
			n, i = n+1, i+1
			continue
		}
		start, end := starts[i], starts[i+2]
		first = none
		if i+2 <= last {
			first = v.rank(piece[start:starts[i+3]])
		}
		starts[n], ranks[n] = start, first
		if n > 0 {
			ranks[n-1] = v.rank(piece[starts[n-1]:end])
			first = min(first, ranks[n-1])
		}
		n, i = n+1, i+2
	}
	copy(starts[n:], starts[i:])
	n += copy(ranks[n:], ranks[i:])
	lowest = none
	for _, r := range ranks[:n] {
		lowest = min(lowest, r)
	}
	return n, lowest
}
