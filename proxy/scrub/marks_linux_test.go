package scrub

import (
	"math/rand/v2"
	"syscall"
	"testing"
)

// Behind the text lies a page that cannot be read: nothing looks past the end.
func TestNothingReadsPastTheEnd(t *testing.T) {
	const page = 64 << 10 // at least that of any processor
	memory, err := syscall.Mmap(-1, 0, 2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(memory)
	if err := syscall.Mprotect(memory[page:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(23, 24))
	copy(memory[:page], oddText(r, 3*page))
	s := New(pairs())
	for n := range 300 {
		s.Bytes(memory[page-n : page])
	}
	for range 20 {
		s.Bytes(memory[r.IntN(page):page])
	}
}
