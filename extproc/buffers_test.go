package extproc

import (
	"math/rand/v2"
	"sync"
	"testing"
)

// A buffer is as long as was asked for, and not much larger.
func TestBufferSizes(t *testing.T) {
	var p buffers
	for range 20_000 {
		n := handOver + rand.IntN(1<<rand.IntN(22))
		b := p.Get(n)
		if len(*b) != n || cap(*b) > n+n/4 {
			t.Fatalf("asked for %d bytes: got %d of %d", n, len(*b), cap(*b))
		}
		p.Put(b)
		again := p.Get(n)
		if again != b {
			t.Fatalf("a buffer of %d bytes, put back, was not taken again", n)
		}
	}
	for n := range handOver {
		if got := len(*p.Get(n)); got != n {
			t.Fatalf("asked for %d bytes: got %d", n, got)
		}
	}
	for _, n := range []int{maxMessage, classSize(bufferClasses - 1), classSize(bufferClasses-1) + 1} {
		if c := classAbove(n); c >= 0 && classSize(c) < n {
			t.Errorf("class of %d bytes for %d", classSize(c), n)
		}
	}
}

// What is given from elsewhere serves as well, whatever its size.
func TestBuffersAdopt(t *testing.T) {
	var p buffers
	for range 20_000 {
		b := make([]byte, rand.IntN(1<<rand.IntN(22)+1))
		p.Put(&b)
		n := rand.IntN(1<<rand.IntN(22) + 1)
		if got := len(*p.Get(n)); got != n {
			t.Fatalf("asked for %d bytes: got %d", n, got)
		}
	}
}

// More given than taken must not add up.
func TestBuffersAreBounded(t *testing.T) {
	var p buffers
	for range 100 {
		b := make([]byte, 1<<20)
		p.Put(&b)
	}
	var held int
	for _, list := range p.free {
		for _, b := range list {
			held += cap(*b)
		}
	}
	if held != p.held || held > buffersKeep || held == 0 {
		t.Errorf("holds %d bytes, counts %d, may hold %d", held, p.held, buffersKeep)
	}
	large := make([]byte, buffersKeep+1)
	p.Put(&large)
	if p.held != held {
		t.Error("a buffer beyond the bound was kept")
	}
	small := p.Get(handOver)
	p.Put(small)
	if p.held > buffersKeep || p.Get(handOver) != small {
		t.Error("large buffers left a small one no place")
	}
	for range buffersKeep / handOver * 2 {
		b := make([]byte, handOver)
		p.Put(&b)
	}
	again := p.Get(1 << 20)
	p.Put(again)
	if p.held > buffersKeep || p.Get(1<<20) != again {
		t.Error("small buffers left a large one no place")
	}
}

// No two may hold the same buffer.
func TestBuffersHammer(t *testing.T) {
	var p buffers
	var group sync.WaitGroup
	for id := range byte(8) {
		group.Go(func() {
			for i := range 500 {
				b := p.Get(handOver + i%5*3000)
				for j := range *b {
					(*b)[j] = id
				}
				for _, got := range *b {
					if got != id {
						t.Errorf("byte of %d in the buffer of %d", got, id)
						return
					}
				}
				p.Put(b)
			}
		})
	}
	group.Wait()
}
