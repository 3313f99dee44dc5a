package scrub

import (
	"math/rand/v2"
	"testing"
)

// interests says whether v reads at p[0] an escape for a character that some form has, or a line break.
func interests(x *escapes, v view, p []byte) (c byte, size int, is bool) {
	c, size, st := v.char(p, len(v))
	return c, size, st == yes && size > 1 && (x.inside[c] || c == '\r' || c == '\n')
}

// What a glance or a look tells must be so in every view that has an odd place there.
func TestAGlanceMissesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	told := map[bool]int{}
	for _, secret := range []string{"plain text-1_2", "per%cent", "amper&sand", `back\slash`, "equals=", `all%of&them=\`} {
		x := &New([]Pair{{Secret: []byte(secret), Placeholder: "placeholder"}}).escapes
		for range rounds(30000) {
			p := []byte(oddText(r, 20))
			if len(p) < room || begins[p[0]] == 0 {
				continue
			}
			got, gotSize := x.glance(p)
			look := x.looks.at(p[0], p[1], p[2])
			told[look && gotSize != 1]++
			for _, v := range x.views {
				c, size, is := interests(x, v, p)
				switch {
				case !is || !v.concerns(p):
				case !look:
					t.Fatalf("%q: %v reads %q in %d, and it is not worth a look", p, v, c, size)
				case gotSize != 0 && (c != got || size != gotSize):
					t.Fatalf("%q: %v reads %q in %d, a glance %q in %d", p, v, c, size, got, gotSize)
				}
			}
		}
	}
	if told[true] == 0 || told[false] == 0 {
		t.Errorf("worth more than a glance: %v", told)
	}
}
