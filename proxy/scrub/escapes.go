package scrub

import (
	"bytes"
	"slices"
)

// escapes finds forms of which some characters are escaped or that a line break divides. Such an occurrence has a first
// odd place: an escape, or a break and the character after it. Before it the form stands as it is. So at every odd place
// in the text, the character there and the one before it name the few beginnings of forms that can be meant; from there all forms that
// share one are read at once.
type escapes struct {
	views []view
	sees  []uint32 // of each form: the set of views that it is looked for in
	all   []prefix // those of one bucket of ends together
	heads []int32  // where each bucket begins in all, and where the last ends; a power of two of them, and one
	known []uint64 // a filter: the hashes of the ends that there are

	looks  looks
	inside [256]bool // the characters of forms that are looked for
	any    [256]bool // and those of all
	run    int       // the most backslashes that stand together in a form
}

// prefix is a beginning that the forms sorted[from:to] share, all of them together.
type prefix struct {
	end      ending
	size     int32
	from, to int32
}

// ending is the last characters of a prefix, up to four, and above them how many they are.
type ending uint64

// endingAt returns the ending of n characters of which the last is c, and the others stand before p[i].
func endingAt(p []byte, i, n int, c byte) ending {
	x := uint64(c)
	for j := range n - 1 {
		x |= uint64(p[i-1-j]) << (8 * (j + 1))
	}
	return ending(x | uint64(n)<<32)
}

// bucket is which of size it falls into.
func (e ending) bucket(size int) int {
	return int(uint64(e)*0x9E3779B97F4A7C15>>24) & (size - 1)
}

// hash gives a filter's index the bits that it has room for, and two of the word there.
func (e ending) hash(filter []uint64) (word, mask uint64) {
	h := uint64(e) * 0x9E3779B97F4A7C15 >> 32
	return h >> 12 & uint64(len(filter)-1), 1<<(h&63) | 1<<(h>>6&63)
}

func (x *escapes) build(forms []form, t *starts) {
	x.sees = make([]uint32, len(forms))
	room := 0
	for i, f := range forms {
		if f.asItIs {
			continue
		}
		room += len(f.needle)
		x.run = max(x.run, longestRun(f.needle, '\\'))
		for _, v := range viewsFor(f.needle) {
			x.sees[i] |= 1 << x.number(v)
		}
	}
	for _, f := range forms {
		for _, c := range f.needle {
			x.any[c] = true
			x.inside[c] = x.inside[c] || !f.asItIs
		}
	}
	x.looks.build(&x.inside)
	x.all = make([]prefix, 0, room)
	x.branch(forms, t.sorted, 0, len(t.sorted), 0)
	x.index()
}

// index puts the prefixes into their buckets, one for each or more. Sorting them would take most of the time of making a Set.
func (x *escapes) index() {
	size := 1
	for size < len(x.all) {
		size *= 2
	}
	x.heads, x.known = make([]int32, size+1), make([]uint64, (size+1)/2) // 32 to 64 bits for each
	for _, p := range x.all {
		x.heads[p.end.bucket(size)+1]++
		word, mask := p.end.hash(x.known)
		x.known[word] |= mask
	}
	for i := range size {
		x.heads[i+1] += x.heads[i]
	}
	all, next := make([]prefix, len(x.all)), append([]int32(nil), x.heads...)
	for _, p := range x.all {
		b := p.end.bucket(size)
		all[next[b]] = p
		next[b]++
	}
	x.all = all
}

// longestRun is how many c stand together in p at most.
func longestRun(p []byte, c byte) (longest int) {
	n := 0
	for _, b := range p {
		if n++; b != c {
			n = 0
		}
		longest = max(longest, n)
	}
	return longest
}

// number finds v among the views, or adds it.
func (x *escapes) number(v view) int {
	for i, w := range x.views {
		if slices.Equal(v, w) {
			return i
		}
	}
	x.views = append(x.views, v)
	return len(x.views) - 1
}

// viewsFor lists the views to look for a needle in: everything undone; then without the kinds of escapes that its own characters
// would be taken for, and with those alone, which encoders write such characters with.
func viewsFor(needle []byte) []view {
	own, list := kinds(0), []view{{everything, everything, everything}}
	for _, c := range needle {
		own |= begins[c]
	}
	if own == 0 {
		return list
	}
	rest := everything &^ own
	list = append(list, view{everything}, view{rest, rest, rest})
	for k := percent; k <= quoted; k <<= 1 {
		if own&k == 0 {
			continue
		}
		list = append(list, view{k, k, k}, view{k, k}, view{k})
		for l := percent; l <= quoted; l <<= 1 {
			if own&l != 0 && l != k {
				list = append(list, view{k, l})
			}
		}
	}
	return list
}

// branch adds the prefixes longer than size of the forms order[from:to], which share their first size characters.
func (x *escapes) branch(forms []form, order []int32, from, to, size int) {
	for from < to {
		needle := forms[order[from]].needle
		if len(needle) == size {
			from++
			continue
		}
		end := from + 1
		for end < to && len(forms[order[end]].needle) > size && forms[order[end]].needle[size] == needle[size] {
			end++
		}
		if slices.IndexFunc(order[from:end], func(f int32) bool { return !forms[f].asItIs }) < 0 {
			from = end
			continue
		}
		x.all = append(x.all, prefix{endingAt(needle, size, min(size+1, 4), needle[size]), int32(size + 1), int32(from), int32(end)})
		x.branch(forms, order, from, end, size+1)
		from = end
	}
}

// knows says whether some prefix may have the ending.
func (x *escapes) knows(e ending) bool {
	word, mask := e.hash(x.known)
	return x.known[word]&mask == mask
}

// with returns the prefixes that have the ending, among others.
func (x *escapes) with(e ending) []prefix {
	if !x.knows(e) {
		return nil
	}
	b := e.bucket(len(x.heads) - 1)
	return x.all[x.heads[b]:x.heads[b+1]]
}

// breakAt measures the line break at buf[i], which reads as c: LF, CR LF, or either after the = of quoted-printable.
func (sc *scan) breakAt(v view, i int, c byte) (size int, st status) {
	if !sc.before.mayEnd(sc.buf[:i], c) {
		return 0, no
	}
	for _, want := range []byte("=\r\n") {
		got, n, st := v.read(sc.buf[i+size:])
		switch {
		case st != yes:
			return size, st
		case got == want:
			size += n
		case want == '\n':
			return 0, no
		}
	}
	return size, yes
}

// afterBreak reads the character after the line break at i, which reads as c: the next, or with indented the first that is not blank.
// gap is the size of the break, with the blanks.
func (sc *scan) afterBreak(v view, i int, c byte, indented bool) (next byte, gap, size int, st status) {
	gap, st = sc.breakAt(v, i, c)
	if st == yes && indented {
		for end := min(len(sc.buf), i+gap+maxIndent); i+gap < end && blank(sc.buf[i+gap]); {
			gap++
		}
	}
	if st == yes {
		next, size, st = v.read(sc.buf[i+gap:])
	}
	return next, gap, size, st
}

// maxIndent is how far a line that goes on may be indented, as in YAML and in the headers of mail, in bytes.
const maxIndent = 32

func blank(c byte) bool { return c == ' ' || c == '\t' }

// anchor looks for the forms whose first odd place is at i.
func (sc *scan) anchor(i int) {
	looked := i == 0 || sc.buf[i-1] != '=' // at the = that a break may begin with
	for n, v := range sc.set.escapes.views {
		if !v.concerns(sc.buf[i:]) {
			continue
		}
		sc.work++
		c, size, st := v.read(sc.buf[i:])
		broken := false
		if st == yes && (c == '\r' || c == '\n') && !looked {
			looked = true
			sc.anchor(i - 1)
		}
		if st == yes && (size == 1 || c == '\r' || c == '\n') {
			var gap int
			end := c
			c, gap, size, st = sc.afterBreak(v, i, end, false)
			if st == yes && blank(c) {
				sc.begin(n, i, c, gap+size, true)
				c, gap, size, st = sc.afterBreak(v, i, end, true)
			}
			broken, size = true, gap+size
		}
		switch st {
		case partial:
			sc.pending(i, broken)
		case yes:
			sc.begin(n, i, c, size, broken)
		}
	}
}

// concerns says whether the odd place at p[0] may be one in this view: an escape that it undoes, or a line break.
func (v view) concerns(p []byte) bool {
	for _, undone := range v {
		if begins[p[0]]&undone != 0 {
			return true
		}
	}
	return begins[p[0]] == 0 || p[0] == '=' && (len(p) == 1 || odd[p[1]] && p[1] != '=')
}

// begin looks for the forms whose first odd place is the character c at buf[i:i+size]. Nothing begins with a line break.
func (sc *scan) begin(n, i int, c byte, size int, broken bool) {
	x := &sc.set.escapes
	for chars := min(4, i+1); chars > 0; chars-- {
		if chars == 1 && broken {
			return
		}
		end := endingAt(sc.buf, i, chars, c)
		for _, p := range x.with(end) {
			sc.work++
			k := int(p.size) - 1
			if p.end == end && k <= i && bytes.Equal(sc.buf[i-k:i], sc.set.needle(p.from)[:k]) {
				sc.walk(n, p, i-k, i, i+size)
			}
		}
	}
}

// walk reads on from i what begins at start with prefix p, whose last character is at first, and notes each form that it comes to
// the end of.
func (sc *scan) walk(n int, p prefix, start, first, i int) {
	v := sc.set.escapes.views[n]
	from, to, k := p.from, p.to, int(p.size)
	for {
		for ; from < to && len(sc.set.needle(from)) == k; from++ {
			if f := sc.set.starts.sorted[from]; sc.set.escapes.sees[f]>>n&1 != 0 {
				sc.found = append(sc.found, match{start, i, first, f, int32(n)})
			}
		}
		if from == to {
			return
		}
		sc.work++
		c, size, st := v.read(sc.buf[i:])
		lo, hi := from, to
		if st == yes {
			lo, hi = sc.set.narrow(from, to, k, c)
		}
		if st == yes && lo == hi && odd[c] {
			lo, hi, size, st = sc.overBreak(v, i, c, from, to, k)
		}
		if st == partial && !sc.final {
			sc.hold = min(sc.hold, start)
			sc.note(sc.set.needle(from)[:k])
		}
		if st != yes || lo == hi {
			return
		}
		from, to, i, k = lo, hi, i+size, k+1
	}
}

// overBreak narrows by the character after the line break at i. size is that of both.
func (sc *scan) overBreak(v view, i int, c byte, from, to int32, k int) (lo, hi int32, size int, st status) {
	next, gap, size, st := sc.afterBreak(v, i, c, false)
	if st == yes {
		lo, hi = sc.set.narrow(from, to, k, next)
	}
	if st == yes && lo == hi && blank(next) {
		if next, gap, size, st = sc.afterBreak(v, i, c, true); st == yes {
			lo, hi = sc.set.narrow(from, to, k, next)
		}
	}
	return lo, hi, gap + size, st
}

// needle returns the i-th in order.
func (s *Set) needle(i int32) []byte { return s.forms[s.starts.sorted[i]].needle }

// narrow returns which of the needles from:to in order, which share their first k characters and are longer, go on with c.
func (s *Set) narrow(from, to int32, k int, c byte) (lo, hi int32) {
	lo = s.bound(from, to, k, int(c))
	return lo, s.bound(lo, to, k, int(c)+1)
}

// bound returns the first of them that goes on with at least c.
func (s *Set) bound(from, to int32, k, c int) int32 {
	for from < to {
		if mid := from + (to-from)/2; int(s.needle(mid)[k]) < c {
			from = mid + 1
		} else {
			to = mid
		}
	}
	return from
}
