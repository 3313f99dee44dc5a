package scrub

import (
	"encoding/binary"
	"slices"
)

// grams finds forms in text without looking at most of it. Of each form a window of `width` bytes is chosen; whatever
// `stride` text positions lie apart, one of them falls on a gram (a block of up to four bytes) inside the window. So it
// is enough to look up the block at every stride-th position: Wu and Manber's blocks ("A fast algorithm for multi-pattern
// searching", 1994), with the largest shift taken always. No look-up waits for the one before, which is what makes it
// fast, and the number of look-ups does not depend on the text, which is what keeps hostile text linear.
type grams struct {
	stride int
	mask   uint32 // of the bytes of a little-endian word that are in a gram
	size   int    // bytes in a gram
	filter [4096]uint32
	slots  []slot // open addressing by hash, a power of two, at least half empty
	places []place
}

// slot says where a gram's places are.
type slot struct{ gram, from, to uint32 }

// place is a gram's occurrence inside a form's window.
type place struct{ form, offset int32 }

const (
	maxWidth = 20         // wider windows fill the filter faster than they lengthen the stride
	mix      = 0x9E3779B1 // 2^32 / golden ratio: Knuth's multiplicative hash
)

func (g *grams) build(forms []form) {
	if len(forms) == 0 {
		return
	}
	width := maxWidth
	for _, f := range forms {
		width = min(width, len(f.needle))
	}
	g.size = min(4, width)
	g.stride = width - g.size + 1
	g.mask = uint32(1)<<(8*g.size) - 1 // shifting all 32 bits out gives 0, less 1 is every bit
	byGram := map[uint32][]place{}
	for i, f := range forms {
		at := g.window(f.needle, width, byGram)
		for o := at; o < at+g.stride; o++ {
			x := g.load(f.needle, o)
			byGram[x] = append(byGram[x], place{int32(i), int32(o)})
		}
	}
	g.fill(byGram)
}

// window chooses the part of a needle that says most: fewest grams that others have, most different characters, and of
// equals the last, since tokens begin with what all of their kind begin with.
func (g *grams) window(needle []byte, width int, taken map[uint32][]place) (best int) {
	score := -1 << 30
	for at := 0; at+width <= len(needle); at++ {
		var seen [256]bool
		n := 0
		for _, c := range needle[at : at+width] {
			if !seen[c] {
				seen[c], n = true, n+1
			}
		}
		for o := at; o < at+g.stride; o++ {
			n -= 2 * len(taken[g.load(needle, o)])
		}
		if n >= score {
			best, score = at, n
		}
	}
	return best
}

func (g *grams) fill(byGram map[uint32][]place) {
	all := make([]uint32, 0, len(byGram))
	size := 4
	for x := range byGram {
		all = append(all, x)
		if size < 2*len(all) {
			size *= 2
		}
	}
	slices.Sort(all)
	g.slots = make([]slot, size)
	for _, x := range all {
		g.filter[x*mix>>20] |= 1 << (x * mix >> 15 & 31)
		i := g.home(x)
		for g.slots[i].to != 0 {
			i = (i + 1) & (size - 1)
		}
		from := len(g.places)
		g.places = append(g.places, byGram[x]...)
		g.slots[i] = slot{x, uint32(from), uint32(len(g.places))}
	}
}

func (g *grams) home(x uint32) int { return int(x*mix>>8) & (len(g.slots) - 1) }

// load reads the gram at p[i:], which must hold it.
func (g *grams) load(p []byte, i int) uint32 {
	if i+4 <= len(p) {
		return binary.LittleEndian.Uint32(p[i:]) & g.mask
	}
	var w [4]byte
	copy(w[:], p[i:i+g.size])
	return binary.LittleEndian.Uint32(w[:])
}

// lookup returns the places of a gram.
func (g *grams) lookup(x uint32) []place {
	for i := g.home(x); g.slots[i].to != 0; i = (i + 1) & (len(g.slots) - 1) {
		if g.slots[i].gram == x {
			return g.places[g.slots[i].from:g.slots[i].to]
		}
	}
	return nil
}

// next returns the first probe from q on, below end, whose block may be a gram; -1 if there is none.
func (g *grams) next(p []byte, q, end int) int {
	mask, stride := g.mask, g.stride
	end = min(end, len(p)-g.size+1)
	for last := min(end, len(p)-3) - 3*stride; q < last; q += 4 * stride {
		a := binary.LittleEndian.Uint32(p[q:]) & mask * mix
		b := binary.LittleEndian.Uint32(p[q+stride:]) & mask * mix
		c := binary.LittleEndian.Uint32(p[q+2*stride:]) & mask * mix
		d := binary.LittleEndian.Uint32(p[q+3*stride:]) & mask * mix
		if (g.filter[a>>20]>>(a>>15&31)|g.filter[b>>20]>>(b>>15&31)|
			g.filter[c>>20]>>(c>>15&31)|g.filter[d>>20]>>(d>>15&31))&1 != 0 {
			break
		}
	}
	for ; q < end; q += stride {
		if x := g.load(p, q) * mix; g.filter[x>>20]>>(x>>15&31)&1 != 0 {
			return q
		}
	}
	return -1
}
