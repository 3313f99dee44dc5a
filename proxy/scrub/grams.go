package scrub

import "encoding/binary"

// grams finds forms in text without looking at most of it. Of each form a window of `width` bytes is chosen; whatever
// `stride` text positions lie apart, one of them falls on a gram (a block of up to four bytes) inside the window. So it
// is enough to look up the block at every stride-th position: Wu and Manber's blocks ("A fast algorithm for multi-pattern
// searching", 1994), with the largest shift taken always. No look-up waits for the one before, which is what makes it
// fast, and the number of look-ups does not depend on the text, which is what keeps hostile text linear.
type grams struct {
	stride int
	mask   uint32          // of the bytes of a little-endian word that are in a gram
	size   int             // bytes in a gram
	used   uint32          // of the filter's words, less 1: no more than these grams deserve, so that few stay in the nearest cache
	filter [1 << 15]uint32 // two bits of a word for each gram: of the grams of twenty secrets it lets one in a hundred and sixty pass that is none
	slots  []slot          // open addressing by hash, a power of two, at least half empty
	places []place
}

// slot says where a gram's places are.
type slot struct{ gram, from, to uint32 }

// place is a gram's occurrence inside a form's window.
type place struct{ form, offset int32 }

const (
	usual    = 20         // of a window, in bytes: wider ones fill the filter faster than they lengthen the stride,
	fewGrams = 4400       // but for as few as these
	ends     = 128        // how far from a needle's end its window may begin, in bytes: more choice costs more time than it saves
	mix      = 0x9E3779B1 // 2^32 / golden ratio: Knuth's multiplicative hash
)

func (g *grams) build(forms []form) {
	if len(forms) == 0 {
		return
	}
	width := max(usual, fewGrams/len(forms))
	for _, f := range forms {
		width = min(width, len(f.needle))
	}
	g.size = min(4, width)
	g.stride = width - g.size + 1
	g.mask = uint32(1)<<(8*g.size) - 1 // shifting all 32 bits out gives 0, less 1 is every bit
	used := new(taken)
	all := make([]entry, 0, len(forms)*g.stride)
	for i, f := range forms {
		at := g.window(f.needle, used)
		for o := at; o < at+g.stride; o++ {
			x := g.load(f.needle, o)
			*used.of(x)++
			all = append(all, entry{x, place{int32(i), int32(o)}})
		}
	}
	g.fill(all)
}

// taken counts how often each gram is in a window. Some share a number, which makes a choice worse and nothing wrong.
type taken [1 << 16]uint16

func (t *taken) of(x uint32) *uint16 { return &t[x*mix>>16] }

// entry is a gram and one of its places.
type entry struct {
	gram uint32
	place
}

// window chooses the part of a needle that says most: of the fewest grams that others have, and of those the last,
// since tokens begin with what all of their kind begin with.
func (g *grams) window(needle []byte, used *taken) (best int) {
	skipped := max(0, len(needle)-g.stride-ends)
	needle = needle[skipped:]
	shared := make([]uint16, len(needle)-g.size+1)
	for i := range shared {
		shared[i] = *used.of(g.load(needle, i))
	}
	least, sum := 1<<30, 0
	for i, n := range shared {
		sum += int(n)
		if at := i - g.stride + 1; at >= 0 {
			if sum <= least {
				best, least = skipped+at, sum
			}
			sum -= int(shared[at])
		}
	}
	return best
}

func (g *grams) fill(all []entry) {
	size := 4
	for size < 2*len(all) {
		size *= 2
	}
	g.used = min(uint32(len(g.filter)), uint32(size)) - 1
	g.slots, g.places = make([]slot, size), make([]place, len(all))
	for _, e := range all {
		s := g.slot(e.gram)
		s.gram, s.to = e.gram, s.to+1 // how many, for now
		g.filter[e.gram*mix>>17&g.used] |= bitsOf(e.gram * mix)
	}
	end := uint32(0)
	for i := range g.slots {
		if s := &g.slots[i]; s.to > 0 {
			end += s.to
			s.from, s.to = end, end
		}
	}
	for i := len(all) - 1; i >= 0; i-- { // backwards, so that a gram's places keep their order
		s := g.slot(all[i].gram)
		s.from--
		g.places[s.from] = all[i].place
	}
}

// bitsOf are the bits of a gram in its word of the filter, by its hash.
func bitsOf(x uint32) uint32 { return 1<<(x>>12&31) | 1<<(x>>7&31) }

// slot returns the slot of a gram, or the empty one that it would have.
func (g *grams) slot(x uint32) *slot {
	for i := int(x*mix>>8) & (len(g.slots) - 1); ; i = (i + 1) & (len(g.slots) - 1) {
		if s := &g.slots[i]; s.gram == x || s.to == 0 {
			return s
		}
	}
}

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
	s := g.slot(x)
	return g.places[s.from:s.to]
}

// next returns the first probe from q on, below end, whose block may be a gram; -1 if there is none.
func (g *grams) next(p []byte, q, end int) int {
	mask, stride, used := g.mask, g.stride, g.used
	end = min(end, len(p)-g.size+1)
	for last := min(end, len(p)-3) - 3*stride; q < last; q += 4 * stride {
		a := binary.LittleEndian.Uint32(p[q:]) & mask * mix
		b := binary.LittleEndian.Uint32(p[q+stride:]) & mask * mix
		c := binary.LittleEndian.Uint32(p[q+2*stride:]) & mask * mix
		d := binary.LittleEndian.Uint32(p[q+3*stride:]) & mask * mix
		if bitsOf(a)&^g.filter[a>>17&used] == 0 || bitsOf(b)&^g.filter[b>>17&used] == 0 || bitsOf(c)&^g.filter[c>>17&used] == 0 || bitsOf(d)&^g.filter[d>>17&used] == 0 {
			break
		}
	}
	for ; q < end; q += stride {
		if x := g.load(p, q) * mix; bitsOf(x)&^g.filter[x>>17&used] == 0 {
			return q
		}
	}
	return -1
}
