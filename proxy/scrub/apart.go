package scrub

import (
	"bytes"
	"slices"
	"sort"
)

// Of a secret whose characters stand apart, in groups or one by one, no form stands in the text. So the beginning of each text is looked
// through once more, for its letters and digits alone: in whatever case, with escapes undone, and over all that parts them (blanks, line breaks,
// punctuation, what has no width, tags, colours of a terminal, the next line of a stream of events), up to maxGap of it at a time. What is found there
// is replaced letter by letter, and all between them stays.
const (
	// lookApart is how much of a text that is, in bytes: what echoes a secret is seldom a long text, and of a long one it would cost too much.
	lookApart = 256 << 10

	// minApart and maxApart bound the letters of such a form: fewer could be innocent words, and more would be held back for too long.
	minApart, maxApart = 10, 2 << 10

	// minHalf is how many letters half a secret must have, to be looked for by itself: with fewer, who knows some of them could guess the others.
	minHalf = 16

	// apartChance is chance for letters whose case does not count.
	apartChance = 6

	maxGap = 32 // bytes between two letters
	maxTag = 64 // bytes of a tag
)

// isApart is the view of a match of letters that stand apart.
const isApart = -2

// loosely undoes what escapes letters and what parts them. The = of quoted-printable is more often that of name=value.
var loosely = view{everything &^ quoted, everything &^ quoted, everything &^ quoted}

// small maps letters and digits to themselves in lower case, what more than a single character may begin with that counts as one, or as none, to
// isUnit, and all else to 0.
var small = func() (t [256]byte) {
	for c := range t {
		if alnum(byte(c)) {
			t[c] = byte(c)
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = byte(c) | 0x20
	}
	for _, c := range "%\\&<\n\x1b" {
		t[c] = isUnit
	}
	return t
}()

const isUnit = 0xff

// reading goes through the letters of a text.
type reading struct {
	text []byte
	i    int // where to read on
	at   int // where the last letter begins
	end  int // where it ends
}

// letters appends those up to a place to dst, at most so many, with a 0 where they stand too far apart (and one more where such a 0 would be the
// last). Where more may come it stops before what may be the beginning of a unit.
func (r *reading) letters(dst []byte, to, most int, final bool) []byte {
	p, i, n := r.text[:to], r.i, len(dst)
	limit := n + min(most, len(p)+len(p)/maxGap)
	dst = slices.Grow(dst, limit+1-n)[:limit+1]
	for i < len(p) && n < limit {
		c, size := small[p[i]], 1
		if c == isUnit {
			if c, size = unit(p[i:], final); size == 0 {
				break
			}
		}
		if c == 0 {
			for i += size; i < len(p) && small[p[i]] == 0; i++ {
			}
			continue
		}
		if i-r.end > maxGap {
			dst[n], n = 0, n+1
		}
		dst[n], n = c, n+1
		r.at, r.end = i, i+size
		for i += size; i < len(p) && n < limit; i++ { // the rest of a word
			if c = small[p[i]]; c == 0 || c == isUnit {
				break
			}
			dst[n], n = c, n+1
			r.at, r.end = i, i+1
		}
	}
	r.i = i
	return dst[:n]
}

// skip goes to the letter that is the n-th from here on, from 1.
func (r *reading) skip(n int) {
	var room [65]byte
	for n > 0 {
		passed := len(r.letters(room[:0], len(r.text), min(n, len(room)-1), true))
		if passed == 0 {
			return
		}
		n -= passed
	}
}

// unit reads what p begins with: an escape, as the letter that it stands for, or as none; or what is none and yet is made of letters. size
// is 0 where more must come to tell.
func unit(p []byte, final bool) (c byte, size int) {
	c, size, st := loosely.read(p)
	switch {
	case st != yes || size == 1:
	case small[c] == isUnit:
		return 0, size
	default:
		return small[c], size
	}
	if size = wordless(p); size > 1 {
		return 0, size
	}
	if size == 0 && !final || st == partial && !final {
		return 0, 0
	}
	return 0, 1
}

// wordless measures what p begins with: a tag, the escape of a character that is not ASCII, the colour of a terminal's text, the beginning of
// the next event's data. It is 0 where more must come to tell, and 1 for any other.
func wordless(p []byte) int {
	switch next := byteAt(p, 1); {
	case p[0] == '\\' && next == 'u':
		return delimited(p, 2, 6, func(c byte) bool { return digit(c) < 16 }, 0)
	case p[0] == '\\' && bytes.IndexByte([]byte("0abefv"), next) >= 0:
		return 2
	case p[0] == '&':
		return delimited(p, 1, 32, func(c byte) bool { return alnum(c) || c == '#' }, ';')
	case p[0] == '<' && bytes.HasPrefix(p, []byte("<![CDATA[")):
		return len("<![CDATA[")
	case p[0] == '<' && (alnum(next) || bytes.IndexByte([]byte("/!?"), next) >= 0):
		return delimited(p, 1, maxTag, func(c byte) bool { return c != '<' }, '>')
	case p[0] == '\x1b' && next == '[':
		return delimited(p, 2, 16, func(c byte) bool { return c < 'A' }, 'm')
	case p[0] == '\n':
		return nextEvent(p)
	case len(p) == 1:
		return 0
	}
	return 1
}

// nextEvent measures what stands before the data of the next event of a stream, of which a line without data goes up to the next.
func nextEvent(p []byte) int {
	least := 1
	for _, field := range []string{"\ndata:", "\nid:", "\nevent:", "\nretry:", "\n:"} {
		switch line := []byte(field); {
		case bytes.HasPrefix(line, p) && len(p) < len(line):
			least = 0
		case !bytes.HasPrefix(p, line):
		case field == "\ndata:":
			return len(line)
		default:
			n := delimited(p, 1, maxTag, func(byte) bool { return true }, '\n')
			return max(n-1, min(n, 1)) // what ends the line may begin the next
		}
	}
	return least
}

// delimited measures p up to end, or without one up to most, where inside holds from i on; 1 if it does not, and 0 if p ends first.
func delimited(p []byte, i, most int, inside func(byte) bool, end byte) int {
	for ; i < most && i < len(p); i++ {
		switch c := p[i]; {
		case c == end && end != 0:
			return i + 1
		case !inside(c):
			return 1
		}
	}
	switch {
	case i < most:
		return 0
	case end == 0:
		return most
	}
	return 1
}

func byteAt(p []byte, i int) byte {
	if i < len(p) {
		return p[i]
	}
	return 0
}

// apart is what is known of the letters of a text.
type apart struct {
	letters []byte // the last of them before the buffer, and then those in it
	unread  []byte // the end of the text before the buffer, and then before what is held back, that may be the beginning of a unit
	kept    int    // how many of letters stand before what is held back
}

// lookApart looks for letters that stand apart in the first n bytes, behind what came before. What is held back without it is known.
func (sc *scan) lookApart(n int) {
	a, set, text, whole := &sc.apart, sc.set.apart, sc.buf[:n], n == len(sc.buf)
	gone, told := len(a.letters), len(a.unread)
	if told > 0 {
		text = append(a.unread, text...)
	}
	hold := told + min(sc.hold, n)
	r := reading{text: text}
	a.letters = r.letters(a.letters, hold, len(text)+1, false)
	a.kept, a.unread = len(a.letters), text[r.i:hold]
	a.letters = r.letters(a.letters, len(text), len(text)+1, sc.final || !whole)
	in := scan{set: set, buf: a.letters}
	in.exact(0, len(in.buf))
	for i := range in.found {
		in.grow(&in.found[i])
	}
	sc.work += in.work + n
	sc.placeApart(in.found, text, gone, told)
	if sc.final || !whole || len(text)-r.end > maxGap || sc.set.guesses.many.Load() {
		return
	}
	at := set.starts.earliest(set.forms, in.buf)
	if f := set.starts.first(set.forms, in.buf[at:]); f != nil && len(in.buf)-at >= f.deep {
		sc.holdApart(text, max(at, gone), gone, told)
	}
}

// holdApart holds back the letters from one on.
func (sc *scan) holdApart(text []byte, from, gone, told int) {
	sc.deep = true
	r := reading{text: text}
	if r.skip(from - gone + 1); r.at-told >= sc.hold {
		return
	}
	sc.hold, sc.apart.kept, sc.apart.unread = max(r.at-told, 0), from, nil
	if r.at < told {
		sc.apart.unread = text[:told]
	}
}

// placeApart notes where in buf the matches are that were found in the letters of the text, of which a part has gone out.
func (sc *scan) placeApart(found []match, text []byte, gone, told int) {
	sort.Slice(found, func(i, j int) bool { return found[i].before(found[j]) })
	r, index, done := reading{text: text}, gone, gone // the letter of that index is next; those before done are in a match already
	for _, m := range found {
		first := max(m.start, index)
		if m.end <= done {
			continue
		}
		done = m.end
		r.skip(first - index + 1)
		for index = first; r.at < told && index+1 < m.end; index++ { // what has gone out, in part even, is not replaced
			r.skip(1)
		}
		from := r.at
		r.i, r.end = from, from // as another match may begin there too
		if from < told {
			continue
		}
		last := r
		last.skip(m.end - index)
		sc.work += m.end - index
		sc.found = append(sc.found, match{from - told, last.end - told, index - m.start + m.odd, m.form, isApart})
	}
}

// keepApart keeps what must be known of the text before what is held back, when there is more of it.
func (sc *scan) keepApart() apart {
	a := sc.apart
	last := a.letters[max(a.kept-sc.set.apart.deepest, 0):a.kept]
	return apart{letters: append(a.letters[:0], last...), unread: bytes.Clone(a.unread)}
}

// grow adds to a match of a piece of a secret what else of it stands on either side, by whole blocks. Its odd is then the letter of the placeholder
// that it begins with.
func (sc *scan) grow(m *match) {
	p := sc.set.forms[m.form].excerpt
	m.odd = 0
	if p == nil {
		return
	}
	n, end := p.block(), p.at+m.end-m.start
	for m.odd = p.at; m.odd >= n && m.start >= n && bytes.Equal(sc.buf[m.start-n:m.start], p.letters[m.odd-n:m.odd]); m.odd -= n {
		m.start -= n
	}
	for ; end+n <= len(p.letters) && m.end+n <= len(sc.buf) && bytes.Equal(sc.buf[m.end:m.end+n], p.letters[end:end+n]); end += n {
		m.end += n
	}
}

// replaceApart puts letters of the placeholder in the place of those of m, each in the spelling and the room of the old one.
func (sc *scan) replaceApart(m match) []byte {
	f := sc.set.apart.forms[m.form]
	like := f.repl
	if f.excerpt != nil {
		like = f.excerpt.like
	}
	like = like[m.odd:]
	out := make([]byte, 0, m.end-m.start)
	for i := m.start; i < m.end; {
		c, size := small[sc.buf[i]], 1
		if c == isUnit {
			c, size = unit(sc.buf[i:], true)
		}
		raw := sc.buf[i : i+size]
		switch i += size; {
		case c == 0 || len(like) == 0:
			out = append(out, raw...)
			continue
		case size == 1:
			out = append(out, like[0])
		default:
			out = append(out, loosely.inRoomOf(raw, like[0])...)
		}
		like = like[1:]
	}
	return out
}

// inRoomOf writes c as raw writes its character, in as many bytes.
func (v view) inRoomOf(raw []byte, c byte) []byte {
	for _, c := range []byte{c, 'A'} { // &#65; has less than any number of a small letter
		if out := v.encode(nil, raw, len(v), c); len(out) == len(raw) {
			return out
		}
	}
	return bytes.Repeat([]byte("x"), len(raw))
}

// onlyLetters gives those of s.
func onlyLetters(s []byte) (out []byte) {
	for _, c := range s {
		if alnum(c) {
			out = append(out, c)
		}
	}
	return out
}
