package scrub

import (
	"bytes"
	"cmp"
	"slices"
)

// scan looks through one buffer.
type scan struct {
	set    *Set
	buf    []byte
	before line // what came before buf
	final  bool // nothing comes after buf

	found []match // in order of their starts, the longest first
	hold  int     // buf[hold:] may be the beginning of a form; len(buf) if there is none
}

// match is one occurrence.
type match struct {
	start, end int
	form, view int32 // view is -1 for a form as it stands
}

// block is how much text one look after another goes through, so that all but the first find it in the nearest cache.
const block = 16 << 10

func (sc *scan) run() {
	sc.hold = len(sc.buf)
	q := 0
	for from := 0; from < len(sc.buf); from += block {
		to := min(from+block, len(sc.buf))
		q = sc.exact(q, to)
		for _, c := range []byte(`%\&=`) {
			sc.odd(c, from, to)
		}
		sc.breaks(from, to)
	}
	if !sc.final && len(sc.buf) > 0 {
		sc.tail()
	}
	if len(sc.found) > 1 {
		slices.SortStableFunc(sc.found, func(a, b match) int {
			return cmp.Or(a.start-b.start, b.end-a.end, int(a.form-b.form))
		})
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
			if start >= 0 && len(sc.buf)-start >= len(needle) && bytes.Equal(sc.buf[start:start+len(needle)], needle) {
				sc.found = append(sc.found, match{start, start + len(needle), at0.form, -1})
			}
		}
		q = at + g.stride
	}
}

// odd looks at every place in buf[from:to] where c begins an escape.
func (sc *scan) odd(c byte, from, to int) {
	for from < to {
		n := bytes.IndexByte(sc.buf[from:to], c)
		if n < 0 {
			return
		}
		from += n + 1
		if from == len(sc.buf) || goesOn[sc.buf[from]]&begins[c] != 0 && sc.plausible(from-1) {
			sc.anchor(from - 1)
		}
		if c != '\\' || !sc.set.escapes.backslash {
			from = sc.skip(from, c)
		}
	}
}

// plausible says whether the odd place at i may be the first of a form, as far as a glance tells.
func (sc *scan) plausible(i int) bool {
	p := sc.buf[i:]
	if len(p) < 3*quickRoom || len(sc.set.escapes.views) > 1 {
		return true
	}
	v := sc.set.escapes.views[0]
	c, size := v.quick(p, true)
	switch {
	case size == 0:
		return true
	case size == 1:
		return false
	case c == '\r' || c == '\n':
		return i > 0 && mayBreak[sc.buf[i-1]]
	}
	if sc.follows(i, c) {
		return true
	}
	next := p[size]
	if odd[next] {
		if next, size = v.quick(p[size:], true); size == 0 {
			return true
		}
	}
	return sc.set.starts.may(c, next) || next == '\r' || next == '\n' || next == '='
}

// skip returns the first place from i on in a run of c where an escape may begin that ends outside it. Three layers make up
// to seven backslashes one character; those before are backslashes, and must not be skipped if a form has one. Of
// the others no more than three can stand together before a digit or a name.
func (sc *scan) skip(i int, c byte) int {
	end := i
	for end < len(sc.buf) && sc.buf[end] == c {
		end++
	}
	return max(i, end-1<<depths)
}

// breaks looks at every line break in buf[from:to] that may divide a form.
func (sc *scan) breaks(from, to int) {
	for from < to {
		n := bytes.IndexByte(sc.buf[from:to], '\n')
		if n < 0 {
			return
		}
		at := from + n
		next := at + 1
		from = at + minLine // the line after this one is not worth a look if it is shorter
		if at > 0 && sc.buf[at-1] == '\r' {
			at--
		}
		if at == 0 || !mayBreak[sc.buf[at-1]] {
			continue
		}
		if sc.buf[at-1] == '=' || next == len(sc.buf) || odd[sc.buf[next]] || sc.follows(at, sc.buf[next]) {
			sc.anchor(at)
		}
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
func (sc *scan) begun(i int) int { return sc.set.starts.earliest(sc.set.forms, sc.buf[:i]) }

// tail holds back the beginning of a form at the end of the text, and of a line break after one.
func (sc *scan) tail() {
	sc.hold = min(sc.hold, sc.begun(len(sc.buf)))
	n := len(sc.buf) - 1
	if c := sc.buf[n]; c == '=' || c == '\r' && n > 0 && sc.buf[n-1] == '=' || sc.before.mayEnd(sc.buf[:n], c) {
		sc.pending(n, true)
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
