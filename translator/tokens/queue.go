package tokens

import "math/bits"

// queue counts what rounds leave. Parts are a list. Every pair that makes a
// token waits in the list of its rank, in the order of the text; a tree of bits
// knows the lowest rank that has any. A queue is empty between two pieces, and
// needs no clearing.
type queue struct {
	parts []part
	lists []list // by rank
	bits  [3][]uint64
}

// part is a part of the piece and, as a pair with the next part, a member of its
// rank's list. Members are numbered from 1 up, so that 0 is none.
type part struct {
	start         int32
	prev, next    int32 // parts; the last one's next only says where the piece ends
	before, after int32 // members
	rank          uint32
}

// list is a rank's pairs. Joins go through the text from left to right, and so
// do the pairs they make: the last one put in is near the place of the next.
type list struct{ first, recent int32 }

func newQueue(size int) queue {
	q := queue{lists: make([]list, size)}
	for i := range q.bits {
		size = size>>6 + 1
		q.bits[i] = make([]uint64, size)
	}
	return q
}

// count goes on with parts that start there, whose pairs have those ranks.
func (q *queue) count(v *vocabulary, piece []byte, starts []int32, ranks []uint32) int {
	n := len(ranks)
	if cap(q.parts) < n+1 {
		q.parts = make([]part, n+1)
	}
	q.parts = q.parts[:n+1]
	for i, start := range starts {
		q.parts[i] = part{start: start, prev: int32(i - 1), next: int32(i + 1), rank: none}
	}
	for i, rank := range ranks {
		q.put(int32(i), rank)
	}
	count := n
	for {
		at, ok := q.lowest()
		if !ok {
			return count
		}
		p := &q.parts[at]
		gone := p.next
		q.take(at)
		q.take(gone)
		p.next = q.parts[gone].next
		next := &q.parts[p.next]
		next.prev = at
		count--
		if int(p.next) < n {
			q.put(at, v.rank(piece[p.start:q.parts[next.next].start]))
		}
		if prev := p.prev; prev >= 0 {
			q.take(prev)
			q.put(prev, v.rank(piece[q.parts[prev].start:next.start]))
		}
	}
}

// put adds the pair at a position to the list of its rank.
func (q *queue) put(at int32, rank uint32) {
	q.parts[at].rank = rank
	if rank == none {
		return
	}
	l := &q.lists[rank]
	p := &q.parts[at]
	before := l.recent - 1
	for before >= 0 && before > at {
		before = q.parts[before].before - 1
	}
	after := l.first - 1
	if before >= 0 {
		after = q.parts[before].after - 1
	}
	for after >= 0 && after < at {
		before, after = after, q.parts[after].after-1
	}
	p.before, p.after = before+1, after+1
	if after >= 0 {
		q.parts[after].before = at + 1
	}
	if before >= 0 {
		q.parts[before].after = at + 1
	} else {
		if l.first == 0 {
			q.mark(rank)
		}
		l.first = at + 1
	}
	l.recent = at + 1
}

// take removes the pair at a position from the list it is in.
func (q *queue) take(at int32) {
	p := &q.parts[at]
	if p.rank == none {
		return
	}
	l := &q.lists[p.rank]
	if p.after > 0 {
		q.parts[p.after-1].before = p.before
	}
	if p.before > 0 {
		q.parts[p.before-1].after = p.after
	} else {
		l.first = p.after
	}
	if l.recent == at+1 {
		if l.recent = p.before; l.recent == 0 {
			l.recent = p.after
		}
	}
	if l.first == 0 {
		q.unmark(p.rank)
	}
	p.rank = none
}

func (q *queue) mark(rank uint32) {
	for i := range q.bits {
		q.bits[i][rank>>6] |= 1 << (rank & 63)
		rank >>= 6
	}
}

func (q *queue) unmark(rank uint32) {
	for i := range q.bits {
		word := &q.bits[i][rank>>6]
		if *word &^= 1 << (rank & 63); *word != 0 {
			return
		}
		rank >>= 6
	}
}

// lowest returns the first pair of the lowest rank.
func (q *queue) lowest() (at int32, ok bool) {
	var rank uint32
	for i := len(q.bits) - 1; i >= 0; i-- {
		word := q.bits[i][rank]
		if word == 0 {
			return 0, false
		}
		rank = rank<<6 | uint32(bits.TrailingZeros64(word))
	}
	return q.lists[rank].first - 1, true
}
