package scrub

import (
	"bytes"
	"sort"
)

func pair(a, b byte) uint16 { return uint16(a)<<8 | uint16(b) }

// starts knows how forms begin.
type starts struct {
	sorted  []int32 // forms in the order of their needles
	longest int
	one     [256]bool    // what they begin with
	two     [1024]uint64 // and what with, in two characters
}

func (t *starts) build(forms []form) {
	for i, f := range forms {
		t.sorted = append(t.sorted, int32(i))
		t.longest = max(t.longest, len(f.needle))
		t.one[f.needle[0]] = true
		for c := range 256 { // anything may follow a form of one character
			if len(f.needle) == 1 || f.needle[1] == byte(c) {
				w := pair(f.needle[0], byte(c))
				t.two[w>>6] |= 1 << (w & 63)
			}
		}
	}
	sort.Slice(t.sorted, func(i, j int) bool {
		return bytes.Compare(forms[t.sorted[i]].needle, forms[t.sorted[j]].needle) < 0
	})
}

// earliest returns where the longest end of p begins that is a proper prefix of a form; len(p) if none is.
func (t *starts) earliest(forms []form, p []byte) int {
	for at := max(0, len(p)-t.longest+1); at < len(p); at++ {
		if (at+1 == len(p) && t.one[p[at]] || at+1 < len(p) && t.may(p[at], p[at+1])) && t.begins(forms, p[at:]) {
			return at
		}
	}
	return len(p)
}

// may says whether some form begins with a and b.
func (t *starts) may(a, b byte) bool {
	w := pair(a, b)
	return t.two[w>>6]>>(w&63)&1 != 0
}

// begins says whether p is a proper prefix of a form.
func (t *starts) begins(forms []form, p []byte) bool { return t.first(forms, p) != nil }

// first gives a form of which p is a proper prefix, nil if there is none: the first needle after p in order then has it.
func (t *starts) first(forms []form, p []byte) *form {
	i := sort.Search(len(t.sorted), func(i int) bool { return bytes.Compare(forms[t.sorted[i]].needle, p) > 0 })
	if i < len(t.sorted) && bytes.HasPrefix(forms[t.sorted[i]].needle, p) {
		return &forms[t.sorted[i]]
	}
	return nil
}
