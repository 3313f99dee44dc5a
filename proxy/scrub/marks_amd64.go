package scrub

import (
	"strings"

	"golang.org/x/sys/cpu"
)

// fast marks the first n characters of p, rounded down to whole words, and says how many those are. p is longer than n.
func (m *marks) fast(p []byte, n int) int {
	n &^= 63
	if n <= 0 || !cpu.X86.HasAVX2 {
		return 0
	}
	marksAVX2(&p[0], n, &classes, m)
	return n
}

// marksAVX2 reads p[:n+1]; n is a multiple of 64 and at most block.
//
//go:noescape
func marksAVX2(p *byte, n int, t *[7][32]byte, m *marks)

// classes are the tables of marksAVX2. A class is a set of characters and a set of what may come next; there are eight, a bit for
// each. The tables come in pairs, one looked up with a character's high half and one with its low half, which both must
// have the bit: the first pair is for the character, and either of the others for the next one. So each pair
// can only tell a product of high and low halves, which must hold all that is in the set. The last table is a mask.
// Each is there twice, for the halves of a register.
var classes = func() (t [7][32]byte) {
	for class, sets := range [8][3][2]string{
		{{"2", "5"}, {"3", "0123456789D"}, {"0456", "123456ACD"}},         // % and a digit
		{{"3", "D"}, {"3", "0123456789D"}, {"0456", "123456ACD"}},         // = and a digit
		{{"2", "6"}, {"3", "0123456789D"}, {"04567", "0123456789ABCDEF"}}, // & and a name
		{{"23", "56D"}, {"2", "356"}},                                     // any of these three, and # or what has no digit's place above
		{{"5", "C"}, {"23", "0123456789ABCDEF"}, {"04567", "0258ABCDEF"}}, // backslash
		{{"46", "123456789ABCDEF"}, {"0", "A"}},                           // letters before a line feed
		{{"57", "0123456789ACF"}, {"0", "A"}},                             // and more
		{{"023", "0123456789BDF"}, {"0", "A"}},                            // and digits
	} {
		for i, set := range sets {
			for half := range 2 {
				for j := range 16 {
					if strings.IndexByte(set[half], "0123456789ABCDEF"[j]) >= 0 {
						t[2*i+half][j] |= 1 << class
						t[2*i+half][j+16] |= 1 << class
					}
				}
			}
		}
	}
	for i := range t[6] {
		t[6][i] = 15
	}
	return t
}()
