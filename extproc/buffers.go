package extproc

import (
	"math/bits"
	"sync"

	"google.golang.org/grpc/mem"
)

// buffers is the memory of messages that come in several frames and of bodies
// that are handed over to gRPC. It implements mem.BufferPool.
//
// gRPC's own pool does not fit bodies. It clears a buffer whenever one is taken,
// from 32 KiB on a whole megabyte of it. And it keeps what it is given until the
// second garbage collection from then, so where more is put in than taken out,
// as with bodies that were made elsewhere, each collection finds more alive,
// comes later than the one before, and the heap grows without an end.
//
// This one clears nothing, takes buffers from anywhere, and keeps no more than
// buffersKeep bytes. A buffer is at most a quarter larger than what was asked
// for, but for the smallest. What gRPC's has a fitting size for is left to that.
// The zero value is ready to use, by any number of goroutines.
type buffers struct {
	mu   sync.Mutex
	free [bufferClasses][]*[]byte
	held int // bytes in free
}

// The sizes of buffers: four to each doubling, from 16 KiB to beyond maxMessage.
const (
	bufferAbove   = 4 << 10 // up to here gRPC's pool serves
	bufferMinBits = 14
	bufferClasses = 4 * (28 - bufferMinBits)
	buffersKeep   = 16 << 20
)

var _ mem.BufferPool = (*buffers)(nil)

// bodies is the one that is used. Messages have no other common owner: the
// codec belongs to the server, marshalling to the reply.
var bodies buffers

// classSize returns the bytes of a class of buffers.
func classSize(class int) int { return (4 + class%4) << (class/4 + bufferMinBits - 2) }

// classBelow returns the largest class of at most n bytes, or -1.
func classBelow(n int) int {
	if n < 1<<bufferMinBits {
		return -1
	}
	high := bits.Len(uint(n)) - 1
	quarter := n >> (high - 2) & 3
	return min(4*(high-bufferMinBits)+quarter, bufferClasses-1)
}

// classAbove returns the smallest class of at least n bytes, or -1 when there is none.
func classAbove(n int) int {
	class := max(classBelow(n), 0)
	if classSize(class) < n {
		class++
	}
	if class >= bufferClasses {
		return -1
	}
	return class
}

// Get returns a buffer of n bytes, with anything in them.
func (p *buffers) Get(n int) *[]byte {
	if n <= bufferAbove {
		return mem.DefaultBufferPool().Get(n)
	}
	class := classAbove(n)
	if class < 0 {
		b := make([]byte, n)
		return &b
	}
	if b := p.take(class); b != nil {
		*b = (*b)[:n]
		return b
	}
	b := make([]byte, n, classSize(class))
	return &b
}

func (p *buffers) take(class int) *[]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free[class]) == 0 {
		return nil
	}
	return p.pop(class)
}

// Put takes a buffer back, or in. Nobody may use it any more.
func (p *buffers) Put(b *[]byte) {
	class := classBelow(cap(*b))
	if class < 0 {
		mem.DefaultBufferPool().Put(b)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held+cap(*b) > buffersKeep && !p.makeRoom(class, cap(*b)) {
		return
	}
	p.held += cap(*b)
	p.free[class] = append(p.free[class], b)
}

// makeRoom drops buffers of other sizes, the largest first, until there is room
// for one of n bytes. Kept from another load, they would leave this one no place.
func (p *buffers) makeRoom(class, n int) bool {
	if n > buffersKeep {
		return false
	}
	for i := bufferClasses - 1; i >= 0; i-- {
		for i != class && len(p.free[i]) > 0 {
			p.pop(i)
			if p.held+n <= buffersKeep {
				return true
			}
		}
	}
	return false
}

// pop takes a buffer off a list that is not empty.
func (p *buffers) pop(class int) *[]byte {
	list := p.free[class]
	last := len(list) - 1
	b := list[last]
	list[last] = nil
	p.free[class] = list[:last]
	p.held -= cap(*b)
	return b
}
