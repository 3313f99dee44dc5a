package scrub

// escapes finds forms of which some characters are escaped or that a line break divides. Such an occurrence has a first
// odd place: an escape, or a break and the character after it. Before it the form stands as it is. So at every odd place
// in the text, the character there and the one before it name the few forms, and places in them, that can be meant.
type escapes struct {
	views []view
	plain []bool // of each form: it has no odd character, so the first view reads it
	first [256][]int32
	pairs map[uint16][]place
	known [1024]uint64 // which pairs have an entry
}

func (x *escapes) build(forms []form) {
	x.views, x.plain, x.pairs = views[:1], make([]bool, len(forms)), map[uint16][]place{}
	for i, f := range forms {
		x.plain[i] = true
		for k, c := range f.needle {
			if odd[c] {
				x.plain[i], x.views = false, views
			}
			if k == 0 {
				x.first[c] = append(x.first[c], int32(i))
				continue
			}
			w := pair(f.needle[k-1], c)
			x.pairs[w] = append(x.pairs[w], place{int32(i), int32(k)})
			x.known[w>>6] |= 1 << (w & 63)
		}
	}
}

func pair(a, b byte) uint16 { return uint16(a)<<8 | uint16(b) }

// anchors returns the forms, and the places in them, that may go on with c after prev.
func (x *escapes) anchors(prev, c byte) []place {
	w := pair(prev, c)
	if x.known[w>>6]>>(w&63)&1 == 0 {
		return nil
	}
	return x.pairs[w]
}

// minLine is the least length of a line whose end may divide a form: encoders wrap at 60, 64 or 76 characters. Without it the
// last letter of each line of a log would have to be held back, since some form begins with it.
const minLine = 32

// inLine characters fill the lines that encoders wrap.
var inLine = func() (t [256]bool) {
	for c := range 256 {
		t[c] = alnum(byte(c))
	}
	for _, c := range `+/-_\%` {
		t[c] = true
	}
	return t
}()

// lineAt measures the unbroken text before p[i], as far as it matters; before tells what came before p.
func lineAt(p []byte, i, before int) int {
	n := 0
	for n < minLine {
		if n == i {
			return min(n+before, minLine)
		}
		if !inLine[p[i-1-n]] {
			return n
		}
		n++
	}
	return n
}

// token reads one character of the text at i, which may be an escape, and may come after a line break. A break is not
// taken where the form itself wants one.
func (sc *scan) token(v view, i int, want byte) (c byte, size int, broken bool, st status) {
	p := sc.buf[i:]
	if len(p) > 0 && !odd[p[0]] {
		return p[0], 1, false, yes
	}
	c, size, st = v.char(p, len(v))
	if st != yes || c == want || c != '\r' && c != '\n' && c != '=' {
		return c, size, false, st
	}
	gap, st := v.breakAt(p)
	if st == yes && c != '=' && lineAt(sc.buf, i, sc.before) < minLine {
		st = no
	}
	if st == no {
		return c, size, false, yes
	}
	if st == yes {
		c, size, st = v.char(p[gap:], len(v))
	}
	return c, gap + size, true, st
}

// breakAt measures the line break at p[0]: LF, CR LF, or either after the = of quoted-printable.
func (v view) breakAt(p []byte) (size int, st status) {
	for _, c := range []byte("=\r\n") {
		got, n, st := v.char(p[size:], len(v))
		switch {
		case st != yes:
			return size, st
		case got != c && c == '\n':
			return 0, no
		case got == c:
			size += n
		}
	}
	return size, yes
}

// walk reads form f from its k-th character on at buf[i:].
func (sc *scan) walk(f int32, v view, k, i int) (end int, st status) {
	needle := sc.set.forms[f].needle
	for ; k < len(needle); k++ {
		c, size, broken, st := sc.token(v, i, needle[k])
		switch {
		case st != yes:
			return i, st
		case c != needle[k] || broken && k == 0:
			return i, no
		}
		i += size
	}
	return i, yes
}
