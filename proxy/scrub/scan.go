package scrub

import (
	"bytes"
	"math/bits"
	"sort"
)

// scan looks through one buffer.
type scan struct {
	set    *Set
	buf    []byte
	before line // what came before buf
	final  bool // nothing comes after buf
	sized  bool // a replacement is as long as what it replaces, whatever that costs

	next  int     // no odd place before it is worth a look
	line  int     // nor a line feed before this
	look  int     // how much of buf is looked through for letters that stand apart
	apart apart   // and what is known of them
	found []match // in order of their starts, the longest first
	hold  int     // buf[hold:] may be the beginning of a form; len(buf) if there is none
	work  int     // done so far
	deep  bool    // and so much of it that somebody may be guessing
}

// testOnlyWork is told how much work a scan was: characters read where escapes may be, and needles compared.
var testOnlyWork func(n int)

// match is one occurrence.
type match struct {
	start, end int
	odd        int   // where the first escape or line break is; end if there is none
	form, view int32 // view is -1 for a form as it stands; where it is isApart, odd is which letter of the placeholder comes first
}

// before puts matches in order: by their starts, then the longest, then the form that came first.
func (m match) before(n match) bool {
	switch {
	case m.start != n.start:
		return m.start < n.start
	case m.end != n.end:
		return m.end > n.end
	case (m.view == isApart) != (n.view == isApart):
		return n.view == isApart
	}
	return m.form < n.form
}

func (sc *scan) run() {
	sc.hold = len(sc.buf)
	var m marks
	q := 0
	for from := 0; from < len(sc.buf); from += block {
		to := min(from+block, len(sc.buf))
		q = sc.exact(q, to)
		sc.marked(m.find(sc.buf, from, to), from)
	}
	if !sc.final && len(sc.buf) > 0 {
		sc.tail()
	}
	if sc.look > 0 && sc.set.apart != nil {
		sc.lookApart(sc.look)
	}
	if testOnlyWork != nil {
		testOnlyWork(sc.work)
	}
	if len(sc.found) > 1 {
		sort.SliceStable(sc.found, func(i, j int) bool { return sc.found[i].before(sc.found[j]) })
	}
}

// exact finds the forms that stand as they are, at the probes from q up to end. It returns the next probe.
func (sc *scan) exact(q, end int) int {
	g := &sc.set.grams
	for {
		at := g.next(sc.buf, q, end)
		if at < 0 {
			return q + (max(end-q, 0)+g.stride-1)/g.stride*g.stride
		}
		for _, at0 := range g.lookup(g.load(sc.buf, at)) {
			needle := sc.set.forms[at0.form].needle
			start := at - int(at0.offset)
			sc.work++
			if start >= 0 && len(sc.buf)-start >= len(needle) && bytes.Equal(sc.buf[start:start+len(needle)], needle) {
				sc.found = append(sc.found, match{start, start + len(needle), start + len(needle), at0.form, -1})
			}
		}
		q = at + g.stride
	}
}

// marked looks at the places marked in the block at base.
func (sc *scan) marked(set []uint64, base int) {
	l := &sc.set.escapes.looks
	for some := occupied(set); some != 0; some &= some - 1 {
		w := bits.TrailingZeros64(some)
		left, at := set[w], base+w*64
		p := sc.buf[at:]
		if ahead := sc.next - at; ahead > 0 {
			left = left >> ahead << ahead
		}
		for ; left != 0; left &= left - 1 {
			i := bits.TrailingZeros64(left)
			if i+2 < len(p) && !l.at(p[i], p[i+1], p[i+2]) {
				continue
			}
			if begins[p[i]] != 0 && at+i >= sc.next {
				sc.odd(at+i, p[i])
			}
			if i+1 < len(p) && p[i+1] == '\n' {
				sc.feed(at + i + 1)
			}
		}
	}
}

// occupied says which words have a bit. A jump on each would be foretold wrongly, since in many texts a third of them have.
func occupied(set []uint64) (some uint64) {
	for w, x := range set {
		some |= (x | -x) >> 63 << (w & 63)
	}
	return some
}

// odd looks at c at i, with which an escape may begin.
func (sc *scan) odd(i int, c byte) {
	next := i + 1
	if next == len(sc.buf) || goesOn[sc.buf[next]]&begins[c] != 0 && sc.plausible(i) {
		sc.anchor(i)
	}
	if next < len(sc.buf) && sc.buf[next] == c && (c != '\\' || sc.inRun(i)) {
		sc.next = sc.skip(next, c)
	}
}

// inRun says whether as many backslashes stand before i as in any form: nothing that begins before them goes on with more.
func (sc *scan) inRun(i int) bool {
	most := sc.set.escapes.run
	return i >= most && bytes.Count(sc.buf[i-most:i], []byte{'\\'}) == most
}

// skip returns the first place from i on in a run of c where an escape may begin that ends outside it, or a form. Three layers
// make up to seven backslashes one character, and up to eight a backslash of a form. Of the others no more than three can
// stand together before a digit or a name.
func (sc *scan) skip(i int, c byte) int {
	end := i
	for end < len(sc.buf) && sc.buf[end] == c {
		end++
	}
	keep := 1
	if c == '\\' {
		keep += sc.set.escapes.run
	}
	return max(i, end-keep<<depths)
}

// feed looks at the line feed at i, which may end a break inside a form. A line that is shorter than those that encoders
// make is not worth it.
func (sc *scan) feed(i int) {
	at, next := i, i+1
	if i < sc.line {
		return
	}
	sc.line = i + minLine
	if sc.buf[at-1] == '\r' {
		at--
	}
	if at == 0 || sc.buf[at-1] != '=' && !sc.before.mayEnd(sc.buf[:at], '\n') {
		return
	}
	if sc.buf[at-1] == '=' || next == len(sc.buf) || odd[sc.buf[next]] || blank(sc.buf[next]) || sc.follows(at, sc.buf[next]) {
		sc.anchor(at)
	}
}

// pending holds back an odd place at i that the end of the text cuts off, with what may come before it in a form.
// Nothing begins with a line break, which a = before it may belong to.
func (sc *scan) pending(i int, broken bool) {
	if sc.final {
		return
	}
	if at := sc.begun(i); at < i || !broken {
		sc.hold = min(sc.hold, at)
	}
	if i > 0 && sc.buf[i-1] == '=' {
		if at := sc.begun(i - 1); at < i-1 {
			sc.hold = min(sc.hold, at)
		}
	}
}

// begun returns where the earliest form may begin that stands as it is up to i; i if none does.
func (sc *scan) begun(i int) int {
	sc.work += min(i, sc.set.starts.longest)
	at := sc.set.starts.earliest(sc.set.forms, sc.buf[:i])
	sc.note(sc.buf[at:i])
	return at
}

// tail holds back the beginning of a form at the end of the text, and of a line break after one.
func (sc *scan) tail() {
	sc.hold = min(sc.hold, sc.begun(len(sc.buf)))
	n := len(sc.buf) - 1
	if c := sc.buf[n]; c == '=' || c == '\r' && n > 0 && sc.buf[n-1] == '=' || sc.before.mayEnd(sc.buf[:n], c) {
		sc.pending(n, true)
	}
	if sc.set.guesses.many.Load() {
		sc.hold = min(sc.hold, sc.word())
	}
}

// rewrite appends buf[pos:] to dst as far as it is decided, with the matches replaced. It returns how far that is, and
// how many matches there were. Of matches that start together the longest counts, then the first; one that overlaps the
// one before gives the rest of its replacement, so that nothing of either stays.
func (sc *scan) rewrite(dst []byte, pos int) (out []byte, end, hits int) {
	for _, m := range sc.found {
		if m.start >= sc.hold {
			break // something longer may begin there, or before
		}
		if m.end <= pos {
			continue
		}
		repl := sc.replacement(m)
		if m.start >= pos {
			dst = append(dst, sc.buf[pos:m.start]...)
		} else if len(repl) == m.end-m.start {
			repl = repl[pos-m.start:]
		}
		dst, pos, hits = append(dst, repl...), m.end, hits+1
	}
	if pos < sc.hold {
		dst, pos = append(dst, sc.buf[pos:sc.hold]...), sc.hold
	}
	return dst, pos, hits
}
