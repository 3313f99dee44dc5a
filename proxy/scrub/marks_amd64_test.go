package scrub

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/cpu"
)

func needAVX2(t testing.TB) {
	if !cpu.X86.HasAVX2 {
		t.Skip("this processor has no AVX2")
	}
}

// slowly runs f as on a processor without AVX2.
func slowly(f func()) {
	cpu.X86.HasAVX2 = false
	defer func() { cpu.X86.HasAVX2 = true }()
	f()
}

// Every pair of characters that the plain code marks is marked, and few others are.
func TestFastMarksOfEveryPair(t *testing.T) {
	needAVX2(t)
	more := 0
	for pair := range 1 << 16 {
		p := bytes.Repeat([]byte{byte(pair >> 8), byte(pair), 0, 0}, 17)
		var fast, slow marks
		fast.find(p, 0, 64)
		slowly(func() { slow.find(p, 0, 64) })
		if missing := slow[0] &^ fast[0]; missing != 0 {
			t.Fatalf("%q: %064b are not marked", p[:4], missing)
		}
		if fast[0]&1 != slow[0]&1 {
			more++
		}
	}
	if more > 600 { // of 65536: each costs a look
		t.Errorf("%d pairs are marked without need", more)
	}
}

func TestFastMarksAtEveryAlignmentAndLength(t *testing.T) {
	needAVX2(t)
	r := rand.New(rand.NewPCG(21, 22))
	text := []byte(oddText(r, 400) + string(noise(r, 400)))
	for range rounds(2000) {
		from := r.IntN(len(text))
		p := text[from:min(len(text), from+1+r.IntN(500))]
		fast, slow := marks{}, marks{}
		a := fast.find(p, 0, len(p))
		var b []uint64
		slowly(func() { b = slow.find(p, 0, len(p)) })
		if len(a) != len(b) {
			t.Fatalf("%d and %d words of %d bytes", len(a), len(b), len(p))
		}
		for i := range a {
			if b[i]&^a[i] != 0 {
				t.Fatalf("%q: word %d is %064b, and must have %064b", p, i, a[i], b[i])
			}
		}
		if last := len(p) % 64; last > 0 && a[len(a)-1]>>last != 0 {
			t.Fatalf("%q: marked behind its end", p)
		}
	}
}

func FuzzFastMarks(f *testing.F) {
	needAVX2(f)
	f.Add([]byte("x " + each("%%%02x")(secret) + " &amp;&#65; =\r\n"))
	s := New(pairs())
	f.Fuzz(func(t *testing.T, text []byte) {
		fast, hits := s.Bytes(text)
		slowly(func() {
			if slow, slowHits := s.Bytes(text); string(slow) != string(fast) || hits != slowHits {
				t.Errorf("%q: %q, %d with AVX2, %q, %d without", text, fast, hits, slow, slowHits)
			}
		})
	})
}
